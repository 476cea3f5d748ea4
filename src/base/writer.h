/* SPDX-License-Identifier: MIT */

/*
 * writer - buffered writing to a file, with a count and a sticky error
 *
 * The first failed write sticks: later calls do nothing, and writer_flush
 * tells.  So a long run of writes is checked once, before it counts.
 */

#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include <stdint.h>

#include "base/span.h"

struct writer {
	int fd;		/* borrowed */
	int number;	/* errno of the first failure, or 0 */
	uint64_t total; /* bytes accepted since writer_init */
	size_t length;
	char bytes[32768];
};

void writer_init(struct writer *writer, int fd);
void writer_append(struct writer *writer, struct span content);
void writer_append_string(struct writer *writer, const char *string);

/* Writes what is held back.  Returns -1 with errno set if anything failed since writer_init. */
int writer_flush(struct writer *writer);

#endif
