/* SPDX-License-Identifier: MIT */

/*
 * runner - has what is in the queue delivered when it is due
 *
 * Takes due queue files from the schedule, begins attempts, gives them to
 * workers, and settles them: reported and removed, put off, or held open for
 * a moment, while a caller is told of a refusal or while the disk
 * does not take the results.
 *
 * Does not know: sockets of clients, signals, how long the service lives.
 */

#ifndef SERVICE_RUNNER_H
#define SERVICE_RUNNER_H

#include <poll.h>
#include <stdbool.h>

#include "service/clients.h"
#include "service/health.h"
#include "service/jumps.h"
#include "service/scan.h"
#include "service/schedule.h"
#include "service/settle.h"
#include "service/usage.h"
#include "service/workers.h"
#include "spool/spool.h"

enum { RUNNER_STUCK_LIMIT = 16 };

struct runner {
	const struct config *config; /* borrowed, like spool and clients */
	struct spool *spool;
	struct clients *clients;
	struct schedule schedule;
	struct scan scan;   /* what it has left is not in the schedule yet */
	struct usage usage; /* of what the scan has not left */
	struct workers workers;
	struct health health; /* who waits for a smarthost that is left alone (pauses.h) */
	struct attempt *refused[CLIENTS_LIMIT]; /* their callers are being told; owned */
	size_t refused_count;
	struct attempt *between[WORKERS_ATTEMPTS]; /* two of their legs (between.h); owned */
	size_t between_count;
	struct attempt *stuck[RUNNER_STUCK_LIMIT + WORKERS_ATTEMPTS]; /* not yet on disk; owned */
	size_t stuck_count;
	int64_t stuck_until;	       /* clock_monotonic: then once more */
	struct stumbles null_refusals; /* smarthosts that refuse the null sender of reports */
	uint32_t attempt_number;
	struct jumps jumps;   /* of the wall clock */
	struct settle settle; /* what messages are settled with; borrows from here */
	bool is_ending;	      /* nothing new is begun */
};

void runner_init(struct runner *runner, const struct config *config, struct spool *spool,
    struct clients *clients, struct worker_parent *parent);

/* What was begun stays as it stands in its file.  Leaves an empty runner that may be finished. */
void runner_finish(struct runner *runner);

/* Reads what names there are in the spool, and looks at those not yet known in steps to come. */
int runner_scan(struct runner *runner, struct error *error);

/* The same, and looks at all of them. */
int runner_scan_whole(struct runner *runner, struct error *error);

/*
 * A queue file of this uid, with a message of so many octets, is there that is
 * due now, or at the first step of the retry list.
 */
void runner_add(struct runner *runner, const char *id, int64_t uid, uint64_t octets, bool is_later);

/*
 * What waits for its time is due now: these (sorted), or all when ids is NULL.
 * They go by the same door as ever: a few at once, and behind new mail.  A
 * smarthost that is left alone is asked by one of them, and the others wait.
 */
void runner_hasten(struct runner *runner, const char (*ids)[QUEUE_ID_SIZE], size_t count);

/* The client that was told of a refusal answers it to its caller, or is gone. */
void runner_settle(struct runner *runner, const char *id, bool answers);

/* The settings have changed. */
void runner_forget(struct runner *runner);

/* Times to come move with the clock by which they come; before any is counted by it. */
void runner_follow_clock(struct runner *runner);

/* A message that is open is no older for a clock that has been set meanwhile. */
void runner_correct_age(struct runner *runner, struct attempt *attempt);

/* Begins what is due, as far as there is room. */
void runner_begin_due(struct runner *runner);

/* Waiting: fills polls (room for WORKERS_LIMIT), says until when; and what came of it. */
size_t runner_poll(const struct runner *runner, struct pollfd *polls);
int64_t runner_deadline(const struct runner *runner);
void runner_step(struct runner *runner);

/* An attempt has its results from all its smarthosts, and is the runner's to finish. */
void runner_conclude(struct runner *runner, struct attempt *attempt, bool is_counted);

/* Its smarthost has room for it, and a token of that one's rate, which is reserved now. */
bool runner_pass_the_door(
    struct runner *runner, struct attempt *attempt, const struct smarthost *smarthost);

/*
 * Prepares an attempt at a smarthost that has room and a token for it.  0: it
 * may be assigned; 1: it waits, closed; 2: it goes on with another smarthost,
 * and is the runner's again; -1: it is closed.
 */
int runner_make_ready(struct runner *runner, struct attempt *attempt, struct error *error);

/* It could not be prepared, which is said, and tried again. */
void runner_fail(struct runner *runner, const char *id, const struct error *error);

/* The disk does not take the results of this attempt, which becomes the runner's. */
void runner_hold_stuck(struct runner *runner, struct attempt *attempt);

/* Messages that are not being delivered, as far as they are known. */
size_t runner_waiting(const struct runner *runner);

/* Attempts run, or are being settled. */
bool runner_is_busy(const struct runner *runner);

/* This smarthost is left alone for a while, for the administrator's eyes. */
bool runner_is_down(const struct runner *runner, const char *smarthost);

/* Nothing runs, nothing waits, and no rate would be forgotten. */
bool runner_is_idle(const struct runner *runner);

#endif
