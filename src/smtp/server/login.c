/* SPDX-License-Identifier: MIT */

#include "smtp/server/login.h"

#include <string.h>

#include "base/base64.h"
#include "base/memory.h"

/* Decodes one response, or refuses it. */
static bool decode(struct dialogue *dialogue, struct span text, struct buffer *response)
{
	/* The first allocation is the last: growing would leave copies behind. */
	buffer_init(response, COMMAND_LINE_LIMIT);
	(void)buffer_reserve(response, COMMAND_LINE_LIMIT);
	if (base64_decode(text, response) == 0)
		return true;
	dialogue_answer(dialogue, 501, "5.5.2", "the response is not base64");
	return false;
}

/* One challenge and its response.  False when the client gave up or erred; it is answered. */
static bool ask(struct dialogue *dialogue, const char *challenge, struct buffer *response)
{
	struct span line = { 0 };

	dialogue_answer(dialogue, 334, "", challenge);
	switch (dialogue_read_line(dialogue, true, &line)) {
	case DIALOGUE_NO_LINE:
		return false;
	case DIALOGUE_LONG_LINE:
		/* RFC 4954, 4 */
		dialogue_answer(dialogue, 500, "5.5.6", "the response is too long");
		return false;
	case DIALOGUE_LINE:
		break;
	}
	if (span_equals_string(line, "*")) {
		dialogue_answer(dialogue, 501, "5.7.0", "the login was cancelled");
		return false;
	}
	return decode(dialogue, line, response);
}

/* RFC 4954, 4: "=" is an initial response of no octets. */
static bool first_response(
    struct dialogue *dialogue, struct span initial, const char *challenge, struct buffer *response)
{
	if (initial.length == 0)
		return ask(dialogue, challenge, response);
	if (span_equals_string(initial, "="))
		initial = span_from_string("");
	return decode(dialogue, initial, response);
}

static void judge(struct dialogue *dialogue, struct span user, struct span password)
{
	const struct server_settings *settings = dialogue->settings;
	struct server_reply reply = { 0 };

	if (user.length == 0 || span_find_byte(user, '\0') >= 0 ||
	    span_find_byte(password, '\0') >= 0) {
		dialogue_answer(dialogue, 501, "5.5.2", "the response does not fit the mechanism");
		return;
	}
	CLEANUP(memory_free_secret) char *name = span_copy(user);
	CLEANUP(memory_free_secret) char *secret = span_copy(password);
	settings->handler->log_in(settings->context, name, secret, &reply);
	dialogue->is_logged_in = !dialogue_is_refused(&reply);
	dialogue_answer_handler(dialogue, &reply, 235, "2.7.0", "logged in");
}

/* authorization NUL user NUL password */
static void log_in_plain(struct dialogue *dialogue, struct span initial)
{
	CLEANUP(buffer_finish_secret) struct buffer response = { 0 };
	struct span rest;
	struct span authorization = { 0 };
	struct span user = { 0 };

	if (!first_response(dialogue, initial, "", &response))
		return;
	rest = buffer_span(&response);
	if (span_find_byte(rest, '\0') >= 0)
		span_take_until(&rest, '\0', &authorization);
	bool is_whole = span_find_byte(rest, '\0') >= 0;
	span_take_until(&rest, '\0', &user);
	/* To act for another is nothing that we offer; to name oneself twice is harmless. */
	if (authorization.length != 0 && !span_equals(authorization, user)) {
		dialogue_answer(dialogue, 535, "5.7.8", "nobody logs in for another here");
		return;
	}
	judge(dialogue, is_whole ? user : span_from_string(""), rest);
}

static void log_in_login(struct dialogue *dialogue, struct span initial)
{
	CLEANUP(buffer_finish_secret) struct buffer user = { 0 };
	CLEANUP(buffer_finish_secret) struct buffer password = { 0 };

	/* "Username:" and "Password:"; there are clients that read these words. */
	if (!first_response(dialogue, initial, "VXNlcm5hbWU6", &user) ||
	    !ask(dialogue, "UGFzc3dvcmQ6", &password))
		return;
	judge(dialogue, buffer_span(&user), buffer_span(&password));
}

static const struct mechanism {
	const char *name;
	void (*log_in)(struct dialogue *dialogue, struct span initial);
} mechanisms[] = {
	{ "PLAIN", log_in_plain },
	{ "LOGIN", log_in_login },
};

static bool is_offered(const struct dialogue *dialogue, struct span name)
{
	struct span rest = span_from_string(dialogue->settings->offered.auth);
	struct span word = { 0 };

	while (span_take_word(&rest, &word))
		if (span_equals_ignoring_case(word, name))
			return true;
	return false;
}

static const struct mechanism *find_mechanism(const struct dialogue *dialogue, struct span name)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		if (span_equals_string_ignoring_case(name, mechanisms[i].name))
			return is_offered(dialogue, name) ? &mechanisms[i] : NULL;
	return NULL;
}

/* May a login begin now?  Answers when not. */
static bool check_moment(struct dialogue *dialogue)
{
	const struct server_settings *settings = dialogue->settings;

	if (settings->handler->log_in == NULL || settings->offered.auth[0] == '\0')
		dialogue_answer(dialogue, 502, "5.5.1", "AUTH is not offered here");
	else if (dialogue->is_logged_in)
		dialogue_answer(dialogue, 503, "5.5.1", "bad sequence: you are logged in");
	else if (dialogue->state != DIALOGUE_IDLE)
		dialogue_answer(dialogue, 503, "5.5.1", "bad sequence: AUTH within a transaction");
	else if (settings->auth_needs_tls && !dialogue->stream->is_secure)
		dialogue_answer(
		    dialogue, 538, "5.7.11", "a password wants TLS: STARTTLS comes first");
	else
		return true;
	return false;
}

void login_run(struct dialogue *dialogue, struct span argument)
{
	struct span name = { 0 };

	if (!check_moment(dialogue))
		return;
	span_take_word(&argument, &name);
	const struct mechanism *mechanism = find_mechanism(dialogue, name);
	if (mechanism == NULL)
		dialogue_answer(dialogue, 504, "5.5.4", "this mechanism is not offered");
	else
		mechanism->log_in(dialogue, span_trim(argument));
	explicit_bzero(dialogue->line, sizeof dialogue->line);
}
