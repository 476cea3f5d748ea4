/* SPDX-License-Identifier: MIT */

#include "service/explanation.h"

#include <unistd.h>

#include "base/memory.h"
#include "policy/aliases.h"
#include "policy/explain.h"
#include "service/outgoing.h"

/* What would be the settings of an attempt. */
struct answer {
	struct aliases aliases;
	struct explain explain;
	struct smarthost account;
};

static void finish_answer(struct answer *answer)
{
	aliases_finish(&answer->aliases);
	explain_finish(&answer->explain);
	smarthost_finish(&answer->account);
}

static int find(
    const struct explanation_question *question, struct answer *answer, struct error *error)
{
	const struct explain_question asked = {
		.config = question->config,
		.aliases = &answer->aliases,
		.sender = question->sender,
		.complete_sender = question->complete_sender,
		.recipient = question->recipient,
	};

	if (aliases_load(&answer->aliases, question->config, error) < 0 ||
	    explain_find(&answer->explain, &asked, error) < 0)
		return -1;
	return outgoing_account(
	    question->config, answer->explain.smarthost, &answer->account, error);
}

static bool say(void *context, struct span line)
{
	return server_say(context, line);
}

static bool is_administrator(int64_t uid)
{
	return uid == 0 || uid == (int64_t)geteuid();
}

void explanation_answer(const struct explanation_question *question, struct server_reply *reply)
{
	struct answer answer CLEANUP(finish_answer) = { 0 };
	struct error error;

	/* All that may fail comes first: once a line is said, the answer is a 250. */
	if (find(question, &answer, &error) < 0) {
		server_reply_from_error(reply, &error);
		return;
	}
	const struct explain_login login = {
		.known = &answer.account,
		.is_shown = is_administrator(question->uid),
	};
	explain_write(&answer.explain, &login, say, reply);
}
