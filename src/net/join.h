/* SPDX-License-Identifier: MIT */

/*
 * join - two connections become one: octets go both ways until the end
 *
 * Neither direction waits for the other, so a near end that writes without
 * reading gets as far as all the buffers on its way hold.
 */

#ifndef NET_JOIN_H
#define NET_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct join {
	int near_input; /* these three stay the caller's, and may be non-blocking or not */
	int near_output;
	int far; /* a socket */
	/*
	 * Sees what far says before it is passed on, and may take octets out:
	 * returns how many are left at the beginning.  NULL: all.
	 */
	size_t (*filter)(void *context, char *bytes, size_t size);
	void *context;
	bool outlives_near; /* far is heard to its end, whether anybody near listens or not */
	/* Set by the filter: what is left of this is the last. */
	bool is_stopped;
	/* To be read: */
	uint64_t passed_on;  /* octets that went to far */
	bool has_pending;    /* and there are some that did not yet */
	bool near_has_ended; /* its end was passed on behind them */
	bool is_cut;	     /* some octets could not be passed on, and none after them were */
};

enum join_end {
	JOIN_FAR_ENDED,
	JOIN_NEAR_GONE, /* it has ended, and nobody would read an answer */
	JOIN_STOPPED,
};

/*
 * Runs until one of these.  What far says to a near_output that nobody reads
 * is dropped, and near_input goes on until its end: it may be a message.
 */
enum join_end join_run(struct join *join);

#endif
