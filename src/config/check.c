/* SPDX-License-Identifier: MIT */

#include "config/check.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fingerprint.h"
#include "base/nearest.h"
#include "base/span.h"

static int refuse(
    const struct check_place *place, const char *text, const char *wanted, struct error *error)
{
	error_set(error, ERROR_CONFIG, "5.3.5", "%s: %s = \"%s\" is no %s", place->where,
	    place->name, text, wanted);
	return -1;
}

int check_duration(
    const struct check_place *place, const char *text, int64_t *milliseconds, struct error *error)
{
	int64_t value;

	if (!clock_parse_duration(span_from_string(text), &value) || value <= 0) {
		refuse(place, text, "time", error);
		return error_next(error,
		    "write a number above 0 with ms, s, m, h or d: %s = \"30s\"", place->name);
	}
	*milliseconds = value;
	return 0;
}

/* The index of text among words, or -1 with the words in the error. */
static int check_word(const struct check_place *place, const char *text, const char *const *words,
    size_t count, struct error *error)
{
	const char *nearest;
	char list[200] = "";

	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(list);

		snprintf(list + length, sizeof list - length, "%s%s", i != 0 ? ", " : "", words[i]);
	}
	nearest = nearest_name(span_from_string(text), words, count);
	refuse(place, text, "word that is known here", error);
	return error_next(error, "write: %s = \"%s\" (known: %s)", place->name,
	    nearest != NULL ? nearest : words[0], list);
}

int check_mode(
    const struct check_place *place, const char *text, enum config_mode *mode, struct error *error)
{
	static const char *const words[] = {
		[CONFIG_MODE_AUTO] = "auto",
		[CONFIG_MODE_SERVICE] = "service",
		[CONFIG_MODE_SPOOL] = "spool",
		[CONFIG_MODE_DIRECT] = "direct",
	};
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*mode = (enum config_mode)index;
	return 0;
}

int check_wait(
    const struct check_place *place, const char *text, enum config_wait *wait, struct error *error)
{
	static const char *const words[] = {
		[CONFIG_WAIT_AUTO] = "auto",
		[CONFIG_WAIT_DISK] = "disk",
		[CONFIG_WAIT_OUTCOME] = "outcome",
	};
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*wait = (enum config_wait)index;
	return 0;
}

int check_switch(
    const struct check_place *place, const char *text, bool *is_on, struct error *error)
{
	static const char *const words[] = { "false", "true" };
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*is_on = index != 0;
	return 0;
}

int check_auth(const struct check_place *place, const char *text, enum smarthost_auth *auth,
    struct error *error)
{
	static const char *const words[] = {
		[SMARTHOST_AUTH_AUTO] = "auto",
		[SMARTHOST_AUTH_PLAIN] = "plain",
		[SMARTHOST_AUTH_LOGIN] = "login",
		[SMARTHOST_AUTH_CRAM_MD5] = "cram-md5",
		[SMARTHOST_AUTH_SCRAM] = "scram",
		[SMARTHOST_AUTH_XOAUTH2] = "xoauth2",
		[SMARTHOST_AUTH_OAUTHBEARER] = "oauthbearer",
		[SMARTHOST_AUTH_EXTERNAL] = "external",
		[SMARTHOST_AUTH_NONE] = "none",
	};
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*auth = (enum smarthost_auth)index;
	return 0;
}

int check_from_policy(const struct check_place *place, const char *text,
    enum smarthost_from_policy *policy, struct error *error)
{
	static const char *const words[] = {
		[SMARTHOST_FROM_AUTO] = "auto",
		[SMARTHOST_FROM_REPAIR] = "repair",
		[SMARTHOST_FROM_REWRITE] = "rewrite",
		[SMARTHOST_FROM_KEEP] = "keep",
		[SMARTHOST_FROM_REJECT] = "reject",
	};
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*policy = (enum smarthost_from_policy)index;
	return 0;
}

int check_user(const struct check_place *place, const char *text, struct error *error)
{
	bool is_sound = text[0] != '\0' && text[0] != '-' && strlen(text) <= 256;

	for (const char *p = text; *p != '\0'; p++)
		is_sound = is_sound && (unsigned char)*p > 0x20 && *p != 0x7f &&
			   strchr(",:;/\"'*?", *p) == NULL;
	if (is_sound || strcmp(text, "*") == 0)
		return 0;
	refuse(place, text, "user", error);
	return error_next(error,
	    "write login names or their numbers, or \"*\" for everybody: %s = { \"*\" }",
	    place->name);
}

int check_path(const struct check_place *place, const char *text, struct error *error)
{
	if (text[0] == '/' && !span_has_control(span_from_string(text)))
		return 0;
	refuse(place, text, "absolute path", error);
	return error_next(error, "write: %s = \"/...\"", place->name);
}

