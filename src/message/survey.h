/* SPDX-License-Identifier: MIT */

/*
 * survey - what kind of octets the body of a part holds
 */

#ifndef MESSAGE_SURVEY_H
#define MESSAGE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Zeroed: nothing has been looked at. */
struct survey {
	uint64_t length;
	uint64_t encoded;      /* octets that quoted-printable writes as three */
	uint64_t longest_line; /* without CRLF */
	bool has_8bit;
	bool is_not_utf8;

	uint64_t line_length; /* of the line being looked at */
	unsigned awaited;     /* octets that the UTF-8 character still needs */
	unsigned char lowest; /* the next of them */
	unsigned char highest;
};

/* Looks at the next octets: a line with its CRLF, or a part of a line. */
void survey_look(struct survey *survey, struct span octets);

/* All of it is UTF-8 (RFC 3629). */
bool survey_is_utf8(const struct survey *survey);

/* About how large the part becomes. */
uint64_t survey_quoted_printable_size(const struct survey *survey);
uint64_t survey_base64_size(const struct survey *survey);

#endif
