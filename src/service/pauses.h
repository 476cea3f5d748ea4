/* SPDX-License-Identifier: MIT */

/*
 * pauses - the runner's dealings with smarthosts and senders that are left alone
 *
 * What health.h knows, applied to attempts: who waits, who goes as a probe,
 * and what is done all the same for those who wait, in their time: a warning,
 * and the end.  Every change goes to the log, once.
 */

#ifndef SERVICE_PAUSES_H
#define SERVICE_PAUSES_H

#include "service/runner.h"

void pauses_init(struct runner *runner);

/* False: its smarthost is paused; it waits there, closed, and whoever waits for it was told. */
bool pauses_let_pass(struct runner *runner, struct attempt *attempt);

/*
 * Prepared, the same about its sender, where that matters; one who is refused
 * there may be replaced.  1: it waits, closed; 2: it has gone on to another
 * smarthost, and is the runner's; -1: it is closed.
 */
int pauses_let_sender_pass(struct runner *runner, struct attempt *attempt, struct error *error);

/* The smarthost of id cannot be used, for this reason of our own. */
void pauses_note_trouble(
    struct runner *runner, const char *smarthost, const char *id, const struct error *why);

/* It is over. */
void pauses_note(struct runner *runner, struct attempt *attempt);

/*
 * Concluded, it still waits.  True: for its smarthost, or its sender there, to
 * be asked again, as it has just shown; false: for its own time.
 */
bool pauses_keep(struct runner *runner, const struct attempt *attempt);

/* A connection that had no attempt has shown this. */
void pauses_note_sign(struct runner *runner, const char *smarthost, const struct health_sign *sign);

/* Warns of those who have waited long, and gives up who has waited for too long. */
void pauses_attend(struct runner *runner);

/* When there is a probe to send, or somebody wants attention. */
int64_t pauses_deadline(const struct runner *runner);

#endif
