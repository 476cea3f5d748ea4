/* SPDX-License-Identifier: MIT */

#include "service/event_words.h"

#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

struct span event_words_cut(const char *text, size_t limit)
{
	struct span span = span_from_string(text);

	if (span.length <= limit)
		return span;
	while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
		limit--;
	return span_first(span, limit);
}

void event_words_masked(struct buffer *line, struct span text, const char *ends)
{
	size_t begin = line->length;

	utf8_append_shown(line, text);
	for (size_t i = begin; i < line->length; i++)
		if (strchr(ends, line->start[i]) != NULL)
			line->start[i] = '?';
}

void event_words_address(struct buffer *line, const char *name, const char *address)
{
	buffer_append_string(line, name);
	buffer_append_string(line, "=<");
	event_words_masked(line, event_words_cut(address, EVENT_ADDRESS_LIMIT), "<>");
	buffer_append_byte(line, '>');
}

void event_words_quoted(struct buffer *line, const char *name, const char *words)
{
	buffer_append_string(line, name);
	buffer_append_string(line, "=\"");
	size_t begin = line->length;
	event_words_masked(line, event_words_cut(words, EVENT_WORDS_LIMIT), "");
	/* A line to write is as good with these, and what it ends at stays clear. */
	for (size_t i = begin; i < line->length; i++)
		if (line->start[i] == '"')
			line->start[i] = '\'';
	buffer_append_byte(line, '"');
}

void event_words_delay(struct buffer *line, int64_t milliseconds)
{
	int64_t value = milliseconds > 0 ? milliseconds : 0;
	long long seconds = (long long)(value / 1000);

	if (value >= 100000 || value % 1000 < 10)
		buffer_format(line, "%lld", seconds);
	else if (value >= 10000)
		buffer_format(line, "%lld.%lld", seconds, (long long)(value % 1000 / 100));
	else
		buffer_format(line, "%lld.%02lld", seconds, (long long)(value % 1000 / 10));
}

void event_words_relay(struct buffer *line, const char *relay)
{
	struct span all = event_words_cut(relay, EVENT_ADDRESS_LIMIT);
	ssize_t bracket = span_find_last_byte(all, '[');
	struct span name = bracket > 1 ? span_first(all, (size_t)bracket - 1) : all;
	ssize_t colon = span_find_last_byte(name, ':');

	if (bracket < 2 || all.start[bracket - 1] != ' ' || colon < 0) {
		event_words_masked(line, all, ", ");
		return;
	}
	event_words_masked(line, span_first(name, (size_t)colon), ", ");
	event_words_masked(line, span_after(all, (size_t)bracket), ", ");
	event_words_masked(line, span_after(name, (size_t)colon), ", ");
}

void event_words_string(struct buffer *members, const char *name, const char *value, size_t limit)
{
	if (value != NULL)
		json_string(members, name, event_words_cut(value, limit));
}

void event_words_security(struct buffer *members, const char *security)
{
	struct span rest = span_from_string(security != NULL ? security : "");
	struct span version;
	struct span cipher;

	if (!span_take_word(&rest, &version) || !span_take_word(&rest, &cipher))
		return;
	json_string(members, "tls_version", version);
	json_string(members, "tls_cipher", cipher);
}
