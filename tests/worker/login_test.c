/* SPDX-License-Identifier: MIT */

/*
 * Tests every login inside the sandbox (MAILCHUTE_SANDBOX=kill), over TLS as
 * OpenSSL makes it, with a server of GNU SASL's: what a worker does between
 * its first octet and its first message.  A system call that the filter does
 * not know, a file that a mechanism opens late, ends the client.
 */

#include "worker/sandbox.h"

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "net/tls.h"
#include "smtp/client/authenticate.h"
#include "smtp/client/session.h"
#include "tests/support/cmocka.h"

#define USER "j\xc3\xbcrgen"
#define SECRET "p\xc3\xa4ss w\xc3\xb6rd"
#define TOKEN "ya29.abc-_~+/=="

enum { PATIENCE = 30000, LINE_LIMIT = 20000 };

struct row {
	const char *mechanism;
	enum smarthost_auth auth;
	const char *secret;
	bool is_refused;
	bool is_tls_1_2;
};

static char folder[] = "/tmp/mailchute-login-XXXXXX";

static char *path_of(const char *name)
{
	return memory_format("%s/%s", folder, name);
}

/* ---- the server ---- */

static void say(struct stream *stream, const char *words)
{
	struct error error;

	stream_put(stream, span_from_string(words));
	(void)stream_flush(stream, clock_deadline(PATIENCE), &error);
}

/* The next line without CRLF; false at the end. */
static bool hear(struct stream *stream, struct buffer *line)
{
	struct error error;
	ssize_t end;

	while ((end = span_find_byte(stream_input(stream), '\n')) < 0)
		if (stream_fill(stream, clock_deadline(PATIENCE), &error) <= 0)
			return false;
	buffer_clear(line);
	buffer_append_span(line, span_trim(span_first(stream_input(stream), (size_t)end)));
	stream_consume(stream, (size_t)end + 1);
	return true;
}

/* Only the type that this TLS has is given, in base64 as the library wants it. */
static int give_binding(
    const struct stream *stream, Gsasl_session *dialogue, Gsasl_property property)
{
	CLEANUP(buffer_finish) struct buffer octets = { .limit = LINE_LIMIT };
	CLEANUP(buffer_finish) struct buffer text = { .limit = LINE_LIMIT };
	const char *type = property == GSASL_CB_TLS_EXPORTER ? "tls-exporter:" : "tls-unique:";

	if (stream_channel_binding(stream, &octets) < 0 ||
	    !span_starts_with(buffer_span(&octets), type))
		return GSASL_NO_CALLBACK;
	base64_encode(span_after(buffer_span(&octets), strlen(type)), &text);
	return gsasl_property_set(dialogue, property, buffer_string(&text));
}

static int answer_library(Gsasl *library, Gsasl_session *dialogue, Gsasl_property property)
{
	switch (property) {
	case GSASL_PASSWORD:
		return gsasl_property_set(dialogue, property, SECRET);
	case GSASL_VALIDATE_EXTERNAL:
		return strcmp(gsasl_property_fast(dialogue, GSASL_AUTHZID), USER) == 0
			   ? GSASL_OK
			   : GSASL_AUTHENTICATION_ERROR;
	case GSASL_CB_TLS_EXPORTER:
	case GSASL_CB_TLS_UNIQUE:
		return give_binding(gsasl_callback_hook_get(library), dialogue, property);
	default:
		return GSASL_NO_CALLBACK;
	}
}

static int step(Gsasl_session *dialogue, const struct buffer *line, struct buffer *answer)
{
	CLEANUP(buffer_finish) struct buffer said = { .limit = LINE_LIMIT };
	char *text = NULL;
	size_t length = 0;

	if (base64_decode(buffer_span(line), &said) < 0)
		return GSASL_BASE64_ERROR;
	int code = gsasl_step(dialogue, buffer_string(&said), said.length, &text, &length);
	buffer_clear(answer);
	if (text != NULL)
		base64_encode(span_from_bytes(text, length), answer);
	gsasl_free(text);
	return code;
}

static bool serve_by_library(struct stream *stream, const char *mechanism, struct buffer *line)
{
	CLEANUP(buffer_finish) struct buffer answer = { .limit = LINE_LIMIT };
	CLEANUP(buffer_finish) struct buffer reply = { .limit = LINE_LIMIT };
	Gsasl *library = NULL;
	Gsasl_session *dialogue = NULL;
	int code = gsasl_init(&library);

	if (code == GSASL_OK)
		code = gsasl_server_start(library, mechanism, &dialogue);
	if (code != GSASL_OK)
		return false;
	gsasl_callback_set(library, answer_library);
	gsasl_callback_hook_set(library, stream);
	do {
		code = step(dialogue, line, &answer);
		if (code != GSASL_NEEDS_MORE && (code != GSASL_OK || answer.length == 0))
			break;
		buffer_clear(&reply);
		buffer_format(&reply, "334 %s\r\n", buffer_string(&answer));
		say(stream, buffer_string(&reply));
		if (!hear(stream, line))
			code = GSASL_AUTHENTICATION_ERROR;
	} while (code == GSASL_NEEDS_MORE);
	gsasl_finish(dialogue);
	gsasl_done(library);
	return code == GSASL_OK;
}

