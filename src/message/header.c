/* SPDX-License-Identifier: MIT */

#include "message/header.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/fold.h"

void header_init(struct header *header)
{
	*header = (struct header){ 0 };
	/* HEADER_LIMIT is kept by header_feed; what the caller holds in memory may pass here. */
	buffer_init(&header->pending, SIZE_MAX / 4);
}

void header_finish(struct header *header)
{
	for (size_t i = 0; i < header->count; i++)
		free(header->entries[i].text);
	free(header->entries);
	buffer_finish(&header->pending);
	*header = (struct header){ 0 };
}

/* Takes over the entry's text. */
static void insert_entry(struct header *header, size_t index, struct header_entry entry)
{
	assert(index <= header->count);
	if (header->count == header->capacity) {
		header->capacity = header->capacity != 0 ? 2 * header->capacity : 32;
		header->entries = memory_resize_array(
		    header->entries, header->capacity, sizeof *header->entries);
	}
	memmove(header->entries + index + 1, header->entries + index,
	    (header->count - index) * sizeof *header->entries);
	header->entries[index] = entry;
	header->count++;
	header->total += entry.length;
}

/* The last line of a message may lack its end; a field here never does. */
static void add_parsed(struct header *header, struct span whole)
{
	bool is_ended = whole.length >= 2 && whole.start[whole.length - 2] == '\r' &&
			whole.start[whole.length - 1] == '\n';
	struct buffer text;

	buffer_init(&text, whole.length + 2);
	buffer_append_span(&text, whole);
	if (!is_ended)
		buffer_append_string(&text, "\r\n");
	size_t length = text.length;
	insert_entry(
	    header, header->count, (struct header_entry){ buffer_take_string(&text), length });
}

/*
 * Takes fields off *rest.  When it meets the border, *rest is what begins the
 * body and is_complete is set.
 */
static void take_fields(struct header *header, struct span *rest, bool is_last)
{
	while (!header->is_complete) {
		struct field field;

		if (span_starts_with(*rest, "\r\n")) {
			*rest = span_after(*rest, 2);
			header->is_complete = true;
			return;
		}
		if (!is_last && span_equals_string(*rest, "\r"))
			return;
		ssize_t taken = rest->length != 0 ? field_parse(*rest, is_last, &field) : 0;
		if (taken < 0)
			header->is_complete = true;
		if (taken <= 0)
			return;
		add_parsed(header, field.whole);
		*rest = span_after(*rest, (size_t)taken);
	}
}

static void overflow(struct header *header)
{
	header->has_overflowed = true;
	buffer_clear(&header->pending);
}

/* A long field that arrives in small pieces is not read anew for each of them. */
static bool may_end_field(const struct header *header, struct span content)
{
	const struct buffer *pending = &header->pending;

	return pending->length < 4096 || pending->start[pending->length - 1] == '\n' ||
	       span_find_byte(content, '\n') >= 0;
}

void header_feed(struct header *header, struct span content, struct span *body)
{
	struct span rest = content;
	bool is_pending = header->pending.length != 0 && !header->is_complete;

	*body = span_after(content, content.length);
	if (header->has_overflowed)
		return;
	if (header->is_complete) {
		*body = content;
		return;
	}
	if (is_pending) {
		bool may_end = may_end_field(header, content);
		buffer_append_span(&header->pending, content);
		rest = buffer_span(&header->pending);
		if (may_end)
			take_fields(header, &rest, false);
	} else {
		take_fields(header, &rest, false);
	}
	if (header->total > HEADER_LIMIT ||
	    (!header->is_complete && rest.length > HEADER_LIMIT - header->total)) {
		header->is_complete = false;
		overflow(header);
	} else if (header->is_complete) {
		*body = rest;
	} else if (is_pending) {
		buffer_consume(&header->pending, header->pending.length - rest.length);
	} else {
		buffer_append_span(&header->pending, rest);
	}
}

void header_end(struct header *header, struct span *body)
{
	struct span rest = buffer_span(&header->pending);

	*body = span_after(rest, rest.length);
	if (header->is_complete)
		return;
	take_fields(header, &rest, true);
	header->is_complete = true;
	*body = rest;
}

ssize_t header_find(const struct header *header, const char *name, size_t from)
{
	for (size_t i = from; i < header->count; i++) {
		struct field field = header_field(header, i);

		if (field_is(&field, name))
			return (ssize_t)i;
	}
	return -1;
}

bool header_has(const struct header *header, const char *name)
{
	return header_find(header, name, 0) >= 0;
}

bool header_has_prefix(const struct header *header, const char *prefix)
{
	for (size_t i = 0; i < header->count; i++)
		if (span_starts_with_ignoring_case(header_field(header, i).name, prefix))
			return true;
	return false;
}

