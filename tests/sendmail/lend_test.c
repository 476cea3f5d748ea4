/* SPDX-License-Identifier: MIT */

/*
 * Tests sendmail/lend.c, in a process of its own between a caller that this
 * program plays and a service in another process, which says a script a
 * session.
 */

#include "sendmail/lend.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static char folder[] = "/tmp/mailchute-lend-XXXXXX";

#define GREETING "220 here ESMTP mailchute service\r\n"
#define HELLO "250-here\r\n250 XMAILCHUTE 30\r\n"
#define PLAIN "250 2.0.0 OK\r\n"

/* In the place of what is expected: an octet from us. */
#define GO "go"

enum { SESSIONS = 3, STEPS = 4 };

/* ---- the service ---- */

struct session_script {
	const char *greeting; /* NULL: GREETING */
	const char *plain;    /* to XPLAIN; NULL: PLAIN */
	struct {
		const char *expects; /* NULL: nothing; "" the end of the input */
		const char *says;    /* NULL: nothing */
	} steps[STEPS];
};

static void say(int fd, const char *text, size_t piece)
{
	struct span rest = span_from_string(text);

	while (rest.length != 0) {
		struct span part = span_first(rest, piece != 0 ? piece : rest.length);

		if (file_write_all(fd, part) < 0)
			_exit(1);
		rest = span_after(rest, part.length);
	}
}

static void expect(int fd, const char *text)
{
	char octets[1000] = "";
	size_t length = strlen(text);

	if (length == 0 && read(fd, octets, 1) != 0)
		_exit(2);
	if (file_read_full(fd, octets, length) != (ssize_t)length || strcmp(octets, text) != 0)
		_exit(3);
}

static void play(int fd, const struct session_script *script, size_t piece, int go)
{
	char octet;

	say(fd, script->greeting != NULL ? script->greeting : GREETING, 0);
	if (script->greeting != NULL)
		return;
	expect(fd, "EHLO localhost\r\n");
	say(fd, HELLO, 0);
	expect(fd, "XPLAIN\r\n");
	say(fd, script->plain != NULL ? script->plain : PLAIN, 0);
	for (size_t i = 0; i < STEPS; i++) {
		if (script->steps[i].expects != NULL && strcmp(script->steps[i].expects, GO) == 0)
			(void)!read(go, &octet, 1);
		else if (script->steps[i].expects != NULL)
			expect(fd, script->steps[i].expects);
		if (script->steps[i].says != NULL)
			say(fd, script->steps[i].says, piece);
	}
}

struct scene {
	pid_t service;
	pid_t lend;
	int sessions; /* an octet comes at the end of each */
	int go;	      /* to the service, which waits for it */
	int input;    /* of sendmail -bs, we write */
	int output;
	int complaints; /* its stderr */
};

static int listen_here(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
	(void)unlink(address.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 10), 0);
	return fd;
}

static _Noreturn void be_service(
    int fd, const struct session_script *scripts, size_t count, size_t piece, int sessions, int go)
{
	(void)alarm(20);
	for (size_t i = 0; i < count; i++) {
		int client = accept(fd, NULL, NULL);

		play(client, &scripts[i], piece, go);
		(void)close(client);
		if (write(sessions, ".", 1) != 1)
			_exit(4);
	}
	_exit(0);
}

static _Noreturn void be_lend(int input, int output, int complaints)
{
	struct error error = { 0 };

	(void)alarm(20);
	(void)dup2(input, STDIN_FILENO);
	(void)dup2(output, STDOUT_FILENO);
	int outcome = lend_run(&error);
	dprintf(complaints, "%s", error.text);
	_exit(outcome < 0 ? (int)error.kind : 0);
}

/* The input of sendmail -bs: a pipe, or a socket. */
static void make_input(int ends[static 2], bool is_socket)
{
	int outcome = is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends);

	assert_int_equal(outcome, 0);
}

static void start_with(struct scene *scene, const struct session_script *scripts, size_t count,
    size_t piece, bool input_is_socket)
{
	int go[2];
	int sessions[2];
	int input[2];
	int output[2];
	int complaints[2];
	int fd = listen_here();

	assert_int_equal(pipe(sessions), 0);
	assert_int_equal(pipe(go), 0);
	scene->service = fork();
	if (scene->service == 0)
		be_service(fd, scripts, count, piece, sessions[1], go[0]);
	file_close(&fd);
	file_close(&sessions[1]);
	/* Only now, so that the service keeps none of them open. */
	make_input(input, input_is_socket);
	assert_int_equal(pipe(output), 0);
	assert_int_equal(pipe(complaints), 0);
	scene->lend = fork();
	if (scene->lend == 0) {
		file_close(&input[1]);
		file_close(&output[0]);
		be_lend(input[0], output[1], complaints[1]);
	}
	file_close(&input[0]);
	file_close(&output[1]);
	file_close(&complaints[1]);
	file_close(&go[0]);
	scene->go = go[1];
	scene->sessions = sessions[0];
	scene->input = input[1];
	scene->output = output[0];
	scene->complaints = complaints[0];
}

