/* SPDX-License-Identifier: MIT */

/*
 * A message whose header is fed whole and in pieces.  First octet: how it is
 * cut; second odd: the message is brought to wire form before.
 *
 * Nothing of a message is lost or added but the border; what is set is read.
 */

#include "message/header.h"

#include "message/body.h"
#include "tests/fuzz/fuzz.h"

/* Feeds message; what begins the body is put into rest. */
static void feed(
    struct header *header, struct span message, struct fuzz_pieces *pieces, struct buffer *rest)
{
	struct span body;

	header_init(header);
	while (message.length != 0) {
		size_t size = pieces != NULL ? fuzz_next_piece(pieces, message.length)
					     : message.length;
		char *copy = fuzz_copy(span_first(message, size));

		header_feed(header, span_from_bytes(copy, size), &body);
		assert(header->is_complete || body.length == 0);
		buffer_append_span(rest, body);
		free(copy);
		message = span_after(message, size);
	}
	header_end(header, &body);
	assert(header->is_complete);
	buffer_append_span(rest, body);
}

static void check_same(const struct header *a, const struct header *b)
{
	assert(a->count == b->count && a->total == b->total);
	for (size_t i = 0; i < a->count; i++)
		assert(span_equals(span_from_bytes(a->entries[i].text, a->entries[i].length),
		    span_from_bytes(b->entries[i].text, b->entries[i].length)));
}

/* Fields and body side by side are the message: with a border, or where a body began without. */
static void check_nothing_lost(
    const struct header *header, struct span message, const struct buffer *body)
{
	CLEANUP(buffer_finish) struct buffer written = { 0 };

	buffer_init(&written, message.length + 8);
	header_write(header, &written);
	assert(written.length == header->total + 2);
	struct span fields = span_first(buffer_span(&written), header->total);
	/* The last field of a message without body may have got its line end. */
	if (fields.length > message.length)
		fields = span_first(fields, message.length);
	assert(span_equals(fields, span_first(message, fields.length)));
	struct span rest = span_after(message, fields.length);
	if (rest.length != body->length)
		rest = span_after(rest, 2);
	if (body->length != 0 || rest.length == 0)
		assert(span_equals(rest, buffer_span(body)));
}

/* Reads each field, gives one a new value, adds and removes some. */
static void check_changes(struct header *header)
{
	size_t count = header->count;

	for (size_t i = 0; i < count; i++) {
		struct field field = header_field(header, i);
		CLEANUP(memory_free_string) char *name = span_copy(field.name);
		CLEANUP(memory_free_string) char *line = field_unfold(field.value);
		ssize_t found = header_find(header, name, 0);

		assert(found >= 0 && (size_t)found <= i);
		header_set_value(header, i, span_from_string(line));
		field = header_field(header, i);
		CLEANUP(memory_free_string) char *again = field_unfold(field.value);
		assert(strcmp(line, again) == 0 && field_is(&field, name));
	}
	header_prepend(header, "X-Fuzz", span_from_string("one"));
	header_append(header, "X-Fuzz", span_from_string("two\r\n\tthree"));
	assert(header->count == count + 2 && header_find(header, "x-fuzz", 0) == 0);
	assert(header_remove_all(header, "X-FUZZ") >= 2 && !header_has(header, "X-Fuzz"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(header_finish) struct header whole = { 0 };
	CLEANUP(header_finish) struct header pieced = { 0 };
	CLEANUP(buffer_finish) struct buffer wire = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };
	CLEANUP(buffer_finish) struct buffer pieced_body = { 0 };
	struct span message = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&message) };

	if (fuzz_take(&message) % 2 != 0) {
		struct body conversion;

		buffer_init(&wire, 3 * size + 64);
		body_init(&conversion, false);
		body_convert(&conversion, message, &wire);
		body_finish(&conversion, &wire);
		message = buffer_span(&wire);
	}
	buffer_init(&body, message.length + 1);
	buffer_init(&pieced_body, message.length + 1);
	feed(&whole, message, NULL, &body);
	feed(&pieced, message, &pieces, &pieced_body);
	check_same(&whole, &pieced);
	assert(span_equals(buffer_span(&body), buffer_span(&pieced_body)));
	check_nothing_lost(&whole, message, &body);
	check_changes(&whole);
	return 0;
}
