/* SPDX-License-Identifier: MIT */

#include "smtp/client/authenticate.h"

#include <assert.h>
#include <gsasl.h>
#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "smtp/client/advice.h"
#include "smtp/client/mechanism.h"
#include "smtp/client/oauth.h"
#include "smtp/client/scram.h"
#include "smtp/command.h"

enum {
	/* RFC 4954, 4: an initial response must fit the line of RFC 5321; else it waits for 334. */
	INITIAL_LINE_LIMIT = 512,
	SECRET_LIMIT = 12288 + 2, /* RFC 4954, 4: a response in base64; with CRLF */
	BINDING_LIMIT = 128,
	ROUNDS_LIMIT = 8,
	NOTE_SIZE = 300,
};

static const char hidden_response[] = "********";

/* One login on its way; everything that holds a secret is wiped at its end. */
struct login {
	struct session *session;
	const struct mechanism *mechanism;
	Gsasl *library; /* NULL for those that it does not know */
	Gsasl_session *dialogue;
	bool is_said;	      /* the mechanism has nothing more to say */
	bool is_refused;      /* the reason has come, the 535 has not */
	char note[NOTE_SIZE]; /* the reason, in the mechanism's own words */
};

/* libgsasl frees what it was given without wiping it. */
static void wipe_properties(Gsasl_session *dialogue)
{
	static const Gsasl_property secrets[] = {
		GSASL_PASSWORD,
		GSASL_SCRAM_SALTED_PASSWORD,
		GSASL_SCRAM_SERVERKEY,
		GSASL_SCRAM_STOREDKEY,
	};

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		char *value = (char *)gsasl_property_fast(dialogue, secrets[i]);

		if (value != NULL)
			explicit_bzero(value, strlen(value));
	}
}

static void login_finish(struct login *login)
{
	if (login->dialogue != NULL) {
		wipe_properties(login->dialogue);
		gsasl_finish(login->dialogue);
	}
	if (login->library != NULL)
		gsasl_done(login->library);
	*login = (struct login){ 0 };
}

/* What carried the secret has left, or never will; its memory is still there. */
static void wipe_flight(struct stream *stream)
{
	if (stream->output.start != NULL)
		explicit_bzero(stream->output.start, stream->output.capacity);
}

/* A buffer that never moves, for a buffer that moves leaves copies behind. */
static void init_secret(struct buffer *buffer)
{
	buffer_init(buffer, SECRET_LIMIT);
	(void)buffer_reserve(buffer, SECRET_LIMIT);
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

static const char *user_of(const struct session *session)
{
	const char *user = smarthost_of(session)->user;

	return user != NULL ? user : "";
}

/* ---- what the mechanism says ---- */

/* The server's proof comes last; all before it is about the form of what was said. */
static int library_failed(const struct login *login, int code, struct error *error)
{
	const char *peer = login->session->stream->peer;
	const char *name = login->mechanism->name;

	if (code == GSASL_AUTHENTICATION_ERROR && login->mechanism->proves_server) {
		error_set(error, ERROR_NO_PERMISSION, "4.7.0",
		    "%s did not prove that it knows the password of %s (AUTH %s)", peer,
		    user_of(login->session), name);
		return error_next(
		    error, "somebody may stand between; have the operator look at the account");
	}
	if (code == GSASL_MECHANISM_PARSE_ERROR)
		return error_set(error, ERROR_UNAVAILABLE, "4.7.0",
		    "%s sent a challenge that is none of %s", peer, name);
	if (code == GSASL_SASLPREP_ERROR) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "user or password for %s hold characters that %s does not allow", peer, name);
		return error_next(error,
		    "write them in UTF-8, section [%s] of secrets.ini, without control characters",
		    title_of(login->session));
	}
	return error_set(
	    error, ERROR_SOFTWARE, "4.3.0", "GNU SASL, %s: %s", name, gsasl_strerror(code));
}

/* "tls-exporter:" and octets, to the property that wants them in base64. */
static int bind_channel(struct login *login, struct span binding)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct span type = { 0 };

	span_take_until(&binding, ':', &type);
	buffer_init(&text, 2 * BINDING_LIMIT);
	base64_encode(binding, &text);
	return gsasl_property_set(login->dialogue,
	    span_equals_string(type, "tls-exporter") ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE,
	    buffer_string(&text));
}

