/* SPDX-License-Identifier: MIT */

/* Tests message/header.c. */

#include "message/header.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	const char *message;
	const char *header; /* fields, as they are written */
	size_t count;
	const char *body;
} rows[] = {
	{ "header and body", "A: b\r\nC: d\r\n\r\nbody\r\n", "A: b\r\nC: d\r\n", 2, "body\r\n" },
	{ "folds", "A: b\r\n c\r\nD: e\r\n\r\nx", "A: b\r\n c\r\nD: e\r\n", 2, "x" },
	{ "blanks stay", "A:b\r\nB  :  c \r\n\r\n", "A:b\r\nB  :  c \r\n", 2, "" },
	{ "no field begins the body", "A: b\r\nhello world\r\n\r\nx", "A: b\r\n", 1,
	    "hello world\r\n\r\nx" },
	{ "empty first line", "\r\nA: b\r\n", "", 0, "A: b\r\n" },
	{ "no header", "hello\r\nA: b\r\n", "", 0, "hello\r\nA: b\r\n" },
	{ "blank first line", " A: b\r\nC: d\r\n", "", 0, " A: b\r\nC: d\r\n" },
	{ "no separator", "A: b\r\nC: d\r\n", "A: b\r\nC: d\r\n", 2, "" },
	{ "no last line end", "A: b\r\nBcc: d", "A: b\r\nBcc: d\r\n", 2, "" },
	{ "no last line end, folded", "A: b\r\n c", "A: b\r\n c\r\n", 1, "" },
	{ "no colon, no line end", "A: b\r\nhello", "A: b\r\n", 1, "hello" },
	{ "CR alone", "A: b\r\n\r", "A: b\r\n", 1, "\r" },
	{ "8-bit name", "A: b\r\n\xc3\xa4: c\r\n", "A: b\r\n", 1, "\xc3\xa4: c\r\n" },
	{ "nothing", "", "", 0, "" },
	{ "two empty lines", "A: b\r\n\r\n\r\nx", "A: b\r\n", 1, "\r\nx" },
};

static void feed_all(struct header *header, struct span message, size_t piece, struct buffer *body)
{
	struct span part;

	for (size_t at = 0; at < message.length; at += piece) {
		bool was_complete = header->is_complete;

		header_feed(header, span_first(span_after(message, at), piece), &part);
		assert_true(header->is_complete || part.length == 0);
		assert_true(header->is_complete || !was_complete);
		buffer_append_span(body, part);
	}
	header_end(header, &part);
	assert_true(header->is_complete);
	buffer_append_span(body, part);
}

static void check_row(const struct row *row, size_t piece)
{
	CLEANUP(header_finish) struct header header;
	CLEANUP(buffer_finish) struct buffer body;
	CLEANUP(buffer_finish) struct buffer output;

	header_init(&header);
	buffer_init(&body, 1000);
	buffer_init(&output, 4096);
	feed_all(&header, guarded_string(row->message), piece, &body);
	header_write(&header, &output);
	if (strcmp(buffer_string(&body), row->body) != 0)
		fail_msg("%s, by %zu: body \"%s\"", row->name, piece, buffer_string(&body));
	assert_int_equal(header.count, row->count);
	assert_int_equal(header.total, strlen(row->header));
	assert_true(span_ends_with_ignoring_case(buffer_span(&output), "\r\n"));
	output.length -= 2;
	assert_string_equal(buffer_string(&output), row->header);
}

static void the_border_is_found_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t piece = 1; piece <= strlen(rows[i].message) + 1; piece++)
			check_row(&rows[i], piece);
}

static void what_follows_the_border_is_body(void **state)
{
	CLEANUP(header_finish) struct header header;
	struct span body;

	(void)state;
	header_init(&header);
	header_feed(&header, guarded_string("A: b\r\n\r\nx"), &body);
	assert_true(span_equals_string(body, "x"));
	header_feed(&header, guarded_string("C: d\r\n"), &body);
	assert_true(span_equals_string(body, "C: d\r\n"));
	header_end(&header, &body);
	assert_int_equal(body.length, 0);
	assert_int_equal(header.count, 1);
}

static void a_body_of_one_long_line_is_no_header(void **state)
{
	/* Without a header, and behind a field that is longer than the pieces. */
	static const size_t field_lengths[] = { 0, 7000 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(header_finish) struct header header;
		CLEANUP(buffer_finish) struct buffer body;
		CLEANUP(buffer_finish) struct buffer message;
		size_t length = field_lengths[i];

		header_init(&header);
		buffer_init(&body, 4 * HEADER_LIMIT);
		buffer_init(&message, 4 * HEADER_LIMIT);
		memset(buffer_reserve(&message, length + 2 * HEADER_LIMIT), 'x',
		    length + 2 * HEADER_LIMIT);
		buffer_extend(&message, length + 2 * HEADER_LIMIT);
		if (length != 0) {
			memcpy(message.start, "A: ", 3);
			memcpy(message.start + length - 2, "\r\n", 2);
		}
		feed_all(&header, buffer_span(&message), 700, &body);
		assert_false(header.has_overflowed);
		assert_int_equal(header.total, length);
		assert_int_equal(body.length, 2 * HEADER_LIMIT);
	}
}

