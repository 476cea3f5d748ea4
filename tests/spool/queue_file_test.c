/* SPDX-License-Identifier: MIT */

/* Tests spool/queue_file.c, and with it queue_content.c and queue_records.c. */

#include "spool/queue_file.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/memory.h"
#include "message/address.h"
#include "spool/preamble.h"
#include "tests/spool/scratch.h"

struct room {
	struct scratch scratch;
	char id[QUEUE_ID_SIZE];
	struct buffer bytes; /* the file */
};

static int set_up(void **state)
{
	struct room *room = memory_allocate(sizeof *room);
	struct error error;

	room->scratch = scratch_make();
	if (scratch_commit(room->scratch.fd, room->id, &error) < 0)
		return -1;
	CLEANUP(file_close) int fd = openat(room->scratch.fd, room->id, O_RDONLY | O_CLOEXEC);
	buffer_init(&room->bytes, 1 << 20);
	if (file_read_to_end(fd, &room->bytes) != 0)
		return -1;
	*state = room;
	return 0;
}

static int tear_down(void **state)
{
	struct room *room = *state;

	scratch_remove(&room->scratch);
	buffer_finish(&room->bytes);
	free(room);
	return 0;
}

static void open_active(struct room *room, struct queue_file *file)
{
	struct error error;

	assert_int_equal(queue_file_open(file, room->scratch.fd, room->id, &error), 0);
	assert_true(scratch_is_ours(file));
}

/* Puts other bytes under the name, as another file. */
static void plant(struct room *room, const char *bytes, size_t length)
{
	(void)unlinkat(room->scratch.fd, room->id, 0);
	CLEANUP(file_close)
	int fd = openat(room->scratch.fd, room->id, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_bytes(bytes, length)), 0);
}

static void what_is_committed_is_read_again(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct room *room = *state;

	open_active(room, &file);
	assert_int_equal(file.state, QUEUE_FILE_ACTIVE);
	assert_string_equal(file.id, room->id);
	assert_string_equal(file.marks, "..");
	assert_null(file.replies[0]);
	assert_int_equal(file.progress.next_attempt, 0);
	assert_int_equal(file.progress.attempts, 0);
	assert_false(file.progress.is_held);
	assert_string_equal(file.progress.last_reply, "");
}

