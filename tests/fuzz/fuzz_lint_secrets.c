/* SPDX-License-Identifier: MIT */

/*
 * secrets.ini before any parser sees it.  With a NUL in the input, a line with
 * a password stands in its place, and what follows goes on with that line; the
 * password must show in no error.
 */

#include "config/lint.h"
#include "config/secrets_text.h"

#include "tests/fuzz/fuzz.h"

static const char password[] = "zQ9-zQ9-zQ9";

static void check_fault(void *context, const struct error *fault)
{
	size_t *count = context;

	(*count)++;
	fuzz_check_error(fault);
	assert(fault->kind == ERROR_CONFIG);
	assert(strstr(fault->text, password) == NULL);
	assert(strstr(fault->next, password) == NULL);
}

/* The text with one line set: found again, and no fault that was not there before. */
static void check_set(struct span text, bool is_sound)
{
	CLEANUP(buffer_finish) struct buffer changed = { 0 };
	CLEANUP(buffer_finish) struct buffer without = { 0 };
	struct error error = { 0 };
	struct span written;
	struct span name;
	size_t at = 0;

	buffer_init(&changed, text.length + 200);
	secrets_text_set(text, "main", "password", "password = \"a#b\"", &changed);
	assert(!changed.has_overflowed);
	assert(secrets_text_find(buffer_span(&changed), "main", "password", &written, NULL));
	assert(span_starts_with(written, "\"a#b\""));
	assert(secrets_text_has_section(buffer_span(&changed), "main"));
	while (secrets_text_next_section(buffer_span(&changed), &at, &name))
		continue;
	assert(!is_sound || lint_secrets("s.ini", buffer_span(&changed), &error) == 0);
	buffer_init(&without, text.length + 200);
	secrets_text_set(buffer_span(&changed), "main", "password", NULL, &without);
	assert(!secrets_text_find(buffer_span(&without), "main", "password", &written, NULL));
}

static void check(struct span text)
{
	struct error error = { 0 };
	size_t count = 0;
	int outcome = lint_secrets_telling("s.ini", text, check_fault, &count, &error);

	assert((outcome < 0) == (count > 0));
	assert(lint_secrets("s.ini", text, &error) == outcome);
	check_set(text, outcome == 0);
	if (outcome < 0) {
		check_fault(&count, &error);
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
