/* SPDX-License-Identifier: MIT */

/* Tests config/secrets_text.c.  One row, one rule; the row's name says the rule. */

#include "config/secrets_text.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static void values_are_quoted(void **state)
{
	static const struct row {
		const char *value;
		const char *want; /* NULL: no line holds it */
	} rows[] = {
		{ "word", "p = \"word\"" },
		{ "two words", "p = \"two words\"" },
		{ " blanks ", "p = \" blanks \"" },
		{ "a#b;c=d", "p = \"a#b;c=d\"" },
		{ "it's", "p = \"it's\"" },
		{ "it\"s", "p = 'it\"s'" },
		{ "it\"s #1", "p = 'it\"s #1'" },
		{ "\"", "p = '\"'" },
		{ "'", "p = \"'\"" },
		{ "a\\b", "p = a\\b" },
		{ "it's\"both", "p = it's\"both" },
		{ "p\xc3\xa4ss", "p = \"p\xc3\xa4ss\"" },
		{ "[x]", "p = \"[x]\"" },
		/* what a bare value cannot be */
		{ "", NULL },
		{ "\"it's", NULL },
		{ "'a\"b", NULL },
		{ "a'b\"c#", NULL },
		{ "a\\b;", NULL },
		{ "=a\\b", NULL },
		{ " a\\b", NULL },
		{ "a\\b ", NULL },
		{ "ab\\", NULL },
		{ "\\", NULL },
		{ "a\tb", NULL },
		{ "a\nb", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer line CLEANUP(buffer_finish) = { 0 };

		buffer_init(&line, 4096);
		bool fits = secrets_text_line("p", guarded_string(rows[i].value), &line);
		if (fits != (rows[i].want != NULL))
			fail_msg("%s: %s", rows[i].value, fits ? "fits" : "does not fit");
		assert_string_equal(buffer_string(&line), fits ? rows[i].want : "");
	}
}

static void long_values_do_not_fit(void **state)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };
	char value[1001];

	(void)state;
	buffer_init(&line, 4096);
	memset(value, 'x', sizeof value);
	assert_false(secrets_text_line("key", span_from_bytes(value, 993), &line));
	assert_int_equal(line.length, 0);
	assert_true(secrets_text_line("key", span_from_bytes(value, 992), &line));
	assert_int_equal(line.length, 1000);
}

/* ---- what the parsers make of it, in our words (config-parsers.md) ---- */

/* 4.1 ends a quoted value at the next quote; later ones let a backslash escape it. */
static void read_quoted(struct span value, bool has_escapes, struct buffer *read)
{
	char quote = value.start[0];

	for (size_t i = 1; i < value.length && value.start[i] != quote; i++) {
		if (has_escapes && value.start[i] == '\\' && ++i == value.length)
			return;
		buffer_append_byte(read, value.start[i]);
	}
}

static void read_bare(struct span value, struct buffer *read)
{
	size_t length = 0;

	while (length < value.length && strchr("#;", value.start[length]) == NULL)
		length++;
	buffer_append_span(read, span_trim(span_first(value, length)));
}

static void check_readers(struct span line, const char *value)
{
	struct span written = span_trim(span_after(line, (size_t)span_find_byte(line, '=') + 1));

	assert_true(line.start[line.length - 1] != '\\');
	for (int has_escapes = 0; has_escapes < 2; has_escapes++) {
		struct buffer read CLEANUP(buffer_finish) = { 0 };

		buffer_init(&read, 64);
		if (strchr("\"'", written.start[0]) != NULL)
			read_quoted(written, has_escapes != 0, &read);
		else
			read_bare(written, &read);
		if (strcmp(buffer_string(&read), value) != 0)
			fail_msg(
			    "%.*s is read as %s", span_int(line), line.start, buffer_string(&read));
	}
}

/* Four of the characters that mean something, in every order. */
static void every_version_reads_the_same(void **state)
{
	static const char tricky[] = "#;:=%$\"'\\& |[a";
	const size_t count = sizeof tricky - 1;
	size_t fitting = 0;

	(void)state;
	for (size_t i = 0; i < count * count * count * count; i++) {
		const char value[] = { tricky[i % count], tricky[i / count % count],
			tricky[i / count / count % count], tricky[i / count / count / count],
			'\0' };
		struct buffer line CLEANUP(buffer_finish) = { 0 };

		buffer_init(&line, 64);
		if (!secrets_text_line("p", span_from_string(value), &line))
			continue;
		check_readers(buffer_span(&line), value);
		fitting++;
	}
	assert_true(fitting > count * count * count * count / 2);
}

struct row {
	const char *name;
	const char *text;
	const char *line; /* NULL: it goes */
	const char *want;
};