static void only_the_owner_may_read_it(void **state)
{
	struct room *room = *state;
	struct stat status;

	assert_int_equal(fstatat(room->scratch.fd, room->id, &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_nlink, 1);
}

static void marks_replies_and_progress_survive(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file again = { 0 };
	struct room *room = *state;
	struct error error;

	open_active(room, &file);
	assert_int_equal(queue_file_mark(&file, 1, RECIPIENT_DELIVERED, "250 ok", &error), 0);
	assert_int_equal(queue_file_mark(&file, 0, RECIPIENT_WAITING, "452\r\nfull", &error), 0);
	file.progress.next_attempt = 1763878999999;
	file.progress.attempts = 4294967295;
	file.progress.is_held = true;
	memset(file.progress.last_reply, 'r', sizeof file.progress.last_reply - 1);
	assert_int_equal(queue_file_save_progress(&file, &error), 0);
	assert_int_equal(queue_file_sync(&file, &error), 0);
	queue_file_finish(&file);

	open_active(room, &again);
	assert_string_equal(again.marks, ".D");
	assert_string_equal(again.replies[0], "452??full");
	assert_string_equal(again.replies[1], "250 ok");
	assert_int_equal(again.progress.next_attempt, 1763878999999);
	assert_int_equal(again.progress.attempts, 4294967295);
	assert_true(again.progress.is_held);
	assert_int_equal(strlen(again.progress.last_reply), QUEUE_FILE_REPLY_SIZE - 1);
	assert_int_equal(queue_file_count(&again, RECIPIENT_WAITING), 1);
	assert_int_equal(queue_file_count(&again, RECIPIENT_DELIVERED), 1);

	struct queue_summary summary;
	assert_int_equal(queue_file_read_summary(room->scratch.fd, room->id, &summary, &error), 0);
	assert_memory_equal(&summary.progress, &again.progress, sizeof again.progress);
	assert_int_equal(summary.uid, again.attributes.uid);
	assert_int_equal(summary.is_report, again.attributes.is_report);
	assert_int_equal(summary.message_length, again.message_length);
}

static void marks_only_go_forward(void **state)
{
	static const struct row {
		enum recipient_mark first;
		enum recipient_mark second;
		char want;
	} rows[] = {
		{ RECIPIENT_WAITING, RECIPIENT_WAITING, '.' },
		{ RECIPIENT_WAITING, RECIPIENT_FAILED, 'F' },
		{ RECIPIENT_IN_DOUBT, RECIPIENT_WAITING, 'U' },
		{ RECIPIENT_IN_DOUBT, RECIPIENT_IN_DOUBT, 'U' },
		{ RECIPIENT_IN_DOUBT, RECIPIENT_DELIVERED, 'D' },
		{ RECIPIENT_IN_DOUBT, RECIPIENT_FAILED, 'F' },
		{ RECIPIENT_DELIVERED, RECIPIENT_WAITING, 'D' },
		{ RECIPIENT_DELIVERED, RECIPIENT_FAILED, 'D' },
		{ RECIPIENT_FAILED, RECIPIENT_WAITING, 'F' },
		{ RECIPIENT_FAILED, RECIPIENT_DELIVERED, 'F' },
		{ RECIPIENT_FAILED, RECIPIENT_REPORTED, 'R' },
		{ RECIPIENT_REPORTED, RECIPIENT_FAILED, 'R' },
		{ RECIPIENT_REPORTED, RECIPIENT_WAITING, 'R' },
		{ RECIPIENT_UNTOLD, RECIPIENT_DELIVERED, 'D' },
		{ RECIPIENT_UNTOLD, RECIPIENT_WAITING, 'S' },
		{ RECIPIENT_UNTOLD, RECIPIENT_FAILED, 'S' },
	};
	struct room *room = *state;
	struct error error;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(queue_file_finish) struct queue_file file = { 0 };
		CLEANUP(queue_file_finish) struct queue_file again = { 0 };

		plant(room, room->bytes.start, room->bytes.length);
		open_active(room, &file);
		assert_int_equal(queue_file_mark(&file, 0, rows[i].first, "", &error), 0);
		assert_int_equal(queue_file_mark(&file, 0, rows[i].second, "", &error), 0);
		assert_int_equal(file.marks[0], rows[i].want);
		queue_file_finish(&file);
		open_active(room, &again);
		assert_int_equal(again.marks[0], rows[i].want);
		assert_int_equal(again.marks[1], '.');
	}
}

static void an_active_file_is_locked(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file other = { 0 };
	struct room *room = *state;
	struct error error;

	open_active(room, &file);
	assert_int_equal(queue_file_open(&other, room->scratch.fd, room->id, &error), 1);
	assert_int_equal(queue_file_read(&other, room->scratch.fd, room->id, &error), 0);
	assert_true(scratch_is_ours(&other));
	queue_file_finish(&other);
	queue_file_finish(&file);
	assert_int_equal(queue_file_open(&other, room->scratch.fd, room->id, &error), 0);
}

