/* SPDX-License-Identifier: MIT */

/* Tests base/log.c: where lines go, in which form, and what is said when they cannot. */

#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

enum { TEXT_SIZE = 20000 };

static char folder[40];
static char path[64];
static char caught_path[64];
static char linked_path[64];
static int real_stderr;

/* What is said on stderr is caught in a file. */
static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/log-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/log", folder);
	snprintf(caught_path, sizeof caught_path, "%s/stderr", folder);
	snprintf(linked_path, sizeof linked_path, "%s/linked", folder);
	int caught = open(caught_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	real_stderr = dup(STDERR_FILENO);
	if (caught < 0 || real_stderr < 0 || dup2(caught, STDERR_FILENO) < 0)
		return -1;
	return close(caught);
}

static int tear_down(void **state)
{
	(void)state;
	log_set_json(false);
	(void)log_open("test", "none");
	(void)dup2(real_stderr, STDERR_FILENO);
	(void)close(real_stderr);
	(void)unlink(path);
	(void)unlink(caught_path);
	return rmdir(folder);
}

static const char *content_of(const char *name, char text[static TEXT_SIZE])
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t count = read(fd, text, TEXT_SIZE - 1);

	assert_true(count >= 0);
	text[count] = '\0';
	(void)close(fd);
	return text;
}

static void lines_go_to_stderr(void **state)
{
	char text[TEXT_SIZE];
	const struct log_about about = { "0AB", "smtp" };

	(void)state;
	assert_true(log_open("test", "stderr"));
	log_event(LOG_LEVEL_INFO, "one %d", 1);
	log_text(LOG_LEVEL_WARNING, &about, "two %d", 2);
	log_message(LOG_LEVEL_WARNING, "0AC", "three %d", 3);
	assert_string_equal(content_of(caught_path, text),
	    "test: one 1\ntest/smtp: 0AB: two 2\ntest: 0AC: three 3\n");
	assert_int_equal(log_keep_descriptor(), STDERR_FILENO);
}

/* As systemd connects it, and no socket of the journal in sight. */
static void priorities_go_where_systemd_reads(void **state)
{
	char text[TEXT_SIZE];
	char stream[64];
	struct stat status;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
	    (unsigned long long)status.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	assert_true(log_open("test", "stderr"));
	log_event(LOG_LEVEL_ERROR, "bad");
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	assert_true(log_open("test", "stderr"));
	log_event(LOG_LEVEL_ERROR, "worse");
	(void)unsetenv("JOURNAL_STREAM");
	assert_string_equal(content_of(caught_path, text), "<3>test: bad\ntest: worse\n");
}

static void lines_in_a_file_bear_a_date(void **state)
{
	char text[TEXT_SIZE];
	char host[65];
	char rest[200];
	int pid;

	(void)state;
	assert_true(log_open("test", path));
	log_event(LOG_LEVEL_INFO, "one");
	assert_int_equal(
	    sscanf(content_of(path, text),
		"%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %64s test[%d]: %199[^\n]", host, &pid, rest),
	    3);
	assert_int_equal(pid, getpid());
	assert_string_equal(rest, "one");
}

static void nothing_hostile_comes_through(void **state)
{
	static const char *const rows[] = { "a\nb", "a\rb", "a\x1b[2Jb", "a\x80", "\xc3(",
		"\xe2\x80\xae" };
	char text[TEXT_SIZE];

	(void)state;
	assert_true(log_open("test", "stderr"));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		log_event(LOG_LEVEL_INFO, "%s", rows[i]);
	assert_string_equal(content_of(caught_path, text),
	    "test: a?b\ntest: a?b\ntest: a?[2Jb\ntest: a?\ntest: ?(\ntest: ???\n");
}

static void a_long_line_is_cut(void **state)
{
	char text[TEXT_SIZE];
	char given[5001];

	(void)state;
	memset(given, 'x', sizeof given - 1);
	given[sizeof given - 1] = '\0';
	assert_true(log_open("test", "stderr"));
	log_event(LOG_LEVEL_INFO, "%s", given);
	assert_int_equal(strlen(content_of(caught_path, text)), strlen("test: \n") + 2000);
}

static void lines_are_objects_where_that_is_wanted(void **state)
{
	char text[TEXT_SIZE];
	struct buffer members CLEANUP(buffer_finish) = { 0 };
	struct buffer none CLEANUP(buffer_finish) = { 0 };
	const struct log_about about = { "0AB", "smtp" };
	char expected[500];

	(void)state;
	assert_true(log_open("test", "stderr"));
	log_set_json(true);
	assert_true(log_is_json());
	buffer_init(&members, 100);
	json_number(&members, "size", 5);
	log_json(LOG_LEVEL_INFO, "received", "0AB", &members);
	log_json(LOG_LEVEL_WARNING, "ended", NULL, &none);
	log_event(LOG_LEVEL_ERROR, "bad \"word\"\n");
	log_text(LOG_LEVEL_DEBUG, &about, "of one");
	static const struct row {
		const char *level;
		const char *rest;
	} rows[] = {
		{ "info", "received\",\"id\":\"0AB\",\"size\":5}" },
		{ "warning", "ended\"}" },
		{ "error", "note\",\"text\":\"bad \\\"word\\\"?\"}" },
		{ "debug", "note\",\"id\":\"0AB\",\"text\":\"of one\"}" },
	};
	char *line = text;
	content_of(caught_path, text);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *end = strchr(line, '\n');

		assert_non_null(end);
		*end = '\0';
		assert_memory_equal(line, "{\"time\":\"", 9);
		snprintf(expected, sizeof expected,
		    "\"level\":\"%s\",\"program\":\"test\",\"pid\":%d,\"event\":\"%s",
		    rows[i].level, (int)getpid(), rows[i].rest);
		assert_string_equal(strchr(line, ',') + 1, expected);
		line = end + 1;
	}
	assert_string_equal(line, "");
}

