/* SPDX-License-Identifier: MIT */

#include "smtp/client/blame.h"

#include <stddef.h>

#include "smtp/client/advice.h"

static enum advice_step step_of(enum command_verb verb)
{
	if (verb == COMMAND_MAIL)
		return ADVICE_MAIL;
	return verb == COMMAND_RCPT ? ADVICE_RCPT : ADVICE_CONTENT;
}

enum blame blame_of(const struct reply *reply, enum command_verb verb)
{
	const struct advice *advice = advice_find(reply, NULL, step_of(verb));

	return advice != NULL ? advice->blame : BLAME_MESSAGE;
}
