/* SPDX-License-Identifier: MIT */

/*
 * Tests worker/worker.c and worker/parent.c against a server in a child of its
 * own.  All workers run with MAILCHUTE_SANDBOX=kill, so a system call that the
 * filter does not know ends the test.
 */

#include "worker/worker.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "net/listen.h"
#include "net/stream.h"
#include "net/tls.h"
#include "smtp/client/session.h"

/* A test that waits longer than this has failed. */
enum { PATIENCE = 30000 };

/* "user", "Tr0ub4dor-marker" */
#define PASSWORD "Tr0ub4dor-marker"
#define PLAIN_LOGIN "AUTH PLAIN AHVzZXIAVHIwdWI0ZG9yLW1hcmtlcg=="

/*
 * The server: says yes to everything, but to a recipient
 *	refused@	550
 *	later@		450
 *	vanish@		hangs up
 * and to one it is asked about (VRFY)
 *	refused@	550 in two lines
 *	later@		252
 *	vanish@		hangs up
 * A content that holds "GOODBYE" is taken, then follow a 421 and the end;
 * one that holds "SILENCE" is taken, then follows the end alone.
 */
struct server {
	int listener;
	struct tls *tls; /* NULL: STARTTLS is not offered */
	bool is_implicit;
	bool examines;		/* the first client only connects */
	const char *auth;	/* what EHLO offers; NULL: nothing */
	const char *transcript; /* the path of a file that holds all octets that came */
	pid_t pid;
	int port;
};

struct conversation {
	const struct server *server;
	struct stream stream;
	int transcript;
	bool is_over;
	size_t recipients; /* of the open transaction */
};

static int64_t patience(void)
{
	return clock_deadline(PATIENCE);
}

static void say(struct conversation *conversation, const char *words)
{
	struct error error;

	stream_put(&conversation->stream, span_from_string(words));
	(void)stream_flush(&conversation->stream, patience(), &error);
}

/* Takes size octets, waiting for them. */
static bool take(struct conversation *conversation, size_t size, struct buffer *octets)
{
	struct error error;

	while (octets->length < size) {
		struct span input = stream_input(&conversation->stream);

		if (input.length == 0 &&
		    stream_fill(&conversation->stream, patience(), &error) <= 0)
			return false;
		input = span_first(stream_input(&conversation->stream), size - octets->length);
		buffer_append_span(octets, input);
		(void)!write(conversation->transcript, input.start, input.length);
		stream_consume(&conversation->stream, input.length);
	}
	return true;
}

static bool take_line(struct conversation *conversation, struct buffer *line)
{
	buffer_clear(line);
	while (span_find_byte(buffer_span(line), '\n') < 0)
		if (!take(conversation, line->length + 1, line))
			return false;
	return true;
}

static void start_tls(struct conversation *conversation)
{
	struct stream_security security = tls_security(conversation->server->tls);
	struct error error;

	if (security.start(security.context, &conversation->stream, NULL, patience(), &error) < 0)
		conversation->is_over = true;
}

static void answer_hello(struct conversation *conversation)
{
	const struct server *server = conversation->server;
	char text[300];

	snprintf(text, sizeof text, "250-test\r\n%s%s%s%s250-PIPELINING\r\n250 CHUNKING\r\n",
	    server->tls != NULL && !conversation->stream.is_secure ? "250-STARTTLS\r\n" : "",
	    server->auth != NULL ? "250-AUTH " : "", server->auth != NULL ? server->auth : "",
	    server->auth != NULL ? "\r\n" : "");
	say(conversation, text);
}

static void answer_recipient(struct conversation *conversation, struct span line)
{
	CLEANUP(memory_free_string) char *text = span_copy(line);

	if (strstr(text, "refused@") != NULL)
		say(conversation, "550 5.1.1 nobody of that name\r\n");
	else if (strstr(text, "later@") != NULL)
		say(conversation, "450 4.2.0 come back later\r\n");
	else if (strstr(text, "vanish@") != NULL)
		conversation->is_over = true;
	else {
		conversation->recipients++;
		say(conversation, "250 2.1.5 fine\r\n");
	}
}

static void answer_verify(struct conversation *conversation, struct span line)
{
	CLEANUP(memory_free_string) char *text = span_copy(line);

	if (strstr(text, "refused@") != NULL)
		say(conversation, "550-5.1.1 nobody\r\n550 5.1.1 of that name\r\n");
	else if (strstr(text, "later@") != NULL)
		say(conversation, "252 come and see\r\n");
	else if (strstr(text, "vanish@") != NULL)
		conversation->is_over = true;
	else
		say(conversation, "250 2.1.5 <full@example.net>\r\n");
}

static void answer_content(struct conversation *conversation, struct span line)
{
	CLEANUP(buffer_finish) struct buffer content = { .limit = 1 << 24 };
	struct span rest = line;
	struct span word;
	uint64_t size = 0;

	(void)span_take_word(&rest, &word);
	(void)span_take_word(&rest, &word);
	if (!span_to_number(span_trim(word), &size) || !take(conversation, size, &content)) {
		conversation->is_over = true;
		return;
	}
	if (conversation->recipients == 0) {
		say(conversation, "503 5.5.1 no recipient\r\n");
		return;
	}
	const char *text = buffer_string(&content);
	conversation->recipients = 0;
	say(conversation, "250 2.0.0 taken\r\n");
	if (strstr(text, "GOODBYE") != NULL)
		say(conversation, "421 4.4.2 idle for too long\r\n");
	conversation->is_over = strstr(text, "GOODBYE") != NULL || strstr(text, "SILENCE") != NULL;
}

