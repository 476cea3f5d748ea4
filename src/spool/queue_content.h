/* SPDX-License-Identifier: MIT */

/*
 * queue_content - reading a queue file that is open, and checking it
 *
 * Trusts nothing in the file: the lengths must fit together and to its size,
 * the checksum must be right, and the records pass the envelope's door.
 *
 * Does not know: names, locks, writing.
 */

#ifndef SPOOL_QUEUE_CONTENT_H
#define SPOOL_QUEUE_CONTENT_H

#include <sys/types.h>

#include "base/error.h"
#include "spool/preamble.h"
#include "spool/queue_file.h"

/*
 * What the first block of a file of this size says, id only being for the
 * error.  QUEUE_OPENED, QUEUE_DAMAGED or -1; summary is left as it is then.
 */
int queue_content_summarize(
    int fd, const char *id, off_t size, struct queue_summary *summary, struct error *error);

/*
 * Fills file from file->fd: all but its state, name and descriptor.
 * QUEUE_OPENED, QUEUE_DAMAGED or -1; unless opened, file can only be finished.
 */
int queue_content_load(struct queue_file *file, off_t size, struct error *error);

/* The same without reading the message, and so without the checksum. */
int queue_content_peek(struct queue_file *file, off_t size, struct error *error);

#endif
