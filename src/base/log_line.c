/* SPDX-License-Identifier: MIT */

#include "base/log_line.h"

#include <stdio.h>
#include <time.h>

enum { FACILITY_MAIL = 2 };

static void append_tag(const struct log_line *line, bool has_pid, struct buffer *out)
{
	buffer_append_string(out, line->program);
	if (line->part != NULL) {
		buffer_append_byte(out, '/');
		buffer_append_string(out, line->part);
	}
	if (has_pid)
		buffer_format(out, "[%lld]", (long long)line->pid);
}

static void append_text(const struct log_line *line, struct buffer *out)
{
	buffer_append_string(out, ": ");
	buffer_append_span(out, line->text);
}

void log_line_plain(const struct log_line *line, bool has_priority, struct buffer *out)
{
	if (has_priority)
		buffer_format(out, "<%d>", line->level);
	if (line->is_json) {
		buffer_append_span(out, line->text);
	} else {
		append_tag(line, false, out);
		append_text(line, out);
	}
	buffer_append_byte(out, '\n');
}

void log_line_time(int64_t wall, char text[static LOG_LINE_TIME_SIZE])
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm parts = { 0 };

	(void)gmtime_r(&seconds, &parts);
	size_t length = strftime(text, LOG_LINE_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, LOG_LINE_TIME_SIZE - length, ".%03uZ", (unsigned)(wall % 1000));
}

void log_line_dated(const struct log_line *line, struct buffer *out)
{
	char when[LOG_LINE_TIME_SIZE];

	if (line->is_json) {
		log_line_plain(line, false, out);
		return;
	}
	log_line_time(line->wall, when);
	buffer_format(out, "%s %s ", when, line->host);
	append_tag(line, true, out);
	append_text(line, out);
	buffer_append_byte(out, '\n');
}

/* The months are English, whatever the locale. */
void log_line_syslog(const struct log_line *line, struct buffer *out)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(line->wall / 1000);
	struct tm parts = { 0 };

	(void)localtime_r(&seconds, &parts);
	buffer_format(out, "<%d>%s %2d %02d:%02d:%02d ", FACILITY_MAIL << 3 | line->level,
	    months[parts.tm_mon % 12], parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
	append_tag(line, true, out);
	append_text(line, out);
}

void log_line_journal(const struct log_line *line, struct buffer *out)
{
	buffer_format(
	    out, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=", line->level, FACILITY_MAIL);
	append_tag(line, false, out);
	buffer_append_byte(out, '\n');
	if (line->queue_id != NULL)
		buffer_format(out, "MAILCHUTE_QUEUE_ID=%s\n", line->queue_id);
	buffer_append_string(out, "MESSAGE=");
	buffer_append_span(out, line->text);
	buffer_append_byte(out, '\n');
}
