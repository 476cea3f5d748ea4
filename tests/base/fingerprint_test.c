/* SPDX-License-Identifier: MIT */

/* Tests base/fingerprint.c. */

#include "base/fingerprint.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/guarded.h"

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

static const struct row {
	const char *name;
	const char *text;
	bool is_good;
} rows[] = {
	{ "plain", "sha256:" DIGITS, true },
	{ "another case", "SHA256:" DIGITS, true },
	{ "as openssl x509 writes it",
	    "sha256:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:"
	    "1A:1B:1C:1D:1E:1F",
	    true },
	{ "nothing", "", false },
	{ "no algorithm", DIGITS, false },
	{ "another algorithm", "sha1:000102030405060708090a0b0c0d0e0f10111213", false },
	{ "no digits", "sha256:", false },
	{ "one digit too many", "sha256:" DIGITS "0", false },
	{ "one octet too many", "sha256:" DIGITS "00", false },
	{ "a colon inside an octet", "sha256:0:001" DIGITS, false },
	{ "a colon at the start", "sha256::" DIGITS, false },
	{ "a blank", "sha256: " DIGITS, false },
	{ "no hexadecimal", "sha256:g00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E",
	    false },
	{ "a control that looks like a digit",
	    "sha256:\x10"
	    "00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F",
	    false },
};

static void texts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned char octets[FINGERPRINT_OCTETS] = { 99 };
		size_t length = strlen(rows[i].text);

		if (fingerprint_parse(guarded(rows[i].text, length), octets) != rows[i].is_good)
			fail_msg("%s", rows[i].name);
		for (unsigned char j = 0; rows[i].is_good && j < FINGERPRINT_OCTETS; j++)
			assert_int_equal(octets[j], j);
		if (!rows[i].is_good)
			assert_int_equal(octets[0], 99);
	}
}

static void every_prefix_is_refused(void **state)
{
	static const char text[] = "sha256:" DIGITS;
	unsigned char octets[FINGERPRINT_OCTETS];

	(void)state;
	for (size_t length = 0; length < sizeof text - 1; length++)
		assert_false(fingerprint_parse(guarded(text, length), octets));
}

static void what_is_written_reads_the_same(void **state)
{
	unsigned char octets[FINGERPRINT_OCTETS];
	unsigned char found[FINGERPRINT_OCTETS];
	char text[FINGERPRINT_SIZE];

	(void)state;
	for (int i = 0; i < FINGERPRINT_OCTETS; i++)
		octets[i] = (unsigned char)(251 * (i + 1));
	fingerprint_format(octets, text);
	assert_int_equal(strlen(text), FINGERPRINT_SIZE - 1);
	assert_true(fingerprint_parse(span_from_string(text), found));
	assert_memory_equal(found, octets, sizeof octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(what_is_written_reads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
