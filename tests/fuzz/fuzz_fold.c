/* SPDX-License-Identifier: MIT */

/*
 * A field with long lines.  Each octet stands for a run: its three low bits say
 * of what, the others how long it is.
 *
 * Unfolded the field is the same; no line that could be broken is too long;
 * what is folded needs no more of it.  Parted at its commas it holds the same
 * addresses.
 */

#include "message/fold.h"

#include "message/address_list.h"
#include "tests/fuzz/fuzz.h"

static void spell(struct span input, struct buffer *text)
{
	static const char *const kinds[] = { " ", "\t", "\r\n ", ",", "\"", "(", ")", "x" };

	buffer_append_string(text, "N:");
	for (size_t i = 0; i < input.length && text->length < 100000; i++) {
		unsigned octet = (unsigned char)input.start[i];

		for (unsigned k = 0; k <= (octet >> 3) * (octet >> 3); k++)
			buffer_append_string(text, kinds[octet & 7]);
	}
	buffer_append_string(text, "\r\n");
}

/* Without the line ends of its folds. */
static void unfold(struct span field, struct buffer *text)
{
	struct span line;

	while (span_take_line(&field, &line))
		buffer_append_span(text, line);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool could_be_broken(struct span line, size_t from)
{
	size_t end = line.length;

	while (end > from && is_blank(line.start[end - 1]))
		end--;
	for (size_t i = from; i < end; i++)
		if (is_blank(line.start[i]) && !is_blank(line.start[i - 1]))
			return true;
	return false;
}

static void check_lines(struct span rest)
{
	size_t from = 2;
	struct span line;

	while (span_take_line(&rest, &line)) {
		assert(line.length <= FOLD_LINE_LIMIT || !could_be_broken(line, from));
		from = 1;
	}
}

static void check_folded(const struct field *field)
{
	CLEANUP(buffer_finish) struct buffer folded = { 0 };
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	CLEANUP(buffer_finish) struct buffer before = { 0 };
	CLEANUP(buffer_finish) struct buffer after = { 0 };
	struct field result;

	buffer_init(&folded, 2 * field->whole.length);
	buffer_init(&again, 2 * field->whole.length);
	buffer_init(&before, field->whole.length);
	buffer_init(&after, field->whole.length);
	fold_field(field, &folded);
	assert(!folded.has_overflowed);
	assert(field_parse(buffer_span(&folded), true, &result) == (ssize_t)folded.length);
	unfold(field->whole, &before);
	unfold(result.whole, &after);
	assert(span_equals(buffer_span(&before), buffer_span(&after)));
	check_lines(result.whole);
	if (!fold_is_needed(field))
		assert(span_equals(field->whole, result.whole));
	fold_field(&result, &again);
	assert(span_equals(result.whole, buffer_span(&again)));
}

static int note(void *context, const struct mailbox *mailbox)
{
	struct buffer *addresses = context;

	buffer_append_string(addresses, mailbox->address != NULL ? mailbox->address : "malformed");
	buffer_append_byte(addresses, '\n');
	return 0;
}

static void check_parted(struct span value)
{
	CLEANUP(buffer_finish) struct buffer parted = { 0 };
	CLEANUP(buffer_finish) struct buffer before = { 0 };
	CLEANUP(buffer_finish) struct buffer after = { 0 };

	buffer_init(&parted, 2 * value.length + 1);
	buffer_init(&before, 20 * value.length + 1);
	buffer_init(&after, 20 * value.length + 1);
	fold_part_addresses(value, &parted);
	assert(!parted.has_overflowed);
	address_list_visit(value, note, &before);
	address_list_visit(buffer_span(&parted), note, &after);
	assert(span_equals(buffer_span(&before), buffer_span(&after)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct field field;

	buffer_init(&text, 200000);
	spell(fuzz_input(data, size), &text);
	if (field_parse(buffer_span(&text), true, &field) != (ssize_t)text.length)
		return 0;
	check_folded(&field);
	check_parted(field.value);
	return 0;
}