struct field header_field(const struct header *header, size_t index)
{
	struct field field;

	assert(index < header->count);
	const struct header_entry *entry = &header->entries[index];
	ssize_t length = field_parse(span_from_bytes(entry->text, entry->length), true, &field);
	assert(length == (ssize_t)entry->length);
	return field;
}

/* No CR and no LF but in folds, so that no value can end its field. */
static bool is_folded_rightly(struct span value)
{
	for (size_t i = 0; i < value.length; i++) {
		if (value.start[i] == '\n')
			return false;
		if (value.start[i] != '\r')
			continue;
		if (value.length - i < 3 || value.start[i + 1] != '\n' ||
		    (value.start[i + 2] != ' ' && value.start[i + 2] != '\t'))
			return false;
		i += 2;
	}
	return true;
}

static bool begins_with_blank(struct span value)
{
	return value.length != 0 && memchr(" \t\r", value.start[0], 3) != NULL;
}

/*
 * prefix is the name with its colon.  A value that brings its blank along gets no second one;
 * one that would make a URL of the field gets one in any case (field_parse).
 */
static struct header_entry make_entry(struct span prefix, struct span value, bool wants_blank)
{
	struct buffer text;

	assert(is_folded_rightly(value));
	buffer_init(&text, prefix.length + value.length + 3);
	buffer_append_span(&text, prefix);
	if (span_starts_with(value, "//") || (wants_blank && !begins_with_blank(value)))
		buffer_append_byte(&text, ' ');
	buffer_append_span(&text, value);
	buffer_append_string(&text, "\r\n");
	size_t length = text.length;
	return (struct header_entry){ buffer_take_string(&text), length };
}

static struct header_entry make_named(const char *name, struct span value)
{
	CLEANUP(memory_free_string) char *prefix = memory_format("%s:", name);
	struct header_entry entry = make_entry(span_from_string(prefix), value, true);
	struct field field;

	assert(field_parse(span_from_bytes(entry.text, entry.length), true, &field) ==
	       (ssize_t)entry.length);
	assert(field_is(&field, name));
	return entry;
}

void header_prepend(struct header *header, const char *name, struct span value)
{
	insert_entry(header, 0, make_named(name, value));
}

void header_append(struct header *header, const char *name, struct span value)
{
	insert_entry(header, header->count, make_named(name, value));
}

void header_set_value(struct header *header, size_t index, struct span value)
{
	struct field old = header_field(header, index);
	size_t prefix = (size_t)(old.value.start - old.whole.start);
	struct header_entry entry = make_entry(
	    span_first(old.whole, prefix), value, begins_with_blank(old.value));

	header->total += entry.length;
	header->total -= header->entries[index].length;
	free(header->entries[index].text);
	header->entries[index] = entry;
}

void header_remove(struct header *header, size_t index)
{
	assert(index < header->count);
	header->total -= header->entries[index].length;
	free(header->entries[index].text);
	header->count--;
	memmove(header->entries + index, header->entries + index + 1,
	    (header->count - index) * sizeof *header->entries);
}

size_t header_remove_all(struct header *header, const char *name)
{
	size_t kept = 0;

	/* In one go: a header may hold a hundred thousand of them. */
	for (size_t i = 0; i < header->count; i++) {
		struct field field = header_field(header, i);

		if (field_is(&field, name)) {
			header->total -= header->entries[i].length;
			free(header->entries[i].text);
		} else {
			header->entries[kept++] = header->entries[i];
		}
	}
	size_t count = header->count - kept;
	header->count = kept;
	return count;
}

void header_mask_nul(struct header *header)
{
	for (size_t i = 0; i < header->count; i++) {
		char *rest = header->entries[i].text;
		char *end = rest + header->entries[i].length;

		while ((rest = memchr(rest, '\0', (size_t)(end - rest))) != NULL)
			*rest = '?';
	}
}

void header_fold(struct header *header)
{
	for (size_t i = 0; i < header->count; i++) {
		struct field field = header_field(header, i);
		struct buffer text;

		if (!fold_is_needed(&field))
			continue;
		buffer_init(&text, 2 * field.whole.length);
		fold_field(&field, &text);
		size_t length = text.length;
		header_remove(header, i);
		insert_entry(header, i, (struct header_entry){ buffer_take_string(&text), length });
	}
}

void header_write(const struct header *header, struct buffer *output)
{
	for (size_t i = 0; i < header->count; i++)
		buffer_append(output, header->entries[i].text, header->entries[i].length);
	buffer_append_string(output, "\r\n");
}
