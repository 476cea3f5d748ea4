/* SPDX-License-Identifier: MIT */

/*
 * Tests smtp/client by cutting its connection at every octet of a session,
 * those of the server and those of the client.  The truth is exact:
 *
 *	delivered	when the whole final reply had been given, and only then
 *	in doubt	when the last octet had been taken, and no whole reply given
 *	else		deferred, or returned for another session
 *
 * for each recipient once, without a wait, and whatever is in flight.
 */

#include "smtp/client/window.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>

#include "tests/smtp/client/fake_peer.h"
#include "tests/smtp/client/mails.h"

enum { CUTS_WINDOW = 3 };

/* A session as it goes when nobody cuts it. */
static const struct session_row {
	const char *name;
	const char *offers;
	size_t mails;
	bool is_one_by_one; /* transaction_run */
	bool is_harmless;   /* no line of a content begins with a command */
} rows[] = {
	{ "step by step", "250-8BITMIME\r\n", 3, false, false },
	{ "DATA", "250-PIPELINING\r\n", 4, false, false },
	{ "BDAT", "250-PIPELINING\r\n250-CHUNKING\r\n", 3, false, false },
	{ "BDAT step by step", "250-CHUNKING\r\n", 3, false, false },
	{ "BDAT of harmless texts", "250-PIPELINING\r\n250-CHUNKING\r\n", 3, false, true },
	{ "open window", "250-PIPELINING\r\n250-CHUNKING\r\n", 7, false, false },
	{ "open window, harmless", "250-PIPELINING\r\n250-CHUNKING\r\n", 7, false, true },
	{ "one by one, step by step", "250-8BITMIME\r\n", 2, true, false },
	{ "one by one, DATA", "250-PIPELINING\r\n", 2, true, false },
	{ "one by one, BDAT", "250-PIPELINING\r\n250-CHUNKING\r\n", 2, true, false },
};

struct cut {
	bool is_input; /* of what the client sends */
	bool resets;
	uint64_t at; /* 0: nowhere */
};

static unsigned scenarios;

static char *make_content(const struct session_row *row, size_t number)
{
	return memory_format("Subject: m%zu\r\n\r\n%s\r\n.\r\nlast line\r\n", number,
	    row->is_harmless ? "text" : "RSET\r\nMAIL FROM:<evil@evil.example>\r\n");
}

static const char *wanted(const struct peer *peer, size_t number)
{
	if (!peer->mails[number].is_whole)
		return "TR";
	return peer->given >= peer->mails[number].given ? "D" : "?";
}

static void check_mail(const struct session_row *row, const struct cut *cut,
    const struct peer *peer, const struct mail *mail, size_t number)
{
	for (size_t i = 0; i < MAIL_RECIPIENTS; i++)
		if (strchr(wanted(peer, number), mail->fates[i]) == NULL)
			fail_msg("%s, %s %s at %" PRIu64 ": m%zu is %s, not %s", row->name,
			    cut->is_input ? "client" : "server", cut->resets ? "reset" : "closed",
			    cut->at, number, mail->fates, wanted(peer, number));
}

/* Those that were never begun have neither fate nor octets. */
static void check_all(const struct session_row *row, const struct cut *cut, const struct peer *peer,
    const struct mails *mails)
{
	assert_int_equal(peer->evil, 0);
	for (size_t i = 0; i < mails->count; i++) {
		if (i < mails->next)
			check_mail(row, cut, peer, &mails->list[i], i);
		else
			assert_false(peer->mails[i].is_whole);
	}
}

static int run_one_by_one(struct session *session, struct mails *mails, struct error *error)
{
	const struct transaction *transaction;

	while ((transaction = mails_next(mails)) != NULL)
		if (transaction_run(session, transaction, error) < 0)
			return -1;
	return 0;
}

static int run(const struct session_row *row, struct session *session, struct stream *stream,
    const struct session_settings *settings, struct mails *mails)
{
	const struct window_source source = mails_source(mails, true);
	struct error error = { 0 };

	if (session_open(session, stream, settings, &error) < 0)
		return -1;
	if (row->is_one_by_one)
		return run_one_by_one(session, mails, &error);
	return window_run(session, &source, &error);
}

static void make_mails(const struct session_row *row, struct mails *mails)
{
	*mails = (struct mails){ .list = memory_allocate(row->mails * sizeof(struct mail)),
		.count = row->mails };
	for (size_t i = 0; i < row->mails; i++)
		mail_make(&mails->list[i], i, make_content(row, i));
}

/* One session; returns how many octets went in the direction of the cut. */
static uint64_t play(const struct session_row *row, const struct cut *cut)
{
	struct peer peer = {
		.offers = row->offers, .messages = (unsigned)row->mails, .cut_resets = cut->resets
	};
	CLEANUP(smarthost_finish) struct smarthost smarthost;
	CLEANUP(mails_finish) struct mails mails;
	struct session session;
	struct stream stream;
	int64_t since = peer_now;

	if (cut->is_input)
		peer.cut_input = cut->at;
	else
		peer.cut_output = cut->at;
	make_mails(row, &mails);
	smarthost_init(&smarthost);
	smarthost.tls = SMARTHOST_TLS_NEVER;
	smarthost.window = CUTS_WINDOW;
	const struct session_settings settings = { .smarthost = &smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts };
	int fd = peer_start(&peer);
	stream_init_take_fd(&stream, fd, fd, "server.example:25");
	int outcome = run(row, &session, &stream, &settings, &mails);
	assert_true(cut->at != 0 || outcome == 0);
	session_quit(&session);
	peer_run(&peer);
	check_all(row, cut, &peer, &mails);
	/* It is noticed at once. */
	assert_int_equal(peer_now, since);
	uint64_t count = cut->is_input ? peer.taken : peer.given;
	session_finish(&session);
	stream_finish(&stream);
	peer_finish(&peer);
	scenarios++;
	return count;
}

static void every_cut_leaves_the_truth(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int kind = 0; kind < 4; kind++) {
			struct cut cut = { .is_input = kind & 1, .resets = kind & 2 };
			uint64_t total = play(&rows[i], &cut);

			assert_true(total > 200);
			for (cut.at = 1; cut.at < total; cut.at++)
				play(&rows[i], &cut);
		}
	}
	print_message("cuts: scenarios=%u fail=0\n", scenarios);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_leaves_the_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
