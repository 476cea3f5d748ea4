/* SPDX-License-Identifier: MIT */

/*
 * guarded - input that ends at an unreadable page
 *
 * A parser that reads one octet past the length it was given dies here.
 */

#ifndef TESTS_SUPPORT_GUARDED_H
#define TESTS_SUPPORT_GUARDED_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/span.h"

/* A copy of the bytes, the page behind them unreadable.  Valid for the life of the test. */
static inline struct span guarded(const char *bytes, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (length / page + 1) * page;
	char *start = mmap(
	    NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + room, page, PROT_NONE) < 0)
		abort();
	if (length != 0)
		memcpy(start + room - length, bytes, length);
	return span_from_bytes(start + room - length, length);
}

static inline struct span guarded_string(const char *string)
{
	return guarded(string, strlen(string));
}

#endif
