/* SPDX-License-Identifier: MIT */

/* Tests service/queue_text.c. */

#include "service/queue_text.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void what_a_reader_would_stumble_over_is_masked(void **state)
{
	static const struct row {
		const char *name;
		const char *given;
		const char *text;
		const char *json;
	} rows[] = {
		{ "empty", "", "", "\"\"" },
		{ "plain", "user@x.y", "user@x.y", "\"user@x.y\"" },
		{ "quotes", "\"a\\b\"", "\"a\\b\"", "\"\\\"a\\\\b\\\"\"" },
		{ "controls", "a\x1b[2J\r\n\tb\x7f", "a?[2J???b?", "\"a?[2J???b?\"" },
		{ "two octets", "\xc3\xbc", "\xc3\xbc", "\"\xc3\xbc\"" },
		{ "three octets", "\xe2\x82\xac", "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
		{ "four octets", "\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7", "\"\xf0\x9f\x93\xa7\"" },
		{ "C1", "\xc2\x9b\x32J", "??2J", "\"??2J\"" },
		{ "first after C1", "\xc2\xa0", "\xc2\xa0", "\"\xc2\xa0\"" },
		{ "latin-1", "M\xfcller", "M?ller", "\"M?ller\"" },
		{ "continuation alone", "\x80x", "?x", "\"?x\"" },
		{ "overlong slash", "\xc0\xaf", "??", "\"??\"" },
		{ "overlong in three", "\xe0\x80\xaf", "???", "\"???\"" },
		{ "surrogate", "\xed\xa0\x80", "???", "\"???\"" },
		{ "overlong in four", "\xf0\x80\x80\x80", "????", "\"????\"" },
		{ "above the last", "\xf4\x90\x80\x80", "????", "\"????\"" },
		{ "cut in two", "x\xc3", "x?", "\"x?\"" },
		{ "cut in four", "\xf0\x9f\x93", "???", "\"???\"" },
		{ "broken off", "\xe2\x82\"", "??\"", "\"??\\\"\"" },
		{ "quote in the place of an octet", "\xc3\"}", "?\"}", "\"?\\\"}\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span span = guarded_string(rows[i].given);
		CLEANUP(buffer_finish) struct buffer text = { 0 };
		CLEANUP(buffer_finish) struct buffer json = { 0 };

		buffer_init(&text, 100);
		buffer_init(&json, 100);
		queue_text_append(&text, span);
		queue_text_append_json(&json, span);
		if (!span_equals_string(buffer_span(&text), rows[i].text))
			fail_msg("%s: \"%s\"", rows[i].name, buffer_string(&text));
		if (!span_equals_string(buffer_span(&json), rows[i].json))
			fail_msg("%s: %s", rows[i].name, buffer_string(&json));
	}
}

static void a_nul_is_masked(void **state)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	(void)state;
	buffer_init(&text, 100);
	queue_text_append(&text, span_from_bytes("a\0b", 3));
	assert_string_equal(buffer_string(&text), "a?b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_reader_would_stumble_over_is_masked),
		cmocka_unit_test(a_nul_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
