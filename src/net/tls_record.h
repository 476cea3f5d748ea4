/* SPDX-License-Identifier: MIT */

/*
 * tls_record - where TLS records begin and end in what arrives
 *
 * OpenSSL gives the same error for a connection that ended between two
 * records and for one that was cut inside; only the second lost octets.
 */

#ifndef NET_TLS_RECORD_H
#define NET_TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

enum {
	TLS_RECORD_HEADER = 5, /* RFC 8446, 5.1: type, version, length */
	TLS_RECORD_FIRST = 80,
};

/* Zeroed before the first octet. */
struct tls_record {
	unsigned char header[TLS_RECORD_HEADER];
	size_t header_length;	      /* octets of the next record's header that are here */
	size_t left;		      /* octets of the record that are still to come */
	char first[TLS_RECORD_FIRST]; /* what came first, to show it when it is not TLS */
	size_t first_length;
};

/* Goes on over bytes, in pieces of any size. */
void tls_record_follow(struct tls_record *record, struct span bytes);

bool tls_record_is_between(const struct tls_record *record);

/* The peer's first octets are text: no type of record is printable. */
bool tls_record_is_clear_text(const struct tls_record *record);

/* The first line of that text, at most TLS_RECORD_FIRST octets of it. */
struct span tls_record_first_line(const struct tls_record *record);

#endif