static void answer(struct conversation *conversation, struct span line)
{
	if (span_starts_with(line, "EHLO "))
		answer_hello(conversation);
	else if (span_starts_with(line, "RCPT "))
		answer_recipient(conversation, line);
	else if (span_starts_with(line, "BDAT "))
		answer_content(conversation, line);
	else if (span_starts_with(line, "VRFY "))
		answer_verify(conversation, line);
	else if (span_starts_with(line, "QUIT"))
		conversation->is_over = true;
	else if (span_starts_with(line, "AUTH "))
		say(conversation, span_equals_string(span_trim(line), PLAIN_LOGIN)
				      ? "235 2.7.0 come in\r\n"
				      : "535 5.7.8 wrong password, my friend\r\n");
	else if (span_starts_with(line, "STARTTLS")) {
		say(conversation, "220 2.0.0 go ahead\r\n");
		start_tls(conversation);
	} else {
		say(conversation, "250 2.0.0 yes\r\n");
	}
}

_Noreturn static void serve_one(const struct server *server)
{
	struct conversation conversation = { .server = server };
	CLEANUP(buffer_finish) struct buffer line = { .limit = 1 << 16 };
	(void)file_set_nonblocking(server->listener, false);
	int fd = accept(server->listener, NULL, NULL);
	if (server->examines) {
		file_close(&fd);
		fd = accept(server->listener, NULL, NULL);
	}

	conversation.transcript = open(server->transcript, O_WRONLY | O_APPEND);
	stream_init_take_fd(&conversation.stream, fd, fd, "client");
	if (server->is_implicit)
		start_tls(&conversation);
	if (!conversation.is_over)
		say(&conversation, "220 test ESMTP\r\n");
	while (!conversation.is_over && take_line(&conversation, &line))
		answer(&conversation, buffer_span(&line));
	stream_finish(&conversation.stream);
	_exit(0);
}

/* What every test has. */
struct scene {
	char folder[64];
	char certificate[100];
	char transcript[100];
	struct tls *tls; /* for "localhost" */
	struct worker_parent parent;
	struct channel channel; /* to the worker of this test */
	struct server server;
};

static void start_server_at(struct scene *scene, int listener, struct server options)
{
	scene->server = options;
	scene->server.listener = listener;
	scene->server.transcript = scene->transcript;
	file_close(&(int){ open(scene->transcript, O_WRONLY | O_CREAT | O_TRUNC, 0600) });
	scene->server.pid = fork();
	assert_true(scene->server.pid >= 0);
	if (scene->server.pid == 0)
		serve_one(&scene->server);
	file_close(&scene->server.listener);
}

static void start_server(struct scene *scene, struct server options)
{
	struct error error;
	int listener = listen_tcp("127.0.0.1:0", &error);

	assert_true(listener >= 0);
	options.port = listen_port(listener);
	start_server_at(scene, listener, options);
}

static void end_server(struct scene *scene)
{
	int status;

	assert_int_equal(waitpid(scene->server.pid, &status, 0), scene->server.pid);
	assert_int_equal(status, 0);
	scene->server.pid = 0;
}

/* What the server got, up to now. */
static bool server_heard(struct scene *scene, const char *words)
{
	CLEANUP(buffer_finish) struct buffer content = { .limit = 1 << 24 };
	struct error error;

	assert_int_equal(file_read_whole(scene->transcript, &content, &error), 0);
	return memmem(content.start, content.length, words, strlen(words)) != NULL;
}

/* A relay request to the server, which a test changes before it is sent. */
static struct request_relay relay_to(
    const struct scene *scene, const char *host, enum smarthost_tls tls)
{
	struct request_relay relay = { 0 };

	smarthost_init(&relay.smarthost);
	relay.smarthost.name = memory_copy_string("test");
	relay.smarthost.url = memory_format("smtp://%s:%d", host, scene->server.port);
	relay.smarthost.host = memory_copy_string(host);
	relay.smarthost.port = (uint16_t)scene->server.port;
	relay.smarthost.tls = tls;
	relay.smarthost.connect_timeout = PATIENCE;
	relay.hello = memory_copy_string("client.example");
	return relay;
}

static void set_login(struct request_relay *relay, const char *password)
{
	relay->smarthost.user = memory_copy_string("user");
	relay->smarthost.password = memory_copy_string(password);
}

static void set_ca_file(struct request_relay *relay, const char *path)
{
	relay->smarthost.ca_file = memory_copy_string(path);
}

