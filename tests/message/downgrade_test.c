/* SPDX-License-Identifier: MIT */

/*
 * Tests message/downgrade.c: rows that say what becomes of what, and thousands
 * of generated messages that another decoder, below, takes apart again.
 */

#include "message/downgrade.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "tests/support/guarded.h"

enum { LIMIT = 1 << 24 };

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static int read_span(void *context, uint64_t offset, char *bytes, size_t size, struct error *error)
{
	const struct span *body = context;

	(void)error;
	assert_true(offset <= body->length && size <= body->length - offset && size != 0);
	memcpy(bytes, body->start + offset, size);
	return 0;
}

/* 1 with the message as it is to be sent, read in pieces of this size; 0: as it is. */
static int downgrade(struct span header, struct span body, bool allows_8bit, size_t piece,
    struct buffer *header_out, struct buffer *body_out)
{
	CLEANUP(downgrade_finish) struct downgrade state;
	struct view_source source = { read_span, &body, body.length };
	struct error error;
	ssize_t count;

	int outcome = downgrade_start(&state, header, &source, allows_8bit, &error);
	if (outcome <= 0)
		return outcome;
	buffer_append_span(header_out, buffer_span(&state.header));
	char *bytes = memory_allocate(piece);
	while ((count = downgrade_read(&state, bytes, piece, &error)) > 0)
		buffer_append(body_out, bytes, (size_t)count);
	free(bytes);
	assert_int_equal(count, 0);
	assert_int_equal(body_out->length, state.body_length);
	return 1;
}

#define MIME "MIME-Version: 1.0\r\n"
#define MIXED MIME "Content-Type: multipart/mixed; boundary=b\r\n"
#define QUOTED "Content-Transfer-Encoding: quoted-printable\r\n"
#define TEXT "Content-Type: text/plain; charset=iso-8859-1\r\n"

