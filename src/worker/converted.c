/* SPDX-License-Identifier: MIT */

#include "worker/converted.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "message/downgrade.h"

static int read_body(void *context, uint64_t offset, char *bytes, size_t size, struct error *error)
{
	const struct content_file *file = context;
	ssize_t count = file_read_full_at(file->fd, bytes, size, file->offset + (off_t)offset);

	if (count < 0)
		return error_system(error, "read the message");
	if ((size_t)count < size)
		return error_set(error, ERROR_IO, "4.3.0", "the message ends before its length");
	return 0;
}

static ssize_t read_converted(void *context, char *bytes, size_t size, struct error *error)
{
	struct converted *converted = context;

	return downgrade_read(converted->downgrade, bytes, size, error);
}

/* The receiver has looked at every octet already: most messages are not read here again. */
static bool may_need_conversion(const struct request_attempt *attempt, bool offers_8bitmime)
{
	return (attempt->has_8bit && !offers_8bitmime) ||
	       attempt->longest_line > DOWNGRADE_LINE_LIMIT;
}

static void free_downgrade(struct downgrade **downgrade)
{
	if (*downgrade != NULL)
		downgrade_finish(*downgrade);
	free(*downgrade);
	*downgrade = NULL;
}

static void convert(struct converted *converted, const struct request_attempt *attempt,
    bool offers_8bitmime, struct content *content)
{
	CLEANUP(free_downgrade)
	struct downgrade *downgrade = memory_allocate(sizeof *downgrade);
	struct view_source body = { read_body, &converted->file, attempt->body_length };
	struct error error;

	if (downgrade_start(downgrade, content->front, &body, offers_8bitmime, &error) <= 0)
		return;
	content->front = buffer_span(&downgrade->header);
	content->read = read_converted;
	content->context = converted;
	content->size = (int64_t)(downgrade->header.length + downgrade->body_length);
	converted->downgrade = downgrade;
	downgrade = NULL;
}

void converted_init(struct converted *converted, const struct request_attempt *attempt, int fd,
    bool offers_8bitmime, struct content *content)
{
	*converted = (struct converted){
		.file = {
			.fd = fd,
			.offset = (off_t)attempt->body_offset,
			.left = attempt->body_length,
		},
	};
	*content = (struct content){
		.front = { attempt->header, attempt->header_length },
		.read = content_read_file,
		.context = &converted->file,
		.size = (int64_t)(attempt->header_length + attempt->body_length),
	};
	if (may_need_conversion(attempt, offers_8bitmime))
		convert(converted, attempt, offers_8bitmime, content);
}

void converted_finish(struct converted *converted)
{
	free_downgrade(&converted->downgrade);
}
