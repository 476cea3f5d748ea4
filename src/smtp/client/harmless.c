/* SPDX-License-Identifier: MIT */

#include "smtp/client/harmless.h"

#include <stddef.h>

enum {
	WORD_SIZE = 16, /* longer words are no command */
	BLOCK = 8192,
};

/* Of SMTP as it is, was, or is spoken by one server only; what begins with X is not here. */
static const char *const verbs[] = { "ADDR", "ATRN", "AUTH", "BDAT", "BURL", "CONT", "DATA",
	"DEBUG", "EHLO", "EMAL", "ESAM", "ESND", "ESOM", "ETRN", "EVFY", "EXPN", "HELO", "HELP",
	"KILL", "LHLO", "MAIL", "MRCP", "MRSQ", "MSAM", "MSND", "MSOM", "NOOP", "ONEX", "PROXY",
	"QUEU", "QUEUE", "QUIT", "RCPT", "REPL", "RSET", "SAML", "SEND", "SHOWQ", "SIZE", "SOML",
	"STARTTLS", "TICK", "TURN", "TURNME", "UNAUTH", "VERB", "VERS", "VRFY", "WIZ" };

enum place { BEFORE_WORD, IN_WORD, BEHIND_WORD };

/* The text up to here. */
struct scan {
	enum place place;
	char word[WORD_SIZE];
	size_t length; /* of the word, which may be longer than what is kept of it */
	size_t column;
	bool is_harmful;
};

static bool is_break(unsigned char octet)
{
	return octet == 0x7f || (octet < 0x20 && octet != '\t');
}

static bool is_graphic(unsigned char octet)
{
	return octet > 0x20 && octet < 0x7f;
}

static bool is_in_words(unsigned char octet)
{
	return (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') ||
	       (octet >= '0' && octet <= '9') || octet == '-';
}

/* XCLIENT and all the others that nobody knows, but not "X-Mailer:". */
static bool is_private(const struct scan *scan, unsigned char next)
{
	if (scan->length < 2 || (scan->word[0] != 'X' && scan->word[0] != 'x'))
		return false;
	return scan->word[1] != '-' || next != ':';
}

static bool is_verb(struct span word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (span_equals_string_ignoring_case(word, verbs[i]))
			return true;
	return false;
}

/* The first word of a line is over; next follows it. */
static void judge_word(struct scan *scan, unsigned char next)
{
	scan->place = BEHIND_WORD;
	if (is_private(scan, next) ||
	    (scan->length <= WORD_SIZE && is_verb(span_from_bytes(scan->word, scan->length))))
		scan->is_harmful = true;
}

static void take_octet(struct scan *scan, unsigned char octet)
{
	/* Blanks, controls and what is not ASCII might be skipped by somebody. */
	if (scan->place == BEFORE_WORD && is_graphic(octet)) {
		scan->place = IN_WORD;
		scan->length = 0;
	}
	if (scan->place == IN_WORD && is_in_words(octet)) {
		if (scan->length < WORD_SIZE)
			scan->word[scan->length] = (char)octet;
		scan->length++;
	} else if (scan->place == IN_WORD) {
		judge_word(scan, octet);
	}
	scan->column++;
	if (is_break(octet))
		scan->place = BEFORE_WORD;
	if (octet == '\n')
		scan->column = 0;
	if (scan->column > HARMLESS_LINE)
		scan->is_harmful = true;
}

static void take_text(struct scan *scan, struct span text)
{
	for (size_t i = 0; i < text.length && !scan->is_harmful; i++)
		take_octet(scan, (unsigned char)text.start[i]);
}

/* What is read leaves the file's offset as it was: it is counted in a copy. */
static void take_file(struct scan *scan, const struct content *content, uint64_t left)
{
	struct content_file file = *(const struct content_file *)content->context;
	char block[BLOCK];
	struct error ignored;

	while (left != 0 && !scan->is_harmful) {
		size_t size = left < sizeof block ? (size_t)left : sizeof block;
		ssize_t count = content_read_file(&file, block, size, &ignored);

		if (count <= 0) {
			scan->is_harmful = true;
			return;
		}
		take_text(scan, span_from_bytes(block, (size_t)count));
		left -= (uint64_t)count;
	}
}

bool harmless_content(const struct content *content)
{
	struct scan scan = { 0 };
	int64_t size = content_size(content);

	if (size < (int64_t)content->front.length || size > HARMLESS_SIZE)
		return false;
	if (content->read != NULL && content->read != content_read_file)
		return false;
	take_text(&scan, content->front);
	if (content->read != NULL)
		take_file(&scan, content, (uint64_t)size - content->front.length);
	if (scan.place == IN_WORD)
		judge_word(&scan, '\n');
	return !scan.is_harmful;
}