int check_fingerprint(const struct check_place *place, const char *text, struct error *error)
{
	unsigned char octets[FINGERPRINT_OCTETS];

	if (fingerprint_parse(span_from_string(text), octets))
		return 0;
	refuse(place, text, "SHA-256 fingerprint", error);
	return error_next(error,
	    "write: %s = \"sha256:...\" with the 64 hexadecimal digits of: "
	    "openssl x509 -in CERTIFICATE -noout -fingerprint -sha256",
	    place->name);
}

int check_tls_min(
    const struct check_place *place, const char *text, bool *is_1_3, struct error *error)
{
	static const char *const words[] = { "1.2", "1.3" };
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*is_1_3 = index == 1;
	return 0;
}

int check_family(
    const struct check_place *place, const char *text, int *family, struct error *error)
{
	static const char *const words[] = { "any", "4", "6" };
	static const int families[] = { 0, 4, 6 };
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*family = families[index];
	return 0;
}

int check_ip_address(const struct check_place *place, const char *text, struct error *error)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1)
		return 0;
	refuse(place, text, "IP address", error);
	return error_next(error, "write: %s = \"192.0.2.1\" or \"2001:db8::1\"", place->name);
}

/* What text should have been, where that can be guessed. */
static int refuse_count(
    const struct check_place *place, const char *text, unsigned limit, struct error *error)
{
	char wanted[48];
	uint64_t number = 0;
	bool is_number = span_to_number(span_from_string(text), &number);

	snprintf(wanted, sizeof wanted, "number from 1 to %u", limit);
	refuse(place, text, wanted, error);
	return error_next(
	    error, "write: %s = \"%u\"", place->name, is_number && number > limit ? limit : 1);
}

int check_count(const struct check_place *place, const char *text, unsigned limit, unsigned *count,
    struct error *error)
{
	uint64_t number;

	if (!span_to_number(span_from_string(text), &number) || number == 0 || number > limit)
		return refuse_count(place, text, limit, error);
	*count = (unsigned)number;
	return 0;
}

int check_number(const struct check_place *place, const char *text, uint64_t limit,
    uint64_t *number, struct error *error)
{
	char wanted[64];
	uint64_t found;

	if (span_to_number(span_from_string(text), &found) && found <= limit) {
		*number = found;
		return 0;
	}
	snprintf(wanted, sizeof wanted, "number from 0 to %llu", (unsigned long long)limit);
	refuse(place, text, wanted, error);
	return error_next(error, "write: %s = \"%llu\"", place->name, (unsigned long long)limit);
}

/* The power of 2 that a unit stands for; -1: it is none. */
static int unit_shift(struct span unit)
{
	static const char letters[] = "kmgt";

	if (unit.length == 0)
		return 0;
	for (int i = 0; unit.length == 1 && letters[i] != '\0'; i++)
		if ((unit.start[0] | 0x20) == letters[i])
			return 10 * (i + 1);
	return -1;
}

int check_size(
    const struct check_place *place, const char *text, uint64_t *octets, struct error *error)
{
	struct span unit = span_after(span_from_string(text), strspn(text, "0123456789"));
	struct span digits = span_first(span_from_string(text), strlen(text) - unit.length);
	int shift = unit_shift(unit);
	uint64_t number;

	if (shift >= 0 && span_to_number(digits, &number) && number <= (UINT64_MAX >> 1) >> shift) {
		*octets = number << shift;
		return 0;
	}
	refuse(place, text, "size", error);
	return error_next(
	    error, "write a number of octets, or with K, M, G or T: %s = \"100M\"", place->name);
}

static const struct period {
	const char *name;
	int64_t milliseconds;
} periods[] = { { "s", 1000 }, { "min", 60000 }, { "h", 3600000 } };

/* The one that begins as unit does: "minute", "sec". */
static const struct period *nearest_period(struct span unit)
{
	for (size_t i = 0; unit.length != 0 && i < sizeof periods / sizeof periods[0]; i++)
		if ((unit.start[0] | 0x20) == periods[i].name[0])
			return &periods[i];
	return NULL;
}

static int refuse_rate(const struct check_place *place, const char *text, uint64_t number,
    struct span unit, struct error *error)
{
	const struct period *nearest = nearest_period(unit);

	refuse(place, text, "rate", error);
	if (number == 0 || number > SMARTHOST_RATE_LIMIT || nearest == NULL)
		return error_next(error,
		    "write a number from 1 to %d and s, min or h: %s = \"30/min\"",
		    SMARTHOST_RATE_LIMIT, place->name);
	return error_next(
	    error, "write: %s = \"%u/%s\"", place->name, (unsigned)number, nearest->name);
}

/* "30 per minute" is read as far as is needed to say how to write it. */
int check_rate(const struct check_place *place, const char *text, unsigned *rate, int64_t *period,
    struct error *error)
{
	struct span span = span_from_string(text);
	size_t digits = strspn(text, "0123456789");
	struct span unit = span_after(span, digits + strspn(text + digits, " \t/"));
	uint64_t number = 0;
	bool is_number = span_to_number(span_first(span, digits), &number) && number > 0 &&
			 number <= SMARTHOST_RATE_LIMIT;

