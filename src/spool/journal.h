/* SPDX-License-Identifier: MIT */

/*
 * journal - the last words about each recipient, behind the message
 *
 *	reply 42:89abcdef 00001 452 4.2.2 mailbox full LF
 *
 * Records (record.h) whose value is a checksum, a recipient's index and the
 * text; a later one replaces an earlier one.  Nothing depends on them but
 * what people are shown: a line that was torn, and all behind it, is passed
 * over and overwritten; a disk too full for one loses it.
 *
 * Does not know: marks.
 */

#ifndef SPOOL_JOURNAL_H
#define SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum { JOURNAL_TEXT_LIMIT = 4096 };

struct journal {
	uint64_t start; /* where in the file it begins */
	uint64_t end;	/* behind its last whole line */
	bool is_torn;	/* something else follows */
	uint32_t seed;	/* the message's checksum: lines of another file are none here */
};

/*
 * Reads what is there from journal->start on into replies, one for each
 * recipient, NULL or owned.  0, or -1 with errno set.
 */
int journal_read(struct journal *journal, int fd, char **replies, size_t recipient_count);

/* The same of what has been read already: all that the file has from there on. */
void journal_take(
    struct journal *journal, struct span content, char **replies, size_t recipient_count);

/*
 * Shows each whole line in the order in which it was written: what a recipient
 * was told before is there as far as it has been kept.  0, or -1 with errno set.
 */
int journal_visit(const struct journal *journal, int fd, size_t recipient_count,
    void (*visit)(void *context, size_t recipient, const char *text), void *context);

/*
 * Replaces a reply, unless text is "", in memory (control characters become '?', what is too long
 * ends in "...") and, if it changed, in the file as far as the disk allows.
 */
void journal_set(struct journal *journal, int fd, char **replies, size_t recipient_count,
    size_t recipient, const char *text);

#endif
