/* SPDX-License-Identifier: MIT */

#include "net/tls_record.h"

#include <string.h>

static void keep_first(struct tls_record *record, struct span bytes)
{
	struct span part = span_first(bytes, TLS_RECORD_FIRST - record->first_length);

	if (part.length != 0)
		memcpy(record->first + record->first_length, part.start, part.length);
	record->first_length += part.length;
}

static void follow_header(struct tls_record *record, char byte)
{
	record->header[record->header_length++] = (unsigned char)byte;
	if (record->header_length < TLS_RECORD_HEADER)
		return;
	record->header_length = 0;
	record->left = (size_t)record->header[3] << 8 | record->header[4];
}

void tls_record_follow(struct tls_record *record, struct span bytes)
{
	keep_first(record, bytes);
	while (bytes.length != 0) {
		size_t size = record->left;

		if (size == 0) {
			follow_header(record, bytes.start[0]);
			bytes = span_after(bytes, 1);
			continue;
		}
		if (size > bytes.length)
			size = bytes.length;
		record->left -= size;
		bytes = span_after(bytes, size);
	}
}

bool tls_record_is_between(const struct tls_record *record)
{
	return record->header_length == 0 && record->left == 0;
}

bool tls_record_is_clear_text(const struct tls_record *record)
{
	return record->first_length > 0 && record->first[0] >= ' ' && record->first[0] <= '~';
}

struct span tls_record_first_line(const struct tls_record *record)
{
	struct span rest = span_from_bytes(record->first, record->first_length);
	struct span line = rest;

	(void)span_take_line(&rest, &line);
	return line;
}
