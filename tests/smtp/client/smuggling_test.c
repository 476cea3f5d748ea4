/* SPDX-License-Identifier: MIT */

/*
 * Tests that one message stays one message, whatever it holds and however it is
 * cut into pieces on its way: SMTP smuggling (CVE-2023-51764 and its kin) and
 * long runs of dots.  The contents go through message/body first, as those of
 * sendmail do; the servers are strict, or end DATA where they should not.
 */

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/body.h"
#include "tests/smtp/client/fake_peer.h"
#include "tests/smtp/client/mails.h"

#define EVIL "MAIL FROM:<evil@evil.example>\r\nRCPT TO:<evil@evil.example>\r\nDATA\r\nevil\r\n"

/* What might look like the end of a message. */
static const struct span payloads[] = {
	{ "\n.\n", 3 },
	{ "\n.\r\n", 4 },
	{ "\r\n.\n", 4 },
	{ "\r\n.\r\n", 5 },
	{ "\r.\r", 3 },
	{ "\r.\n", 3 },
	{ "\r.\r\n", 4 },
	{ "\r\n.\r", 4 },
	{ "\n.\r", 3 },
	{ "\r\r\n.\r\r\n", 7 },
	{ "\r\r.\r\r", 5 },
	{ "\n\n.\n\n", 5 },
	{ "\r\n\n.\n", 5 },
	{ "\n\r.\n\r", 5 },
	{ "\n\r.\r\n", 5 },
	{ "\r\n.\r\r\n", 6 },
	{ "\r\r\n.\n", 5 },
	{ "\r\n\0.\r\n", 6 },
	{ "\r\n.\0\r\n", 6 },
	{ "\0\r\n.\r\n\0", 7 },
	{ "\r\0\n.\r\0\n", 7 },
	{ "\n\0.\n", 4 },
	{ "\r\n..\r\n", 6 },
	{ "\n..\n.\n", 6 },
	{ "\r\n.\r\n.\r\n", 8 },
	{ "\v\n.\f\n", 5 },
	{ "\xc2\x85.\xc2\x85", 5 },
	{ "\r\n.\x1a\r\n", 6 },
	{ "\r\n. \r\n", 6 },
	{ "\r\n.\r\nQUIT\r\n", 11 },
};

enum {
	PAYLOADS = sizeof payloads / sizeof payloads[0],
	FILLING = 15, /* what stands before a payload */
	LONGEST_PAYLOAD = 24,
};

/* How it goes out. */
static const struct way {
	const char *name;
	const char *offers;
	bool is_front;	   /* all of it lies in memory */
	bool is_unsized;   /* so BDAT sends it in chunks */
	bool is_by_itself; /* transaction_run */
} ways[] = {
	{ "DATA", "250-8BITMIME\r\n", false, false, false },
	{ "DATA from memory", "250-PIPELINING\r\n", true, false, false },
	{ "DATA by itself", "250-PIPELINING\r\n", false, true, true },
	{ "BDAT", "250-PIPELINING\r\n250-CHUNKING\r\n", false, false, false },
	{ "BDAT from memory", "250-CHUNKING\r\n", true, false, false },
	{ "BDAT in chunks", "250-PIPELINING\r\n250-CHUNKING\r\n", false, true, false },
};

enum { WAYS = sizeof ways / sizeof ways[0] };

static unsigned scenarios;

/* A content in two pieces. */
struct pieces {
	struct span all;
	size_t first; /* octets in the first one */
	size_t given;
};

static ssize_t read_pieces(void *context, char *bytes, size_t size, struct error *error)
{
	struct pieces *pieces = context;
	size_t end = pieces->given < pieces->first ? pieces->first : pieces->all.length;
	struct span rest = span_first(span_after(pieces->all, pieces->given), end - pieces->given);

	(void)error;
	rest = span_first(rest, size);
	memcpy(bytes, rest.start, rest.length);
	pieces->given += rest.length;
	return (ssize_t)rest.length;
}

/* As sendmail takes it in, in two pieces as well. */
static void normalise(struct span raw, size_t split, struct buffer *wire)
{
	struct body body;

	buffer_init(wire, 2 * raw.length + 16);
	body_init(&body, false);
	body_convert(&body, span_first(raw, split), wire);
	body_convert(&body, span_after(raw, split), wire);
	body_finish(&body, wire);
	assert_false(wire->has_overflowed);
}

