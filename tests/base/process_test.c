/* SPDX-License-Identifier: MIT */

/* Tests base/process.c. */

#include "base/process.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void clean(const char *const *variables, size_t count, char **result)
{
	char **kept = environ;

	for (size_t i = 0; i < count; i++)
		result[i] = (char *)(uintptr_t)variables[i];
	result[count] = NULL;
	environ = result;
	process_clean_environment();
	environ = kept;
}

static void what_steers_libraries_goes(void **state)
{
	static const struct row {
		const char *variable;
		bool is_kept;
	} rows[] = {
		{ "LD_PRELOAD=/x.so", false },
		{ "LD_LIBRARY_PATH=/x", false },
		{ "LD_AUDIT=", false },
		{ "OPENSSL_CONF=/x", false },
		{ "OPENSSL_MODULES=/x", false },
		{ "TZ=:/etc/passwd", false },
		{ "RES_OPTIONS=x", false },
		{ "HOSTALIASES=/x", false },
		{ "LOCALDOMAIN=x", false },
		{ "GCONV_PATH=/x", false },
		{ "GLIBC_TUNABLES=x", false },
		{ "MALLOC_PERTURB_=1", false },
		{ "TMPDIR=/x", false },
		{ "SSL_CERT_DIR=/x", false },
		{ "SSL_CERT_FILE=/x", true }, /* config decides whether it counts */
		{ "PATH=/bin", true },
		{ "HOME=/root", true },
		{ "NAME=A User", true },
		{ "MAILCHUTE_URL=smtp://x", true },
		{ "LANG=de_DE.UTF-8", true },
		{ "TZX=1", true },
		{ "XLD_PRELOAD=1", true },
		{ "ENVOY=1", true },
		{ "A=LD_PRELOAD=x", true },
	};
	const char *variables[sizeof rows / sizeof rows[0]];
	char *result[sizeof rows / sizeof rows[0] + 1];
	size_t next = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		variables[i] = rows[i].variable;
	clean(variables, sizeof rows / sizeof rows[0], result);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!rows[i].is_kept)
			continue;
		assert_non_null(result[next]);
		assert_string_equal(result[next++], rows[i].variable);
	}
	assert_null(result[next]);
}

static void twins_and_freaks_go_too(void **state)
{
	static const char *const variables[] = { "LD_PRELOAD=a", "A=1", "LD_PRELOAD=b", "", "=",
		"TZ=x", "B=2", "TZ=y" };
	char *result[sizeof variables / sizeof variables[0] + 1];

	(void)state;
	clean(variables, sizeof variables / sizeof variables[0], result);
	assert_string_equal(result[0], "A=1");
	assert_string_equal(result[1], "");
	assert_string_equal(result[2], "=");
	assert_string_equal(result[3], "B=2");
	assert_null(result[4]);
}

static void an_absent_environment_is_none(void **state)
{
	char **kept = environ;
	char *empty[] = { NULL };

	(void)state;
	environ = NULL;
	process_clean_environment();
	assert_null(environ);
	environ = empty;
	process_clean_environment();
	assert_null(environ[0]);
	environ = kept;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The exit status of a process that does this. */
static int run(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(act());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0 to 2 and 10 to 19 are open, and nothing else. */
static void open_some(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 10; fd < 20; fd++)
		(void)dup2(null, fd);
	(void)close(null);
	process_close_from(20);
	for (int fd = 3; fd < 10; fd++)
		(void)close(fd);
}

static int keep_some(void)
{
	static const int kept[] = { 12, -1, 17, 12, 1 };

	open_some();
	process_close_all_but(kept, sizeof kept / sizeof kept[0]);
	for (int fd = 0; fd < 64; fd++)
		if (is_open(fd) != (fd <= 2 || fd == 12 || fd == 17))
			return fd + 1;
	return 0;
}

static int keep_none(void)
{
	open_some();
	process_close_all_but(NULL, 0);
	for (int fd = 0; fd < 64; fd++)
		if (is_open(fd) != (fd <= 2))
			return fd + 1;
	return 0;
}

static int keep_what_is_not_open(void)
{
	static const int kept[] = { 5, 40 };

	open_some();
	process_close_all_but(kept, 2);
	for (int fd = 3; fd < 64; fd++)
		if (is_open(fd))
			return fd + 1;
	return 0;
}

static void only_what_is_kept_stays_open(void **state)
{
	(void)state;
	assert_int_equal(run(keep_some), 0);
	assert_int_equal(run(keep_none), 0);
	assert_int_equal(run(keep_what_is_not_open), 0);
}

static int close_standard(void)
{
	static const int masks[] = { 1, 2, 3, 4, 5, 6, 7 };

	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		for (int fd = 0; fd <= 2; fd++)
			if ((masks[i] & 1 << fd) != 0)
				(void)close(fd);
		process_open_standard_descriptors();
		for (int fd = 0; fd <= 2; fd++)
			if (!is_open(fd))
				return 1 + (int)i;
		char octet;
		if ((masks[i] & 1) != 0 && read(STDIN_FILENO, &octet, 1) != 0)
			return 100;
	}
	return 0;
}