static int start_library(struct login *login, struct span binding, struct error *error)
{
	const struct smarthost *smarthost = smarthost_of(login->session);
	const char *user = user_of(login->session);
	bool is_external = login->mechanism->secret == MECHANISM_CERTIFICATE;
	int code = gsasl_init(&login->library);

	if (code == GSASL_OK)
		code = gsasl_client_start(login->library, login->mechanism->name, &login->dialogue);
	if (code == GSASL_OK)
		code = gsasl_property_set(
		    login->dialogue, is_external ? GSASL_AUTHZID : GSASL_AUTHID, user);
	if (code == GSASL_OK && !is_external)
		code = gsasl_property_set(login->dialogue, GSASL_PASSWORD, smarthost->password);
	if (code == GSASL_OK && login->mechanism->binds_channel)
		code = bind_channel(login, binding);
	return code == GSASL_OK ? 0 : library_failed(login, code, error);
}

static int refuse_rounds(const struct login *login, struct error *error)
{
	error_set(error, ERROR_NO_PERMISSION, "4.7.0",
	    "%s asks for more rounds of hashing (AUTH %s) than the %d that we do",
	    login->session->stream->peer, login->mechanism->name, SCRAM_ROUNDS_LIMIT);
	return error_next(error,
	    "have the operator set the password anew with fewer rounds, or in smarthost \"%s\" "
	    "write auth = \"plain\"",
	    title_of(login->session));
}

/* The server's reason for a refusal that the next reply will bring. */
static void note_refusal(struct login *login, struct span words)
{
	for (size_t i = 0; i < words.length; i++)
		if (words.start[i] == '\0')
			words.length = i;
	text_copy_span(login->note, sizeof login->note, words);
	login->is_refused = true;
}

static int respond_by_library(
    struct login *login, struct buffer *challenge, struct buffer *answer, struct error *error)
{
	char *text = NULL;
	size_t length = 0;
	struct span asked = challenge != NULL ? buffer_span(challenge) : (struct span){ 0 };
	struct span reason;

	if (login->mechanism->proves_server && scram_is_refusal(asked, &reason)) {
		note_refusal(login, reason);
		return 0;
	}
	if (login->mechanism->proves_server && !scram_is_bearable(asked))
		return refuse_rounds(login, error);
	int code = gsasl_step(login->dialogue, challenge != NULL ? buffer_string(challenge) : NULL,
	    asked.length, &text, &length);
	if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
		return library_failed(login, code, error);
	login->is_said = code == GSASL_OK;
	if (text != NULL) {
		base64_encode(span_from_bytes(text, length), answer);
		explicit_bzero(text, length);
		gsasl_free(text);
	}
	return 0;
}

/* After the first message a challenge can only be the reason for a refusal. */
static int respond_by_token(
    struct login *login, struct buffer *challenge, struct buffer *answer, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer message = { 0 };
	const struct smarthost *smarthost = smarthost_of(login->session);
	const struct oauth_login oauth = {
		.user = user_of(login->session),
		.token = smarthost->token != NULL ? smarthost->token : smarthost->password,
		.host = smarthost->host,
		.port = smarthost->port,
	};
	bool is_bearer = login->mechanism->auth == SMARTHOST_AUTH_OAUTHBEARER;

	if (!oauth_is_sound(&oauth)) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "the token for %s is empty, or user or token hold a control character",
		    login->session->stream->peer);
		return error_next(error, "write the token anew into section [%s] of secrets.ini",
		    title_of(login->session));
	}
	init_secret(&message);
	if (challenge != NULL) {
		note_refusal(login, buffer_span(challenge));
		if (is_bearer)
			buffer_append_string(&message, oauth_bearer_acknowledgement);
	} else if (is_bearer) {
		oauth_write_bearer(&message, &oauth);
	} else {
		oauth_write_xoauth2(&message, &oauth);
	}
	answer->has_overflowed |= message.has_overflowed;
	base64_encode(buffer_span(&message), answer);
	return 0;
}

