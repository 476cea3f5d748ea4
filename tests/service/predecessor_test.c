/* SPDX-License-Identifier: MIT */

/* Tests service/predecessor.c: only a service on demand is asked to end. */

#include "service/predecessor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

/* Greets whoever comes, and ends by a signal alone. */
static pid_t start(const char *path, const char *greeting)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int ready[2];
	char octet;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int listener = socket(AF_UNIX, SOCK_STREAM, 0);

		memcpy(address.sun_path, path, strlen(path));
		if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
		    listen(listener, 1) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		int client = accept(listener, NULL, NULL);
		(void)file_write_all(client, span_from_string(greeting));
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void only_one_on_demand_is_asked(void **state)
{
	static const struct row {
		const char *greeting;
		bool is_asked;
	} rows[] = {
		{ "220 h.example ESMTP mailchute spool 0123456789abcdef\r\n", true },
		{ "220 h.example ESMTP mailchute service 0123456789abcdef\r\n", false },
		{ "421 h.example ESMTP mailchute spool 0123456789abcdef\r\n", false },
		{ "220 spool ESMTP Postfix\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char folder[] = "/tmp/mailchute-predecessor-XXXXXX";
		int status;

		assert_non_null(mkdtemp(folder));
		char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", folder);
		pid_t pid = start(path, rows[i].greeting);
		if (predecessor_dismiss(folder) != rows[i].is_asked)
			fail_msg("%s", rows[i].greeting);
		if (!rows[i].is_asked)
			(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WTERMSIG(status), rows[i].is_asked ? SIGTERM : SIGKILL);
		(void)unlink(path);
		(void)rmdir(folder);
	}
}

static void where_nobody_listens_nobody_is_asked(void **state)
{
	(void)state;
	assert_false(predecessor_dismiss("/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_one_on_demand_is_asked),
		cmocka_unit_test(where_nobody_listens_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
