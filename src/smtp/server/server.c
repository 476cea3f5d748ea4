/* SPDX-License-Identifier: MIT */

#include "smtp/server/server.h"

#include <assert.h>

#include "base/clock.h"
#include "base/memory.h"
#include "smtp/server/dialogue.h"
#include "smtp/server/incoming.h"
#include "smtp/server/login.h"

enum { ERRORS_LIMIT = 20 };

static void run_hello(struct dialogue *dialogue, const struct command *command)
{
	struct extensions offer = dialogue_offer(dialogue);
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	/* RFC 5321, 4.1.4: it drops what was begun. */
	dialogue_reset(dialogue);
	dialogue->has_refused = false;
	dialogue->is_lmtp = command->verb == COMMAND_LHLO;
	if (command->verb == COMMAND_HELO) {
		dialogue_answer(dialogue, 250, "", dialogue->settings->name);
		return;
	}
	buffer_init(&text, REPLY_TEXT_SIZE);
	extension_write(&offer, dialogue->settings->name, &text);
	dialogue_answer(dialogue, 250, "", buffer_string(&text));
}

/* Our own sendmail is at the other end, and speaks for itself. */
static bool is_private(const struct dialogue *dialogue)
{
	return dialogue->settings->offered.mailchute && !dialogue->is_plain;
}

/* The first parameter that was not offered, or NULL. */
static const char *unoffered_of_mail(
    const struct mail_parameters *mail, const struct extensions *offered, bool is_private)
{
	if (mail->has_size && !offered->size)
		return "SIZE";
	if (mail->is_8bit && !offered->eight_bit_mime)
		return "BODY";
	if (mail->smtputf8 && !offered->smtputf8)
		return "SMTPUTF8";
	if (mail->return_content != ENVELOPE_RETURN_UNSAID && !offered->dsn)
		return "RET";
	if (mail->envid[0] != '\0' && !offered->dsn)
		return "ENVID";
	if (is_private)
		return NULL;
	if (mail->full_name[0] != '\0' || mail->sender_is_self || mail->trace ||
	    mail->wait != COMMAND_WAIT_UNSAID)
		return "X";
	return NULL;
}

static void answer_unoffered(struct dialogue *dialogue, const char *name)
{
	CLEANUP(memory_free_string)
	char *text = memory_format("parameter %s is not offered here", name);

	dialogue_answer(dialogue, 555, "5.5.4", text);
}

/* RFC 1870, 6.1. */
static void refuse_size(struct dialogue *dialogue, uint64_t size)
{
	struct server_reply reply = { 0 };

	incoming_refuse_size(dialogue, size, &reply);
	dialogue_answer_handler(dialogue, &reply, 552, "5.3.4", "");
}

/* What can be said against MAIL before the handler is asked.  True: it was said. */
static bool refuse_mail(struct dialogue *dialogue, const struct command *command)
{
	const struct extensions *offered = &dialogue->settings->offered;
	const char *unoffered = unoffered_of_mail(&command->mail, offered, is_private(dialogue));

	if (dialogue->state != DIALOGUE_IDLE)
		dialogue_answer(dialogue, 503, "5.5.1", "bad sequence: MAIL within a transaction");
	else if (dialogue->settings->auth_is_required && !dialogue->is_logged_in)
		dialogue_answer(dialogue, 530, "5.7.0", "log in first: AUTH");
	else if (unoffered != NULL)
		answer_unoffered(dialogue, unoffered);
	else if (offered->size && offered->size_limit != 0 && command->mail.has_size &&
		 command->mail.size > offered->size_limit)
		refuse_size(dialogue, command->mail.size);
	else
		return false;
	if (dialogue->state == DIALOGUE_CHUNKS)
		dialogue_reset(dialogue);
	return true;
}

