/* SPDX-License-Identifier: MIT */

#include "spool/preamble.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spool/checksum.h"

#define VERSION_LINE "mailchute queue file 1"

enum { HELD_SIZE = 7 };

static const char held_line[] = "held -\n";

static void check_formatted(int length, size_t size)
{
	assert(length >= 0 && (size_t)length == size);
}

void preamble_format_sealed(const struct preamble *preamble, char text[PREAMBLE_SEALED_SIZE])
{
	char line[PREAMBLE_SEALED_SIZE + 64];
	int length = snprintf(line, sizeof line,
	    VERSION_LINE "\n"
			 "records %012" PRIu64 "\n"
			 "header %020" PRIu64 "\n"
			 "message %020" PRIu64 "\n"
			 "recipients %05" PRIu64 "\n"
			 "body %s\n"
			 "longest-line %020" PRIu64 "\n",
	    preamble->records_length, preamble->header_length, preamble->message_length,
	    preamble->recipient_count, preamble->has_8bit ? "8bit" : "7bit",
	    preamble->longest_line);

	check_formatted(length, PREAMBLE_SEALED_SIZE);
	memcpy(text, line, PREAMBLE_SEALED_SIZE);
}

void preamble_format_checksum(uint32_t checksum, char text[PREAMBLE_CHECKSUM_SIZE])
{
	char line[PREAMBLE_CHECKSUM_SIZE + 1];

	check_formatted(snprintf(line, sizeof line, "checksum %08" PRIx32 "\n", checksum),
	    PREAMBLE_CHECKSUM_SIZE);
	memcpy(text, line, PREAMBLE_CHECKSUM_SIZE);
}

static void copy_masked(const char *reply, char text[QUEUE_FILE_REPLY_SIZE])
{
	size_t length = strnlen(reply, QUEUE_FILE_REPLY_SIZE - 1);

	for (size_t i = 0; i < length; i++)
		text[i] = (unsigned char)reply[i] < 0x20 || reply[i] == 0x7f ? '?' : reply[i];
	text[length] = '\0';
}

static uint32_t progress_checksum(const char *text)
{
	size_t size = PREAMBLE_PROGRESS_SIZE - HELD_SIZE - strlen("progress-checksum 01234567\n");

	return checksum_extend(0, span_from_bytes(text + HELD_SIZE, size));
}

void preamble_format_progress(
    const struct queue_progress *progress, char text[PREAMBLE_PROGRESS_SIZE])
{
	char reply[QUEUE_FILE_REPLY_SIZE];
	char lines[PREAMBLE_PROGRESS_SIZE + 64];

	copy_masked(progress->last_reply, reply);
	int length = snprintf(lines, sizeof lines,
	    "held %c\nnext-attempt %019" PRId64 "\nattempts %010" PRIu32
	    "\nwarned %c\nbegun %c\nlast-reply %03zu:%-*s\n",
	    progress->is_held ? 'H' : '-', progress->next_attempt > 0 ? progress->next_attempt : 0,
	    progress->attempts, progress->has_warned ? 'W' : '-', progress->has_begun ? 'B' : '-',
	    strlen(reply), QUEUE_FILE_REPLY_SIZE, reply);
	assert(length > 0);
	int rest = snprintf(lines + length, sizeof lines - (size_t)length,
	    "progress-checksum %08" PRIx32 "\n", progress_checksum(lines));
	check_formatted(length + rest, PREAMBLE_PROGRESS_SIZE);
	memcpy(text, lines, PREAMBLE_PROGRESS_SIZE);
}

/* Takes "label", then width octets of value, then LF off rest. */
static bool take_line(struct span *rest, const char *label, size_t width, struct span *value)
{
	struct span line;

	if (!span_starts_with(*rest, label))
		return false;
	line = span_after(*rest, strlen(label));
	if (line.length <= width || line.start[width] != '\n')
		return false;
	*value = span_first(line, width);
	*rest = span_after(line, width + 1);
	return true;
}

