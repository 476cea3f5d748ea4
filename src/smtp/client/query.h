/* SPDX-License-Identifier: MIT */

/*
 * query - single commands to a session that stands, outside of a transaction
 *
 *	VRFY	does the server know this mailbox?
 *	NOOP	is it still there?
 *	HELP	what does it say about itself, or about a command?
 *	RSET	drops what was begun; has no refusal
 *
 * Each reply is compared with what RFC 5321, 4.3.2 lists.  Another one that
 * begins with 4 or 5 is a refusal, too (4.2.1: by the first digit); anything
 * else is no answer to what was asked, and ends the session.
 *
 * Does not know: what is made of the answers.
 */

#ifndef SMTP_CLIENT_QUERY_H
#define SMTP_CLIENT_QUERY_H

#include "smtp/client/session.h"
#include "smtp/command.h"

enum query_answer {
	QUERY_LOST = -1, /* the session is not usable, or the argument not sayable */
	QUERY_YES,	 /* 250, 251; 211, 214 */
	QUERY_MAYBE,	 /* VRFY, 252: it does not tell */
	QUERY_REFUSED,	 /* 4yz, 5yz: the session goes on */
};

/*
 * VRFY, NOOP, HELP or RSET, with an argument or none, and its reply.  But for
 * QUERY_LOST reply is filled; but for YES and MAYBE error quotes the command
 * and the server's words.
 */
enum query_answer query_ask(struct session *session, enum command_verb verb, struct span argument,
    struct reply *reply, struct error *error);

#endif