static void closed_standard_descriptors_are_opened(void **state)
{
	(void)state;
	assert_int_equal(run(close_standard), 0);
}

/* What a detached process finds, as letters into its kept descriptor. */
static void tell(int fd, pid_t caller)
{
	char cwd[16] = "";
	struct sigaction action;
	struct stat null;
	struct stat input;
	sigset_t mask;
	char told[9] = "........";

	told[0] = getsid(0) != getsid(caller) ? 's' : '-';
	told[1] = getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, "/") == 0 ? 'c' : '-';
	told[2] = umask(0) == 077 ? 'u' : '-';
	(void)stat("/dev/null", &null);
	told[3] = fstat(STDIN_FILENO, &input) == 0 && input.st_rdev == null.st_rdev ? 'n' : '-';
	told[4] = 'd';
	for (int other = 4; other < 64; other++)
		if (is_open(other))
			told[4] = '-';
	(void)sigaction(SIGCHLD, NULL, &action);
	told[5] = action.sa_handler == SIG_DFL ? 'h' : '-';
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	told[6] = sigismember(&mask, SIGTERM) == 0 ? 'm' : '-';
	told[7] = getpid() != getsid(0) ? 'g' : '-';
	(void)!write(fd, told, 8);
}

/* A caller as odd as they come, which detaches a process that keeps descriptor keep. */
static int detach_keeping(int keep)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	pid_t caller = getpid();
	char told[9] = "";
	sigset_t mask;
	int ends[2];

	open_some();
	if (pipe(ends) < 0 || dup2(ends[1], keep) < 0)
		return 1;
	if (ends[1] != keep)
		(void)close(ends[1]);
	(void)umask(0);
	(void)sigaction(SIGCHLD, &ignore, NULL);
	sigfillset(&mask);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	int outcome = process_detach(keep);
	if (outcome == 1) {
		tell(3, caller);
		_exit(0);
	}
	(void)close(keep);
	if (outcome != 0 || read(ends[0], told, 8) != 8)
		return 2;
	/* The last holder is gone: the caller is not kept waiting by an inherited descriptor. */
	if (read(ends[0], told + 8, 1) != 0)
		return 3;
	return strcmp(told, "scundhmg") == 0 ? 0 : 4;
}

static int detach_keeping_15(void)
{
	return detach_keeping(15);
}

static int detach_keeping_4(void)
{
	return detach_keeping(4);
}

static int detach_keeping_none(void)
{
	int ends[2];
	char octet;

	if (pipe(ends) < 0)
		return 1;
	int outcome = process_detach(-1);
	if (outcome == 1) {
		/* Nothing above 2 is open, so this is 3. */
		_exit(is_open(3) || is_open(ends[1]));
	}
	(void)close(ends[1]);
	return outcome == 0 && read(ends[0], &octet, 1) == 0 ? 0 : 2;
}

static void a_detached_process_holds_nothing_of_its_caller(void **state)
{
	(void)state;
	assert_int_equal(run(detach_keeping_15), 0);
	assert_int_equal(run(detach_keeping_4), 0);
	assert_int_equal(run(detach_keeping_none), 0);
}

static int die_of_what_came_before(void)
{
	static const int ignored[] = { SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)raise(SIGTERM);
	process_reset_signals_ignoring(ignored, 2);
	if (sigaction(SIGINT, NULL, &action) < 0 || action.sa_handler != SIG_DFL)
		return 1;
	(void)raise(SIGHUP);
	(void)sigprocmask(SIG_SETMASK, NULL, &all);
	return sigisemptyset(&all) ? 0 : 2;
}

static void what_is_ignored_does_no_harm_although_it_came_before(void **state)
{
	(void)state;
	assert_int_equal(run(die_of_what_came_before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_steers_libraries_goes),
		cmocka_unit_test(twins_and_freaks_go_too),
		cmocka_unit_test(an_absent_environment_is_none),
		cmocka_unit_test(only_what_is_kept_stays_open),
		cmocka_unit_test(closed_standard_descriptors_are_opened),
		cmocka_unit_test(a_detached_process_holds_nothing_of_its_caller),
		cmocka_unit_test(what_is_ignored_does_no_harm_although_it_came_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
