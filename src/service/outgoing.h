/* SPDX-License-Identifier: MIT */

/*
 * outgoing - what goes to a worker for this message and this smarthost
 *
 * Decided anew at each attempt: the sender that this smarthost takes, the
 * header rewritten for it, the secret as it stands now (DESIGN 4).
 */

#ifndef SERVICE_OUTGOING_H
#define SERVICE_OUTGOING_H

#include "base/error.h"
#include "config/config.h"
#include "delivery/request.h"

/* The relay request, secrets read from disk now.  request_finish_relay frees it. */
int outgoing_relay(const struct config *config, const struct config_smarthost *smarthost,
    struct request_relay *relay, struct error *error);

/* Who the smarthost knows us as: user and from, without any secret. */
int outgoing_account(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *account, struct error *error);

/* The address that it takes as ours, which the caller frees; NULL where none is known. */
int outgoing_from(const struct config *config, const struct config_smarthost *smarthost,
    char **from, struct error *error);

/* The smarthost as a message meets it: with that address, without any secret. */
int outgoing_known(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *known, struct error *error);

/*
 * Sets sender and header of attempt from those of the message; header is in
 * wire form.  A smarthost without a from sends as its login, if that is an
 * address.
 */
int outgoing_message(const struct config *config, const struct config_smarthost *smarthost,
    const char *sender, struct span header, struct request_attempt *attempt, struct error *error);

/* The same for a login that is known: its from, from_policy and from_allow are looked at. */
int outgoing_message_as(const struct smarthost *known, const char *sender, struct span header,
    struct request_attempt *attempt, struct error *error);

/* The smarthost has refused who sends this: from takes the place of everybody. */
int outgoing_replace_sender(const char *from, struct request_attempt *attempt, struct error *error);

/* Who sends this, for the smarthost: "a@b", or "a@b c@d" with another author in From. */
char *outgoing_identity(const struct request_attempt *attempt);

#endif
