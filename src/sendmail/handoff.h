/* SPDX-License-Identifier: MIT */

/*
 * handoff - the message goes to a service, by one of three ways
 *
 *	1. a service that listens: $MAILCHUTE_SOCKET, else the system's socket
 *	2. a service of this uid, at submit.sock in its own spool
 *	3. a child of our own, "mailchute serve --for-caller", on a socket pair:
 *	   it reads the configuration and decides what to do
 *
 * One question decides: does a socket answer with 220?  Until then any way may
 * be given up for the next.  After it, a session that was lost before the
 * content was complete is begun again while the whole message is at hand; one
 * that was lost after the last octet is in doubt, and no other way is tried.
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

#endif
