/* SPDX-License-Identifier: MIT */

/*
 * Tests sendmail/query.c against a service in a process of its own, which says
 * a script a session.
 */

#include "sendmail/query.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static char folder[] = "/tmp/mailchute-query-XXXXXX";

/* ---- the service ---- */

#define HELLO "250-service\r\n250 XMAILCHUTE 30\r\n"

struct script {
	const char *greeting; /* NULL: 220 service */
	const char *answer;   /* to the command; NULL: hangs up instead */
	size_t lines;	      /* so many numbered ones before it */
	size_t piece;	      /* octets a write; 0: all at once */
};

static void write_in_pieces(int fd, struct span text, size_t piece)
{
	while (text.length != 0) {
		struct span part = span_first(text, piece != 0 ? piece : text.length);

		if (file_write_all(fd, part) < 0)
			_exit(0);
		text = span_after(text, part.length);
	}
}

static void say(int fd, const char *text)
{
	write_in_pieces(fd, span_from_string(text), 0);
}

static void say_lines(int fd, size_t count)
{
	struct buffer lines CLEANUP(buffer_finish) = { 0 };

	buffer_init(&lines, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		buffer_format(&lines, "250-line %zu\r\n", i);
		if (lines.length < (1 << 16) && i + 1 < count)
			continue;
		write_in_pieces(fd, buffer_span(&lines), 0);
		buffer_clear(&lines);
	}
}

static void play(int fd, const struct script *script)
{
	FILE *client = fdopen(fd, "r");
	char line[5000];

	say(fd, script->greeting != NULL ? script->greeting : "220 service ESMTP\r\n");
	while (fgets(line, sizeof line, client) != NULL && strcmp(line, "QUIT\r\n") != 0) {
		if (strncmp(line, "EHLO ", 5) == 0) {
			say(fd, HELLO);
			continue;
		}
		if (strcmp(line, "XQUEUE LIST\r\n") != 0)
			say(fd, "500 what?\r\n");
		say_lines(fd, script->lines);
		if (script->answer == NULL)
			break;
		write_in_pieces(fd, span_from_string(script->answer), script->piece);
	}
	(void)fclose(client);
}

/* Sessions as in the scripts, the last one again and again. */
static pid_t start(const struct script *scripts, size_t count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
	(void)unlink(address.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 10), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)alarm(60);
		for (size_t i = 0;; i++)
			play(accept(fd, NULL, NULL), &scripts[i < count ? i : count - 1]);
	}
	(void)close(fd);
	return pid;
}

static void stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* ---- the question ---- */

struct told {
	struct buffer text; /* each line with LF */
	size_t count;
	size_t wanted;
};

static bool take(void *context, struct span line)
{
	struct told *told = context;

	told->count++;
	if (told->text.length < 100000) {
		buffer_append_span(&told->text, line);
		buffer_append_byte(&told->text, '\n');
	}
	return told->wanted == 0 || told->count < told->wanted;
}

static int ask(const struct script *scripts, size_t count, struct told *told, struct reply *reply,
    struct error *error)
{
	pid_t pid = start(scripts, count);

	buffer_init(&told->text, 1 << 20);
	int outcome = query_run("XQUEUE LIST", take, told, reply, error);
	stop(pid);
	return outcome;
}

