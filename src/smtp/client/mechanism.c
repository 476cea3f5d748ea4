/* SPDX-License-Identifier: MIT */

#include "smtp/client/mechanism.h"

#include "base/memory.h"
#include "base/span.h"
#include "base/text.h"

/*
 * The strongest first.  The -PLUS forms go before their like (RFC 5802, 6), so
 * that one without is chosen only where none with is to be had.
 */
static const struct mechanism mechanisms[] = {
	{ .name = "EXTERNAL",
	    .auth = SMARTHOST_AUTH_EXTERNAL,
	    .secret = MECHANISM_CERTIFICATE,
	    .needs_tls = true,
	    .has_initial = true },
	{ .name = "OAUTHBEARER",
	    .auth = SMARTHOST_AUTH_OAUTHBEARER,
	    .secret = MECHANISM_TOKEN,
	    .needs_tls = true,
	    .has_initial = true },
	{ .name = "XOAUTH2",
	    .auth = SMARTHOST_AUTH_XOAUTH2,
	    .secret = MECHANISM_TOKEN,
	    .needs_tls = true,
	    .has_initial = true },
	{ .name = "SCRAM-SHA-256-PLUS",
	    .auth = SMARTHOST_AUTH_SCRAM,
	    .has_initial = true,
	    .binds_channel = true,
	    .proves_server = true },
	{ .name = "SCRAM-SHA-1-PLUS",
	    .auth = SMARTHOST_AUTH_SCRAM,
	    .has_initial = true,
	    .binds_channel = true,
	    .proves_server = true },
	{ .name = "SCRAM-SHA-256",
	    .auth = SMARTHOST_AUTH_SCRAM,
	    .has_initial = true,
	    .proves_server = true },
	{ .name = "SCRAM-SHA-1",
	    .auth = SMARTHOST_AUTH_SCRAM,
	    .has_initial = true,
	    .proves_server = true },
	{ .name = "CRAM-MD5", .auth = SMARTHOST_AUTH_CRAM_MD5 },
	{ .name = "PLAIN", .auth = SMARTHOST_AUTH_PLAIN, .needs_tls = true, .has_initial = true },
	{ .name = "LOGIN",
	    .auth = SMARTHOST_AUTH_LOGIN,
	    .needs_tls = true,
	    .ignores_challenge = true },
};

enum { MECHANISM_COUNT = sizeof mechanisms / sizeof mechanisms[0], LIST_SIZE = 200 };

static const char *title_of(const struct mechanism_terms *terms)
{
	const char *name = terms->smarthost->name;

	return name != NULL ? name : "default";
}

static bool is_offered(const struct mechanism_terms *terms, const struct mechanism *mechanism)
{
	struct span rest = span_from_string(terms->offered);
	struct span word;

	while (span_take_word(&rest, &word))
		if (span_equals_string_ignoring_case(word, mechanism->name))
			return true;
	return false;
}

/* A certificate may be for TLS alone: it is the login where nothing else was given. */
static bool secret_is_at_hand(
    const struct smarthost *smarthost, const struct mechanism *mechanism, bool is_asked_for)
{
	switch (mechanism->secret) {
	case MECHANISM_PASSWORD:
		return smarthost->password != NULL;
	case MECHANISM_TOKEN:
		return smarthost->token != NULL || (is_asked_for && smarthost->password != NULL);
	case MECHANISM_CERTIFICATE:
		break;
	}
	/* On this machine it may be the uid of the socket that counts. */
	if (is_asked_for)
		return smarthost->client_certificate != NULL || smarthost->is_loopback;
	return smarthost->client_certificate != NULL && smarthost->password == NULL &&
	       smarthost->token == NULL;
}

static bool is_safe(const struct mechanism_terms *terms, const struct mechanism *mechanism)
{
	if (mechanism->binds_channel && !terms->has_binding)
		return false;
	return !mechanism->needs_tls || terms->is_secure || terms->smarthost->is_loopback;
}

static bool is_wanted(const struct mechanism_terms *terms, const struct mechanism *mechanism)
{
	enum smarthost_auth auth = terms->smarthost->auth;

	return auth == SMARTHOST_AUTH_AUTO || auth == mechanism->auth;
}

static bool is_ours(const struct mechanism_terms *terms, const struct mechanism *mechanism)
{
	bool is_asked_for = terms->smarthost->auth == mechanism->auth;

	return is_wanted(terms, mechanism) &&
	       secret_is_at_hand(terms->smarthost, mechanism, is_asked_for) &&
	       is_safe(terms, mechanism);
}

