/* SPDX-License-Identifier: MIT */

/*
 * complete - what a message gets when it is received, whatever the smarthost
 *
 * Bcc and Resent-Bcc, Return-Path and Content-Length go; Date, Message-ID and
 * From (and Resent-*, where there is a Resent- field) come when missing; local
 * names in To, Cc, Resent-To and Resent-Cc become the addresses that their
 * aliases stand for; other bare names in address fields get the domain; lines beyond 998 octets are
 * folded at white space, NUL becomes "?"; everything else stays octet for octet (compat.md).
 */

#ifndef POLICY_COMPLETE_H
#define POLICY_COMPLETE_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "message/header.h"
#include "policy/aliases.h"

struct complete_submitter {
	const char *sender;    /* envelope sender after completion; "" for null */
	const char *full_name; /* UTF-8; "" without one */
	int64_t wall;
	const struct aliases *aliases; /* NULL: names in To and Cc are completed alone */
};

void complete_header(
    struct header *header, const struct config *config, const struct complete_submitter *submitter);

/*
 * The full name in an account's GECOS: up to the first comma, "&" stands for
 * the login with a capital letter, as in finger.  "" where it is unfit or too long.
 */
void complete_full_name(const char *gecos, const char *login, char *full_name, size_t size);

/* "root" becomes "root@domain"; "" and full addresses stay.  The caller frees it. */
char *complete_address(const struct config *config, const char *address);

#endif
