/* SPDX-License-Identifier: MIT */

/*
 * relay - a smarthost as it is connected, for the log: its name, how it is
 * secured, and how long the parts of a delivery took there
 *
 * Does not know: clocks, processes, what is delivered.
 */

#ifndef SERVICE_RELAY_H
#define SERVICE_RELAY_H

#include <stdint.h>

#include "service/events.h"

/* Times are clock_monotonic; 0: not yet. */
struct relay {
	char *name;	/* owned; "smtp.example.com:587 [192.0.2.1]" once it is connected */
	char *security; /* owned; NULL or "" without TLS */
	int64_t opened; /* the connection was asked for */
	int64_t ready;	/* the session stands */
	int64_t freed;	/* a message was done with */
	unsigned uses;	/* messages that were done with */
};

/* Of one attempt. */
struct relay_times {
	int64_t opened;	  /* its file was */
	int64_t assigned; /* to a connection */
	int64_t sent;	  /* to its worker */
};

/* Safe on a zeroed one; leaves it zeroed. */
void relay_finish(struct relay *relay);

/* The session stands.  Both are copied. */
void relay_connected(struct relay *relay, const char *name, const char *security, int64_t now);

/* A message was done with, be it delivered or not. */
void relay_used(struct relay *relay, int64_t now);

/*
 * Where the time went, by now.  age: since the message was received, by the
 * wall clock; relay may be NULL.
 */
void relay_delays(const struct relay *relay, const struct relay_times *times, int64_t age,
    int64_t now, struct event_delays *delays);

#endif
