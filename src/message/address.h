/* SPDX-License-Identifier: MIT */

/*
 * address - one mail address in its normal form
 *
 * Normal form: what stands between < and > in an SMTP command, "local@domain"
 * or, not yet completed, "local"; without comments, folding and source route
 * (RFC 5321, 4.1.2; appendix C); quotes are kept where the local part needs
 * them; the case of the local part is kept.  "" is the null reverse-path.
 *
 * Does not know: lists, display names (address_list).
 */

#ifndef MESSAGE_ADDRESS_H
#define MESSAGE_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

enum {
	/* RFC 5321, 4.5.3.1.3 says 256 with the brackets; long VERP senders exist. */
	ADDRESS_LIMIT = 1000,
};

struct address {
	struct span local;
	struct span domain; /* empty when the address is bare; may be a literal "[192.0.2.1]" */
};

/* Splits at the last '@' outside quotes.  Never fails. */
struct address address_split(struct span text);

/*
 * 0 when text is a normal form that may stand in an SMTP command: no control,
 * nothing unquoted that ends a path, no empty local part, a domain by its
 * syntax if there is one, at most ADDRESS_LIMIT octets.  8-bit is allowed
 * (UTF-8).  "" passes.  The error's kind is ERROR_DATA, its status 5.1.3.
 */
int address_check(struct span text, struct error *error);

/* The same judgement in words, "it holds a blank"; NULL when text passes. */
const char *address_fault(struct span text);

/* RFC 5322, 3.2.3: atext, and every octet above 0x7f (RFC 6532). */
bool address_is_atom_byte(char c);

/* Same local part octet for octet, same domain but for case. */
bool address_equals(struct span a, struct span b);

/* There is no domain. */
bool address_is_bare(struct span text);

#endif
