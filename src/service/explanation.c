/* SPDX-License-Identifier: MIT */

#include "service/explanation.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "policy/aliases.h"
#include "policy/sender.h"
#include "service/outgoing.h"
#include "service/permission.h"
#include "smtp/client/transcript.h"

/* What would be the settings of an attempt. */
struct answer {
	const struct explanation_question *question;
	struct aliases aliases;
	struct explain explain;
	struct permission permission;
	struct smarthost account;
	struct error fault; /* why there is no account, where that is allowed */
	bool has_account;
	explain_line *take;
	void *context;
	enum error_kind status;
};

static void finish_answer(struct answer *answer)
{
	aliases_finish(&answer->aliases);
	explain_finish(&answer->explain);
	smarthost_finish(&answer->account);
}

/* The sender may have become the owner of a list meanwhile. */
static int filter(void *context, const char *sender, struct route_list *list, struct error *error)
{
	struct permission permission = *(const struct permission *)context;

	permission.sender = sender;
	return permission_filter(&permission, list, error);
}

static int find(struct answer *answer, struct error *error)
{
	static const struct header no_header = { 0 };
	const struct explanation_question *question = answer->question;
	char *author CLEANUP(
	    memory_free_string) = question->header != NULL ? sender_author(question->header) : NULL;
	const struct explain_question asked = {
		.config = question->config,
		.aliases = &answer->aliases,
		.sender = question->sender,
		.complete_sender = question->complete_sender,
		.recipient = question->recipient,
		.given = question->given,
		.author = author,
		.uid = question->uid,
		.filter = filter,
		.filter_context = &answer->permission,
	};

	answer->permission = (struct permission){
		.config = question->config,
		.header = question->header != NULL ? question->header : &no_header,
	};

	if (aliases_load(&answer->aliases, question->config, error) < 0 ||
	    explain_find(&answer->explain, &asked, error) < 0)
		return -1;
	answer->has_account = outgoing_account(question->config, answer->explain.smarthost,
				  &answer->account, error) == 0;
	if (!answer->has_account)
		answer->fault = *error;
	return answer->has_account || question->may_lack_login ? 0 : -1;
}

/* ---- what the smarthost says ---- */

/* Frees the line. */
static void say_take(struct answer *answer, char *line)
{
	(void)answer->take(answer->context, span_from_string(line));
	free(line);
}

static void show_line(void *context, const struct result *line)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, sizeof line->text + 100);
	buffer_append_string(&text, "    ");
	transcript_write(&text, line->elapsed, line->direction, span_from_string(line->text));
	say_take(context, buffer_take_string(&text));
}

/* RFC 5321, 3.5.3; what is none of these says nothing about the address. */
static const struct verdict {
	int code;
	bool is_refused;
	const char *words;
} verdicts[] = {
	{ 250, false, "is known to" },
	{ 251, false, "is forwarded by" },
	{ 550, true, "is refused by" },
	{ 551, true, "is refused by" },
	{ 553, true, "is refused by" },
	{ 500, false, "cannot be asked about: there is no VRFY at" },
	{ 502, false, "cannot be asked about: there is no VRFY at" },
};

static void say_verdict(struct answer *answer, const char *address, const struct result *reply)
{
	CLEANUP(memory_free_string)
	char *label = smarthost_label(&answer->explain.smarthost->parameters);
	struct verdict verdict = { .words = "may be known or not to" };

	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
		if (verdicts[i].code == reply->code)
			verdict = verdicts[i];
	say_take(
	    answer, memory_format("%s... %s %s: %s", address, verdict.words, label, reply->text));
	if (!verdict.is_refused || answer->status != ERROR_NONE)
		return;
	answer->status = error_kind_from_status(reply->status);
	if (answer->status == ERROR_SOFTWARE)
		answer->status = ERROR_NO_USER;
}

static void say_trouble(struct answer *answer, const struct error *error)
{
	CLEANUP(memory_free_string)
	char *label = smarthost_label(&answer->explain.smarthost->parameters);
	char line[1000];

	error_line(error, line, sizeof line);
	say_take(answer, memory_format("    %s could not be asked: %s", label, line));
	if (answer->status == ERROR_NONE)
		answer->status = error->kind;
}

static void ask_all(struct answer *answer, struct channel *worker)
{
	const struct envelope *envelope = &answer->explain.envelope;
	int64_t deadline = clock_deadline(answer->question->config->timeout);

	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const char *address = envelope->recipients[i].address;
		struct result reply;
		struct error error;

		if (inquirer_ask(worker, address, deadline, show_line, answer, &reply, &error) <
		    0) {
			say_trouble(answer, &error);
			return;
		}
		say_verdict(answer, address, &reply);
	}
	inquirer_end(worker, show_line, answer);
}

static void ask_smarthost(struct answer *answer)
{
	const struct inquirer_source *inquirer = answer->question->inquirer;
	struct channel worker CLEANUP(channel_finish) = { .fd = -1 };
	struct error error;

	if (inquirer == NULL)
		return;
	if (!answer->question->is_administrator)
		say_take(answer, memory_copy_string("    the smarthost is asked for root and the "
						    "service's own user alone"));
	else if (inquirer->start(inquirer->context, answer->explain.smarthost, &worker, &error) < 0)
		say_trouble(answer, &error);
	else
		ask_all(answer, &worker);
}

/* ---- the whole ---- */

int explanation_run(const struct explanation_question *question, explain_line *take, void *context,
    enum error_kind *status, struct error *error)
{
	struct answer answer CLEANUP(finish_answer) = {
		.question = question,
		.take = take,
		.context = context,
	};

	if (find(&answer, error) < 0)
		return -1;
	const struct explain_login login = {
		.known = answer.has_account ? &answer.account : NULL,
		.fault = &answer.fault,
		.is_shown = question->is_administrator,
	};
	explain_write(&answer.explain, &login, take, context);
	ask_smarthost(&answer);
	*status = answer.status;
	return 0;
}

static bool say(void *context, struct span line)
{
	return server_say(context, line);
}

void explanation_answer(const struct explanation_question *question, struct server_reply *reply)
{
	enum error_kind status = ERROR_NONE;
	struct error error;

	/* All that may fail comes first: once a line is said, the answer is a 250. */
	if (explanation_run(question, say, reply, &status, &error) < 0)
		server_reply_from_error(reply, &error);
	else if (status != ERROR_NONE)
		server_reply_set(reply, 250, "2.0.0", COMMAND_EXIT "%d", (int)status);
}