static void a_committed_file_is_locked_until_it_is_finished(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file other = { 0 };
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct queue_attributes attributes = scratch_attributes();
	struct room *room = *state;
	struct error error;

	scratch_envelope(&envelope);
	assert_int_equal(
	    queue_file_create(&file, room->scratch.fd, &envelope, &attributes, &error), 0);
	queue_id_generate(file.id);
	char id[QUEUE_ID_SIZE];
	memcpy(id, file.id, sizeof id);
	assert_int_equal(queue_file_open(&other, room->scratch.fd, id, &error), 2);
	assert_int_equal(queue_file_commit(&file, &error), 0);
	assert_string_equal(file.id, id);
	assert_int_equal(queue_file_open(&other, room->scratch.fd, id, &error), 1);
	queue_file_finish(&file);
	assert_int_equal(queue_file_open(&other, room->scratch.fd, id, &error), 0);
	assert_int_equal(other.message_length, 0);
	assert_int_equal(other.header_length, 0);
}

static void an_id_that_is_taken_is_no_overwriting(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file other = { 0 };
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct queue_attributes attributes = scratch_attributes();
	struct room *room = *state;
	struct error error;

	scratch_envelope(&envelope);
	memcpy(file.id, room->id, sizeof file.id);
	assert_int_equal(
	    queue_file_create(&file, room->scratch.fd, &envelope, &attributes, &error), 0);
	assert_int_equal(queue_file_commit(&file, &error), -1);
	queue_file_finish(&file);
	open_active(room, &other);
}

static void a_removed_file_is_gone(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct room *room = *state;
	struct error error;

	open_active(room, &file);
	assert_int_equal(queue_file_remove(&file, &error), 0);
	assert_int_equal(file.state, QUEUE_FILE_NONE);
	assert_int_equal(queue_file_open(&file, room->scratch.fd, room->id, &error), 2);
	struct queue_summary summary;
	assert_int_equal(queue_file_read_summary(room->scratch.fd, room->id, &summary, &error), 2);
}

/* Their records are longer than what is read at first, by any part of a record. */
static void many_recipients_come_back(void **state)
{
	struct room *room = *state;

	for (unsigned length = 1; length < 60; length++) {
		CLEANUP(queue_file_finish) struct queue_file file = { 0 };
		CLEANUP(envelope_finish) struct envelope envelope = { 0 };
		const struct queue_attributes attributes = { .uid = 4711 };
		struct queue_summary summary;
		struct error error;
		char id[QUEUE_ID_SIZE];
		char address[100];

		assert_int_equal(
		    envelope_set_sender(&envelope, span_from_string("a@here.example"), &error), 0);
		for (unsigned i = 0; i < 100; i++) {
			snprintf(address, sizeof address, "%0*u@there.example", (int)length, i);
			assert_true(envelope_add_recipient(&envelope, span_from_string(address),
					span_from_string(""), 0, &error) == 0);
		}
		assert_int_equal(
		    queue_file_create(&file, room->scratch.fd, &envelope, &attributes, &error), 0);
		queue_file_write(&file, span_from_string("Subject: x\r\n\r\n"));
		assert_int_equal(queue_file_commit(&file, &error), 0);
		memcpy(id, file.id, sizeof id);
		queue_file_finish(&file);
		assert_int_equal(queue_file_open(&file, room->scratch.fd, id, &error), 0);
		assert_true(scratch_is_same_envelope(&envelope, &file.envelope));
		assert_int_equal(
		    queue_file_read_summary(room->scratch.fd, id, &summary, &error), 0);
		assert_int_equal(summary.uid, 4711);
		assert_false(summary.is_report);
	}
}

static void names_that_are_no_ids_are_none(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	static const char *names[] = { "", ".", "..", "../lock", "/etc/passwd",
		"0000000000000000000000000/" };
	struct room *room = *state;
	struct error error;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(queue_file_open(&file, room->scratch.fd, names[i], &error), 2);
}

static void a_worker_gets_a_descriptor_without_the_lock(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file other = { 0 };
	struct room *room = *state;
	struct error error;

	open_active(room, &file);
	CLEANUP(file_close) int fd = queue_file_open_content(&file, &error);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	queue_file_finish(&file);
	assert_int_equal(queue_file_open(&other, room->scratch.fd, room->id, &error), 0);
}