/* Starts a worker and sends the request, which is finished. */
static void ask(struct scene *scene, struct request_relay *relay)
{
	CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
	struct error error;

	request_encode_relay(relay, &message);
	request_finish_relay(relay);
	if (worker_start(&scene->parent, &scene->channel, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(channel_send(&scene->channel, buffer_span(&message), -1), 0);
}

static const char header[] = "Subject: test\r\n\r\n";

/* One message for the recipients, which are separated by blanks. */
static void send_message(
    struct scene *scene, uint32_t number, const char *recipients, const char *body)
{
	CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
	CLEANUP(request_finish_attempt)
	struct request_attempt attempt = {
		.number = number,
		.header = memory_copy_string(header),
		.header_length = strlen(header),
		.body_offset = 7,
		.body_length = strlen(body),
	};
	struct span rest = span_from_string(recipients);
	struct span word;
	struct error error;
	FILE *file = tmpfile();

	/* What stands before and after the body is no part of it. */
	assert_non_null(file);
	fprintf(file, "before:%s:after", body);
	fflush(file);
	assert_int_equal(
	    envelope_set_sender(&attempt.envelope, span_from_string("me@client.example"), &error),
	    0);
	while (span_take_word(&rest, &word))
		assert_int_equal(envelope_add_recipient(
				     &attempt.envelope, word, span_from_string(""), 0, &error),
		    0);
	request_encode_attempt(&attempt, &message);
	assert_int_equal(channel_send(&scene->channel, buffer_span(&message), fileno(file)), 0);
	fclose(file);
}

/* False when the worker has ended without a word. */
static bool next_result(struct scene *scene, struct result *result)
{
	CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
	struct error error;
	int descriptor;

	while (channel_take(&scene->channel, &message, &descriptor) == 0)
		if (channel_fill(&scene->channel) <= 0)
			return false;
	if (result_decode(buffer_span(&message), result, &error) < 0)
		fail_msg("%s", error.text);
	return true;
}

static void expect_ready(struct scene *scene, const char *text)
{
	struct result result;

	if (!next_result(scene, &result))
		fail_msg("the worker died");
	if (result.kind != RESULT_READY)
		fail_msg("not ready: %c step %d %s", result.kind, result.step, result.error.text);
	if (strstr(result.text, text) == NULL && strstr(result.security, text) == NULL)
		fail_msg("\"%s\" by \"%s\" lacks \"%s\"", result.text, result.security, text);
}

static void expect_recipient(struct scene *scene, uint32_t number, uint32_t recipient,
    enum result_outcome outcome, const char *text)
{
	struct result result;

	if (!next_result(scene, &result))
		fail_msg("the worker died");
	if (result.kind != RESULT_RECIPIENT)
		fail_msg("no recipient: %c %s", result.kind, result.error.text);
	assert_int_equal(result.number, number);
	assert_int_equal(result.recipient, recipient);
	assert_int_equal(result.outcome, outcome);
	assert_true(result.status[0] != '\0');
	if (strstr(result.text, text) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", result.text, text);
}

static void expect_done(struct scene *scene, uint32_t number)
{
	struct result result;

	if (!next_result(scene, &result))
		fail_msg("the worker died");
	if (result.kind != RESULT_DONE)
		fail_msg("not done: %c %s", result.kind, result.error.text);
	assert_int_equal(result.number, number);
}

/* The last word of a worker, after which its channel ends. */
static void expect_lost(struct scene *scene, enum session_step step, const char *text)
{
	struct result result;

	if (!next_result(scene, &result))
		fail_msg("the worker died");
	if (result.kind != RESULT_LOST)
		fail_msg("not lost: %c %s", result.kind, result.text);
	if (strstr(result.error.text, text) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", result.error.text, text);
	assert_int_equal(result.step, step);
	assert_null(strstr(result.error.text, PASSWORD));
	assert_false(next_result(scene, &result));
}

static void a_message_is_delivered(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	ask(scene, &relay);
	expect_ready(scene, "[127.0.0.1]");
	send_message(scene, 7, "one@example.net two@example.net", "The body.\r\n");
	expect_recipient(scene, 7, 0, RESULT_DELIVERED, "taken");
	expect_recipient(scene, 7, 1, RESULT_DELIVERED, "taken");
	expect_done(scene, 7);
	/* Two at once: the second waits its turn. */
	send_message(scene, 8, "three@example.net", "Another body.\r\n");
	send_message(scene, 9, "four@example.net", "");
	expect_recipient(scene, 8, 0, RESULT_DELIVERED, "taken");
	expect_done(scene, 8);
	expect_recipient(scene, 9, 0, RESULT_DELIVERED, "taken");
	expect_done(scene, 9);
	channel_finish(&scene->channel);
	end_server(scene);
	assert_true(server_heard(scene, "EHLO client.example\r\n"));
	assert_true(server_heard(scene, "MAIL FROM:<me@client.example>"));
	assert_true(server_heard(scene, "RCPT TO:<two@example.net>"));
	assert_true(server_heard(scene, "LAST\r\nSubject: test\r\n\r\nThe body.\r\n"));
	assert_true(server_heard(scene, "LAST\r\nSubject: test\r\n\r\nAnother body.\r\n"));
	assert_false(server_heard(scene, "before:"));
	assert_false(server_heard(scene, ":after"));
	assert_true(server_heard(scene, "QUIT\r\n"));
}

static void send_verify(struct scene *scene, const char *address)
{
	CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };

	request_encode_verify(address, &message);
	assert_int_equal(channel_send(&scene->channel, buffer_span(&message), -1), 0);
}

static void expect_verified(struct scene *scene, int code, const char *status, const char *text)
{
	struct result result;

	if (!next_result(scene, &result))
		fail_msg("the worker died");
	if (result.kind != RESULT_VERIFIED)
		fail_msg("not verified: %c %s", result.kind, result.error.text);
	assert_int_equal(result.code, code);
	assert_string_equal(result.status, status);
	assert_string_equal(result.text, text);
}

static void start_inquiry(struct scene *scene)
{
	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	relay.is_inquiry = true;
	ask(scene, &relay);
}

static void an_inquiry_asks_and_sends_nothing(void **state)
{
	struct scene *scene = *state;

	start_inquiry(scene);
	/* Before the session stands, and two at once. */
	send_verify(scene, "one@example.net");
	send_verify(scene, "refused@example.net");
	expect_ready(scene, "[127.0.0.1]");
	expect_verified(scene, 250, "2.1.5", "250 2.1.5 <full@example.net>");
	expect_verified(scene, 550, "5.1.1", "550 5.1.1 nobody / of that name");
	send_verify(scene, "later@example.net");
	expect_verified(scene, 252, "", "252 come and see");
	channel_finish(&scene->channel);
	end_server(scene);
	assert_true(server_heard(scene, "VRFY refused@example.net\r\n"));
	assert_true(server_heard(scene, "QUIT\r\n"));
	assert_false(server_heard(scene, "MAIL"));
}

static void an_inquiry_that_is_lost_says_so(void **state)
{
	struct scene *scene = *state;

	start_inquiry(scene);
	expect_ready(scene, "");
	send_verify(scene, "vanish@example.net");
	expect_lost(scene, SESSION_CLOSED, "closed the connection");
	end_server(scene);
}

static void an_inquiry_takes_no_message(void **state)
{
	struct scene *scene = *state;

	start_inquiry(scene);
	expect_ready(scene, "");
	send_message(scene, 7, "one@example.net", "The body.\r\n");
	expect_lost(scene, SESSION_CLOSED, "not the request for an address");
	end_server(scene);
	assert_false(server_heard(scene, "MAIL"));
}

static void send_sender(struct scene *scene, const char *address)
{
	CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };

	request_encode_sender(address, &message);
	assert_int_equal(channel_send(&scene->channel, buffer_span(&message), -1), 0);
}

/* text: a part of it. */
static void expect_fact(struct scene *scene, const char *name, int code, const char *text)
{
	struct result result;

	if (!next_result(scene, &result))
		fail_msg("the worker died");
	if (result.kind != RESULT_FACT)
		fail_msg("no fact: %c %s", result.kind, result.error.text);
	assert_string_equal(result.fact, name);
	assert_int_equal(result.code, code);
	if (strstr(result.text, text) == NULL)
		fail_msg("%s: \"%s\" lacks \"%s\"", name, result.text, text);
}

static void an_examination_tells_facts_and_sends_nothing(void **state)
{
	struct scene *scene = *state;
	struct server options = { .tls = scene->tls, .auth = "PLAIN", .examines = true };

	/* The first connection is made for its own sake, and says nothing. */
	start_server(scene, options);
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_STARTTLS);
	set_login(&relay, PASSWORD);
	set_ca_file(&relay, scene->certificate);
	relay.smarthost.family = 4;
	relay.is_examination = true;
	ask(scene, &relay);
	send_sender(scene, "me@client.example");
	expect_fact(scene, "address.ok", 0, "127.0.0.1 ");
	expect_ready(scene, "TLSv1.3");
	expect_fact(scene, "chain", 0, "mailchute, self-signed");
	expect_fact(scene, "names", 0, "localhost");
	expect_fact(scene, "since", 0, "");
	expect_fact(scene, "until", 0, "");
	expect_fact(scene, "capabilities", 0, "PIPELINING, CHUNKING, AUTH PLAIN");
	expect_fact(scene, "mail", 250, "250");
	expect_fact(scene, "rcpt", 250, "250 2.1.5 fine");
	expect_done(scene, 0);
	send_sender(scene, "refused@client.example");
	expect_fact(scene, "mail", 250, "250");
	expect_fact(scene, "rcpt", 550, "550 5.1.1 nobody of that name");
	expect_done(scene, 0);
	channel_finish(&scene->channel);
	end_server(scene);
	assert_true(server_heard(scene, "MAIL FROM:<me@client.example>"));
	assert_true(server_heard(scene, "RSET\r\n"));
	assert_true(server_heard(scene, "QUIT\r\n"));
	assert_false(server_heard(scene, "BDAT"));
	assert_false(server_heard(scene, "DATA"));
}

/* Where nobody listens, that is told of each address, and then the end. */
static void an_examination_tells_who_does_not_answer(void **state)
{
	struct scene *scene = *state;
	struct error error;
	int listener = listen_tcp("127.0.0.1:0", &error);

	scene->server.port = listen_port(listener);
	file_close(&listener);
	struct request_relay relay = relay_to(scene, "127.0.0.1", SMARTHOST_TLS_NEVER);
	relay.is_examination = true;
	ask(scene, &relay);
	expect_fact(scene, "address.failed", 0, "127.0.0.1: Connection refused");
	expect_lost(scene, SESSION_CONNECT, "refused");
}

static void an_examination_takes_no_message(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ .examines = true });
	struct request_relay relay = relay_to(scene, "127.0.0.1", SMARTHOST_TLS_NEVER);
	relay.is_examination = true;
	ask(scene, &relay);
	expect_fact(scene, "address.ok", 0, "127.0.0.1 ");
	expect_ready(scene, "");
	expect_fact(scene, "capabilities", 0, "PIPELINING");
	send_message(scene, 7, "one@example.net", "The body.\r\n");
	expect_lost(scene, SESSION_CLOSED, "not the request for an address");
	end_server(scene);
	assert_false(server_heard(scene, "MAIL"));
}

