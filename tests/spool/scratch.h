/* SPDX-License-Identifier: MIT */

/*
 * scratch - a directory for one test, and a message to put into it
 */

#ifndef TESTS_SPOOL_SCRATCH_H
#define TESTS_SPOOL_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/envelope.h"
#include "spool/queue_file.h"

struct scratch {
	char path[64];
	int fd;
};

static inline struct scratch scratch_make(void)
{
	struct scratch scratch = { "/tmp/mailchute-spool-XXXXXX", -1 };

	if (mkdtemp(scratch.path) == NULL)
		abort();
	scratch.fd = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scratch.fd < 0)
		abort();
	return scratch;
}

static inline int scratch_remove_one(
    const char *path, const struct stat *status, int flag, struct FTW *place)
{
	(void)status;
	(void)flag;
	(void)place;
	return remove(path);
}

static inline void scratch_remove(struct scratch *scratch)
{
	(void)close(scratch->fd);
	if (nftw(scratch->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		abort();
}

/* Two recipients, everything said that can be said. */
static inline void scratch_envelope(struct envelope *envelope)
{
	struct error error;

	if (envelope_set_sender(envelope, span_from_string("alice@example.org"), &error) < 0 ||
	    envelope_set_envid(envelope, span_from_string("QQ314"), &error) < 0 ||
	    envelope_add_recipient(envelope, span_from_string("bob@example.net"),
		span_from_string("bob"), ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_DELAY,
		&error) != 0 ||
	    envelope_add_recipient(envelope, span_from_string("carol@example.com"),
		span_from_string(""), 0, &error) != 0)
		abort();
	envelope->return_content = ENVELOPE_RETURN_HEADER;
}

static inline struct queue_attributes scratch_attributes(void)
{
	return (struct queue_attributes){
		.received = 1763878000123,
		.uid = 1000,
		.entrance = "local",
		.full_name = "Alice\nrecipient . 5:a@b.c",
		.is_report = true,
	};
}

static const char scratch_header[] = "Subject: hello\r\nFrom: alice@example.org\r\n\r\n";
static const char scratch_body[] = "recipient . 8:eve@evil\r\n\nsender 0:\n\r\nEnd.\r\n";

/* A committed file, finished; its ID in id.  0 or -1. */
static inline int scratch_commit(int queue, char id[static QUEUE_ID_SIZE], struct error *error)
{
	struct queue_attributes attributes = scratch_attributes();
	struct envelope envelope = { 0 };
	struct queue_file file = { 0 };
	int outcome;

	scratch_envelope(&envelope);
	outcome = queue_file_create(&file, queue, &envelope, &attributes, error);
	if (outcome == 0) {
		queue_file_write(&file, span_from_string(scratch_header));
		queue_file_end_header(&file);
		queue_file_write(&file, span_from_string(scratch_body));
		file.attributes.has_8bit = true;
		file.attributes.longest_line = 23;
		outcome = queue_file_commit(&file, error);
		memcpy(id, file.id, QUEUE_ID_SIZE);
	}
	queue_file_finish(&file);
	envelope_finish(&envelope);
	return outcome;
}

static inline bool scratch_is_same_envelope(const struct envelope *a, const struct envelope *b)
{
	if (strcmp(a->sender, b->sender) != 0 || a->recipient_count != b->recipient_count ||
	    a->return_content != b->return_content || (a->envid == NULL) != (b->envid == NULL) ||
	    (a->envid != NULL && strcmp(a->envid, b->envid) != 0))
		return false;
	for (size_t i = 0; i < a->recipient_count; i++) {
		const struct recipient *p = &a->recipients[i];
		const struct recipient *q = &b->recipients[i];

		if (strcmp(p->address, q->address) != 0 || p->notify != q->notify ||
		    (p->original == NULL) != (q->original == NULL) ||
		    (p->original != NULL && strcmp(p->original, q->original) != 0))
			return false;
	}
	return true;
}

/* What is in file is what scratch_commit wrote: all but marks, replies and progress. */
static inline bool scratch_is_ours(const struct queue_file *file)
{
	struct queue_attributes want = scratch_attributes();
	const struct queue_attributes *have = &file->attributes;
	struct envelope envelope = { 0 };
	char message[256];
	size_t length = strlen(scratch_header) + strlen(scratch_body);

	scratch_envelope(&envelope);
	bool is_same = scratch_is_same_envelope(&envelope, &file->envelope);
	envelope_finish(&envelope);
	if (!is_same || want.received != have->received || want.uid != have->uid ||
	    strcmp(want.entrance, have->entrance) != 0 ||
	    strcmp(want.full_name, have->full_name) != 0 || !have->has_8bit || !have->is_report ||
	    have->longest_line != 23 || file->header_length != strlen(scratch_header) ||
	    file->message_length != length)
		return false;
	return pread(file->fd, message, length, (off_t)file->message_offset) == (ssize_t)length &&
	       memcmp(message, scratch_header, strlen(scratch_header)) == 0 &&
	       memcmp(message + strlen(scratch_header), scratch_body, strlen(scratch_body)) == 0;
}

#endif