static void run_mail(struct dialogue *dialogue, const struct command *command)
{
	const struct server_settings *settings = dialogue->settings;
	struct server_reply reply = { 0 };

	if (refuse_mail(dialogue, command))
		return;
	dialogue->owes_reset = true;
	settings->handler->mail(settings->context, command->address, &command->mail, &reply);
	dialogue_answer_handler(dialogue, &reply, 250, "2.1.0", "OK");
	if (dialogue_is_refused(&reply))
		dialogue_reset(dialogue);
	else
		dialogue->state = DIALOGUE_MAIL;
	if (dialogue->state == DIALOGUE_MAIL)
		dialogue->errors = 0;
}

static void run_rcpt(struct dialogue *dialogue, const struct command *command)
{
	const struct server_settings *settings = dialogue->settings;
	const struct rcpt_parameters *rcpt = &command->rcpt;
	struct server_reply reply = { 0 };

	if (dialogue->state != DIALOGUE_MAIL) {
		dialogue_answer(dialogue, 503, "5.5.1",
		    dialogue->state == DIALOGUE_IDLE ? "bad sequence: MAIL comes first"
						     : "bad sequence: RCPT after BDAT");
		if (dialogue->state == DIALOGUE_CHUNKS)
			dialogue_reset(dialogue);
		return;
	}
	dialogue->has_seen_rcpt = true;
	if (!settings->offered.dsn && (rcpt->notify != 0 || rcpt->original[0] != '\0')) {
		answer_unoffered(dialogue, rcpt->notify != 0 ? "NOTIFY" : "ORCPT");
		return;
	}
	settings->handler->rcpt(settings->context, command->address, rcpt, &reply);
	dialogue_answer_handler(dialogue, &reply, 250, "2.1.5", "OK");
	if (!dialogue_is_refused(&reply))
		dialogue->recipients++;
}

static void run_data(struct dialogue *dialogue, const struct command *command)
{
	(void)command;
	incoming_data(dialogue);
}

static void run_bdat(struct dialogue *dialogue, const struct command *command)
{
	incoming_chunk(dialogue, command->chunk_size, command->is_last);
}

static void run_reset(struct dialogue *dialogue, const struct command *command)
{
	(void)command;
	dialogue_reset(dialogue);
	dialogue->has_refused = false;
	dialogue_answer(dialogue, 250, "2.0.0", "OK");
}

static void run_noop(struct dialogue *dialogue, const struct command *command)
{
	(void)command;
	dialogue_answer(dialogue, 250, "2.0.0", "OK");
}

/* RFC 5321, 4.1.1.8: helpful information; which commands there are, in one line. */
static void run_help(struct dialogue *dialogue, const struct command *command)
{
	struct extensions offer = dialogue_offer(dialogue);
	CLEANUP(memory_free_string)
	char *text = memory_format("mailchute speaks SMTP (RFC 5321) and knows these commands:\n"
				   "EHLO HELO MAIL RCPT DATA%s RSET NOOP VRFY HELP QUIT%s%s",
	    offer.chunking ? " BDAT" : "", offer.starttls ? " STARTTLS" : "",
	    offer.auth[0] != '\0' ? " AUTH" : "");

	(void)command;
	dialogue_answer(dialogue, 214, "2.0.0", text);
}

static void run_quit(struct dialogue *dialogue, const struct command *command)
{
	(void)command;
	dialogue_answer(dialogue, 221, "2.0.0", "goodbye");
	dialogue_end(dialogue, 0);
}

/* What is no SMTP at all ends here; who sends a message now and then may err for ever. */
static bool has_erred_too_often(struct dialogue *dialogue)
{
	if (++dialogue->errors < ERRORS_LIMIT)
		return false;
	dialogue_answer(dialogue, 421, "4.7.0", "too many errors");
	dialogue_end(dialogue, 0);
	return true;
}

static void run_unknown(struct dialogue *dialogue, const struct command *command)
{
	(void)command;
	if (!has_erred_too_often(dialogue))
		dialogue_answer(
		    dialogue, 500, "5.5.1", "this command is not known; HELP names those that are");
}

bool server_say(struct server_reply *reply, struct span line)
{
	assert(reply->output != NULL);
	return dialogue_say(reply->output, line);
}

