/* SPDX-License-Identifier: MIT */

/*
 * queue_records - the envelope and the attributes, as records
 *
 *	sender 17:alice@example.org
 *	envid 5:QQ314				where there is one
 *	return 4:full				or header; where it was said
 *	received 13:1763878000000
 *	uid 4:1000
 *	entrance 5:local
 *	full-name 5:Alice
 *	report 2:no				or yes
 *	about 25:1M847QBFT8X7SPECNQ82HQ1G6	of a report
 *	local-sender 3:yes			where it was a bare name
 *	recipient . 15:bob@example.net		the mark is overwritten in place
 *	original 3:bob				of the recipient above
 *	notify 1:6				of the recipient above; RFC 3461
 *	(an empty line)
 *
 * Whatever stands in a file passes the envelope's door again.
 *
 * Does not know: files, checksums.
 */

#ifndef SPOOL_QUEUE_RECORDS_H
#define SPOOL_QUEUE_RECORDS_H

#include "base/buffer.h"
#include "base/span.h"
#include "message/envelope.h"
#include "spool/queue_file.h"

/* All that ENVELOPE_RECIPIENT_LIMIT recipients may need. */
enum { QUEUE_RECORDS_LIMIT = 32 << 20 };

/* The envelope must have a sender and a recipient. */
void queue_records_write(const struct envelope *envelope, const struct queue_attributes *attributes,
    struct buffer *buffer);

/*
 * Takes the marks of count recipients out of the records, putting '.' in
 * their place, so that the text is what queue_records_write wrote.  offsets:
 * where they stood.  NULL, or in words what is wrong.
 */
const char *queue_records_take_marks(
    struct buffer *records, size_t count, char *marks, uint64_t *offsets);

/* NULL, or in words what is wrong; then envelope and attributes hold a part. */
const char *queue_records_parse(
    struct span records, struct envelope *envelope, struct queue_attributes *attributes);

/* Of records whose end may be missing: -1 and false for what does not stand there. */
void queue_records_find_submitter(struct span records, int64_t *uid, bool *is_report);

#endif
