/* SPDX-License-Identifier: MIT */

#include "smtp/extension.h"

#include <stdio.h>
#include <string.h>

/* The one table of keywords; those with an argument are treated below. */
static const struct keyword {
	const char *name;
	size_t offset; /* of its bool in struct extensions */
} keywords[] = {
	{ "PIPELINING", offsetof(struct extensions, pipelining) },
	{ "SIZE", offsetof(struct extensions, size) },
	{ "STARTTLS", offsetof(struct extensions, starttls) },
	{ "ENHANCEDSTATUSCODES", offsetof(struct extensions, enhanced_status_codes) },
	{ "8BITMIME", offsetof(struct extensions, eight_bit_mime) },
	{ "SMTPUTF8", offsetof(struct extensions, smtputf8) },
	{ "DSN", offsetof(struct extensions, dsn) },
	{ "CHUNKING", offsetof(struct extensions, chunking) },
	{ "XMAILCHUTE", offsetof(struct extensions, mailchute) },
};

enum { KEYWORDS = sizeof keywords / sizeof keywords[0] };

static char capital(char byte)
{
	return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

/* RFC 4422, 3.1: 1 to 20 letters, digits, '-', '_'. */
static bool is_mechanism(struct span word)
{
	for (size_t i = 0; i < word.length; i++) {
		char byte = capital(word.start[i]);

		if ((byte < 'A' || byte > 'Z') && (byte < '0' || byte > '9') && byte != '-' &&
		    byte != '_')
			return false;
	}
	return word.length >= 1 && word.length <= 20;
}

static bool has_mechanism(const char *auth, struct span mechanism)
{
	struct span rest = span_from_string(auth);
	struct span word;

	while (span_take_word(&rest, &word))
		if (span_equals_ignoring_case(word, mechanism))
			return true;
	return false;
}

/* A server may say AUTH twice, the new way and the old one; each mechanism counts once. */
static void add_mechanisms(struct extensions *extensions, struct span words)
{
	struct span word;

	while (span_take_word(&words, &word)) {
		size_t length = strlen(extensions->auth);

		if (!is_mechanism(word) || has_mechanism(extensions->auth, word) ||
		    length + 1 + word.length >= sizeof extensions->auth)
			continue;
		if (length != 0)
			extensions->auth[length++] = ' ';
		for (size_t i = 0; i < word.length; i++)
			extensions->auth[length++] = capital(word.start[i]);
		extensions->auth[length] = '\0';
	}
}

/* What is no number says nothing. */
static void read_limit(struct extensions *extensions, struct span argument)
{
	if (!span_to_number(argument, &extensions->mailchute_limit))
		extensions->mailchute_limit = 0;
}

/* RFC 9422, 3: "RCPTMAX=100 MAILMAX=50"; a limit of nothing would be no service at all. */
static void read_limits(struct extensions *extensions, struct span rest)
{
	struct span item;
	struct span name;
	uint64_t number;

	while (span_take_word(&rest, &item)) {
		if (!span_take_until(&item, '=', &name) || !span_to_number(item, &number) ||
		    number == 0)
			continue;
		if (span_equals_string_ignoring_case(name, "MAILMAX"))
			extensions->mail_limit = number;
		else if (span_equals_string_ignoring_case(name, "RCPTMAX"))
			extensions->rcpt_limit = number;
	}
}

static void read_size(struct extensions *extensions, struct span argument)
{
	/* RFC 1870, 4: "SIZE" and "SIZE 0" set no limit, and nonsense is no limit we could obey. */
	if (!span_to_number(argument, &extensions->size_limit))
		extensions->size_limit = 0;
}

static void parse_line(struct extensions *extensions, struct span line)
{
	struct span rest = line;
	struct span word;

	if (span_starts_with_ignoring_case(line, "AUTH=")) {
		add_mechanisms(extensions, span_after(line, 5));
		return;
	}
	if (!span_take_word(&rest, &word))
		return;
	for (size_t i = 0; i < KEYWORDS; i++)
		if (span_equals_string_ignoring_case(word, keywords[i].name))
			*(bool *)((char *)extensions + keywords[i].offset) = true;
	if (span_equals_string_ignoring_case(word, "SIZE"))
		read_size(extensions, span_trim(rest));
	if (span_equals_string_ignoring_case(word, "XMAILCHUTE"))
		read_limit(extensions, span_trim(rest));
	if (span_equals_string_ignoring_case(word, "LIMITS"))
		read_limits(extensions, rest);
	if (span_equals_string_ignoring_case(word, "AUTH"))
		add_mechanisms(extensions, rest);
}

static void read_name(struct extensions *extensions, struct span line)
{
	struct span word = { 0 };

	if (!span_take_word(&line, &word))
		return;
	for (size_t i = 0; i < word.length && i < sizeof extensions->name - 1; i++) {
		unsigned char octet = (unsigned char)word.start[i];

		extensions->name[i] = octet < 0x20 || octet == 0x7f ? '?' : word.start[i];
	}
}

void extension_parse(struct span reply, struct extensions *extensions)
{
	struct extensions found = { .is_extended = true };
	struct span line;

	if (span_take_line(&reply, &line))
		read_name(&found, span_after(line, 4));
	while (span_take_line(&reply, &line))
		parse_line(&found, span_trim(span_after(line, 4)));
	*extensions = found;
}

void extension_write(const struct extensions *extensions, const char *name, struct buffer *text)
{
	buffer_append_string(text, name);
	for (size_t i = 0; i < KEYWORDS; i++) {
		if (!*(const bool *)((const char *)extensions + keywords[i].offset))
			continue;
		buffer_format(text, "\n%s", keywords[i].name);
		if (keywords[i].offset == offsetof(struct extensions, size) &&
		    extensions->size_limit != 0)
			buffer_format(text, " %llu", (unsigned long long)extensions->size_limit);
		if (keywords[i].offset == offsetof(struct extensions, mailchute) &&
		    extensions->mailchute_limit != 0)
			buffer_format(
			    text, " %llu", (unsigned long long)extensions->mailchute_limit);
	}
	if (extensions->auth[0] != '\0')
		buffer_format(text, "\nAUTH %s", extensions->auth);
}
