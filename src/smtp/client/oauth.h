/* SPDX-License-Identifier: MIT */

/*
 * oauth - a login by an OAuth 2.0 token, which GNU SASL does not know
 *
 * XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER (RFC 7628).  The client
 * says all in its first message; a challenge then is the server's reason for
 * a refusal, in JSON, and has an answer of its own before the 535 comes.
 *
 * Does not know: where a token comes from.
 */

#ifndef SMTP_CLIENT_OAUTH_H
#define SMTP_CLIENT_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

struct oauth_login {
	const char *user;  /* "": the token says who it is */
	const char *token; /* a secret */
	const char *host;  /* whom we are connected to; NULL: a unix socket */
	uint16_t port;
};

/* Nothing in user and token can be taken for the end of its field. */
bool oauth_is_sound(const struct oauth_login *login);

/* Each appends the client's first message; the login must be sound. */
void oauth_write_xoauth2(struct buffer *message, const struct oauth_login *login);
void oauth_write_bearer(struct buffer *message, const struct oauth_login *login);

/* What answers the challenge with the reason: nothing in XOAUTH2, ^A in OAUTHBEARER. */
extern const char oauth_bearer_acknowledgement[];

#endif
