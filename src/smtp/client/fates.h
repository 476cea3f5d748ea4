/* SPDX-License-Identifier: MIT */

/*
 * fates - what becomes of each recipient of one transaction
 *
 *	open -> accepted (by RCPT) -> reported, or open -> reported
 *
 * The only place where a reply decides about a recipient; each is reported
 * exactly once.
 *
 * Does not know: when a command is sent, and in which flight.
 */

#ifndef SMTP_CLIENT_FATES_H
#define SMTP_CLIENT_FATES_H

#include "smtp/client/transaction.h"

enum fate {
	FATE_OPEN,     /* no reply yet */
	FATE_ACCEPTED, /* to RCPT */
	FATE_REPORTED,
};

struct fates {
	struct session *session;
	const struct transaction *transaction;
	struct mail_parameters parameters; /* of MAIL, completed from envelope and content */
	enum fate *of;			   /* owned; one a recipient */
	size_t open;			   /* recipients of each fate */
	size_t accepted;
	size_t taken;	      /* that were accepted at all */
	size_t next_accepted; /* LMTP: whose reply comes next */
	bool may_send;	      /* the 354 has come */
	bool is_ended;	      /* the server has ended the transaction by its reply */
};

/*
 * Begins with all open, but those whom this server could not take are failed
 * at once: a message above its SIZE, an address that it could not read.
 */
void fates_init(
    struct fates *fates, struct session *session, const struct transaction *transaction);
void fates_finish(struct fates *fates);

/* Somebody may still get the message. */
bool fates_has_takers(const struct fates *fates);

/* Nobody has been reported yet. */
bool fates_is_untold(const struct fates *fates);

/* What the reply to this command changes.  -1: it is no answer to it, the session is unusable. */
int fates_take_reply(struct fates *fates, const struct pipeline_entry *entry,
    const struct reply *reply, struct error *error);

/*
 * The session is over: who has no reply is deferred, or in doubt when
 * may_have_arrived, that is, the last octet has left and no 421 has come.
 */
void fates_give_up(struct fates *fates, const struct error *error, bool may_have_arrived);

/* Nobody is told anything: another session will try. */
void fates_withdraw(struct fates *fates);

/* After fates_withdraw: all are open again, for it may have arrived after all. */
void fates_reopen(struct fates *fates);

#endif
