/* SPDX-License-Identifier: MIT */

/*
 * resolve - addresses of a name (getaddrinfo), families interleaved
 */

#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <netdb.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum { RESOLVE_LIMIT = 16 };

struct resolve_address {
	struct sockaddr_storage address;
	socklen_t length;
	char text[80]; /* "192.0.2.1" or "2001:db8::1" */
};

struct resolve_result {
	struct resolve_address addresses[RESOLVE_LIMIT];
	size_t count;
};

/*
 * Looks host up, IPv6 and IPv4 in turn, the first family being the resolver's
 * first choice (RFC 8305, 4).  "localhost" needs no resolver (RFC 6761).  -1: 5.1.2 ERROR_NO_HOST
 * where the name does not exist, 4.4.3 where the resolver did not answer.  Both name the host.
 */
int resolve_host(
    const char *host, uint16_t port, struct resolve_result *result, struct error *error);

/*
 * The same with addresses of one family alone: 4 or 6; 0: any.  Without one
 * the error tells what there is instead: 4.4.4.
 */
int resolve_host_in(const char *host, uint16_t port, int family, struct resolve_result *result,
    struct error *error);

/* The addresses of the list, families in turn, none twice, RESOLVE_LIMIT at most; a part of it. */
void resolve_take(const struct addrinfo *list, struct resolve_result *result);

#endif
