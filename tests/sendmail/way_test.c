/* SPDX-License-Identifier: MIT */

/*
 * Tests sendmail/way.c: which sockets are tried, in which order and how often.
 * What happens on a real one is in handoff_test.c.
 */

#include "sendmail/way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/sendmail/private_folder.h"
#include "tests/support/cmocka.h"

enum { PATH_SIZE = 256, ANSWERS = 8 };

static const char *path_of(const char *name, char path[static PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s", getenv("TEST_FOLDER"), name);
	return path;
}

/* What comes of each attempt, and what was attempted: the names of the sockets. */
struct plan {
	enum way_outcome answers[ANSWERS];
	const char *status; /* of the errors */
	enum error_kind kind;
	size_t count;
	struct buffer tried;
};

static enum way_outcome attempt(void *context, int fd, const char *label, struct error *error)
{
	struct plan *plan = context;
	const char *slash = strrchr(label, '/');

	assert_true(fd > STDERR_FILENO && plan->count < ANSWERS);
	file_close(&fd);
	buffer_format(
	    &plan->tried, plan->count == 0 ? "%s" : " %s", slash != NULL ? slash + 1 : label);
	error_set(error, plan->kind != ERROR_NONE ? plan->kind : ERROR_UNAVAILABLE,
	    plan->status != NULL ? plan->status : "4.4.1", "attempt %zu", plan->count);
	return plan->answers[plan->count++];
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_SIZE];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path_of(name, path);
	assert_in_range(strlen(path), 1, sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path));
	(void)unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 50), 0);
	return fd;
}

static void stop(int fd, const char *name)
{
	char path[PATH_SIZE];

	file_close(&fd);
	(void)unlink(path_of(name, path));
}

static const struct row {
	const char *name;
	bool has_named;
	bool has_own;	/* a service in our own spool */
	bool has_child; /* a mailchute that can be started */
	enum way_outcome answers[ANSWERS];
	int outcome;
	const char *tried;
} rows[] = {
	{ "a service", true, true, true, { WAY_DONE }, 0, "named.sock" },
	{ "it refuses, and that is that", true, true, true, { WAY_REFUSED }, -1, "named.sock" },
	{ "it is silent", true, true, true, { WAY_NOT_HERE, WAY_DONE }, 0,
	    "named.sock submit.sock" },
	{ "there is none", false, true, true, { WAY_DONE }, 0, "submit.sock" },
	{ "there is none of our own either", false, false, true, { WAY_DONE }, 0,
	    "mailchute serve --for-caller" },
	{ "both are silent", true, true, true, { WAY_NOT_HERE, WAY_NOT_HERE, WAY_DONE }, 0,
	    "named.sock submit.sock mailchute serve --for-caller" },
	{ "it is busy for a moment", true, true, true, { WAY_BUSY, WAY_BUSY, WAY_DONE }, 0,
	    "named.sock named.sock named.sock" },
	{ "it is lost on the way", true, true, true, { WAY_LOST, WAY_BUSY, WAY_LOST, WAY_DONE }, 0,
	    "named.sock named.sock named.sock named.sock" },
	{ "it is lost again and again", true, true, true,
	    { WAY_LOST, WAY_LOST, WAY_LOST, WAY_LOST }, -1,
	    "named.sock named.sock named.sock named.sock" },
	{ "a child that refuses", false, false, true, { WAY_REFUSED }, -1,
	    "mailchute serve --for-caller" },
	{ "a child that is lost", false, false, true,
	    { WAY_LOST, WAY_NOT_HERE, WAY_BUSY, WAY_DONE }, 0,
	    "mailchute serve --for-caller mailchute serve --for-caller mailchute serve "
	    "--for-caller mailchute serve --for-caller" },
	{ "a child that is lost again and again", false, false, true,
	    { WAY_LOST, WAY_LOST, WAY_LOST, WAY_LOST }, -1,
	    "mailchute serve --for-caller mailchute serve --for-caller mailchute serve "
	    "--for-caller mailchute serve --for-caller" },
	{ "no child to be had", false, false, false, { WAY_DONE }, -1, "" },
};

