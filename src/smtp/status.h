/* SPDX-License-Identifier: MIT */

/*
 * status - enhanced status codes (RFC 3463)
 */

#ifndef SMTP_STATUS_H
#define SMTP_STATUS_H

#include <stddef.h>

#include "base/span.h"

enum { STATUS_SIZE = 12 };

/*
 * Reads "class.subject.detail" (1 digit, 1-3, 1-3) at the start of text, ended
 * by a blank or text's end.  The class must be class_digit ('2', '4', '5').
 * Returns the bytes taken without the blank, or 0, and then status is "".
 */
size_t status_parse(struct span text, char class_digit, char status[static STATUS_SIZE]);

#endif
