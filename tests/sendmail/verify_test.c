/* SPDX-License-Identifier: MIT */

/*
 * Tests sendmail/verify.c against a service in a process of its own, which has
 * an answer to each of a few questions.
 */

#include "sendmail/verify.h"

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

static char folder[] = "/tmp/mailchute-verify-XXXXXX";

/* What is asked, and what is answered. */
static const struct answer {
	const char *question;
	const char *reply;
} answers[] = {
	{ "XEXPLAIN self <yes>", "250-yes... deliverable: x\r\n250-    more\r\n250 2.0.0 OK\r\n" },
	{ "XEXPLAIN self <yes> ONLINE", "250-yes, online\r\n250 2.0.0 OK\r\n" },
	{ "XEXPLAIN self <refused> ONLINE", "250-refused\r\n250 2.0.0 EXIT 67\r\n" },
	{ "XEXPLAIN self <login> ONLINE", "250-login\r\n250 2.0.0 EXIT 77\r\n" },
	{ "XEXPLAIN self <liar> ONLINE", "250-liar\r\n250 2.0.0 EXIT 256\r\n" },
	{ "XEXPLAIN self <odd> ONLINE", "250-odd\r\n250 2.0.0 EXIT all\r\n" },
	{ "XEXPLAIN <s@x.example> <yes>", "250-from s@x.example\r\n250 2.0.0 OK\r\n" },
	{ "XEXPLAIN <> <yes>", "250-from nobody\r\n250 2.0.0 OK\r\n" },
	{ "XEXPLAIN self <no@host>", "550-5.1.2 no such\r\n550 5.1.2 host\r\n" },
	{ "XEXPLAIN self <no@user>", "550 5.1.1 no such user\r\n" },
	{ "XEXPLAIN self <config>", "451 4.3.5 mend it\r\n" },
	{ "XEXPLAIN self <cut>", "250-cut\r\n451 4.3.0 oh\r\n" },
};

static void play(int fd)
{
	FILE *client = fdopen(fd, "r");
	char line[5000];

	(void)file_write_all(fd, span_from_string("220 service ESMTP\r\n"));
	while (fgets(line, sizeof line, client) != NULL && strcmp(line, "QUIT\r\n") != 0) {
		line[strcspn(line, "\r")] = '\0';
		const char *reply = "500 5.5.1 what?\r\n";
		if (strncmp(line, "EHLO ", 5) == 0)
			reply = "250-service\r\n250 XMAILCHUTE 30\r\n";
		for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
			if (strcmp(line, answers[i].question) == 0)
				reply = answers[i].reply;
		if (file_write_all(fd, span_from_string(reply)) < 0)
			break;
	}
	(void)fclose(client);
}

static pid_t start(void)
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
			play(accept(fd, NULL, NULL));
	}
	(void)close(fd);
	return pid;
}

/* What is written to standard output, which is this file meanwhile. */
static int run(
    const struct options *options, FILE *output, enum error_kind *status, struct error *error)
{
	pid_t pid = start();
	int saved = dup(STDOUT_FILENO);

	(void)fflush(stdout);
	assert_int_equal(dup2(fileno(output), STDOUT_FILENO), STDOUT_FILENO);
	int outcome = verify_run(options, status, error);
	(void)dup2(saved, STDOUT_FILENO);
	(void)close(saved);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return outcome;
}

static char *read_all(FILE *file)
{
	struct buffer text;

	buffer_init(&text, 1 << 20);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(file_read_to_end(fileno(file), &text), 0);
	return buffer_take_string(&text);
}

enum { ARGUMENTS = 4 };