static void check_row(const struct row *row)
{
	struct plan plan = { 0 };
	struct error error = { 0 };
	char path[PATH_SIZE];
	char own[PATH_SIZE];
	int named = row->has_named ? listen_at("named.sock") : -1;
	int spool = row->has_own ? listen_at("spool/submit.sock") : -1;

	assert_int_equal(process_own_path(own, sizeof own), 0);
	if (row->has_child)
		assert_int_equal(symlink(own, path_of("bin/mailchute", path)), 0);
	memcpy(plan.answers, row->answers, sizeof plan.answers);
	buffer_init(&plan.tried, 4096);
	int outcome = way_find(attempt, &plan, &error);
	assert_string_equal(buffer_string(&plan.tried), row->tried);
	assert_int_equal(outcome, row->outcome);
	if (outcome < 0)
		assert_true(error.kind != ERROR_NONE && error.text[0] != '\0');
	buffer_finish(&plan.tried);
	(void)unlink(path_of("bin/mailchute", path));
	stop(named, "named.sock");
	stop(spool, "spool/submit.sock");
}

static void ways_are_tried_in_their_order(void **state)
{
	(void)state;
	if (access(MAILCHUTE_PROGRAM, F_OK) == 0)
		skip();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("  %s\n", rows[i].name);
		check_row(&rows[i]);
	}
}

/* That nothing is configured for us is no news where a service should have answered. */
static void a_silent_service_is_the_news(void **state)
{
	struct plan plan = {
		.answers = { WAY_NOT_HERE, WAY_REFUSED }, .status = "4.4.2", .kind = ERROR_CONFIG
	};
	struct error error = { 0 };
	char path[PATH_SIZE];
	char own[PATH_SIZE];

	(void)state;
	if (access(MAILCHUTE_PROGRAM, F_OK) == 0)
		skip();
	assert_int_equal(process_own_path(own, sizeof own), 0);
	assert_int_equal(symlink(own, path_of("bin/mailchute", path)), 0);
	int named = listen_at("named.sock");
	buffer_init(&plan.tried, 4096);
	assert_int_equal(way_find(attempt, &plan, &error), -1);
	assert_int_equal(plan.count, 2);
	assert_string_equal(error.text, "attempt 0");
	assert_non_null(strstr(error.next, "restart the service"));
	buffer_finish(&plan.tried);
	stop(named, "named.sock");
	(void)unlink(path_of("bin/mailchute", path));
}

static void ones_own_settings_go_past_every_service(void **state)
{
	struct plan plan = { .answers = { WAY_REFUSED } };
	struct error error = { 0 };
	char path[PATH_SIZE];
	char own[PATH_SIZE];

	(void)state;
	if (access(MAILCHUTE_PROGRAM, F_OK) == 0 ||
	    (geteuid() == 0 && access(MAILCHUTE_SYSCONFDIR "/mailchute.conf", F_OK) == 0))
		skip();
	assert_int_equal(process_own_path(own, sizeof own), 0);
	assert_int_equal(symlink(own, path_of("bin/mailchute", path)), 0);
	int named = listen_at("named.sock");
	buffer_init(&plan.tried, 4096);
	(void)setenv("MAILCHUTE_URL", "smtp://x", 1);
	assert_int_equal(way_find(attempt, &plan, &error), -1);
	(void)unsetenv("MAILCHUTE_URL");
	assert_string_equal(buffer_string(&plan.tried), "mailchute serve --for-caller");
	buffer_finish(&plan.tried);
	stop(named, "named.sock");
	(void)unlink(path_of("bin/mailchute", path));
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways_are_tried_in_their_order),
		cmocka_unit_test(a_silent_service_is_the_news),
		cmocka_unit_test(ones_own_settings_go_past_every_service),
	};
	char path[PATH_SIZE];

	if (mkdir(path_of("spool", path), 0700) < 0)
		return 1;
	(void)setenv("MAILCHUTE_SPOOL", path, 1);
	(void)setenv("MAILCHUTE_SOCKET", path_of("named.sock", path), 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	/* The copy that is found as mailchute does nothing. */
	if (argc >= 3 && strcmp(argv[2], "--for-caller") == 0)
		return 0;
	const char *folder = private_folder_enter(argv);
	int status = run_all();
	private_folder_remove(folder);
	return status;
}
