/* SPDX-License-Identifier: MIT */

/*
 * secrets.ini before any parser sees it.  With a NUL in the input, a line with
 * a password stands in its place, and what follows goes on with that line; the
 * password must show in no error.
 */

#include "config/lint.h"

#include "tests/fuzz/fuzz.h"

static const char password[] = "zQ9-zQ9-zQ9";

static void check(struct span text)
{
	struct error error = { 0 };

	if (lint_secrets("s.ini", text, &error) < 0) {
		fuzz_check_error(&error);
		assert(error.kind == ERROR_CONFIG);
		assert(strstr(error.text, password) == NULL);
		assert(strstr(error.next, password) == NULL);
		return;
	}
	assert(span_find_byte(text, '\0') < 0);
	assert(lint_find_secret(text, "main", "password") >= 0);
	assert(lint_find_secret(text, "main", "user") >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct span rest = fuzz_input(data, size);
	ssize_t nul = span_find_byte(rest, '\0');

	/* The name of a key may be shown. */
	if (memmem(data, size, password, strlen(password)) != NULL)
		return 0;
	buffer_init(&text, size + 64);
	if (nul < 0) {
		buffer_append_span(&text, rest);
	} else {
		buffer_append_span(&text, span_first(rest, (size_t)nul));
		buffer_format(&text, "\npassword = %s", password);
		buffer_append_span(&text, span_after(rest, (size_t)nul + 1));
	}
	char *copy = fuzz_copy(buffer_span(&text));
	check(span_from_bytes(copy, text.length));
	free(copy);
	return 0;
}
