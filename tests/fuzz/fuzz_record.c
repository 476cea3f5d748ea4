/* SPDX-License-Identifier: MIT */

/* Records of a queue file, one after the other.  First octet: how they are cut. */

#include "spool/record.h"

#include "tests/fuzz/fuzz.h"

/* Writing what was read gives the same octets. */
static void check_again(const struct record *record, struct span octets)
{
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	CLEANUP(memory_free_string) char *name = span_copy(record->name);

	assert(record->name.length >= 1 && record->name.length <= RECORD_NAME_LIMIT);
	buffer_init(&again, octets.length + 1);
	record_append(&again, name, record->mark, record->value);
	assert(span_equals(buffer_span(&again), octets));
	assert(record->mark == '\0' || octets.start[record->mark_offset] == record->mark);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&input) };

	while (input.length != 0) {
		struct record record = { .mark = 'x' };
		ssize_t taken = record_parse(input, &record);
		size_t given = 0;

		while (given < input.length) {
			struct record part;

			given += fuzz_next_piece(&pieces, input.length - given);
			char *copy = fuzz_copy(span_first(input, given));
			ssize_t early = record_parse(span_from_bytes(copy, given), &part);
			free(copy);
			assert(early == 0 || early == taken);
			if (early != 0)
				break;
		}
		if (taken <= 0) {
			assert(record.mark == 'x');
			return 0;
		}
		check_again(&record, span_first(input, (size_t)taken));
		input = span_after(input, (size_t)taken);
	}
	return 0;
}
