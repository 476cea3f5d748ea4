/* SPDX-License-Identifier: MIT */

#include "spool/queue_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "spool/checksum.h"
#include "spool/preamble.h"
#include "spool/queue_content.h"
#include "spool/queue_error.h"
#include "spool/queue_records.h"

/* A queue ID that is taken twice in a row is no chance any more. */
enum { NAME_ATTEMPTS = 10 };

/* Draft */

static void append_checked(struct queue_file *file, struct span bytes)
{
	file->checksum = checksum_extend(file->checksum, bytes);
	writer_append(file->writer, bytes);
}

static void prepare_recipients(struct queue_file *file)
{
	size_t count = file->envelope.recipient_count;

	file->marks = memory_allocate(count + 1);
	memset(file->marks, RECIPIENT_WAITING, count);
	file->mark_offsets = memory_allocate(count * sizeof *file->mark_offsets);
	file->replies = memory_allocate(count * sizeof *file->replies);
}

/* The preamble is written by commit; until then zeros hold its place. */
static void begin_content(struct queue_file *file, struct span records)
{
	static const char place[PREAMBLE_SIZE];

	/* Not zeroed: most of it is never touched. */
	file->writer = memory_resize_array(NULL, 1, sizeof *file->writer);
	writer_init(file->writer, file->fd);
	writer_append(file->writer, span_from_bytes(place, sizeof place));
	append_checked(file, records);
	file->message_offset = PREAMBLE_SIZE + records.length;
}

int queue_file_create(struct queue_file *file, int queue_directory, const struct envelope *envelope,
    const struct queue_attributes *attributes, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer records = { 0 };
	struct queue_file draft = { .state = QUEUE_FILE_DRAFT, .queue = queue_directory };

	assert(file->state == QUEUE_FILE_NONE);
	buffer_init(&records, QUEUE_RECORDS_LIMIT);
	queue_records_write(envelope, attributes, &records);
	if (records.has_overflowed)
		return error_set(error, ERROR_DATA, "5.5.3", "the envelope is too large");
	draft.fd = draft_create(queue_directory, draft.draft_name);
	if (draft.fd < 0)
		return queue_error_system(error, "cannot create", "");
	envelope_copy(envelope, &draft.envelope);
	draft.attributes = *attributes;
	prepare_recipients(&draft);
	begin_content(&draft, buffer_span(&records));
	if (file->id[0] != '\0')
		memcpy(draft.id, file->id, sizeof draft.id);
	*file = draft;
	return 0;
}

void queue_file_write(struct queue_file *file, struct span bytes)
{
	assert(file->state == QUEUE_FILE_DRAFT && file->writer != NULL);
	append_checked(file, bytes);
	file->message_length += bytes.length;
}

void queue_file_end_header(struct queue_file *file)
{
	assert(file->state == QUEUE_FILE_DRAFT && file->header_length == 0);
	file->header_length = file->message_length;
}

/* Commit */

static struct preamble describe(const struct queue_file *file)
{
	return (struct preamble){
		.records_length = file->message_offset - PREAMBLE_SIZE,
		.header_length = file->header_length,
		.message_length = file->message_length,
		.recipient_count = file->envelope.recipient_count,
		.has_8bit = file->attributes.has_8bit,
		.longest_line = file->attributes.longest_line,
	};
}

static int write_preamble(struct queue_file *file)
{
	struct preamble preamble = describe(file);
	char text[PREAMBLE_SIZE];

	preamble_format_sealed(&preamble, text);
	file->checksum = checksum_extend(
	    file->checksum, span_from_bytes(text, PREAMBLE_SEALED_SIZE));
	preamble_format_checksum(file->checksum, text + PREAMBLE_SEALED_SIZE);
	preamble_format_progress(&file->progress, text + PREAMBLE_PROGRESS_OFFSET);
	return file_write_all_at(file->fd, span_from_bytes(text, sizeof text), 0);
}

static int finish_content(struct queue_file *file, struct error *error)
{
	int outcome = writer_flush(file->writer);
	int number = errno;

	free(file->writer);
	file->writer = NULL;
	errno = number;
	if (file->header_length == 0)
		file->header_length = file->message_length;
	if (outcome < 0 || write_preamble(file) < 0)
		return queue_error_system(error, "cannot write", file->id);
	return 0;
}

