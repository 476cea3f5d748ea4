/* SPDX-License-Identifier: MIT */

/*
 * address_list - the mailboxes of an address field or of an argument
 *
 * Reads RFC 5322, 3.4 with its obsolete forms (4.4): display names, comments
 * (nested), quoted strings, groups, source routes, domain literals, blanks and
 * folds anywhere; bare local parts; also several addresses in one word
 * separated by commas, which is how cron gives MAILTO.
 *
 * Does not know: which field it reads, who gets the mail.
 */

#ifndef MESSAGE_ADDRESS_LIST_H
#define MESSAGE_ADDRESS_LIST_H

#include "base/error.h"
#include "base/span.h"

/* Nobody nests comments deeper; what does is malformed, not worth more time. */
enum { ADDRESS_LIST_COMMENT_DEPTH = 50 };

struct mailbox {
	const char *address; /* normal form (address.h), NUL-terminated; NULL when malformed */
	struct span source; /* the addr-spec, or the malformed text, where it stands in the input */
	struct span display; /* the display name as written; empty without one */
	const char *fault;   /* why it is malformed, in words; NULL when it is not */
};

/*
 * Calls visit for every mailbox in order, malformed ones too; one bad mailbox
 * never hides its neighbours.  An empty list or group calls nothing.
 * Returns 0, or the first non-zero answer of visit.
 */
int address_list_visit(
    struct span text, int (*visit)(void *context, const struct mailbox *mailbox), void *context);

#endif
