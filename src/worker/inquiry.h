/* SPDX-License-Identifier: MIT */

/*
 * inquiry - a worker's session that asks, and sends nothing
 *
 * Each verify request from the channel becomes a VRFY, and its reply a result.
 *
 * Does not know: what is made of the answers.
 */

#ifndef WORKER_INQUIRY_H
#define WORKER_INQUIRY_H

#include "base/channel.h"
#include "base/error.h"
#include "smtp/client/session.h"

/* Until the channel closes: 0.  -1: the session is lost, or was asked what cannot be said. */
int inquiry_serve(struct channel *channel, struct session *session, struct error *error);

#endif
