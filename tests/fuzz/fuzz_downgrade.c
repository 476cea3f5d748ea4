/* SPDX-License-Identifier: MIT */

/*
 * A message that is converted.  First octet: the lowest bit is whether the
 * server offers 8BITMIME; the second bit, whether the rest is the body of one
 * leaf, which must come out of the decoder as it went in, or a whole message:
 * then what was converted needs no second conversion, and all that is still
 * 8-bit had to stay.
 */

#include "message/downgrade.h"

#include "message/header.h"
#include "tests/fuzz/decode.h"
#include "tests/fuzz/fuzz.h"

enum { LIMIT = 1 << 26 };

static int read_span(void *context, uint64_t offset, char *bytes, size_t size, struct error *error)
{
	const struct span *body = context;

	(void)error;
	assert(size != 0 && offset <= body->length && size <= body->length - offset);
	memcpy(bytes, body->start + offset, size);
	return 0;
}

/* 1 with what it becomes; 0: it goes as it is. */
static int convert(struct span header, struct span body, bool allows_8bit,
    struct buffer *header_out, struct buffer *body_out, bool *has_left_8bit)
{
	CLEANUP(downgrade_finish) struct downgrade downgrade;
	struct view_source source = { read_span, &body, body.length };
	struct error error;
	char bytes[777];
	ssize_t count;

	int outcome = downgrade_start(&downgrade, header, &source, allows_8bit, &error);
	assert(outcome == 0 || outcome == 1);
	if (outcome == 0)
		return 0;
	buffer_append_span(header_out, buffer_span(&downgrade.header));
	while ((count = downgrade_read(&downgrade, bytes, sizeof bytes, &error)) > 0)
		buffer_append(body_out, bytes, (size_t)count);
	assert(count == 0 && body_out->length == downgrade.body_length);
	*has_left_8bit = downgrade.has_left_8bit;
	return 1;
}

static void check_leaf(struct span octets, bool allows_8bit)
{
	static const char fields[] = "Content-Type: application/x\r\n\r\n";
	CLEANUP(buffer_finish) struct buffer header = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };
	CLEANUP(buffer_finish) struct buffer decoded = { 0 };
	bool has_left_8bit;

	buffer_init(&header, LIMIT);
	buffer_init(&body, LIMIT);
	buffer_init(&decoded, LIMIT);
	if (convert(
		span_from_string(fields), octets, allows_8bit, &header, &body, &has_left_8bit) == 0)
		return;
	assert(!span_has_8bit(buffer_span(&body)));
	if (strstr(buffer_string(&header), "Encoding: base64\r\n") != NULL)
		decode_base64(buffer_span(&body), &decoded);
	else
		decode_quoted_printable(buffer_span(&body), &decoded);
	assert(span_equals(buffer_span(&decoded), octets));
}

static void check_message(struct span message, bool allows_8bit)
{
	CLEANUP(header_finish) struct header fields;
	CLEANUP(buffer_finish) struct buffer written = { 0 };
	CLEANUP(buffer_finish) struct buffer header = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };
	struct span rest;
	bool has_left_8bit = false;

	buffer_init(&written, LIMIT);
	buffer_init(&header, LIMIT);
	buffer_init(&body, LIMIT);
	header_init(&fields);
	header_feed(&fields, message, &rest);
	if (!fields.is_complete)
		header_end(&fields, &rest);
	header_write(&fields, &written);
	if (convert(buffer_span(&written), rest, allows_8bit, &header, &body, &has_left_8bit) == 0)
		return;
	assert(allows_8bit || has_left_8bit || !span_has_8bit(buffer_span(&body)));
	int again = convert(
	    buffer_span(&header), buffer_span(&body), allows_8bit, &header, &body, &has_left_8bit);
	assert(again == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	unsigned steer = fuzz_take(&input);

	if ((steer & 2) != 0)
		check_leaf(input, (steer & 1) != 0);
	else
		check_message(input, (steer & 1) != 0);
	return 0;
}
