/* SPDX-License-Identifier: MIT */

#include "smtp/smarthost.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum {
	DEFAULT_CONNECT_TIMEOUT = 30000,
	URL_LIMIT = 2048,
	NAME_LIMIT = 255, /* RFC 1035, 2.3.4; also an address's, which is shorter */
	PATH_LIMIT = 107, /* sun_path without its NUL; unix(7) */
};

static const char example[] = "write smtp+tls://smtp.example.com:587";

static const struct scheme {
	const char *name;
	uint16_t port; /* 0: a unix socket */
	bool is_lmtp;
	enum smarthost_tls tls;
} schemes[] = {
	{ "smtps", 465, false, SMARTHOST_TLS_IMPLICIT },
	{ "smtp+tls", 587, false, SMARTHOST_TLS_STARTTLS },
	{ "smtp", 25, false, SMARTHOST_TLS_IF_OFFERED },
	{ "smtp+notls", 25, false, SMARTHOST_TLS_NEVER },
	{ "lmtp", 24, true, SMARTHOST_TLS_IF_OFFERED },
	{ "smtp+unix", 0, false, SMARTHOST_TLS_NEVER },
	{ "lmtp+unix", 0, true, SMARTHOST_TLS_NEVER },
};

void smarthost_init(struct smarthost *smarthost)
{
	*smarthost = (struct smarthost){ .connect_timeout = DEFAULT_CONNECT_TIMEOUT,
		.window = SMARTHOST_WINDOW,
		.connections = SMARTHOST_CONNECTIONS,
		.burst = 1 };
}

void smarthost_finish(struct smarthost *smarthost)
{
	memory_free_string(&smarthost->name);
	memory_free_string(&smarthost->url);
	memory_free_string(&smarthost->host);
	memory_free_string(&smarthost->path);
	memory_free_string(&smarthost->user);
	memory_free_secret(&smarthost->password);
	memory_free_string(&smarthost->from);
	for (size_t i = 0; i < smarthost->from_allow_count; i++)
		free(smarthost->from_allow[i]);
	free(smarthost->from_allow);
	memory_free_string(&smarthost->ca_file);
	memory_free_secret(&smarthost->token);
	memory_free_secret(&smarthost->token_command);
	memory_free_string(&smarthost->tls_name);
	memory_free_string(&smarthost->tls_fingerprint);
	memory_free_string(&smarthost->client_certificate);
	memory_free_string(&smarthost->client_key);
	memory_free_string(&smarthost->source);
	*smarthost = (struct smarthost){ 0 };
}

static char *copy_or_null(const char *string)
{
	return string != NULL ? memory_copy_string(string) : NULL;
}

void smarthost_copy(const struct smarthost *smarthost, struct smarthost *copy)
{
	*copy = *smarthost;
	copy->name = copy_or_null(smarthost->name);
	copy->url = copy_or_null(smarthost->url);
	copy->host = copy_or_null(smarthost->host);
	copy->path = copy_or_null(smarthost->path);
	copy->user = copy_or_null(smarthost->user);
	copy->password = copy_or_null(smarthost->password);
	copy->from = copy_or_null(smarthost->from);
	copy->from_allow = memory_allocate((smarthost->from_allow_count + 1) * sizeof(char *));
	for (size_t i = 0; i < smarthost->from_allow_count; i++)
		copy->from_allow[i] = memory_copy_string(smarthost->from_allow[i]);
	copy->ca_file = copy_or_null(smarthost->ca_file);
	copy->token = copy_or_null(smarthost->token);
	copy->token_command = copy_or_null(smarthost->token_command);
	copy->tls_name = copy_or_null(smarthost->tls_name);
	copy->tls_fingerprint = copy_or_null(smarthost->tls_fingerprint);
	copy->client_certificate = copy_or_null(smarthost->client_certificate);
	copy->client_key = copy_or_null(smarthost->client_key);
	copy->source = copy_or_null(smarthost->source);
}

/* The index after "://", or 0. */
static size_t scheme_end(struct span url)
{
	for (size_t i = 0; i + 3 <= url.length; i++)
		if (memcmp(url.start + i, "://", 3) == 0)
			return i + 3;
	return 0;
}

/* RFC 3986, 3.1. */
static bool is_scheme_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
}

/* How much of url is "scheme://", known or not; before another "://" may stand a password, too. */
static size_t visible_scheme(struct span url)
{
	size_t end = scheme_end(url);

	for (size_t i = 0; i + 3 < end; i++)
		if (!is_scheme_byte(url.start[i]))
			return 0;
	return end;
}

static bool holds_only(struct span text, const char *bytes)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.start[i] == '\0' || strchr(bytes, text.start[i]) == NULL)
			return false;
	return true;
}

/* Without an '@': what follows a colon may be a password all the same, if it is no port. */
static size_t visible_length(struct span url)
{
	for (size_t i = scheme_end(url); i < url.length; i++) {
		struct span behind = span_after(url, i + 1);
		ssize_t slash = span_find_byte(behind, '/');
		struct span port = slash < 0 ? behind : span_first(behind, (size_t)slash);

		if (url.start[i] == '[')
			return url.length;
		if (url.start[i] != ':' || slash == 0)
			continue;
		bool is_address = span_find_byte(port, ':') >= 0 &&
				  holds_only(port, "0123456789abcdefABCDEF:.");
		return is_address || holds_only(port, "0123456789") ? url.length : i + 1;
	}
	return url.length;
}

