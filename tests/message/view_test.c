/* SPDX-License-Identifier: MIT */

/* Tests message/view.c. */

#include "message/view.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/guarded.h"

enum { LARGE = 5 * VIEW_SIZE };

struct text {
	struct span all;
	uint64_t read; /* octets, altogether */
	bool is_broken;
};

static int read_text(void *context, uint64_t offset, char *bytes, size_t size, struct error *error)
{
	struct text *text = context;

	if (text->is_broken)
		return error_set(error, ERROR_IO, "4.3.0", "broken");
	assert_true(size != 0 && offset + size <= text->all.length);
	memcpy(bytes, text->all.start + offset, size);
	text->read += size;
	return 0;
}

static void begin(struct view *view, struct text *text)
{
	const struct view_source source = { read_text, text, text->all.length };

	view_init(view, &source);
}

/* Lines of all lengths around the sizes that matter, with bare CRs and LFs in between. */
static void build(struct buffer *lines)
{
	static const size_t lengths[] = { 0, 1, 2, 998, VIEW_LINE - 2, VIEW_LINE - 1, VIEW_LINE,
		VIEW_SIZE - 3, VIEW_SIZE - 2, VIEW_SIZE - 1, VIEW_SIZE, LARGE };

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (size_t j = 0; j < lengths[i]; j++)
			buffer_append_byte(lines, "abcdef\rg\nhijk"[j % 13]);
		buffer_append_string(lines, "\r\n");
	}
}

static void every_line_is_seen_whole_or_in_pieces(void **state)
{
	CLEANUP(buffer_finish) struct buffer lines = { 0 };
	struct text text = { 0 };
	struct error error;
	struct span line;
	bool is_whole;

	(void)state;
	buffer_init(&lines, 4 * LARGE);
	build(&lines);
	for (size_t lead = 0; lead < 40; lead++) {
		struct view view;
		size_t offset = lead;

		text.all = buffer_span(&lines);
		begin(&view, &text);
		view_seek(&view, lead);
		for (;;) {
			assert_int_equal(view_line(&view, &line, &is_whole, &error), 0);
			if (line.length == 0)
				break;
			assert_int_equal(view_offset(&view), offset);
			assert_memory_equal(line.start, text.all.start + offset, line.length);
			/* It ends at the first CRLF, and never within one. */
			const char *end = memmem(line.start, line.length, "\r\n", 2);
			assert_int_equal(is_whole, end != NULL);
			assert_true(end == NULL || end + 2 == line.start + line.length);
			assert_true(is_whole || line.length >= VIEW_LINE - 1);
			assert_true(is_whole || line.start[line.length - 1] != '\r');
			view_take(&view, line.length);
			offset += line.length;
		}
		assert_int_equal(offset, text.all.length);
		assert_int_equal(view_left(&view), 0);
	}
}

static void the_last_line_may_lack_its_end(void **state)
{
	static const char *const ends[] = { "a", "\r", "\n", "a\r", "a\n" };

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct text text = { .all = guarded_string(ends[i]) };
		struct view view;
		struct error error;
		struct span line;
		bool is_whole;

		begin(&view, &text);
		assert_int_equal(view_line(&view, &line, &is_whole, &error), 0);
		assert_true(is_whole);
		assert_true(span_equals(line, text.all));
	}
}

static void what_is_in_sight_is_not_read_again(void **state)
{
	CLEANUP(buffer_finish) struct buffer lines = { 0 };
	struct text text = { 0 };
	struct view view;
	struct error error;
	struct span seen;

	(void)state;
	buffer_init(&lines, 4 * LARGE);
	build(&lines);
	text.all = buffer_span(&lines);
	begin(&view, &text);
	assert_int_equal(view_look(&view, 1, &seen, &error), 0);
	assert_int_equal(seen.length, VIEW_SIZE);
	view_take(&view, 1000);
	view_seek(&view, 10);
	assert_int_equal(view_look(&view, VIEW_LINE, &seen, &error), 0);
	assert_memory_equal(seen.start, text.all.start + 10, seen.length);
	assert_int_equal(text.read, VIEW_SIZE);
	/* Far away and back. */
	view_seek(&view, text.all.length - 1);
	assert_int_equal(view_look(&view, VIEW_LINE, &seen, &error), 0);
	assert_int_equal(seen.length, 1);
	view_seek(&view, 10);
	assert_int_equal(view_look(&view, VIEW_LINE, &seen, &error), 0);
	assert_memory_equal(seen.start, text.all.start + 10, seen.length);
	assert_true(seen.length >= VIEW_LINE);
}

static void what_cannot_be_read_is_an_error(void **state)
{
	struct text text = { .all = guarded_string("abc"), .is_broken = true };
	struct view view;
	struct error error;
	struct span seen;
	bool is_whole;

	(void)state;
	begin(&view, &text);
	assert_int_equal(view_look(&view, 1, &seen, &error), -1);
	assert_int_equal(view_line(&view, &seen, &is_whole, &error), -1);
	assert_string_equal(error.text, "broken");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_seen_whole_or_in_pieces),
		cmocka_unit_test(the_last_line_may_lack_its_end),
		cmocka_unit_test(what_is_in_sight_is_not_read_again),
		cmocka_unit_test(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