void server_show(struct server_reply *reply, struct span line)
{
	if (reply->output != NULL)
		dialogue_show(reply->output, line);
}

/* VRFY, XQUEUE, XEXPLAIN: the program's business. */
static void run_other(struct dialogue *dialogue, const struct command *command)
{
	const struct server_settings *settings = dialogue->settings;
	bool is_vrfy = command->verb == COMMAND_VRFY;
	struct server_reply reply = { .output = dialogue };

	if (!is_vrfy && (settings->handler->other == NULL || !is_private(dialogue))) {
		dialogue_answer(dialogue, 502, "5.5.1", "this command is not offered here");
		return;
	}
	if (settings->auth_is_required && !dialogue->is_logged_in) {
		dialogue_answer(dialogue, 530, "5.7.0", "log in first: AUTH");
		return;
	}
	if (settings->handler->other != NULL)
		settings->handler->other(settings->context, command, &reply);
	dialogue_answer_handler(dialogue, &reply, is_vrfy ? 252 : 250, "2.0.0",
	    is_vrfy ? "nobody is verified here; send and see" : "OK");
}

static void run_expn(struct dialogue *dialogue, const struct command *command)
{
	(void)command;
	dialogue_answer(dialogue, 502, "5.5.1", "EXPN is not offered here");
}

/* The client goes on in another's name; what was begun in its own is dropped. */
static void run_plain(struct dialogue *dialogue, const struct command *command)
{
	const struct server_settings *settings = dialogue->settings;
	struct server_reply reply = { 0 };

	(void)command;
	if (!is_private(dialogue)) {
		dialogue_answer(dialogue, 502, "5.5.1", "this command is not offered here");
		return;
	}
	dialogue_reset(dialogue);
	if (settings->handler->plain != NULL)
		settings->handler->plain(settings->context, &reply);
	dialogue_answer_handler(dialogue, &reply, 250, "2.0.0", "OK");
	if (dialogue_is_refused(&reply))
		return;
	dialogue->is_plain = true;
	dialogue->is_lmtp = false;
	dialogue->has_refused = false;
	dialogue->taken = 0;
	if (settings->plain_timeout != 0)
		dialogue->command_timeout = settings->plain_timeout;
}

static void run_auth(struct dialogue *dialogue, const struct command *command)
{
	login_run(dialogue, command->argument);
}

/* Sends the 220 and shakes hands; whatever was said before is forgotten (RFC 3207, 4.2). */
static void start_tls(struct dialogue *dialogue)
{
	const struct stream_security *security = dialogue->settings->security;
	int64_t deadline = clock_deadline(dialogue->command_timeout);
	struct error error;

	dialogue_reset(dialogue);
	dialogue->is_lmtp = false;
	dialogue->is_logged_in = false;
	dialogue_answer(dialogue, 220, "2.0.0", "ready for TLS");
	if (dialogue->is_over)
		return;
	if (stream_flush(dialogue->stream, deadline, &error) == 0 &&
	    security->start(security->context, dialogue->stream, NULL, deadline, &error) == 0)
		return;
	*dialogue->error = error;
	dialogue_end(dialogue, -1);
}

static void run_starttls(struct dialogue *dialogue, const struct command *command)
{
	const struct server_settings *settings = dialogue->settings;

	(void)command;
	if (!settings->offered.starttls || settings->security == NULL) {
		dialogue_answer(dialogue, 502, "5.5.1", "STARTTLS is not offered here");
	} else if (dialogue->stream->is_secure) {
		dialogue_answer(dialogue, 503, "5.5.1", "bad sequence: TLS is on");
	} else if (stream_input(dialogue->stream).length != 0) {
		/* Octets that came in the clear would be taken for what TLS protects
		 * (CVE-2011-0411). */
		dialogue_answer(
		    dialogue, 501, "5.5.1", "nothing may follow STARTTLS in its flight");
		dialogue_end(dialogue, 0);
	} else {
		start_tls(dialogue);
	}
}