	for (size_t i = 0; is_number && i < sizeof periods / sizeof periods[0]; i++) {
		if (text[digits] != '/' || strcmp(text + digits + 1, periods[i].name) != 0)
			continue;
		*rate = (unsigned)number;
		*period = periods[i].milliseconds;
		return 0;
	}
	if (span_starts_with_ignoring_case(unit, "per"))
		unit = span_trim(span_after(unit, 3));
	return refuse_rate(place, text, number, unit, error);
}

int check_log(const struct check_place *place, const char *text, struct error *error)
{
	static const char *const words[] = { "auto", "journal", "syslog", "stderr", "none" };

	if (text[0] == '/')
		return check_path(place, text, error);
	if (check_word(place, text, words, sizeof words / sizeof words[0], error) >= 0)
		return 0;
	return error_next(error, "%s, or the absolute path of a file", error->next);
}

int check_log_format(
    const struct check_place *place, const char *text, bool *is_json, struct error *error)
{
	static const char *const words[] = { "text", "json" };
	int index = check_word(place, text, words, sizeof words / sizeof words[0], error);

	if (index < 0)
		return -1;
	*is_json = index != 0;
	return 0;
}

static bool is_name_byte(char c, const char *others)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c > 0x7f || (c != '\0' && strchr(others, c) != NULL);
}

static bool is_domain(struct span domain)
{
	char previous = '.';

	if (domain.length == 0 || domain.length > 255)
		return false;
	for (size_t i = 0; i < domain.length; i++) {
		char c = domain.start[i];

		if (!is_name_byte(c, "-._") || (c == '.' && previous == '.'))
			return false;
		previous = c;
	}
	return previous != '.';
}

static bool is_literal(const char *text)
{
	struct span span = span_from_string(text);
	char inside[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	if (span.length < 3 || text[0] != '[' || text[span.length - 1] != ']')
		return false;
	span = span_after(span_first(span, span.length - 1), 1);
	bool is_six = span_starts_with_ignoring_case(span, "IPv6:");
	if (is_six)
		span = span_after(span, 5);
	if (span.length >= sizeof inside)
		return false;
	memcpy(inside, span.start, span.length);
	inside[span.length] = '\0';
	return inet_pton(is_six ? AF_INET6 : AF_INET, inside, bytes) == 1;
}

int check_domain(
    const struct check_place *place, const char *text, bool may_be_literal, struct error *error)
{
	if (is_domain(span_from_string(text)) || (may_be_literal && is_literal(text)))
		return 0;
	refuse(place, text, may_be_literal ? "host name or address literal" : "domain", error);
	return error_next(error, "write: %s = \"example.com\"%s", place->name,
	    may_be_literal ? " or \"[192.0.2.1]\"" : "");
}

int check_ehlo(const struct check_place *place, const char *text, struct error *error)
{
	return strcmp(text, "auto") == 0 ? 0 : check_domain(place, text, true, error);
}

/* Settings know only the outer form; the envelope's door looks again. */
static bool is_local_part(struct span local)
{
	for (size_t i = 0; i < local.length; i++) {
		char c = local.start[i];

		if ((unsigned char)c <= 0x20 || c == 0x7f || strchr("<>()[],;:\\\"@", c) != NULL)
			return false;
	}
	return local.length != 0;
}

int check_address(
    const struct check_place *place, const char *text, bool may_be_bare, struct error *error)
{
	struct span span = span_from_string(text);
	ssize_t at = span_find_last_byte(span, '@');
	struct span local = at < 0 ? span : span_first(span, (size_t)at);

	if (is_local_part(local) &&
	    (at < 0 ? may_be_bare
		    : is_domain(span_after(span, (size_t)at + 1)) || is_literal(text + at + 1)))
		return 0;
	refuse(place, text, "mail address", error);
	if (text[0] == '@')
		return error_next(
		    error, "an unquoted * is dropped: put the value in double quotes");
	return error_next(error, "write: %s = \"alerts@example.com\"", place->name);
}

int check_pattern(const struct check_place *place, const char *text, struct error *error)
{
	struct error hidden;

	if (strncmp(text, "*@", 2) == 0)
		return check_domain(place, text + 2, true, error);
	if (strchr(text, '@') != NULL)
		return check_address(place, text, false, error);
	if (strchr(text, '*') == NULL && check_domain(place, text, true, &hidden) == 0)
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s: %s = \"%s\" is neither an address nor a domain", place->where, place->name, text);
	return error_next(
	    error, "write: %s = { \"*@example.com\" } or \"alerts@example.com\"", place->name);
}

int check_title(const struct check_place *place, const char *text, struct error *error)
{
	bool is_sound = text[0] != '\0';

	for (const char *p = text; *p != '\0'; p++)
		is_sound = is_sound && (unsigned char)*p < 0x80 && is_name_byte(*p, "-_.");
	if (is_sound)
		return 0;
	refuse(place, text, "name that both files can hold", error);
	return error_next(error, "use letters, digits, '-', '_' and '.'");
}
