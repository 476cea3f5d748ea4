/* SPDX-License-Identifier: MIT */

/*
 * idn - international domains as A-labels (RFC 5890), by libidn2; the only
 * file that sees it
 *
 * For servers without SMTPUTF8: the domain of an address can be written in
 * ASCII, its local part cannot.
 */

#ifndef SMTP_CLIENT_IDN_H
#define SMTP_CLIENT_IDN_H

#include "base/error.h"
#include "base/span.h"

/* A table, so that a program without it does not link it. */
struct session_idn {
	/*
	 * The address with its domain in A-labels; the caller frees it.  NULL: the
	 * local part is not ASCII, or the domain is none (5.6.7, and why).
	 */
	char *(*to_ascii)(struct span address, struct error *error);
};

extern const struct session_idn idn_library;

#endif
