/* SPDX-License-Identifier: MIT */

/*
 * A queue file of these octets.  First octet, modulo three:
 *
 *	0	the rest is the file
 *	1	a file that we wrote, of which a few octets that lie together are
 *		others (two octets say where, up to four follow), and that is cut or
 *		goes on (with the rest)
 *	2	the rest is records, a NUL and a message, under a preamble and a
 *		checksum that are right
 *
 * A file that opens is ours (1), or has an envelope that passed the door; what
 * is marked in it is read again.
 */

#include "spool/queue_file.h"

#include "base/file.h"
#include "message/address.h"
#include "spool/checksum.h"
#include "spool/preamble.h"
#include "spool/spool.h"
#include "tests/fuzz/fuzz.h"
#include "tests/spool/scratch.h"

enum { FILE_LIMIT = 4 << 20, BURST = 4 };

/* Made once; the names in it are the same in each run. */
struct room {
	struct scratch scratch;
	char id[QUEUE_ID_SIZE];
	struct buffer ours;
	int fd; /* of the file that is opened */
};

static struct room room;

static void leave(void)
{
	file_close(&room.fd);
	buffer_finish(&room.ours);
	scratch_remove(&room.scratch);
}

static void enter(void)
{
	struct error error;
	int fd;

	if (room.id[0] != '\0')
		return;
	room.scratch = scratch_make();
	assert(scratch_commit(room.scratch.fd, room.id, &error) == 0);
	room.fd = openat(room.scratch.fd, room.id, O_RDWR | O_CLOEXEC);
	buffer_init(&room.ours, FILE_LIMIT);
	fd = openat(room.scratch.fd, room.id, O_RDONLY | O_CLOEXEC);
	assert(file_read_to_end(fd, &room.ours) == 0);
	file_close(&fd);
	(void)atexit(leave);
}

static void plant(struct span octets)
{
	assert(ftruncate(room.fd, 0) == 0);
	assert(file_write_all_at(room.fd, octets, 0) == 0);
}

static void check_door(const struct queue_file *file)
{
	struct error error;

	assert(file->envelope.sender != NULL && file->envelope.recipient_count != 0);
	assert(address_check(span_from_string(file->envelope.sender), &error) == 0);
	for (size_t i = 0; i < file->envelope.recipient_count; i++) {
		const struct recipient *recipient = &file->envelope.recipients[i];

		assert(recipient->address[0] != '\0');
		assert(address_check(span_from_string(recipient->address), &error) == 0);
		assert(strchr(".DFURS", file->marks[i]) != NULL && file->marks[i] != '\0');
		assert(file->replies[i] == NULL ||
		       !span_has_control(span_from_string(file->replies[i])));
	}
	assert(strlen(file->marks) == file->envelope.recipient_count);
	assert(file->header_length <= file->message_length);
	assert(!span_has_control(span_from_string(file->progress.last_reply)));
}

/* Marks what is to be marked, as an attempt does; it must be there afterwards. */
static void attempt(struct queue_file *file, const char *reply)
{
	CLEANUP(queue_file_finish) struct queue_file again = { 0 };
	struct error error;
	size_t last = file->envelope.recipient_count - 1;
	char want = file->marks[last];

	if (want == RECIPIENT_WAITING || want == RECIPIENT_IN_DOUBT || want == RECIPIENT_UNTOLD)
		want = RECIPIENT_DELIVERED;
	assert(queue_file_mark(file, last, RECIPIENT_DELIVERED, reply, &error) == 0);
	file->progress.attempts = 77;
	assert(queue_file_save_progress(file, &error) == 0);
	CLEANUP(memory_free_string)
	char *kept = memory_copy_string(file->replies[last] != NULL ? file->replies[last] : "");
	CLEANUP(memory_free_string) char *sender = memory_copy_string(file->envelope.sender);
	queue_file_finish(file);
	assert(queue_file_open(&again, room.scratch.fd, room.id, &error) == 0);
	check_door(&again);
	assert(again.marks[last] == want && again.progress.attempts == 77);
	assert(strcmp(again.envelope.sender, sender) == 0);
	assert(strcmp(again.replies[last] != NULL ? again.replies[last] : "", kept) == 0);
}

static void try_file(bool must_be_ours, const char *reply)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct queue_summary summary;
	struct error error = { 0 };
	int early = queue_file_read_summary(room.scratch.fd, room.id, &summary, &error);
	int outcome = queue_file_open(&file, room.scratch.fd, room.id, &error);

	assert(early == 0 || early == 3);
	assert(outcome == 0 || outcome == 3);
	if (outcome != 0) {
		fuzz_check_error(&error);
		assert(file.state == QUEUE_FILE_NONE);
		return;
	}
	assert(early == 0);
	check_door(&file);
	assert(!must_be_ours || scratch_is_ours(&file));
	attempt(&file, reply);
}

static void change_ours(struct span input)
{
	CLEANUP(buffer_finish) struct buffer file = { 0 };
	size_t at = fuzz_take(&input);
	size_t length;

	at = (at << 8 | fuzz_take(&input)) % room.ours.length;
	length = fuzz_take(&input) % (BURST + 1);
	buffer_init(&file, FILE_LIMIT);
	buffer_append_span(&file, buffer_span(&room.ours));
	for (size_t i = at; i < at + length && i < file.length && input.length != 0; i++)
		file.start[i] = (char)fuzz_take(&input);
	/* 0: as long as it was; odd: cut there; else it goes on. */
	size_t cut = fuzz_take(&input);
	if (cut % 2 != 0)
		file.length = (cut << 8 | fuzz_take(&input)) % room.ours.length;
	else if (cut != 0)
		buffer_append_span(&file, input);
	plant(buffer_span(&file));
	try_file(true, "250 ok");
}

static void seal(struct span input)
{
	CLEANUP(buffer_finish) struct buffer file = { 0 };
	struct queue_progress progress = { 0 };
	size_t recipients = 1 + fuzz_take(&input) % 4;
	struct span records = fuzz_part(&input);
	struct preamble preamble = {
		.records_length = records.length,
		.header_length = input.length / 2,
		.message_length = input.length,
		.recipient_count = recipients,
	};
	char text[PREAMBLE_SIZE];

	preamble_format_sealed(&preamble, text);
	preamble.checksum = checksum_extend(checksum_extend(0, records), input);
	preamble.checksum = checksum_extend(
	    preamble.checksum, span_from_bytes(text, PREAMBLE_SEALED_SIZE));
	preamble_format_checksum(preamble.checksum, text + PREAMBLE_SEALED_SIZE);
	preamble_format_progress(&progress, text + PREAMBLE_PROGRESS_OFFSET);
	buffer_init(&file, FILE_LIMIT);
	buffer_append(&file, text, sizeof text);
	buffer_append_span(&file, records);
	buffer_append_span(&file, input);
	plant(buffer_span(&file));
	CLEANUP(memory_free_string) char *reply = span_copy(span_first(records, 100));
	try_file(false, reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);

	enter();
	switch (fuzz_take(&input) % 3) {
	case 0:
		plant(input);
		try_file(false, "451 later");
		break;
	case 1:
		change_ours(input);
		break;
	default:
		seal(input);
		break;
	}
	return 0;
}