static void (*const commands[])(struct dialogue *dialogue, const struct command *command) = {
	[COMMAND_UNKNOWN] = run_unknown,
	[COMMAND_HELO] = run_hello,
	[COMMAND_EHLO] = run_hello,
	[COMMAND_LHLO] = run_hello,
	[COMMAND_MAIL] = run_mail,
	[COMMAND_RCPT] = run_rcpt,
	[COMMAND_DATA] = run_data,
	[COMMAND_BDAT] = run_bdat,
	[COMMAND_RSET] = run_reset,
	[COMMAND_NOOP] = run_noop,
	[COMMAND_VRFY] = run_other,
	[COMMAND_EXPN] = run_expn,
	[COMMAND_HELP] = run_help,
	[COMMAND_STARTTLS] = run_starttls,
	[COMMAND_AUTH] = run_auth,
	[COMMAND_QUIT] = run_quit,
	[COMMAND_XQUEUE] = run_other,
	[COMMAND_XEXPLAIN] = run_other,
	[COMMAND_XPLAIN] = run_plain,
};

/* A browser that was led here speaks HTTP; nothing of its request may run (cross-protocol). */
static bool is_http(struct span line)
{
	static const char *const words[] = { "GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ",
		"CONNECT ", "Host:" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (span_starts_with_ignoring_case(line, words[i]))
			return true;
	return false;
}

static void run_line(struct dialogue *dialogue, struct span line)
{
	struct command command;
	struct error error;

	if (is_http(line)) {
		dialogue_answer(dialogue, 421, "4.7.0", "this is SMTP");
		dialogue_end(dialogue, 0);
		return;
	}
	if (command_parse(line, &command, &error) == 0) {
		commands[command.verb](dialogue, &command);
		return;
	}
	if (has_erred_too_often(dialogue))
		return;
	dialogue_answer(dialogue, command_error_code(&error), error.status, error.text);
	/* How many octets follow is unknown, and they must never run as commands. */
	if (command.verb == COMMAND_BDAT)
		dialogue_end(dialogue, 0);
}

static void run_next(struct dialogue *dialogue)
{
	struct span line = { 0 };

	switch (dialogue_read_line(dialogue, false, &line)) {
	case DIALOGUE_LINE:
		run_line(dialogue, line);
		break;
	case DIALOGUE_LONG_LINE:
		if (!has_erred_too_often(dialogue))
			dialogue_answer(dialogue, 500, "5.5.2", "the line is too long");
		break;
	case DIALOGUE_NO_LINE:
		if (dialogue->state == DIALOGUE_CHUNKS)
			incoming_tell_of_cut(dialogue);
		break;
	}
}

static void greet(struct dialogue *dialogue)
{
	const struct server_settings *settings = dialogue->settings;
	CLEANUP(memory_free_string)
	char *text = memory_format("%s %s", settings->name, settings->banner);

	dialogue_answer(dialogue, 220, "", text);
}

/* The last words; whether they arrive changes nothing any more. */
static void take_leave(struct dialogue *dialogue)
{
	int64_t deadline = clock_deadline(dialogue->command_timeout);
	struct error ignored;

	if (dialogue->outcome < 0)
		return;
	if (dialogue->is_plain)
		dialogue_put_aside(dialogue, dialogue->outcome == 0 ? COMMAND_CLOSE : COMMAND_END);
	(void)stream_flush(dialogue->stream, deadline, &ignored);
}

int server_run(struct stream *stream, const struct server_settings *settings, struct error *error)
{
	CLEANUP(dialogue_finish) struct dialogue dialogue;

	assert(settings->handler->mail != NULL && settings->handler->rcpt != NULL);
	assert(settings->handler->content != NULL && settings->handler->end != NULL);
	dialogue_init(&dialogue, stream, settings, error);
	greet(&dialogue);
	while (!dialogue.is_over)
		run_next(&dialogue);
	dialogue_reset(&dialogue);
	take_leave(&dialogue);
	return dialogue.outcome;
}
