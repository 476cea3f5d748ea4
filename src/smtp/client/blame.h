/* SPDX-License-Identifier: MIT */

/*
 * blame - what a refusal is about: this message, or the whole account
 *
 * By the table of advice.h.  A refusal that is not in it is about the message
 * or the recipient, and final when it is a 5yz.
 *
 * Does not know: what follows from it.
 */

#ifndef SMTP_CLIENT_BLAME_H
#define SMTP_CLIENT_BLAME_H

#include "smtp/command.h"
#include "smtp/reply.h"

enum blame {
	BLAME_MESSAGE, /* this message, or this recipient */
	BLAME_SENDER,  /* the account may not send as this sender */
	BLAME_LOGIN,   /* the login is missing, or is not taken */
	BLAME_ACCOUNT, /* the account may send nothing for now: a quota, a lock */
	BLAME_RATE,    /* too many, too fast */
};

enum { BLAME_LAST = BLAME_RATE };

/*
 * Of a reply 4yz or 5yz to this command; COMMAND_DATA and COMMAND_BDAT stand
 * for the content as well.
 */
enum blame blame_of(const struct reply *reply, enum command_verb verb);

#endif
