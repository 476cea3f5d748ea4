/* SPDX-License-Identifier: MIT */

/* Tests service/successor.c against a service in a process of its own. */

#include "service/successor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/cmocka.h"

static char folder[] = "/tmp/mailchute-next-XXXXXX";

static void write_all(int fd, const char *text)
{
	(void)file_write_all(fd, span_from_string(text));
}

/* One session; its exit status is 0 when it was told what was expected. */
static pid_t start(const char *expected, const char *greeting, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/submit.sock", folder);
	(void)unlink(address.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 10), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char line[200] = "";
		int client = accept(fd, NULL, NULL);
		FILE *input = fdopen(client, "r");

		(void)alarm(20);
		/* It comes back after a refusal; nobody is there any more. */
		(void)close(fd);
		write_all(client, greeting);
		if (fgets(line, sizeof line, input) == NULL ||
		    strcmp(line, "EHLO localhost\r\n") != 0)
			_exit(1);
		write_all(client, "250 XMAILCHUTE\r\n");
		if (fgets(line, sizeof line, input) == NULL || strcmp(line, expected) != 0)
			_exit(2);
		write_all(client, answer);
		_exit(fgets(line, sizeof line, input) == NULL || strcmp(line, "QUIT\r\n") != 0);
	}
	(void)close(fd);
	return pid;
}

static int end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void the_next_service_is_told(void **state)
{
	(void)state;
	pid_t pid = start("XQUEUE ADD 0000000000000000000000001\r\n", "220 x\r\n", "250 OK\r\n");
	assert_int_equal(successor_tell(folder, "0000000000000000000000001", false), 0);
	assert_int_equal(end(pid), 0);
	pid = start("XQUEUE ADD 0000000000000000000000002 LATER\r\n", "220 x\r\n", "250 OK\r\n");
	assert_int_equal(successor_tell(folder, "0000000000000000000000002", true), 0);
	assert_int_equal(end(pid), 0);
}

static void nobody_may_be_there(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/submit.sock", folder);
	(void)unlink(path);
	assert_int_equal(successor_tell(folder, "0000000000000000000000001", false), -1);
	assert_int_equal(successor_tell("/nonexistent", "0000000000000000000000001", false), -1);
}

static void who_refuses_or_hangs_up_was_not_told(void **state)
{
	(void)state;
	pid_t pid = start("XQUEUE ADD 0000000000000000000000001\r\n", "220 x\r\n", "450 no\r\n");
	assert_int_equal(successor_tell(folder, "0000000000000000000000001", false), -1);
	assert_int_equal(end(pid), 0);
	pid = start("", "421 busy\r\n", "");
	assert_int_equal(successor_tell(folder, "0000000000000000000000001", false), -1);
	(void)end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_service_is_told),
		cmocka_unit_test(nobody_may_be_there),
		cmocka_unit_test(who_refuses_or_hangs_up_was_not_told),
	};
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	char path[64];

	(void)sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(folder) == NULL)
		return 1;
	int status = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(path, sizeof path, "%s/submit.sock", folder);
	(void)unlink(path);
	(void)rmdir(folder);
	return status;
}