static void answers_are_handed_over_line_by_line(void **state)
{
	static const struct row {
		const char *name;
		const char *answer;
		const char *lines;
		int code;
		const char *text;
	} rows[] = {
		{ "no lines", "250 2.0.0 OK\r\n", "", 250, "OK" },
		{ "one line", "250-a\r\n250 2.0.0 OK\r\n", "a\n", 250, "OK" },
		{ "empty lines and lines with blanks",
		    "250-\r\n250- b \r\n250 2.0.0 3 messages\r\n", "\n b \n", 250, "3 messages" },
		{ "8-bit and what looks like a reply", "250-\xc3\xa9\r\n250-250 x\r\n250 OK\r\n",
		    "\xc3\xa9\n250 x\n", 250, "OK" },
		{ "LF alone", "250-a\n250 OK\n", "a\n", 250, "OK" },
		{ "a last line without text", "250-a\r\n250\r\n", "a\n", 250, "" },
		{ "a refusal", "554 5.1.1 no such user\r\n", "", 554, "no such user" },
		{ "a refusal of many lines", "451-4.3.0 not\r\n451 4.3.0 now\r\n", "", 451,
		    "not\nnow" },
		{ "a VRFY", "252 2.0.0 send and see\r\n", "", 252, "send and see" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t piece = 0; piece < 2; piece++) {
			struct script script = { .answer = rows[i].answer, .piece = piece };
			struct told told = { 0 };
			struct reply reply = { 0 };
			struct error error = { 0 };

			print_message("  %s\n", rows[i].name);
			if (ask(&script, 1, &told, &reply, &error) < 0)
				fail_msg("%s: %s", rows[i].name, error.text);
			assert_string_equal(buffer_string(&told.text), rows[i].lines);
			assert_int_equal(reply.code, rows[i].code);
			assert_string_equal(reply.text, rows[i].text);
			buffer_finish(&told.text);
		}
	}
}

