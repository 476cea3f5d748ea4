/* SPDX-License-Identifier: MIT */

/*
 * log_line - one line of the log, in the form that its target reads
 *
 *	stderr	"<6>mailchute/smtp: text"		the priority for systemd alone
 *	file	"2026-11-23T12:00:00.123Z host mailchute/smtp[77]: text"
 *	syslog	"<22>Nov 23 12:00:00 mailchute/smtp[77]: text"	(RFC 3164, as libc has it)
 *	journal	"PRIORITY=6\nMESSAGE=text\n..."	(systemd.io/JOURNAL_NATIVE_PROTOCOL)
 *
 * An object of JSON stands alone on its line where a person or a program reads
 * the line as it is (stderr, file), and in the text's place elsewhere.
 *
 * The tag is the program, or program/part: log readers made for Postfix look
 * for its parts (pickup, cleanup, qmgr, smtp, bounce).
 *
 * Does not know: descriptors, which target it is for.
 */

#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

enum { LOG_LINE_TIME_SIZE = 40 };

struct log_line {
	int level; /* enum log_level */
	const char *program;
	const char *part; /* or NULL */
	const char *host;
	int64_t pid;
	int64_t wall;	      /* clock_wall */
	const char *queue_id; /* or NULL */
	struct span text;     /* without line ends */
	bool is_json;
};

void log_line_plain(const struct log_line *line, bool has_priority, struct buffer *out);
void log_line_dated(const struct log_line *line, struct buffer *out);
void log_line_syslog(const struct log_line *line, struct buffer *out);
void log_line_journal(const struct log_line *line, struct buffer *out);

/* "2026-11-23T12:00:00.123Z" (RFC 3339). */
void log_line_time(int64_t wall, char text[static LOG_LINE_TIME_SIZE]);

#endif
