/* SPDX-License-Identifier: MIT */

/* Tests service/queue_viewer.c. */

#include "service/queue_viewer.h"

#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

static void who_sees_all_follows_from_uid_and_socket(void **state)
{
	int64_t own = (int64_t)geteuid();
	const struct row {
		const char *name;
		int64_t uid;
		bool root_counts;
		bool sees_all;
	} rows[] = {
		{ "root", 0, true, true },
		{ "root of elsewhere", 0, false, false },
		{ "the owner", own, true, true },
		{ "the owner by a shared socket", own, false, own != 0 },
		{ "somebody", own + 1, true, false },
		{ "nobody known", -1, true, false },
		{ "nobody known by a shared socket", -1, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct queue_viewer viewer = queue_viewer_of(rows[i].uid, rows[i].root_counts);

		if (viewer.sees_all != rows[i].sees_all || viewer.uid != rows[i].uid)
			fail_msg("%s", rows[i].name);
	}
}

/* The submitter in the file becomes another, and its checksum stays. */
static void forge_uid(const struct scratch *scratch, const char *id, const char *uid)
{
	CLEANUP(buffer_finish) struct buffer bytes = { 0 };
	CLEANUP(file_close) int fd = openat(scratch->fd, id, O_RDWR | O_CLOEXEC);

	buffer_init(&bytes, 1 << 20);
	assert_int_equal(file_read_to_end(fd, &bytes), 0);
	const char *at = strstr(buffer_string(&bytes), "\nuid 4:");
	assert_non_null(at);
	assert_int_equal(file_write_all_at(fd, span_from_bytes(uid, 4), at - bytes.start + 7), 0);
}

static int read_as(const struct scratch *scratch, int64_t uid, bool sees_all, const char *id)
{
	CLEANUP(queue_file_finish) struct queue_file file = { .fd = -1 };
	const struct queue_viewer viewer = { uid, sees_all };
	struct error error = { 0 };
	int outcome = queue_viewer_read(&viewer, &file, scratch->fd, id, &error);

	assert_int_equal(file.state, outcome == 0 ? QUEUE_FILE_QUEUED : QUEUE_FILE_NONE);
	/* Not a word to those who may not see it. */
	if (outcome == 2)
		assert_string_equal(error.text, "");
	return outcome;
}

static void a_message_is_its_submitter_s(void **state)
{
	struct scratch scratch = scratch_make();
	struct error error;
	char id[QUEUE_ID_SIZE];

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	assert_int_equal(read_as(&scratch, 1000, false, id), 0);
	assert_int_equal(read_as(&scratch, 7, true, id), 0);
	assert_int_equal(read_as(&scratch, 1001, false, id), 2);
	assert_int_equal(read_as(&scratch, 0, false, id), 2);
	assert_int_equal(read_as(&scratch, -1, false, id), 2);
	assert_int_equal(read_as(&scratch, 1000, false, "no ID"), 2);
	scratch_remove(&scratch);
}

static void a_file_that_does_not_check_out_is_nobody_s(void **state)
{
	struct scratch scratch = scratch_make();
	struct error error;
	char id[QUEUE_ID_SIZE];

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	forge_uid(&scratch, id, "1001");
	assert_int_equal(read_as(&scratch, 1001, false, id), 2);
	assert_int_equal(read_as(&scratch, 1000, false, id), 2);
	assert_int_equal(read_as(&scratch, 0, true, id), 0);
	CLEANUP(file_close) int fd = openat(scratch.fd, id, O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(read_as(&scratch, 1000, false, id), 2);
	assert_int_equal(read_as(&scratch, 0, true, id), 3);
	scratch_remove(&scratch);
}

static void one_of_unknown_origin_is_shown_to_those_who_see_all(void **state)
{
	struct scratch scratch = scratch_make();
	struct queue_attributes attributes = scratch_attributes();
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct error error;
	char id[QUEUE_ID_SIZE];

	(void)state;
	attributes.uid = -1;
	scratch_envelope(&envelope);
	assert_int_equal(queue_file_create(&file, scratch.fd, &envelope, &attributes, &error), 0);
	assert_int_equal(queue_file_commit(&file, &error), 0);
	memcpy(id, file.id, sizeof id);
	queue_file_finish(&file);
	assert_int_equal(read_as(&scratch, -1, false, id), 2);
	assert_int_equal(read_as(&scratch, 0, false, id), 2);
	assert_int_equal(read_as(&scratch, 0, true, id), 0);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_sees_all_follows_from_uid_and_socket),
		cmocka_unit_test(a_message_is_its_submitter_s),
		cmocka_unit_test(a_file_that_does_not_check_out_is_nobody_s),
		cmocka_unit_test(one_of_unknown_origin_is_shown_to_those_who_see_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
