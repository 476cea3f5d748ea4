/* SPDX-License-Identifier: MIT */

/* Tests message/mime.c. */

#include "message/mime.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static void read_part(const char *fields, bool in_digest, struct mime_part *part)
{
	CLEANUP(header_finish) struct header header;
	struct span body;

	header_init(&header);
	header_feed(&header, guarded_string(fields), &body);
	header_end(&header, &body);
	mime_read_part(&header, in_digest, part);
}

static void types_say_what_a_part_is(void **state)
{
	static const struct row {
		const char *name;
		const char *value; /* of Content-Type; NULL: none */
		bool in_digest;
		enum mime_kind kind;
		const char *boundary;
	} rows[] = {
		{ "none", NULL, false, MIME_TEXT, NULL },
		{ "none in a digest", NULL, true, MIME_KEPT, NULL },
		{ "text in a digest", "text/plain", true, MIME_TEXT, NULL },
		{ "case", "TEXT/Html", false, MIME_TEXT, NULL },
		{ "no subtype", "application", false, MIME_TEXT, NULL },
		{ "empty", "", false, MIME_TEXT, NULL },
		{ "another", "image/png; boundary=x", false, MIME_OTHER, NULL },
		{ "message", "message/rfc822", false, MIME_KEPT, NULL },
		{ "message, any", "Message / X", false, MIME_KEPT, NULL },
		{ "multipart", "multipart/mixed; boundary=x", false, MIME_MULTIPART, "x" },
		{ "signed", "multipart/signed; boundary=x", false, MIME_KEPT, NULL },
		{ "signed, in disguise", "Multipart/(a)SIGNED (b); boundary=x", false, MIME_KEPT,
		    NULL },
		{ "folded", "multipart/mixed;\r\n\tboundary=x", false, MIME_MULTIPART, "x" },
		{ "quoted", "multipart/mixed; boundary=\"a b;c\\\"d\"; x=y", false, MIME_MULTIPART,
		    "a b;c\"d" },
		{ "case of the parameter", "multipart/mixed; BOUNDARY=X", false, MIME_MULTIPART,
		    "X" },
		{ "in another's value", "multipart/mixed; a=\"; boundary=x\"; boundary=y", false,
		    MIME_MULTIPART, "y" },
		{ "in a comment", "multipart/mixed (; boundary=x(\\))); boundary=y", false,
		    MIME_MULTIPART, "y" },
		{ "comment behind", "multipart/mixed; boundary=y (x)", false, MIME_MULTIPART, "y" },
		{ "blanks", "multipart/mixed ; boundary = y ; a=b", false, MIME_MULTIPART, "y" },
		{ "what a token must not hold", "multipart/mixed; boundary==_a:b/c?=", false,
		    MIME_MULTIPART, "=_a:b/c?=" },
		{ "blank at the end", "multipart/mixed; boundary=\"x \"", false, MIME_MULTIPART,
		    "x" },
		{ "twice", "multipart/mixed; boundary=x; boundary=y", false, MIME_MULTIPART, "x" },
		{ "no boundary", "multipart/mixed", false, MIME_KEPT, NULL },
		{ "empty boundary", "multipart/mixed; boundary=\"\"", false, MIME_KEPT, NULL },
		{ "blank boundary", "multipart/mixed; boundary=\" \"", false, MIME_KEPT, NULL },
		{ "boundary by RFC 2231", "multipart/mixed; boundary*0=x", false, MIME_KEPT, NULL },
		{ "open quote", "multipart/mixed; boundary=\"x", false, MIME_MULTIPART, "x" },
		{ "open comment", "multipart/mixed (; boundary=x", false, MIME_KEPT, NULL },
		{ "backslash at the end", "multipart/mixed; boundary=\"x\\", false, MIME_MULTIPART,
		    "x\\" },
		{ "semicolons", "multipart/mixed;;; ;boundary=x;;", false, MIME_MULTIPART, "x" },
		{ "quotes without a name", "multipart/mixed; \"a\"; boundary=x", false,
		    MIME_MULTIPART, "x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(mime_finish_part) struct mime_part part = { 0 };
		CLEANUP(memory_free_string)
		char *field = memory_format("Content-Type: %s\r\n", rows[i].value);

		print_message("\t%s\n", rows[i].name);
		read_part(
		    rows[i].value != NULL ? field : "Subject: x\r\n", rows[i].in_digest, &part);
		assert_int_equal(part.kind, rows[i].kind);
		assert_int_equal(part.has_type, rows[i].value != NULL);
		assert_int_equal(part.boundary != NULL, rows[i].boundary != NULL);
		if (part.boundary != NULL)
			assert_string_equal(part.boundary, rows[i].boundary);
	}
}

static void encodings_are_known(void **state)
{
	static const struct row {
		const char *fields;
		enum mime_encoding encoding;
	} rows[] = {
		{ "", MIME_IDENTITY },
		{ "Content-Transfer-Encoding: 7bit\r\n", MIME_IDENTITY },
		{ "Content-Transfer-Encoding: 8bit\r\n", MIME_8BIT },
		{ "CONTENT-TRANSFER-ENCODING: (a) 8BIT (b)\r\n", MIME_8BIT },
		{ "Content-Transfer-Encoding: binary;\r\n", MIME_8BIT },
		{ "Content-Transfer-Encoding:\r\n Quoted-Printable\r\n", MIME_ENCODED },
		{ "Content-Transfer-Encoding: base64\r\n", MIME_ENCODED },
		{ "Content-Transfer-Encoding: x-uuencode\r\n", MIME_ENCODED },
		{ "Content-Transfer-Encoding: utf-8\r\n", MIME_IDENTITY },
		{ "Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: 8bit\r\n",
		    MIME_8BIT },
		{ "Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: 7bit\r\n",
		    MIME_ENCODED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(mime_finish_part) struct mime_part part = { 0 };

		read_part(rows[i].fields, false, &part);
		assert_int_equal(part.encoding, rows[i].encoding);
	}
}

static void two_types_are_none(void **state)
{
	CLEANUP(mime_finish_part) struct mime_part part = { 0 };

	(void)state;
	read_part("Content-Type: text/plain\r\nContent-Type: image/png\r\n", false, &part);
	assert_int_equal(part.kind, MIME_KEPT);
	read_part("Content-Type: text/plain\r\nContent-Type: text/plain\r\n", false, &part);
	assert_int_equal(part.kind, MIME_TEXT);
}

static void enter(struct mime_nesting *nesting, const char *boundary, bool is_digest)
{
	struct mime_part part = { .kind = MIME_MULTIPART, .is_digest = is_digest };

	part.boundary = memory_copy_string(boundary);
	mime_enter(nesting, &part);
	assert_null(part.boundary);
}

static void delimiters_end_the_right_level(void **state)
{
	static const struct row {
		const char *line;
		int level; /* -1: none */
		bool is_close;
		size_t left; /* open then */
	} rows[] = {
		{ "--a\r\n", 0, false, 1 },
		{ "--a--\r\n", 0, true, 0 },
		{ "--ab\r\n", 1, false, 2 },
		{ "--ab--\r\n", 1, true, 1 },
		{ "--ab-- \t\r\n", 1, true, 1 },
		{ "--ab \t\r\n", 1, false, 2 },
		{ "--ab", 1, false, 2 },
		{ "--c\r\n", 3, false, 4 },
		/* Both the third's end and the fifth's beginning: the outer one. */
		{ "--x--\r\n", 2, true, 2 },
		{ "--x----\r\n", 4, true, 4 },
		{ "--abc\r\n", -1, false, 5 },
		{ "--ab-\r\n", -1, false, 5 },
		{ "--ab---\r\n", -1, false, 5 },
		{ "--ab--x\r\n", -1, false, 5 },
		{ " --ab\r\n", -1, false, 5 },
		{ "-ab\r\n", -1, false, 5 },
		{ "--\r\n", -1, false, 5 },
		{ "--AB\r\n", -1, false, 5 },
		{ "", -1, false, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(mime_finish) struct mime_nesting nesting = { 0 };
		struct mime_delimiter delimiter = { 0 };

		enter(&nesting, "a", false);
		enter(&nesting, "ab", false);
		enter(&nesting, "x", false);
		enter(&nesting, "c", false);
		enter(&nesting, "x--", false);
		bool is_one = mime_find_delimiter(
		    &nesting, guarded_string(rows[i].line), &delimiter);
		assert_int_equal(is_one, rows[i].level >= 0);
		if (is_one) {
			assert_int_equal(delimiter.level, rows[i].level);
			assert_int_equal(delimiter.is_close, rows[i].is_close);
			mime_pass_delimiter(&nesting, &delimiter);
		}
		assert_int_equal(nesting.count, rows[i].left);
	}
}

static void the_innermost_counts_for_digests(void **state)
{
	CLEANUP(mime_finish) struct mime_nesting nesting = { 0 };
	char name[20];

	(void)state;
	assert_false(mime_in_digest(&nesting));
	enter(&nesting, "a", true);
	assert_true(mime_in_digest(&nesting));
	for (size_t i = 1; i < MIME_DEPTH_LIMIT; i++) {
		assert_false(mime_is_full(&nesting));
		snprintf(name, sizeof name, "%zu", i);
		enter(&nesting, name, false);
	}
	assert_false(mime_in_digest(&nesting));
	assert_true(mime_is_full(&nesting));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_say_what_a_part_is),
		cmocka_unit_test(encodings_are_known),
		cmocka_unit_test(two_types_are_none),
		cmocka_unit_test(delimiters_end_the_right_level),
		cmocka_unit_test(the_innermost_counts_for_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
