/* SPDX-License-Identifier: MIT */

#include "base/writer.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

void writer_init(struct writer *writer, int fd)
{
	writer->fd = fd;
	writer->number = 0;
	writer->total = 0;
	writer->length = 0;
}

static void write_out(struct writer *writer, struct span content)
{
	if (writer->number == 0 && file_write_all(writer->fd, content) < 0)
		writer->number = errno;
}

static void drain(struct writer *writer)
{
	write_out(writer, span_from_bytes(writer->bytes, writer->length));
	writer->length = 0;
}

void writer_append(struct writer *writer, struct span content)
{
	writer->total += content.length;
	if (content.length > sizeof writer->bytes - writer->length)
		drain(writer);
	if (content.length > sizeof writer->bytes) {
		write_out(writer, content);
	} else if (content.length != 0) {
		memcpy(writer->bytes + writer->length, content.start, content.length);
		writer->length += content.length;
	}
}

void writer_append_string(struct writer *writer, const char *string)
{
	writer_append(writer, span_from_string(string));
}

int writer_flush(struct writer *writer)
{
	drain(writer);
	errno = writer->number;
	return writer->number == 0 ? 0 : -1;
}