/* 2.1 R1 of security.md: whatever is planted there, it neither blocks nor is read. */
static void planted_things_do_not_check_out(void **state)
{
	struct room *room = *state;
	int queue = room->scratch.fd;
	char other[QUEUE_ID_SIZE];

	queue_id_generate(other);
	for (int i = 0; i < 6; i++) {
		CLEANUP(queue_file_finish) struct queue_file file = { 0 };
		struct queue_summary summary;
		struct error error;

		(void)unlinkat(queue, room->id, 0);
		plant(room, room->bytes.start, room->bytes.length);
		if (i < 4)
			assert_int_equal(renameat(queue, room->id, queue, other), 0);
		if (i == 0)
			assert_int_equal(symlinkat(other, queue, room->id), 0);
		if (i == 1)
			assert_int_equal(mkfifoat(queue, room->id, 0600), 0);
		if (i == 2)
			assert_int_equal(mkdirat(queue, room->id, 0700), 0);
		if (i == 3)
			plant(room, "", 0);
		if (i == 4)
			assert_int_equal(linkat(queue, room->id, queue, "second", 0), 0);
		if (i == 5)
			assert_int_equal(symlinkat("/dev/zero", queue, "third"), 0);
		if (i == 5)
			assert_int_equal(renameat(queue, "third", queue, room->id), 0);

		assert_int_equal(queue_file_open(&file, queue, room->id, &error), 3);
		assert_int_equal(error.kind, ERROR_DATA);
		assert_int_equal(queue_file_read(&file, queue, room->id, &error), 3);
		if (i != 4)
			assert_int_equal(
			    queue_file_read_summary(queue, room->id, &summary, &error), 3);
		if (i == 2)
			assert_int_equal(unlinkat(queue, room->id, AT_REMOVEDIR), 0);
	}
}

/* The owner of a file is the only proof of where it came from. */
static void a_file_of_another_user_does_not_check_out(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct room *room = *state;
	struct error error;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchownat(room->scratch.fd, room->id, 12345, (gid_t)-1, 0), 0);
	assert_int_equal(queue_file_open(&file, room->scratch.fd, room->id, &error), 3);
	assert_non_null(strstr(error.text, "another user"));
}

/* A file that ends too early is found; one that lacks replies only is whole. */
static void every_truncation_is_found(void **state)
{
	struct room *room = *state;
	struct error error;

	for (size_t length = 0; length <= room->bytes.length; length++) {
		CLEANUP(queue_file_finish) struct queue_file file = { 0 };
		struct queue_summary summary;
		int want = length < room->bytes.length ? 3 : 0;

		plant(room, room->bytes.start, length);
		assert_int_equal(queue_file_open(&file, room->scratch.fd, room->id, &error), want);
		assert_int_equal(
		    queue_file_read_summary(room->scratch.fd, room->id, &summary, &error), want);
	}
}

/* Zeros where a file system had the length but not yet the data. */
static void every_tail_of_zeros_is_found(void **state)
{
	struct room *room = *state;
	struct error error;

	for (size_t length = 0; length < room->bytes.length; length++) {
		CLEANUP(queue_file_finish) struct queue_file file = { 0 };
		CLEANUP(memory_free_string)
		char *bytes = memory_copy(room->bytes.start, room->bytes.length);

		memset(bytes + length, 0, room->bytes.length - length);
		plant(room, bytes, room->bytes.length);
		assert_int_equal(queue_file_open(&file, room->scratch.fd, room->id, &error), 3);
	}
}

/* Whether the octet may change during the file's life. */
static bool is_mutable(const struct queue_file *file, size_t place)
{
	if (place >= PREAMBLE_PROGRESS_OFFSET && place < PREAMBLE_SIZE)
		return true;
	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		if (place == PREAMBLE_SIZE + file->mark_offsets[i])
			return true;
	return false;
}