/* Appends, in base64, what the mechanism answers to the challenge; NULL: it speaks first. */
static int respond(
    struct login *login, struct buffer *challenge, struct buffer *answer, struct error *error)
{
	int outcome = login->library != NULL ? respond_by_library(login, challenge, answer, error)
					     : respond_by_token(login, challenge, answer, error);

	if (outcome < 0)
		return -1;
	if (!answer->has_overflowed)
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "user and secret for %s are longer than a line of AUTH may be (12288 octets)",
	    login->session->stream->peer);
	return error_next(error, "look into section [%s] of secrets.ini: is it the right secret?",
	    title_of(login->session));
}

/* ---- lines and replies ---- */

static int converse(struct login *login, struct buffer *line, const char *hidden,
    struct reply *reply, struct error *error)
{
	struct session *session = login->session;
	int outcome = session_command(
	    session, buffer_string(line), hidden, session->settings->timeouts.auth, reply, error);

	wipe_flight(session->stream);
	return outcome;
}

/* The whole line, unless it is too long for the initial response to go with it. */
static bool write_auth(struct buffer *line, const char *name, struct buffer *initial)
{
	if (initial == NULL) {
		command_write_auth(line, name, NULL);
		return true;
	}
	if (strlen("AUTH ") + strlen(name) + 1 + initial->length + 2 > INITIAL_LINE_LIMIT)
		return false;
	/* RFC 4954, 4: "=" is a response that is there and empty. */
	command_write_auth(line, name, initial->length != 0 ? buffer_string(initial) : "=");
	return true;
}

/* AUTH, with the initial response where there is one and it fits. */
static int send_auth(struct login *login, struct reply *reply, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer line = { 0 };
	CLEANUP(buffer_finish_secret) struct buffer initial = { 0 };
	const struct mechanism *mechanism = login->mechanism;
	CLEANUP(memory_free_string)
	char *hidden = memory_format("AUTH %s %s", mechanism->name, hidden_response);

	init_secret(&line);
	init_secret(&initial);
	if (mechanism->has_initial && respond(login, NULL, &initial, error) < 0)
		return -1;
	if (write_auth(&line, mechanism->name, mechanism->has_initial ? &initial : NULL))
		return converse(login, &line, mechanism->has_initial ? hidden : NULL, reply, error);

	command_write_auth(&line, mechanism->name, NULL);
	if (converse(login, &line, NULL, reply, error) < 0)
		return -1;
	if (reply->code != 334)
		return 0;
	buffer_append_string(&initial, "\r\n");
	return converse(login, &initial, hidden_response, reply, error);
}

static int read_challenge(const struct login *login, const struct reply *reply,
    struct buffer *challenge, struct error *error)
{
	/* Many ask for name and password in words of their own, and not all of them in base64. */
	if (login->mechanism->ignores_challenge)
		return 0;
	if (base64_decode(span_trim(span_from_string(reply->text)), challenge) == 0 &&
	    !challenge->has_overflowed)
		return 0;
	return error_set(error, ERROR_UNAVAILABLE, "4.7.0",
	    "%s sent a challenge (AUTH %s) that is not in base64: %.200s",
	    login->session->stream->peer, login->mechanism->name, reply->text);
}

/* Answers one 334. */
static int answer_challenge(struct login *login, struct reply *reply, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer line = { 0 };
	CLEANUP(buffer_finish) struct buffer challenge = { 0 };

	init_secret(&line);
	buffer_init(&challenge, REPLY_TEXT_SIZE);
	/* RFC 4954, 4: "*" takes the login back; the server must refuse it then. */
	if (login->is_said || login->is_refused) {
		buffer_append_string(&line, "*");
	} else if (read_challenge(login, reply, &challenge, error) < 0 ||
		   respond(login, &challenge, &line, error) < 0) {
		return -1;
	}
	buffer_append_string(&line, "\r\n");
	return converse(login, &line, hidden_response, reply, error);
}

/* ---- refusals ---- */

/* RFC 4954, 6: 535 is 5.7.8, 454 is 4.7.0, whether the server says so or not. */
static const char *refusal_status(const struct reply *reply)
{
	if (reply->status[0] != '\0')
		return reply->status;
	return reply_class(reply) == 5 ? "5.7.8" : "4.7.0";
}