/* RFC 7628, 3.2.2: the reason is a challenge. */
static bool serve_token(struct stream *stream, struct buffer *line)
{
	CLEANUP(buffer_finish) struct buffer said = { .limit = LINE_LIMIT };
	static const char right[] = "auth=Bearer " TOKEN "\001\001";

	if (base64_decode(buffer_span(line), &said) == 0 &&
	    memmem(said.start, said.length, right, sizeof right - 1) != NULL)
		return true;
	say(stream, "334 eyJzdGF0dXMiOiI0MDAifQ==\r\n");
	(void)hear(stream, line);
	return false;
}

static void serve_login(struct stream *stream, const char *mechanism, struct buffer *line)
{
	struct span rest = buffer_span(line);
	struct span word;

	span_take_word(&rest, &word);
	span_take_word(&rest, &word);
	assert_true(span_equals_string(word, mechanism));
	CLEANUP(memory_free_string) char *initial = span_copy(span_trim(rest));
	buffer_clear(line);
	if (strcmp(initial, "=") != 0)
		buffer_append_string(line, initial);
	bool is_token = strcmp(mechanism, "XOAUTH2") == 0 || strcmp(mechanism, "OAUTHBEARER") == 0;
	bool is_good = is_token ? serve_token(stream, line)
				: serve_by_library(stream, mechanism, line);
	say(stream, is_good ? "235 2.7.0 welcome\r\n" : "535 5.7.8 no\r\n");
}

static void serve(int fd, struct tls *tls, const char *mechanism)
{
	CLEANUP(buffer_finish) struct buffer line = { .limit = LINE_LIMIT };
	CLEANUP(stream_finish) struct stream stream;
	struct stream_security security = tls_security(tls);
	struct error error;

	stream_init_take_fd(&stream, fd, fd, "client");
	if (security.start(security.context, &stream, NULL, clock_deadline(PATIENCE), &error) < 0) {
		print_error("%s\n", error.text);
		return;
	}
	say(&stream, "220 localhost\r\n");
	while (hear(&stream, &line)) {
		CLEANUP(memory_free_string)
		char *hello = memory_format("250-localhost\r\n250 AUTH %s\r\n", mechanism);

		if (span_starts_with(buffer_span(&line), "AUTH"))
			serve_login(&stream, mechanism, &line);
		else if (span_starts_with(buffer_span(&line), "EHLO"))
			say(&stream, hello);
		else
			break;
	}
}

/* The certificate is there when the pipe says so. */
static void run_server(int fd, int ready, const struct row *row)
{
	CLEANUP(memory_free_string) char *certificate = path_of("certificate.pem");
	struct error error;
	struct tls *tls = tls_server_new_self_signed("localhost", &error);

	if (tls == NULL || tls_write_certificate(tls, certificate, &error) < 0 ||
	    write(ready, "!", 1) != 1)
		_exit(1);
	serve(fd, tls, row->mechanism);
	tls_free(tls);
	_exit(0);
}

/* ---- the client ---- */

static struct smarthost smarthost_of(const struct row *row)
{
	struct smarthost smarthost;

	smarthost_init(&smarthost);
	smarthost.name = memory_copy_string("relay");
	smarthost.host = memory_copy_string("localhost");
	smarthost.tls = SMARTHOST_TLS_IMPLICIT;
	smarthost.auth = row->auth;
	smarthost.user = memory_copy_string(USER);
	if (row->auth == SMARTHOST_AUTH_EXTERNAL)
		smarthost.client_certificate = path_of("certificate.pem");
	else if (row->auth == SMARTHOST_AUTH_XOAUTH2 || row->auth == SMARTHOST_AUTH_OAUTHBEARER)
		smarthost.token = memory_copy_string(row->secret);
	else
		smarthost.password = memory_copy_string(row->secret);
	return smarthost;
}

static bool open_in_sandbox(struct stream *stream, const struct session_settings *settings)
{
	struct session session;
	struct error error;

	if (sandbox_enter(&error) < 0) {
		print_error("%s\n", error.text);
		_exit(2);
	}
	int outcome = session_open(&session, stream, settings, &error);
	session_quit(&session);
	session_finish(&session);
	return outcome == 0;
}

