/* SPDX-License-Identifier: MIT */

#include "smtp/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum {
	TEXT_LINE_LIMIT = 500, /* RFC 5321, 4.5.3.1.5: 512 with code and CRLF */
	LINE_LENGTH = 480,     /* of what is wrapped: room for the status */
};

/* RFC 5321, 4.2.1 allows a tab in a text; every other control may drive a terminal. */
static char mask(char byte)
{
	unsigned char octet = (unsigned char)byte;

	return (octet < 0x20 && octet != '\t') || octet == 0x7f ? '?' : byte;
}

static int complain(struct error *error, const char *what, struct span line)
{
	struct span shown = span_first(line, 200);

	return error_set(error, ERROR_UNAVAILABLE, "4.5.0", "%s: \"%.*s\"", what, span_int(shown),
	    shown.start != NULL ? shown.start : "");
}

/* The code of a line, and whether another line follows; -1 when it is no line of a reply. */
static int line_code(struct span line, bool *is_continued)
{
	if (line.length < 3 || line.start[0] < '2' || line.start[0] > '5')
		return -1;
	for (size_t i = 1; i < 3; i++)
		if (line.start[i] < '0' || line.start[i] > '9')
			return -1;
	/* RFC 5321, 4.2: "250" without blank and text is to be taken too. */
	if (line.length > 3 && line.start[3] != ' ' && line.start[3] != '-')
		return -1;
	*is_continued = line.length > 3 && line.start[3] == '-';
	return (line.start[0] - '0') * 100 + (line.start[1] - '0') * 10 + (line.start[2] - '0');
}

static void append_text(struct reply *reply, struct span text)
{
	size_t length = strlen(reply->text);

	for (size_t i = 0; i < text.length && length < sizeof reply->text - 1; i++)
		reply->text[length++] = mask(text.start[i]);
	reply->text[length] = '\0';
}

static void append_break(struct reply *reply)
{
	size_t length = strlen(reply->text);

	if (length < sizeof reply->text - 1)
		memcpy(reply->text + length, "\n", 2);
}

/*
 * RFC 2034, 4 wants the same status on every line.  The first one found
 * counts, and only that one is taken off, so that no words get lost.
 */
static void add_line(struct reply *reply, struct span text, bool is_first)
{
	char status[STATUS_SIZE];
	char class_digit = (char)('0' + reply_class(reply));
	size_t taken = status_parse(text, class_digit, status);

	if (taken != 0 && reply->status[0] == '\0')
		memcpy(reply->status, status, sizeof status);
	if (taken != 0 && strcmp(reply->status, status) == 0)
		text = span_after(text, taken + 1);
	if (!is_first)
		append_break(reply);
	append_text(reply, text);
}

/*
 * Takes the next line of input, which starts at *taken.  1: there is one; 0:
 * not yet; -1: it is too long.
 */
static int next_line(struct span input, size_t *taken, struct span *line, struct error *error)
{
	struct span rest = span_after(input, *taken);
	ssize_t end = span_find_byte(span_first(rest, REPLY_LINE_LIMIT), '\n');

	if (end < 0 && rest.length < REPLY_LINE_LIMIT)
		return 0;
	if (end < 0)
		return complain(error, "reply line is longer than 2048 octets", rest);
	*line = span_first(rest, (size_t)end);
	*taken += (size_t)end + 1;
	if (line->length != 0 && line->start[line->length - 1] == '\r')
		line->length--;
	return 1;
}

