/* SPDX-License-Identifier: MIT */

/*
 * queue_change - what people do to a message that waits
 *
 *	RETRY	due at once
 *	HOLD	not tried, nor given up, until it is released
 *	RELEASE	due at once, and no longer held
 *	REMOVE	gone; nobody is told
 *
 * Made by who owns the queue alone: the service, or who has taken its lock.
 * What was changed is durable; a crash at any moment leaves the message as it
 * was, or as it shall be.  Each change but RETRY has its line in the log, with
 * the uid that wanted it.
 *
 * Does not know: schedules, sockets, which messages were selected.
 */

#ifndef SERVICE_QUEUE_CHANGE_H
#define SERVICE_QUEUE_CHANGE_H

#include "service/queue_viewer.h"
#include "smtp/status.h"
#include "spool/queue_file.h"

enum queue_verb {
	QUEUE_RETRY = 'T',
	QUEUE_HOLD = 'H',
	QUEUE_RELEASE = 'L',
	QUEUE_REMOVE = 'M',
};

enum queue_change_sign {
	QUEUE_CHANGE_DONE = '+',
	QUEUE_CHANGE_NEEDLESS = '=', /* it was so already */
	QUEUE_CHANGE_MISSING = '?',  /* there is no such message for him */
	QUEUE_CHANGE_REFUSED = '-',
	QUEUE_CHANGE_BUSY = '~', /* another process has the file for a moment: ask again */
};

struct queue_change {
	enum queue_change_sign sign;
	char status[STATUS_SIZE]; /* when refused */
	char text[800];		  /* for people, one line */
	/* A message that is gone now, and not one of our own reports: */
	bool is_removed;
	int64_t uid; /* of its submitter */
	uint64_t octets;
};

void queue_change_set(struct queue_change *change, enum queue_change_sign sign, const char *status,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Changes the file with this ID, if it is the viewer's. */
void queue_change_make(int queue_directory, const char *id, enum queue_verb verb,
    const struct queue_viewer *viewer, struct queue_change *change);

/*
 * The same for a file that is being delivered, whose progress the attempt will
 * write again.  Held, it is so after the attempt, if then somebody still waits;
 * removed it is not.
 */
void queue_change_running(struct queue_file *file, enum queue_verb verb,
    const struct queue_viewer *viewer, struct queue_change *change);

#endif
