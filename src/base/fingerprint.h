/* SPDX-License-Identifier: MIT */

/*
 * fingerprint - the SHA-256 of a certificate, as people write it
 *
 * "sha256:" and 64 hexadecimal digits, in any case, with colons or without.
 */

#ifndef BASE_FINGERPRINT_H
#define BASE_FINGERPRINT_H

#include <stdbool.h>

#include "base/span.h"

enum {
	FINGERPRINT_OCTETS = 32,
	FINGERPRINT_SIZE = 72, /* of the text, with its NUL */
};

/* False, and octets untouched, when text is none. */
bool fingerprint_parse(struct span text, unsigned char octets[static FINGERPRINT_OCTETS]);

/* "sha256:1f0a...", which parses to the same. */
void fingerprint_format(
    const unsigned char octets[static FINGERPRINT_OCTETS], char text[static FINGERPRINT_SIZE]);

#endif
