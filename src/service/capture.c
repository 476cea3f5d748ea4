/* SPDX-License-Identifier: MIT */

#include "service/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/environment.h"
#include "message/date.h"
#include "service/maildir.h"
#include "service/outgoing.h"

bool capture_is_on(const struct config *config)
{
	return config->capture != NULL && config->capture[0] != '\0';
}

bool capture_is_callers(const struct config *config)
{
	return capture_is_on(config) && (environment_get("MAILCHUTE_CAPTURE") != NULL ||
					    environment_get("MAILCHUTE_CAPTURE_FILE") != NULL);
}

void capture_complete(struct config *config)
{
	if (!capture_is_on(config) || config->smarthost_count != 0)
		return;
	struct config_smarthost *one = memory_allocate(sizeof *one);
	smarthost_init(&one->parameters);
	one->parameters.name = memory_copy_string(CAPTURE_STAND_IN);
	one->parameters.url = memory_copy_string(CAPTURE_STAND_IN);
	one->parameters.path = memory_copy_string(config->capture);
	one->secret = memory_copy_string(CAPTURE_STAND_IN);
	one->place.file = memory_copy_string("capture");
	free(config->smarthosts);
	config->smarthosts = one;
	config->smarthost_count = 1;
}

void capture_account(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *account)
{
	struct error error;

	smarthost_copy(&smarthost->parameters, account);
	if (account->from == NULL)
		(void)outgoing_from(config, smarthost, &account->from, &error);
}

static void write_marks(struct writer *writer, const struct capture_letter *letter)
{
	const struct envelope *envelope = &letter->attempt->envelope;
	char date[DATE_SIZE];

	date_format(clock_wall(), date);
	char *mark CLEANUP(memory_free_string) = memory_format(CAPTURE_FIELD
	    ": %s;\r\n\tid=%s; uid=%lld; smarthost=%s (not sent)\r\n",
	    date, letter->id, (long long)letter->uid, letter->smarthost);
	writer_append_string(writer, mark);
	writer_append_string(writer, "Return-Path: <");
	writer_append_string(writer, envelope->sender);
	writer_append_string(writer, ">\r\n");
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		writer_append_string(writer, "Delivered-To: ");
		writer_append_string(writer, envelope->recipients[i].address);
		writer_append_string(writer, "\r\n");
	}
}

static int copy_body(
    struct writer *writer, const struct capture_letter *letter, struct error *error)
{
	uint64_t offset = letter->attempt->body_offset;
	uint64_t end = offset + letter->attempt->body_length;
	char bytes[16384];

	while (offset < end) {
		size_t want = end - offset < sizeof bytes ? (size_t)(end - offset) : sizeof bytes;
		ssize_t count = file_read_full_at(letter->fd, bytes, want, (off_t)offset);

		if (count < 0)
			return error_system(error, "cannot read message %s", letter->id);
		if (count == 0)
			return error_set(
			    error, ERROR_IO, "4.3.0", "message %s ends early", letter->id);
		writer_append(writer, span_from_bytes(bytes, (size_t)count));
		offset += (uint64_t)count;
	}
	return 0;
}

static int write_letter(const struct maildir *maildir, const char *name,
    const struct capture_letter *letter, struct error *error)
{
	struct maildir_file letter_file = { .fd = -1 };
	struct maildir_file *file = &letter_file;

	if (maildir_create_as(maildir, name, file, error) < 0)
		return -1;
	write_marks(&file->writer, letter);
	writer_append(&file->writer,
	    span_from_bytes(letter->attempt->header, letter->attempt->header_length));
	if (copy_body(&file->writer, letter, error) < 0) {
		maildir_drop(maildir, file);
		return -1;
	}
	return maildir_deliver(maildir, file, error);
}

/* Whatever the disk said of the folder, the next step is the same. */
static int cannot_keep(const char *path, struct error *error)
{
	error->kind = ERROR_CANNOT_CREATE;
	snprintf(error->status, sizeof error->status, "4." ERROR_CANNOT_CREATE_DETAIL);
	(void)error_code(error, "MC-CAPTURE-16");
	(void)error_prefix(error, "capture = \"%s\": ", path);
	return error_next(error,
	    "make the folder writable for uid %lld, or name another: capture = \"DIR\", or "
	    "MAILCHUTE_CAPTURE=DIR",
	    (long long)geteuid());
}

int capture_keep(const char *path, const struct capture_letter *letter,
    char name[static CAPTURE_NAME_SIZE], struct error *error)
{
	struct maildir maildir CLEANUP(maildir_finish) = { .directory = -1 };

	snprintf(name, CAPTURE_NAME_SIZE, "%s-%zu.captured", letter->id, letter->number + 1);
	if (maildir_open(&maildir, path, error) < 0 ||
	    write_letter(&maildir, name, letter, error) < 0)
		return cannot_keep(path, error);
	return 0;
}