/* In small pieces too, in time that does not grow with the square of the length. */
static void a_header_past_the_limit_overflows(void **state)
{
	static const struct endless {
		const char *first, *line;
	} endless[] = { { "A: ", "x" }, { "A: b\r\n", "A: b\r\n" }, { "A: b\r\n", " fold\r\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
		CLEANUP(header_finish) struct header header;
		struct span line = guarded_string(endless[i].line);
		struct span body;
		size_t fed = strlen(endless[i].first);

		header_init(&header);
		header_feed(&header, guarded_string(endless[i].first), &body);
		for (; fed <= HEADER_LIMIT + 10 && i != 2; fed += line.length)
			header_feed(&header, line, &body);
		if (i == 2) {
			CLEANUP(buffer_finish) struct buffer folds;

			buffer_init(&folds, 2 * HEADER_LIMIT);
			while (folds.length <= HEADER_LIMIT)
				buffer_append_span(&folds, line);
			header_feed(&header, buffer_span(&folds), &body);
		}
		assert_true(header.has_overflowed);
		assert_false(header.is_complete);
		header_feed(&header, guarded_string("\r\n\r\nx"), &body);
		assert_int_equal(body.length, 0);
	}
}

static void a_header_up_to_the_limit_passes(void **state)
{
	CLEANUP(header_finish) struct header header;
	CLEANUP(buffer_finish) struct buffer message;
	struct span body;

	(void)state;
	header_init(&header);
	buffer_init(&message, 2 * HEADER_LIMIT);
	buffer_append_string(&message, "A:");
	memset(buffer_reserve(&message, HEADER_LIMIT), 'x', HEADER_LIMIT);
	buffer_extend(&message, HEADER_LIMIT - 4);
	buffer_append_string(&message, "\r\n\r\nbody");
	header_feed(&header, buffer_span(&message), &body);
	assert_true(header.is_complete);
	assert_false(header.has_overflowed);
	assert_int_equal(header.total, HEADER_LIMIT);
	assert_true(span_equals_string(body, "body"));
}

static void load(struct header *header, const char *text)
{
	struct span body;

	header_init(header);
	header_feed(header, guarded_string(text), &body);
	header_end(header, &body);
}

static void assert_written(const struct header *header, const char *want)
{
	CLEANUP(buffer_finish) struct buffer output;

	buffer_init(&output, 4096);
	header_write(header, &output);
	assert_string_equal(buffer_string(&output), want);
	assert_int_equal(header->total + 2, output.length);
}

static void fields_are_found_by_name(void **state)
{
	CLEANUP(header_finish) struct header header;

	(void)state;
	load(&header, "To: a\r\nCC: b\r\nto : c\r\nTox: d\r\n\r\n");
	assert_int_equal(header_find(&header, "To", 0), 0);
	assert_int_equal(header_find(&header, "To", 1), 2);
	assert_int_equal(header_find(&header, "To", 3), -1);
	assert_int_equal(header_find(&header, "To", 99), -1);
	assert_true(header_has(&header, "Cc"));
	assert_false(header_has(&header, "Bcc"));
	assert_true(span_equals_string(header_field(&header, 2).value, " c"));
}

static void fields_are_added_and_replaced(void **state)
{
	CLEANUP(header_finish) struct header header;

	(void)state;
	load(&header, "B: b\r\nName : n\r\n\r\n");
	header_prepend(&header, "A", guarded_string("by x\r\n\tid y"));
	header_append(&header, "C", guarded_string(""));
	assert_written(&header, "A: by x\r\n\tid y\r\nB: b\r\nName : n\r\nC: \r\n\r\n");
	header_set_value(&header, 2, guarded_string("m"));
	/* A value with its blank, as header_field gives it, gets no second one. */
	header_set_value(&header, 1, guarded_string(" bb"));
	header_set_value(&header, 3, header_field(&header, 0).value);
	assert_written(
	    &header, "A: by x\r\n\tid y\r\nB: bb\r\nName : m\r\nC: by x\r\n\tid y\r\n\r\n");
}

/* "To:bob" without a blank stays so when its address is completed. */
static void a_value_without_a_blank_gets_none(void **state)
{
	CLEANUP(header_finish) struct header header;

	(void)state;
	load(&header, "To:bob\r\nCc: bob\r\nX:\r\n y\r\n\r\n");
	header_set_value(&header, 0, guarded_string("a@b"));
	header_set_value(&header, 1, guarded_string("a@b"));
	header_set_value(&header, 2, guarded_string("z"));
	assert_written(&header, "To:a@b\r\nCc: a@b\r\nX: z\r\n\r\n");
	/* "To://" would be no field, but the first line of a body. */
	header_set_value(&header, 0, guarded_string("//a"));
	assert_written(&header, "To: //a\r\nCc: a@b\r\nX: z\r\n\r\n");
}

static void prefixes_of_names_are_found(void **state)
{
	CLEANUP(header_finish) struct header header;

	(void)state;
	load(&header, "To: resent-x\r\nresENT-x: y\r\n\r\n");
	assert_true(header_has_prefix(&header, "Resent-"));
	assert_false(header_has_prefix(&header, "Resent-xy"));
	assert_false(header_has_prefix(&header, "esent"));
}

static void what_is_folded_is_still_one_field(void **state)
{
	CLEANUP(header_finish) struct header header;
	CLEANUP(memory_free_string)
	char *given = memory_format("A: b\r\nX: %0900d %0900d\r\nTo: c\r\n\r\n", 0, 0);
	CLEANUP(memory_free_string)
	char *want = memory_format("A: b\r\nX: %0900d\r\n %0900d\r\nTo: c\r\n\r\n", 0, 0);

	(void)state;
	load(&header, given);
	header_fold(&header);
	assert_written(&header, want);
	assert_int_equal(header.count, 3);
	header_fold(&header);
	assert_written(&header, want);
}

static void nuls_are_masked(void **state)
{
	CLEANUP(header_finish) struct header header = { 0 };

	(void)state;
	load(&header, "A: b\r\n c\r\nB: e\r\n\r\n");
	header.entries[0].text[3] = '\0';
	header.entries[0].text[7] = '\0';
	header_mask_nul(&header);
	assert_written(&header, "A: ?\r\n ?\r\nB: e\r\n\r\n");
}

static void fields_are_removed(void **state)
{
	CLEANUP(header_finish) struct header header;

	(void)state;
	load(&header, "Bcc: a\r\nBCC: b,\r\n c\r\nTo: d\r\nbcc : e\r\n\r\n");
	assert_int_equal(header_remove_all(&header, "Bcc"), 3);
	assert_written(&header, "To: d\r\n\r\n");
	assert_int_equal(header_remove_all(&header, "Bcc"), 0);
	header_remove(&header, 0);
	assert_written(&header, "\r\n");
}

/* A value that could end its field, or a name that is none, ends the process instead. */
static void injection_is_a_fault_of_the_caller(void **state)
{
	static const struct attempt {
		const char *field, *value;
		bool passes;
	} attempts[] = {
		{ "A", "b\r\n c", true },
		{ "A", "b\r\nBcc: c", false },
		{ "A", "b\nBcc: c", false },
		{ "A", "b\n c", false },
		{ "A", "b\rc", false },
		{ "A", "b\r\n", false },
		{ "A", "b\r\n\r\n", false },
		{ "A: b\r\nC", "d", false },
		{ "", "d", false },
		{ "A b", "d", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			struct header header;

			(void)!freopen("/dev/null", "w", stderr);
			(void)sigaction(
			    SIGABRT, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
			header_init(&header);
			header_append(
			    &header, attempts[i].field, guarded_string(attempts[i].value));
			header_finish(&header);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (attempts[i].passes != (status == 0))
			fail_msg("%s: %s", attempts[i].field, attempts[i].value);
	}
}

static void many_fields_are_kept_in_order(void **state)
{
	CLEANUP(header_finish) struct header header = { 0 };
	char value[16];

	(void)state;
	header_init(&header);
	for (int i = 0; i < 500; i++) {
		snprintf(value, sizeof value, "%d", i);
		header_append(&header, "X", guarded_string(value));
	}
	for (size_t i = 0; i < 500; i++) {
		CLEANUP(memory_free_string)
		char *text = field_unfold(header_field(&header, i).value);

		snprintf(value, sizeof value, "%zu", i);
		assert_string_equal(text, value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_border_is_found_in_pieces_of_any_size),
		cmocka_unit_test(what_follows_the_border_is_body),
		cmocka_unit_test(a_body_of_one_long_line_is_no_header),
		cmocka_unit_test(a_header_past_the_limit_overflows),
		cmocka_unit_test(a_header_up_to_the_limit_passes),
		cmocka_unit_test(fields_are_found_by_name),
		cmocka_unit_test(fields_are_added_and_replaced),
		cmocka_unit_test(a_value_without_a_blank_gets_none),
		cmocka_unit_test(prefixes_of_names_are_found),
		cmocka_unit_test(what_is_folded_is_still_one_field),
		cmocka_unit_test(nuls_are_masked),
		cmocka_unit_test(fields_are_removed),
		cmocka_unit_test(injection_is_a_fault_of_the_caller),
		cmocka_unit_test(many_fields_are_kept_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