static void mutate(
    struct room *room, const struct queue_file *original, int fd, size_t place, char octet)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct error error;

	assert_int_equal(pwrite(fd, &octet, 1, (off_t)place), 1);
	int outcome = queue_file_open(&file, room->scratch.fd, room->id, &error);
	if (!is_mutable(original, place))
		assert_int_equal(outcome, 3);
	if (outcome == 0)
		assert_true(scratch_is_ours(&file));
	else
		assert_int_equal(outcome, 3);
	assert_int_equal(pwrite(fd, room->bytes.start + place, 1, (off_t)place), 1);
}

static void every_mutation_is_found_or_harmless(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file original = { 0 };
	struct room *room = *state;
	static const char octets[] = { '\0', '\n', ' ', '0', '9', ':', 'D', (char)0xff };
	struct error error;

	assert_int_equal(queue_file_read(&original, room->scratch.fd, room->id, &error), 0);
	CLEANUP(file_close) int fd = openat(room->scratch.fd, room->id, O_RDWR | O_CLOEXEC);
	for (size_t place = 0; place < room->bytes.length; place++) {
		char right = room->bytes.start[place];

		for (int bit = 0; bit < 8; bit++)
			mutate(room, &original, fd, place, (char)(right ^ (1 << bit)));
		for (size_t i = 0; i < sizeof octets; i++)
			if (octets[i] != right)
				mutate(room, &original, fd, place, octets[i]);
	}
	struct queue_file last = { 0 };
	open_active(room, &last);
	queue_file_finish(&last);
}

/* A torn progress costs an early attempt; it never releases what is held. */
static void a_torn_progress_is_due_at_once_and_stays_held(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct room *room = *state;
	struct error error;

	open_active(room, &file);
	file.progress = (struct queue_progress){ 1763878999999, 7, true, true, true, "450 later" };
	assert_int_equal(queue_file_save_progress(&file, &error), 0);
	assert_int_equal(pwrite(file.fd, "9", 1, PREAMBLE_SIZE - 500), 1);
	queue_file_finish(&file);
	open_active(room, &file);
	assert_int_equal(file.progress.next_attempt, 0);
	assert_int_equal(file.progress.attempts, 0);
	assert_true(file.progress.is_held);
	assert_string_equal(file.progress.last_reply, "");
}

/* Commits a message of this size and reads it again. */
static void check_size(int queue, size_t header, size_t body, size_t step)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file again = { 0 };
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(memory_free_string) char *message = memory_allocate(header + body + 1);
	CLEANUP(memory_free_string) char *read_back = memory_allocate(header + body + 1);
	struct queue_attributes attributes = scratch_attributes();
	struct error error;
	char id[QUEUE_ID_SIZE];

	for (size_t i = 0; i < header + body; i++)
		message[i] = (char)(i * 31 + i / 256);
	scratch_envelope(&envelope);
	assert_int_equal(queue_file_create(&file, queue, &envelope, &attributes, &error), 0);
	for (size_t i = 0; i < header; i += step)
		queue_file_write(
		    &file, span_from_bytes(message + i, step < header - i ? step : header - i));
	queue_file_end_header(&file);
	for (size_t i = 0; i < body; i += step)
		queue_file_write(&file,
		    span_from_bytes(message + header + i, step < body - i ? step : body - i));
	assert_int_equal(queue_file_commit(&file, &error), 0);
	memcpy(id, file.id, sizeof id);
	queue_file_finish(&file);

	assert_int_equal(queue_file_open(&again, queue, id, &error), 0);
	assert_int_equal(again.message_length, header + body);
	/* Without a header the whole of it counts as one. */
	assert_int_equal(again.header_length, header != 0 ? header : body);
	assert_int_equal(
	    pread(again.fd, read_back, header + body, (off_t)again.message_offset), header + body);
	assert_memory_equal(read_back, message, header + body);
	assert_int_equal(queue_file_remove(&again, &error), 0);
}

