/* SPDX-License-Identifier: MIT */

/*
 * error_block - a failure as a block of lines, for people at a terminal
 *
 *	smtp.gmail.com:465 refused the login of alerts@gmail.com        MC-AUTH-01
 *	  server:  535 5.7.8 Username and Password not accepted.
 *	  means:   Gmail does not take the account's password here ...
 *	  fix:     turn on 2-step verification ...
 *	  mail:    kept as 6B1F2C, next try in 30s
 *
 * Does not know: colours.
 */

#ifndef BASE_ERROR_BLOCK_H
#define BASE_ERROR_BLOCK_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends the block; every line ends in LF, and what is empty has none. */
void error_block(const struct error *error, struct buffer *text);

/* Appends one line of it, "  label:   words", broken at blanks and indented. */
void error_block_part(const char *label, const char *words, struct buffer *text);

#endif
