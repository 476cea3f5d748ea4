/* SPDX-License-Identifier: MIT */

/* Tests smtp/xtext.c. */

#include "smtp/xtext.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static void encoding_keeps_what_it_may(void **state)
{
	struct buffer output;

	(void)state;
	buffer_init(&output, 100);
	xtext_encode(guarded("a~!+=b \n\0\xc3\xa4", 11), &output);
	assert_string_equal(buffer_string(&output), "a~!+2B+3Db+20+0A+00+C3+A4");
	buffer_finish(&output);
}

static void decoding_follows_the_table(void **state)
{
	static const struct row {
		const char *text;
		const char *want; /* NULL: refused */
	} rows[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a+2Bb", "a+b" },
		{ "+3D+20", "= " },
		{ "+c3+A4", "\xc3\xa4" },
		{ "a+", NULL },
		{ "a+2", NULL },
		{ "a+2G", NULL },
		{ "+G2", NULL },
		{ "a=b", NULL },
		{ "a b", NULL },
		{ "a\xc3", NULL },
		{ "a+00", NULL },
		{ "a+0D+0A", NULL },
		{ "a+1f", NULL },
		{ "a+7F", NULL },
		{ "a\tb", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer output;

		buffer_init(&output, 100);
		buffer_append_string(&output, "before ");
		int outcome = xtext_decode(guarded_string(rows[i].text), &output);
		assert_int_equal(outcome, rows[i].want != NULL ? 0 : -1);
		assert_string_equal(
		    buffer_string(&output) + 7, rows[i].want != NULL ? rows[i].want : "");
		buffer_finish(&output);
	}
}

static void every_octet_comes_back_but_controls(void **state)
{
	(void)state;
	for (int octet = 0; octet < 256; octet++) {
		char byte = (char)octet;
		struct buffer text;
		struct buffer back;

		buffer_init(&text, 10);
		buffer_init(&back, 10);
		xtext_encode(span_from_bytes(&byte, 1), &text);
		int outcome = xtext_decode(guarded(text.start, text.length), &back);
		assert_int_equal(outcome, octet < 0x20 || octet == 0x7f ? -1 : 0);
		if (outcome == 0)
			assert_true(span_equals(buffer_span(&back), span_from_bytes(&byte, 1)));
		buffer_finish(&text);
		buffer_finish(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoding_keeps_what_it_may),
		cmocka_unit_test(decoding_follows_the_table),
		cmocka_unit_test(every_octet_comes_back_but_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