static const struct row {
	const char *name;
	const char *header; /* without the empty line */
	const char *body;
	const char *want_header; /* NULL: all stays as it is */
	const char *want_body;
} rows[] = {
	{ "nothing to do", "Subject: x\r\n", "abc\r\n", NULL, NULL },
	{ "no body", "Subject: x\r\n", "", NULL, NULL },
	{ "8-bit field only", "Subject: \xe4\r\n", "abc\r\n", NULL, NULL },
	{ "no MIME, UTF-8", "Subject: x\r\n", "some words gr\xc3\xbc\xc3\x9f\x65\r\n",
	    "Subject: x\r\n" MIME "Content-Type: text/plain; charset=utf-8\r\n" QUOTED,
	    "some words gr=C3=BC=C3=9Fe\r\n" },
	{ "no MIME, something else", "Subject: x\r\n", "no idea what th\xe4t is\r\n",
	    "Subject: x\r\n" MIME "Content-Type: text/plain; charset=unknown-8bit\r\n" QUOTED,
	    "no idea what th=E4t is\r\n" },
	{ "a character cut by a line end", "Subject: x\r\n", "some words \xc3\r\n",
	    "Subject: x\r\n" MIME "Content-Type: text/plain; charset=unknown-8bit\r\n" QUOTED,
	    "some words =C3\r\n" },
	{ "field 8-bit and body too", "Subject: \xe4\r\n" MIME TEXT, "some words \xe4\r\n",
	    "Subject: \xe4\r\n" MIME TEXT QUOTED, "some words =E4\r\n" },
	{ "label is replaced in its place",
	    "content-transfer-encoding : 8bit\r\n" MIME TEXT "Subject: x\r\n",
	    "some words \xe4\r\n",
	    "content-transfer-encoding : quoted-printable\r\n" MIME TEXT "Subject: x\r\n",
	    "some words =E4\r\n" },
	{ "label twice",
	    MIME TEXT "Content-Transfer-Encoding: 8bit\r\nX: y\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n",
	    "some words \xe4\r\n", MIME TEXT QUOTED "X: y\r\n", "some words =E4\r\n" },
	{ "labels that differ",
	    MIME TEXT "Content-Transfer-Encoding: 8bit\r\n"
		      "Content-Transfer-Encoding: base64\r\n",
	    "some words \xe4\r\n", NULL, NULL },
	{ "a label that is none", MIME TEXT "Content-Transfer-Encoding: 8-bit\r\n",
	    "some words \xe4\r\n", MIME TEXT QUOTED, "some words =E4\r\n" },
	{ "7bit that is not", MIME TEXT "Content-Transfer-Encoding: 7bit (yes)\r\n",
	    "some words \xe4\r\n", MIME TEXT QUOTED, "some words =E4\r\n" },
	{ "encoded already", MIME TEXT QUOTED, "some words \xe4=\r\n", NULL, NULL },
	{ "encoded already, folded", MIME TEXT "Content-Transfer-Encoding:\r\n Base64\r\n",
	    "some words \xe4=\r\n", NULL, NULL },
	{ "a private encoding", MIME TEXT "Content-Transfer-Encoding: x-uue\r\n",
	    "some words \xe4=\r\n", NULL, NULL },
	{ "a type that is none", MIME "Content-Type: text\r\n", "some words \xe4\r\n",
	    MIME "Content-Type: text\r\n" QUOTED, "some words =E4\r\n" },
	{ "mostly 8-bit text", MIME TEXT, "\xe4\xe4\xe4\xe4\r\n",
	    MIME TEXT "Content-Transfer-Encoding: base64\r\n", "5OTk5A0K\r\n" },
	{ "something else, a little 8-bit", MIME "Content-Type: application/x\r\n",
	    "many words and one \xe4\r\n", MIME "Content-Type: application/x\r\n" QUOTED,
	    "many words and one =E4\r\n" },
	{ "blanks at the end of a line", MIME TEXT, "\xe4 words that are legible \r\n\t\r\n",
	    MIME TEXT QUOTED, "=E4 words that are legible=20\r\n=09\r\n" },
	{ "what looks like a delimiter", MIME TEXT, "\xe4 words that are legible\r\n--b--\r\n-\r\n",
	    MIME TEXT QUOTED, "=E4 words that are legible\r\n=2D-b--\r\n-\r\n" },
	{ "a part", MIXED, "\r\n--b\r\n" TEXT "\r\nsome words \xe4\r\n--b--\r\n", MIXED,
	    "\r\n--b\r\n" TEXT QUOTED "\r\nsome words =E4\r\n--b--\r\n" },
	{ "a part without fields", MIXED, "--b\r\n\r\nsome words \xe4\r\n--b--\r\n", MIXED,
	    "--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n" },
	{ "a part in base64 gets no line end of its own", MIXED,
	    "--b\r\n" TEXT "\r\n\xe4\xe4\xe4\r\n--b--\r\n", MIXED,
	    "--b\r\n" TEXT "Content-Transfer-Encoding: base64\r\n\r\n5OTk\r\n--b--\r\n" },
	{ "without the last delimiter", MIXED, "--b\r\n" TEXT "\r\nsome words \xe4\r\n", MIXED,
	    "--b\r\n" TEXT QUOTED "\r\nsome words =E4\r\n" },
	{ "without it, never base64", MIXED, "--b\r\n" TEXT "\r\n\xe4\xe4\xe4\xe4\r\n", MIXED,
	    "--b\r\n" TEXT QUOTED "\r\n=E4=E4=E4=E4\r\n" },
	{ "only the parts that need it", MIXED,
	    "pre\r\n--b\r\n" TEXT "\r\nabc = \r\n--b \t\r\n" TEXT "\r\nsome words \xe4\r\n"
	    "--b--\r\npost\r\n",
	    MIXED,
	    "pre\r\n--b\r\n" TEXT "\r\nabc = \r\n--b \t\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n--b--\r\npost\r\n" },
	{ "preamble and epilogue", MIXED, "\xe4\r\n--b\r\n\r\nsome words \xe4\r\n--b--\r\n\xe4\r\n",
	    MIXED,
	    "\xe4\r\n--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n\xe4\r\n" },
	{ "the whole is 7bit then", MIXED "Content-Transfer-Encoding: 8bit\r\n",
	    "--b\r\nContent-Transfer-Encoding: binary\r\n\r\nabc\r\n--b\r\n" TEXT
	    "\r\nsome words \xe4\r\n--b--\r\n",
	    MIXED "Content-Transfer-Encoding: 7bit\r\n",
	    "--b\r\nContent-Transfer-Encoding: 7bit\r\n\r\nabc\r\n--b\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n" },
	{ "the whole stays 8bit when a part does", MIXED "Content-Transfer-Encoding: 8bit\r\n",
	    "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n\xe4\r\n--b\r\n" TEXT
	    "\r\nsome words \xe4\r\n--b--\r\n",
	    MIXED "Content-Transfer-Encoding: 8bit\r\n",
	    "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n\xe4\r\n--b\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n" },
	{ "signed", MIME "Content-Type: multipart/signed; boundary=b\r\n",
	    "--b\r\n" TEXT "\r\nsome words \xe4\r\n--b--\r\n", NULL, NULL },
	{ "signed inside", MIXED,
	    "--b\r\nContent-Type: Multipart/Signed; boundary=c\r\n\r\n--c\r\n" TEXT
	    "\r\n\xe4\r\n--c--\r\n\r\n--b\r\n\r\nsome words \xe4\r\n--b--\r\n",
	    MIXED,
	    "--b\r\nContent-Type: Multipart/Signed; boundary=c\r\n\r\n--c\r\n" TEXT
	    "\r\n\xe4\r\n--c--\r\n\r\n--b\r\nContent-Type: text/plain; "
	    "charset=unknown-8bit\r\n" QUOTED "\r\nsome words =E4\r\n--b--\r\n" },
	{ "a message", MIME "Content-Type: message/rfc822\r\n", "Subject: x\r\n\r\n\xe4\r\n", NULL,
	    NULL },
	{ "a digest is of messages", MIME "Content-Type: multipart/digest; boundary=b\r\n",
	    "--b\r\n\r\nSubject: x\r\n\r\nsome words \xe4\r\n--b\r\n" TEXT
	    "\r\nsome words \xe4\r\n--b--\r\n",
	    MIME "Content-Type: multipart/digest; boundary=b\r\n",
	    "--b\r\n\r\nSubject: x\r\n\r\nsome words \xe4\r\n--b\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n" },
	{ "one boundary is the beginning of another",
	    MIME "Content-Type: multipart/mixed; boundary=\"bc\"\r\n",
	    "--bc\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" TEXT
	    "\r\nsome words \xe4\r\n--b--\r\n\r\n--bc\r\n" TEXT
	    "\r\nsome words \xe4\r\n--b\r\n--bc--\r\n",
	    MIME "Content-Type: multipart/mixed; boundary=\"bc\"\r\n",
	    "--bc\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n\r\n--bc\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n=2D-b\r\n--bc--\r\n" },
	{ "the outer delimiter ends what the inner left open", MIXED,
	    "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" TEXT
	    "\r\nsome words \xe4\r\n--b--\r\n\xe4\r\n--c\r\n\r\n\xe4\r\n",
	    MIXED,
	    "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" TEXT QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n\xe4\r\n--c\r\n\r\n\xe4\r\n" },
	{ "no delimiter ever", MIXED, "some words \xe4\r\n", NULL, NULL },
	{ "no boundary", MIME "Content-Type: multipart/mixed\r\n", "--\r\n\r\n\xe4\r\n", NULL,
	    NULL },
	{ "a header without a body", MIXED,
	    "--b\r\n" TEXT "--b\r\n\r\nsome words \xe4\r\n--b--\r\n", MIXED,
	    "--b\r\n" TEXT "--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n" },
	{ "a body without a header", MIXED, "--b\r\nsome words \xe4\r\n--b--\r\n", MIXED,
	    "--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QUOTED
	    "\r\nsome words =E4\r\n--b--\r\n" },
	{ "a header that ends with the message", MIXED,
	    "--b\r\n\r\nsome words \xe4\r\n--b\r\nX: \xe4\r\n", MIXED,
	    "--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QUOTED
	    "\r\nsome words =E4\r\n--b\r\nX: \xe4\r\n" },
	{ "types that differ", MIXED TEXT, "--b\r\n\r\nsome words \xe4\r\n--b--\r\n", NULL, NULL },
	{ "a line of 998", "Subject: x\r\n",
	    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN TEN TEN TEN
		TEN TEN TEN TEN TEN "01234567\r\n",
	    NULL, NULL },
};

static struct span whole_header(const char *fields)
{
	CLEANUP(memory_free_string) char *text = memory_format("%s\r\n", fields);

	return guarded_string(text);
}

static void check_row(const struct row *row, size_t piece)
{
	CLEANUP(buffer_finish) struct buffer header = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };

	buffer_init(&header, LIMIT);
	buffer_init(&body, LIMIT);
	int outcome = downgrade(
	    whole_header(row->header), guarded_string(row->body), false, piece, &header, &body);
	assert_int_equal(outcome, row->want_header != NULL);
	if (row->want_header == NULL)
		return;
	CLEANUP(memory_free_string) char *want = memory_format("%s\r\n", row->want_header);
	assert_string_equal(buffer_string(&header), want);
	assert_string_equal(buffer_string(&body), row->want_body);
}

