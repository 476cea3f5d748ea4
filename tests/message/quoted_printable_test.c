/* SPDX-License-Identifier: MIT */

/* Tests message/quoted_printable.c. */

#include "message/quoted_printable.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct row {
	const char *name;
	const char *octets;
	const char *want;
} rows[] = {
	{ "nothing", "", "" },
	{ "plain text", "abc ~!\r\n", "abc ~!\r\n" },
	{ "8-bit and equals", "\xe4=\xff", "=E4=3D=FF" },
	{ "controls", "\x01\x7f\x1b", "=01=7F=1B" },
	{ "tab inside of a line", "a\tb", "a\tb" },
	{ "blank at the end of a line", "a \r\nb\t\r\n", "a=20\r\nb=09\r\n" },
	{ "blank at the end of all", "a ", "a=20" },
	{ "blanks", "a  \r\n", "a =20\r\n" },
	{ "blank before a bare CR", "a \rb", "a =0Db" },
	{ "bare CR, bare LF", "a\rb\nc\r\r\n", "a=0Db=0Ac=0D\r\n" },
	{ "CR at the end", "a\r", "a=0D" },
	{ "delimiter", "--b\r\n--b--\r\n-b\r\n-", "=2D-b\r\n=2D-b--\r\n-b\r\n-" },
	{ "dashes inside of a line", "a--b\r\n", "a--b\r\n" },
	{ "76 columns", SEVENTY "123456\r\nx", SEVENTY "123456\r\nx" },
	{ "76 columns at the end of all", SEVENTY "123456", SEVENTY "123456" },
	{ "77 columns", SEVENTY "1234567\r\n", SEVENTY "12345=\r\n67\r\n" },
	{ "encoded octet across the end", SEVENTY "123\xe4\r\n", SEVENTY "123=E4\r\n" },
	{ "encoded octet does not fit", SEVENTY "123\xe4x\r\n", SEVENTY "123=\r\n=E4x\r\n" },
	{ "a delimiter that a soft line break would make", SEVENTY "12345--b\r\n",
	    SEVENTY "12345=\r\n=2D-b\r\n" },
};

static void encode(const struct row *row, size_t piece)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct quoted_printable state = { 0 };
	struct span all = guarded_string(row->octets);
	size_t taken = 0;

	buffer_init(&output, 10000);
	for (size_t end = piece; end < all.length; end += piece)
		taken += quoted_printable_encode(
		    &state, span_after(span_first(all, end), taken), false, &output);
	taken += quoted_printable_encode(&state, span_after(all, taken), true, &output);
	assert_int_equal(taken, all.length);
	assert_string_equal(buffer_string(&output), row->want);
}

static void octets_are_encoded_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("\t%s\n", rows[i].name);
		for (size_t piece = 1; piece < 90; piece++)
			encode(&rows[i], piece);
	}
}

static void little_is_left_for_the_next_call(void **state)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct quoted_printable quoted = { 0 };

	(void)state;
	buffer_init(&output, 100);
	assert_int_equal(quoted_printable_encode(&quoted, guarded_string("ab"), false, &output), 0);
	assert_int_equal(
	    quoted_printable_encode(&quoted, guarded_string("abcd"), false, &output), 2);
	assert_string_equal(buffer_string(&output), "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_encoded_in_pieces_of_any_size),
		cmocka_unit_test(little_is_left_for_the_next_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