static const struct mechanism *find_common(const struct mechanism_terms *terms)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (is_ours(terms, &mechanisms[i]) && is_offered(terms, &mechanisms[i]))
			return &mechanisms[i];
	return NULL;
}

/* "PLAIN, LOGIN", or "" */
static void list_ours(const struct mechanism_terms *terms, char *list)
{
	list[0] = '\0';
	for (size_t i = 0; i < MECHANISM_COUNT; i++) {
		if (!is_ours(terms, &mechanisms[i]))
			continue;
		if (list[0] != '\0')
			text_append(list, LIST_SIZE, ", ");
		text_append(list, LIST_SIZE, mechanisms[i].name);
	}
}

static void refuse_without_offer(const struct mechanism_terms *terms, struct error *error)
{
	error_set(error, ERROR_NO_PERMISSION, "5.7.4", "%s offers no login (AUTH)", terms->peer);
	error_next(error,
	    "remove the user from section [%s] of secrets.ini if this smarthost wants "
	    "none, or write the port where it does (587 or 465) into its url",
	    title_of(terms));
}

/* Nothing of ours could be used with any server: the configuration lacks something. */
static void refuse_without_secret(const struct mechanism_terms *terms, struct error *error)
{
	const struct smarthost *smarthost = terms->smarthost;

	if (smarthost->auth == SMARTHOST_AUTH_EXTERNAL) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "smarthost \"%s\" shall log in by its certificate (auth = \"external\") at "
		    "%s, and has none",
		    title_of(terms), terms->peer);
		error_next(error, "in smarthost \"%s\" write client_cert = \"/path/to/file.pem\"",
		    title_of(terms));
		return;
	}
	if (smarthost->password != NULL || smarthost->token != NULL) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "no login at %s: the secret of smarthost \"%s\" does not fit its auth, or "
		    "would travel in the clear",
		    terms->peer, title_of(terms));
		error_next(error,
		    "in smarthost \"%s\" write auth = \"auto\" and a url that begins with "
		    "smtp+tls:// or smtps://",
		    title_of(terms));
		return;
	}
	error_set(
	    error, ERROR_CONFIG, "5.3.5", "no login at %s: no password and no token", terms->peer);
	error_next(
	    error, "write password = \"...\" into section [%s] of secrets.ini", title_of(terms));
}

/* Whether the server offers what another kind of secret would be good for. */
static bool would_take(const struct mechanism_terms *terms, enum mechanism_secret secret)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (mechanisms[i].secret == secret && is_offered(terms, &mechanisms[i]))
			return true;
	return false;
}

static void advise(const struct mechanism_terms *terms, struct error *error)
{
	struct smarthost free_to_choose = *terms->smarthost;
	struct mechanism_terms others = *terms;

	free_to_choose.auth = SMARTHOST_AUTH_AUTO;
	others.smarthost = &free_to_choose;
	if (terms->smarthost->auth != SMARTHOST_AUTH_AUTO && find_common(&others) != NULL)
		error_next(error, "in smarthost \"%s\" write auth = \"auto\"", title_of(terms));
	else if (terms->smarthost->token == NULL && would_take(terms, MECHANISM_TOKEN))
		error_next(error,
		    "it takes tokens (OAuth 2.0): in section [%s] of secrets.ini write "
		    "token_file = \"/path\" instead of the password",
		    title_of(terms));
	else if (terms->smarthost->password == NULL && would_take(terms, MECHANISM_PASSWORD))
		error_next(error,
		    "it takes passwords: in section [%s] of secrets.ini write "
		    "password = \"...\" instead of the token",
		    title_of(terms));
	else
		error_next(error,
		    "ask the operator of the smarthost for a password that works with PLAIN");
}

const struct mechanism *mechanism_choose(const struct mechanism_terms *terms, struct error *error)
{
	const struct mechanism *found = find_common(terms);
	char ours[LIST_SIZE];

	if (found != NULL)
		return found;
	list_ours(terms, ours);
	if (ours[0] == '\0') {
		refuse_without_secret(terms, error);
	} else if (terms->offered[0] == '\0') {
		refuse_without_offer(terms, error);
	} else {
		error_set(error, ERROR_NO_PERMISSION, "5.7.4",
		    "%s offers no login that we can do: it has AUTH %s, we have %s", terms->peer,
		    terms->offered, ours);
		advise(terms, error);
	}
	return NULL;
}