static int give_name(struct queue_file *file, struct error *error)
{
	bool has_id = file->id[0] != '\0';

	assert(!has_id || queue_id_is_valid(span_from_string(file->id)));
	for (int attempt = 0; attempt < (has_id ? 1 : NAME_ATTEMPTS); attempt++) {
		if (!has_id)
			queue_id_generate(file->id);
		if (draft_name(file->queue, file->fd, file->draft_name, file->id) == 0) {
			file->draft_name[0] = '\0';
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return queue_error_system(error, "cannot name", file->id);
}

/* EINVAL: this file system has no sync of directories. */
static int sync_directory(int directory)
{
	return fsync(directory) < 0 && errno != EINVAL ? -1 : 0;
}

/*
 * Takes the name back.  Should that fail too, the empty file is none to any
 * reader, and the sender, who is told to try again, does not send it twice.
 */
static void withdraw(struct queue_file *file)
{
	(void)!ftruncate(file->fd, 0);
	(void)unlinkat(file->queue, file->id, 0);
	(void)sync_directory(file->queue);
}

/*
 * write, linkat, fsync(file), fsync(directory): the sync of the file after the
 * name was given carries the inode and, on most file systems, the name; that
 * of the directory the name on the others (security.md 4.4).  A sync that
 * failed is not tried again: the kernel would say that all is well.
 */
int queue_file_commit(struct queue_file *file, struct error *error)
{
	assert(file->state == QUEUE_FILE_DRAFT && file->writer != NULL);
	if (finish_content(file, error) < 0 || give_name(file, error) < 0)
		return -1;
	if (fsync(file->fd) < 0 || sync_directory(file->queue) < 0) {
		queue_error_system(error, "cannot sync", file->id);
		withdraw(file);
		return -1;
	}
	file->journal = (struct journal){
		.start = file->message_offset + file->message_length,
		.end = file->message_offset + file->message_length,
		.seed = file->checksum,
	};
	/* From here on, losing the message would be our fault. */
	file->state = QUEUE_FILE_QUEUED;
	return 0;
}

/* Open */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* NULL, or why this is not a file that we made. */
static const char *find_fault(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return "it is no regular file";
	if (status->st_uid != geteuid())
		return "it belongs to another user";
	return NULL;
}

/* Looks before it opens, since opening a device may do something. */
static int open_named(
    int queue, const char *id, int access_mode, struct stat *status, int *fd, struct error *error)
{
	const char *fault;

	if (!queue_id_is_valid(span_from_string(id)))
		return QUEUE_MISSING;
	if (fstatat(queue, id, status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? QUEUE_MISSING
				       : queue_error_system(error, "cannot look at", id);
	fault = find_fault(status);
	if (fault != NULL)
		return queue_error_damaged(error, id, fault);
	*fd = openat(queue, id, access_mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0)
		return QUEUE_OPENED;
	if (errno == ENOENT)
		return QUEUE_MISSING;
	if (errno == EACCES)
		return queue_error_damaged(error, id, "its permissions do not let us open it");
	return queue_error_system(error, "cannot open", id);
}

/*
 * The name may have come to mean another file since it was looked at; for who
 * wants the lock, until he had it.
 */
static int check_opened(
    struct queue_file *file, bool is_locking, struct stat *status, struct error *error)
{
	struct stat named = *status;
	const char *fault;

	if (fstat(file->fd, status) < 0)
		return queue_error_system(error, "cannot look at", file->id);
	if (is_locking && fstatat(file->queue, file->id, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? QUEUE_MISSING
				       : queue_error_system(error, "cannot look at", file->id);
	if (!is_locking && status->st_nlink == 0)
		return QUEUE_MISSING;
	if (!is_same_file(status, &named))
		return QUEUE_LOCKED;
	fault = find_fault(status);
	if (fault == NULL && status->st_nlink != 1)
		fault = "it has more than one name";
	return fault != NULL ? queue_error_damaged(error, file->id, fault) : QUEUE_OPENED;
}

static int open_file(
    struct queue_file *file, bool is_locking, struct stat *status, struct error *error)
{
	int outcome = open_named(
	    file->queue, file->id, is_locking ? O_RDWR : O_RDONLY, status, &file->fd, error);

	if (outcome != QUEUE_OPENED)
		return outcome;
	file->state = is_locking ? QUEUE_FILE_ACTIVE : QUEUE_FILE_QUEUED;
	if (is_locking && flock(file->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? QUEUE_LOCKED
					    : queue_error_system(error, "cannot lock", file->id);
	return check_opened(file, is_locking, status, error);
}

/* queue_content_load or queue_content_peek. */
typedef int content_reader(struct queue_file *file, off_t size, struct error *error);

static int load(struct queue_file *file, int queue_directory, const char *id, bool is_locking,
    content_reader *read_content, struct error *error)
{
	CLEANUP(queue_file_finish) struct queue_file found = { .queue = queue_directory, .fd = -1 };
	struct stat status;
	int outcome;

	assert(file->state == QUEUE_FILE_NONE);
	if (!queue_id_is_valid(span_from_string(id)))
		return QUEUE_MISSING;
	memcpy(found.id, id, sizeof found.id);
	outcome = open_file(&found, is_locking, &status, error);
	if (outcome == QUEUE_OPENED)
		outcome = read_content(&found, status.st_size, error);
	if (outcome != QUEUE_OPENED)
		return outcome;
	*file = found;
	found = (struct queue_file){ 0 };
	return QUEUE_OPENED;
}

int queue_file_open(
    struct queue_file *file, int queue_directory, const char *id, struct error *error)
{
	return load(file, queue_directory, id, true, queue_content_load, error);
}

int queue_file_read(
    struct queue_file *file, int queue_directory, const char *id, struct error *error)
{
	return load(file, queue_directory, id, false, queue_content_load, error);
}

int queue_file_peek(
    struct queue_file *file, int queue_directory, const char *id, struct error *error)
{
	return load(file, queue_directory, id, false, queue_content_peek, error);
}

bool queue_file_is_in_use(const struct queue_file *file)
{
	assert(file->state == QUEUE_FILE_QUEUED);
	if (flock(file->fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	(void)flock(file->fd, LOCK_UN);
	return false;
}

int queue_file_read_summary(
    int queue_directory, const char *id, struct queue_summary *summary, struct error *error)
{
	CLEANUP(file_close) int fd = -1;
	struct stat status;
	int outcome = open_named(queue_directory, id, O_RDONLY, &status, &fd, error);

	return outcome == QUEUE_OPENED
		   ? queue_content_summarize(fd, id, status.st_size, summary, error)
		   : outcome;
}

/* Active */

/* Whether a recipient may go from one mark to the other. */
static bool is_forward(char from, enum recipient_mark to)
{
	if (from == RECIPIENT_WAITING)
		return true;
	if (from == RECIPIENT_FAILED)
		return to == RECIPIENT_REPORTED;
	if (from == RECIPIENT_UNTOLD)
		return to == RECIPIENT_DELIVERED;
	return from == RECIPIENT_IN_DOUBT && to != RECIPIENT_WAITING;
}

int queue_file_mark(struct queue_file *file, size_t recipient, enum recipient_mark mark,
    const char *reply, struct error *error)
{
	char octet = (char)mark;

	assert(file->state == QUEUE_FILE_ACTIVE && recipient < file->envelope.recipient_count);
	if (octet != file->marks[recipient] && is_forward(file->marks[recipient], mark)) {
		off_t offset = (off_t)(PREAMBLE_SIZE + file->mark_offsets[recipient]);

		if (file_write_all_at(file->fd, span_from_bytes(&octet, 1), offset) < 0)
			return queue_error_system(error, "cannot mark a recipient in", file->id);
		file->marks[recipient] = octet;
	}
	journal_set(&file->journal, file->fd, file->replies, file->envelope.recipient_count,
	    recipient, reply);
	return 0;
}

int queue_file_save_progress(struct queue_file *file, struct error *error)
{
	char text[PREAMBLE_PROGRESS_SIZE];

	assert(file->state == QUEUE_FILE_ACTIVE);
	preamble_format_progress(&file->progress, text);
	if (file_write_all_at(
		file->fd, span_from_bytes(text, sizeof text), PREAMBLE_PROGRESS_OFFSET) < 0)
		return queue_error_system(error, "cannot save the progress in", file->id);
	return 0;
}

int queue_file_sync(struct queue_file *file, struct error *error)
{
	assert(file->state == QUEUE_FILE_ACTIVE);
	return fdatasync(file->fd) < 0 ? queue_error_system(error, "cannot sync", file->id) : 0;
}

int queue_file_open_content(const struct queue_file *file, struct error *error)
{
	CLEANUP(file_close) int fd = -1;
	struct stat named;
	struct stat ours;
	struct stat opened;

	assert(file->state == QUEUE_FILE_ACTIVE || file->state == QUEUE_FILE_QUEUED);
	if (open_named(file->queue, file->id, O_RDONLY, &named, &fd, error) != QUEUE_OPENED ||
	    fstat(file->fd, &ours) < 0 || fstat(fd, &opened) < 0 || !is_same_file(&ours, &opened))
		return error_set(
		    error, ERROR_IO, "4.3.0", "queue file %s was taken away", file->id);
	int descriptor = fd;
	fd = -1;
	return descriptor;
}

bool queue_file_waits(const struct queue_file *file, size_t recipient)
{
	return file->marks[recipient] == RECIPIENT_WAITING ||
	       file->marks[recipient] == RECIPIENT_IN_DOUBT;
}

bool queue_file_has_waiting(const struct queue_file *file)
{
	size_t recipient = 0;

	while (recipient < file->envelope.recipient_count && !queue_file_waits(file, recipient))
		recipient++;
	return recipient < file->envelope.recipient_count;
}

size_t queue_file_count(const struct queue_file *file, enum recipient_mark mark)
{
	size_t count = 0;

	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		if (file->marks[i] == (char)mark)
			count++;
	return count;
}

/*
 * The directory is not synced: a name that a power cut brings back leads to a
 * file in which every recipient is done.
 */
int queue_file_remove(struct queue_file *file, struct error *error)
{
	assert(file->state == QUEUE_FILE_ACTIVE);
	if (unlinkat(file->queue, file->id, 0) < 0 && errno != ENOENT)
		return queue_error_system(error, "cannot remove", file->id);
	queue_file_finish(file);
	return 0;
}

void queue_file_finish(struct queue_file *file)
{
	for (size_t i = 0; file->replies != NULL && i < file->envelope.recipient_count; i++)
		free(file->replies[i]);
	free(file->replies);
	free(file->marks);
	free(file->mark_offsets);
	free(file->writer);
	envelope_finish(&file->envelope);
	if (file->state == QUEUE_FILE_DRAFT)
		draft_forget(file->queue, file->draft_name);
	if (file->state != QUEUE_FILE_NONE)
		file_close(&file->fd);
	*file = (struct queue_file){ .fd = -1 };
}
