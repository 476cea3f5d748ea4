/* SPDX-License-Identifier: MIT */

/* Tests config/lint_secrets.c.  One row, one rule; the row's name says the rule. */

#include "config/lint.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/guarded.h"

struct row {
	const char *name;
	const char *text;
	const char *want; /* NULL: no fault; else a part of the error's text */
	const char *next; /* a part of the next step */
};

static const struct row rows[] = {
	{ "nothing", "", NULL, NULL },
	{ "a section", "; c\n# c\n[gmail]\r\nuser = \"me@x\"\r\npassword = 'a b \"#;c'\n", NULL,
	    NULL },
	{ "plain values", "[a]\nuser = me@x\npassword = abcd efgh=%!\n", NULL, NULL },
	{ "a backslash inside without quotes", "[a]\npassword = ab\\cd\n", NULL, NULL },
	{ "a comment behind a quoted value", "[a]\npassword = \"ab\" # c\n", NULL, NULL },
	{ "the same key elsewhere", "[a]\nuser = x\n[b]\nuser = x\n", NULL, NULL },
	/* config-parsers.md: what iniparser does silently, or says badly */
	{ "a # cuts", "[a]\npassword = hunter#2\n", "f line 2: the value of password holds # or ;",
	    "password = \"...\"" },
	{ "a ; cuts", "[a]\npassword = hunter;2\n", "f line 2: the value of password holds # or ;",
	    "" },
	{ "a backslash in double quotes", "[a]\npassword = \"hunt\\\"er\"\n",
	    "f line 2: the value of password has a backslash", "" },
	{ "a backslash in single quotes", "[a]\npassword = 'hunt\\er'\n", "has a backslash", "" },
	{ "a trailing backslash swallows a section", "[a]\npassword = hunter\\\n[b]\nuser = x\n",
	    "f line 2: the value of password ends in a backslash", "" },
	{ "a trailing backslash in a comment", "[a]\n# hunter\\\npassword = x\n",
	    "f line 2: the comment ends in a backslash", "" },
	{ "a duplicate key, any case", "[a]\nuser = x\nUser = y\n",
	    "f line 3: User is in line 2 already", "" },
	{ "a duplicate section, any case", "[a]\nuser = x\n[A]\npassword = y\n",
	    "f line 3: the section A is in line 1 already", "" },
	{ "a comment behind a section", "[gmail] ; mine\n", "f line 1: something stands behind",
	    "write: [gmail]" },
	{ "a section without ]", "[gmail\n", "f line 1: the section has no closing ]", "" },
	{ "a section without a name", "[ ]\n", "f line 1: the section has no name", "" },
	{ "a byte order mark", "\xef\xbb\xbf[a]\n", "f line 1: the file begins with", "" },
	{ "an open quote", "[a]\npassword = \"hunter\n", "has no closing quote", "" },
	{ "text behind the quote", "[a]\npassword = \"hunter\"2\n", "goes on behind its closing",
	    "" },
	{ "begins with =", "[a]\npassword = =hunter\n", "begins with =", "" },
	{ "before any section", "user = x\n", "f line 1: a key stands before", "" },
	{ "no =", "[a]\nhunter2\n", "f line 2: neither a [section] nor a key", "" },
	{ "an unknown key", "[a]\npasword = hunter\n", "f line 2: there is no key \"pasword\"",
	    "write: password = " },
	{ "an unknown key that could be a secret", "[a]\nhunter+!2 = x\n",
	    "f line 2: no known key stands", "" },
	{ "the end of a token that a line was too short for", "[a]\ntoken = x\nhunterQifQ==\n",
	    "f line 3: no known key stands", "" },
	{ "the same with one =", "[a]\ntoken = x\nhunterQifQa=\n", "f line 3: no known key stands",
	    "" },
	{ "one with = in it", "[a]\npassword = x\nhunterhunterhunterhunter=x\n",
	    "f line 3: no known key stands", "" },
	{ "a forgotten =", "[a]\npassword \"hunt=er\"\n", "f line 2: no known key stands", "" },
	{ "a forgotten = and blank", "[a]\npassword\"hunt=er\"\n", "f line 2: no known key stands",
	    "" },
	{ "a forgotten =, and one at the end", "[a]\ntoken \"hunt=\n",
	    "f line 2: no known key stands", "" },
	{ "a = behind the value", "[a]\npassword\t\"hunt\" =er\n", "f line 2: no known key stands",
	    "" },
	{ "a colon for the =", "[a]\npassword: \"hunt=er\"\n", "f line 2: no known key stands",
	    "" },
	{ "a key of another program", "[a]\nhost = smtp.example.com\n",
	    "f line 2: there is no key \"host\"", "" },
	{ "a control character", "[a]\npassword = hun\001ter\n", "holds a control character", "" },
};