static void every_size_of_message_is_kept(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 511, 2700, 2750, 2800, 2850, 2900, 3000, 32767,
		32768, 32769, 65536, 1000001 };
	struct room *room = *state;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++)
			check_size(room->scratch.fd, sizes[i], sizes[j], 70000);
	check_size(room->scratch.fd, 3000, 3000, 1);
	check_size(room->scratch.fd, 100000, 100000, 4097);
}

/* security.md Q6: each octet round-trips, or the door refuses it. */
static void every_octet_in_an_envelope_is_kept_or_refused(void **state)
{
	struct room *room = *state;
	size_t accepted = 0;

	for (int octet = 0; octet < 256; octet++) {
		CLEANUP(queue_file_finish) struct queue_file file = { 0 };
		CLEANUP(queue_file_finish) struct queue_file again = { 0 };
		CLEANUP(envelope_finish) struct envelope envelope = { 0 };
		char quoted[] = "\"a?b\"@example.org";
		char plain[] = "a?b@example.org";
		char original[] = "rfc822;a?b";
		struct queue_attributes attributes = { .uid = -1 };
		struct error error;
		char id[QUEUE_ID_SIZE];

		quoted[2] = plain[1] = original[8] = (char)octet;
		snprintf(attributes.full_name, sizeof attributes.full_name, "a%cb", octet);
		(void)envelope_set_sender(
		    &envelope, span_from_bytes(quoted, strlen("\"a?b\"@example.org")), &error);
		(void)envelope_set_envid(&envelope, span_from_bytes(plain, 3), &error);
		(void)envelope_add_recipient(&envelope,
		    span_from_bytes(plain, strlen("a?b@example.org")),
		    span_from_bytes(original, sizeof original - 1), 0, &error);
		(void)envelope_add_recipient(&envelope,
		    span_from_bytes(quoted, strlen("\"a?b\"@example.org")), span_from_string(""),
		    ENVELOPE_NOTIFY_NEVER, &error);
		if (envelope.sender == NULL || envelope.recipient_count == 0)
			continue;
		accepted++;
		assert_int_equal(
		    queue_file_create(&file, room->scratch.fd, &envelope, &attributes, &error), 0);
		assert_int_equal(queue_file_commit(&file, &error), 0);
		memcpy(id, file.id, sizeof id);
		queue_file_finish(&file);
		assert_int_equal(queue_file_open(&again, room->scratch.fd, id, &error), 0);
		assert_true(scratch_is_same_envelope(&envelope, &again.envelope));
		assert_string_equal(again.attributes.full_name, attributes.full_name);
		assert_int_equal(again.attributes.uid, -1);
		assert_string_equal(again.marks, envelope.recipient_count == 2 ? ".." : ".");
	}
	/* All of printable ASCII but the quote and the backslash, at least. */
	assert_true(accepted >= 93);
}

static void ten_thousand_recipients_fit(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(queue_file_finish) struct queue_file again = { 0 };
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct queue_attributes attributes = scratch_attributes();
	struct room *room = *state;
	struct error error;
	char address[64];
	char id[QUEUE_ID_SIZE];

	assert_int_equal(envelope_set_sender(&envelope, span_from_string(""), &error), 0);
	for (int i = 0; i < ENVELOPE_RECIPIENT_LIMIT; i++) {
		snprintf(address, sizeof address, "user%d@example.org", i);
		assert_int_equal(envelope_add_recipient(&envelope, span_from_string(address),
				     span_from_string(address), 0, &error),
		    0);
	}
	assert_int_equal(
	    queue_file_create(&file, room->scratch.fd, &envelope, &attributes, &error), 0);
	assert_int_equal(queue_file_commit(&file, &error), 0);
	memcpy(id, file.id, sizeof id);
	queue_file_finish(&file);
	assert_int_equal(queue_file_open(&file, room->scratch.fd, id, &error), 0);
	for (size_t i = 0; i < file.envelope.recipient_count; i += 2)
		assert_int_equal(
		    queue_file_mark(&file, i, RECIPIENT_DELIVERED, "250 ok", &error), 0);
	queue_file_finish(&file);
	assert_int_equal(queue_file_open(&again, room->scratch.fd, id, &error), 0);
	assert_int_equal(queue_file_count(&again, RECIPIENT_DELIVERED), 5000);
	assert_int_equal(again.marks[9998], 'D');
	assert_int_equal(again.marks[9999], '.');
	assert_string_equal(again.replies[9998], "250 ok");
}

