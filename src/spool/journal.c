/* SPDX-License-Identifier: MIT */

#include "spool/journal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "spool/checksum.h"
#include "spool/record.h"

enum {
	CHECKSUM_DIGITS = 8,
	INDEX_DIGITS = 5,
	TEXT_OFFSET = CHECKSUM_DIGITS + 1 + INDEX_DIGITS + 1,
	LINE_LIMIT = JOURNAL_TEXT_LIMIT + 64,
	/* A journal longer than this many lines a recipient is written anew. */
	LINES_A_RECIPIENT = 4,
};

/* The most that journal_set leaves, and so the most that is read. */
static uint64_t size_limit(size_t recipient_count)
{
	return (uint64_t)LINE_LIMIT * (LINES_A_RECIPIENT * (recipient_count + 1));
}

static void format_line(
    const struct journal *journal, size_t recipient, const char *text, struct buffer *line)
{
	CLEANUP(buffer_finish) struct buffer tail = { 0 };
	CLEANUP(buffer_finish) struct buffer value = { 0 };

	buffer_init(&tail, LINE_LIMIT);
	buffer_format(&tail, " %05zu %s", recipient, text);
	buffer_init(&value, LINE_LIMIT);
	buffer_format(&value, "%08" PRIx32, checksum_extend(journal->seed, buffer_span(&tail)));
	buffer_append_span(&value, buffer_span(&tail));
	record_append(line, "reply", '\0', buffer_span(&value));
}

/* A line is right when writing it again gives the same octets. */
static bool parse_line(const struct journal *journal, struct span line, size_t recipient_count,
    size_t *recipient, char **text)
{
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	struct record record;
	uint64_t index;

	if (record_parse(line, &record) != (ssize_t)line.length ||
	    record.value.length < TEXT_OFFSET || record.value.length > LINE_LIMIT)
		return false;
	struct span digits = span_after(record.value, CHECKSUM_DIGITS + 1);
	if (!span_to_number(span_first(digits, INDEX_DIGITS), &index) || index >= recipient_count)
		return false;
	struct span words = span_after(record.value, TEXT_OFFSET);
	if (span_has_control(words))
		return false;
	*recipient = (size_t)index;
	*text = span_copy(words);
	buffer_init(&again, 2 * LINE_LIMIT);
	format_line(journal, *recipient, *text, &again);
	if (span_equals(buffer_span(&again), line))
		return true;
	memory_free_string(text);
	return false;
}

static void parse(struct journal *journal, struct span rest, char **replies, size_t recipient_count)
{
	struct record record;
	size_t recipient;
	ssize_t taken;
	char *text;

	while ((taken = record_parse(rest, &record)) > 0) {
		if (!parse_line(journal, span_first(rest, (size_t)taken), recipient_count,
			&recipient, &text))
			break;
		free(replies[recipient]);
		replies[recipient] = text;
		journal->end += (uint64_t)taken;
		rest = span_after(rest, (size_t)taken);
	}
	journal->is_torn = rest.length != 0;
}

/* 1: there is more than there can be. */
static int read_content(
    const struct journal *journal, int fd, size_t recipient_count, struct buffer *content)
{
	uint64_t size;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	size = (uint64_t)status.st_size > journal->start ? (uint64_t)status.st_size - journal->start
							 : 0;
	bool is_cut = size > size_limit(recipient_count);
	if (is_cut)
		size = size_limit(recipient_count);
	buffer_init(content, (size_t)size);
	char *room = size != 0 ? buffer_reserve(content, (size_t)size) : NULL;
	if (room != NULL) {
		ssize_t count = file_read_full_at(fd, room, (size_t)size, (off_t)journal->start);

		if (count < 0)
			return -1;
		buffer_extend(content, (size_t)count);
	}
	return is_cut ? 1 : 0;
}

int journal_visit(const struct journal *journal, int fd, size_t recipient_count,
    void (*visit)(void *context, size_t recipient, const char *text), void *context)
{
	CLEANUP(buffer_finish) struct buffer content = { 0 };
	struct record record;
	size_t recipient;
	ssize_t taken;
	char *text;

	if (read_content(journal, fd, recipient_count, &content) < 0)
		return -1;
	struct span rest = buffer_span(&content);
	while ((taken = record_parse(rest, &record)) > 0) {
		if (!parse_line(journal, span_first(rest, (size_t)taken), recipient_count,
			&recipient, &text))
			break;
		visit(context, recipient, text);
		free(text);
		rest = span_after(rest, (size_t)taken);
	}
	return 0;
}

void journal_take(
    struct journal *journal, struct span content, char **replies, size_t recipient_count)
{
	journal->end = journal->start;
	parse(journal, content, replies, recipient_count);
}

int journal_read(struct journal *journal, int fd, char **replies, size_t recipient_count)
{
	CLEANUP(buffer_finish) struct buffer content = { 0 };
	int is_cut = read_content(journal, fd, recipient_count, &content);

	if (is_cut < 0)
		return -1;
	journal_take(journal, buffer_span(&content), replies, recipient_count);
	/* What is too much is not of our making; it counts as torn. */
	journal->is_torn = journal->is_torn || is_cut != 0;
	return 0;
}

static char *mask(const char *text)
{
	size_t length = strnlen(text, JOURNAL_TEXT_LIMIT + 1);
	char *masked = memory_copy(text, length);

	if (length > JOURNAL_TEXT_LIMIT)
		memcpy(masked + JOURNAL_TEXT_LIMIT - 3, "...", 4);
	for (char *p = masked; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return masked;
}

/* Cuts what is behind the last whole line; without that nothing can be added. */
static bool mend(struct journal *journal, int fd)
{
	if (journal->is_torn && ftruncate(fd, (off_t)journal->end) < 0)
		return false;
	journal->is_torn = false;
	return true;
}

static void append_line(struct journal *journal, int fd, size_t recipient, const char *text)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	if (!mend(journal, fd))
		return;
	buffer_init(&line, 2 * LINE_LIMIT);
	format_line(journal, recipient, text, &line);
	if (file_write_all_at(fd, buffer_span(&line), (off_t)journal->end) < 0)
		journal->is_torn = true;
	else
		journal->end += line.length;
}

static void rewrite(struct journal *journal, int fd, char **replies, size_t recipient_count)
{
	journal->end = journal->start;
	journal->is_torn = true;
	for (size_t i = 0; i < recipient_count; i++)
		if (replies[i] != NULL)
			append_line(journal, fd, i, replies[i]);
}

void journal_set(struct journal *journal, int fd, char **replies, size_t recipient_count,
    size_t recipient, const char *text)
{
	assert(recipient < recipient_count);
	if (text[0] == '\0')
		return;
	char *masked = mask(text);

	if (replies[recipient] != NULL && strcmp(replies[recipient], masked) == 0) {
		free(masked);
		return;
	}
	free(replies[recipient]);
	replies[recipient] = masked;
	if (journal->end - journal->start + 2 * LINE_LIMIT > size_limit(recipient_count))
		rewrite(journal, fd, replies, recipient_count);
	else
		append_line(journal, fd, recipient, masked);
}
