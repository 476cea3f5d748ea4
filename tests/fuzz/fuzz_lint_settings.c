/* SPDX-License-Identifier: MIT */

/* mailchute.conf before any parser sees it. */

#include "config/lint.h"

#include "tests/fuzz/fuzz.h"

static int count_lines(struct span text)
{
	struct span line;
	int count = 0;

	while (span_take_line(&text, &line))
		count++;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = fuzz_input(data, size);
	struct error error = { 0 };

	if (lint_settings("m.conf", text, &error) < 0) {
		fuzz_check_error(&error);
		assert(error.kind == ERROR_CONFIG);
		assert(strncmp(error.text, "m.conf line ", 12) == 0);
		return 0;
	}
	assert(span_find_byte(text, '\0') < 0);
	int lines = count_lines(text);
	assert(lint_find_line(text, NULL, NULL, "domain") <= lines);
	assert(lint_find_line(text, "smarthost", "main", "url") <= lines);
	assert(lint_find_line(text, "smarthost", "main", NULL) <= lines);
	assert(lint_find_line(text, "queue", NULL, "dir") <= lines);
	assert(lint_find_expansion(text) <= lines);
	return 0;
}
