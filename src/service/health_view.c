/* SPDX-License-Identifier: MIT */

#include "service/health_view.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"

enum { LINE_LIMIT = 4096 };

/* In words, and as a key. */
static const struct {
	const char *words;
	const char *key;
} states[] = {
	[HEALTH_UP] = { "is up", "up" },
	[HEALTH_DOWN] = { "is down", "down" },
	[HEALTH_LOGIN_REFUSED] = { "refuses the login", "login_refused" },
	[HEALTH_THROTTLED] = { "asks for patience", "throttled" },
	[HEALTH_ACCOUNT] = { "takes nothing of this account", "account_refused" },
	[HEALTH_SENDER] = { "refuses the sender", "sender_refused" },
};

/* One that would end the line, or drive a terminal, is masked by base/utf8. */
static void append(struct buffer *line, const char *text)
{
	utf8_append_shown(line, span_from_string(text));
}

static void append_text(
    const struct health_entry *entry, int64_t now, int64_t wall, struct buffer *line)
{
	time_t since = (time_t)((wall - (now - entry->since)) / 1000);
	struct tm parts;
	char when[40] = "";
	char wait[24];

	if (localtime_r(&since, &parts) != NULL)
		strftime(when, sizeof when, "%a %b %e %H:%M:%S", &parts);
	buffer_append_string(line, "-- smarthost ");
	append(line, entry->smarthost);
	buffer_format(line, " %s", states[entry->state].words);
	if (entry->sender != NULL) {
		buffer_append_byte(line, ' ');
		append(line, entry->sender);
	}
	clock_format_duration(entry->due > now ? entry->due - now + 999 : 0, wait);
	buffer_format(line, " since %s, %zu wait, next try %s%s: ", when, entry->waiting.count,
	    entry->probe[0] != '\0' ? "is on its way" : "in ", entry->probe[0] != '\0' ? "" : wait);
	append(line, entry->words);
}

static void append_json(
    const struct health_entry *entry, int64_t now, int64_t wall, struct buffer *line)
{
	buffer_append_string(line, "{\"smarthost\": ");
	json_append_string(line, span_from_string(entry->smarthost));
	if (entry->sender != NULL) {
		buffer_append_string(line, ", \"sender\": ");
		json_append_string(line, span_from_string(entry->sender));
	}
	buffer_format(line, ", \"state\": \"%s\", \"since\": %" PRId64 ", \"waiting\": %zu, ",
	    states[entry->state].key, (wall - (now - entry->since)) / 1000, entry->waiting.count);
	if (entry->probe[0] != '\0')
		buffer_append_string(line, "\"next_try\": null");
	else
		buffer_format(line, "\"next_try\": %" PRId64, (wall + (entry->due - now)) / 1000);
	buffer_append_string(line, ", \"reason\": ");
	json_append_string(line, span_from_string(entry->words));
	buffer_append_byte(line, '}');
}

/* False: it does not fit any more. */
static bool write_entry(
    const struct health_entry *entry, bool as_json, int64_t now, int64_t wall, struct buffer *lines)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, LINE_LIMIT);
	if (as_json)
		append_json(entry, now, wall, &line);
	else
		append_text(entry, now, wall, &line);
	buffer_append_byte(&line, '\n');
	/* What is too long for a line is left out rather than cut in the middle of its JSON. */
	if (line.has_overflowed)
		return true;
	if (lines->length + line.length > lines->limit)
		return false;
	buffer_append_span(lines, buffer_span(&line));
	return true;
}

static bool write_some(const struct health *health, bool of_senders, bool as_json, int64_t now,
    int64_t wall, struct buffer *lines)
{
	for (size_t i = 0; i < health->count; i++) {
		const struct health_entry *entry = &health->list[i];

		if (entry->state != HEALTH_UP && (entry->sender != NULL) == of_senders &&
		    !write_entry(entry, as_json, now, wall, lines))
			return false;
	}
	return true;
}

void health_view_write(
    const struct health *health, bool as_json, int64_t now, int64_t wall, struct buffer *lines)
{
	if (write_some(health, false, as_json, now, wall, lines))
		(void)write_some(health, true, as_json, now, wall, lines);
}
