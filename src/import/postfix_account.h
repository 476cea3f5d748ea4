/* SPDX-License-Identifier: MIT */

/*
 * postfix_account - a nexthop of Postfix as a way out: host, TLS, login, pace
 */

#ifndef IMPORT_POSTFIX_ACCOUNT_H
#define IMPORT_POSTFIX_ACCOUNT_H

#include "import/postfix_reader.h"

/* "smtp:[host]:587" is as good as "[host]:587". */
struct span postfix_account_nexthop(struct span nexthop);

/* All but the sender.  False: it is no host (noted). */
bool postfix_account_fill(struct postfix_reader *reader, struct account *account, struct span text);

/* "USER:PASSWORD" of an entry of the password maps. */
void postfix_account_take_login(
    struct postfix_reader *reader, struct account *account, const struct postfix_entry *entry);

#endif
