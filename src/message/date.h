/* SPDX-License-Identifier: MIT */

/*
 * date - RFC 5322, 3.3, in English whatever the locale
 */

#ifndef MESSAGE_DATE_H
#define MESSAGE_DATE_H

#include <stdint.h>

enum { DATE_SIZE = 40 };

/* "Mon, 23 Nov 2026 05:37:00 +0100" in the system's zone; wall is clock_wall's. */
void date_format(int64_t wall, char text[static DATE_SIZE]);

#endif
