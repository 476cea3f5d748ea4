/* SPDX-License-Identifier: MIT */

/*
 * sender - what a message looks like to one smarthost
 *
 * Decided when an attempt begins, by the smarthost's from_policy, for the
 * envelope, From, Sender and the first Resent-From (the resender's who hands the
 * message to us; older ones are history):
 *
 *	auto	as repair; once the smarthost has refused a sender, he is replaced
 *	repair	what no smarthost takes (bare, @localhost, @this-host, a domain
 *		without a dot) becomes from
 *	rewrite	whoever is not in from_allow becomes from
 *	keep	nobody is changed
 *	reject	a message of anybody who is not in from_allow is refused
 *
 * from itself, and what is in from_allow, stays under each of them.  Display
 * names stay, and each field that is not changed stays octet for octet.  The
 * null sender is never touched.  Without a from nothing is changed.
 */

#ifndef POLICY_SENDER_H
#define POLICY_SENDER_H

#include "base/error.h"
#include "config/config.h"
#include "message/header.h"
#include "smtp/smarthost.h"

enum sender_fate {
	SENDER_STAYS,
	SENDER_BECOMES_FROM,
	SENDER_IS_REFUSED, /* from_policy is reject */
};

/* What becomes of this one.  *reason follows "because", and is never NULL. */
enum sender_fate sender_judge(
    const struct smarthost *smarthost, const char *sender, const char **reason);

/* The MAIL FROM to use; the caller frees it.  Who is refused stays as he is. */
char *sender_outgoing(const struct smarthost *smarthost, const char *sender);

/*
 * Changes the header's sender fields in place where the policy says so.
 * Answers still reach the author, by Reply-To, where he is an address of the
 * world and none stood there.
 */
void sender_rewrite_header(const struct smarthost *smarthost, struct header *header);

/* The same for a sender whom the smarthost has refused: whoever it is becomes from. */
void sender_replace_header(const struct smarthost *smarthost, struct header *header);

/*
 * -1: under reject nobody may send this there (5.7.1), with the line to write;
 * place is the smarthost's block.
 */
int sender_check(const struct smarthost *smarthost, const struct config_place *place,
    const char *sender, const struct header *header, struct error *error);

bool sender_is_in_from_allow(const struct smarthost *smarthost, const char *address);

/*
 * What to write where the smarthost refuses sender: "a@b", or "a@b c@d" with
 * another author.  is_replaced: he has gone as from.  known: what is known to help
 * with this smarthost (smtp/client/advice.h), or "".  The caller frees it.
 */
char *sender_advice(const struct config_smarthost *smarthost, const char *sender, bool is_replaced,
    const char *known);

/* "rewrite" and the like. */
const char *sender_policy_name(enum smarthost_from_policy policy);

/* The first address in From, which the caller frees; NULL: there is none. */
char *sender_author(const struct header *header);

#endif
