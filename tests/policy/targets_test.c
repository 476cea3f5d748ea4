/* SPDX-License-Identifier: MIT */

/* Tests policy/targets.c. */

#include "policy/targets.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void take(void *context, struct span target)
{
	buffer_format(context, "%.*s;", span_int(target), target.start);
}

static void pass_over(void *context, bool is_local, struct span text, const char *reason)
{
	assert_true(reason[0] != '\0');
	buffer_format(
	    context, "%s(%.*s);", is_local ? "local" : "wrong", span_int(text), text.start);
}

static char *read_text(struct span text, bool allows_lists)
{
	struct buffer output = { 0 };
	const struct targets_reader reader = { allows_lists, take, pass_over, &output };

	buffer_init(&output, 1 << 20);
	targets_read(&reader, text);
	return buffer_take_string(&output);
}

static void targets_are_told_apart(void **state)
{
	static const struct row {
		const char *text;
		const char *want;
	} rows[] = {
		{ "", "" },
		{ " , ,", "" },
		{ "a, B@c.example", "a;B@c.example;" },
		{ "\\a, \\b@c.example", "\\a;wrong(\\b@c.example);" },
		{ "\"a b\", (c, d) e, F <g>", "\"a b\";e;g;" },
		{ "|x, \"|y z\", /f, \"/g h\", \\|k", "local(|x);local(\"|y z\");local(/f);"
						      "local(\"/g h\");wrong(\\|k);" },
		{ ":include:/a/b", ":include:/a/b;" },
		{ ":INCLUDE:\t/a b ", ":include:/a b;" },
		{ "\":include:/a, b\",c", ":include:/a, b;c;" },
		{ "\" :include: /a \"", ":include:/a;" },
		{ ":include:a", "wrong(:include:a);" },
		{ ":include:", "wrong(:include:);" },
		{ ":include:/a\x01", "wrong(:include:/a\x01);" },
		{ ":fail: no, :unknown:", "local(:fail: no);local(:unknown:);" },
		{ "a@, b c, d", "wrong(a@);wrong(b c);d;" },
		{ "<>", "wrong();" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *got = read_text(guarded_string(rows[i].text), true);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].text, got);
	}
}

static void lists_are_for_files_alone(void **state)
{
	(void)state;
	CLEANUP(memory_free_string) char *got = read_text(span_from_string(":include:/a"), false);
	assert_string_equal(got, "local(:include:/a);");
}

static void a_list_has_a_path(void **state)
{
	(void)state;
	assert_string_equal(targets_list_path(":include:/a b"), "/a b");
	assert_null(targets_list_path("a"));
	assert_null(targets_list_path(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_told_apart),
		cmocka_unit_test(lists_are_for_files_alone),
		cmocka_unit_test(a_list_has_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
