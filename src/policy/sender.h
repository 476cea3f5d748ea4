/* SPDX-License-Identifier: MIT */

/*
 * sender - what a message looks like to one smarthost
 *
 * Decided when an attempt begins.  For now the policy "repair": a sender that
 * no provider accepts (bare, @localhost, @this-host, a domain without a dot)
 * becomes the smarthost's from, in the envelope and in From, Sender and
 * Resent-From, where the display name is kept; the null sender is never
 * touched.  Without a from nothing is changed.
 */

#ifndef POLICY_SENDER_H
#define POLICY_SENDER_H

#include "message/header.h"
#include "smtp/smarthost.h"

/* The MAIL FROM to use; the caller frees it. */
char *sender_outgoing(const struct smarthost *smarthost, const char *sender);

/* Why sender_outgoing answers as it does, in words that follow "because". */
const char *sender_reason(const struct smarthost *smarthost, const char *sender);

/* Changes the header's sender fields in place where the policy says so. */
void sender_rewrite_header(const struct smarthost *smarthost, struct header *header);

/*
 * The same for a sender whom the smarthost has refused: whoever it is becomes
 * from.  Answers still reach the author, by Reply-To, where none stood there.
 */
void sender_replace_header(const struct smarthost *smarthost, struct header *header);

/* The first address in From, which the caller frees; NULL: there is none. */
char *sender_author(const struct header *header);

#endif
