/* SPDX-License-Identifier: MIT */

#include "worker/international.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "message/survey.h"
#include "smtp/client/idn.h"

static bool is_utf8(struct span text)
{
	struct survey survey = { 0 };

	survey_look(&survey, text);
	return survey_is_utf8(&survey);
}

bool international_needs_smtputf8(const struct envelope *envelope, struct span header)
{
	/* RFC 6532, 3.1: octets that are no UTF-8 are not what SMTPUTF8 is for. */
	return envelope_needs_smtputf8(envelope) || (span_has_8bit(header) && is_utf8(header));
}

static void write_domain(char **address)
{
	struct span text = span_from_string(*address);
	struct error error;

	if (!span_has_8bit(text))
		return;
	char *ascii = idn_library.to_ascii(text, &error);
	if (ascii == NULL)
		return;
	free(*address);
	*address = ascii;
}

/* The character at *text, which is UTF-8 and not at its end; *text goes on behind it. */
static unsigned take_character(const char **text)
{
	const unsigned char *octet = (const unsigned char *)*text;
	size_t more = octet[0] < 0x80 ? 0 : octet[0] < 0xe0 ? 1 : octet[0] < 0xf0 ? 2 : 3;
	unsigned character = more == 0 ? octet[0] : octet[0] & (0x3fU >> more);

	for (size_t i = 1; i <= more; i++)
		character = character << 6 | (octet[i] & 0x3fU);
	*text += more + 1;
	return character;
}

static const char type[] = "utf-8;";

/*
 * As utf-8-addr-xtext (RFC 6533, 3), which is ASCII, and which xtext leaves as
 * it is.  What has that type already is known to hold no special character
 * but in this form.
 */
static void append_original(struct buffer *output, const char *text)
{
	bool has_type = span_starts_with_ignoring_case(span_from_string(text), type);

	if (!has_type)
		buffer_append_string(output, type);
	while (*text != '\0') {
		unsigned character = take_character(&text);

		if (character > '~' || (!has_type && strchr(" +=\\", (int)character) != NULL))
			buffer_format(output, "\\x{%02X}", character);
		else
			buffer_append_byte(output, (char)character);
	}
}

/* An original of another type is what its sender made of it. */
static void write_original(char **original)
{
	struct buffer written CLEANUP(buffer_finish) = { .limit = 8 * ENVELOPE_ORIGINAL_LIMIT };
	struct span text = span_from_string(*original);

	if (!span_has_8bit(text) || !is_utf8(text))
		return;
	if (span_find_byte(text, ';') >= 0 && !span_starts_with_ignoring_case(text, type))
		return;
	append_original(&written, *original);
	free(*original);
	*original = buffer_take_string(&written);
}

void international_adapt(struct envelope *envelope, const struct extensions *offered)
{
	if (!offered->smtputf8)
		write_domain(&envelope->sender);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		struct recipient *recipient = &envelope->recipients[i];

		if (recipient->original != NULL)
			write_original(&recipient->original);
		if (!offered->smtputf8)
			write_domain(&recipient->address);
	}
}
