/* SPDX-License-Identifier: MIT */

/* Tests worker/token.c with real commands. */

#include "worker/token.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static void make(struct smarthost *smarthost, const char *command)
{
	smarthost_init(smarthost);
	smarthost->name = memory_copy_string("work");
	smarthost->token_command = memory_copy_string(command);
}

static void commands_give_tokens(void **state)
{
	static const struct row {
		const char *command;
		const char *token;
	} rows[] = {
		{ "/bin/echo ya29.a-b_c~+/==", "ya29.a-b_c~+/==" },
		{ "/bin/sh -c 'echo one; echo two; echo three >&2'", "one" },
		{ "/usr/bin/printf 'no end'", "no end" },
		{ "/usr/bin/printf 'cr\\r\\nx'", "cr" },
		/* Neither what the caller had open nor what it had set. */
		{ "/bin/sh -c 'cat; ls /proc/self/fd | wc -l'", "4" },
		{ "/bin/sh -c 'echo $SECRET$LANG'", "C.UTF-8" },
		{ "/bin/sh -c 'pwd; umask'", "/" },
		/* What it leaves behind is not waited for. */
		{ "/bin/sh -c 'sleep 1000 & echo quick'", "quick" },
		{ "/bin/sh -c 'exec 2>&-; echo closed; exec >&-; true'", "closed" },
	};
	int open_here = open("/etc/passwd", O_RDONLY);

	(void)state;
	assert_int_equal(setenv("SECRET", "hunter", 1), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smarthost smarthost CLEANUP(smarthost_finish) = { 0 };
		struct error error = { 0 };

		make(&smarthost, rows[i].command);
		if (token_fetch(&smarthost, &error) < 0)
			fail_msg("%s: %s", rows[i].command, error.text);
		assert_string_equal(smarthost.token, rows[i].token);
	}
	close(open_here);
}

static void failures_are_named(void **state)
{
	static const struct row {
		const char *command;
		enum error_kind kind;
		const char *want;
	} rows[] = {
		{ "/nowhere/token", ERROR_CONFIG,
		    "\"work\" cannot be started (No such file or directory): /nowhere/token" },
		{ "/etc/passwd", ERROR_CONFIG, "cannot be started (Permission denied)" },
		{ "token", ERROR_CONFIG, "absolute path" },
		{ "/bin/false", ERROR_UNAVAILABLE, "ended with status 1: /bin/false" },
		{ "/bin/sh -c 'echo expired >&2; echo two >&2; exit 3'", ERROR_UNAVAILABLE,
		    "ended with status 3 (\"expired\")" },
		{ "/bin/sh -c 'echo hunter; echo got hunter >&2; exit 3'", ERROR_UNAVAILABLE,
		    "is not shown" },
		/* With a blank behind it, and longer than what is quoted. */
		{ "/bin/sh -c 'echo \"hunter \"; echo got hunter >&2; exit 3'", ERROR_UNAVAILABLE,
		    "is not shown" },
		{ "/bin/sh -c 'printf hunter%0400d; printf got.hunter%0400d >&2; exit 3'",
		    ERROR_UNAVAILABLE, "is not shown" },
		{ "/bin/sh -c 'kill -9 $$'", ERROR_UNAVAILABLE, "was ended by signal 9" },
		{ "/bin/true", ERROR_UNAVAILABLE, "printed no token" },
		{ "/bin/echo", ERROR_UNAVAILABLE, "printed no token" },
		{ "/usr/bin/printf 'hunt\\ter'", ERROR_UNAVAILABLE, "control characters" },
		{ "/bin/sh -c 'yes hunter'", ERROR_UNAVAILABLE, "more than 64 KiB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smarthost smarthost CLEANUP(smarthost_finish) = { 0 };
		struct error error = { 0 };

		make(&smarthost, rows[i].command);
		if (token_fetch(&smarthost, &error) != -1)
			fail_msg("%s: a token", rows[i].command);
		if (strstr(error.text, rows[i].want) == NULL || error.kind != rows[i].kind)
			fail_msg("%s: %d %s", rows[i].command, (int)error.kind, error.text);
		assert_null(strstr(error.text, "hunter"));
		assert_null(smarthost.token);
	}
}

/* No command of these ends by itself. */
static void time_is_limited(void **state)
{
	static const char *const rows[] = { "/bin/sleep 1000", "/bin/sh -c 'sleep 1000; echo x'",
		"/bin/sh -c 'echo x; exec >&- 2>&-; sleep 1000'",
		"/bin/sh -c 'trap \"\" TERM INT HUP; sleep 1000; sleep 1000'" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smarthost smarthost CLEANUP(smarthost_finish) = { 0 };
		struct error error = { 0 };

		make(&smarthost, rows[i]);
		assert_int_equal(token_fetch_within(&smarthost, 50, &error), -1);
		assert_non_null(strstr(error.text, "took longer than"));
		assert_null(smarthost.token);
	}
}

static void nothing_is_run_without_need(void **state)
{
	struct smarthost smarthost CLEANUP(smarthost_finish) = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	assert_int_equal(token_fetch(&smarthost, &error), 0);
	assert_null(smarthost.token);
	smarthost.token = memory_copy_string("ready");
	smarthost.token_command = memory_copy_string("/bin/false");
	assert_int_equal(token_fetch(&smarthost, &error), 0);
	assert_string_equal(smarthost.token, "ready");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_give_tokens),
		cmocka_unit_test(failures_are_named),
		cmocka_unit_test(time_is_limited),
		cmocka_unit_test(nothing_is_run_without_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
