/* SPDX-License-Identifier: MIT */

/*
 * signs - what a worker's answers say of the smarthost's health; pure
 *
 * Only a refusal of this very message is about the message.  Whatever is
 * about the connection, TLS, the login or the account is about the smarthost.
 */

#ifndef SERVICE_SIGNS_H
#define SERVICE_SIGNS_H

#include <stdbool.h>

#include "delivery/result.h"
#include "service/health.h"

/* Adds what this recipient's result shows to what others of its attempt have shown. */
void signs_add_result(struct health_sign *sign, const struct result *result);

/* A refusal that is not about the message: nobody is bounced for it. */
bool signs_are_of_account(const struct result *result);
/* Of its sender at this smarthost. */
bool signs_are_of_sender(const struct result *result);

/* The session was lost before there was a reply to this. */
void signs_of_silence(struct health_sign *sign, const struct result *result);

/* The session was lost, or never stood. */
void signs_of_loss(struct health_sign *sign, const struct result *lost);

/* There is not even a worker, for this reason: a setting, a secret, our own machine. */
void signs_of_trouble(struct health_sign *sign, const struct error *why);

/* A worker died: of this message, or of this smarthost. */
void signs_of_death(struct health_sign *sign, const struct error *why);

#endif
