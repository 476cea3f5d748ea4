/* SPDX-License-Identifier: MIT */

/*
 * account - one way out, as predecessors have it, and as a smarthost of ours
 *
 * The rules that all readers share: how it is named, which URL it gets, that
 * no password goes without TLS, that certificates are verified, that the
 * system's own CA bundle need not be named.
 */

#ifndef IMPORT_ACCOUNT_H
#define IMPORT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "import/plan.h"

enum account_tls {
	ACCOUNT_TLS_NEVER,
	ACCOUNT_TLS_MAY,
	ACCOUNT_TLS_MUST,    /* STARTTLS */
	ACCOUNT_TLS_AT_ONCE, /* the port speaks nothing else */
};

/* Where it stands, for notes. */
struct account_place {
	const char *file;
	int line;
};

/* All strings are owned; NULL: unknown. */
struct account {
	struct account_place place; /* its file is borrowed */
	char *title;		    /* a wish */
	char *host;
	uint64_t port; /* 0: that of the URL's scheme */
	enum account_tls tls;
	bool is_lmtp;
	char *socket; /* a path instead of a host */
	char *user;
	char *password; /* a secret */
	char *password_file;
	char *from;
	char *from_policy;
	char *auth;
	char *ca_file;
	char *client_cert;
	char *client_key;
	char *tls_name;
	char *tls_fingerprint; /* in any form; only SHA-256 can be carried over */
	char *ip;
	char *source;
	char *timeout;
	char *rate;
	char *connections;
};

/* Wipes; zeroes. */
void account_finish(struct account *account);

/*
 * Takes "host", "host:port", "[host]:port", "[2001:db8::1]:port" and the names
 * of ports apart.  False when it is none of these; what was there stays then.
 */
bool account_set_host(struct account *account, struct span text);

/* "587", "submission", "smtps": the number, or 0. */
uint64_t account_port(struct span text);

/* Replaces *place by a copy; an empty value counts as none. */
void account_take(char **place, struct span value);
void account_take_secret(char **place, struct span value);

/*
 * Adds the smarthost and its login to the plan, with notes of what could not
 * be taken.  Returns its title, which the plan owns, or NULL without a host
 * (noted).
 */
const char *account_add(struct plan *plan, const struct account *account);

/* "root" and "*": where mail for names of this machine goes.  Targets are separated by commas. */
void account_alias(
    struct plan *plan, const char *name, struct span targets, const struct account_place *place);

/* A route of the smarthost's title for these senders; false: it is no pattern (noted). */
bool account_add_route(
    struct plan *plan, const char *title, const char *pattern, const struct account_place *place);

/* Where aliases(5) stand, unless it is where they are looked for anyway. */
void account_aliases_file(struct plan *plan, const char *path, const struct account_place *place);

/* identity { domain } or { ehlo }; what no other host should believe is left out. */
void account_identity(
    struct plan *plan, const char *option, const char *value, const struct account_place *place);

#endif