/*
 * The URL as it may be shown: whatever stands before the last '@' may be a
 * password, wherever that '@' is.
 */
static char *visible_url(struct span url)
{
	ssize_t at = span_find_last_byte(url, '@');

	if (at < 0) {
		size_t length = visible_length(url);

		return memory_format(
		    "%.*s%s", (int)length, url.start, length < url.length ? "***" : "");
	}
	size_t start = visible_scheme(url);
	struct span rest = span_after(url, (size_t)at + 1);
	return memory_format("%.*s***@%.*s", (int)start, url.start, span_int(rest), rest.start);
}

static int refuse(struct error *error, struct span url, const char *why)
{
	CLEANUP(memory_free_string) char *visible = visible_url(span_first(url, URL_LIMIT));

	return error_set(
	    error, ERROR_CONFIG, "5.3.5", "smarthost URL \"%.300s\": %s", visible, why);
}

static int refuse_with(struct error *error, struct span url, const char *why, const char *next)
{
	refuse(error, url, why);
	return error_next(error, "%s", next);
}

static int hex_value(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* Percent-decoding (RFC 3986, 2.1); NULL when it is wrong or gives a control.  A secret. */
static char *decode(struct span text)
{
	char *decoded = memory_allocate(text.length + 1);
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		int octet = (unsigned char)text.start[i];

		if (octet == '%' && i + 2 < text.length && hex_value(text.start[i + 1]) >= 0 &&
		    hex_value(text.start[i + 2]) >= 0) {
			octet = hex_value(text.start[i + 1]) * 16 + hex_value(text.start[i + 2]);
			i += 2;
		} else if (octet == '%') {
			octet = 0;
		}
		if (octet < 0x20 || octet == 0x7f) {
			memory_free_secret(&decoded);
			return NULL;
		}
		decoded[length++] = (char)octet;
	}
	return decoded;
}

/* "user:password@"; a colon in the user's name must be written %3A. */
static int read_login(
    struct smarthost *found, struct span url, struct span login, struct error *error)
{
	struct span user = login;
	ssize_t colon = span_find_byte(login, ':');

	if (colon >= 0)
		user = span_first(login, (size_t)colon);
	if (user.length == 0)
		return refuse_with(error, url, "there is no user before the @", example);
	found->user = decode(user);
	if (colon >= 0)
		found->password = decode(span_after(login, (size_t)colon + 1));
	if (found->user == NULL || (colon >= 0 && found->password == NULL))
		return refuse_with(error, url, "user or password is not percent-encoded",
		    "write % as %25, @ as %40, / as %2F, : as %3A");
	return 0;
}

static bool is_host_name(struct span host)
{
	for (size_t i = 0; i < host.length; i++) {
		unsigned char octet = (unsigned char)host.start[i];

		if (octet <= 0x20 || octet == 0x7f || strchr("/:@[]<>\"'\\,;%?#()", octet) != NULL)
			return false;
	}
	return host.length >= 1 && host.length <= NAME_LIMIT && host.start[0] != '-';
}

