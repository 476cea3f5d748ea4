/* SPDX-License-Identifier: MIT */

/*
 * capture - a message that would be sent becomes a file in a Maildir instead
 *
 * With capture = "DIR" every message goes all the way that it would go, but
 * for the last step: what the smarthost would have been given, its own sender
 * and header, is kept in DIR, and no smarthost is spoken to.  On top stand
 *
 *	X-Mailchute-Captured: date; id=ID; uid=UID; smarthost=NAME (not sent)
 *	Return-Path: <sender>
 *	Delivered-To: recipient (one for each)
 *
 * Does not know: where the message was kept until now, who waits for it.
 */

#ifndef SERVICE_CAPTURE_H
#define SERVICE_CAPTURE_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "delivery/request.h"

#define CAPTURE_FIELD "X-Mailchute-Captured"

/* What stands for a smarthost where none is configured; nobody can connect to it. */
#define CAPTURE_STAND_IN "none"

bool capture_is_on(const struct config *config);

/* The environment of this process alone says so, for this mail alone. */
bool capture_is_callers(const struct config *config);

/* With it on no smarthost is needed: then one that stands for it is added. */
void capture_complete(struct config *config);

/*
 * Who the smarthost would know us as, as far as that can be known: its secrets
 * may be missing where nothing is ever sent.  smarthost_finish frees it.
 */
void capture_account(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *account);

struct capture_letter {
	const char *id; /* queue ID */
	size_t number;	/* of the first recipient in the whole message */
	int64_t uid;	/* of the submitter; -1: not known */
	const char *smarthost;
	const struct request_attempt *attempt; /* as the smarthost would have been given it */
	int fd;				       /* what attempt's body_offset is in */
};

enum { CAPTURE_NAME_SIZE = 64 };

/*
 * 0: it is in path/new under this name, synced; once, however often it is done
 * again.  -1: ERROR_CANNOT_CREATE, nothing is there.
 */
int capture_keep(const char *path, const struct capture_letter *letter,
    char name[static CAPTURE_NAME_SIZE], struct error *error);

#endif
