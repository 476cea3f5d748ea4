/* SPDX-License-Identifier: MIT */

/*
 * spool - the directory that one service owns
 *
 *	SPOOL/		0700, the service's uid
 *	SPOOL/queue/	one queue file a message
 *	SPOOL/corrupt/	files that did not check out
 *	SPOOL/failed/	undelivered mail of which nobody could be told
 *	SPOOL/lock	held by the service that owns the spool
 *	SPOOL/submit.sock	its socket, where it was started on demand
 *
 * Does not know: what is in a queue file.
 */

#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct spool {
	int directory; /* owned */
	int queue;     /* owned: SPOOL/queue */
	int lock;      /* owned; -1 while another holds it */
	char *path;    /* owned */
};

/*
 * Opens the spool at path.  may_create: makes what is missing, mode 0700 (the
 * parent directory must exist).  Refuses a directory of another uid, one that
 * others may write, and a symbolic link, with a step to take in the error.
 */
int spool_open(struct spool *spool, const char *path, bool may_create, struct error *error);
void spool_finish(struct spool *spool);

/*
 * Becomes the owner.  0: yes; 1: another process is; -1: error.  The lock
 * passes to children with its descriptor: a child that may outlive the owner
 * must close spool->lock.  spool_unlock ends the lock for all who have it,
 * spool_finish only closes.
 */
int spool_lock(struct spool *spool, struct error *error);

/* Who that is, "process 17 on host", as it wrote itself; "somebody" when that cannot be read. */
enum { SPOOL_HOLDER_SIZE = 128 };
void spool_holder(const struct spool *spool, char text[static SPOOL_HOLDER_SIZE]);

void spool_unlock(struct spool *spool);

/* Removes drafts that a crash left (draft.h).  For the owner, once, before it lists the queue. */
int spool_sweep(struct spool *spool, struct error *error);

/* Is there a spool at path that belongs to this uid?  Touches nothing. */
bool spool_is_own(const char *path);

/* Moves a queue file to corrupt/, keeping its name. */
int spool_put_aside(struct spool *spool, const char *id, struct error *error);

/* Moves one to failed/ likewise. */
int spool_keep_failed(struct spool *spool, const char *id, struct error *error);

/*
 * Removes from failed/ what has been there for age milliseconds, and the oldest
 * while all of them are larger than limit octets; tells of each.
 */
int spool_trim_failed(struct spool *spool, int64_t age, uint64_t limit,
    void (*removed)(const char *id), struct error *error);

/* How many are in failed/; 0 where there is none. */
size_t spool_count_failed(const struct spool *spool);

#endif
