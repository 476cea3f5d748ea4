/* SPDX-License-Identifier: MIT */

/*
 * tls_error - OpenSSL's queue of errors, as words
 */

#ifndef NET_TLS_ERROR_H
#define NET_TLS_ERROR_H

#include "base/error.h"

/* OpenSSL's words for the oldest error in its queue, which is the cause. */
const char *tls_error_words(void);

/* Setting TLS up failed: "what: words", the queue is emptied.  Returns -1. */
int tls_error_setup(struct error *error, const char *what);

#endif
