/* SPDX-License-Identifier: MIT */

#include "import/postfix_account.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

static enum account_tls tls_level(const char *level)
{
	if (strcasecmp(level, "none") == 0)
		return ACCOUNT_TLS_NEVER;
	if (strcasecmp(level, "may") == 0 || strcasecmp(level, "dane") == 0)
		return ACCOUNT_TLS_MAY;
	return ACCOUNT_TLS_MUST;
}

static const char *policy_of(
    const struct postfix_reader *reader, const char *nexthop, const char *host)
{
	const struct postfix_entry *entry = postfix_table_find(&reader->tls_policy, nexthop);

	if (entry == NULL)
		entry = postfix_table_find(&reader->tls_policy, host);
	return entry != NULL ? entry->value : NULL;
}

static void take_tls(struct postfix_reader *reader, struct account *account, const char *nexthop)
{
	CLEANUP(memory_free_string)
	char *level = postfix_reader_value(reader, "smtp_tls_security_level");
	const char *policy = policy_of(reader, nexthop, account->host);

	if (policy != NULL) {
		struct span rest = span_from_string(policy);
		struct span word = { 0 };

		(void)span_take_word(&rest, &word);
		account_take(&level, word);
	}
	if (level != NULL && level[0] != '\0')
		account->tls = tls_level(level);
	else if (postfix_reader_is_yes(reader, "smtp_enforce_tls"))
		account->tls = ACCOUNT_TLS_MUST;
	else if (postfix_reader_is_yes(reader, "smtp_use_tls"))
		account->tls = ACCOUNT_TLS_MAY;
	if (postfix_reader_is_yes(reader, "smtp_tls_wrappermode"))
		account->tls = ACCOUNT_TLS_AT_ONCE;
	if (level != NULL && strcasecmp(level, "encrypt") == 0)
		postfix_reader_note(reader, PLAN_CHANGED, "smtp_tls_security_level",
		    "encrypt took any certificate; now it is verified");
}

static void take_certificates(struct postfix_reader *reader, struct account *account)
{
	CLEANUP(memory_free_string)
	char *level = postfix_reader_value(reader, "smtp_tls_security_level");
	CLEANUP(memory_free_string)
	char *print = postfix_reader_value(reader, "smtp_tls_fingerprint_cert_match");

	account->ca_file = postfix_reader_value(reader, "smtp_tls_CAfile");
	account->client_cert = postfix_reader_value(reader, "smtp_tls_cert_file");
	account->client_key = postfix_reader_value(reader, "smtp_tls_key_file");
	if (account->client_key != NULL && account->client_key[0] == '\0')
		memory_free_string(&account->client_key);
	if (account->ca_file[0] == '\0')
		memory_free_string(&account->ca_file);
	if (account->client_cert[0] == '\0' || strcasecmp(account->client_cert, "none") == 0)
		memory_free_string(&account->client_cert);
	if (strcasecmp(level, "fingerprint") == 0 && print[0] != '\0')
		account->tls_fingerprint = memory_copy_string(print);
}

/* Postfix's own order: the name of the host, then the destination as it is written. */
static const struct postfix_entry *find_password(
    struct postfix_reader *reader, const struct account *account, const char *nexthop)
{
	const struct postfix_entry *entry = postfix_table_find(&reader->passwords, account->host);

	if (entry == NULL)
		entry = postfix_table_find(&reader->passwords, nexthop);
	if (entry == NULL)
		entry = postfix_table_find(&reader->passwords, "*");
	for (size_t i = 0; i < reader->passwords.count && entry == NULL; i++) {
		const struct postfix_entry *other = &reader->passwords.items[i];
		CLEANUP(account_finish) struct account same = { 0 };

		if (strchr(other->key, '@') != NULL ||
		    !account_set_host(&same, span_from_string(other->key)) ||
		    strcasecmp(same.host, account->host) != 0)
			continue;
		plan_note(reader->room->plan, PLAN_CHANGED,
		    postfix_table_file(&reader->passwords, other), other->line,
		    "Postfix found no login here, since \"%s\" is not written as in relayhost "
		    "(\"%s\"); "
		    "it is taken for it",
		    other->key, nexthop);
		entry = other;
	}
	return entry;
}

void postfix_account_take_login(
    struct postfix_reader *reader, struct account *account, const struct postfix_entry *entry)
{
	struct span text = span_from_string(entry->value);
	ssize_t colon = span_find_byte(text, ':');

	if (colon <= 0) {
		plan_note(reader->room->plan, PLAN_LOST,
		    postfix_table_file(&reader->passwords, entry), entry->line,
		    "this line is no DESTINATION USER:PASSWORD");
		return;
	}
	account_take(&account->user, span_first(text, (size_t)colon));
	account_take_secret(&account->password, span_after(text, (size_t)colon + 1));
}