static void start(
    struct scene *scene, const struct session_script *scripts, size_t count, size_t piece)
{
	start_with(scene, scripts, count, piece, false);
}

static void check_hears(const struct scene *scene, const char *text)
{
	char octets[1000] = "";

	assert_int_equal(file_read_full(scene->output, octets, strlen(text)), strlen(text));
	assert_string_equal(octets, text);
}

static void await_end_of_session(const struct scene *scene)
{
	char octet;

	assert_int_equal(read(scene->sessions, &octet, 1), 1);
}

struct end {
	int status;
	struct buffer output;
	struct buffer complaints;
};

static void end_finish(struct end *end)
{
	buffer_finish(&end->output);
	buffer_finish(&end->complaints);
}

/* The end of the input, if it has not ended yet, and what is said from now on. */
static void finish(struct scene *scene, struct end *end)
{
	int status;

	buffer_init(&end->output, 1 << 20);
	buffer_init(&end->complaints, 1 << 20);
	file_close(&scene->input);
	assert_int_equal(file_read_to_end(scene->output, &end->output), 0);
	assert_int_equal(file_read_to_end(scene->complaints, &end->complaints), 0);
	assert_int_equal(waitpid(scene->lend, &status, 0), scene->lend);
	assert_true(WIFEXITED(status));
	end->status = WEXITSTATUS(status);
	assert_int_equal(waitpid(scene->service, &status, 0), scene->service);
	if (status != 0)
		fail_msg("the service was told something else: %d", WEXITSTATUS(status));
	file_close(&scene->output);
	file_close(&scene->complaints);
	file_close(&scene->sessions);
	file_close(&scene->go);
}

/* ---- one session ---- */

static const struct row {
	const char *name;
	struct session_script script;
	const char *input;
	const char *output; /* behind the greeting */
	int status;
	const char *complaint;
} rows[] = {
	{ "QUIT", { .steps = { { "QUIT\r\n", "221 2.0.0 bye\r\n000 CLOSE\r\n" } } }, "QUIT\r\n",
	    "221 2.0.0 bye\r\n", 0, "" },
	{ "the end of the input",
	    { .steps = { { "NOOP\r\n", "250 OK\r\n" }, { "", "000 END\r\n" } } }, "NOOP\r\n",
	    "250 OK\r\n", 0, "" },
	{ "its end behind a refusal",
	    { .steps = { { "RCPT\r\n", "550 5.1.1 no\r\n" }, { "", "000 END\r\n" } } }, "RCPT\r\n",
	    "550 5.1.1 no\r\n", 0, "" },
	{ "asides are for us, wherever they come",
	    { .steps = { { "EHLO x\r\n", "000 WHAT\r\n250-here\r\n000 PARK 999\r\n250 0 OK\r\n"
					 "000 \r\n0\r\n" },
		  { "", "000 END\r\n" } } },
	    "EHLO x\r\n", "250-here\r\n250 0 OK\r\n", 0, "" },
	{ "a 421", { .steps = { { "NOOP\r\n", "421 4.3.2 going down\r\n000 CLOSE\r\n" } } },
	    "NOOP\r\n", "421 4.3.2 going down\r\n", 69,
	    "the session was ended: 421 4.3.2 going down" },
	{ "a message without its end",
	    { .steps = { { "x", NULL }, { "", "421 4.4.2 cut\r\n000 END\r\n" } } }, "x",
	    "421 4.4.2 cut\r\n", 69, "the session was ended: 421 4.4.2 cut" },
	{ "a last word of another kind",
	    { .steps = { { "BDAT x\r\n", "501-5.5.2 a\r\n501 5.5.2 b\r\n000 CLOSE\r\n" } } },
	    "BDAT x\r\n", "501-5.5.2 a\r\n501 5.5.2 b\r\n", 64,
	    "the session was ended: 501 5.5.2 b" },
	{ "lost between two replies", { .steps = { { "NOOP\r\n", "250 OK\r\n" } } }, "NOOP\r\n",
	    "250 OK\r\n421-4.4.2 ", 74, "the service was lost" },
	{ "lost at once", { .steps = { { "NOOP\r\n", NULL } } }, "NOOP\r\n", "421-4.4.2 ", 74,
	    "the service was lost" },
	{ "lost within a line", { .steps = { { "NOOP\r\n", "250 O" } } }, "NOOP\r\n",
	    "250 O\r\n421-4.4.2 ", 74, "the service was lost" },
	{ "lost behind a refusal", { .steps = { { "RCPT\r\n", "550 5.1.1 no\r\n" } } }, "RCPT\r\n",
	    "550 5.1.1 no\r\n421-4.4.2 ", 74, "the service was lost" },
};

