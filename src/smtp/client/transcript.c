/* SPDX-License-Identifier: MIT */

#include "smtp/client/transcript.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "base/utf8.h"

enum {
	LINE_SIZE = TRANSCRIPT_LINE + 8,
	HALF_OCTETS = TRANSCRIPT_HALF * (LINE_SIZE + 32),
	SECRET_OCTETS = 16384, /* a token may be long */
};

static const char stars[] = "******";

bool transcript_is_direction(char direction)
{
	return direction == '<' || direction == '>' || direction == '*';
}

/* ---- what may be shown ---- */

/* Takes what is shown as one off the front; returns its length in shown. */
static size_t show_next(struct span *rest, char shown[static 8])
{
	unsigned char octet = (unsigned char)rest->start[0];
	uint32_t code;
	size_t length = utf8_decode(*rest, &code);

	if (length == 0) {
		*rest = span_after(*rest, 1);
		return (size_t)snprintf(shown, 8, "\\x%02X", octet);
	}
	memcpy(shown, rest->start, length);
	*rest = span_after(*rest, length);
	return length;
}

void transcript_mask(struct span octets, char *text, size_t size)
{
	size_t length = 0;
	size_t safe = 0; /* here "..." would still fit */

	assert(size >= 8);
	while (octets.length != 0) {
		char shown[8];
		size_t more = show_next(&octets, shown);

		if (length + more > size - 1) {
			memcpy(text + safe, "...", 4);
			return;
		}
		memcpy(text + length, shown, more);
		length += more;
		if (length <= size - 4)
			safe = length;
	}
	text[length] = '\0';
}

void transcript_write(struct buffer *output, int64_t milliseconds, char direction, struct span line)
{
	char text[TRANSCRIPT_LINE + 1];

	assert(transcript_is_direction(direction) && milliseconds >= 0);
	transcript_mask(line, text, sizeof text);
	buffer_format(output, "%3" PRId64 ".%03d %c %s", milliseconds / 1000,
	    (int)(milliseconds % 1000), direction, text);
}

/* ---- what may not ---- */

/* Puts the stars in the place of these octets; returns the new length of the text. */
static size_t blot(char *text, size_t length, size_t start, size_t count)
{
	size_t width = sizeof stars - 1;

	assert(count >= width && start + count <= length);
	memcpy(text + start, stars, width);
	memmove(text + start + width, text + start + count, length - start - count);
	return length - count + width;
}

static bool is_base64(char octet)
{
	return (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') ||
	       (octet >= '0' && octet <= '9') || octet == '+' || octet == '/' || octet == '=';
}

/* With is_word, all of the base64 around goes too: its other octets tell of the secret's ends. */
static size_t hide(char *text, size_t length, struct span form, bool is_word)
{
	size_t from = 0;

	while (from < length) {
		const char *found = memmem(text + from, length - from, form.start, form.length);
		size_t count = form.length;

		if (found == NULL)
			break;
		size_t start = (size_t)(found - text);
		while (is_word && start > from && is_base64(text[start - 1])) {
			start--;
			count++;
		}
		while (is_word && start + count < length && is_base64(text[start + count]))
			count++;
		length = blot(text, length, start, count);
		from = start + sizeof stars - 1;
	}
	return length;
}

/*
 * What base64 has of the secret alone when so many octets stand before it in
 * its group of three: without the digits that others have a part in.
 */
static struct span encode_inner(struct span secret, size_t before, struct buffer *text)
{
	static const size_t shared[] = { 0, 2, 3 };
	CLEANUP(buffer_finish_secret) struct buffer octets = { 0 };

	buffer_init(&octets, SECRET_OCTETS + 2);
	(void)buffer_reserve(&octets, secret.length + 2);
	buffer_append(&octets, "\0\0", before);
	buffer_append_span(&octets, secret);
	base64_encode(buffer_span(&octets), text);
	return span_after(
	    span_first(buffer_span(text), (before + secret.length) * 8 / 6), shared[before]);
}

size_t transcript_hide(char *text, size_t length, struct span secret)
{
	if (secret.length < TRANSCRIPT_HIDDEN || secret.length > SECRET_OCTETS)
		return length;
	for (size_t before = 0; before < 3; before++) {
		CLEANUP(buffer_finish_secret) struct buffer encoded = { 0 };

		buffer_init(&encoded, 2 * SECRET_OCTETS);
		(void)buffer_reserve(&encoded, 2 * secret.length + 8);
		length = hide(text, length, encode_inner(secret, before, &encoded), true);
	}
	return hide(text, length, secret, false);
}

/* ---- an excerpt ---- */

void transcript_excerpt_init(struct transcript_excerpt *excerpt)
{
	*excerpt = (struct transcript_excerpt){ 0 };
	buffer_init(&excerpt->first, HALF_OCTETS);
	buffer_init(&excerpt->last, HALF_OCTETS);
}

void transcript_excerpt_finish(struct transcript_excerpt *excerpt)
{
	buffer_finish(&excerpt->first);
	buffer_finish(&excerpt->last);
	*excerpt = (struct transcript_excerpt){ 0 };
}

static void drop_oldest(struct transcript_excerpt *excerpt)
{
	ssize_t end = span_find_byte(buffer_span(&excerpt->last), '\n');

	assert(end >= 0);
	buffer_consume(&excerpt->last, (size_t)end + 1);
	excerpt->last_count--;
	excerpt->dropped++;
}

void transcript_excerpt_add(struct transcript_excerpt *excerpt, struct span line)
{
	if (excerpt->live != NULL) {
		excerpt->live(excerpt->context, line);
		return;
	}
	bool is_first = excerpt->first_count < TRANSCRIPT_HALF;
	struct buffer *half = is_first ? &excerpt->first : &excerpt->last;

	assert(span_find_byte(line, '\n') < 0);
	if (!is_first && excerpt->last_count == TRANSCRIPT_HALF)
		drop_oldest(excerpt);
	buffer_append_span(half, span_first(line, LINE_SIZE + 16));
	buffer_append_byte(half, '\n');
	*(is_first ? &excerpt->first_count : &excerpt->last_count) += 1;
}

void transcript_excerpt_write(const struct transcript_excerpt *excerpt, struct buffer *output)
{
	buffer_append_span(output, buffer_span(&excerpt->first));
	if (excerpt->dropped != 0)
		buffer_format(output, "        (%zu lines are left out here)\n", excerpt->dropped);
	buffer_append_span(output, buffer_span(&excerpt->last));
}
