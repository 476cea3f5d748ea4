/* SPDX-License-Identifier: MIT */

/*
 * stumbles - which smarthosts cannot take commands ahead of their replies
 *
 * They are spoken to step by step for a while, and then tried again: a
 * connection may be lost for other reasons, and servers are mended.
 */

#ifndef SERVICE_STUMBLES_H
#define SERVICE_STUMBLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STUMBLES_MEMORY = 3600000 }; /* milliseconds */

struct stumble;

/* Zeroed before the first use. */
struct stumbles {
	struct stumble *list; /* owned */
	size_t count;
};

/* now is clock_monotonic. */
void stumbles_note(struct stumbles *stumbles, const char *smarthost, int64_t now);
bool stumbles_has(const struct stumbles *stumbles, const char *smarthost, int64_t now);

void stumbles_finish(struct stumbles *stumbles);

#endif