static void a_peek_reads_all_but_the_message(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct room *room = *state;
	struct error error;

	assert_int_equal(queue_file_peek(&file, room->scratch.fd, room->id, &error), 0);
	assert_true(scratch_is_ours(&file));
	assert_int_equal(file.state, QUEUE_FILE_QUEUED);
	/* Damage to the message goes unseen; a file that is cut short does not. */
	room->bytes.start[file.message_offset] ^= 1;
	plant(room, room->bytes.start, room->bytes.length);
	queue_file_finish(&file);
	assert_int_equal(queue_file_peek(&file, room->scratch.fd, room->id, &error), 0);
	queue_file_finish(&file);
	assert_int_equal(queue_file_read(&file, room->scratch.fd, room->id, &error), 3);
	plant(room, room->bytes.start, room->bytes.length - 1);
	assert_int_equal(queue_file_peek(&file, room->scratch.fd, room->id, &error), 3);
	(void)unlinkat(room->scratch.fd, room->id, 0);
	assert_int_equal(queue_file_peek(&file, room->scratch.fd, room->id, &error), 2);
}

static void whether_it_is_in_use_can_be_seen(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file seen = { 0 };
	CLEANUP(queue_file_finish) struct queue_file active = { 0 };
	struct room *room = *state;
	struct error error;

	assert_int_equal(queue_file_peek(&seen, room->scratch.fd, room->id, &error), 0);
	assert_false(queue_file_is_in_use(&seen));
	open_active(room, &active);
	assert_true(queue_file_is_in_use(&seen));
	queue_file_finish(&active);
	assert_false(queue_file_is_in_use(&seen));
	open_active(room, &active);
}

static void finish_is_safe_on_what_is_empty(void **state)
{
	struct queue_file file = { 0 };

	(void)state;
	queue_file_finish(&file);
	queue_file_finish(&file);
	assert_int_equal(file.fd, -1);
	assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
}

static void the_file_can_be_read_by_people(void **state)
{
	struct room *room = *state;
	const char *text = buffer_string(&room->bytes);

	assert_memory_equal(text, "mailchute queue file 1\n", 23);
	assert_non_null(strstr(text, "\nsender 17:alice@example.org\n"));
	assert_non_null(strstr(text, "\nrecipient . 15:bob@example.net\noriginal 3:bob\nnotify "));
	assert_int_equal(strlen(text), room->bytes.length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_committed_is_read_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_owner_may_read_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    marks_replies_and_progress_survive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(marks_only_go_forward, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_active_file_is_locked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_committed_file_is_locked_until_it_is_finished, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_id_that_is_taken_is_no_overwriting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_removed_file_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_recipients_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_that_are_no_ids_are_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_worker_gets_a_descriptor_without_the_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(planted_things_do_not_check_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_file_of_another_user_does_not_check_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_truncation_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_tail_of_zeros_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    every_mutation_is_found_or_harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_torn_progress_is_due_at_once_and_stays_held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_size_of_message_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    every_octet_in_an_envelope_is_kept_or_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ten_thousand_recipients_fit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_file_can_be_read_by_people, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_peek_reads_all_but_the_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    whether_it_is_in_use_can_be_seen, set_up, tear_down),
		cmocka_unit_test(finish_is_safe_on_what_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
