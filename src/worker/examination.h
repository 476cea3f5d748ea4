/* SPDX-License-Identifier: MIT */

/*
 * examination - a worker's session that is looked at, and sends nothing
 *
 * Facts, told one by one (result.h), for whoever wants to know whether a
 * smarthost can be used from here:
 *
 *	address.ok	each address that answered: "192.0.2.1 12 ms"
 *	address.failed	each that did not: "192.0.2.1: Connection refused"
 *	port.open	where none did: another port that answers, "465"
 *	chain, names	of its certificate (net/tls_facts.h)
 *	since, until	the same, in seconds of the epoch
 *	capabilities	"SIZE 35882577, PIPELINING, AUTH PLAIN LOGIN"
 *	mail, rcpt	what it says to a sender (RSET follows, nothing is sent)
 *
 * Does not know: what is made of the facts.
 */

#ifndef WORKER_EXAMINATION_H
#define WORKER_EXAMINATION_H

#include "base/channel.h"
#include "base/error.h"
#include "delivery/result.h"
#include "net/resolve.h"
#include "net/tls_facts.h"
#include "smtp/client/session.h"

typedef void examination_tell(void *context, const struct result *fact);

/* Connects to each address, and closes at once; not in the sandbox. */
void examination_connect(const struct resolve_result *addresses, const struct smarthost *smarthost,
    examination_tell *tell, void *context);

/* What a session that stands shows of itself. */
void examination_look(const struct session *session, const struct tls_facts *facts,
    examination_tell *tell, void *context);

/*
 * Asks for each sender that comes by the channel, until that closes: 0.  -1:
 * the session is lost, or was asked what cannot be said.
 */
int examination_serve(struct channel *channel, struct session *session, examination_tell *tell,
    void *context, struct error *error);

#endif
