/* SPDX-License-Identifier: MIT */

/*
 * session_wire - what a session puts on its stream and takes from it
 *
 * The functions of session.h that move octets, and these for the engine's own
 * files.
 */

#ifndef SMTP_CLIENT_SESSION_WIRE_H
#define SMTP_CLIENT_SESSION_WIRE_H

#include "smtp/client/session.h"

/*
 * Waits until a whole reply stands at the start of the input and leaves it
 * there.  Returns its length; -1 also for a 421, and then reply is filled.
 */
ssize_t session_await_reply(
    struct session *session, int64_t deadline, struct reply *reply, struct error *error);

/*
 * Takes the next reply if all of it has come, and does not wait.  1: it is in
 * reply; 0: not yet; -1: a 421, and only then reply is filled, or no SMTP.
 */
int session_take_reply(struct session *session, struct reply *reply, struct error *error);

/* stream_exchange; the end of the connection is an error, too: -1, and the session unusable. */
int session_exchange(struct session *session, int other_fd, int64_t deadline, struct error *error);

#endif
