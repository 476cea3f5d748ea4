/* SPDX-License-Identifier: MIT */

/* Tests message/difference.c. */

#include "message/difference.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static void write_field(void *context, enum difference_kind kind, struct span field)
{
	buffer_append_byte(context, " -+"[kind]);
	buffer_append_span(context, field);
}

static void read_header(struct header *header, const char *text)
{
	struct span body;

	header_init(header);
	header_feed(header, span_from_string(text), &body);
	if (!header->is_complete)
		header_end(header, &body);
}

static void fields_are_told_in_order(void **state)
{
	static const struct row {
		const char *name;
		const char *before;
		const char *after;
		const char *want;
	} rows[] = {
		{ "nothing", "", "", "" },
		{ "the same", "A: 1\r\nB:\r\n 2\r\n", "A: 1\r\nB:\r\n 2\r\n",
		    " A: 1\r\n B:\r\n 2\r\n" },
		{ "a case is a difference", "A: 1\r\n", "a: 1\r\n", "-A: 1\r\n+a: 1\r\n" },
		{ "a fold is a difference", "A: 1 2\r\n", "A: 1\r\n 2\r\n",
		    "-A: 1 2\r\n+A: 1\r\n 2\r\n" },
		{ "another value", "X: y\r\nFrom: a\r\nTo: b\r\n", "X: y\r\nFrom: c\r\nTo: b\r\n",
		    " X: y\r\n-From: a\r\n+From: c\r\n To: b\r\n" },
		{ "two in a row", "From: a\r\nSender: b\r\n", "From: c\r\nSender: d\r\n",
		    "-From: a\r\n+From: c\r\n-Sender: b\r\n+Sender: d\r\n" },
		{ "more at both ends", "A: 1\r\n", "R: 0\r\nA: 1\r\nZ: 9\r\n",
		    "+R: 0\r\n A: 1\r\n+Z: 9\r\n" },
		{ "one is gone", "A: 1\r\nBcc: x\r\nC: 3\r\n", "A: 1\r\nC: 3\r\n",
		    " A: 1\r\n-Bcc: x\r\n C: 3\r\n" },
		{ "one is gone, more at the end", "Bcc: x\r\nC: 3\r\n", "C: 3\r\nDate: 1\r\n",
		    "-Bcc: x\r\n C: 3\r\n+Date: 1\r\n" },
		{ "one of two of a name", "X: 1\r\nX: 2\r\n", "X: 2\r\n", "-X: 1\r\n X: 2\r\n" },
		{ "one before one that changes", "A: 1\r\n", "N: 0\r\nA: 2\r\n",
		    "-A: 1\r\n+N: 0\r\n+A: 2\r\n" },
		{ "another order", "A: 1\r\nB: 2\r\n", "B: 2\r\nA: 1\r\n",
		    "-A: 1\r\n B: 2\r\n+A: 1\r\n" },
		{ "all is new", "", "A: 1\r\n", "+A: 1\r\n" },
		{ "all is gone", "A: 1\r\n", "", "-A: 1\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct header before CLEANUP(header_finish) = { 0 };
		struct header after CLEANUP(header_finish) = { 0 };
		struct buffer text CLEANUP(buffer_finish) = { 0 };

		read_header(&before, rows[i].before);
		read_header(&after, rows[i].after);
		buffer_init(&text, 1 << 16);
		difference_of(&before, &after, write_field, &text);
		if (!span_equals_string(buffer_span(&text), rows[i].want))
			fail_msg("%s:\n%.*s", rows[i].name, (int)text.length, text.start);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_told_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
