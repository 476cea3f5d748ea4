/* SPDX-License-Identifier: MIT */

/* Tests service/queue_selection.c. */

#include "service/queue_selection.h"

#include "base/memory.h"
#include "spool/queue_error.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

#define ID "0123456789ABCDEFGHJKMNPQR"

static void words_are_read(void **state)
{
	static const struct row {
		const char *words;
		bool is_read;
		size_t ids;
		const char *again; /* what queue_selection_write makes of it */
	} rows[] = {
		{ "", true, 0, "" },
		{ "ALL", true, 0, " ALL" },
		{ " all ", true, 0, " ALL" },
		{ ID, true, 1, "" },
		{ ID " " ID, true, 2, "" },
		{ ID " FROM=a@b", true, 1, " FROM=a@b" },
		{ "TO=c from=", true, 0, " FROM= TO=c" },
		{ "SMARTHOST=a+20b TO=+C3+BC", true, 0, " TO=+C3+BC SMARTHOST=a+20b" },
		{ "ALL " ID, false, 0, NULL },
		{ "FROM=x ALL", false, 0, NULL },
		{ "FROM=x FROM=y", false, 0, NULL },
		{ "FROM=+0A", false, 0, NULL },
		{ "FROM=+", false, 0, NULL },
		{ "abc", false, 0, NULL },
		{ "WHAT=x", false, 0, NULL },
		{ "../" ID, false, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(queue_selection_finish) struct queue_selection selection = { 0 };
		CLEANUP(buffer_finish) struct buffer again = { 0 };
		struct error error = { 0 };
		bool is_read = queue_selection_parse(
				   &selection, guarded_string(rows[i].words), &error) == 0;

		if (is_read != rows[i].is_read)
			fail_msg("\"%s\": %s", rows[i].words, error.text);
		if (!is_read)
			continue;
		buffer_init(&again, 1000);
		queue_selection_write(&selection, &again);
		assert_string_equal(buffer_string(&again), rows[i].again);
		assert_int_equal(selection.id_count, rows[i].ids);
		assert_int_equal(queue_selection_is_empty(&selection), i == 0);
		assert_int_equal(queue_selection_has_conditions(&selection),
		    rows[i].again[0] != '\0' && !selection.is_all);
	}
}

static void a_file_meets_conditions_or_not(void **state)
{
	static const struct row {
		const char *words;
		bool matches;
	} rows[] = {
		{ "ALL", true },
		{ ID, true },
		{ "FROM=alice@example.org", true },
		{ "FROM=ALICE@Example.Org", true },
		{ "FROM=@example.org", true },
		{ "FROM=@Example.ORG", true },
		{ "FROM=@e.org", false },
		{ "FROM=example.org", false },
		{ "FROM=alice", false },
		{ "FROM=", false },
		{ "FROM=xalice@example.org", false },
		{ "FROM=@xxxxxxxxxxxxxxxxxxxxxxxxxxx.example.org", false },
		{ "TO=bob@example.net", false },
		{ "TO=carol@example.com", true },
		{ "TO=@example.com", true },
		{ "TO=alice@example.org", false },
		{ "SMARTHOST=main", true },
		{ "SMARTHOST=Main", false },
		{ "FROM=@example.org TO=@example.com SMARTHOST=main", true },
		{ "FROM=@example.com TO=@example.com SMARTHOST=main", false },
		{ "FROM=@example.org TO=@example.com SMARTHOST=other", false },
	};
	struct scratch scratch = scratch_make();
	struct queue_file file = { .fd = -1 };
	char id[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	assert_int_equal(queue_file_open(&file, scratch.fd, id, &error), QUEUE_OPENED);
	/* Of those who are done nobody asks. */
	assert_int_equal(queue_file_mark(&file, 0, RECIPIENT_DELIVERED, "", &error), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(queue_selection_finish) struct queue_selection selection = { 0 };

		assert_int_equal(
		    queue_selection_parse(&selection, guarded_string(rows[i].words), &error), 0);
		if (queue_selection_matches(&selection, &file, "main") != rows[i].matches)
			fail_msg("%s", rows[i].words);
		bool has_conditions = queue_selection_has_conditions(&selection);
		assert_int_equal(queue_selection_matches(&selection, NULL, NULL), !has_conditions);
		if (selection.smarthost != NULL)
			assert_false(queue_selection_matches(&selection, &file, NULL));
	}
	queue_file_finish(&file);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read),
		cmocka_unit_test(a_file_meets_conditions_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