static void each_part_becomes_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("\t%s\n", rows[i].name);
		for (size_t piece = 1; piece < 100; piece += 7)
			check_row(&rows[i], piece);
		check_row(&rows[i], 65536);
	}
}

/* Where 8BITMIME is offered, 8-bit parts are none of our business. */
static void only_long_lines_matter_with_8bitmime(void **state)
{
	CLEANUP(buffer_finish) struct buffer header = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(downgrade(whole_header(rows[i].header),
				     guarded_string(rows[i].body), true, 100, &header, &body),
		    0);
	buffer_init(&header, LIMIT);
	buffer_init(&body, LIMIT);
	assert_int_equal(downgrade(whole_header(MIXED "Content-Transfer-Encoding: 8bit\r\n"),
			     guarded_string("--b\r\n" TEXT "\r\n\xe4\r\n--b\r\n" TEXT
					    "\r\n" THOUSAND "\r\n--b--\r\n"),
			     true, 100, &header, &body),
	    1);
	assert_non_null(strstr(buffer_string(&header), "8bit"));
	assert_non_null(strstr(buffer_string(&body), TEXT "\r\n\xe4\r\n--b"));
	assert_non_null(strstr(buffer_string(&body), TEXT QUOTED "\r\n" TEN));
	assert_null(strstr(buffer_string(&body), THOUSAND));
}