static bool take_number(struct span *rest, const char *label, size_t width, uint64_t *number)
{
	struct span digits;

	return take_line(rest, label, width, &digits) && span_to_number(digits, number);
}

static bool take_checksum(struct span *rest, const char *label, uint32_t *checksum)
{
	struct span digits;

	if (!take_line(rest, label, 8, &digits))
		return false;
	*checksum = 0;
	for (size_t i = 0; i < digits.length; i++) {
		char c = digits.start[i];

		if (c >= '0' && c <= '9')
			*checksum = *checksum << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*checksum = *checksum << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool parse_sealed(struct span rest, struct preamble *preamble)
{
	struct span nothing;
	struct span body;

	if (!take_line(&rest, VERSION_LINE, 0, &nothing) ||
	    !take_number(&rest, "records ", 12, &preamble->records_length) ||
	    !take_number(&rest, "header ", 20, &preamble->header_length) ||
	    !take_number(&rest, "message ", 20, &preamble->message_length) ||
	    !take_number(&rest, "recipients ", 5, &preamble->recipient_count) ||
	    !take_line(&rest, "body ", 4, &body) ||
	    !take_number(&rest, "longest-line ", 20, &preamble->longest_line) ||
	    !take_checksum(&rest, "checksum ", &preamble->checksum))
		return false;
	preamble->has_8bit = span_equals_string(body, "8bit");
	return rest.length == 0 && (preamble->has_8bit || span_equals_string(body, "7bit"));
}

/* A progress that does not check out is left as it is: due at once. */
static void parse_progress(const char *text, struct queue_progress *progress)
{
	struct span rest = span_from_bytes(text + HELD_SIZE, PREAMBLE_PROGRESS_SIZE - HELD_SIZE);
	uint64_t next_attempt;
	uint64_t attempts;
	uint64_t length;
	struct span warned;
	struct span begun;
	struct span reply;
	uint32_t checksum;

	if (!take_number(&rest, "next-attempt ", 19, &next_attempt) ||
	    !take_number(&rest, "attempts ", 10, &attempts) ||
	    !take_line(&rest, "warned ", 1, &warned) || !take_line(&rest, "begun ", 1, &begun) ||
	    !take_line(&rest, "last-reply ", 4 + QUEUE_FILE_REPLY_SIZE, &reply) ||
	    !take_checksum(&rest, "progress-checksum ", &checksum) ||
	    checksum != progress_checksum(text) || !span_to_number(span_first(reply, 3), &length) ||
	    length >= QUEUE_FILE_REPLY_SIZE || next_attempt > INT64_MAX || attempts > UINT32_MAX)
		return;
	progress->next_attempt = (int64_t)next_attempt;
	progress->attempts = (uint32_t)attempts;
	progress->has_warned = warned.start[0] == 'W';
	progress->has_begun = begun.start[0] == 'B';
	memcpy(progress->last_reply, reply.start + 4, length);
	progress->last_reply[length] = '\0';
}

const char *preamble_parse(
    const char text[PREAMBLE_SIZE], struct preamble *preamble, struct queue_progress *progress)
{
	struct preamble found = { 0 };
	struct queue_progress found_progress = { 0 };
	char held = text[PREAMBLE_PROGRESS_OFFSET + HELD_SIZE - 2];

	if (!span_starts_with(span_from_bytes(text, PREAMBLE_SIZE), VERSION_LINE "\n"))
		return "its first line is not \"" VERSION_LINE "\"";
	if (!parse_sealed(span_from_bytes(text, PREAMBLE_PROGRESS_OFFSET), &found))
		return "its first lines are not to the form";
	if (memcmp(text + PREAMBLE_PROGRESS_OFFSET, held_line, HELD_SIZE - 2) != 0 ||
	    text[PREAMBLE_PROGRESS_OFFSET + HELD_SIZE - 1] != '\n' || (held != '-' && held != 'H'))
		return "its line \"held\" is not to the form";
	found_progress.is_held = held == 'H';
	parse_progress(text + PREAMBLE_PROGRESS_OFFSET, &found_progress);
	*preamble = found;
	*progress = found_progress;
	return NULL;
}
