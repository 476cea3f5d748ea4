/* SPDX-License-Identifier: MIT */

#include "message/window.h"

#include <assert.h>
#include <string.h>

void window_init(struct window *window, const struct window_source *source)
{
	window->source = *source;
	window->base = 0;
	window->length = 0;
	window->taken = 0;
}

uint64_t window_offset(const struct window *window)
{
	return window->base + window->taken;
}

uint64_t window_left(const struct window *window)
{
	return window->source.length - window_offset(window);
}

static int fill(struct window *window, struct error *error)
{
	const struct window_source *source = &window->source;

	memmove(window->bytes, window->bytes + window->taken, window->length - window->taken);
	window->base += window->taken;
	window->length -= window->taken;
	window->taken = 0;

	uint64_t next = window->base + window->length;
	size_t room = sizeof window->bytes - window->length;
	if (room > source->length - next)
		room = (size_t)(source->length - next);
	if (source->read(source->context, next, window->bytes + window->length, room, error) < 0)
		return -1;
	window->length += room;
	return 0;
}

int window_look(struct window *window, size_t wanted, struct span *seen, struct error *error)
{
	bool is_last = window->base + window->length == window->source.length;

	assert(wanted <= WINDOW_LINE);
	if (window->length - window->taken < wanted && !is_last && fill(window, error) < 0)
		return -1;
	*seen = span_from_bytes(window->bytes + window->taken, window->length - window->taken);
	return 0;
}

/* The length with its CRLF; 0 when no line ends here. */
static size_t find_line_end(struct span text)
{
	size_t from = 0;

	for (;;) {
		ssize_t at = span_find_byte(span_after(text, from), '\n');

		if (at < 0)
			return 0;
		from += (size_t)at + 1;
		if (from >= 2 && text.start[from - 2] == '\r')
			return from;
	}
}

int window_line(struct window *window, struct span *line, bool *is_whole, struct error *error)
{
	struct span seen;

	if (window_look(window, WINDOW_LINE, &seen, error) < 0)
		return -1;
	size_t length = find_line_end(seen);
	*is_whole = length != 0 || seen.length == window_left(window);
	if (length == 0)
		length = seen.length;
	/* More follows, so there is more here than this octet. */
	if (!*is_whole && seen.start[length - 1] == '\r')
		length--;
	*line = span_first(seen, length);
	return 0;
}

void window_take(struct window *window, size_t count)
{
	assert(count <= window->length - window->taken);
	window->taken += count;
}

void window_seek(struct window *window, uint64_t offset)
{
	assert(offset <= window->source.length);
	if (offset < window->base || offset > window->base + window->length) {
		window->base = offset;
		window->length = 0;
	}
	window->taken = (size_t)(offset - window->base);
}
