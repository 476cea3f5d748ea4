/* SPDX-License-Identifier: MIT */

/* submitter - who hands a message in, by the uid that the kernel vouches for */

#ifndef SERVICE_SUBMITTER_H
#define SERVICE_SUBMITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

/*
 * The address of this uid (-1: unknown), completed; the caller frees it.  Its
 * full name goes into full_name (of size octets, may be NULL) where that is
 * empty.
 */
char *submitter_address(const struct config *config, int64_t uid, char *full_name, size_t size);

/*
 * May this uid submit mail, as submit { users } has it?  -1: 5.7.1, with the line
 * to write.  Root and the owner of the service always may; who is not known
 * (-1) may where everybody may.
 */
int submitter_check(const struct config *config, int64_t uid, bool is_owner, struct error *error);

#endif