ssize_t reply_parse(struct span input, struct reply *reply, struct error *error)
{
	struct reply found = { 0 };
	bool is_continued = true;
	size_t taken = 0;

	for (int count = 0; is_continued; count++) {
		struct span line = { 0 };

		if (count == REPLY_LINES_LIMIT || taken > REPLY_LIMIT)
			return complain(error, "reply has too many lines", span_first(input, 80));
		int outcome = next_line(input, &taken, &line, error);
		if (outcome <= 0)
			return outcome;
		int code = line_code(line, &is_continued);
		if (code < 0)
			return complain(error, "this is no SMTP reply", line);
		if (count != 0 && code != found.code)
			return complain(error, "reply changes its code between lines", line);
		found.code = code;
		add_line(&found, span_after(line, 4), count == 0);
	}
	if (taken > REPLY_LIMIT)
		return complain(error, "reply is longer than 64 KiB", span_first(input, 80));
	/* What is no character may drive a terminal, and so may these beyond ASCII. */
	utf8_mask(found.text, "\t\n");
	*reply = found;
	return (ssize_t)taken;
}

int reply_class(const struct reply *reply)
{
	return reply->code / 100;
}

/* Adds text to line; false when it did not fit. */
static bool line_add(char *line, size_t size, size_t *length, const char *text)
{
	while (*text != '\0' && *length < size - 1)
		line[(*length)++] = *text++;
	line[*length] = '\0';
	return *text == '\0';
}

void reply_line(const struct reply *reply, char *line, size_t size)
{
	char code[4] = ""; /* three digits (RFC 5321, 4.2) */
	size_t length = 0;
	bool fits = true;

	assert(size > 3);
	for (int i = 2, rest = reply->code; i >= 0; i--, rest /= 10)
		code[i] = (char)('0' + rest % 10);
	fits = line_add(line, size, &length, code);
	if (reply->status[0] != '\0')
		fits = fits && line_add(line, size, &length, " ") &&
		       line_add(line, size, &length, reply->status);
	if (reply->text[0] != '\0')
		fits = fits && line_add(line, size, &length, " ");
	for (const char *p = reply->text; fits && *p != '\0'; p++) {
		const char text[2] = { *p == '\t' ? ' ' : *p, '\0' };

		fits = line_add(line, size, &length, *p == '\n' ? " / " : text);
	}
	if (!fits)
		memcpy(line + size - 4, "...", 4);
}

const char *reply_status(const struct reply *reply)
{
	if (reply->status[0] != '\0')
		return reply->status;
	switch (reply_class(reply)) {
	case 5:
		return "5.0.0";
	case 4:
		return "4.0.0";
	default:
		return "2.0.0";
	}
}

static void write_line(
    struct buffer *output, int code, char separator, const char *status, struct span text)
{
	/* A blank that nothing follows is left out but after the code, where RFC 5321, 4.2 has it.
	 */
	buffer_format(output, "%03d%c%s", code, separator, status);
	if (status[0] != '\0' && text.length != 0)
		buffer_append_byte(output, ' ');
	for (size_t i = 0; i < text.length; i++)
		buffer_append_byte(output, mask(text.start[i]));
	buffer_append_string(output, "\r\n");
}

void reply_write(struct buffer *output, int code, const char *status, const char *text)
{
	struct span rest = span_from_string(text);
	struct span line = { 0 };

	assert(code >= 200 && code <= 599);
	if (!span_take_line(&rest, &line))
		line = span_from_string("");
	do {
		write_line(output, code, rest.length != 0 ? '-' : ' ', status,
		    span_first(line, TEXT_LINE_LIMIT));
	} while (span_take_line(&rest, &line));
}

void reply_write_more(struct buffer *output, int code, struct span text)
{
	assert(code >= 200 && code <= 599);
	write_line(output, code, '-', "", text);
}

void reply_wrap(struct buffer *text, struct span words)
{
	while (words.length > LINE_LENGTH) {
		ssize_t blank = span_find_last_byte(span_first(words, LINE_LENGTH), ' ');
		size_t length = blank > 0 ? (size_t)blank : LINE_LENGTH;

		buffer_append_span(text, span_first(words, length));
		buffer_append_byte(text, '\n');
		words = span_after(words, blank > 0 ? length + 1 : length);
	}
	buffer_append_span(text, words);
}