static void what_cannot_be_asked_is_lost(void **state)
{
	struct scene *scene = *state;

	start_inquiry(scene);
	expect_ready(scene, "");
	send_verify(scene, "\xc3\xa4@example.net");
	expect_lost(scene, SESSION_CLOSED, "VRFY");
	end_server(scene);
	assert_false(server_heard(scene, "VRFY"));
}

static void a_large_message_is_delivered(void **state)
{
	struct scene *scene = *state;
	size_t size = (size_t)3 << 20;
	CLEANUP(memory_free_string) char *body = memory_allocate(size + 1);

	memset(body, 'x', size);
	memcpy(body + size - 8, "the end.", 8);
	start_server(scene, (struct server){ .tls = scene->tls });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_STARTTLS);
	set_ca_file(&relay, scene->certificate);
	ask(scene, &relay);
	expect_ready(scene, "TLS");
	send_message(scene, 1, "one@example.net", body);
	expect_recipient(scene, 1, 0, RESULT_DELIVERED, "taken");
	expect_done(scene, 1);
	channel_finish(&scene->channel);
	end_server(scene);
	assert_true(server_heard(scene, "xxthe end."));
}

static void each_recipient_has_its_own_fate(void **state)
{
	static const enum result_outcome outcomes[] = { RESULT_DELIVERED, RESULT_FAILED,
		RESULT_DEFERRED };
	static const char *const words[] = { "taken", "nobody of that name", "come back later" };
	struct scene *scene = *state;
	bool is_seen[3] = { false };

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	send_message(scene, 1, "one@example.net refused@example.net later@example.net", "x\r\n");
	/* Refusals may come before the content is answered. */
	for (int i = 0; i < 3; i++) {
		struct result result;

		assert_true(next_result(scene, &result));
		assert_int_equal(result.kind, RESULT_RECIPIENT);
		assert_true(result.recipient < 3);
		assert_int_equal(result.outcome, outcomes[result.recipient]);
		assert_non_null(strstr(result.text, words[result.recipient]));
		is_seen[result.recipient] = true;
	}
	assert_true(is_seen[0] && is_seen[1] && is_seen[2]);
	expect_done(scene, 1);
	/* A refusal of all leaves the session usable. */
	send_message(scene, 2, "refused@example.net", "x\r\n");
	expect_recipient(scene, 2, 0, RESULT_FAILED, "550 5.1.1");
	expect_done(scene, 2);
	channel_finish(&scene->channel);
	end_server(scene);
}

