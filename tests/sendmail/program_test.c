/* SPDX-License-Identifier: MIT */

/* Tests sendmail/program.c: where mailchute is found, and what it gets. */

#include "sendmail/program.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/memory.h"
#include "tests/sendmail/private_folder.h"
#include "tests/support/cmocka.h"

static const char *const arguments[] = { "mailchute", "serve", "--for-caller", NULL };

/* Says what it was given, on descriptor 1; that 0 is the same socket; and ends. */
static const char script[] = "#!/bin/sh\n"
			     "echo \"$0 $*\"\n"
			     "echo \"TZ=$TZ OPENSSL_CONF=$OPENSSL_CONF NAME=$NAME\"\n"
			     "read line; echo \"read $line\"\n"
			     "ls /proc/self/fd | wc -l\n";

static void put_program(const char *place, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", getenv("TEST_FOLDER"), place);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_string(script)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void remove_program(const char *place)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", getenv("TEST_FOLDER"), place);
	assert_int_equal(unlink(path), 0);
}

/* A program that is installed on this machine would be found first. */
static void skip_where_installed(void)
{
	if (access(MAILCHUTE_PROGRAM, F_OK) == 0)
		skip();
}

/* What the program says to its socket. */
static void run_program(struct buffer *said)
{
	struct error error = { 0 };
	int ends[2];
	int status;

	buffer_init(said, 4096);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = program_start(arguments, ends[1], &error);
	if (pid < 0)
		fail_msg("%s", error.text);
	(void)close(ends[1]);
	assert_int_equal(file_write_all(ends[0], span_from_string("hello\n")), 0);
	assert_int_equal(file_read_to_end(ends[0], said), 0);
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void check_contains(struct buffer *said, const char *words)
{
	if (strstr(buffer_string(said), words) == NULL)
		fail_msg("no \"%s\" in \"%s\"", words, buffer_string(said));
}

static void without_a_program_the_error_says_what_is_missing(void **state)
{
	struct error error = { 0 };

	(void)state;
	skip_where_installed();
	assert_int_equal(program_start(arguments, STDIN_FILENO, &error), -1);
	assert_int_equal(error.kind, ERROR_SYSTEM);
	assert_non_null(strstr(error.text, MAILCHUTE_PROGRAM));
	assert_true(error.next[0] != '\0');
	error = (struct error){ 0 };
	assert_int_equal(program_become(arguments, &error), -1);
	assert_int_equal(error.kind, ERROR_SYSTEM);
	assert_non_null(strstr(error.text, MAILCHUTE_PROGRAM));
}

static void it_is_found_beside_this_program_or_in_bin(void **state)
{
	static const struct row {
		const char *place;
		const char *said;
	} rows[] = {
		{ "sbin/mailchute", "/sbin/mailchute serve --for-caller\n" },
		{ "bin/mailchute", "/sbin/../bin/mailchute serve --for-caller\n" },
	};

	(void)state;
	skip_where_installed();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer said CLEANUP(buffer_finish) = { 0 };

		put_program(rows[i].place, 0755);
		run_program(&said);
		check_contains(&said, rows[i].said);
		check_contains(&said, "read hello\n");
		remove_program(rows[i].place);
	}
}

static void it_gets_an_environment_that_steers_nothing(void **state)
{
	struct buffer said CLEANUP(buffer_finish) = { 0 };

	(void)state;
	skip_where_installed();
	(void)setenv("TZ", "Mars/Olympus", 1);
	(void)setenv("OPENSSL_CONF", "/tmp/evil", 1);
	(void)setenv("NAME", "A User", 1);
	put_program("bin/mailchute", 0755);
	run_program(&said);
	check_contains(&said, "TZ= OPENSSL_CONF= NAME=A User\n");
	remove_program("bin/mailchute");
}

static void it_inherits_the_socket_alone(void **state)
{
	struct buffer said CLEANUP(buffer_finish) = { 0 };
	/* All of ours are close-on-exec, as base/file.h promises. */
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	skip_where_installed();
	put_program("bin/mailchute", 0755);
	run_program(&said);
	/* 0, 1, 2, and the folder that ls reads. */
	check_contains(&said, "\n4\n");
	remove_program("bin/mailchute");
	(void)close(fd);
}

static void one_that_may_not_be_run_is_passed_over(void **state)
{
	struct buffer said CLEANUP(buffer_finish) = { 0 };

	(void)state;
	skip_where_installed();
	put_program("sbin/mailchute", 0644);
	put_program("bin/mailchute", 0755);
	run_program(&said);
	check_contains(&said, "/sbin/../bin/mailchute serve");
	remove_program("bin/mailchute");
	remove_program("sbin/mailchute");
}

static void path_is_never_searched(void **state)
{
	char folder[256];
	struct error error = { 0 };

	(void)state;
	skip_where_installed();
	put_program("mailchute", 0755);
	snprintf(folder, sizeof folder, "%s:/bin:/usr/bin", getenv("TEST_FOLDER"));
	char *before CLEANUP(memory_free_string) = memory_copy_string(getenv("PATH"));
	(void)setenv("PATH", folder, 1);
	assert_int_equal(program_start(arguments, STDIN_FILENO, &error), -1);
	(void)setenv("PATH", before, 1);
	remove_program("mailchute");
}

static void becoming_it_keeps_the_process(void **state)
{
	struct buffer said CLEANUP(buffer_finish) = { 0 };
	int ends[2];
	int status;

	(void)state;
	skip_where_installed();
	put_program("bin/mailchute", 0755);
	buffer_init(&said, 4096);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct error error;

		(void)dup2(ends[1], STDOUT_FILENO);
		(void)program_become(arguments, &error);
		_exit(99);
	}
	(void)close(ends[1]);
	assert_int_equal(file_read_to_end(ends[0], &said), 0);
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_contains(&said, "/bin/mailchute serve --for-caller\n");
	remove_program("bin/mailchute");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_program_the_error_says_what_is_missing),
		cmocka_unit_test(it_is_found_beside_this_program_or_in_bin),
		cmocka_unit_test(it_gets_an_environment_that_steers_nothing),
		cmocka_unit_test(it_inherits_the_socket_alone),
		cmocka_unit_test(one_that_may_not_be_run_is_passed_over),
		cmocka_unit_test(path_is_never_searched),
		cmocka_unit_test(becoming_it_keeps_the_process),
	};
	const char *folder = private_folder_enter(argv);

	(void)argc;
	/* What the test's own caller left open is no part of the test. */
	process_close_from(STDERR_FILENO + 1);
	int status = cmocka_run_group_tests(tests, NULL, NULL);
	private_folder_remove(folder);
	return status;
}
