/* SPDX-License-Identifier: MIT */

/*
 * mechanism - which SASL mechanism a login uses
 *
 * Our own fixed list, the strongest first: the first that the server offers,
 * the configuration allows and the secret at hand can feed.  A mechanism that
 * is not on it (NTLM, GSSAPI, ANONYMOUS) is never chosen.  Once chosen it is
 * the only one tried: a refusal never leads to a weaker one.
 *
 * Does not know: how a mechanism works.
 */

#ifndef SMTP_CLIENT_MECHANISM_H
#define SMTP_CLIENT_MECHANISM_H

#include <stdbool.h>

#include "base/error.h"
#include "smtp/smarthost.h"

enum mechanism_secret { MECHANISM_PASSWORD, MECHANISM_TOKEN, MECHANISM_CERTIFICATE };

struct mechanism {
	const char *name;
	enum smarthost_auth auth; /* the word of the configuration that asks for it */
	enum mechanism_secret secret;
	bool needs_tls;		/* what it sends is the secret itself, or lives on TLS */
	bool has_initial;	/* the client speaks first */
	bool binds_channel;	/* a -PLUS form: TLS must have a channel binding */
	bool proves_server;	/* the server must show that it knows the secret, too */
	bool ignores_challenge; /* what the server asks is a prompt for humans */
};

/* Between whom and how a login would be. */
struct mechanism_terms {
	const struct smarthost *smarthost;
	const char *offered; /* struct extensions, auth */
	const char *peer;
	bool is_secure;
	bool has_binding;
};

/* NULL: there is none; the error has both lists and what to write where. */
const struct mechanism *mechanism_choose(const struct mechanism_terms *terms, struct error *error);

#endif