static struct span add_length(struct buffer *nested, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		buffer_format(nested,
		    "--x%zu\r\nContent-Type: multipart/mixed; boundary=x%zu\r\n\r\n", i, i + 1);
	buffer_format(nested, "--x%zu\r\n\r\nsome words \xe4\r\n--x0--\r\n", depth);
	return buffer_span(nested);
}

static void deep_nesting_is_left_alone_at_last(void **state)
{
	(void)state;
	for (size_t depth = 95; depth < 300; depth += depth < 105 ? 1 : 97) {
		CLEANUP(buffer_finish) struct buffer nested = { 0 };
		CLEANUP(buffer_finish) struct buffer header = { 0 };
		CLEANUP(buffer_finish) struct buffer body = { 0 };

		buffer_init(&nested, LIMIT);
		buffer_init(&header, LIMIT);
		buffer_init(&body, LIMIT);
		struct span fields = whole_header(
		    MIME "Content-Type: multipart/mixed; boundary=x0\r\n");
		assert_int_equal(
		    downgrade(fields, add_length(&nested, depth), false, 1000, &header, &body),
		    depth < MIME_DEPTH_LIMIT);
	}
}

/* The message whose part holds a line of so many octets like this before and behind a word. */
static void check_long_line(char filler, size_t before, const char *word, size_t behind)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(buffer_finish) struct buffer header = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };

	buffer_init(&text, LIMIT);
	buffer_init(&header, LIMIT);
	buffer_init(&body, LIMIT);
	buffer_append_string(&text, "--b\r\n" TEXT "\r\nsome words \xe4\r\n");
	for (size_t i = 0; i < before; i++)
		buffer_append_byte(&text, filler);
	buffer_append_string(&text, word);
	for (size_t i = 0; i < behind; i++)
		buffer_append_byte(&text, filler);
	buffer_append_string(&text, "x\r\n\r\nmore words \xe4\r\n--b--\r\n");
	assert_int_equal(
	    downgrade(whole_header(MIXED), buffer_span(&text), false, 1000, &header, &body), 1);
	/* It is still one part, up to its real end. */
	const char *first = strstr(buffer_string(&body), "Encoding: quoted-printable");
	assert_non_null(first);
	assert_null(strstr(first + 1, "Encoding: "));
	assert_false(span_has_8bit(buffer_span(&body)));
}

