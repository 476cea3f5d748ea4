/* SPDX-License-Identifier: MIT */

#include "spool/queue_content.h"

#include "base/file.h"
#include "base/memory.h"
#include "spool/checksum.h"
#include "spool/queue_error.h"
#include "spool/queue_records.h"

/* NULL, or in words why the lengths cannot be true of a file of this size. */
static const char *check_lengths(const struct preamble *preamble, off_t size)
{
	uint64_t total;

	if (preamble->records_length > QUEUE_RECORDS_LIMIT ||
	    preamble->header_length > preamble->message_length || preamble->recipient_count == 0 ||
	    preamble->recipient_count > ENVELOPE_RECIPIENT_LIMIT)
		return "its lengths do not fit together";
	if (__builtin_add_overflow(
		preamble->records_length + PREAMBLE_SIZE, preamble->message_length, &total) ||
	    total > (uint64_t)size)
		return "it is shorter than it should be";
	return NULL;
}

/* One read gives the preamble, and of most files all records. */
enum { HEAD_SIZE = 4096 };

struct head {
	char text[HEAD_SIZE];
	size_t length;
	struct preamble preamble;
	struct queue_progress progress;
};

static int read_head(int fd, const char *id, off_t size, struct head *head, struct error *error)
{
	size_t wanted = size < HEAD_SIZE ? (size_t)size : HEAD_SIZE;
	ssize_t count = file_read_full_at(fd, head->text, wanted, 0);
	const char *fault;

	if (count < 0)
		return queue_error_system(error, "cannot read", id);
	if (count < PREAMBLE_SIZE)
		return queue_error_damaged(
		    error, id, size == 0 ? "it is empty" : "it is cut short");
	head->length = (size_t)count;
	fault = preamble_parse(head->text, &head->preamble, &head->progress);
	if (fault == NULL)
		fault = check_lengths(&head->preamble, size);
	return fault != NULL ? queue_error_damaged(error, id, fault) : QUEUE_OPENED;
}

/* As much of the records as the head has. */
static struct span head_records(const struct head *head)
{
	return span_first(span_from_bytes(head->text + PREAMBLE_SIZE, head->length - PREAMBLE_SIZE),
	    (size_t)head->preamble.records_length);
}

int queue_content_summarize(
    int fd, const char *id, off_t size, struct queue_summary *summary, struct error *error)
{
	struct head head;
	int outcome = read_head(fd, id, size, &head, error);

	if (outcome != QUEUE_OPENED)
		return outcome;
	*summary = (struct queue_summary){
		.progress = head.progress,
		.message_length = head.preamble.message_length,
	};
	queue_records_find_submitter(head_records(&head), &summary->uid, &summary->is_report);
	return QUEUE_OPENED;
}

/* 0; 1: the file ends before; -1 with errno set. */
static int read_records(int fd, const struct head *head, struct buffer *records)
{
	size_t length = (size_t)head->preamble.records_length;
	struct span known = head_records(head);

	buffer_init(records, length);
	buffer_append_span(records, known);
	length -= known.length;
	if (length == 0)
		return 0;
	ssize_t count = file_read_full_at(
	    fd, buffer_reserve(records, length), length, (off_t)(PREAMBLE_SIZE + known.length));
	if (count >= 0 && (size_t)count == length)
		buffer_extend(records, length);
	return count < 0 ? -1 : (size_t)count < length;
}

static int load_records(
    struct queue_file *file, const struct head *head, struct buffer *records, struct error *error)
{
	size_t recipients = (size_t)head->preamble.recipient_count;
	int outcome = read_records(file->fd, head, records);
	const char *fault;

	if (outcome < 0)
		return queue_error_system(error, "cannot read", file->id);
	if (outcome > 0)
		return queue_error_damaged(error, file->id, "it is cut short");
	file->marks = memory_allocate(recipients + 1);
	file->mark_offsets = memory_allocate(recipients * sizeof *file->mark_offsets);
	file->replies = memory_allocate(recipients * sizeof *file->replies);
	fault = queue_records_take_marks(records, recipients, file->marks, file->mark_offsets);
	return fault != NULL ? queue_error_damaged(error, file->id, fault) : QUEUE_OPENED;
}