static void each_recipient_is_asked_for(void **state)
{
	static const struct row {
		const char *arguments[ARGUMENTS];
		const char *sender;
		bool is_verbose;
		const char *printed;
		int outcome;
		enum error_kind status; /* or kind, of an error */
	} rows[] = {
		{ { "yes" }, NULL, false, "yes... deliverable: x\n    more\n", 0, ERROR_NONE },
		{ { "yes" }, "s@x.example", false, "from s@x.example\n", 0, ERROR_NONE },
		{ { "yes" }, "", false, "from nobody\n", 0, ERROR_NONE },
		{ { "yes, Full Name <yes>" }, NULL, true, "yes, online\n", 0, ERROR_NONE },
		{ { "no@user", "no@host", "yes" }, NULL, false,
		    "no@user... no such user\nno@host... no such; host\n"
		    "yes... deliverable: x\n    more\n",
		    0, ERROR_NO_USER },
		{ { "no@host", "config" }, NULL, false,
		    "no@host... no such; host\nconfig... mend it\n", 0, ERROR_NO_HOST },
		{ { "config" }, NULL, false, "config... mend it\n", 0, ERROR_CONFIG },
		{ { "login", "refused", "yes" }, NULL, true, "login\nrefused\nyes, online\n", 0,
		    ERROR_NO_PERMISSION },
		{ { "liar", "odd" }, NULL, true, "liar\nodd\n", 0, ERROR_NONE },
		{ { "yes", "x@" }, NULL, true, "yes, online\nnot an address: \"x@\" (", 0,
		    ERROR_DATA },
		{ { "refused", "x@" }, NULL, true, "refused\nnot an address: ", 0, ERROR_NO_USER },
		/* Somebody is told less than there was to say. */
		{ { "cut", "yes" }, NULL, false, "cut\n", -1, ERROR_UNAVAILABLE },
		{ { "x@" }, NULL, false, "", -1, ERROR_DATA },
		{ { NULL }, NULL, false, "", -1, ERROR_USAGE },
		{ { "yes" }, "x@", false, "", -1, ERROR_USAGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *arguments[ARGUMENTS] = { NULL };
		struct options options = { .mode = OPTIONS_VERIFY,
			.sender = rows[i].sender,
			.is_verbose = rows[i].is_verbose,
			.recipients = arguments };
		enum error_kind status = ERROR_NONE;
		struct error error = { 0 };
		FILE *output = tmpfile();

		for (int j = 0; j < ARGUMENTS && rows[i].arguments[j] != NULL; j++) {
			arguments[j] = memory_copy_string(rows[i].arguments[j]);
			options.recipient_count = j + 1;
		}
		int outcome = run(&options, output, &status, &error);
		char *printed CLEANUP(memory_free_string) = read_all(output);
		print_message("  %zu: %s%s\n", i, printed, error.text);
		assert_int_equal(outcome, rows[i].outcome);
		assert_int_equal(strncmp(printed, rows[i].printed, strlen(rows[i].printed)), 0);
		assert_int_equal(outcome < 0 ? error.kind : status, rows[i].status);
		(void)fclose(output);
		for (int j = 0; j < ARGUMENTS; j++)
			free(arguments[j]);
	}
}

static void what_cannot_be_written_is_an_error(void **state)
{
	static char yes[] = "yes";
	char *arguments[] = { yes };
	const struct options options = {
		.mode = OPTIONS_VERIFY, .recipients = arguments, .recipient_count = 1
	};
	enum error_kind status = ERROR_NONE;
	struct error error = { 0 };
	FILE *full = fopen("/dev/full", "r+");

	(void)state;
	assert_non_null(full);
	assert_int_equal(run(&options, full, &status, &error), -1);
	assert_int_equal(error.kind, ERROR_CANNOT_CREATE);
	(void)fclose(full);
}

static int make_folder(void **state)
{
	char path[100];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s", folder);
	(void)unsetenv("MAILCHUTE_URL");
	(void)unsetenv("MAILCHUTE_CONFIG");
	return setenv("MAILCHUTE_SOCKET", path, 1);
}

static int remove_folder(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof path, "%s/s", folder);
	(void)unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_recipient_is_asked_for),
		cmocka_unit_test(what_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
