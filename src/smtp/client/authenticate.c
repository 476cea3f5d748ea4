/* SPDX-License-Identifier: MIT */

#include "smtp/client/authenticate.h"

#include <assert.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "smtp/command.h"

enum {
	/* RFC 4954, 4: an initial response must fit the line of RFC 5321; else it waits for 334. */
	INITIAL_LINE_LIMIT = 512,
	ROUNDS_LIMIT = 8,
};

static const char hidden_response[] = "********";

/* In the order of our liking; libgsasl's own choice would offer NTLM, GSSAPI, ANONYMOUS. */
static const struct mechanism {
	const char *name;
	const char *hidden; /* the AUTH line as the trace shows it */
	bool has_initial;   /* the client speaks first */
} mechanisms[] = {
	{ "PLAIN", "AUTH PLAIN ********", true },
	{ "LOGIN", "AUTH LOGIN", false },
};

/* One login on its way; everything that holds a secret is wiped at its end. */
struct login {
	struct session *session;
	const struct mechanism *mechanism;
	Gsasl *library;
	Gsasl_session *dialogue;
	bool is_said; /* the mechanism has nothing more to say */
};

static void login_finish(struct login *login)
{
	if (login->dialogue != NULL)
		gsasl_finish(login->dialogue);
	if (login->library != NULL)
		gsasl_done(login->library);
	*login = (struct login){ 0 };
}

static void wipe_buffer(struct buffer *buffer)
{
	if (buffer->start != NULL)
		explicit_bzero(buffer->start, buffer->capacity);
	buffer_finish(buffer);
}

/* The flight that carried the secret has left; its memory is still there. */
static void wipe_flight(struct stream *stream)
{
	if (stream->output.start != NULL && stream->output.length == 0)
		explicit_bzero(stream->output.start, stream->output.capacity);
}

/* A buffer that never moves, for a buffer that moves leaves copies behind. */
static void init_secret(struct buffer *buffer)
{
	buffer_init(buffer, COMMAND_LINE_LIMIT);
	(void)buffer_reserve(buffer, COMMAND_LINE_LIMIT);
}

static const struct smarthost *smarthost_of(const struct session *session)
{
	return session->settings->smarthost;
}

static const char *title_of(const struct session *session)
{
	const char *name = smarthost_of(session)->name;

	return name != NULL ? name : "default";
}

static bool offers(const struct session *session, const char *name)
{
	struct span rest = span_from_string(session->extensions.auth);
	struct span word;

	while (span_take_word(&rest, &word))
		if (span_equals_string_ignoring_case(word, name))
			return true;
	return false;
}

static const struct mechanism *choose_mechanism(const struct session *session, struct error *error)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		if (offers(session, mechanisms[i].name))
			return &mechanisms[i];
	if (session->extensions.auth[0] == '\0') {
		error_set(error, ERROR_NO_PERMISSION, "5.7.4", "%s offers no login (AUTH)",
		    session->stream->peer);
		error_next(error,
		    "remove the user from section [%s] of secrets.ini if this smarthost wants "
		    "none, or write the port where it does (587 or 465) into its url",
		    title_of(session));
		return NULL;
	}
	error_set(error, ERROR_NO_PERMISSION, "5.7.4",
	    "%s offers no login that we can do: it has AUTH %s, we have PLAIN and LOGIN",
	    session->stream->peer, session->extensions.auth);
	error_next(error, "ask the operator of the smarthost for a password that works with PLAIN");
	return NULL;
}

static int library_failed(const struct login *login, int code, struct error *error)
{
	return error_set(error, ERROR_SOFTWARE, "4.3.0", "GNU SASL, %s: %s", login->mechanism->name,
	    gsasl_strerror(code));
}

static int start_dialogue(struct login *login, struct error *error)
{
	const struct smarthost *smarthost = smarthost_of(login->session);
	int code = gsasl_init(&login->library);

	if (code == GSASL_OK)
		code = gsasl_client_start(login->library, login->mechanism->name, &login->dialogue);
	if (code == GSASL_OK)
		code = gsasl_property_set(login->dialogue, GSASL_AUTHID, smarthost->user);
	if (code == GSASL_OK)
		code = gsasl_property_set(login->dialogue, GSASL_PASSWORD,
		    smarthost->password != NULL ? smarthost->password : "");
	return code == GSASL_OK ? 0 : library_failed(login, code, error);
}

