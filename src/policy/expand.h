/* SPDX-License-Identifier: MIT */

/*
 * expand - recipients as given to recipients as sent
 *
 * Bare names, and name@this-host, become what the aliases say, through as many
 * steps as it takes; lists in files are read; loops end where they would close,
 * and are named; what no alias knows is completed with the domain.  The address
 * as given stays in recipient.original.
 *
 * name+detail is what its own alias says, else what that of name says; without
 * any it is completed with its detail.
 *
 * owner-list: where the alias of a list has one beside it of this name, reports
 * are its owner's business, so the owner becomes the sender: but only when all
 * recipients are of lists with this owner, for a message has one sender; and
 * the null sender stays.
 *
 * A list that cannot be read: the others get the mail; where nobody remains of
 * a recipient, the message is refused for now (4.3.5), so that none is lost.
 */

#ifndef POLICY_EXPAND_H
#define POLICY_EXPAND_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "message/envelope.h"
#include "policy/aliases.h"

/* In the text of an error, between "nobody can be found for NAME" and why. */
#define EXPAND_NOBODY_NOW " now: "

/* One step of a recipient on its way. */
struct expand_step {
	const char *address;	   /* what was looked at */
	const struct alias *alias; /* what it stands for; NULL: result is its end */
	const char *result;
	/*
	 * Something to say of it; then there is no alias, and result is address.
	 * is_fault: it is for the log, too; is_local: and no mistake, but what a
	 * relay does not do.
	 */
	const char *words;
	const char *next; /* what to do about it, or NULL */
	bool is_fault;
	bool is_local;
	bool is_of_entry; /* of a line of the aliases file, which aliases_load_telling tells */
};

/* Who wants to know why: sees each step, in order. */
struct expand_witness {
	void (*see)(void *context, const struct expand_step *step);
	void *context;
};

/*
 * Fills expanded (zeroed before) with the sender of given and the expanded
 * recipients.  witness may be NULL.
 */
int expand_envelope_before(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, const struct expand_witness *witness, struct envelope *expanded,
    struct error *error);

/* The same before nobody. */
int expand_envelope(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, struct envelope *expanded, struct error *error);

/* What has been found out of this host, for the next question.  Zeroed before the first. */
struct expand_host {
	char *full; /* owned */
	bool is_known;
};

void expand_host_finish(struct expand_host *host);

/*
 * Who is meant by a name in a header field: true when it is a local one that
 * has an alias, and that stands for a few addresses, which go into expanded
 * (zeroed before).  The members of lists are nobody's business.
 */
bool expand_for_header(const struct config *config, const struct aliases *aliases,
    struct expand_host *host, const char *address, struct envelope *expanded);

/* localhost, localhost.localdomain, the host name, its FQDN: but never identity.domain alone. */
bool expand_is_this_host(struct span domain);
/* The same for many: what costs a look-up is asked for once. */
bool expand_host_is(struct expand_host *host, struct span domain);

#endif
