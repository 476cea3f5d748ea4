/* SPDX-License-Identifier: MIT */

/*
 * preamble - the first lines of a queue file, each of a fixed length
 *
 *	mailchute queue file 1			the version of the whole form
 *	records 000000000432			octets of the records that follow
 *	header 00000000000000000310		octets of the header, empty line included
 *	message 00000000000000004711		octets of header and body
 *	recipients 00002
 *	body 7bit				or 8bit
 *	longest-line 00000000000000000078
 *	checksum 89abcdef			of records, message and the lines above
 *	held -					or H: one character
 *	next-attempt 0001763878000000000	the progress, with a checksum of its own
 *	attempts 0000000003
 *	warned -				or W: a report of the delay was made
 *	begun -					or B: an attempt, which has not ended yet
 *	last-reply 027:452 4.3.1 ...		filled up with blanks
 *	progress-checksum 01234567
 *
 * The lines up to the checksum are sealed: written once, at commit.  The rest
 * is overwritten in place.  A power cut may tear the progress; then its own
 * checksum fails and the message counts as due at once, which costs one early
 * attempt.  "held" stands outside it, because a torn write must not release
 * what an administrator holds.
 *
 * Does not know: records, recipients, files.
 */

#ifndef SPOOL_PREAMBLE_H
#define SPOOL_PREAMBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "spool/queue_file.h"

enum {
	PREAMBLE_SEALED_SIZE = 162, /* all lines before the checksum */
	PREAMBLE_CHECKSUM_SIZE = 18,
	PREAMBLE_PROGRESS_SIZE = 1020, /* from "held" on */
	PREAMBLE_PROGRESS_OFFSET = PREAMBLE_SEALED_SIZE + PREAMBLE_CHECKSUM_SIZE,
	PREAMBLE_SIZE = PREAMBLE_PROGRESS_OFFSET + PREAMBLE_PROGRESS_SIZE,
};

struct preamble {
	uint64_t records_length;
	uint64_t header_length;
	uint64_t message_length;
	uint64_t recipient_count;
	bool has_8bit;
	uint64_t longest_line;
	uint32_t checksum;
};

void preamble_format_sealed(const struct preamble *preamble, char text[PREAMBLE_SEALED_SIZE]);
void preamble_format_checksum(uint32_t checksum, char text[PREAMBLE_CHECKSUM_SIZE]);

/* Control characters of the last reply become '?'. */
void preamble_format_progress(
    const struct queue_progress *progress, char text[PREAMBLE_PROGRESS_SIZE]);

/*
 * Reads a whole preamble, PREAMBLE_SIZE octets.  Returns NULL, or in words
 * what is wrong with it; then preamble and progress are as they were.
 */
const char *preamble_parse(
    const char text[PREAMBLE_SIZE], struct preamble *preamble, struct queue_progress *progress);

#endif
