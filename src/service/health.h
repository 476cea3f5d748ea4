/* SPDX-License-Identifier: MIT */

/*
 * health - which smarthosts, and senders at them, are left alone for a while; pure
 *
 *	up -> paused		a connection, a login, the whole account is refused; or
 *				several messages in a row hint at the same (doubtful)
 *	paused -> up		a message was answered
 *
 * While one is paused, its messages wait here by their queue IDs, their files
 * closed.  At each step of the retry list one of them goes as a probe; only
 * what becomes of that one moves the next step.  So 50,000 waiting messages
 * cost one connection a step.
 *
 * A sender whom a smarthost refuses is kept beside it in the same way (at most
 * HEALTH_SENDERS such pairs), and the mail of others flows.
 *
 * now is clock_monotonic everywhere, so that no jump of the wall clock makes a
 * pause longer; but for what is said of clock_wall.
 *
 * Does not know: clocks, files, logs, replies.
 */

#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/schedule.h"

enum {
	HEALTH_SENDERS = 1000,
	HEALTH_HASTE = 1000,	 /* milliseconds between two hastenings */
	HEALTH_STRIKES = 3,	 /* different messages in a row that raise a doubt */
	HEALTH_WORDS_SIZE = 900, /* a whole line with what to do */
};

enum health_state {
	HEALTH_UP,
	HEALTH_DOWN,	      /* no session came to stand */
	HEALTH_LOGIN_REFUSED, /* or is asked for and not configured */
	HEALTH_THROTTLED,     /* it has enough of us for now */
	HEALTH_ACCOUNT,	      /* the account may not send for now: a quota, a lock */
	HEALTH_SENDER,	      /* of a pair alone: the smarthost refuses this sender */
};

/* What an attempt has shown. */
enum health_sign_kind {
	HEALTH_SHOWS_NOTHING,
	HEALTH_SHOWS_GOOD,  /* a message was answered, be it by a refusal */
	HEALTH_SHOWS_DOUBT, /* one is no proof: it may be this message */
	HEALTH_SHOWS_BAD,
};

struct health_sign {
	enum health_sign_kind kind;
	enum health_state state; /* of doubt and bad; HEALTH_SENDER: only of the sender */
	char words[HEALTH_WORDS_SIZE];
};

/* Only to be read. */
struct health_entry {
	char *smarthost;
	char *sender; /* NULL: all of the smarthost */
	enum health_state state;
	char *words;		      /* why; NULL while it is up */
	bool is_replaced;	      /* of a sender: its mail goes as another */
	int64_t since;		      /* paused since */
	int64_t due;		      /* the next probe */
	int64_t hastened;	      /* when its probe was last due before its time */
	uint32_t failures;	      /* of probes in a row, the first one included */
	char probe[QUEUE_ID_SIZE];    /* is on its way; "": none is */
	char wish[QUEUE_ID_SIZE];     /* is to be the next; "": any */
	char last[QUEUE_ID_SIZE];     /* was the last one */
	char doubtful[QUEUE_ID_SIZE]; /* has raised a doubt; "": none */
	unsigned doubts;	      /* in a row */
	struct schedule waiting;      /* due when they want attention, by clock_wall */
};

/* Who is told of changes while they happen.  The entry is as it was while paused. */
typedef void health_tell(void *context, const struct health_entry *entry, bool is_up);

/* Zeroed before the first use; the rest may be set then. */
struct health {
	struct health_entry *list; /* owned */
	size_t count;
	health_tell *tell; /* may be NULL */
	void *context;
	struct schedule *released; /* where those go who need not wait any more; borrowed */
	const int64_t *steps;	   /* of the retry list; borrowed */
	size_t step_count;
};

/* ---- whether to try ---- */

/*
 * May this message go to it, be it as a probe?  sender NULL: it does not
 * matter; id NULL: any message.
 */
bool health_may_try(const struct health *health, const char *smarthost, const char *sender,
    const char *id, int64_t now);

/* It is about to go: if to one that is paused, as the probe, until it is noted or dropped. */
void health_begin(struct health *health, const char *smarthost, const char *sender, const char *id);
void health_drop(struct health *health, const char *id);

/* What is in the way of a message that may not go.  NULL: nothing is. */
const struct health_entry *health_obstacle(
    const struct health *health, const char *smarthost, const char *sender, int64_t now);

/* It waits there.  attention: when, by clock_wall, it wants to be looked at all the same. */
void health_wait(
    struct health *health, const struct health_entry *obstacle, const char *id, int64_t attention);

/* Some sender is known of this smarthost: it matters who sends. */
bool health_knows_senders(const struct health *health, const char *smarthost);

/* Mail of this sender goes as another. */
bool health_is_replaced(const struct health *health, const char *smarthost, const char *sender);
void health_replace(struct health *health, const char *smarthost, const char *sender, int64_t now);

enum health_state health_state_of(
    const struct health *health, const char *smarthost, const char *sender);
/* Nothing is paused. */
bool health_is_clear(const struct health *health);

/* ---- what came of it ---- */

/*
 * The attempt at id is over.  sender: as in health_begin; for a refused one it
 * must be given.  Whoever need not wait any more is in released.
 */
void health_note(struct health *health, const char *smarthost, const char *sender, const char *id,
    const struct health_sign *sign, int64_t now);

/* ---- those who wait ---- */

/* Takes the next that is to go as a probe.  False when none is due. */
bool health_take_probe(struct health *health, int64_t now, char id[static QUEUE_ID_SIZE]);
/* When it has one; INT64_MAX when nobody waits. */
int64_t health_due(const struct health *health);

/* Takes the next that wants attention; what is in its way, or NULL.  wall is clock_wall. */
const struct health_entry *health_take_attention(
    struct health *health, int64_t wall, char id[static QUEUE_ID_SIZE]);
/* When it has one, by clock_wall; INT64_MAX. */
int64_t health_attention(const struct health *health);

/* Those who wait for this smarthost need not wait any more: another may have them. */
void health_release(struct health *health, const char *smarthost);

bool health_has(const struct health *health, const char *id);
size_t health_waiting(const struct health *health);
bool health_remove(struct health *health, const char *id);

/*
 * The next probes are due now, or a second after they were hastened last; of
 * where id (may be NULL) waits, it is the one.
 */
void health_hasten(struct health *health, const char *id, int64_t now);

/* The wall clock has jumped so far. */
void health_shift(struct health *health, int64_t jump);

/* The settings have changed, and nothing of all this need be true any more. */
void health_forget(struct health *health);

void health_finish(struct health *health);

#endif