/* 0; 1: the file ends before; -1 with errno set. */
static int checksum_file(int fd, uint64_t offset, uint64_t end, uint32_t *checksum)
{
	char bytes[16384];

	while (offset < end) {
		size_t size = end - offset < sizeof bytes ? (size_t)(end - offset) : sizeof bytes;
		ssize_t count = file_read_full_at(fd, bytes, size, (off_t)offset);

		if (count < 0)
			return -1;
		if ((size_t)count < size)
			return 1;
		*checksum = checksum_extend(*checksum, span_from_bytes(bytes, size));
		offset += size;
	}
	return 0;
}

/* What is in the head need not be read again. */
static int check_content(
    struct queue_file *file, const struct head *head, struct span records, struct error *error)
{
	uint64_t start = PREAMBLE_SIZE + head->preamble.records_length;
	uint64_t end = start + head->preamble.message_length;
	uint32_t checksum = checksum_extend(0, records);

	if (start < head->length) {
		uint64_t known = end < head->length ? end : head->length;

		checksum = checksum_extend(
		    checksum, span_from_bytes(head->text + start, (size_t)(known - start)));
		start = known;
	}
	int outcome = checksum_file(file->fd, start, end, &checksum);
	if (outcome < 0)
		return queue_error_system(error, "cannot read", file->id);
	if (outcome > 0)
		return queue_error_damaged(error, file->id, "it is cut short");
	checksum = checksum_extend(checksum, span_from_bytes(head->text, PREAMBLE_SEALED_SIZE));
	if (checksum != head->preamble.checksum)
		return queue_error_damaged(error, file->id, "its checksum is wrong");
	return QUEUE_OPENED;
}

static void take_preamble(struct queue_file *file, const struct preamble *preamble)
{
	file->message_offset = PREAMBLE_SIZE + preamble->records_length;
	file->header_length = preamble->header_length;
	file->message_length = preamble->message_length;
	file->checksum = preamble->checksum;
	file->attributes.has_8bit = preamble->has_8bit;
	file->attributes.longest_line = preamble->longest_line;
	file->journal.start = file->message_offset + file->message_length;
	file->journal.seed = preamble->checksum;
}

/* Where the head is the whole file, they stand there. */
static int load_replies(
    struct queue_file *file, const struct head *head, off_t size, struct error *error)
{
	size_t count = file->envelope.recipient_count;
	uint64_t start = file->journal.start;

	if (head->length == (uint64_t)size) {
		struct span whole = span_from_bytes(head->text, head->length);

		journal_take(
		    &file->journal, span_after(whole, (size_t)start), file->replies, count);
		return QUEUE_OPENED;
	}
	if (journal_read(&file->journal, file->fd, file->replies, count) < 0)
		return queue_error_system(error, "cannot read", file->id);
	return QUEUE_OPENED;
}

static int load(struct queue_file *file, off_t size, bool is_checking, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer records = { 0 };
	struct head head;
	const char *fault;
	int outcome = read_head(file->fd, file->id, size, &head, error);

	if (outcome == QUEUE_OPENED)
		outcome = load_records(file, &head, &records, error);
	if (outcome == QUEUE_OPENED && is_checking)
		outcome = check_content(file, &head, buffer_span(&records), error);
	if (outcome != QUEUE_OPENED)
		return outcome;
	fault = queue_records_parse(buffer_span(&records), &file->envelope, &file->attributes);
	if (fault == NULL && file->envelope.recipient_count != head.preamble.recipient_count)
		fault = "its recipients are not as many as they should be";
	if (fault != NULL)
		return queue_error_damaged(error, file->id, fault);
	file->progress = head.progress;
	take_preamble(file, &head.preamble);
	return load_replies(file, &head, size, error);
}

int queue_content_load(struct queue_file *file, off_t size, struct error *error)
{
	return load(file, size, true, error);
}

int queue_content_peek(struct queue_file *file, off_t size, struct error *error)
{
	return load(file, size, false, error);
}
