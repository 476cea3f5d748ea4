/* SPDX-License-Identifier: MIT */

/* Tests message/address.c. */

#include "message/address.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static void what_passes_and_what_does_not(void **state)
{
	static const struct row {
		const char *name;
		const char *text;
		int outcome;
	} rows[] = {
		{ "null", "", 0 },
		{ "bare", "root", 0 },
		{ "full", "a@b.example", 0 },
		{ "atext", "!#$%&'*+-/=?^_`{|}~@b", 0 },
		{ "a pipe is a name", "|prog@b", 0 },
		{ "a path is a name", "/etc/passwd", 0 },
		{ "dots anywhere", ".a..b.@c", 0 },
		{ "quoted", "\"a@ <b>\"@c", 0 },
		{ "quoted pair", "\"a\\\"b\"@c", 0 },
		{ "quoted bare", "\"a b\"", 0 },
		{ "IPv4", "a@[192.0.2.1]", 0 },
		{ "IPv6", "a@[IPv6:2001:db8::1]", 0 },
		{ "UTF-8", "j\xc3\xb6rg@m\xc3\xbcller.example", 0 },
		{ "underscore", "a@my_host.example", 0 },
		{ "empty local part", "@b", -1 },
		{ "empty domain", "a@", -1 },
		{ "two at signs", "a@b@c", -1 },
		{ "blank", "a b@c", -1 },
		{ "closing angle", "a>@c", -1 },
		{ "parameter smuggled in", "a@b> SIZE=1", -1 },
		{ "comma", "a,b@c", -1 },
		{ "colon", ":include:/x", -1 },
		{ "backslash", "a\\@b", -1 },
		{ "quotes amid", "a\"b\"@c", -1 },
		{ "after the quotes", "\"a\"b@c", -1 },
		{ "open quotes", "\"a", -1 },
		{ "open quotes after a pair", "\"a\\\"", -1 },
		{ "CR LF", "a@b\r\nRCPT TO:<c@d>", -1 },
		{ "LF quoted", "\"a\nb\"@c", -1 },
		{ "DEL", "a\x7f@b", -1 },
		{ "Latin-1", "j\xf6rg@b", -1 },
		{ "overlong UTF-8", "a\xc0\xaf@b", -1 },
		{ "overlong UTF-8 in three", "a\xe0\x80\xaf@b", -1 },
		{ "surrogate", "a\xed\xa0\x80@b", -1 },
		{ "past Unicode", "a\xf4\x90\x80\x80@b", -1 },
		{ "C1 control", "a\xc2\x85@b", -1 },
		{ "cut UTF-8", "a@b\xc3", -1 },
		{ "empty label", "a@b..c", -1 },
		{ "dot at the end", "a@b.", -1 },
		{ "dot at the start", "a@.b", -1 },
		{ "hyphen first", "a@-b", -1 },
		{ "hyphen last", "a@b-.c", -1 },
		{ "blank in domain", "a@b c", -1 },
		{ "open literal", "a@[192.0.2.1", -1 },
		{ "empty literal", "a@[]", -1 },
		{ "after the literal", "a@[192.0.2.1].c", -1 },
		{ "percent in domain", "a@b%c", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		int outcome = address_check(guarded_string(rows[i].text), &error);

		if (outcome != rows[i].outcome)
			fail_msg("%s: %d, %s", rows[i].name, outcome, error.text);
		assert_int_equal(error.kind, outcome < 0 ? ERROR_DATA : ERROR_NONE);
		assert_string_equal(error.status, outcome < 0 ? "5.1.3" : "");
	}
}

static void nul_and_length_are_refused(void **state)
{
	struct error error;
	char text[ADDRESS_LIMIT + 1];
	char label[70] = "a@";

	(void)state;
	assert_int_equal(address_check(guarded("a\0b@c", 5), &error), -1);
	memset(text, 'a', sizeof text);
	assert_int_equal(address_check(guarded(text, ADDRESS_LIMIT), &error), 0);
	assert_int_equal(address_check(guarded(text, sizeof text), &error), -1);
	memset(label + 2, 'b', 64);
	assert_int_equal(address_check(guarded(label, 2 + 63), &error), 0);
	assert_int_equal(address_check(guarded(label, 2 + 64), &error), -1);
	text[1] = '@';
	for (size_t i = 3; i < sizeof text; i += 2)
		text[i] = '.';
	assert_int_equal(address_check(guarded(text, 2 + 255), &error), 0);
	assert_int_equal(address_check(guarded(text, 2 + 257), &error), -1);
}

static void every_octet_is_judged(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		const char text[] = { 'a', (char)c, 'b', '@', 'c' };
		bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				(c >= 'a' && c <= 'z') ||
				(c != 0 && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
		struct error error;

		assert_int_equal(
		    address_check(guarded(text, sizeof text), &error), is_plain ? 0 : -1);
	}
}

static void the_error_names_the_address(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(address_check(guarded_string("a b@c"), &error), -1);
	assert_string_equal(error.text, "<a b@c> is not a mail address: it holds a blank");
	assert_int_equal(address_check(guarded_string("a@b@c"), &error), -1);
	assert_string_equal(error.text, "<a@b@c> is not a mail address: it holds a second @");
}

static void it_is_split_at_the_last_at_outside_quotes(void **state)
{
	static const struct row {
		const char *text, *local, *domain;
		bool is_bare;
	} rows[] = {
		{ "", "", "", true },
		{ "root", "root", "", true },
		{ "a@b", "a", "b", false },
		{ "a@b@c", "a@b", "c", false },
		{ "\"a@b\"@c", "\"a@b\"", "c", false },
		{ "\"a@b\"", "\"a@b\"", "", true },
		{ "\"a\\\"@b\"@c", "\"a\\\"@b\"", "c", false },
		{ "a@", "a", "", false },
		{ "a\\@b", "a\\", "b", false },
		{ "\"a\\", "\"a\\", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span text = guarded_string(rows[i].text);
		struct address address = address_split(text);

		assert_true(span_equals_string(address.local, rows[i].local));
		assert_true(span_equals_string(address.domain, rows[i].domain));
		assert_int_equal(address_is_bare(text), rows[i].is_bare);
	}
}

static void equality_folds_the_domain_only(void **state)
{
	static const struct row {
		const char *a, *b;
		bool are_equal;
	} rows[] = {
		{ "a@b.example", "a@B.Example", true },
		{ "a@b", "A@b", false },
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "a@", false },
		{ "", "", true },
		{ "a@b", "a@c", false },
		{ "\"x@Y\"@b", "\"x@y\"@b", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(
		    address_equals(guarded_string(rows[i].a), guarded_string(rows[i].b)),
		    rows[i].are_equal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_and_what_does_not),
		cmocka_unit_test(nul_and_length_are_refused),
		cmocka_unit_test(every_octet_is_judged),
		cmocka_unit_test(the_error_names_the_address),
		cmocka_unit_test(it_is_split_at_the_last_at_outside_quotes),
		cmocka_unit_test(equality_folds_the_domain_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
