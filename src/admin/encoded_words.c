/* SPDX-License-Identifier: MIT */

#include "admin/encoded_words.h"

#include <ctype.h>

#include "base/base64.h"
#include "base/memory.h"

enum { WORD_LIMIT = 4096 }; /* octets; the RFC allows 75 */

enum charset { UTF8, LATIN1, OTHER };

struct encoded {
	enum charset charset;
	char encoding; /* 'B' or 'Q' */
	struct span text;
	size_t length; /* of the whole word */
};

static enum charset charset_of(struct span name)
{
	struct span rest = name;

	/* RFC 2231, section 5: "utf-8*en". */
	(void)span_take_until(&rest, '*', &name);
	if (span_equals_string_ignoring_case(name, "utf-8") ||
	    span_equals_string_ignoring_case(name, "us-ascii"))
		return UTF8;
	return span_equals_string_ignoring_case(name, "iso-8859-1") ? LATIN1 : OTHER;
}

/* "=?charset?Q?text?=" at the front. */
static bool read_word(struct span value, struct encoded *word)
{
	struct span rest = value;
	struct span charset = { 0 };
	struct span encoding = { 0 };

	if (!span_starts_with(value, "=?"))
		return false;
	rest = span_after(rest, 2);
	if (!span_take_until(&rest, '?', &charset) || !span_take_until(&rest, '?', &encoding) ||
	    encoding.length != 1 || !span_take_until(&rest, '?', &word->text) ||
	    !span_starts_with(rest, "="))
		return false;
	word->charset = charset_of(charset);
	word->encoding = (char)toupper((unsigned char)encoding.start[0]);
	word->length = value.length - rest.length + 1;
	return word->charset != OTHER && word->text.length <= WORD_LIMIT;
}

static int digit_of(char octet)
{
	if (octet >= '0' && octet <= '9')
		return octet - '0';
	octet = (char)toupper((unsigned char)octet);
	return octet >= 'A' && octet <= 'F' ? octet - 'A' + 10 : -1;
}

static int decode_q(struct span text, struct buffer *octets)
{
	for (size_t i = 0; i < text.length; i++) {
		char octet = text.start[i] == '_' ? ' ' : text.start[i];

		if (octet == '=') {
			int high = i + 2 < text.length ? digit_of(text.start[i + 1]) : -1;
			int low = i + 2 < text.length ? digit_of(text.start[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			octet = (char)(high * 16 + low);
			i += 2;
		}
		buffer_append_byte(octets, octet);
	}
	return 0;
}

static void append_octets(enum charset charset, struct span octets, struct buffer *output)
{
	for (size_t i = 0; i < octets.length; i++) {
		unsigned char octet = (unsigned char)octets.start[i];

		if (charset == LATIN1 && octet >= 0x80) {
			buffer_append_byte(output, (char)(0xc0 | octet >> 6));
			octet = (unsigned char)(0x80 | (octet & 0x3f));
		}
		buffer_append_byte(output, (char)octet);
	}
}

static bool decode(const struct encoded *word, struct buffer *output)
{
	struct buffer octets CLEANUP(buffer_finish) = { 0 };

	buffer_init(&octets, 2 * WORD_LIMIT);
	if (word->encoding != 'B' && word->encoding != 'Q')
		return false;
	if ((word->encoding == 'B' ? base64_decode(word->text, &octets)
				   : decode_q(word->text, &octets)) < 0)
		return false;
	append_octets(word->charset, buffer_span(&octets), output);
	return true;
}

static size_t count_blanks(struct span value)
{
	size_t count = 0;

	while (count < value.length && (value.start[count] == ' ' || value.start[count] == '\t'))
		count++;
	return count;
}

void encoded_words_decode(struct span value, struct buffer *output)
{
	struct encoded word = { 0 };

	while (value.length != 0) {
		if (!read_word(value, &word) || !decode(&word, output)) {
			buffer_append_byte(output, value.start[0]);
			value = span_after(value, 1);
			continue;
		}
		value = span_after(value, word.length);
		/* Blanks between two of them are not part of the text. */
		size_t blanks = count_blanks(value);
		if (read_word(span_after(value, blanks), &word))
			value = span_after(value, blanks);
	}
}