static void the_conversation_is_told_of_where_it_was_asked_for(void **state)
{
	static const struct row {
		char direction;
		const char *text;
	} rows[] = { { '*', "connecting to localhost:" }, { '*', "connected to localhost:" },
		{ '<', "220 " }, { '>', "EHLO " },
		{ '*', "no more of the conversation is shown" } };
	struct scene *scene = *state;
	struct result result;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	relay.trace_limit = sizeof rows / sizeof rows[0];
	ask(scene, &relay);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(next_result(scene, &result));
		assert_int_equal(result.kind, RESULT_TRACE);
		assert_int_equal(result.direction, rows[i].direction);
		if (strncmp(result.text, rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("not \"%s\" but \"%s\"", rows[i].text, result.text);
	}
	expect_ready(scene, "localhost");
	channel_finish(&scene->channel);
	end_server(scene);
}

/* The last word of a worker: has_stumbled. */
static bool next_lost_has_stumbled(struct scene *scene)
{
	struct result result;

	assert_true(next_result(scene, &result));
	assert_int_equal(result.kind, RESULT_LOST);
	assert_non_null(strstr(result.error.text, "localhost"));
	assert_false(next_result(scene, &(struct result){ 0 }));
	return result.has_stumbled;
}

static void a_server_that_goes_away_defers(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	relay.is_step_by_step = true;
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	/* It goes away when both are handed in, lest the second finds no worker. */
	assert_int_equal(kill(scene->server.pid, SIGSTOP), 0);
	send_message(scene, 1, "vanish@example.net", "x\r\n");
	send_message(scene, 2, "one@example.net", "x\r\n");
	assert_int_equal(kill(scene->server.pid, SIGCONT), 0);
	expect_recipient(scene, 1, 0, RESULT_DEFERRED, "localhost");
	expect_done(scene, 1);
	assert_false(next_lost_has_stumbled(scene));
	end_server(scene);
}

/* It may have gone away because of what was sent ahead, of which no content was. */
static void a_server_that_stumbles_is_told_of(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	/* A text that must not be run, so that it does not leave with the envelope. */
	send_message(scene, 1, "vanish@example.net", "DATA\r\n");
	assert_true(next_lost_has_stumbled(scene));
	end_server(scene);
}

/* As many as a test hands in before it reads the first result. */
static void many_messages_are_handed_in_at_once(void **state)
{
	enum { COUNT = 200 };
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	relay.smarthost.window = SMARTHOST_WINDOW;
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	for (uint32_t i = 0; i < COUNT; i++)
		send_message(scene, i,
		    i % 7 == 3 ? "refused@example.net" : "one@example.net later@example.net",
		    "x\r\n");
	for (uint32_t i = 0; i < COUNT; i++) {
		if (i % 7 == 3) {
			expect_recipient(scene, i, 0, RESULT_FAILED, "nobody of that name");
		} else {
			expect_recipient(scene, i, 1, RESULT_DEFERRED, "come back later");
			expect_recipient(scene, i, 0, RESULT_DELIVERED, "taken");
		}
		expect_done(scene, i);
	}
	channel_finish(&scene->channel);
	end_server(scene);
	assert_true(server_heard(scene, "BDAT 6 LAST\r\nNOOP\r\n"));
}

static size_t count_taken(struct scene *scene)
{
	CLEANUP(buffer_finish) struct buffer content = { .limit = 1 << 24 };
	struct error error;
	size_t count = 0;

	assert_int_equal(file_read_whole(scene->transcript, &content, &error), 0);
	for (const char *at = buffer_string(&content); (at = strstr(at, " LAST\r\n")) != NULL;)
		count += *++at != '\0';
	return count;
}

/* By shutting down its writing side: what runs has its end, and the rest was not begun. */
static void a_service_that_leaves_hears_what_runs(void **state)
{
	enum { COUNT = 50 };
	struct scene *scene = *state;
	struct result result;
	size_t delivered = 0;
	size_t done = 0;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	relay.is_step_by_step = true;
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	for (uint32_t i = 0; i < COUNT; i++)
		send_message(scene, i, "one@example.net", "x\r\n");
	assert_int_equal(shutdown(scene->channel.fd, SHUT_WR), 0);
	result.kind = RESULT_READY;
	while (result.kind != RESULT_LOST && next_result(scene, &result)) {
		delivered += result.kind == RESULT_RECIPIENT && result.outcome == RESULT_DELIVERED;
		done += result.kind == RESULT_DONE;
	}
	end_server(scene);
	assert_int_equal(delivered, done);
	assert_int_equal(count_taken(scene), done);
	/* It may have been fast, or else says why not. */
	if (done < COUNT)
		assert_int_equal(result.kind, RESULT_LOST);
	if (done < COUNT)
		assert_string_equal(result.error.text, "the service is ending");
	assert_true(server_heard(scene, "QUIT\r\n"));
	channel_finish(&scene->channel);
}

static void the_end_of_an_idle_session_is_noticed(void **state)
{
	static const struct row {
		const char *body;
		bool has_tls;
		const char *words;
	} rows[] = {
		{ "GOODBYE", false, "421 4.4.2 idle for too long" },
		{ "SILENCE", false, "closed the idle connection" },
		{ "GOODBYE", true, "421 4.4.2 idle for too long" },
		{ "SILENCE", true, "closed the idle connection" },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		start_server(scene, (struct server){ .tls = rows[i].has_tls ? scene->tls : NULL });
		struct request_relay relay = relay_to(scene, "localhost",
		    rows[i].has_tls ? SMARTHOST_TLS_STARTTLS : SMARTHOST_TLS_NEVER);
		set_ca_file(&relay, scene->certificate);
		ask(scene, &relay);
		expect_ready(scene, "localhost");
		send_message(scene, 1, "one@example.net", rows[i].body);
		expect_recipient(scene, 1, 0, RESULT_DELIVERED, "taken");
		expect_done(scene, 1);
		expect_lost(scene, SESSION_CLOSED, rows[i].words);
		channel_finish(&scene->channel);
		end_server(scene);
	}
}

static void what_cannot_be_reached_says_why(void **state)
{
	struct scene *scene = *state;
	struct error error;
	int listener = listen_tcp("127.0.0.1:0", &error);

	/* A port where nobody listens any more. */
	scene->server.port = listen_port(listener);
	file_close(&listener);
	struct request_relay refused = relay_to(scene, "127.0.0.1", SMARTHOST_TLS_NEVER);
	ask(scene, &refused);
	expect_lost(scene, SESSION_CONNECT, ": cannot connect (127.0.0.1: Connection refused)");
	channel_finish(&scene->channel);

	struct request_relay unknown = relay_to(scene, "mail.invalid", SMARTHOST_TLS_NEVER);
	ask(scene, &unknown);
	expect_lost(scene, SESSION_CONNECT, "mail.invalid");
	channel_finish(&scene->channel);

	struct request_relay path = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	memory_free_string(&path.smarthost.host);
	path.smarthost.path = memory_format("%s/nobody", scene->folder);
	ask(scene, &path);
	expect_lost(scene, SESSION_CONNECT, "/nobody");
}

static void a_unix_socket_is_spoken_to(void **state)
{
	struct scene *scene = *state;
	CLEANUP(memory_free_string) char *path = memory_format("%s/socket", scene->folder);
	struct error error;
	int listener = listen_unix(path, 0600, &error);

	assert_true(listener >= 0);
	start_server_at(scene, listener, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	memory_free_string(&relay.smarthost.host);
	relay.smarthost.path = memory_copy_string(path);
	relay.smarthost.is_loopback = true;
	ask(scene, &relay);
	expect_ready(scene, path);
	send_message(scene, 1, "one@example.net", "x\r\n");
	expect_recipient(scene, 1, 0, RESULT_DELIVERED, "taken");
	expect_done(scene, 1);
	channel_finish(&scene->channel);
	end_server(scene);
	assert_int_equal(unlink(path), 0);
}

static void tls_is_verified(void **state)
{
	static const struct row {
		const char *name;
		const char *host;
		enum smarthost_tls tls;
		const char *ca_file; /* "own": the server's; NULL: the system's */
		const char *lost;    /* words of the handshake's failure; NULL: ready */
	} rows[] = {
		{ "STARTTLS", "localhost", SMARTHOST_TLS_STARTTLS, "own", NULL },
		{ "implicit", "localhost", SMARTHOST_TLS_IMPLICIT, "own", NULL },
		{ "if offered", "localhost", SMARTHOST_TLS_IF_OFFERED, "own", NULL },
		{ "wrong name", "127.0.0.1", SMARTHOST_TLS_STARTTLS, "own", "127.0.0.1" },
		{ "wrong name, implicit", "127.0.0.1", SMARTHOST_TLS_IMPLICIT, "own", "127.0.0.1" },
		{ "unknown to the system", "localhost", SMARTHOST_TLS_STARTTLS, NULL, "localhost" },
		{ "no bundle", "localhost", SMARTHOST_TLS_STARTTLS, "/nonexistent/ca.pem",
		    "/nonexistent/ca.pem" },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		print_message("\t%s\n", row->name);
		start_server(scene, (struct server){ .tls = scene->tls,
					.is_implicit = row->tls == SMARTHOST_TLS_IMPLICIT });
		struct request_relay relay = relay_to(scene, row->host, row->tls);
		if (row->ca_file != NULL)
			set_ca_file(&relay,
			    strcmp(row->ca_file, "own") == 0 ? scene->certificate : row->ca_file);
		ask(scene, &relay);
		if (row->lost != NULL) {
			expect_lost(scene, SESSION_HANDSHAKE, row->lost);
		} else {
			expect_ready(scene, "TLSv1.");
			send_message(scene, 1, "one@example.net", "x\r\n");
			expect_recipient(scene, 1, 0, RESULT_DELIVERED, "taken");
			expect_done(scene, 1);
		}
		channel_finish(&scene->channel);
		end_server(scene);
		assert_int_equal(server_heard(scene, "MAIL"), row->lost == NULL);
	}
}

/* A bundle that is missing is no trouble for those who do not use it. */
static void no_bundle_is_needed_without_tls(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_IF_OFFERED);
	set_ca_file(&relay, "/nonexistent/ca.pem");
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	channel_finish(&scene->channel);
	end_server(scene);
}

static void logins_are_taken_and_refused(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		start_server(scene, (struct server){ .tls = scene->tls, .auth = "PLAIN" });
		struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_STARTTLS);
		set_ca_file(&relay, scene->certificate);
		set_login(&relay, i == 0 ? PASSWORD : "another");
		ask(scene, &relay);
		if (i == 0)
			expect_ready(scene, "TLS");
		else
			expect_lost(scene, SESSION_AUTH, "535 5.7.8 wrong password, my friend");
		channel_finish(&scene->channel);
		end_server(scene);
		assert_true(server_heard(scene, "AUTH PLAIN"));
	}
}

