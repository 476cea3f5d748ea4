/* SPDX-License-Identifier: MIT */

#include "message/body.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* CR CR LF is one line end, so at most two CRs wait for what follows. */
enum { HELD_LIMIT = 2, SURPLUS = 16 };

/* Where the wire form goes; room for all of it was made before. */
struct sink {
	char *start;
	size_t length;
};

void body_init(struct body *body, bool dot_ends)
{
	*body = (struct body){ .dot_ends = dot_ends };
}

static void put(struct sink *sink, const char *bytes, size_t length)
{
	memcpy(sink->start + sink->length, bytes, length);
	sink->length += length;
}

static void put_text(struct body *body, struct sink *sink, const char *bytes, size_t length)
{
	put(sink, bytes, length);
	body->line_length += length;
	if (body->line_length > body->longest_line)
		body->longest_line = body->line_length;
}

/* Something follows: the dot was text, and the first of the held CRs, so many, were bare. */
static void release_held(struct body *body, struct sink *sink, size_t returns)
{
	if (body->holds_dot)
		put_text(body, sink, ".", 1);
	body->holds_dot = false;
	body->held_returns -= returns;
	for (; returns != 0; returns--)
		put_text(body, sink, " ", 1);
}

static void end_line(struct body *body, struct sink *sink)
{
	body->held_returns = 0;
	if (body->holds_dot) {
		body->holds_dot = false;
		body->is_ended = true;
		return;
	}
	put(sink, "\r\n", 2);
	body->line_length = 0;
}

static void take_return(struct body *body, struct sink *sink)
{
	if (body->held_returns == HELD_LIMIT)
		release_held(body, sink, 1);
	body->held_returns++;
}

static bool is_lone_dot(const struct body *body, struct span rest)
{
	return body->dot_ends && rest.start[0] == '.' && body->line_length == 0 &&
	       body->held_returns == 0 && !body->holds_dot;
}

/* Takes a run of text without CR and LF, or one of these; how much it took. */
static size_t take_run(struct body *body, struct span rest, size_t line, struct sink *sink)
{
	char first = rest.start[0];

	if (first == '\n') {
		end_line(body, sink);
		return 1;
	}
	if (first == '\r') {
		take_return(body, sink);
		return 1;
	}
	if (is_lone_dot(body, rest)) {
		body->holds_dot = true;
		return 1;
	}
	ssize_t end = span_find_byte(span_first(rest, line), '\r');
	size_t length = end < 0 ? line : (size_t)end;
	release_held(body, sink, body->held_returns);
	put_text(body, sink, rest.start, length);
	return length;
}

/* Eight octets at a time; 30 MB of plain text are looked at whole. */
static bool has_8bit(struct span text)
{
	size_t i = 0;

	for (; text.length - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t octets;

		memcpy(&octets, text.start + i, sizeof octets);
		if ((octets & UINT64_C(0x8080808080808080)) != 0)
			return true;
	}
	return span_has_8bit(span_after(text, i));
}

static void notice(struct body *body, struct span text)
{
	body->has_8bit = body->has_8bit || has_8bit(text);
	body->has_nul = body->has_nul || span_find_byte(text, '\0') >= 0;
}

size_t body_convert(struct body *body, struct span input, struct buffer *output)
{
	struct span rest = input;
	struct sink sink = { buffer_reserve(output, 2 * input.length + SURPLUS), 0 };

	assert(sink.start != NULL);
	while (rest.length != 0 && !body->is_ended) {
		ssize_t end = span_find_byte(rest, '\n');
		struct span line = span_first(rest, end < 0 ? rest.length : (size_t)end + 1);
		size_t text = line.length - (end < 0 ? 0 : 1);

		rest = span_after(rest, line.length);
		while (line.length != 0) {
			size_t taken = take_run(body, line, text, &sink);

			line = span_after(line, taken);
			text = text > taken ? text - taken : 0;
		}
	}
	notice(body, span_from_bytes(sink.start, sink.length));
	buffer_extend(output, sink.length);
	return input.length - rest.length;
}

void body_finish(struct body *body, struct buffer *output)
{
	struct sink sink = { buffer_reserve(output, SURPLUS), 0 };

	assert(sink.start != NULL);
	if (!body->is_ended &&
	    (body->line_length != 0 || body->holds_dot || body->held_returns != 0))
		end_line(body, &sink);
	buffer_extend(output, sink.length);
}
