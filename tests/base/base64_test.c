/* SPDX-License-Identifier: MIT */

/* Tests base/base64.c. */

#include "base/base64.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

/* RFC 4648, 10, and what SASL sends. */
static const struct row {
	const char *bytes;
	size_t length;
	const char *text;
} rows[] = {
	{ "", 0, "" },
	{ "f", 1, "Zg==" },
	{ "fo", 2, "Zm8=" },
	{ "foo", 3, "Zm9v" },
	{ "foob", 4, "Zm9vYg==" },
	{ "fooba", 5, "Zm9vYmE=" },
	{ "foobar", 6, "Zm9vYmFy" },
	{ "\0user\0pass", 10, "AHVzZXIAcGFzcw==" },
	{ "\xff\xff\xfe", 3, "///+" },
	{ "\xfb\xef\xbe", 3, "++++" },
};

static void vectors_in_both_directions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer text;
		CLEANUP(buffer_finish) struct buffer bytes;

		buffer_init(&text, 100);
		buffer_init(&bytes, 100);
		base64_encode(guarded(rows[i].bytes, rows[i].length), &text);
		assert_string_equal(buffer_string(&text), rows[i].text);
		assert_int_equal(base64_decode(guarded_string(rows[i].text), &bytes), 0);
		assert_true(span_equals(
		    buffer_span(&bytes), span_from_bytes(rows[i].bytes, rows[i].length)));
	}
}

static void what_is_no_base64_is_refused(void **state)
{
	static const char *const texts[] = { "Z", "Zg",
		"Zg=", "Zg===", "====", "=Zg=", "Z===", "Zg==Zg==", "Zm9v\r\n", "Zm 9", "Zm9-",
		"Zm9_", "Zg=v", "Zm9\xc3", "Zm9v=" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CLEANUP(buffer_finish) struct buffer bytes;

		buffer_init(&bytes, 100);
		if (base64_decode(guarded_string(texts[i]), &bytes) != -1)
			fail_msg("%s", texts[i]);
	}
	CLEANUP(buffer_finish) struct buffer bytes;
	buffer_init(&bytes, 100);
	assert_int_equal(base64_decode(guarded("Zm9\0", 4), &bytes), -1);
}

static void every_octet_comes_back(void **state)
{
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (size_t length = 0; length <= sizeof all; length++) {
		CLEANUP(buffer_finish) struct buffer text;
		CLEANUP(buffer_finish) struct buffer bytes;

		buffer_init(&text, 1000);
		buffer_init(&bytes, 1000);
		base64_encode(guarded(all, length), &text);
		assert_int_equal(text.length, (length + 2) / 3 * 4);
		assert_int_equal(base64_decode(buffer_span(&text), &bytes), 0);
		assert_true(span_equals(buffer_span(&bytes), span_from_bytes(all, length)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_in_both_directions),
		cmocka_unit_test(what_is_no_base64_is_refused),
		cmocka_unit_test(every_octet_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