/* The pid of the only child; 0 when there is none. */
static pid_t child_of(pid_t parent)
{
	DIR *folder = opendir("/proc");
	pid_t found = 0;
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		CLEANUP(memory_free_string)
		char *path = memory_format("/proc/%s/stat", entry->d_name);
		FILE *file = fopen(path, "re");
		long ppid = 0;

		if (file == NULL)
			continue;
		/* The name in brackets holds no blank here. */
		if (fscanf(file, "%*d %*s %*c %ld", &ppid) == 1 && ppid == parent) {
			assert_int_equal(found, 0);
			found = (pid_t)strtol(entry->d_name, NULL, 10);
		}
		fclose(file);
	}
	closedir(folder);
	return found;
}

struct holdings {
	int sockets;
	int files;
	int nulls;
	int others;
};

/* False when this user may not look. */
static bool look_at_descriptors(pid_t pid, struct holdings *holdings)
{
	CLEANUP(memory_free_string) char *path = memory_format("/proc/%ld/fd", (long)pid);
	DIR *folder = opendir(path);
	struct dirent *entry;

	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL) {
		char target[300] = "";

		if (entry->d_name[0] == '.')
			continue;
#ifdef MAILCHUTE_SANITIZED
		/* There it keeps stderr for the report. */
		if (strcmp(entry->d_name, "2") == 0)
			continue;
#endif
		if (readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1) < 0)
			continue;
		if (strncmp(target, "socket:", 7) == 0)
			holdings->sockets++;
		else if (strcmp(target, "/dev/null") == 0)
			holdings->nulls++;
		else if (strstr(target, "/tmp") != NULL)
			holdings->files++;
		else
			holdings->others++;
	}
	closedir(folder);
	return true;
}