static void run_client(int fd, int ready, const struct row *row)
{
	CLEANUP(memory_free_string) char *certificate = path_of("certificate.pem");
	struct smarthost smarthost = smarthost_of(row);
	struct stream stream;
	struct error error;
	char octet;

	if (read(ready, &octet, 1) != 1)
		_exit(2);
	struct tls *tls = tls_client_new(certificate, &error);
	if (tls == NULL)
		_exit(2);
	struct stream_security security = tls_security(tls);
	const struct session_settings settings = {
		.smarthost = &smarthost,
		.hello = "client.example",
		.security = &security,
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts,
	};
	stream_init_take_fd(&stream, fd, fd, "localhost:465");
	authenticate_prepare();
	bool is_open = open_in_sandbox(&stream, &settings);
	bool is_right_version = strncmp(stream.security, row->is_tls_1_2 ? "TLSv1.2" : "TLSv1.3",
				    7) == 0;
	stream_finish(&stream);
	tls_free(tls);
	smarthost_finish(&smarthost);
	_exit(!is_right_version ? 4 : is_open ? 0 : 3);
}

static void limit_tls(const struct row *row)
{
	CLEANUP(memory_free_string) char *path = path_of("openssl.cnf");

	if (row->is_tls_1_2 && setenv("OPENSSL_CONF", path, 1) < 0)
		_exit(2);
}

static int wait_for(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status))
		return 1000 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* The exit code of the client; both have a process, so that OpenSSL starts anew in each. */
static int run(const struct row *row)
{
	int ends[2], ready[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(pipe(ready), 0);
	pid_t server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		file_close(&ends[0]);
		limit_tls(row);
		run_server(ends[1], ready[1], row);
	}
	file_close(&ends[1]);
	file_close(&ready[1]);
	pid_t client = fork();
	assert_true(client >= 0);
	if (client == 0)
		run_client(ends[0], ready[0], row);
	file_close(&ends[0]);
	file_close(&ready[0]);
	int outcome = wait_for(client);
	assert_int_equal(wait_for(server), 0);
	return outcome;
}

static void every_login_stays_inside_the_sandbox(void **state)
{
	static const struct row rows[] = {
		{ "PLAIN", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "LOGIN", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "CRAM-MD5", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "SCRAM-SHA-1", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "SCRAM-SHA-256", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "SCRAM-SHA-1-PLUS", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "SCRAM-SHA-256-PLUS", SMARTHOST_AUTH_AUTO, SECRET, false, false },
		{ "SCRAM-SHA-1-PLUS", SMARTHOST_AUTH_AUTO, SECRET, false, true },
		{ "SCRAM-SHA-256-PLUS", SMARTHOST_AUTH_AUTO, SECRET, false, true },
		{ "EXTERNAL", SMARTHOST_AUTH_EXTERNAL, "", false, false },
		{ "XOAUTH2", SMARTHOST_AUTH_XOAUTH2, TOKEN, false, false },
		{ "OAUTHBEARER", SMARTHOST_AUTH_OAUTHBEARER, TOKEN, false, false },
		{ "PLAIN", SMARTHOST_AUTH_AUTO, "wrong", true, false },
		{ "LOGIN", SMARTHOST_AUTH_AUTO, "wrong", true, false },
		{ "CRAM-MD5", SMARTHOST_AUTH_AUTO, "wrong", true, false },
		{ "SCRAM-SHA-1", SMARTHOST_AUTH_AUTO, "wrong", true, false },
		{ "SCRAM-SHA-256", SMARTHOST_AUTH_AUTO, "wrong", true, false },
		{ "SCRAM-SHA-256-PLUS", SMARTHOST_AUTH_AUTO, "wrong", true, false },
		{ "XOAUTH2", SMARTHOST_AUTH_XOAUTH2, "wrong", true, false },
		{ "OAUTHBEARER", SMARTHOST_AUTH_OAUTHBEARER, "wrong", true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int outcome = run(&rows[i]);

		if (outcome != (rows[i].is_refused ? 3 : 0))
			fail_msg("%s (row %zu): %d", rows[i].mechanism, i, outcome);
	}
}

static int make_folder(void **state)
{
	CLEANUP(memory_free_string) char *path = NULL;
	FILE *file;

	(void)state;
	if (setenv("MAILCHUTE_SANDBOX", "kill", 1) < 0 || mkdtemp(folder) == NULL)
		return -1;
	path = path_of("openssl.cnf");
	file = fopen(path, "w");
	if (file == NULL)
		return -1;
	fputs("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
	      "[c]\nMaxProtocol = TLSv1.2\n",
	    file);
	return fclose(file);
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "openssl.cnf", "certificate.pem" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP(memory_free_string) char *path = path_of(names[i]);

		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_login_stays_inside_the_sandbox),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
