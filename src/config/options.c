/* SPDX-License-Identifier: MIT */

#include "config/options.h"

#include "base/nearest.h"

static const struct option_block blocks[] = {
	{ "identity", NULL, "who this machine is" },
	{ "smarthost", "provider", "a server that takes our mail; the first one takes all" },
	{ "route", "news", "which smarthosts a message may go to; the first match counts" },
	{ "alias", "root", "who gets mail for a name without a domain; \"*\": any other name" },
	{ "submit", NULL, "how mail is taken" },
	{ "queue", NULL, "mail that could not be sent yet" },
	{ "limits", NULL, "what protects this machine from floods" },
	{ "log", NULL, "what happened to which message" },
};

/* clang-format off */
static const struct option table[] = {
	{ "identity", "ehlo", false, "auto", NULL,
	  "our name for EHLO; auto: the full name, else [address]" },
	{ "identity", "domain", false, NULL, "example.com",
	  "completes bare names; else /etc/mailname, then the full name" },

	{ "smarthost", "url", false, NULL, "smtp+tls://smtp.example.com:587",
	  "smtps://, smtp+tls://, smtp://, smtp+notls://, lmtp://, smtp+unix://, lmtp+unix://" },
	{ "smarthost", "secret", false, NULL, "provider",
	  "section of secrets.ini with the login; else the title" },
	{ "smarthost", "auth", false, "auto", NULL,
	  "auto, plain, login, cram-md5, scram, xoauth2, oauthbearer, external, none" },
	{ "smarthost", "from", false, NULL, "alerts@example.com",
	  "the address that the account may send as; else the login" },
	{ "smarthost", "from_policy", false, "auto", NULL,
	  "auto, repair, rewrite, keep, reject: what becomes of other senders" },
	{ "smarthost", "from_allow", true, NULL, "*@example.com",
	  "senders that the account may use as well" },
	{ "smarthost", "connections", false, "2", NULL, "open at once, at most" },
	{ "smarthost", "rate", false, NULL, "30/min", "messages in a time, at most: 14/s, 30/min, 1000/h" },
	{ "smarthost", "burst", false, "1", NULL, "so many of them may come at once" },
	{ "smarthost", "window", false, "20", NULL,
	  "messages in flight on one connection, at most" },
	{ "smarthost", "timeout", false, "30s", NULL, "to connect" },
	{ "smarthost", "ca_file", false, NULL, "/etc/ssl/certs/ca-certificates.crt",
	  "who may sign its certificate; else the system's bundle" },
	{ "smarthost", "client_cert", false, NULL, "/etc/mailchute/client.pem",
	  "our own certificate" },
	{ "smarthost", "client_key", false, NULL, "/etc/mailchute/client.key",
	  "its key; else in the same file" },
	{ "smarthost", "tls_name", false, NULL, "smtp.example.com",
	  "the name to verify, where the url holds an address" },
	{ "smarthost", "tls_fingerprint", false, NULL,
	  "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
	  "the only certificate that will do, whoever signed it" },
	{ "smarthost", "tls_min", false, "1.2", NULL, "1.2 or 1.3" },
	{ "smarthost", "ip", false, "any", NULL, "any, 4 or 6" },
	{ "smarthost", "source", false, NULL, "192.0.2.7",
	  "our address that connections come from" },

	{ "route", "from", true, NULL, "*@news.example.com", "senders; else all" },
	{ "route", "to", true, NULL, "example.com", "recipients; else all" },
	{ "route", "user", true, NULL, "33", "logins or numbers of who sends; else all" },
	{ "route", "via", true, NULL, "provider",
	  "titles of smarthosts, the second for when the first is down; or with shares, \"a:3\"" },
	{ "route", "rate", false, NULL, "30/min", "messages in a time, at most: 14/s, 30/min, 1000/h" },
	{ "route", "burst", false, "1", NULL, "so many of them may come at once" },

	{ "alias", "to", true, NULL, "me@example.com", "addresses or other names" },

	{ "submit", "mode", false, "auto", NULL, "auto, service, spool, direct" },
	{ "submit", "wait", false, "auto", NULL,
	  "what sendmail waits for: auto, disk, outcome" },
	{ "submit", "wait_limit", false, "3s", NULL, "so long for the outcome, at most" },
	{ "submit", "timeout", false, "20s", NULL, "so long in all, at most" },
	{ "submit", "idle", false, "10s", NULL,
	  "a service started on demand leaves after so long without work" },
	{ "submit", "max_size", false, "0", NULL, "of a message: 25M; 0: what the smarthost takes" },
	{ "submit", "users", true, "*", NULL, "logins or numbers of who may send; *: everybody" },
	{ "submit", "rewrite_to", false, "true", NULL,
	  "names in To and Cc become the addresses they stand for" },
	{ "submit", "received", false, "true", NULL,
	  "a Received field names this host, the time and the user's number" },

	{ "queue", "dir", false, MAILCHUTE_SPOOL_DIR, NULL, "where it is kept" },
	{ "queue", "retry", true, "30s, 2m, 10m, 30m, 1h", NULL,
	  "pauses between attempts; the last repeats" },
	{ "queue", "lifetime", false, "5d", NULL, "then the sender is told that it failed" },
	{ "queue", "warn", false, "4h", NULL, "then the sender is told of the delay" },
	{ "queue", "bounce", false, "root", NULL,
	  "a name: told for local senders; an address: told of all; empty: nobody" },
	{ "queue", "failed", false, "keep", NULL,
	  "keep or drop what nobody could be told of" },
	{ "queue", "failed_limit", false, "30d", NULL, "for so long" },

	{ "limits", "sessions", false, "100", NULL, "clients served at once" },
	{ "limits", "sessions_per_uid", false, "20", NULL, "of these for one user" },
	{ "limits", "messages_per_uid", false, "1000", NULL,
	  "of one user in the queue; 0: no limit" },
	{ "limits", "size_per_uid", false, "100M", NULL, "of them together; 0: no limit" },
	{ "limits", "reserve", false, "64M", NULL, "stays free on the queue's disk" },
	{ "limits", "reserve_percent", false, "5", NULL, "of it, and of its inodes; what is less counts" },

	{ "log", "to", false, "auto", NULL,
	  "auto, journal, syslog, stderr, none, or the path of a file" },
	{ "log", "format", false, "text", NULL, "text or json" },
	{ "log", "subject", false, "false", NULL, "the Subject of each message, too" },

	{ NULL, "aliases_file", false, "/etc/aliases", NULL,
	  "aliases(5), read after the alias blocks" },
	{ NULL, "capture", false, NULL, "/var/lib/mailchute/captured",
	  "a Maildir that takes all mail, and none is sent" },
};
/* clang-format on */

