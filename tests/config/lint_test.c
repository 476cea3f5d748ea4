/* SPDX-License-Identifier: MIT */

/* Tests config/lint.c.  One row, one rule; the row's name says the rule. */

#include "config/lint.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

struct row {
	const char *name;
	const char *text;
	const char *want; /* NULL: no fault; else a part of the error's text */
	const char *next; /* a part of the next step */
};

static const struct row rows[] = {
	{ "nothing", "", NULL, NULL },
	{ "two lines suffice",
	    "smarthost \"p\" { url = \"smtp+tls://h:587\"  from = \"a@b\" }\n"
	    "alias \"root\" { to = { \"me@b\" } }\n",
	    NULL, NULL },
	{ "comments of all kinds", "# a { \" \n// b '\n/* c\n } */ aliases_file = \"/x\" # d\n",
	    NULL, NULL },
	{ "plain words need no quotes", "queue { lifetime = 5d dir = /var/spool/x }", NULL, NULL },
	{ "CRLF", "queue {\r\nlifetime = \"5d\"\r\n}\r\n", NULL, NULL },
	{ "a comma may end a list", "alias \"a\" { to = { \"x\", \"y\", } }", NULL, NULL },
	{ "an empty list", "alias \"a\" { to = { } }", NULL, NULL },
	{ "quotes hold anything", "x = \"a#b*c+d;e}f\" y = '#*+;{'", NULL, NULL },
	{ "an escaped quote", "x = \"a\\\"b\\\\\" y = 'a\\'b'", NULL, NULL },
	{ "plain sections may come twice", "queue { dir = \"/a\" } queue { lifetime = 1d }", NULL,
	    NULL },
	/* config-parsers.md: what libConfuse does silently, or says badly */
	{ "a * is dropped", "route \"a\" {\n\tfrom = { *@example.com }\n}",
	    "f line 2: \"*@example.com\" must be in double quotes",
	    "write: from = { \"*@example.com\" }" },
	{ "a # cuts", "x = abc#def", "f line 1: \"abc#def\" must be in double quotes",
	    "write: x = \"abc#def\"" },
	{ "a + ends a word", "\nurl = smtp+tls://h:465 # x\n",
	    "f line 2: \"smtp+tls://h:465\" must be in double quotes",
	    "write: url = \"smtp+tls://h:465\" # x" },
	{ "no closing brace", "a = \"b\"\nqueue {\n dir = \"/x\"\n",
	    "f line 2: the block \"queue\"", "" },
	{ "no closing brace before the next block",
	    "smarthost \"a\" {\nurl = \"x\"\nalias \"b\" {\n}\n}",
	    "f line 3: the block \"alias\" begins inside of the block \"smarthost\"", "}" },
	{ "a list without its end", "alias \"a\" {\nto = { \"x\"\n", "f line 2: the list", "" },
	{ "a list without its end, options behind", "queue { retry = { 1s\nlifetime = 1d } }",
	    "f line 2: a comma is missing", "" },
	{ "one brace too many", "queue { } }", "f line 1: this } closes nothing", "" },
	{ "a semicolon", "queue {\n dir = \"/x\";\n}", "f line 2: there are no semicolons",
	    "write: dir = \"/x\"" },
	{ "a semicolon behind a word", "x = abc;", "f line 1: there are no semicolons",
	    "write: x = abc" },
	{ "a comma between options", "x = \"a\",\ny = \"b\"", "f line 1: there are no commas", "" },
	{ "an open quote", "x = \"a\ny = \"b\"\n", "f line 1: the quote \" that begins here", "" },
	{ "an open quote at the end", "x = 'a", "f line 1: the quote '", "" },
	{ "a quote ends in a backslash", "x = \"a\\", "f line 1: a backslash in double", "" },
	{ "a backslash changes what follows", "x = \"a\\nb\"", "f line 1: a backslash", "single" },
	{ "an open comment", "x = \"a\"\n/* y", "f line 2: the comment", "" },
	{ "+=", "alias \"a\" { to += { \"x\" } }", "f line 1: += is not known", "" },
	{ "no =", "x \"a\"", "f line 1: there is no = after \"x\"", "write: x = \"a\"" },
	{ "no value", "queue {\nlifetime =\n}", "f line 2: lifetime has no value", "" },
	{ "a quoted name", "\"x\" = 1", "f line 1: \"x\" does not belong here", "" },
	{ "two values", "x = \"a\" \"b\"", "f line 1: \"b\" stands behind the value of x", "" },
	{ "a list without commas", "x = { \"a\" \"b\" }", "f line 1: a comma is missing", "" },
	{ "an unquoted variable", "x = ${HOME}", "must be in double quotes", "" },
	{ "8-bit without quotes", "x = \xc3\xa4", "must be in double quotes", "" },
	{ "a byte order mark", "\xef\xbb\xbfx = \"a\"",
	    "f line 1: the file begins with a byte order", "sed -i" },
	{ "an option twice", "queue {\n dir = \"/a\"\n dir = \"/b\"\n}",
	    "f line 3: dir is set in line 2 already", "" },
	{ "an option twice in one line", "x = 1 x = 2", "f line 1: x is set in line 1", "" },
	{ "an option twice in two sections", "queue { dir = \"/a\" }\nqueue { dir = \"/b\" }",
	    "f line 2: dir is set in line 1 already", "" },
	{ "a title twice", "alias \"a\" { }\nalias \"a\" { }",
	    "f line 2: alias \"a\" stands in line 1 already", "" },
};

static void check_row(const struct row *row)
{
	struct error error = { 0 };
	int outcome = lint_settings("f", guarded_string(row->text), &error);

	if (outcome != (row->want != NULL ? -1 : 0))
		fail_msg("%s: returned %d (%s)", row->name, outcome, error.text);
	if (row->want == NULL)
		return;
	if (strstr(error.text, row->want) == NULL || strstr(error.next, row->next) == NULL)
		fail_msg("%s: said \"%s\" and \"%s\"", row->name, error.text, error.next);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_string_equal(error.status, "5.3.5");
}

/* A file cut anywhere is sound or at fault: never a read past its end. */
static void check_prefixes(const struct row *row)
{
	for (size_t length = 0; length < strlen(row->text); length++) {
		struct error error;

		(void)lint_settings("f", guarded(row->text, length), &error);
	}
}

static void settings_are_sound_or_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check_row(&rows[i]);
		check_prefixes(&rows[i]);
	}
}

static void nul_is_a_fault(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(lint_settings("f", guarded("\nx = \"a\0b\"", 10), &error), -1);
	assert_string_equal(error.text, "f line 2: there is a NUL byte");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_sound_or_named),
		cmocka_unit_test(nul_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