static void check_row(const struct row *row)
{
	struct error error = { 0 };
	int outcome = lint_secrets("f", guarded_string(row->text), &error);

	if (outcome != (row->want != NULL ? -1 : 0))
		fail_msg("%s: returned %d (%s)", row->name, outcome, error.text);
	if (row->want == NULL)
		return;
	if (strstr(error.text, row->want) == NULL || strstr(error.next, row->next) == NULL)
		fail_msg("%s: said \"%s\" and \"%s\"", row->name, error.text, error.next);
	assert_int_equal(error.kind, ERROR_CONFIG);
	/* The passwords of these rows never stand in an error. */
	assert_null(strstr(error.text, "hunt"));
	assert_null(strstr(error.next, "hunt"));
	assert_string_equal(error.status, "5.3.5");
}

/* A file cut anywhere is sound or at fault: never a read past its end. */
static void check_prefixes(const struct row *row)
{
	for (size_t length = 0; length < strlen(row->text); length++) {
		struct error error;

		(void)lint_secrets("f", guarded(row->text, length), &error);
	}
}

static void secrets_are_sound_or_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check_row(&rows[i]);
		check_prefixes(&rows[i]);
	}
}

struct told {
	char lines[400];
	int count;
};

static void note_fault(void *context, const struct error *fault)
{
	struct told *told = context;
	size_t length = strlen(told->lines);

	snprintf(told->lines + length, sizeof told->lines - length, "%.24s|", fault->text);
	told->count++;
	assert_null(strstr(fault->text, "hunt"));
	assert_null(strstr(fault->next, "hunt"));
}

static void every_fault_is_told(void **state)
{
	struct told told = { 0 };
	struct error error = { 0 };
	struct span text = guarded_string("user = x\n[gmail] ; mine\nuser = a\npassword = hunt#1\n"
					  "# ok\n[b\npasswort = x\nuser = \"hunt\n");

	(void)state;
	assert_int_equal(lint_secrets_telling("f", text, note_fault, &told, &error), -1);
	/* What stands below a faulty section is that section's, not the next fault. */
	assert_string_equal(told.lines,
	    "f line 1: a key stands b|f line 2: something stan|f line 4: the value of p|"
	    "f line 6: the section ha|f line 7: there is no ke|f line 8: the value of u|");
	assert_non_null(strstr(error.text, "line 1"));
	assert_int_equal(lint_secrets("f", text, &error), -1);
	assert_non_null(strstr(error.next, "(and 5 more: mailchute doctor shows them)"));
}

static void the_line_to_write_has_the_right_quotes(void **state)
{
	static const struct {
		const char *value;
		const char *next;
	} wants[] = {
		{ "hunt#er", "write: password = \"...\" (or: mailchute secret set main password)" },
		{ "hunt#e\"r", "write: password = '...' (or: mailchute secret set main password)" },
		{ "hunt#e\"'r", "mailchute secret set main password makes it, and writes: "
				"password_file = \"main.password\"" },
		{ "hunt\\", "writes: password_file = \"main.password\"" },
		{ "\"hunt\\er\"",
		    "write it without quotes, or have it written: mailchute secret set "
		    "main password" },
		{ "\"hunter", "mailchute secret set main password does it" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
		char text[200];
		struct error error = { 0 };

		snprintf(text, sizeof text, "[main]\npassword = %s\n", wants[i].value);
		assert_int_equal(lint_secrets("f", guarded_string(text), &error), -1);
		if (strstr(error.next, wants[i].next) == NULL)
			fail_msg("%s: %s", wants[i].value, error.next);
	}
}

static void nul_is_a_fault(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(lint_secrets("f", guarded("[a]\nuser = \0\n", 13), &error), -1);
	assert_string_equal(error.text, "f line 2: there is a NUL byte");
}

static void long_lines_are_faults(void **state)
{
	char text[1100] = "[a]\npassword = ";
	struct error error;

	(void)state;
	memset(text + strlen(text), 'x', 1000 - strlen("password = "));
	assert_int_equal(lint_secrets("f", guarded_string(text), &error), 0);
	text[strlen(text)] = 'x';
	assert_int_equal(lint_secrets("f", guarded_string(text), &error), -1);
	assert_non_null(strstr(error.text, "f line 2: the line is longer"));
}

static void lines_are_found(void **state)
{
	struct span text;

	(void)state;
	text = guarded_string("[a]\nuser = x\n[B]\n\nUSER = x\n");
	assert_int_equal(lint_find_secret(text, "b", "user"), 5);
	assert_int_equal(lint_find_secret(text, "b", ""), 3);
	assert_int_equal(lint_find_secret(text, "b", "password"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_sound_or_named),
		cmocka_unit_test(every_fault_is_told),
		cmocka_unit_test(the_line_to_write_has_the_right_quotes),
		cmocka_unit_test(nul_is_a_fault),
		cmocka_unit_test(long_lines_are_faults),
		cmocka_unit_test(lines_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