static const struct row rows[] = {
	{ "an empty file", "", "k = \"v\"", "[s]\nk = \"v\"\n" },
	{ "a new section", "# c\n[a]\nk = x\n", "k = \"v\"",
	    "# c\n[a]\nk = x\n\n[s]\nk = \"v\"\n" },
	{ "a new section behind an open end", "[a]\nk = x", "k = \"v\"",
	    "[a]\nk = x\n\n[s]\nk = \"v\"\n" },
	{ "in its place", "; c\n[a]\nk=1\n[S]\nu = 2\nK = 3\n# d\n[z]\nk=4\n", "k = \"v\"",
	    "; c\n[a]\nk=1\n[S]\nu = 2\nk = \"v\"\n# d\n[z]\nk=4\n" },
	{ "indented, its comment kept", "[s]\n\tk = 'x#' ; why\r\n\n", "k = \"v\"",
	    "[s]\n\tk = \"v\" ; why\r\n\n" },
	{ "what may be a piece of a secret is no comment", "[s]\nk = \"x\"y # z\n", "k = \"v\"",
	    "[s]\nk = \"v\"\n" },
	{ "an unquoted value keeps no comment", "[s]\nk = x # z\n", "k = \"v\"",
	    "[s]\nk = \"v\"\n" },
	{ "no comment behind a bare one", "[s]\nk = \"x\" # z\n", "k = a\\b", "[s]\nk = a\\b\n" },
	{ "behind the last line of its section", "[s]\nu = x\n# about it\n\n# next\n[a]\nk = 1\n",
	    "k = \"v\"", "[s]\nu = x\nk = \"v\"\n# about it\n\n# next\n[a]\nk = 1\n" },
	{ "an open end", "[s]\nu = x", "k = \"v\"", "[s]\nu = x\nk = \"v\"\n" },
	{ "replaced at an open end", "[s]\nk = x", "k = \"v\"", "[s]\nk = \"v\"" },
	{ "line ends as they are", "[s]\r\nu = x\r\n", "k = \"v\"",
	    "[s]\r\nu = x\r\nk = \"v\"\r\n" },
	{ "one of two", "[s]\nk = 1\nk = 2\n", "k = \"v\"", "[s]\nk = \"v\"\n" },
	{ "the fault is mended", "[s]\nk = a\\\n[z]\nk = 2\n", "k = \"v\"",
	    "[s]\nk = \"v\"\n[z]\nk = 2\n" },
	{ "commented examples stay", "#[s]\n#k = 1\n", "k = \"v\"",
	    "#[s]\n#k = 1\n\n[s]\nk = \"v\"\n" },
	{ "a key like it stays", "[s]\nkk = 1\nk k = 2\n", "k = \"v\"",
	    "[s]\nkk = 1\nk k = 2\nk = \"v\"\n" },
	{ "it goes", "[s]\nk = 1\nu = 2\n[z]\nk = 3\n", NULL, "[s]\nu = 2\n[z]\nk = 3\n" },
	{ "there is nothing to go", "[z]\nk = 3", NULL, "[z]\nk = 3" },
};

static void the_rest_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer changed CLEANUP(buffer_finish) = { 0 };

		buffer_init(&changed, 4096);
		secrets_text_set(guarded_string(rows[i].text), "s", "k", rows[i].line, &changed);
		if (strcmp(buffer_string(&changed), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, buffer_string(&changed));
	}
}

/* A file cut anywhere: never a read past its end, and what was set is found. */
static void prefixes_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t length = 0; length < strlen(rows[i].text); length++) {
			struct buffer changed CLEANUP(buffer_finish) = { 0 };
			struct span written;

			buffer_init(&changed, 4096);
			secrets_text_set(
			    guarded(rows[i].text, length), "s", "k", "k = \"v\"", &changed);
			assert_true(
			    secrets_text_find(buffer_span(&changed), "S", "K", &written, NULL));
			assert_true(span_starts_with(written, "\"v\""));
		}
	}
}

static void sections_are_listed(void **state)
{
	struct span text = span_from_string("# [no]\n[a]\nk = [x]\n [ b c ] \r\n[d\n");
	static const char *const want[] = { "a", "b c", "d" };
	struct span name;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(secrets_text_next_section(text, &at, &name));
		assert_true(span_equals_string(name, want[i]));
		assert_true(secrets_text_has_section(text, want[i]));
	}
	assert_false(secrets_text_next_section(text, &at, &name));
	assert_false(secrets_text_has_section(text, "no"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_quoted),
		cmocka_unit_test(long_values_do_not_fit),
		cmocka_unit_test(every_version_reads_the_same),
		cmocka_unit_test(the_rest_stays),
		cmocka_unit_test(sections_are_listed),
		cmocka_unit_test(prefixes_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
