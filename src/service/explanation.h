/* SPDX-License-Identifier: MIT */

/*
 * explanation - what would become of a message, told to whoever asks
 *
 * With the settings, the aliases and the account as a message would find them
 * now.  Nothing is kept, nothing is sent.  The name that we log in with is told
 * to the administrator alone, and to him alone what the smarthost itself says
 * about the recipients, where that is wanted: it costs a login.
 */

#ifndef SERVICE_EXPLANATION_H
#define SERVICE_EXPLANATION_H

#include <stdbool.h>

#include "config/config.h"
#include "message/header.h"
#include "policy/explain.h"
#include "service/inquirer.h"
#include "smtp/server/server.h"

struct explanation_question {
	const struct config *config;
	int64_t uid;		     /* who asks; -1: unknown */
	bool is_administrator;	     /* the same */
	bool may_lack_login;	     /* that it cannot be read is told, and no error */
	const char *sender;	     /* as given; NULL: the caller's own */
	const char *complete_sender; /* as it stands in the envelope */
	const char *recipient;
	const struct envelope *given; /* a whole one, instead of the last two; NULL: none */
	const struct header *header;  /* of its message, prepared (prediction.h); NULL: none */
	const struct inquirer_source *inquirer; /* NULL: the smarthost is not asked */
};

/*
 * Gives the lines of policy/explain to take; *status is ERROR_NONE, or the exit
 * status of what the smarthost refused.  -1: the error that the message would
 * get, and nothing was given.
 */
int explanation_run(const struct explanation_question *question, explain_line *take, void *context,
    enum error_kind *status, struct error *error);

/* 250 with the lines; else the answer that the message would get. */
void explanation_answer(const struct explanation_question *question, struct server_reply *reply);

#endif