/* The table of replies knows better what most providers mean. */
static void advise_on_password(
    const struct login *login, const struct reply *reply, struct error *error)
{
	const char *title = title_of(login->session);
	bool is_auto = smarthost_of(login->session)->auth == SMARTHOST_AUTH_AUTO;

	error_next(error,
	    "mailchute secret set %s (user and password: section [%s] of secrets.ini)%s", title,
	    title,
	    login->mechanism->auth == SMARTHOST_AUTH_CRAM_MD5 && is_auto
		? "; a server that keeps passwords hashed cannot do CRAM-MD5: auth = \"plain\""
		: "");
	advice_add(reply, smarthost_of(login->session), ADVICE_AUTH, error);
}

static void advise(const struct login *login, const struct reply *reply, struct error *error)
{
	const char *title = title_of(login->session);
	bool is_printed = smarthost_of(login->session)->token_command != NULL;

	(void)error_code(error, "MC-AUTH-01");
	switch (login->mechanism->secret) {
	case MECHANISM_TOKEN:
		error_means(error, "the token is not valid, not for this user, or has expired");
		error_next(error,
		    "%s secrets.ini, section [%s], %s; one for user %s, with the right to send "
		    "mail by SMTP",
		    is_printed ? "have the token_command of" : "put a fresh token where", title,
		    is_printed ? "print a fresh token" : "has the old one",
		    user_of(login->session));
		return;
	case MECHANISM_CERTIFICATE:
		error_next(error,
		    "have the operator map the certificate of smarthost \"%s\" to an account",
		    title);
		return;
	case MECHANISM_PASSWORD:
		advise_on_password(login, reply, error);
	}
}

static int login_refused(const struct login *login, const struct reply *reply, struct error *error)
{
	char words[ERROR_TEXT_SIZE];
	const struct session *session = login->session;
	const char *user = user_of(session);

	reply_line(reply, words, sizeof words);
	error_set(error, ERROR_NO_PERMISSION, refusal_status(reply),
	    "%s refused the login of %s (AUTH %s): %s%s%s", session->stream->peer,
	    user[0] != '\0' ? user : "our certificate", login->mechanism->name, words,
	    login->note[0] != '\0' ? "; reason: " : "", login->note);
	advise(login, reply, error);
	return -1;
}

/* A server that skips its proof may be anybody: it learnt nothing, and gets no mail. */
static int check_proof(const struct login *login, struct error *error)
{
	if (!login->mechanism->proves_server || login->is_said)
		return 0;
	return library_failed(login, GSASL_AUTHENTICATION_ERROR, error);
}

static int run_dialogue(struct login *login, struct error *error)
{
	struct reply reply = { 0 };

	if (send_auth(login, &reply, error) < 0)
		return -1;
	for (unsigned round = 0; reply.code == 334 && round < ROUNDS_LIMIT; round++)
		if (answer_challenge(login, &reply, error) < 0)
			return session_break(login->session);
	if (reply.code == 235)
		return check_proof(login, error);
	if (reply_class(&reply) < 4)
		return session_unexpected(login->session, "AUTH", &reply, error);
	return login_refused(login, &reply, error);
}

static int log_in(struct session *session, struct error *error)
{
	CLEANUP(login_finish) struct login login = { .session = session };
	CLEANUP(buffer_finish) struct buffer binding = { 0 };
	struct mechanism_terms terms = {
		.smarthost = smarthost_of(session),
		.offered = session->extensions.auth,
		.peer = session->stream->peer,
		.is_secure = session->stream->is_secure,
	};

	if (smarthost_of(session)->auth == SMARTHOST_AUTH_NONE)
		return 0;
	buffer_init(&binding, BINDING_LIMIT);
	terms.has_binding = stream_channel_binding(session->stream, &binding) == 0;
	login.mechanism = mechanism_choose(&terms, error);
	if (login.mechanism == NULL)
		return error_code(error, "MC-AUTH-18");
	if (login.mechanism->secret != MECHANISM_TOKEN &&
	    start_library(&login, buffer_span(&binding), error) < 0)
		return -1;
	return run_dialogue(&login, error);
}

const struct session_authenticator authenticate_sasl = { .log_in = log_in };

void authenticate_prepare(void)
{
	Gsasl *library = NULL;

	if (gsasl_init(&library) == GSASL_OK)
		gsasl_done(library);
}