/* A long line is seen in pieces, of which none but the first begins a line, and the last ends it.
 */
static void a_piece_of_a_line_is_no_delimiter(void **state)
{
	(void)state;
	for (size_t octets = VIEW_SIZE - 100; octets < VIEW_SIZE + 10; octets++)
		check_long_line('x', octets, "--b\r\n", 0);
	for (size_t octets = VIEW_LINE - 10; octets < 2 * VIEW_SIZE; octets += 509)
		check_long_line(' ', 0, "--b", octets);
}

/* From here on: generated messages. */

struct generator {
	uint64_t seed;
	unsigned boundaries;
	struct buffer text;
	struct buffer leaves; /* contents of the leaves in order, each as a line in base64 */
	bool is_plain;	      /* nothing that calls for conversion */
	bool is_kept;	      /* inside of a part that stays */
};

static unsigned below(struct generator *generator, unsigned limit)
{
	generator->seed = generator->seed * UINT64_C(6364136223846793005) +
			  UINT64_C(1442695040888963407);
	return (unsigned)(generator->seed >> 33) % limit;
}

static void add_run(struct generator *generator, struct buffer *content)
{
	static const char *const pieces[] = { "\r\n", "\r\n\r\n", " \r\n", "\t", "=", "-", "--",
		"--b1", "--b1--", ".", "..", "From ", " ", "\r\n--", "\r\n.\r\n", "a", "word ",
		"\r\n--b0 x", "=20", "=\r\n", "\r\n-- \r\n", "\xc3\xa4", "\xe4", "\xff", "\r", "\n",
		"\xe2\x82\xac", "\x01" };
	unsigned count = sizeof pieces / sizeof pieces[0];
	/* The last pieces are beyond plain text. */
	const char *piece = pieces[below(generator, generator->is_plain ? count - 7 : count)];
	unsigned times = below(generator, 20) == 0 ? below(generator, 400) : 1;

	for (unsigned i = 0; i < times; i++)
		buffer_append_string(content, piece);
	if (below(generator, 10) == 0 && !generator->is_plain)
		buffer_append_byte(content, '\0');
}