static void a_worker_holds_its_own_descriptors_only(void **state)
{
	struct scene *scene = *state;
	struct holdings holdings = { 0 };

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	pid_t worker = child_of(scene->parent.pid);
	assert_true(worker > 0);
	if (!look_at_descriptors(worker, &holdings)) {
		print_message("only root may look at a worker's descriptors\n");
		skip();
	}
	assert_int_equal(holdings.sockets, 2);
	assert_int_equal(holdings.files, 0);
	assert_int_equal(holdings.others, 0);
	/* The server is stopped, so that the message is on its way while we look. */
	assert_int_equal(kill(scene->server.pid, SIGSTOP), 0);
	send_message(scene, 1, "one@example.net", "x\r\n");
	do {
		holdings = (struct holdings){ 0 };
		assert_true(look_at_descriptors(worker, &holdings));
	} while (holdings.files == 0);
	assert_int_equal(holdings.sockets, 2);
	assert_int_equal(holdings.files, 1);
	assert_int_equal(holdings.others, 0);
	assert_int_equal(kill(scene->server.pid, SIGCONT), 0);
	expect_recipient(scene, 1, 0, RESULT_DELIVERED, "taken");
	expect_done(scene, 1);
	channel_finish(&scene->channel);
	end_server(scene);
}

/* Whether the words stand anywhere in the process's writable memory. */
static bool memory_holds(pid_t pid, const char *words)
{
	CLEANUP(memory_free_string) char *map_path = memory_format("/proc/%ld/maps", (long)pid);
	CLEANUP(memory_free_string) char *path = memory_format("/proc/%ld/mem", (long)pid);
	CLEANUP(file_close) int memory = open(path, O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen(map_path, "re");
	char line[600];
	bool is_found = false;
	size_t read_total = 0;

	assert_true(memory >= 0 && maps != NULL);
	while (!is_found && fgets(line, sizeof line, maps) != NULL) {
		unsigned long from, to;
		char may[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, may) != 3 || may[1] != 'w')
			continue;
		char *bytes = memory_allocate(to - from);
		ssize_t count = file_read_full_at(memory, bytes, to - from, (off_t)from);
		if (count > 0) {
			is_found = memmem(bytes, (size_t)count, words, strlen(words)) != NULL;
			read_total += (size_t)count;
		}
		free(bytes);
	}
	fclose(maps);
	assert_true(read_total > 65536);
	return is_found;
}

static void a_password_does_not_outlive_the_login(void **state)
{
	struct scene *scene = *state;

#ifdef MAILCHUTE_SANITIZED
	skip(); /* freed memory is kept, and there are terabytes to look through */
#endif
	if (geteuid() != 0) {
		print_message("only root may look at a worker's memory\n");
		skip();
	}
	start_server(scene, (struct server){ .tls = scene->tls, .auth = "PLAIN" });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_STARTTLS);
	set_ca_file(&relay, scene->certificate);
	set_login(&relay, PASSWORD);
	ask(scene, &relay);
	expect_ready(scene, "TLS");
	pid_t worker = child_of(scene->parent.pid);
	/* The search itself works: this is in its memory. */
	assert_true(memory_holds(worker, "client.example"));
	assert_false(memory_holds(worker, "ub4dor-marker"));
	assert_false(memory_holds(worker, "AHVzZXIAVHIwdWI0ZG9yLW1hcmtlcg"));
	assert_false(memory_holds(scene->parent.pid, "ub4dor-marker"));
	channel_finish(&scene->channel);
	end_server(scene);
}

static void nothing_is_sent_for_a_service_that_is_gone(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "localhost", SMARTHOST_TLS_NEVER);
	ask(scene, &relay);
	expect_ready(scene, "localhost");
	pid_t worker = child_of(scene->parent.pid);
	assert_int_equal(kill(worker, SIGSTOP), 0);
	send_message(scene, 1, "one@example.net", "x\r\n");
	channel_finish(&scene->channel);
	assert_int_equal(kill(worker, SIGCONT), 0);
	end_server(scene);
	assert_false(server_heard(scene, "MAIL"));
	assert_true(server_heard(scene, "QUIT"));
}

static void what_is_no_relay_request_is_lost(void **state)
{
	struct scene *scene = *state;
	struct error error;

	assert_int_equal(worker_start(&scene->parent, &scene->channel, &error), 0);
	assert_int_equal(channel_send(&scene->channel, span_from_string("nonsense"), -1), 0);
	expect_lost(scene, SESSION_CONNECT, "relay request");
}

static void a_worker_without_a_request_ends(void **state)
{
	struct scene *scene = *state;
	struct result result;
	struct error error;

	assert_int_equal(worker_start(&scene->parent, &scene->channel, &error), 0);
	assert_int_equal(shutdown(scene->channel.fd, SHUT_WR), 0);
	assert_false(next_result(scene, &result));
}