/* Appends what the mechanism answers to the challenge (base64; NULL: it speaks first). */
static int step(
    struct login *login, const char *challenge, struct buffer *answer, struct error *error)
{
	char *text = NULL;
	int code = gsasl_step64(login->dialogue, challenge, &text);

	if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
		return library_failed(login, code, error);
	login->is_said = code == GSASL_OK;
	if (text != NULL) {
		buffer_append_string(answer, text);
		explicit_bzero(text, strlen(text));
		gsasl_free(text);
	}
	if (answer->has_overflowed)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "user and password of [%s] in secrets.ini are longer than a line may be",
		    title_of(login->session));
	return 0;
}

static int converse(struct login *login, struct buffer *line, const char *hidden,
    struct reply *reply, struct error *error)
{
	struct session *session = login->session;
	int outcome = session_command(
	    session, buffer_string(line), hidden, session->settings->timeouts.auth, reply, error);

	wipe_flight(session->stream);
	return outcome;
}

/* AUTH, with the initial response where there is one and it fits. */
static int send_auth(struct login *login, struct reply *reply, struct error *error)
{
	CLEANUP(wipe_buffer) struct buffer line = { 0 };
	CLEANUP(wipe_buffer) struct buffer initial = { 0 };
	const struct mechanism *mechanism = login->mechanism;

	init_secret(&line);
	init_secret(&initial);
	if (mechanism->has_initial && step(login, NULL, &initial, error) < 0)
		return -1;
	command_write_auth(
	    &line, mechanism->name, mechanism->has_initial ? buffer_string(&initial) : NULL);
	if (!line.has_overflowed && line.length <= INITIAL_LINE_LIMIT)
		return converse(login, &line, mechanism->hidden, reply, error);

	wipe_buffer(&line);
	init_secret(&line);
	command_write_auth(&line, mechanism->name, NULL);
	if (converse(login, &line, NULL, reply, error) < 0)
		return -1;
	if (reply->code != 334)
		return 0;
	buffer_append_string(&initial, "\r\n");
	return converse(login, &initial, hidden_response, reply, error);
}

/* Answers one 334. */
static int answer_challenge(struct login *login, struct reply *reply, struct error *error)
{
	CLEANUP(wipe_buffer) struct buffer line = { 0 };

	init_secret(&line);
	/* RFC 4954, 4: "*" takes the login back; the server must refuse it then. */
	if (login->is_said)
		buffer_append_string(&line, "*");
	else if (step(login, reply->text, &line, error) < 0)
		return -1;
	buffer_append_string(&line, "\r\n");
	return converse(login, &line, hidden_response, reply, error);
}

/* RFC 4954, 6: 535 is 5.7.8, 454 is 4.7.0, whether the server says so or not. */
static const char *refusal_status(const struct reply *reply)
{
	if (reply->status[0] != '\0')
		return reply->status;
	return reply_class(reply) == 5 ? "5.7.8" : "4.7.0";
}

static int login_refused(const struct login *login, const struct reply *reply, struct error *error)
{
	char words[ERROR_TEXT_SIZE];
	const struct session *session = login->session;

	reply_line(reply, words, sizeof words);
	error_set(error, ERROR_NO_PERMISSION, refusal_status(reply),
	    "%s refused the login of %s (AUTH %s): %s", session->stream->peer,
	    smarthost_of(session)->user, login->mechanism->name, words);
	return error_next(
	    error, "check user and password in secrets.ini, section [%s]", title_of(session));
}

static int log_in(struct session *session, struct error *error)
{
	CLEANUP(login_finish) struct login login = { .session = session };
	struct reply reply = { 0 };

	assert(smarthost_of(session)->user != NULL);
	login.mechanism = choose_mechanism(session, error);
	if (login.mechanism == NULL)
		return -1;
	if (start_dialogue(&login, error) < 0 || send_auth(&login, &reply, error) < 0)
		return -1;
	for (unsigned round = 0; reply.code == 334 && round < ROUNDS_LIMIT; round++)
		if (answer_challenge(&login, &reply, error) < 0)
			return session_break(session);
	if (reply.code == 235)
		return 0;
	if (reply_class(&reply) < 4)
		return session_unexpected(session, "AUTH", &reply, error);
	return login_refused(&login, &reply, error);
}

const struct session_authenticator authenticate_sasl = { .log_in = log_in };

void authenticate_prepare(void)
{
	Gsasl *library = NULL;

	if (gsasl_init(&library) == GSASL_OK)
		gsasl_done(library);
}
