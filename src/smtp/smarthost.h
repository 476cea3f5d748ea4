/* SPDX-License-Identifier: MIT */

/*
 * smarthost - the plain parameters of one relay
 *
 * What the engine is given; where it came from is config's business.
 *
 * URL: scheme://host[:port] with the schemes
 *	smtps://	TLS at once, port 465
 *	smtp+tls://	STARTTLS required, port 587
 *	smtp://		port 25; STARTTLS when offered, required with a password
 *			(but not on loopback and unix sockets)
 *	smtp+notls://	port 25, never TLS
 *	lmtp://		RFC 2033, port 24
 *	smtp+unix:///path, lmtp+unix:///path
 * A host may be a name, an IPv4 address or an IPv6 address in brackets.
 * MAILCHUTE_URL may carry user:password@ before the host, percent-encoded.
 */

#ifndef SMTP_SMARTHOST_H
#define SMTP_SMARTHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum smarthost_tls {
	SMARTHOST_TLS_NEVER,
	SMARTHOST_TLS_IF_OFFERED, /* and required with a password */
	SMARTHOST_TLS_STARTTLS,
	SMARTHOST_TLS_IMPLICIT,
};

/* Which mechanisms may be used; AUTO takes the strongest that both have. */
enum smarthost_auth {
	SMARTHOST_AUTH_AUTO,
	SMARTHOST_AUTH_PLAIN,
	SMARTHOST_AUTH_LOGIN,
	SMARTHOST_AUTH_CRAM_MD5,
	SMARTHOST_AUTH_SCRAM, /* SHA-256 before SHA-1, with channel binding where it can be had */
	SMARTHOST_AUTH_XOAUTH2,
	SMARTHOST_AUTH_OAUTHBEARER,
	SMARTHOST_AUTH_EXTERNAL,
	SMARTHOST_AUTH_NONE,
};

/* What becomes of a sender that the account may not send as (policy/sender). */
enum smarthost_from_policy {
	SMARTHOST_FROM_AUTO, /* as REPAIR, and who is refused is rewritten from then on */
	SMARTHOST_FROM_REPAIR,
	SMARTHOST_FROM_REWRITE,
	SMARTHOST_FROM_KEEP,
	SMARTHOST_FROM_REJECT,
};

enum {
	SMARTHOST_WINDOW = 20, /* messages in flight on one connection, at most */
	SMARTHOST_WINDOW_LIMIT = 1000,
	SMARTHOST_RATE_LIMIT = 100000, /* and of burst */
	SMARTHOST_CONNECTIONS = 2,     /* at once, at most */
	SMARTHOST_CONNECTIONS_LIMIT = 20,
};

struct smarthost {
	char *name; /* its title in the configuration; all strings are owned */
	char *url;  /* as configured, without user and password; for messages */
	char *host; /* name or address; NULL for a unix socket */
	uint16_t port;
	char *path; /* unix socket; NULL otherwise */
	bool is_lmtp;
	bool is_loopback; /* literal loopback address, "localhost", or a unix socket */
	enum smarthost_tls tls;
	char *user;	/* NULL: no login */
	char *password; /* a secret */
	char *from;	/* the address that this account may send as; NULL: unknown */
	enum smarthost_from_policy from_policy;
	char **from_allow; /* patterns, "*@example.com", of senders that it takes, too; owned */
	size_t from_allow_count;
	char *ca_file; /* NULL: the system's bundle */
	enum smarthost_auth auth;
	char *token;	       /* for XOAUTH2 and OAUTHBEARER; a secret; NULL: the password is it */
	char *token_command;   /* prints the token, for whoever logs in; NULL (token_command.h) */
	char *tls_name;	       /* the name to verify instead of host; NULL: host */
	char *tls_fingerprint; /* "sha256:..." of the certificate, pinned, not verified; NULL */
	char *client_certificate; /* PEM file; NULL: none */
	char *client_key;	  /* PEM file; NULL: in the same file */
	bool tls_min_is_1_3;
	int family;		 /* 4 or 6: addresses of this family alone; 0: any */
	char *source;		 /* our address; NULL: any */
	unsigned window;	 /* 1: one message after the other */
	unsigned connections;	 /* at once, at most; at least 1 */
	unsigned rate;		 /* messages in a rate_period, at most; 0: no limit */
	int64_t rate_period;	 /* milliseconds */
	unsigned burst;		 /* so many of them may come at once; at least 1 */
	int64_t connect_timeout; /* milliseconds */
};

void smarthost_init(struct smarthost *smarthost);
void smarthost_finish(struct smarthost *smarthost); /* wipes the password */
void smarthost_copy(const struct smarthost *smarthost, struct smarthost *copy);

/*
 * Fills url, host, port, path, is_lmtp, is_loopback, tls, and user and
 * password where the URL carries them.  The error (ERROR_CONFIG, 5.3.5) quotes
 * the URL without its password and says what is wrong and what right looks like.
 */
int smarthost_set_url(struct smarthost *smarthost, struct span url, struct error *error);

/* "smtp.example.com:587" or the path: how the smarthost is named in messages; caller frees. */
char *smarthost_label(const struct smarthost *smarthost);

/* "smtp.example.com", "[2001:db8::1]", or "localhost" for a path: for a URL; caller frees. */
char *smarthost_url_host(const struct smarthost *smarthost);

#endif
