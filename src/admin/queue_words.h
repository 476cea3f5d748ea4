/* SPDX-License-Identifier: MIT */

/*
 * queue_words - a selection as the lines of XQUEUE that ask for it; pure
 *
 * IDs may be more than a line takes; then there are several lines.
 */

#ifndef ADMIN_QUEUE_WORDS_H
#define ADMIN_QUEUE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "service/queue_selection.h"

/*
 * Writes the next line: verb, conditions, and IDs from *next on, which then is
 * behind them.  False: there is none left (*next begins as 0).  line must be
 * able to hold COMMAND_LINE_LIMIT octets; overflown, the conditions are too long.
 */
bool queue_words_next(
    const char *verb, const struct queue_selection *selection, size_t *next, struct buffer *line);

#endif
