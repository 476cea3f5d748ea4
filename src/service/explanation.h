/* SPDX-License-Identifier: MIT */

/*
 * explanation - what would become of a message, told to whoever asks (XEXPLAIN)
 *
 * With the settings, the aliases and the account as a message would find them
 * now.  Nothing is kept, nothing is sent.  The name that we log in with is told
 * to the administrator alone.
 */

#ifndef SERVICE_EXPLANATION_H
#define SERVICE_EXPLANATION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "smtp/server/server.h"

struct explanation_question {
	const struct config *config;
	int64_t uid;		     /* of who asks; -1 unknown */
	const char *sender;	     /* as given; NULL: the caller's own */
	const char *complete_sender; /* as it stands in the envelope */
	const char *recipient;
};

/* 250 with the lines of policy/explain; else the answer that the message would get. */
void explanation_answer(const struct explanation_question *question, struct server_reply *reply);

#endif
