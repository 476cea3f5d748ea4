/* SPDX-License-Identifier: MIT */

/*
 * attempt - one try at one queue file
 *
 * Opens the file, makes the request, writes each result into the file as it
 * comes, syncs, and says what is to become of the file.  Recipients who go to
 * different smarthosts are legs (legs.h) of one attempt:
 *
 *	attempt_open -> { attempt_choose -> attempt_prepare -> attempt_result...
 *	-> attempt_end_leg }... -> attempt_conclude -> attempt_finish
 *
 * with attempt_renew between two legs.
 *
 * Does not know: processes, sockets, who waits for the outcome.
 */

#ifndef SERVICE_ATTEMPT_H
#define SERVICE_ATTEMPT_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "service/health.h"
#include "service/legs.h"
#include "service/relay.h"
#include "service/tokens.h"
#include "spool/queue_file.h"
#include "spool/spool.h"

struct attempt {
	struct queue_file file;
	struct legs legs;
	/* Of the leg, like all that a smarthost has a part in: */
	struct request_attempt request;
	size_t *positions; /* of each recipient of the request in the file; owned */
	bool *is_answered; /* of each recipient of the request; owned */
	size_t answered_count;
	bool is_counted;  /* attempt_conclude has counted it */
	bool wants_trace; /* whoever waits for it is shown the conversation */
	bool is_captured; /* its letters are kept in a Maildir (capture.h), none is sent */
	char *unwritten;  /* of each recipient of the file: a mark the disk did not take, or 0 */
	char *smarthost;  /* its name; owned */
	struct relay_times times;   /* for the log */
	bool has_no_fault;	    /* if it still waits: of the sign below, that is */
	struct health_sign sign;    /* what it has shown of its smarthost */
	unsigned jumps_seen;	    /* of the wall clock, which its age knows of (jumps.h) */
	struct tokens tokens;	    /* those that are reserved for it */
	struct error first_refusal; /* for the caller who waits */
	bool avoids_null_sender;    /* set before attempt_prepare: this smarthost refuses it */
	bool null_is_refused;	    /* it does so, as this attempt has shown */
	char *author;		    /* the address that its smarthost takes, or NULL; owned */
	char *identity;		    /* who sends it there (outgoing.h), or NULL: not asked; owned */
	struct config_place place;  /* prepared: of its smarthost's block, for messages; owned */
	enum smarthost_from_policy from_policy; /* prepared: of it */
	bool sender_is_allowed;			/* prepared: by its from_allow */
	bool is_replaced;			/* the author has taken the sender's place */
	bool sender_is_refused; /* as it has shown; replaced it may go again at once */
	bool goes_at_once;	/* the last two, of legs before */
	bool waits_at_door;	/* concluded it waits for room at its smarthost */
	uint32_t probes;	/* others' attempts at what is in its way */
};

enum attempt_start {
	ATTEMPT_STARTED = 0,
	ATTEMPT_BUSY = 1,    /* another process holds the file: try again soon */
	ATTEMPT_GONE = 2,    /* there is none */
	ATTEMPT_NOTHING = 3, /* all was done, and nothing is owed: it is open, to be removed */
	ATTEMPT_CORRUPT = 4, /* it did not check out and was put aside */
	ATTEMPT_HELD = 5,
	ATTEMPT_OWES = 6, /* no recipient waits, and a report is owed (bounce.h): it is open */
};

/*
 * Opens id and chooses a first smarthost, usable or not.  -1: the file stays as it is, error says
 * why (no smarthost, a disk's error).
 */
int attempt_open(struct attempt *attempt, struct spool *spool, const char *id,
    const struct config *config, struct error *error);

/*
 * Chooses the leg (legs_choose): its smarthost, and who goes there.  False:
 * there is none for any who still waits; the smarthost stays, without a leg.
 */
bool attempt_choose(
    struct attempt *attempt, const struct config *config, const struct legs_rules *rules);

/*
 * Makes the request; number identifies it on the channel.  login is the one of
 * a connection that stands, its from set; NULL: the secrets are looked at.
 * -1 finishes attempt: the file stays as it is, error says why.
 */
int attempt_prepare(struct attempt *attempt, const struct config *config,
    const struct smarthost *login, uint32_t number, struct error *error);

/* Prepared, it goes as its author: this smarthost has refused who sends it. */
int attempt_replace_sender(struct attempt *attempt, struct error *error);
/* Prepared, who sends it; valid as long as attempt is. */
const char *attempt_identity(struct attempt *attempt);
/* Prepared, it is not begun after all. */
void attempt_put_back(struct attempt *attempt);

/*
 * Opened, it still waits, for this reason and after so many probes; it may be
 * concluded now, not counted, which makes it expire in time.
 */
void attempt_wait(struct attempt *attempt, const char *why, uint32_t probes);
/*
 * When, by clock_wall, a message that waits is to be looked at: warned of, or
 * given up, or tried for those of its recipients who have another smarthost.
 */
int64_t attempt_attention(const struct attempt *attempt, const struct config *config);

/* One recipient's result.  relay: the smarthost as connected, for the log. */
void attempt_result(
    struct attempt *attempt, const struct result *result, const struct relay *relay);

/* Those without a result are put off for this reason. */
void attempt_defer_rest(
    struct attempt *attempt, const struct error *why, const struct relay *relay);
/* The same, when it may have been delivered all the same (RFC 1047). */
void attempt_doubt_rest(
    struct attempt *attempt, const struct error *why, const struct relay *relay);

/* The leg has its results; is_unusable: whoever has none may have another smarthost. */
void attempt_end_leg(struct attempt *attempt, bool is_unusable);

/*
 * Another leg has been chosen: what the last one has brought is on disk before
 * that begins.  -1: the disk does not take it, and there is to be none.
 */
int attempt_renew(struct attempt *attempt);

enum attempt_verdict {
	ATTEMPT_DELIVERED, /* none waits, and no failure is to be reported */
	ATTEMPT_WAITING,   /* some wait; *due says until when */
	ATTEMPT_FAILED,	   /* none waits, some failed for good; others may be delivered */
	ATTEMPT_REFUSED,   /* all recipients of the message failed for good */
	ATTEMPT_STUCK,	   /* the disk does not take the results: conclude again later; whoever
			      let go of this attempt now would send it again */
};

/*
 * Counts the attempt, sets the next one, makes all of it durable.  An attempt
 * of which nothing was answered because an old connection had ended is not
 * counted when is_counted is false.
 */
enum attempt_verdict attempt_conclude(
    struct attempt *attempt, const struct config *config, bool is_counted, int64_t *due);

/* Removes the queue file, which is delivered or refused to a caller who was told.  -1: it stays. */
int attempt_remove(struct attempt *attempt);

void attempt_finish(struct attempt *attempt);

#endif
