/* SPDX-License-Identifier: MIT */

#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_fill(void *bytes, size_t size)
{
	char *next = bytes;

	while (size != 0) {
		ssize_t count = getrandom(next, size, 0);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			abort();
		next += count;
		size -= (size_t)count;
	}
}

uint64_t random_below(uint64_t limit)
{
	uint64_t number;

	assert(limit != 0);
	/* The last, incomplete stretch of the range would favour small numbers. */
	uint64_t end = UINT64_MAX - UINT64_MAX % limit;
	do
		random_fill(&number, sizeof number);
	while (number >= end);
	return number % limit;
}