static void what_cannot_be_opened_is_said_and_nothing_changed(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	assert_true(log_open("test", path));
	assert_false(log_open("test", "/nonexistent/log"));
	assert_false(log_open("test", "/nonexistent/log"));
	log_event(LOG_LEVEL_INFO, "one");
	assert_string_equal(content_of(caught_path, text),
	    "test: the log /nonexistent/log cannot be written: No such file or directory; mail "
	    "goes on without it\n");
	assert_non_null(strstr(content_of(path, text), "]: one\n"));
	assert_false(log_open("test", "elsewhere"));
}

static void a_disk_that_is_full_is_said_once(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	assert_true(log_open("test", "/dev/full"));
	for (int i = 0; i < 3; i++)
		log_event(LOG_LEVEL_INFO, "lost");
	assert_string_equal(content_of(caught_path, text),
	    "test: the log /dev/full cannot be written: No space left on device; mail goes on "
	    "without it\n");
}

static void a_file_that_was_moved_away_is_made_anew(void **state)
{
	char text[TEXT_SIZE];
	char old[80];

	(void)state;
	snprintf(old, sizeof old, "%s.1", path);
	assert_true(log_open("test", path));
	log_event(LOG_LEVEL_INFO, "one");
	assert_int_equal(rename(path, old), 0);
	log_event(LOG_LEVEL_INFO, "two");
	assert_true(log_open("test", path));
	log_event(LOG_LEVEL_INFO, "three");
	content_of(old, text);
	assert_non_null(strstr(text, "one\n"));
	assert_non_null(strstr(text, "two\n"));
	assert_null(strstr(content_of(path, text), "two\n"));
	assert_non_null(strstr(text, "three\n"));
	(void)unlink(old);
}

/* As root: only a new one changes its owner. */
static void a_new_file_is_given_away(void **state)
{
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_true(log_open("test", path));
	log_event(LOG_LEVEL_INFO, "one");
	log_give_to(1, 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(link(path, linked_path), 0);
	log_give_to(1, 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 0);
	assert_int_equal(unlink(linked_path), 0);
	log_give_to(1, 2);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 1);
	assert_int_equal(status.st_gid, 2);
	/* Where there is nothing to give. */
	assert_true(log_open("test", "stderr"));
	log_give_to(1, 1);
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	assert_int_equal(status.st_uid, 0);
}

/* The line that was taken, and how many were not. */
static void lost_lines_are_counted(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	assert_true(log_open("test", path));
	assert_int_equal(rename(path, caught_path), 0);
	/* Its descriptor is taken from it, and where the file was there is a folder. */
	(void)close(log_keep_descriptor());
	assert_int_equal(mkdir(path, 0700), 0);
	log_event(LOG_LEVEL_INFO, "lost");
	log_event(LOG_LEVEL_INFO, "lost");
	assert_int_equal(rmdir(path), 0);
	log_event(LOG_LEVEL_INFO, "found");
	content_of(path, text);
	assert_non_null(strstr(text, "]: found\n"));
	assert_non_null(strstr(text, "the log has lost the 2 lines before the last one\n"));
}

static void a_callers_stderr_is_left_alone(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	log_spare_stderr();
	assert_false(log_open("test", "/nonexistent/log"));
	assert_true(log_open("test", "/dev/full"));
	log_event(LOG_LEVEL_INFO, "lost");
	assert_true(log_open("test", "stderr"));
	log_event(LOG_LEVEL_INFO, "lost");
	assert_string_equal(content_of(caught_path, text), "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(lines_go_to_stderr, set_up, tear_down),
	cmocka_unit_test_setup_teardown(priorities_go_where_systemd_reads, set_up, tear_down),
	cmocka_unit_test_setup_teardown(lines_in_a_file_bear_a_date, set_up, tear_down),
	cmocka_unit_test_setup_teardown(nothing_hostile_comes_through, set_up, tear_down),
	cmocka_unit_test_setup_teardown(a_long_line_is_cut, set_up, tear_down),
	cmocka_unit_test_setup_teardown(lines_are_objects_where_that_is_wanted, set_up, tear_down),
	cmocka_unit_test_setup_teardown(
	    what_cannot_be_opened_is_said_and_nothing_changed, set_up, tear_down),
	cmocka_unit_test_setup_teardown(a_disk_that_is_full_is_said_once, set_up, tear_down),
	cmocka_unit_test_setup_teardown(a_file_that_was_moved_away_is_made_anew, set_up, tear_down),
	cmocka_unit_test_setup_teardown(a_new_file_is_given_away, set_up, tear_down),
	cmocka_unit_test_setup_teardown(lost_lines_are_counted, set_up, tear_down),
	/* The last: it is not taken back. */
	cmocka_unit_test_setup_teardown(a_callers_stderr_is_left_alone, set_up, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