/* Takes the dot off each line that begins with one (RFC 5321, 4.5.2). */
static void unstuff(struct span stuffed, struct buffer *text)
{
	buffer_init(text, stuffed.length + 1);
	for (size_t i = 0; i < stuffed.length; i++) {
		bool begins = i == 0 || (i >= 2 && memcmp(stuffed.start + i - 2, "\r\n", 2) == 0);

		if (!begins || stuffed.start[i] != '.')
			buffer_append_byte(text, stuffed.start[i]);
	}
}

static void check_content(const struct peer *peer, const struct way *way, struct span wire)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct span seen = buffer_span(&peer->content);

	if (strstr(way->offers, "CHUNKING") == NULL) {
		unstuff(seen, &text);
		seen = buffer_span(&text);
	}
	assert_int_equal(seen.length, wire.length);
	assert_memory_equal(seen.start, wire.start, wire.length);
}

static int run(const struct way *way, struct session *session, struct mails *mails)
{
	const struct window_source source = mails_source(mails, false);
	struct error error = { 0 };

	if (way->is_by_itself)
		return transaction_run(session, &mails->list[0].transaction, &error);
	return window_run(session, &source, &error);
}

/* Sends it; the peer keeps what it saw. */
static void send_content(struct peer *peer, const struct way *way, struct span wire, size_t split)
{
	struct pieces pieces = { .all = wire, .first = split };
	CLEANUP(smarthost_finish) struct smarthost smarthost;
	CLEANUP(mails_finish)
	struct mails mails = { .list = memory_allocate(sizeof(struct mail)), .count = 1 };
	struct content *content = &mails.list[0].transaction.content;
	struct session session;
	struct stream stream;
	struct error error;

	mail_make(&mails.list[0], 0, memory_copy_string(""));
	if (way->is_front)
		*content = (struct content){ .front = wire, .size = (int64_t)wire.length };
	else
		*content = (struct content){ .read = read_pieces,
			.context = &pieces,
			.size = way->is_unsized ? -1 : (int64_t)wire.length };
	smarthost_init(&smarthost);
	smarthost.tls = SMARTHOST_TLS_NEVER;
	const struct session_settings settings = { .smarthost = &smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts };
	peer->offers = way->offers;
	int fd = peer_start(peer);
	stream_init_take_fd(&stream, fd, fd, "server.example:25");
	assert_int_equal(session_open(&session, &stream, &settings, &error), 0);
	(void)run(way, &session, &mails);
	session_quit(&session);
	peer_run(peer);
	session_finish(&session);
	stream_finish(&stream);
	scenarios++;
}

/* One message is seen, and it is the one that was sent. */
static void check_one(
    const struct way *way, enum peer_leniency leniency, struct span wire, size_t split)
{
	struct peer peer = { .leniency = leniency, .messages = 1 };

	send_content(&peer, way, wire, split);
	if (peer.contents != 1 || peer.evil != 0)
		fail_msg("%s, leniency %d, split at %zu: %u messages, %u evil commands", way->name,
		    (int)leniency, split, peer.contents, peer.evil);
	check_content(&peer, way, wire);
	peer_finish(&peer);
}

static void make_raw(struct buffer *raw, size_t filling, struct span payload)
{
	buffer_init(raw, filling + 1024);
	buffer_append_string(raw, "Subject: s\r\n\r\n");
	while (raw->length < filling)
		buffer_append_byte(raw, raw->length % 78 != 77 ? 'x' : ' ');
	buffer_append_span(raw, payload);
	buffer_append_string(raw, EVIL);
}

/* The normaliser says the same however it is fed. */
static void check_normalised(struct span raw, const struct buffer *wire)
{
	for (size_t split = 0; split <= raw.length; split++) {
		CLEANUP(buffer_finish) struct buffer other = { 0 };

		normalise(raw, split, &other);
		assert_true(span_equals(buffer_span(&other), buffer_span(wire)));
	}
}

/* At every offset; the half lenient ones, at those about the payload. */
static void check_splits(const struct way *way, enum peer_leniency leniency, struct span wire)
{
	bool is_for_all = leniency == PEER_STRICT || leniency == PEER_ENDS_AT_ANY;
	size_t end = is_for_all ? wire.length : FILLING + LONGEST_PAYLOAD;

	for (size_t split = is_for_all ? 0 : FILLING; split <= end; split++)
		check_one(way, leniency, wire, split);
}

