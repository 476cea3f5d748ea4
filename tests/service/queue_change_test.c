/* SPDX-License-Identifier: MIT */

/* Tests service/queue_change.c. */

#include "service/queue_change.h"

#include <errno.h>

#include "base/memory.h"
#include "spool/queue_error.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

static const struct queue_viewer root = { 0, true };
static const struct queue_viewer alice = { 1000, false };
static const struct queue_viewer bob = { 1001, false };
static const struct queue_viewer nobody = { -1, false };

static struct queue_progress progress_of(const struct scratch *scratch, const char *id)
{
	struct queue_summary summary;
	struct error error;

	assert_int_equal(queue_file_read_summary(scratch->fd, id, &summary, &error), 0);
	return summary.progress;
}

static void set_next(const struct scratch *scratch, const char *id, int64_t next, bool is_failed)
{
	CLEANUP(queue_file_finish) struct queue_file file = { .fd = -1 };
	struct error error;

	assert_int_equal(queue_file_open(&file, scratch->fd, id, &error), QUEUE_OPENED);
	file.progress.next_attempt = next;
	for (size_t i = 0; is_failed && i < file.envelope.recipient_count; i++)
		assert_int_equal(queue_file_mark(&file, i, RECIPIENT_FAILED, "", &error), 0);
	assert_int_equal(queue_file_save_progress(&file, &error), 0);
}

static void changes_are_in_the_file(void **state)
{
	static const struct row {
		enum queue_verb verb;
		const struct queue_viewer *viewer;
		enum queue_change_sign sign;
		bool is_held; /* afterwards */
		int64_t next;
		bool is_there;
	} rows[] = {
		/* One after the other, on one file. */
		{ QUEUE_HOLD, &bob, QUEUE_CHANGE_MISSING, false, 77, true },
		{ QUEUE_HOLD, &nobody, QUEUE_CHANGE_MISSING, false, 77, true },
		{ QUEUE_REMOVE, &bob, QUEUE_CHANGE_MISSING, false, 77, true },
		{ QUEUE_RELEASE, &alice, QUEUE_CHANGE_NEEDLESS, false, 77, true },
		{ QUEUE_HOLD, &alice, QUEUE_CHANGE_DONE, true, 77, true },
		{ QUEUE_HOLD, &root, QUEUE_CHANGE_NEEDLESS, true, 77, true },
		{ QUEUE_RETRY, &root, QUEUE_CHANGE_REFUSED, true, 77, true },
		{ QUEUE_RELEASE, &bob, QUEUE_CHANGE_MISSING, true, 77, true },
		{ QUEUE_RELEASE, &root, QUEUE_CHANGE_DONE, false, 0, true },
		{ QUEUE_RETRY, &bob, QUEUE_CHANGE_MISSING, false, 0, true },
		{ QUEUE_RETRY, &alice, QUEUE_CHANGE_DONE, false, 0, true },
		{ (enum queue_verb)'x', &root, QUEUE_CHANGE_REFUSED, false, 0, true },
		{ QUEUE_REMOVE, &alice, QUEUE_CHANGE_DONE, false, 0, false },
		{ QUEUE_REMOVE, &root, QUEUE_CHANGE_MISSING, false, 0, false },
	};
	struct scratch scratch = scratch_make();
	char id[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	set_next(&scratch, id, 77, false);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct queue_change change = { 0 };

		queue_change_make(scratch.fd, id, rows[i].verb, rows[i].viewer, &change);
		if (change.sign != rows[i].sign)
			fail_msg("row %zu: %c %s", i, change.sign, change.text);
		assert_int_equal(faccessat(scratch.fd, id, F_OK, 0) == 0, rows[i].is_there);
		if (!rows[i].is_there)
			continue;
		struct queue_progress progress = progress_of(&scratch, id);
		if (progress.is_held != rows[i].is_held || progress.next_attempt != rows[i].next)
			fail_msg("row %zu: held %d, next %d", i, progress.is_held,
			    (int)progress.next_attempt);
	}
	scratch_remove(&scratch);
}

static void a_file_in_other_hands_is_busy(void **state)
{
	struct scratch scratch = scratch_make();
	struct queue_file file = { .fd = -1 };
	struct queue_change change = { 0 };
	char id[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	assert_int_equal(queue_file_open(&file, scratch.fd, id, &error), QUEUE_OPENED);
	queue_change_make(scratch.fd, id, QUEUE_REMOVE, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_BUSY);
	/* Its own process holds it by a mark that the attempt will write again. */
	queue_change_running(&file, QUEUE_REMOVE, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_REFUSED);
	assert_non_null(strstr(change.text, "hold it"));
	queue_change_running(&file, QUEUE_RETRY, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_NEEDLESS);
	queue_change_running(&file, QUEUE_HOLD, &bob, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_MISSING);
	assert_false(progress_of(&scratch, id).is_held);
	queue_change_running(&file, QUEUE_HOLD, &alice, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_DONE);
	assert_non_null(strstr(change.text, "after the attempt"));
	assert_true(file.progress.is_held && progress_of(&scratch, id).is_held);
	queue_change_running(&file, QUEUE_RELEASE, &alice, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_DONE);
	assert_false(file.progress.is_held || progress_of(&scratch, id).is_held);
	queue_file_finish(&file);
	scratch_remove(&scratch);
}

static void where_nobody_waits_nothing_is_held(void **state)
{
	struct scratch scratch = scratch_make();
	struct queue_change change = { 0 };
	char id[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	set_next(&scratch, id, 77, true);
	queue_change_make(scratch.fd, id, QUEUE_HOLD, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_REFUSED);
	assert_false(progress_of(&scratch, id).is_held);
	queue_change_make(scratch.fd, id, QUEUE_RETRY, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_DONE);
	scratch_remove(&scratch);
}

static void a_damaged_file_is_removed_by_an_administrator_alone(void **state)
{
	struct scratch scratch = scratch_make();
	struct queue_change change = { 0 };
	char id[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	int fd = openat(scratch.fd, id, O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 1300), 0);
	(void)close(fd);
	queue_change_make(scratch.fd, id, QUEUE_REMOVE, &alice, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_MISSING);
	queue_change_make(scratch.fd, id, QUEUE_HOLD, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_REFUSED);
	assert_non_null(strstr(change.text, id));
	assert_int_equal(faccessat(scratch.fd, id, F_OK, 0), 0);
	queue_change_make(scratch.fd, id, QUEUE_REMOVE, &root, &change);
	assert_int_equal(change.sign, QUEUE_CHANGE_DONE);
	assert_int_equal(faccessat(scratch.fd, id, F_OK, 0), -1);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_in_the_file),
		cmocka_unit_test(a_file_in_other_hands_is_busy),
		cmocka_unit_test(where_nobody_waits_nothing_is_held),
		cmocka_unit_test(a_damaged_file_is_removed_by_an_administrator_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
