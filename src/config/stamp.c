/* SPDX-License-Identifier: MIT */

#include "config/stamp.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"

enum { SETTLED = 2000 }; /* milliseconds: file systems have coarse clocks */

static bool has_just_changed(const struct timespec *when)
{
	int64_t age = clock_wall() - ((int64_t)when->tv_sec * 1000 + when->tv_nsec / 1000000);

	return age >= 0 && age < SETTLED;
}

uint64_t stamp_of(const struct config *config)
{
	uint64_t hash = HASH_EMPTY;

	for (size_t i = 0; i < config->sources.count; i++) {
		struct stat status;

		if (stat(config->sources.items[i], &status) < 0)
			memset(&status, 0, sizeof status);
		else if (has_just_changed(&status.st_ctim))
			return 0;
		hash = hash_add(hash, &status.st_dev, sizeof status.st_dev);
		hash = hash_add(hash, &status.st_ino, sizeof status.st_ino);
		hash = hash_add(hash, &status.st_size, sizeof status.st_size);
		hash = hash_add(hash, &status.st_mtim, sizeof status.st_mtim);
		hash = hash_add(hash, &status.st_ctim, sizeof status.st_ctim);
	}
	return hash != 0 ? hash : 1;
}
