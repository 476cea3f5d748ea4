/* SPDX-License-Identifier: MIT */

#include "admin/test_share.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void test_share_finish(struct test_share *share)
{
	for (size_t i = 0; i < share->count; i++)
		free(share->names[i]);
	*share = (struct test_share){ 0 };
}

static bool is_one(struct span name, const char *known)
{
	return span_equals_string_ignoring_case(name, known);
}

/* Its number, from 1 on; those above the limit are not told apart. */
static size_t number_of(struct test_share *share, struct span name)
{
	for (size_t i = 0; i < share->count; i++)
		if (is_one(name, share->names[i]))
			return i + 1;
	if (share->count < TEST_SHARE_LIMIT)
		share->names[share->count++] = span_copy(name);
	return share->count;
}

void test_share_know(struct test_share *share, const char *name)
{
	if (name[0] != '\0' && strcmp(name, "localhost") != 0)
		(void)number_of(share, span_from_string(name));
}

static bool is_known(const struct test_share *share, struct span name)
{
	for (size_t i = 0; i < share->count; i++)
		if (is_one(name, share->names[i]))
			return true;
	return false;
}

/* What names and network addresses are made of. */
static bool is_word(char byte)
{
	return isalnum((unsigned char)byte) || strchr("@.-_+:", byte) != NULL ||
	       (unsigned char)byte >= 0x80;
}

static bool is_network_address(struct span word, int family)
{
	unsigned char octets[16];
	char text[64];

	if (word.length == 0 || word.length >= sizeof text)
		return false;
	memcpy(text, word.start, word.length);
	text[word.length] = '\0';
	return inet_pton(family, text, octets) == 1;
}

/* "mail.example.com", and no "2.0.0", "TLSv1.3" or "0.132". */
static bool is_domain(struct span word)
{
	struct span rest = word;
	struct span label = { 0 };
	size_t labels = 0;

	while (span_take_until(&rest, '.', &label)) {
		if (label.length == 0)
			return false;
		labels++;
	}
	label = rest.length != 0 ? rest : label;
	labels += rest.length != 0;
	if (labels < 2 || label.length < 2)
		return false;
	for (size_t i = 0; i < label.length; i++)
		if (!isalpha((unsigned char)label.start[i]) && (unsigned char)label.start[i] < 0x80)
			return strncasecmp(label.start, "xn--", 4) == 0;
	return true;
}

static void put_host(struct test_share *share, struct span word, struct buffer *output)
{
	if (is_network_address(word, AF_INET) || is_network_address(word, AF_INET6))
		buffer_format(output, "192.0.2.%zu", number_of(share, word));
	else
		buffer_format(output, "host%zu.example", number_of(share, word));
}

static bool is_host(const struct test_share *share, struct span word)
{
	return is_network_address(word, AF_INET) || is_network_address(word, AF_INET6) ||
	       is_domain(word) || is_known(share, word);
}

/* "host:587": the port is no secret. */
static void put_with_port(struct test_share *share, struct span word, struct buffer *output)
{
	ssize_t colon = span_find_byte(word, ':');

	if (is_host(share, word)) {
		put_host(share, word, output);
		return;
	}
	if (colon > 0 && is_host(share, span_first(word, (size_t)colon))) {
		put_host(share, span_first(word, (size_t)colon), output);
		word = span_after(word, (size_t)colon);
	}
	buffer_append_span(output, word);
}

static void put_address(
    struct test_share *share, struct span name, size_t at, struct buffer *output)
{
	size_t user = number_of(share, name);
	size_t domain = number_of(share, span_after(name, at + 1));

	buffer_format(output, "user%zu@domain%zu.example", user, domain);
}

/* "refused the login of alice": whatever stands there is a name. */
static bool is_login(const struct buffer *output)
{
	return span_ends_with_ignoring_case(buffer_span(output), "login of ");
}

/* "/home/alice": so is that. */
static bool is_home(const struct buffer *output)
{
	return span_ends_with_ignoring_case(buffer_span(output), "/home/");
}

/* How much of it says of what kind a file is: ".pem" of "relay.example.com.pem"; no domain's end.
 */
static size_t extension_of(struct span word)
{
	static const char *const known[] = { ".pem", ".crt", ".key", ".conf", ".ini", ".sock",
		".service", ".socket" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (span_ends_with_ignoring_case(word, known[i]))
			return strlen(known[i]);
	return 0;
}

/* "250-" before the words of a line that is not a reply's last (RFC 5321, 4.2.1). */
static size_t code_of(struct span word, const struct buffer *output)
{
	if (!span_ends_with_ignoring_case(buffer_span(output), " < ") || word.length < 4 ||
	    word.start[3] != '-')
		return 0;
	for (size_t i = 0; i < 3; i++)
		if (!isdigit((unsigned char)word.start[i]))
			return 0;
	return 4;
}

static void put_word(struct test_share *share, struct span word, struct buffer *output)
{
	size_t code = code_of(word, output);
	ssize_t at;

	buffer_append_span(output, span_first(word, code));
	word = span_after(word, code);
	size_t end = word.length;
	/* A dot or colon behind it belongs to the sentence. */
	while (end != 0 && strchr(".:", word.start[end - 1]) != NULL)
		end--;
	end -= extension_of(span_first(word, end));
	struct span name = span_first(word, end);
	at = span_find_byte(name, '@');
	if (at > 0 && (size_t)at + 1 < name.length)
		put_address(share, name, (size_t)at, output);
	else if (name.length != 0 && (is_login(output) || is_home(output)))
		buffer_format(output, "user%zu", number_of(share, name));
	else
		put_with_port(share, name, output);
	buffer_append_span(output, span_after(word, end));
}

void test_share_mask(struct test_share *share, struct span text, struct buffer *output)
{
	while (text.length != 0) {
		size_t length = 0;

		while (length < text.length && is_word(text.start[length]))
			length++;
		put_word(share, span_first(text, length), output);
		text = span_after(text, length);
		if (text.length == 0)
			return;
		buffer_append_byte(output, text.start[0]);
		text = span_after(text, 1);
	}
}