static void take_login(struct postfix_reader *reader, struct account *account, const char *nexthop)
{
	if (reader->passwords.count == 0)
		return;
	const struct postfix_entry *entry = find_password(reader, account, nexthop);

	if (!postfix_reader_is_yes(reader, "smtp_sasl_auth_enable")) {
		postfix_reader_note(reader, PLAN_CHANGED, "smtp_sasl_password_maps",
		    "smtp_sasl_auth_enable is not yes, so Postfix made no login; now there is one");
	}
	if (entry != NULL)
		postfix_account_take_login(reader, account, entry);
}

static void take_mechanism(struct postfix_reader *reader, struct account *account)
{
	CLEANUP(memory_free_string)
	char *text = postfix_reader_value(reader, "smtp_sasl_mechanism_filter");
	static const char *const ours[] = { "plain", "login", "cram-md5", "external", "xoauth2",
		"oauthbearer" };

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcasecmp(text, ours[i]) == 0)
			account->auth = memory_copy_string(ours[i]);
	if (strncasecmp(text, "scram-", 6) == 0 && strpbrk(text, ", ") == NULL)
		account->auth = memory_copy_string("scram");
	else if (text[0] != '\0' && account->auth == NULL)
		postfix_reader_note(reader, PLAN_LOST, "smtp_sasl_mechanism_filter",
		    "the best that both ends know is used");
}

static void take_pace(struct postfix_reader *reader, struct account *account)
{
	CLEANUP(memory_free_string)
	char *delay = postfix_reader_value(
	    reader, postfix_reader_first_set(
			reader, "smtp_destination_rate_delay", "default_destination_rate_delay"));
	CLEANUP(memory_free_string)
	char *limit = postfix_reader_value(
	    reader, postfix_reader_first_set(reader, "smtp_destination_concurrency_limit",
			"default_destination_concurrency_limit"));
	uint64_t seconds = postfix_reader_seconds(delay, 1);
	uint64_t count = 0;

	if (seconds > 0 && seconds <= 3600)
		account->rate = memory_format("%u/h", (unsigned)(3600 / seconds));
	if (span_to_number(span_from_string(limit), &count) && count > 0)
		account->connections = memory_format("%u", (unsigned)(count > 20 ? 20 : count));
}

static void take_network(struct postfix_reader *reader, struct account *account)
{
	CLEANUP(memory_free_string)
	char *protocols = postfix_reader_value(reader, "inet_protocols");
	CLEANUP(memory_free_string)
	char *source = postfix_reader_value(reader, "smtp_bind_address");
	CLEANUP(memory_free_string)
	char *source6 = postfix_reader_value(reader, "smtp_bind_address6");

	if (strcasecmp(protocols, "ipv4") == 0)
		account->ip = memory_copy_string("4");
	else if (strcasecmp(protocols, "ipv6") == 0)
		account->ip = memory_copy_string("6");
	if (source[0] != '\0' && source6[0] == '\0')
		account->source = memory_copy_string(source);
	else if (source6[0] != '\0')
		postfix_reader_note(reader, PLAN_LOST, "smtp_bind_address6",
		    "a smarthost has one source address; write: source = \"...\"");
}

/* "smtp:[host]:587" is as good as "[host]:587". */
struct span postfix_account_nexthop(struct span nexthop)
{
	static const char *const names[] = { "smtp:", "relay:", "smtps:" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (span_starts_with(nexthop, names[i]) &&
		    memchr(nexthop.start, '[', nexthop.length) != NULL)
			return span_after(nexthop, strlen(names[i]));
	return nexthop;
}

/* All that concerns a nexthop but whose login it is. */
bool postfix_account_fill(struct postfix_reader *reader, struct account *account, struct span text)
{
	struct span where = postfix_account_nexthop(span_trim(text));
	CLEANUP(memory_free_string) char *nexthop = span_copy(where);

	if (!account_set_host(account, where)) {
		plan_note(reader->room->plan, PLAN_LOST, account->place.file, account->place.line,
		    "\"%s\" is no host", nexthop);
		return false;
	}
	if (nexthop[0] != '[')
		plan_note(reader->room->plan, PLAN_CHANGED, account->place.file,
		    account->place.line,
		    "Postfix asked DNS for the MX of %s (it has no brackets); now %s itself is "
		    "connected to",
		    account->host, account->host);
	take_login(reader, account, nexthop);
	take_tls(reader, account, nexthop);
	if (account->port == 0 && account->tls == ACCOUNT_TLS_AT_ONCE) {
		account->port = 465;
		postfix_reader_note(reader, PLAN_CHANGED, "smtp_tls_wrappermode",
		    "port 25, which is meant where none is named, speaks no TLS at once; it is "
		    "465");
	} else if (account->port == 0) {
		account->port = 25;
	}
	take_certificates(reader, account);
	take_mechanism(reader, account);
	take_pace(reader, account);
	take_network(reader, account);
	return true;
}
