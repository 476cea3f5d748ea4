/* SPDX-License-Identifier: MIT */

/* mailchute.conf before any parser sees it. */

#include "config/lint.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static int count_lines(struct span text)
{
	struct span line;
	int count = 0;

	while (span_take_line(&text, &line))
		count++;
	return count;
}

struct heard {
	struct span text;
	int lines;
	int last;
	size_t fault_count;
	bool leaves_out;
};

static bool hear(void *context, const struct lint_statement *statement)
{
	struct heard *heard = context;

	assert(statement->line >= heard->last && statement->line <= heard->lines);
	assert((statement->kind == LINT_BLOCK) == (statement->name.length == 0) ||
	       statement->kind == LINT_INCLUDE);
	heard->last = statement->line;
	return !heard->leaves_out;
}

static void tell(void *context, int line, const struct error *fault)
{
	struct heard *heard = context;

	fuzz_check_error(fault);
	assert(fault->kind == ERROR_CONFIG);
	assert(line >= 1 && line <= heard->lines);
	assert(strncmp(fault->text, "m.conf line ", 12) == 0);
	heard->fault_count++;
}

/* What is left of the text stands where it stood, and has no fault any more. */
static void check_mended(const struct heard *heard, const char *mended)
{
	struct error error = { 0 };

	for (size_t i = 0; i < heard->text.length; i++)
		assert(mended[i] == heard->text.start[i] || mended[i] == ' ');
	assert(mended[heard->text.length] == '\0');
	if (lint_settings("m.conf", span_from_string(mended), &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = fuzz_input(data, size);
	struct error error = { 0 };

	for (int i = 0; i < 2; i++) {
		struct heard heard = {
			.text = text, .lines = count_lines(text), .leaves_out = i != 0
		};
		const struct lint_listener listener = { &heard, hear, tell };
		char *mended = lint_walk("m.conf", text, &listener);

		assert(mended != NULL || heard.fault_count != 0);
		assert((heard.fault_count != 0) == (lint_settings("m.conf", text, &error) < 0));
		if (mended != NULL)
			check_mended(&heard, mended);
		free(mended);
	}
	return 0;
}