/* No line is a delimiter: these have numbers of three digits. */
static void add_leaf(struct generator *generator)
{
	static const char *const types[] = { "", "Content-Type: text/plain\r\n",
		"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n",
		"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
		"Content-Transfer-Encoding: 7bit\r\n" };
	CLEANUP(buffer_finish) struct buffer content = { 0 };
	unsigned runs = below(generator, below(generator, 200) == 0 ? 20000 : 60);

	buffer_init(&content, LIMIT);
	for (unsigned i = 0; i < runs; i++)
		add_run(generator, &content);
	buffer_append_string(&generator->text, types[below(generator, 5)]);
	buffer_append_string(&generator->text, "\r\n");
	buffer_append_span(&generator->text, buffer_span(&content));
	base64_encode(buffer_span(&content), &generator->leaves);
	buffer_append_byte(&generator->leaves, '\n');
}

static void add_entity(struct generator *generator, unsigned depth)
{
	static const char *const types[] = { "mixed", "alternative", "related", "signed" };

	if (depth == 0 || below(generator, 3) == 0) {
		add_leaf(generator);
		return;
	}
	unsigned number = 100 + generator->boundaries++;
	buffer_format(&generator->text, "Content-Type: multipart/%s;\r\n\tboundary=\"b%u\"\r\n\r\n",
	    types[below(generator, 4)], number);
	unsigned parts = 1 + below(generator, 4);
	for (unsigned i = 0; i < parts; i++) {
		buffer_format(&generator->text, "%s--b%u\r\n", i == 0 ? "" : "\r\n", number);
		add_entity(generator, depth - 1);
	}
	/* Left open: only what is around it ends it. */
	if (below(generator, 8) != 0 || depth == 3)
		buffer_format(&generator->text, "\r\n--b%u--\r\n", number);
}

/* The other decoder: all in memory, by searching. */

static int hex_value(char c)
{
	const char *digits = "0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	assert_non_null(found);
	return (int)(found - digits);
}

static void decode_quoted_printable(struct span text, struct buffer *decoded)
{
	size_t line = 0;

	for (size_t i = 0; i < text.length; i++, line++) {
		if (span_starts_with(span_after(text, i), "\r\n")) {
			buffer_append_string(decoded, "\r\n");
			i++;
			line = SIZE_MAX;
		} else if (span_starts_with(span_after(text, i), "=\r\n")) {
			assert_true(line < 76);
			i += 2;
			line = SIZE_MAX;
		} else if (text.start[i] == '=') {
			assert_true(text.length - i >= 3);
			buffer_append_byte(decoded, (char)(hex_value(text.start[i + 1]) * 16 +
							   hex_value(text.start[i + 2])));
			i += 2;
			line += 2;
		} else {
			assert_true(text.start[i] == '\t' ||
				    (text.start[i] >= ' ' && text.start[i] <= '~'));
			buffer_append_byte(decoded, text.start[i]);
		}
		assert_true(line == SIZE_MAX || line < 76);
	}
}

static void decode_base64_lines(struct span text, struct buffer *decoded)
{
	CLEANUP(buffer_finish) struct buffer joined = { 0 };
	struct span line;

	buffer_init(&joined, LIMIT);
	while (span_take_line(&text, &line)) {
		assert_true(line.length <= 76);
		buffer_append_span(&joined, line);
	}
	assert_int_equal(base64_decode(buffer_span(&joined), decoded), 0);
}

static const char *find(struct span text, const char *words)
{
	return text.length != 0 ? memmem(text.start, text.length, words, strlen(words)) : NULL;
}

static struct span up_to(struct span text, const char *end)
{
	return end != NULL ? span_first(text, (size_t)(end - text.start)) : text;
}

static void decode_leaf(struct span header, struct span body, struct buffer *leaves)
{
	CLEANUP(buffer_finish) struct buffer decoded = { 0 };

	buffer_init(&decoded, LIMIT);
	if (find(header, ": quoted-printable\r\n") != NULL)
		decode_quoted_printable(body, &decoded);
	else if (find(header, ": base64\r\n") != NULL)
		decode_base64_lines(body, &decoded);
	else
		buffer_append_span(&decoded, body);
	assert_false(decoded.has_overflowed);
	base64_encode(buffer_span(&decoded), leaves);
	buffer_append_byte(leaves, '\n');
}

