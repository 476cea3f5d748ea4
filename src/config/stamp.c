/* SPDX-License-Identifier: MIT */

#include "config/stamp.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

enum { SETTLED = 2000 }; /* milliseconds: file systems have coarse clocks */

/* FNV-1a, as in digest.c. */
static uint64_t add(uint64_t hash, const void *octets, size_t count)
{
	const unsigned char *p = octets;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static bool has_just_changed(const struct timespec *when)
{
	int64_t age = clock_wall() - ((int64_t)when->tv_sec * 1000 + when->tv_nsec / 1000000);

	return age >= 0 && age < SETTLED;
}

uint64_t stamp_of(const struct config *config)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < config->sources.count; i++) {
		struct stat status;

		if (stat(config->sources.items[i], &status) < 0)
			memset(&status, 0, sizeof status);
		else if (has_just_changed(&status.st_ctim))
			return 0;
		hash = add(hash, &status.st_dev, sizeof status.st_dev);
		hash = add(hash, &status.st_ino, sizeof status.st_ino);
		hash = add(hash, &status.st_size, sizeof status.st_size);
		hash = add(hash, &status.st_mtim, sizeof status.st_mtim);
		hash = add(hash, &status.st_ctim, sizeof status.st_ctim);
	}
	return hash != 0 ? hash : 1;
}
