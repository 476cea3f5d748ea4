/* SPDX-License-Identifier: MIT */

#include "message/view.h"

#include <assert.h>
#include <string.h>

void view_init(struct view *view, const struct view_source *source)
{
	view->source = *source;
	view->base = 0;
	view->length = 0;
	view->taken = 0;
}

uint64_t view_offset(const struct view *view)
{
	return view->base + view->taken;
}

uint64_t view_left(const struct view *view)
{
	return view->source.length - view_offset(view);
}

static int fill(struct view *view, struct error *error)
{
	const struct view_source *source = &view->source;

	memmove(view->bytes, view->bytes + view->taken, view->length - view->taken);
	view->base += view->taken;
	view->length -= view->taken;
	view->taken = 0;

	uint64_t next = view->base + view->length;
	size_t room = sizeof view->bytes - view->length;
	if (room > source->length - next)
		room = (size_t)(source->length - next);
	if (source->read(source->context, next, view->bytes + view->length, room, error) < 0)
		return -1;
	view->length += room;
	return 0;
}

int view_look(struct view *view, size_t wanted, struct span *seen, struct error *error)
{
	bool is_last = view->base + view->length == view->source.length;

	assert(wanted <= VIEW_LINE);
	if (view->length - view->taken < wanted && !is_last && fill(view, error) < 0)
		return -1;
	*seen = span_from_bytes(view->bytes + view->taken, view->length - view->taken);
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

int view_line(struct view *view, struct span *line, bool *is_whole, struct error *error)
{
	struct span seen;

	if (view_look(view, VIEW_LINE, &seen, error) < 0)
		return -1;
	size_t length = find_line_end(seen);
	*is_whole = length != 0 || seen.length == view_left(view);
	if (length == 0)
		length = seen.length;
	/* More follows, so there is more here than this octet. */
	if (!*is_whole && seen.start[length - 1] == '\r')
		length--;
	*line = span_first(seen, length);
	return 0;
}

void view_take(struct view *view, size_t count)
{
	assert(count <= view->length - view->taken);
	view->taken += count;
}

void view_seek(struct view *view, uint64_t offset)
{
	assert(offset <= view->source.length);
	if (offset < view->base || offset > view->base + view->length) {
		view->base = offset;
		view->length = 0;
	}
	view->taken = (size_t)(offset - view->base);
}