static void decode_entity(struct span text, struct buffer *leaves)
{
	const char *border = span_starts_with(text, "\r\n") ? text.start : find(text, "\r\n\r\n");
	assert_non_null(border);
	size_t length = border == text.start ? 2 : (size_t)(border - text.start) + 4;
	struct span header = span_first(text, length);
	struct span body = span_after(text, length);
	const char *boundary = find(header, "boundary=\"");

	if (boundary == NULL) {
		decode_leaf(header, body, leaves);
		return;
	}
	char open[32], close[32], next[32];
	unsigned number = (unsigned)strtoul(boundary + 11, NULL, 10);
	snprintf(open, sizeof open, "--b%u\r\n", number);
	snprintf(next, sizeof next, "\r\n--b%u\r\n", number);
	snprintf(close, sizeof close, "\r\n--b%u--\r\n", number);
	assert_true(span_starts_with(body, open));
	body = span_after(up_to(body, find(body, close)), strlen(open));
	for (;;) {
		const char *end = find(body, next);

		decode_entity(up_to(body, end), leaves);
		if (end == NULL)
			return;
		body = span_after(body, (size_t)(end - body.start) + strlen(next));
	}
}

static bool has_long_line(struct span text)
{
	struct span line;

	while (span_take_line(&text, &line))
		if (line.length > DOWNGRADE_LINE_LIMIT)
			return true;
	return false;
}

static void finish_generator(struct generator *generator)
{
	buffer_finish(&generator->text);
	buffer_finish(&generator->leaves);
}

static void check_generated(uint64_t seed, bool is_plain, unsigned *converted)
{
	CLEANUP(finish_generator)
	struct generator generator = { .seed = seed, .is_plain = is_plain };
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	CLEANUP(buffer_finish) struct buffer body = { 0 };
	CLEANUP(buffer_finish) struct buffer leaves = { 0 };

	buffer_init(&generator.text, LIMIT);
	buffer_init(&generator.leaves, LIMIT);
	buffer_init(&message, LIMIT);
	buffer_init(&body, LIMIT);
	buffer_init(&leaves, LIMIT);
	add_entity(&generator, 3);
	struct span text = buffer_span(&generator.text);
	const char *border = span_starts_with(text, "\r\n") ? text.start - 2
							    : find(text, "\r\n\r\n");
	size_t length = (size_t)(border + 4 - text.start);
	int outcome = downgrade(span_first(text, length), span_after(text, length), false,
	    1 + below(&generator, 50000), &message, &body);
	assert_true(outcome >= 0);
	/* Octet for octet, then. */
	if (is_plain && !has_long_line(text))
		assert_int_equal(outcome, 0);
	if (outcome == 0)
		return;
	*converted += 1;
	buffer_append_span(&message, buffer_span(&body));
	decode_entity(buffer_span(&message), &leaves);
	assert_string_equal(buffer_string(&leaves), buffer_string(&generator.leaves));
	if (find(text, "signed") == NULL)
		assert_false(span_has_8bit(buffer_span(&message)));
}

static void what_is_decoded_is_the_same(void **state)
{
	unsigned converted = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 2500; seed++)
		check_generated(seed, false, &converted);
	assert_true(converted > 1500);
}

static void seven_bits_pass_as_they_are(void **state)
{
	unsigned converted = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++)
		check_generated(seed, true, &converted);
	/* Those with long lines. */
	assert_true(converted > 10 && converted < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_becomes_what_it_should),
		cmocka_unit_test(only_long_lines_matter_with_8bitmime),
		cmocka_unit_test(deep_nesting_is_left_alone_at_last),
		cmocka_unit_test(a_piece_of_a_line_is_no_delimiter),
		cmocka_unit_test(what_is_decoded_is_the_same),
		cmocka_unit_test(seven_bits_pass_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
