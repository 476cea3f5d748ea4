/* SPDX-License-Identifier: MIT */

/*
 * Tests sendmail/mailq.c against a service in a process of its own, which gives
 * one answer.
 */

#include "sendmail/mailq.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static char folder[] = "/tmp/mailchute-mailq-XXXXXX";

/* A session: the answer follows the command that is expected, and nothing another. */
static void play(int fd, const char *command, const char *answer)
{
	FILE *client = fdopen(fd, "r");
	char line[5000];

	(void)file_write_all(fd, span_from_string("220 service ESMTP\r\n"));
	while (fgets(line, sizeof line, client) != NULL && strcmp(line, "QUIT\r\n") != 0) {
		line[strcspn(line, "\r")] = '\0';
		const char *reply = "500 5.5.1 what?\r\n";
		if (strncmp(line, "EHLO ", 5) == 0)
			reply = "250-service\r\n250 XMAILCHUTE 30\r\n";
		else if (strcmp(line, command) == 0)
			reply = answer;
		if (file_write_all(fd, span_from_string(reply)) < 0)
			break;
	}
	(void)fclose(client);
}

static pid_t start(const char *command, const char *answer)
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
		for (;;)
			play(accept(fd, NULL, NULL), command, answer);
	}
	(void)close(fd);
	return pid;
}

/* What mailq_list writes; its outcome and error beside it. */
static char *list(
    const char *command, const char *answer, bool is_json, int *outcome, struct error *error)
{
	const struct options options = { .mode = OPTIONS_LIST_QUEUE, .as_json = is_json };
	pid_t pid = start(command, answer);
	struct buffer text;
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);

	assert_non_null(file);
	(void)fflush(stdout);
	assert_int_equal(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
	*outcome = mailq_list(&options, error);
	(void)dup2(saved, STDOUT_FILENO);
	(void)close(saved);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	buffer_init(&text, 1 << 20);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(file_read_to_end(fileno(file), &text), 0);
	(void)fclose(file);
	return buffer_take_string(&text);
}

static void a_list_is_printed_line_by_line(void **state)
{
	static const struct row {
		const char *name;
		bool is_json;
		const char *answer;
		const char *printed;
		enum error_kind kind;
	} rows[] = {
		{ "text", false, "250--Queue ID-\r\n250-\r\n250--- 1 Kbytes\r\n250 2.0.0 1\r\n",
		    "-Queue ID-\n\n-- 1 Kbytes\n", ERROR_NONE },
		{ "text that looks like JSON", false, "250-a\r\n250- {\r\n250 OK\r\n", "a\n {\n",
		    ERROR_NONE },
		{ "no objects", true, "250 2.0.0 0 messages\r\n", "", ERROR_NONE },
		{ "objects", true, "250-{\"a\": []}\r\n250-{}\r\n250 2.0.0 2\r\n",
		    "{\"a\": []}\n{}\n", ERROR_NONE },
		{ "an object in pieces", true,
		    "250-{\"a\": [ {},\r\n250- {},\r\n250- {}]}\r\n250-{}\r\n250 2.0.0 2\r\n",
		    "{\"a\": [ {}, {}, {}]}\n{}\n", ERROR_NONE },
		{ "a refusal", false, "550 5.7.1 not for you\r\n", "", ERROR_NO_PERMISSION },
		{ "not now", true, "450 4.3.2 not now\r\n", "", ERROR_UNAVAILABLE },
		{ "a list that breaks off", false, "250-a\r\n451 4.3.0 no\r\n", "a\n",
		    ERROR_UNAVAILABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		int outcome = 0;
		char *printed CLEANUP(memory_free_string) = list(
		    rows[i].is_json ? "XQUEUE LIST JSON" : "XQUEUE LIST", rows[i].answer,
		    rows[i].is_json, &outcome, &error);

		print_message("  %s\n", rows[i].name);
		assert_string_equal(printed, rows[i].printed);
		assert_int_equal(outcome, rows[i].kind == ERROR_NONE ? 0 : -1);
		if (outcome < 0)
			assert_int_equal(error.kind, rows[i].kind);
	}
}

static void a_run_is_silent(void **state)
{
	static const struct row {
		const char *answer;
		enum error_kind kind;
	} rows[] = {
		{ "250 2.0.0 what waits is tried now\r\n", ERROR_NONE },
		{ "250 2.0.0 tried 3 seconds ago\r\n", ERROR_NONE },
		{ "550 5.7.1 not for you\r\n", ERROR_NO_PERMISSION },
		{ "450 4.3.2 not known\r\n", ERROR_UNAVAILABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		pid_t pid = start("XQUEUE FLUSH", rows[i].answer);
		int outcome = mailq_run(&error);

		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		assert_int_equal(outcome, rows[i].kind == ERROR_NONE ? 0 : -1);
		if (outcome < 0)
			assert_int_equal(error.kind, rows[i].kind);
	}
}

static int make_folder(void **state)
{
	char path[64];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s", folder);
	return setenv("MAILCHUTE_SOCKET", path, 1) < 0 ||
	       setenv("MAILCHUTE_SPOOL", "/nonexistent", 1) < 0;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/s", folder);
	(void)unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_printed_line_by_line),
		cmocka_unit_test(a_run_is_silent),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