static long peak_kilobytes(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

static void any_number_of_lines_in_flat_memory(void **state)
{
	const struct script few = { .lines = 20000, .answer = "250 2.0.0 that was all\r\n" };
	const struct script many = { .lines = 1000000, .answer = "250 2.0.0 that was all\r\n" };
	struct told told = { 0 };
	struct reply reply = { 0 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(ask(&few, 1, &told, &reply, &error), 0);
	assert_int_equal(told.count, few.lines);
	buffer_finish(&told.text);
	long before = peak_kilobytes();
	told = (struct told){ 0 };
	assert_int_equal(ask(&many, 1, &told, &reply, &error), 0);
	assert_int_equal(told.count, many.lines);
	assert_string_equal(reply.text, "that was all");
	assert_true(strncmp(buffer_string(&told.text), "line 0\nline 1\n", 14) == 0);
	assert_in_range(peak_kilobytes() - before, 0, 2048);
	buffer_finish(&told.text);
}

/* SERVER_SAY_LIMIT of smtp/server. */
static void lines_may_be_as_long_as_the_server_says_them(void **state)
{
	struct buffer answer CLEANUP(buffer_finish) = { 0 };
	struct told told = { 0 };
	struct reply reply = { 0 };
	struct error error = { 0 };

	(void)state;
	buffer_init(&answer, 1 << 20);
	for (char letter = 'a'; letter < 'e'; letter++) {
		buffer_append_string(&answer, "250-");
		for (int i = 0; i < 16384; i++)
			buffer_append_byte(&answer, letter);
		buffer_append_string(&answer, "\r\n");
	}
	buffer_append_string(&answer, "250 OK\r\n");
	struct script script = { .answer = buffer_string(&answer), .piece = 5000 };
	assert_int_equal(ask(&script, 1, &told, &reply, &error), 0);
	assert_int_equal(told.count, 4);
	assert_int_equal(told.text.length, 4 * 16385);
	buffer_finish(&told.text);
}

static void a_line_without_end_is_an_error(void **state)
{
	struct buffer answer CLEANUP(buffer_finish) = { 0 };
	struct told told = { 0 };
	struct reply reply = { 0 };
	struct error error = { 0 };

	(void)state;
	buffer_init(&answer, 1 << 20);
	buffer_append_string(&answer, "250-first\r\n250-");
	for (int i = 0; i < 500000; i++)
		buffer_append_byte(&answer, 'x');
	struct script script = { .answer = buffer_string(&answer) };
	assert_int_equal(ask(&script, 1, &told, &reply, &error), -1);
	assert_string_equal(buffer_string(&told.text), "first\n");
	assert_int_equal(error.kind, ERROR_UNAVAILABLE);
	buffer_finish(&told.text);
}

static void who_wants_no_more_is_told_no_more(void **state)
{
	const struct script many = { .lines = 1000000, .answer = "250 2.0.0 that was all\r\n" };
	struct told told = { .wanted = 3 };
	struct reply reply = { 0 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(ask(&many, 1, &told, &reply, &error), 0);
	assert_string_equal(buffer_string(&told.text), "line 0\nline 1\nline 2\n");
	assert_int_equal(reply.code, 250);
	buffer_finish(&told.text);
}

/* What was shown cannot be taken back: the question is not asked twice. */
static void an_answer_that_breaks_off_is_an_error(void **state)
{
	static const struct script broken[] = {
		{ .lines = 2, .answer = NULL },
		{ .lines = 2, .answer = "451 4.3.0 the disk\r\n" },
		{ .lines = 2, .answer = "252 2.0.0 what\r\n" },
		{ .lines = 2, .answer = "garbage\r\n" },
		{ .lines = 2, .answer = "421 4.3.2 going away\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		const struct script scripts[] = { broken[i], { .answer = "250 OK\r\n" } };
		struct told told = { 0 };
		struct reply reply = { 0 };
		struct error error = { 0 };

		assert_int_equal(ask(scripts, 2, &told, &reply, &error), -1);
		assert_string_equal(buffer_string(&told.text), "line 0\nline 1\n");
		assert_int_equal(error.kind, ERROR_UNAVAILABLE);
		buffer_finish(&told.text);
	}
}

static void a_session_lost_before_the_answer_is_begun_again(void **state)
{
	static const struct script scripts[] = {
		{ .greeting = "421 4.3.2 too many clients\r\n" },
		{ .answer = NULL },
		{ .answer = "250-a\r\n250 OK\r\n" },
	};
	struct told told = { 0 };
	struct reply reply = { 0 };
	struct error error = { 0 };

	(void)state;
	if (ask(scripts, 3, &told, &reply, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(buffer_string(&told.text), "a\n");
	buffer_finish(&told.text);
}

static void a_refusal_is_an_error_in_one_line(void **state)
{
	static const struct row {
		struct reply reply;
		enum error_kind kind;
		const char *status;
		const char *text;
	} rows[] = {
		{ { 550, "5.1.1", "no such user" }, ERROR_NO_USER, "5.1.1", "no such user" },
		{ { 502, "", "not here\nnor there" }, ERROR_SOFTWARE, "5.0.0",
		    "not here; nor there" },
		{ { 451, "", "" }, ERROR_UNAVAILABLE, "4.0.0", "" },
	};

	(void)state;
	/* A line that was broken for its length is one again. */
	struct reply broken = { 550, "5.1.1", "" };
	struct error whole = { 0 };
	memset(broken.text, 'x', 470);
	memcpy(broken.text + 470, "\nrest\nand more", sizeof "\nrest\nand more");
	assert_int_equal(query_refused(&broken, &whole), -1);
	assert_string_equal(whole.text + 470, " rest; and more");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };

		assert_int_equal(query_refused(&rows[i].reply, &error), -1);
		assert_int_equal(error.kind, rows[i].kind);
		assert_string_equal(error.status, rows[i].status);
		assert_string_equal(error.text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_handed_over_line_by_line),
		cmocka_unit_test(any_number_of_lines_in_flat_memory),
		cmocka_unit_test(lines_may_be_as_long_as_the_server_says_them),
		cmocka_unit_test(a_line_without_end_is_an_error),
		cmocka_unit_test(who_wants_no_more_is_told_no_more),
		cmocka_unit_test(an_answer_that_breaks_off_is_an_error),
		cmocka_unit_test(a_session_lost_before_the_answer_is_begun_again),
		cmocka_unit_test(a_refusal_is_an_error_in_one_line),
	};
	char path[64];

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
