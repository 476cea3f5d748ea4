/* SPDX-License-Identifier: MIT */

/*
 * tls_facts - what a server's certificate says, for people who look at it
 */

#ifndef NET_TLS_FACTS_H
#define NET_TLS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct ssl_st; /* SSL */

enum { TLS_FACTS_SIZE = 512 };

struct tls_facts {
	char chain[TLS_FACTS_SIZE]; /* "smarthost.example <- R11 <- ISRG Root X1"; "": unknown */
	char names[TLS_FACTS_SIZE]; /* "smtp.example.com, *.example.com" */
	int64_t since;		    /* seconds of the epoch; valid from */
	int64_t until;		    /* and to */
};

/* Of a connection whose handshake is done.  Whatever cannot be read stays empty. */
void tls_facts_read(const struct ssl_st *ssl, struct tls_facts *facts);

/* Of the first certificate in a PEM file.  False: there is none to be read. */
bool tls_facts_read_file(const char *path, struct tls_facts *facts);

#endif
