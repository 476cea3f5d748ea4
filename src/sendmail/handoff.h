/* SPDX-License-Identifier: MIT */

/*
 * handoff - the message goes to a service, by the way that is found (way.h)
 *
 * A session that was lost before the content was complete is begun again while
 * the whole message is at hand; one that was lost after the last octet is in
 * doubt, and no other way is tried.
 *
 * Does not know: configuration, what the service does with the message.
 */

#ifndef SENDMAIL_HANDOFF_H
#define SENDMAIL_HANDOFF_H

#include "base/error.h"
#include "sendmail/intake.h"
#include "sendmail/options.h"

/*
 * 0: every recipient was taken.  -1: error is the line for the caller, its
 * kind the exit status: nothing was kept, or the text names who was taken.
 */
int handoff_send(struct intake *intake, const struct options *options, struct error *error);

/* Who looks at what a verbose one is shown; else it goes to standard error. */
struct handoff_viewer {
	/* A line of the conversation with the smarthost (smtp/client/transcript.h). */
	void (*progress)(void *context, struct span line);
	/* What has become of the message that was taken: "delivered as ID". */
	void (*taken)(void *context, struct span words);
	void *context;
	bool is_live; /* each line as it comes; else all with the outcome */
};

/* The same for such a one; the options must be verbose. */
int handoff_send_viewed(struct intake *intake, const struct options *options,
    const struct handoff_viewer *viewer, struct error *error);

#endif
