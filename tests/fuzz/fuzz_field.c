/* SPDX-License-Identifier: MIT */

/* One field, read from every prefix.  First octet: how it is cut. */

#include "message/field.h"

#include "tests/fuzz/fuzz.h"

static void check_field(const struct field *field, struct span text, size_t taken)
{
	const char *end = text.start + taken;

	assert(field->whole.start == text.start && field->whole.length == taken);
	assert(field->name.start == text.start && field->name.length != 0);
	assert(field->value.start > field->name.start + field->name.length - 1);
	assert(field->value.start + field->value.length <= end);
	for (size_t i = 0; i < field->name.length; i++)
		assert(field->name.start[i] > ' ' && field->name.start[i] < 0x7f &&
		       field->name.start[i] != ':');
	CLEANUP(memory_free_string) char *name = span_copy(field->name);
	assert(field_is(field, name));
	CLEANUP(memory_free_string) char *line = field_unfold(field->value);
	assert(strpbrk(line, "\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&input) };
	struct field field = { 0 };
	ssize_t taken = field_parse(input, false, &field);
	size_t given = 0;

	assert(taken <= (ssize_t)input.length);
	if (taken > 0)
		check_field(&field, input, (size_t)taken);
	while (given < input.length) {
		struct field part;

		given += fuzz_next_piece(&pieces, input.length - given);
		char *copy = fuzz_copy(span_first(input, given));
		ssize_t early = field_parse(span_from_bytes(copy, given), false, &part);
		free(copy);
		assert(early == 0 || early == taken);
		if (early != 0)
			break;
	}
	taken = field_parse(input, true, &field);
	assert(taken != 0);
	if (taken > 0)
		check_field(&field, input, (size_t)taken);
	return 0;
}
