/* SPDX-License-Identifier: MIT */

/*
 * connect - a TCP connection to the first address that answers (RFC 8305)
 */

#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdint.h>

#include "base/error.h"
#include "net/resolve.h"

enum { CONNECT_STAGGER = 250 }; /* milliseconds between attempts; RFC 8305, 5 */

/*
 * Races the addresses, each started CONNECT_STAGGER after the one before, or
 * at once when that failed.  Returns a connected descriptor (TCP_NODELAY,
 * close-on-exec, the caller's) and *winner, the index; or -1 with the reason
 * of each address in the text: 4.4.1.  Who calls puts host and port before it.
 */
int connect_race(
    const struct resolve_result *addresses, int64_t deadline, size_t *winner, struct error *error);

struct connect_settings {
	const char *source; /* our address, of the family of all addresses; NULL: any */
	int64_t limit;	    /* milliseconds for each address */
};

/* The same, each address having its own time from its start on, and from our address. */
int connect_race_with(const struct resolve_result *addresses,
    const struct connect_settings *settings, size_t *winner, struct error *error);

/* 4 or 6, the family of an address as a text; 0: it is none. */
int connect_family_of(const char *address);

/* A unix socket by its path.  -1: errno is kept as well as the error filled. */
int connect_unix(const char *path, struct error *error);

#endif
