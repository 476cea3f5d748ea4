/* SPDX-License-Identifier: MIT */

/* Tests admin/queue_words.c. */

#include "admin/queue_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "smtp/command.h"
#include "tests/support/cmocka.h"

static void one_line_says_it_all_without_ids(void **state)
{
	static const struct row {
		const char *words;
		const char *line;
	} rows[] = {
		{ "", "XQUEUE HOLD" },
		{ "ALL", "XQUEUE HOLD ALL" },
		{ "FROM=", "XQUEUE HOLD FROM=" },
		{ "TO=a+2Bb SMARTHOST=x", "XQUEUE HOLD TO=a+2Bb SMARTHOST=x" },
		{ "0123456789ABCDEFGHJKMNPQR TO=a", "XQUEUE HOLD TO=a 0123456789ABCDEFGHJKMNPQR" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(queue_selection_finish) struct queue_selection selection = { 0 };
		CLEANUP(buffer_finish) struct buffer line = { 0 };
		struct error error;
		size_t next = 0;

		assert_int_equal(
		    queue_selection_parse(&selection, span_from_string(rows[i].words), &error), 0);
		buffer_init(&line, COMMAND_LINE_LIMIT);
		assert_true(queue_words_next("HOLD", &selection, &next, &line));
		assert_string_equal(buffer_string(&line), rows[i].line);
		assert_false(queue_words_next("HOLD", &selection, &next, &line));
	}
}

static void many_ids_are_in_several_lines_and_each_once(void **state)
{
	enum { COUNT = 1000 };
	CLEANUP(queue_selection_finish) struct queue_selection selection = { 0 };
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	struct error error;
	size_t next = 0;
	size_t seen = 0;
	size_t lines = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		char id[QUEUE_ID_SIZE];

		snprintf(id, sizeof id, "%025u", i);
		assert_int_equal(queue_selection_add(&selection, span_from_string(id), &error), 0);
	}
	selection.from = memory_copy_string("a@b");
	buffer_init(&line, COMMAND_LINE_LIMIT);
	while (queue_words_next("SHOW", &selection, &next, &line)) {
		CLEANUP(queue_selection_finish) struct queue_selection again = { 0 };

		lines++;
		assert_false(line.has_overflowed);
		assert_true(line.length + 2 <= COMMAND_LINE_LIMIT);
		assert_int_equal(queue_selection_parse(&again,
				     span_after(buffer_span(&line), strlen("XQUEUE SHOW")), &error),
		    0);
		assert_string_equal(again.from, "a@b");
		for (size_t i = 0; i < again.id_count; i++)
			assert_int_equal(strtoul(again.ids[i], NULL, 10), seen++);
	}
	assert_int_equal(seen, COUNT);
	assert_in_range(lines, 6, 8);
}

static void conditions_that_are_too_long_are_told(void **state)
{
	static char text[4001];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	for (size_t cut = 0; cut < 60; cut++) {
		CLEANUP(queue_selection_finish) struct queue_selection selection = { 0 };
		CLEANUP(buffer_finish) struct buffer line = { 0 };
		struct error error;
		size_t next = 0;

		selection.to = memory_copy_string(text + cut);
		if (cut % 2 == 1)
			assert_int_equal(queue_selection_add(&selection,
					     span_from_string("0123456789ABCDEFGHJKMNPQR"), &error),
			    0);
		buffer_init(&line, COMMAND_LINE_LIMIT);
		assert_true(queue_words_next("HOLD", &selection, &next, &line));
		assert_int_equal(line.has_overflowed,
		    strlen("XQUEUE HOLD TO=") + strlen(selection.to) + (cut % 2) * 26 > 4000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_says_it_all_without_ids),
		cmocka_unit_test(many_ids_are_in_several_lines_and_each_once),
		cmocka_unit_test(conditions_that_are_too_long_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