static void check_row(const struct row *row, size_t piece)
{
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;

	start(&scene, &row->script, 1, piece);
	check_hears(&scene, GREETING);
	say(scene.input, row->input, 0);
	finish(&scene, &end);
	/* Of what we say ourselves, the beginning. */
	if (strncmp(buffer_string(&end.output), row->output, strlen(row->output)) != 0 ||
	    (row->output[strlen(row->output) - 1] == '\n' &&
		end.output.length != strlen(row->output)))
		fail_msg("%s", buffer_string(&end.output));
	assert_int_equal(end.status, row->status);
	if (strncmp(buffer_string(&end.complaints), row->complaint, strlen(row->complaint)) != 0)
		fail_msg("%s", buffer_string(&end.complaints));
}

static void sessions_follow_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("  %s\n", rows[i].name);
		check_row(&rows[i], 0);
		check_row(&rows[i], 1);
	}
}

/* ---- before the first reply ---- */

static void a_refusal_is_the_greeting(void **state)
{
	static const struct refusal {
		struct session_script script;
		const char *words;
		int status;
	} refusals[] = {
		{ { .greeting = "554 5.7.1 not for you\r\n" }, "not for you", 77 },
		{ { .plain = "451 4.3.5 no smarthost\r\n" }, "no smarthost", 78 },
		{ { .plain = "554-5.3.5 no\r\n554 5.3.5 smarthost\r\n" }, "no; smarthost", 78 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct end end CLEANUP(end_finish) = { 0 };
		struct scene scene;

		start(&scene, &refusals[i].script, 1, 0);
		finish(&scene, &end);
		assert_int_equal(end.status, refusals[i].status);
		if (strncmp(buffer_string(&end.output), "421 4.", 6) != 0 ||
		    strstr(buffer_string(&end.output), refusals[i].words) == NULL)
			fail_msg("%s", buffer_string(&end.output));
		assert_non_null(strstr(buffer_string(&end.complaints), refusals[i].words));
	}
}

static void a_busy_service_is_asked_again_unseen(void **state)
{
	static const struct session_script scripts[] = {
		{ .greeting = "421 4.3.2 too many\r\n" },
		{ .plain = "421 4.3.2 too many\r\n" },
		{ .steps = { { "QUIT\r\n", "221 bye\r\n" } } },
	};
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;

	(void)state;
	start(&scene, scripts, 3, 0);
	check_hears(&scene, GREETING);
	say(scene.input, "QUIT\r\n", 0);
	finish(&scene, &end);
	assert_string_equal(buffer_string(&end.output), "221 bye\r\n");
	assert_int_equal(end.status, 0);
}

/* ---- parked ---- */

static void a_session_may_be_parked_again_and_again(void **state)
{
	static const struct session_script scripts[] = {
		{ .steps = { { "NOOP\r\n", "250 1\r\n000 PARK 6\r\n" }, { "", NULL } } },
		{ .steps = { { "RSET\r\nNOOP\r\n", "250 2\r\n250 3\r\n000 PARK 12\r\n" },
		      { "", NULL } } },
		{ .steps = { { "QUIT\r\n", "221 bye\r\n000 CLOSE\r\n" } } },
	};

	(void)state;
	for (size_t piece = 0; piece < 2; piece++) {
		struct end end CLEANUP(end_finish) = { 0 };
		struct scene scene;

		start(&scene, scripts, 3, piece);
		check_hears(&scene, GREETING);
		say(scene.input, "NOOP\r\n", 0);
		await_end_of_session(&scene);
		say(scene.input, "RSET\r\nNOOP\r\n", 0);
		await_end_of_session(&scene);
		say(scene.input, "QUIT\r\n", 0);
		finish(&scene, &end);
		assert_string_equal(
		    buffer_string(&end.output), "250 1\r\n250 2\r\n250 3\r\n221 bye\r\n");
		assert_int_equal(end.status, 0);
	}
}

/* The service had not seen all that was sent when it offered. */
static void a_session_that_goes_on_is_not_parked(void **state)
{
	static const struct session_script scripts[] = {
		{ .steps = { { "NOOP\r\n", "250 1\r\n000 PARK 0\r\n000 PARK 5\r\n000 PARK 7\r\n"
					   "000 PARK x\r\n000 PARK\r\n000 PARK 66\r\n250 2\r\n" },
		      { "QUIT\r\n", "221 bye\r\n" } } },
	};
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;

	(void)state;
	start(&scene, scripts, 1, 0);
	check_hears(&scene, GREETING);
	say(scene.input, "NOOP\r\n", 0);
	check_hears(&scene, "250 1\r\n250 2\r\n");
	say(scene.input, "QUIT\r\n", 0);
	finish(&scene, &end);
	assert_string_equal(buffer_string(&end.output), "221 bye\r\n");
}

/* Both have come when it looks: the offer, and a command that the service has not seen. */
static void what_comes_with_the_offer_is_not_lost(void **state)
{
	static const struct session_script scripts[] = {
		{ .steps = { { GO, "000 PARK 0\r\n" }, { GO, NULL }, { "NOOP\r\n", "250 OK\r\n" },
		      { "QUIT\r\n", "221 bye\r\n" } } },
	};
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;
	int waiting = 2;

	(void)state;
	start(&scene, scripts, 1, 0);
	check_hears(&scene, GREETING);
	assert_int_equal(kill(scene.lend, SIGSTOP), 0);
	assert_int_equal(waitpid(scene.lend, NULL, WUNTRACED), scene.lend);
	say(scene.input, "NOOP\r\n", 0);
	say(scene.go, "..", 0);
	/* The second is read when the offer has been made. */
	while (waiting != 0)
		assert_int_equal(ioctl(scene.go, FIONREAD, &waiting), 0);
	assert_int_equal(kill(scene.lend, SIGCONT), 0);
	check_hears(&scene, "250 OK\r\n");
	say(scene.input, "QUIT\r\n", 0);
	finish(&scene, &end);
	assert_string_equal(buffer_string(&end.output), "221 bye\r\n");
	assert_int_equal(end.status, 0);
}

static void a_parked_session_on_a_socket_may_end(void **state)
{
	static const struct session_script scripts[] = {
		{ .steps = { { NULL, "000 PARK 0\r\n" }, { "", NULL } } },
	};
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;

	(void)state;
	start_with(&scene, scripts, 1, 0, true);
	check_hears(&scene, GREETING);
	await_end_of_session(&scene);
	finish(&scene, &end);
	assert_int_equal(end.status, 0);
	assert_int_equal(end.output.length, 0);
}

static void a_parked_session_may_end(void **state)
{
	static const struct session_script scripts[] = {
		{ .steps = { { NULL, "000 PARK 0\r\n" }, { "", NULL } } },
	};
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;

	(void)state;
	start(&scene, scripts, 1, 0);
	check_hears(&scene, GREETING);
	await_end_of_session(&scene);
	finish(&scene, &end);
	assert_int_equal(end.status, 0);
	assert_int_equal(end.output.length, 0);
}

static void a_parked_session_may_find_no_way_back(void **state)
{
	static const struct session_script scripts[] = {
		{ .steps = { { NULL, "000 PARK 0\r\n" }, { "", NULL } } },
		{ .plain = "451 4.3.5 no smarthost\r\n" },
	};
	struct end end CLEANUP(end_finish) = { 0 };
	struct scene scene;

	(void)state;
	start(&scene, scripts, 2, 0);
	check_hears(&scene, GREETING);
	await_end_of_session(&scene);
	say(scene.input, "NOOP\r\n", 0);
	finish(&scene, &end);
	assert_int_equal(end.status, 78);
	assert_int_equal(strncmp(buffer_string(&end.output), "421 4.3.5 ", 10), 0);
	assert_non_null(strstr(buffer_string(&end.output), " no smarthost\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_follow_the_table),
		cmocka_unit_test(a_refusal_is_the_greeting),
		cmocka_unit_test(a_busy_service_is_asked_again_unseen),
		cmocka_unit_test(a_session_may_be_parked_again_and_again),
		cmocka_unit_test(a_session_that_goes_on_is_not_parked),
		cmocka_unit_test(a_parked_session_may_end),
		cmocka_unit_test(what_comes_with_the_offer_is_not_lost),
		cmocka_unit_test(a_parked_session_on_a_socket_may_end),
		cmocka_unit_test(a_parked_session_may_find_no_way_back),
	};
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	char path[64];

	(void)sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s", folder);
	(void)setenv("MAILCHUTE_SOCKET", path, 1);
	(void)setenv("MAILCHUTE_SPOOL", "/nonexistent", 1);
	int status = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(folder);
	return status;
}