static void the_parent_ends_and_says_so(void **state)
{
	struct scene *scene = *state;
	pid_t parent = scene->parent.pid;
	struct error error;

	/* The end is told even where somebody else holds our side of the channel. */
	CLEANUP(file_close) int copy = dup(scene->parent.channel.fd);
	assert_true(copy >= 0);
	worker_parent_finish(&scene->parent);
	assert_int_equal(kill(parent, 0), -1);
	assert_int_equal(errno, ESRCH);
	worker_parent_finish(&scene->parent);

	assert_int_equal(worker_parent_start(&scene->parent, &error), 0);
	assert_int_equal(kill(scene->parent.pid, SIGKILL), 0);
	assert_int_equal(waitpid(scene->parent.pid, NULL, 0), scene->parent.pid);
	assert_int_equal(worker_start(&scene->parent, &scene->channel, &error), -1);
	assert_non_null(strstr(error.text, "start a worker"));
	assert_true(error.next[0] != '\0');
	scene->parent.pid = -1;
}

/* Whoever is last to run, the server hears QUIT before the connection ends. */
static void a_finished_parent_lets_workers_say_quit(void **state)
{
	struct scene *scene = *state;
	struct error error;

	for (int round = 0; round < 30; round++) {
		start_server(scene, (struct server){ 0 });
		struct request_relay relay = relay_to(scene, "127.0.0.1", SMARTHOST_TLS_NEVER);

		ask(scene, &relay);
		expect_ready(scene, "127.0.0.1");
		channel_finish(&scene->channel);
		worker_parent_finish(&scene->parent);
		end_server(scene);
		assert_true(server_heard(scene, "QUIT\r\n"));
		assert_int_equal(worker_parent_start(&scene->parent, &error), 0);
	}
}

/* With the last content on its way, what it becomes would be told to nobody. */
static void a_killed_parent_takes_its_workers_along(void **state)
{
	struct scene *scene = *state;

	start_server(scene, (struct server){ 0 });
	struct request_relay relay = relay_to(scene, "127.0.0.1", SMARTHOST_TLS_NEVER);

	ask(scene, &relay);
	expect_ready(scene, "127.0.0.1");
	worker_parent_kill(&scene->parent);
	struct result result;
	assert_false(next_result(scene, &result));
	end_server(scene);
	assert_false(server_heard(scene, "QUIT"));
}

/* The newborn process is hit before it has done anything, by a key pressed at the terminal. */
static bool is_struck_at_birth;

static void strike(void)
{
	if (is_struck_at_birth)
		(void)raise(SIGINT);
}

static void a_signal_to_all_at_its_birth_does_not_end_the_parent(void **state)
{
	struct worker_parent parent;
	struct error error;

	(void)state;
	is_struck_at_birth = true;
	int outcome = worker_parent_start(&parent, &error);
	is_struck_at_birth = false;
	assert_int_equal(outcome, 0);
	pid_t pid = parent.pid;
	/* Its end is the one it is told. */
	assert_int_equal(channel_send(&parent.channel, span_from_string("end"), -1), 0);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	parent.pid = -1;
	worker_parent_finish(&parent);
}

static int make_scene(void **state)
{
	struct scene *scene = memory_allocate(sizeof *scene);
	struct error error;

	scene->channel.fd = -1;
	snprintf(scene->folder, sizeof scene->folder, "/tmp/mailchute-worker-XXXXXX");
	if (setenv("MAILCHUTE_SANDBOX", "kill", 1) < 0 || mkdtemp(scene->folder) == NULL)
		return -1;
	snprintf(scene->certificate, sizeof scene->certificate, "%s/ca.pem", scene->folder);
	snprintf(scene->transcript, sizeof scene->transcript, "%s/transcript", scene->folder);
	*state = scene;
	if (worker_parent_start(&scene->parent, &error) < 0)
		return -1;
	scene->tls = tls_server_new_self_signed("localhost", &error);
	if (scene->tls == NULL || tls_write_certificate(scene->tls, scene->certificate, &error) < 0)
		return -1;
	return 0;
}

static int strike_scene(void **state)
{
	struct scene *scene = *state;

	if (scene->server.pid > 0) {
		(void)kill(scene->server.pid, SIGKILL);
		(void)waitpid(scene->server.pid, NULL, 0);
	}
	channel_finish(&scene->channel);
	worker_parent_finish(&scene->parent);
	tls_free(scene->tls);
	(void)unlink(scene->certificate);
	(void)unlink(scene->transcript);
	if (rmdir(scene->folder) < 0)
		return -1;
	free(scene);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_to_all_at_its_birth_does_not_end_the_parent),
		cmocka_unit_test_setup_teardown(a_message_is_delivered, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    an_inquiry_asks_and_sends_nothing, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    an_inquiry_that_is_lost_says_so, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    an_inquiry_takes_no_message, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    what_cannot_be_asked_is_lost, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_large_message_is_delivered, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    each_recipient_has_its_own_fate, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    the_conversation_is_told_of_where_it_was_asked_for, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_server_that_goes_away_defers, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_server_that_stumbles_is_told_of, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    many_messages_are_handed_in_at_once, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_service_that_leaves_hears_what_runs, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    the_end_of_an_idle_session_is_noticed, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    what_cannot_be_reached_says_why, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_unix_socket_is_spoken_to, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(tls_is_verified, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    no_bundle_is_needed_without_tls, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    logins_are_taken_and_refused, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_worker_holds_its_own_descriptors_only, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_password_does_not_outlive_the_login, make_scene, strike_scene),
		/* After the one that looks for a password: memory is inherited. */
		cmocka_unit_test_setup_teardown(
		    an_examination_tells_facts_and_sends_nothing, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    an_examination_tells_who_does_not_answer, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    an_examination_takes_no_message, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    nothing_is_sent_for_a_service_that_is_gone, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    what_is_no_relay_request_is_lost, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_worker_without_a_request_ends, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    the_parent_ends_and_says_so, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_finished_parent_lets_workers_say_quit, make_scene, strike_scene),
		cmocka_unit_test_setup_teardown(
		    a_killed_parent_takes_its_workers_along, make_scene, strike_scene),
	};

	(void)pthread_atfork(NULL, NULL, strike);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
