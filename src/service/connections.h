/* SPDX-License-Identifier: MIT */

/*
 * connections - how many connections at once a smarthost has shown to take
 *
 * One that refuses a further connection while another stands is not down: it
 * is given no more than it had for a while, and then tried again.
 */

#ifndef SERVICE_CONNECTIONS_H
#define SERVICE_CONNECTIONS_H

#include <stddef.h>
#include <stdint.h>

enum { CONNECTIONS_MEMORY = 600000 }; /* milliseconds */

struct connections_entry;

/* Zeroed before the first use.  now is clock_monotonic. */
struct connections {
	struct connections_entry *list; /* owned */
	size_t count;
};

/* It has refused one more than so many, which are at least one. */
void connections_lower(
    struct connections *connections, const char *smarthost, unsigned taken, int64_t now);

/* So many may be open: those of its settings, or fewer for a while. */
unsigned connections_limit(
    const struct connections *connections, const char *smarthost, unsigned configured, int64_t now);

void connections_finish(struct connections *connections);

#endif
