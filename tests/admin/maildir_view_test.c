/* SPDX-License-Identifier: MIT */

/* Tests admin/maildir_view.c: any Maildir, oldest first, and what a header says. */

#include "admin/maildir_view.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void put(const struct scratch *scratch, const char *name, const char *text, time_t when)
{
	const struct timespec times[] = { { when, 0 }, { when, 0 } };
	char path[256];

	snprintf(path, sizeof path, "%s/%s", scratch->path, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_string(text)), 0);
	assert_int_equal(futimens(fd, times), 0);
	(void)close(fd);
}

static void make(const struct scratch *scratch, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", scratch->path, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void messages_are_listed_oldest_first(void **state)
{
	struct scratch scratch CLEANUP(scratch_remove) = scratch_make();
	struct maildir_listing listing CLEANUP(maildir_view_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	make(&scratch, "new");
	put(&scratch, "new/c", "", 3000);
	put(&scratch, "new/b", "", 2000);
	put(&scratch, "new/.hidden", "", 1);
	make(&scratch, "new/folder");
	/* One without cur/ is a Maildir all the same. */
	assert_int_equal(maildir_view_list(scratch.path, &listing, &error), 0);
	assert_int_equal(listing.count, 2);
	maildir_view_finish(&listing);
	make(&scratch, "cur");
	put(&scratch, "cur/a:2,S", "", 1000);
	put(&scratch, "cur/bb", "", 2000);
	assert_int_equal(maildir_view_list(scratch.path, &listing, &error), 0);
	static const char *const expected[] = { "cur/a:2,S", "new/b", "cur/bb", "new/c" };
	assert_int_equal(listing.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(listing.entries[i].path, expected[i]);
	assert_true(span_equals_string(maildir_view_identity(&listing.entries[0]), "a"));
}

static void what_is_no_maildir_is_no_input(void **state)
{
	struct scratch scratch CLEANUP(scratch_remove) = scratch_make();
	struct maildir_listing listing = { 0 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(maildir_view_list(scratch.path, &listing, &error), -1);
	assert_int_equal(error.kind, ERROR_NO_INPUT);
	assert_non_null(strstr(error.text, scratch.path));
	assert_int_equal(maildir_view_list("/dev/null", &listing, &error), -1);
	assert_int_equal(error.kind, ERROR_NO_INPUT);
}

static void a_message_is_read(void **state)
{
	struct scratch scratch CLEANUP(scratch_remove) = scratch_make();
	struct buffer content CLEANUP(buffer_finish) = { 0 };
	struct maildir_entry entry = { .path = (char[]){ "new/x" } };
	struct error error = { 0 };

	(void)state;
	make(&scratch, "new");
	buffer_init(&content, 100);
	assert_int_equal(maildir_view_read(scratch.path, &entry, &content, &error), -1);
	put(&scratch, "new/x", "text", 1);
	assert_int_equal(maildir_view_read(scratch.path, &entry, &content, &error), 0);
	assert_string_equal(buffer_string(&content), "text");
}

static const struct {
	const char *name;
	const char *message;
	const char *sender;
	const char *recipients;
	const char *subject;
} rows[] = {
	{ "nothing", "", "", "", "" },
	{ "no header", "\r\nSubject: no\r\n", "", "", "" },
	{ "CRLF", "From: a@b\r\nTo: c@d\r\nSubject: s\r\n\r\nTo: body\r\n", "a@b", "c@d", "s" },
	{ "LF", "From: a@b\nTo: c@d\nSubject: s\n\nTo: body\n", "a@b", "c@d", "s" },
	{ "folded", "Subject: one\r\n\ttwo\r\n three\r\n", "", "", "one two three" },
	{ "encoded", "subject : =?UTF-8?Q?=C3=BC?=\r\n\r\n", "", "", "ü" },
	{ "To and Cc", "To: a@b\r\nCc: c@d\r\n\r\n", "", "a@b, c@d", "" },
	{ "the envelope counts", "Delivered-To: x@y\r\nDelivered-To: z@y\r\nTo: a@b\r\n\r\n", "",
	    "x@y, z@y", "" },
	{ "cut in the header", "Subject: s\r\nTo", "", "", "s" },
};

static void a_header_is_summed_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct maildir_summary summary CLEANUP(maildir_view_finish_summary) = { 0 };

		print_message("%s\n", rows[i].name);
		maildir_view_sum_up(guarded_string(rows[i].message), &summary);
		assert_string_equal(buffer_string(&summary.sender), rows[i].sender);
		assert_string_equal(buffer_string(&summary.recipients), rows[i].recipients);
		assert_string_equal(buffer_string(&summary.subject), rows[i].subject);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_listed_oldest_first),
		cmocka_unit_test(what_is_no_maildir_is_no_input),
		cmocka_unit_test(a_message_is_read),
		cmocka_unit_test(a_header_is_summed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