enum {
	BLOCK_COUNT = sizeof blocks / sizeof blocks[0],
	OPTION_COUNT = sizeof table / sizeof table[0],
};

size_t options_count(void)
{
	return OPTION_COUNT;
}

const struct option *options_at(size_t index)
{
	return &table[index];
}

static bool is_in(const struct option *option, struct span block)
{
	return span_equals_string(block, option->block != NULL ? option->block : "");
}

const struct option *options_find(struct span block, struct span name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (span_equals_string(name, table[i].name) && is_in(&table[i], block))
			return &table[i];
	return NULL;
}

const struct option *options_nearest(struct span block, struct span name)
{
	const char *names[OPTION_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (is_in(&table[i], block))
			names[count++] = table[i].name;
	const char *nearest = nearest_name(name, names, count);
	return nearest != NULL ? options_find(block, span_from_string(nearest)) : NULL;
}

const struct option *options_elsewhere(struct span block, struct span name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (span_equals_string(name, table[i].name) && !is_in(&table[i], block))
			return &table[i];
	return NULL;
}

size_t options_block_count(void)
{
	return BLOCK_COUNT;
}

const struct option_block *options_block_at(size_t index)
{
	return &blocks[index];
}

const struct option_block *options_find_block(struct span name)
{
	for (size_t i = 0; i < BLOCK_COUNT; i++)
		if (span_equals_string(name, blocks[i].name))
			return &blocks[i];
	return NULL;
}

const struct option_block *options_nearest_block(struct span name)
{
	const char *names[BLOCK_COUNT];

	for (size_t i = 0; i < BLOCK_COUNT; i++)
		names[i] = blocks[i].name;
	const char *nearest = nearest_name(name, names, BLOCK_COUNT);
	return nearest != NULL ? options_find_block(span_from_string(nearest)) : NULL;
}