static void nothing_is_smuggled_wherever_it_is_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAYLOADS; i++) {
		CLEANUP(buffer_finish) struct buffer raw = { 0 };
		CLEANUP(buffer_finish) struct buffer wire = { 0 };

		make_raw(&raw, FILLING, payloads[i]);
		normalise(buffer_span(&raw), 0, &wire);
		check_normalised(buffer_span(&raw), &wire);
		for (size_t w = 0; w < WAYS; w++)
			for (int leniency = PEER_STRICT; leniency <= PEER_ENDS_AT_ANY; leniency++)
				check_splits(
				    &ways[w], (enum peer_leniency)leniency, buffer_span(&wire));
	}
}

/* Where blocks, chunks, records and the stream's buffer end. */
static void nothing_is_smuggled_between_buffers(void **state)
{
	static const size_t boundaries[] = { 16384, 32768, 65536, 262144 };

	(void)state;
	for (size_t i = 0; i < PAYLOADS; i++) {
		for (size_t b = 0; b < sizeof boundaries / sizeof boundaries[0]; b++) {
			for (size_t before = 0; before <= payloads[i].length; before++) {
				CLEANUP(buffer_finish) struct buffer raw = { 0 };
				CLEANUP(buffer_finish) struct buffer wire = { 0 };
				/* Each way once for a boundary at least. */
				const struct way *way = &ways[(i + before) % WAYS];

				make_raw(&raw, boundaries[b] - before, payloads[i]);
				normalise(buffer_span(&raw), 0, &wire);
				check_one(way, PEER_ENDS_AT_ANY, buffer_span(&wire), 0);
			}
		}
	}
}

/* Without the normaliser, each lenient server would be fooled: so they are worth the test. */
static void these_servers_could_be_fooled(void **state)
{
	static const struct fool {
		enum peer_leniency leniency;
		const char *payload;
	} fools[] = {
		{ PEER_ENDS_AT_LF, "\n.\n" },
		{ PEER_ENDS_AT_LF, "\n.\r\n" },
		{ PEER_ENDS_AT_CR, "\r.\r" },
		{ PEER_ENDS_AT_ANY, "\r.\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof fools / sizeof fools[0]; i++) {
		CLEANUP(buffer_finish) struct buffer raw = { 0 };
		struct peer peer = { .leniency = fools[i].leniency, .messages = 1 };

		make_raw(&raw, FILLING, span_from_string(fools[i].payload));
		send_content(&peer, &ways[0], buffer_span(&raw), 0);
		assert_true(peer.contents > 1 && peer.evil != 0);
		peer_finish(&peer);
	}
}

/* ---- dots ---- */

static void check_dots(size_t dots, size_t lines)
{
	CLEANUP(buffer_finish) struct buffer wire = { 0 };

	buffer_init(&wire, lines * (dots + 2) + 64);
	buffer_append_string(&wire, "Subject: dots\r\n\r\n");
	for (size_t i = 0; i < lines; i++) {
		for (size_t j = 0; j < dots; j++)
			buffer_append_byte(&wire, '.');
		buffer_append_string(&wire, "\r\n");
	}
	for (size_t w = 0; w < WAYS; w++)
		check_one(&ways[w], PEER_STRICT, buffer_span(&wire), wire.length / 2);
}

static void runs_of_dots_arrive_as_they_are(void **state)
{
	static const size_t long_runs[] = { 511, 512, 997, 998, 999, 1000, 4095, 4096, 16383, 16384,
		32766, 32767, 32768, 32769, 65535, 65536, 65537, 70000 };

	(void)state;
	for (size_t dots = 0; dots <= 80; dots++)
		check_dots(dots, 3);
	for (size_t i = 0; i < sizeof long_runs / sizeof long_runs[0]; i++)
		check_dots(long_runs[i], 2);
	for (size_t dots = 1; dots <= 3; dots++)
		for (size_t lines = 1; lines <= 70000; lines = 3 * lines + 1)
			check_dots(dots, lines);
	check_dots(1, 70000);
	print_message("smuggling: scenarios=%u fail=0\n", scenarios);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_smuggled_wherever_it_is_split),
		cmocka_unit_test(nothing_is_smuggled_between_buffers),
		cmocka_unit_test(these_servers_could_be_fooled),
		cmocka_unit_test(runs_of_dots_arrive_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