static bool is_loopback_host(const char *host)
{
	struct in_addr address;
	struct in6_addr address6;

	if (span_equals_string_ignoring_case(span_from_string(host), "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &address6) == 1 && IN6_IS_ADDR_LOOPBACK(&address6);
}

/* "[2001:db8::1]" at the start of rest. */
static int take_literal(
    struct smarthost *found, struct span url, struct span *rest, struct error *error)
{
	struct in6_addr address;
	ssize_t end = span_find_byte(*rest, ']');

	if (end < 0)
		return refuse_with(
		    error, url, "the bracket is not closed", "write smtp+tls://[2001:db8::1]:587");
	struct span host = span_first(span_after(*rest, 1), (size_t)end - 1);
	found->host = span_copy(host);
	*rest = span_after(*rest, (size_t)end + 1);
	if (inet_pton(AF_INET6, found->host, &address) != 1 &&
	    inet_pton(AF_INET, found->host, &address) != 1)
		return refuse_with(error, url, "what stands in brackets is no address",
		    "write smtp+tls://[2001:db8::1]:587");
	return 0;
}

static int take_name(
    struct smarthost *found, struct span url, struct span *rest, struct error *error)
{
	ssize_t colon = span_find_byte(*rest, ':');
	struct span host = colon < 0 ? *rest : span_first(*rest, (size_t)colon);

	if (colon >= 0 && span_find_last_byte(*rest, ':') != colon)
		return refuse_with(error, url, "an IPv6 address stands in brackets",
		    "write smtp+tls://[2001:db8::1]:587");
	if (host.length == 0)
		return refuse_with(error, url, "there is no host", example);
	if (!is_host_name(host))
		return refuse_with(
		    error, url, "the host is neither a name nor an address", example);
	found->host = span_copy(host);
	*rest = span_after(*rest, host.length);
	return 0;
}

static int read_port(
    struct smarthost *found, struct span url, struct span text, struct error *error)
{
	uint64_t port = 0;

	if (text.length == 0)
		return 0;
	if (!span_starts_with(text, ":") || !span_to_number(span_after(text, 1), &port) ||
	    port == 0 || port > UINT16_MAX)
		return refuse_with(error, url, "the port is no number from 1 to 65535", example);
	found->port = (uint16_t)port;
	return 0;
}

static int read_host(
    struct smarthost *found, struct span url, struct span rest, struct error *error)
{
	ssize_t at = span_find_last_byte(rest, '@');

	if (at >= 0 && read_login(found, url, span_first(rest, (size_t)at), error) < 0)
		return -1;
	if (at >= 0)
		rest = span_after(rest, (size_t)at + 1);
	/* A slash at the end means nothing; many write one. */
	if (rest.length != 0 && rest.start[rest.length - 1] == '/')
		rest.length--;
	if (span_find_byte(rest, '/') >= 0)
		return refuse_with(error, url, "a path follows the host", example);
	int outcome = span_starts_with(rest, "[") ? take_literal(found, url, &rest, error)
						  : take_name(found, url, &rest, error);
	if (outcome < 0)
		return -1;
	found->is_loopback = is_loopback_host(found->host);
	return read_port(found, url, rest, error);
}

static int read_path(
    struct smarthost *found, struct span url, struct span rest, struct error *error)
{
	static const char next[] = "write smtp+unix:///run/mailchute/submit.sock";

	if (rest.length < 2 || rest.start[0] != '/')
		return refuse_with(error, url, "a unix socket wants an absolute path", next);
	if (rest.length > PATH_LIMIT)
		return refuse_with(error, url, "the path is longer than 107 octets", next);
	found->path = span_copy(rest);
	found->is_loopback = true;
	return 0;
}

static const struct scheme *find_scheme(struct span url)
{
	size_t end = scheme_end(url);

	for (size_t i = 0; end != 0 && i < sizeof schemes / sizeof schemes[0]; i++)
		if (span_equals_string_ignoring_case(span_first(url, end - 3), schemes[i].name))
			return &schemes[i];
	return NULL;
}

static int read_url(struct smarthost *found, struct span url, struct error *error)
{
	const struct scheme *scheme = find_scheme(url);

	if (url.length > URL_LIMIT)
		return refuse(error, url, "it is longer than 2048 octets");
	if (span_has_control(url))
		return refuse(error, url, "it holds a control character");
	if (scheme == NULL)
		return refuse_with(error, url, "it does not begin with a known scheme",
		    "begin with smtps:// (465), smtp+tls:// (587), smtp:// (25), "
		    "smtp+notls://, lmtp://, smtp+unix:// or lmtp+unix://");
	found->is_lmtp = scheme->is_lmtp;
	found->tls = scheme->tls;
	found->port = scheme->port;
	struct span rest = span_after(url, scheme_end(url));
	return scheme->port != 0 ? read_host(found, url, rest, error)
				 : read_path(found, url, rest, error);
}

/* The URL without user and password. */
static char *public_url(struct span url, bool is_unix)
{
	ssize_t at = is_unix ? -1 : span_find_last_byte(url, '@');
	struct span rest = span_after(url, (size_t)(at + 1));

	if (at < 0)
		return span_copy(url);
	return memory_format(
	    "%.*s%.*s", (int)scheme_end(url), url.start, span_int(rest), rest.start);
}

static void replace(char **old, char **value)
{
	memory_free_secret(old);
	*old = *value;
	*value = NULL;
}

int smarthost_set_url(struct smarthost *smarthost, struct span url, struct error *error)
{
	CLEANUP(smarthost_finish) struct smarthost found = { 0 };

	url = span_trim(url);
	if (read_url(&found, url, error) < 0)
		return -1;
	found.url = public_url(url, found.path != NULL);
	replace(&smarthost->url, &found.url);
	replace(&smarthost->host, &found.host);
	replace(&smarthost->path, &found.path);
	if (found.user != NULL)
		replace(&smarthost->user, &found.user);
	if (found.password != NULL)
		replace(&smarthost->password, &found.password);
	smarthost->port = found.port;
	smarthost->is_lmtp = found.is_lmtp;
	smarthost->is_loopback = found.is_loopback;
	smarthost->tls = found.tls;
	return 0;
}

char *smarthost_url_host(const struct smarthost *smarthost)
{
	const char *host = smarthost->host != NULL ? smarthost->host : "localhost";

	return strchr(host, ':') != NULL ? memory_format("[%s]", host) : memory_copy_string(host);
}

char *smarthost_label(const struct smarthost *smarthost)
{
	if (smarthost->path != NULL)
		return memory_copy_string(smarthost->path);
	if (smarthost->host == NULL)
		return memory_copy_string(smarthost->name != NULL ? smarthost->name : "?");
	CLEANUP(memory_free_string) char *host = smarthost_url_host(smarthost);
	return memory_format("%s:%u", host, (unsigned)smarthost->port);
}
