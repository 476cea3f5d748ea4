/* SPDX-License-Identifier: MIT */

/*
 * Tests smtp/client/fates.c: which refused recipients may go in another
 * transaction at once.  All else of it is shown by tests/dialogues.
 */

#include "smtp/client/fates.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { RECIPIENTS_LIMIT = 4 };

struct scene {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	struct envelope envelope;
	struct transaction transaction;
	struct fates fates;
	struct transaction_result results[RECIPIENTS_LIMIT];
	unsigned reports[RECIPIENTS_LIMIT];
};

static void see_result(void *context, size_t index, const struct transaction_result *result)
{
	struct scene *scene = context;

	scene->results[index] = *result;
	scene->reports[index]++;
}

static void scene_init(struct scene *scene, size_t recipients)
{
	struct error error;
	int ends[2];

	*scene = (struct scene){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&scene->stream, ends[0], ends[1], "peer");
	scene->settings = (struct session_settings){ .smarthost = &scene->smarthost };
	scene->session = (struct session){
		.stream = &scene->stream, .settings = &scene->settings, .is_usable = true
	};
	envelope_set_sender(&scene->envelope, span_from_string("a@client.example"), &error);
	for (size_t i = 0; i < recipients; i++) {
		char address[] = "a@far.example";

		address[0] = (char)('a' + i);
		assert_int_equal(envelope_add_recipient(&scene->envelope, span_from_string(address),
				     span_from_string(""), 0, &error),
		    0);
	}
	scene->transaction = (struct transaction){
		.envelope = &scene->envelope, .report = see_result, .context = scene
	};
	fates_init(&scene->fates, &scene->session, &scene->transaction);
}

static void scene_finish(struct scene *scene)
{
	fates_finish(&scene->fates);
	envelope_finish(&scene->envelope);
	session_finish(&scene->session);
	stream_finish(&scene->stream);
}

static void answer(struct scene *scene, struct pipeline_entry entry, const char *line)
{
	struct reply reply;
	struct error error;
	char text[200];

	snprintf(text, sizeof text, "%s\r\n", line);
	assert_true(reply_parse(span_from_string(text), &reply, &error) > 0);
	assert_int_equal(fates_take_reply(&scene->fates, &entry, &reply, &error), 0);
}

static void answer_recipient(struct scene *scene, size_t index, const char *line)
{
	answer(scene, (struct pipeline_entry){ .verb = COMMAND_RCPT, .recipient = index }, line);
}

/* The reply to RCPT behind one that was accepted, and where it is the first. */
static const struct row {
	const char *reply;
	enum transaction_outcome later, first;
	const char *status;
	bool may_go_next, is_limit;
} rows[] = {
	{ "452 4.5.3 too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.5.3",
	    true, true },
	{ "452 4.5.3 nine are enough", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.5.3", true,
	    true },
	{ "452 Too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.0.0", true,
	    true },
	{ "452 insufficient system storage", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.0.0",
	    true, false },
	{ "452 4.3.1 insufficient system storage", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED,
	    "4.3.1", false, false },
	{ "452 4.2.2 mailbox full, too many messages", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED,
	    "4.2.2", false, false },
	{ "552 5.5.3 too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.5.3",
	    true, true },
	{ "552 4.5.3 too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.5.3",
	    true, true },
	{ "552 too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.5.3", true,
	    true },
	{ "552 exceeded storage allocation", TRANSACTION_DEFERRED, TRANSACTION_FAILED, "4.5.3",
	    true, false },
	{ "552 5.2.2 mailbox full", TRANSACTION_FAILED, TRANSACTION_FAILED, "5.2.2", false, false },
	{ "450 4.5.3 too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.5.3",
	    false, false },
	{ "451 too many recipients", TRANSACTION_DEFERRED, TRANSACTION_DEFERRED, "4.0.0", false,
	    false },
	{ "550 5.5.3 too many recipients", TRANSACTION_FAILED, TRANSACTION_FAILED, "5.5.3", false,
	    false },
};

static void check(const struct row *row, const struct transaction_result *result, bool is_first)
{
	bool may_go_next = row->may_go_next && !is_first;

	if (result->outcome != (is_first ? row->first : row->later) ||
	    result->may_go_next != may_go_next ||
	    result->is_limit != (row->is_limit && !is_first) || result->taken != !is_first)
		fail_msg("%s (%s): outcome %d, next %d, limit %d, taken %zu", row->reply,
		    is_first ? "first" : "later", result->outcome, result->may_go_next,
		    result->is_limit, result->taken);
	if (result->outcome == row->later)
		assert_string_equal(result->status, row->status);
}

static void too_many_go_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		scene_init(&scene, 3);
		answer_recipient(&scene, 0, rows[i].reply);
		answer_recipient(&scene, 1, "250 2.1.5 fine");
		answer_recipient(&scene, 2, rows[i].reply);
		check(&rows[i], &scene.results[0], true);
		check(&rows[i], &scene.results[2], false);
		assert_int_equal(scene.reports[1], 0);
		scene_finish(&scene);
	}
}

/* It says what becomes of the message, not of a transaction. */
static void our_own_service_has_no_limit(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, 2);
	scene.session.extensions.mailchute = true;
	answer_recipient(&scene, 0, "250 2.1.5 fine");
	answer_recipient(&scene, 1, "452 4.5.3 too many recipients");
	assert_int_equal(scene.results[1].outcome, TRANSACTION_DEFERRED);
	assert_false(scene.results[1].may_go_next || scene.results[1].is_limit);
	scene_finish(&scene);
}

/* The verdicts on the content tell how many it was for, whoever is left of them. */
static void all_that_were_taken_are_counted(void **state)
{
	static const struct pipeline_entry end = { .verb = COMMAND_UNKNOWN,
		.is_content_end = true };
	struct scene scene;

	(void)state;
	scene_init(&scene, 4);
	scene.smarthost.is_lmtp = true;
	answer_recipient(&scene, 0, "250 2.1.5 fine");
	answer_recipient(&scene, 1, "452 4.5.3 this one with others");
	answer_recipient(&scene, 2, "250 2.1.5 fine");
	answer_recipient(&scene, 3, "550 5.1.1 no");
	assert_int_equal(scene.results[1].taken, 1);
	assert_int_equal(scene.results[3].taken, 2);
	answer(&scene, end, "250 2.0.0 taken");
	/* LMTP has the same code for a content that is not taken: nothing goes again at once. */
	answer(&scene, end, "452 4.5.3 too many recipients");
	assert_int_equal(scene.results[0].taken, 2);
	assert_int_equal(scene.results[2].taken, 2);
	assert_int_equal(scene.results[2].outcome, TRANSACTION_DEFERRED);
	assert_false(scene.results[2].may_go_next);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(scene.reports[i], 1);
	assert_false(fates_has_takers(&scene.fates));
	scene_finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_go_next),
		cmocka_unit_test(our_own_service_has_no_limit),
		cmocka_unit_test(all_that_were_taken_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
