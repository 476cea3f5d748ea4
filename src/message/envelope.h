/* SPDX-License-Identifier: MIT */

/*
 * envelope - the sender and the recipients of one message, with parameters
 *
 * The door: an address with a control character, or one that could end a
 * command, is refused here (address_check), so that whoever holds an envelope
 * need not look again.
 *
 * Does not know: header fields, aliases, SMTP's verbs.
 */

#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum {
	ENVELOPE_RECIPIENT_LIMIT = 10000,
	ENVELOPE_ENVID_LIMIT = 100, /* RFC 3461, 4.4 */
	ENVELOPE_ORIGINAL_LIMIT = 500,
};

/* RFC 3461, 4.1; 0 means that nothing was said. */
enum envelope_notify {
	ENVELOPE_NOTIFY_NEVER = 1,
	ENVELOPE_NOTIFY_SUCCESS = 2,
	ENVELOPE_NOTIFY_FAILURE = 4,
	ENVELOPE_NOTIFY_DELAY = 8,
};

enum envelope_return { ENVELOPE_RETURN_UNSAID, ENVELOPE_RETURN_FULL, ENVELOPE_RETURN_HEADER };

struct recipient {
	char *address; /* normal form, owned */
	char *
	    original; /* the address before aliases, or ORCPT decoded "type;address"; may be NULL */
	unsigned notify; /* enum envelope_notify, or'ed */
	uint32_t hash;	 /* private to envelope.c: tells most addresses apart */
};

struct envelope {
	char *sender; /* normal form, owned; "" is null; NULL is "not yet said" */
	struct recipient *recipients;
	size_t recipient_count;
	size_t recipient_capacity;
	enum envelope_return return_content;
	char *envid; /* decoded, owned; NULL without one */
};

/* Both accept a zeroed envelope; finish zeroes. */
void envelope_clear(struct envelope *envelope);
void envelope_finish(struct envelope *envelope);

/* Replaces the sender; "" is the null sender. */
int envelope_set_sender(struct envelope *envelope, struct span address, struct error *error);

/* Printable ASCII only. */
int envelope_set_envid(struct envelope *envelope, struct span envid, struct error *error);

/*
 * Adds a recipient; original may be empty.  Returns 0, 1 when an equal one
 * (address_equals) is there already and nothing was added, or -1: malformed,
 * empty, or more than ENVELOPE_RECIPIENT_LIMIT (452 4.5.3).
 */
int envelope_add_recipient(struct envelope *envelope, struct span address, struct span original,
    unsigned notify, struct error *error);

/* A deep copy; copy must be zeroed or cleared. */
void envelope_copy(const struct envelope *envelope, struct envelope *copy);

/* Some address holds an octet above 0x7f, so SMTPUTF8 is asked for (RFC 6531). */
bool envelope_needs_smtputf8(const struct envelope *envelope);

#endif
