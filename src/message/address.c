/* SPDX-License-Identifier: MIT */

#include "message/address.h"

#include <assert.h>
#include <string.h>

enum { DOMAIN_LIMIT = 255, LABEL_LIMIT = 63 };

/* Where the last '@' outside quotes stands, or -1. */
static ssize_t find_separator(struct span text)
{
	ssize_t found = -1;
	bool is_quoted = false;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.start[i];

		if (c == '\\' && is_quoted)
			i++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (c == '@' && !is_quoted)
			found = (ssize_t)i;
	}
	return found;
}

struct address address_split(struct span text)
{
	ssize_t at = find_separator(text);

	if (at < 0)
		return (struct address){ text, span_after(text, text.length) };
	return (struct address){ span_first(text, (size_t)at), span_after(text, (size_t)at + 1) };
}

bool address_is_bare(struct span text)
{
	return find_separator(text) < 0;
}

bool address_equals(struct span a, struct span b)
{
	/* The cheap question first: most addresses differ. */
	if (!span_equals_ignoring_case(a, b))
		return false;
	return span_equals(address_split(a).local, address_split(b).local) &&
	       address_is_bare(a) == address_is_bare(b);
}

/* How many octets the character at the start takes; 0 when it is no UTF-8 (RFC 3629, 4). */
static size_t utf8_length(struct span text)
{
	const unsigned char *p = (const unsigned char *)text.start;
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] > 0xf4 || length > text.length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies past U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	/* U+0080 to U+009F are controls like those of ASCII. */
	if (p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	return length;
}

static bool is_utf8(struct span text)
{
	while (text.length != 0) {
		size_t length = utf8_length(text);

		if (length == 0)
			return false;
		text = span_after(text, length);
	}
	return true;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool address_is_atom_byte(char c)
{
	return is_letter_or_digit(c) || (unsigned char)c > 0x7f ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static const char *quoted_fault(struct span local)
{
	for (size_t i = 1; i < local.length; i++) {
		if (local.start[i] == '"')
			return i + 1 == local.length ? NULL : "something follows the quoted name";
		if (local.start[i] == '\\')
			i++;
	}
	return "the quotes before the @ are not closed";
}

/*
 * Dots may stand anywhere: RFC 5321 wants quotes around such names, yet they
 * are in use, and the smarthost may know them.
 */
static const char *local_fault(struct span local)
{
	if (local.length == 0)
		return "nothing stands before the @";
	if (local.start[0] == '"')
		return quoted_fault(local);
	for (size_t i = 0; i < local.length; i++) {
		char c = local.start[i];

		if (c == ' ')
			return "it holds a blank";
		if (c == '@')
			return "it holds a second @";
		if (c != '.' && !address_is_atom_byte(c))
			return "a character before the @ needs quotes around the name";
	}
	return NULL;
}

static const char *literal_fault(struct span literal)
{
	if (literal.length < 3 || literal.start[literal.length - 1] != ']')
		return "the address in brackets after the @ is not complete";
	for (size_t i = 1; i + 1 < literal.length; i++) {
		char c = literal.start[i];

		if (!is_letter_or_digit(c) && c != '.' && c != ':' && c != '-')
			return "the address in brackets after the @ holds a wrong character";
	}
	return NULL;
}

static const char *label_fault(struct span label)
{
	if (label.length == 0)
		return "the domain has a dot too many";
	if (label.length > LABEL_LIMIT)
		return "a part of the domain is longer than 63 characters";
	if (label.start[0] == '-' || label.start[label.length - 1] == '-')
		return "a part of the domain begins or ends with a hyphen";
	for (size_t i = 0; i < label.length; i++) {
		char c = label.start[i];

		/* No host has an underscore, but mail domains do. */
		if (!is_letter_or_digit(c) && c != '-' && c != '_' && (unsigned char)c <= 0x7f)
			return "the domain holds a wrong character";
	}
	return NULL;
}

static const char *domain_fault(struct span domain)
{
	if (domain.length == 0)
		return "nothing stands after the @";
	if (domain.start[0] == '[')
		return literal_fault(domain);
	if (domain.length > DOMAIN_LIMIT)
		return "the domain is longer than 255 characters";
	for (;;) {
		ssize_t dot = span_find_byte(domain, '.');
		const char *fault = label_fault(
		    span_first(domain, dot < 0 ? domain.length : (size_t)dot));

		if (fault != NULL || dot < 0)
			return fault;
		domain = span_after(domain, (size_t)dot + 1);
	}
}

const char *address_fault(struct span text)
{
	if (text.length == 0)
		return NULL;
	if (text.length > ADDRESS_LIMIT)
		return "it is longer than 1000 characters";
	if (span_has_control(text))
		return "it holds a control character";
	if (!is_utf8(text))
		return "it is not UTF-8";
	struct address address = address_split(text);
	const char *fault = local_fault(address.local);
	if (fault != NULL || address_is_bare(text))
		return fault;
	return domain_fault(address.domain);
}

int address_check(struct span text, struct error *error)
{
	const char *fault = address_fault(text);

	if (fault == NULL)
		return 0;
	struct span shown = span_first(text, 200);
	return error_set(error, ERROR_DATA, "5.1.3", "<%.*s%s> is not a mail address: %s",
	    span_int(shown), shown.start, shown.length < text.length ? "..." : "", fault);
}
