/* SPDX-License-Identifier: MIT */

/* Tests service/attempt.c: results in the file, and what is to become of it. */

#include "service/attempt.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/settle.h"
#include "smtp/client/blame.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

enum { STEP = 60000, LIFETIME = 5 * 86400000 };

struct scene {
	struct scratch scratch;
	struct spool spool;
	struct config config;
	struct config_smarthost smarthost;
	char id[QUEUE_ID_SIZE];
	struct attempt attempt;
};

static int64_t steps[] = { STEP, 10 * STEP };
static char from[] = "alerts@example.com";
static char name[] = "provider";

/* A file for these recipients, received so long ago. */
static void put_file(struct scene *scene, const char *recipients, int64_t age)
{
	struct queue_attributes attributes = { .received = clock_wall() - age, .uid = 1000 };
	struct envelope envelope CLEANUP(envelope_finish) = { 0 };
	struct queue_file file CLEANUP(queue_file_finish) = { .fd = -1 };
	struct span rest = span_from_string(recipients);
	struct span one;
	struct error error;

	assert_int_equal(envelope_set_sender(&envelope, span_from_string("root"), &error), 0);
	while (span_take_word(&rest, &one))
		assert_int_equal(
		    envelope_add_recipient(&envelope, one, (struct span){ 0 }, 0, &error), 0);
	assert_int_equal(
	    queue_file_create(&file, scene->spool.queue, &envelope, &attributes, &error), 0);
	queue_file_write(&file, span_from_string("From: root@localhost\r\nTo: a@b.c\r\n\r\n"));
	queue_file_end_header(&file);
	queue_file_write(&file, span_from_string("body\r\n"));
	assert_int_equal(queue_file_commit(&file, &error), 0);
	memcpy(scene->id, file.id, sizeof scene->id);
}

static void scene_init(struct scene *scene)
{
	char path[80];
	struct error error = { 0 };

	*scene = (struct scene){ .scratch = scratch_make() };
	snprintf(path, sizeof path, "%s/spool", scene->scratch.path);
	if (spool_open(&scene->spool, path, true, &error) < 0)
		fail_msg("%s", error.text);
	smarthost_init(&scene->smarthost.parameters);
	scene->smarthost.parameters.name = name;
	scene->smarthost.parameters.from = from;
	scene->config = (struct config){
		.smarthosts = &scene->smarthost,
		.smarthost_count = 1,
		.retry = steps,
		.retry_count = 2,
		.lifetime = LIFETIME,
	};
}

static void scene_finish(struct scene *scene)
{
	attempt_finish(&scene->attempt);
	spool_finish(&scene->spool);
	scratch_remove(&scene->scratch);
}

static int start(struct scene *scene, struct error *error)
{
	*error = (struct error){ 0 };
	int opened = attempt_open(&scene->attempt, &scene->spool, scene->id, &scene->config, error);
	return opened != ATTEMPT_STARTED
		   ? opened
		   : attempt_prepare(&scene->attempt, &scene->config, NULL, 7, error);
}

static void must_start(struct scene *scene)
{
	struct error error;

	if (start(scene, &error) != ATTEMPT_STARTED)
		fail_msg("%s", error.text);
}

static void give(struct scene *scene, uint32_t recipient, enum result_outcome outcome)
{
	static const char *const statuses[] = { "2.0.0", "4.2.2", "5.1.1", "4.4.2" };
	struct result result = {
		.kind = RESULT_RECIPIENT, .number = 7, .recipient = recipient, .outcome = outcome
	};

	snprintf(result.status, sizeof result.status, "%s", statuses[outcome]);
	snprintf(result.text, sizeof result.text, "words about %u", recipient);
	attempt_result(&scene->attempt, &result, NULL);
}

static void the_request_is_what_this_smarthost_is_to_get(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	const struct request_attempt *request = &scene.attempt.request;
	char body[16] = "";

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c d@e.f", 0);
	must_start(&scene);
	assert_int_equal(request->number, 7);
	assert_string_equal(request->envelope.sender, from);
	assert_int_equal(request->envelope.recipient_count, 2);
	assert_string_equal(request->envelope.recipients[1].address, "d@e.f");
	assert_non_null(strstr(request->header, "From: alerts@example.com\r\n"));
	assert_string_equal(request->header + request->header_length - 4, "\r\n\r\n");
	assert_string_equal(scene.attempt.smarthost, name);
	assert_int_equal(request->body_length, 6);
	assert_int_equal(file_read_full_at(scene.attempt.file.fd, body, request->body_length,
			     (off_t)request->body_offset),
	    6);
	assert_string_equal(body, "body\r\n");
}

static void the_verdict_follows_from_all_results(void **state)
{
	static const struct row {
		const char *outcomes; /* of each recipient: D, T, F, U */
		enum attempt_verdict verdict;
	} rows[] = {
		{ "D", ATTEMPT_DELIVERED },
		{ "T", ATTEMPT_WAITING },
		{ "F", ATTEMPT_REFUSED },
		{ "U", ATTEMPT_WAITING },
		{ "DD", ATTEMPT_DELIVERED },
		{ "DF", ATTEMPT_FAILED },
		{ "FD", ATTEMPT_FAILED },
		{ "FF", ATTEMPT_REFUSED },
		{ "DT", ATTEMPT_WAITING },
		{ "FT", ATTEMPT_WAITING },
		{ "FU", ATTEMPT_WAITING },
		{ "DFF", ATTEMPT_FAILED },
		{ "FFT", ATTEMPT_WAITING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_summary summary;
		struct error error;
		int64_t before = clock_wall();
		int64_t due = -1;

		scene_init(&scene);
		put_file(&scene,
		    strlen(rows[i].outcomes) == 1   ? "a@b.c"
		    : strlen(rows[i].outcomes) == 2 ? "a@b.c d@e.f"
						    : "a@b.c d@e.f g@h.i",
		    0);
		must_start(&scene);
		for (uint32_t k = 0; rows[i].outcomes[k] != '\0'; k++)
			give(&scene, k,
			    rows[i].outcomes[k] == 'D'	 ? RESULT_DELIVERED
			    : rows[i].outcomes[k] == 'T' ? RESULT_DEFERRED
			    : rows[i].outcomes[k] == 'F' ? RESULT_FAILED
							 : RESULT_IN_DOUBT);
		enum attempt_verdict verdict = attempt_conclude(
		    &scene.attempt, &scene.config, true, &due);
		if (verdict != rows[i].verdict)
			fail_msg("%s: %d", rows[i].outcomes, (int)verdict);
		attempt_finish(&scene.attempt);
		assert_int_equal(
		    queue_file_read_summary(scene.spool.queue, scene.id, &summary, &error), 0);
		assert_int_equal(summary.progress.attempts, 1);
		if (verdict == ATTEMPT_WAITING) {
			assert_in_range(due, before + STEP, clock_wall() + STEP + STEP / 10);
			assert_int_equal(summary.progress.next_attempt, due);
		} else {
			assert_int_equal(summary.progress.next_attempt, 0);
		}
	}
}

/* DESIGN 4: accepted ones are never sent again. */
static void only_those_who_wait_are_tried_again(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	const struct envelope *envelope = &scene.attempt.request.envelope;
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c d@e.f g@h.i j@k.l", 0);
	must_start(&scene);
	give(&scene, 0, RESULT_DELIVERED);
	give(&scene, 1, RESULT_DEFERRED);
	give(&scene, 2, RESULT_FAILED);
	give(&scene, 3, RESULT_IN_DOUBT);
	assert_string_equal(scene.attempt.first_refusal.status, "5.1.1");
	assert_string_equal(scene.attempt.first_refusal.text, "words about 2");
	assert_int_equal(scene.attempt.first_refusal.kind, ERROR_NO_USER);
	(void)attempt_conclude(&scene.attempt, &scene.config, true, &due);
	attempt_finish(&scene.attempt);

	must_start(&scene);
	assert_int_equal(envelope->recipient_count, 2);
	assert_string_equal(envelope->recipients[0].address, "d@e.f");
	assert_string_equal(envelope->recipients[1].address, "j@k.l");
	/* Results go by the request's numbers, marks by the file's. */
	give(&scene, 1, RESULT_DELIVERED);
	give(&scene, 0, RESULT_DELIVERED);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_FAILED);
	assert_memory_equal(scene.attempt.file.marks, "DDFD", 4);
	assert_int_equal(scene.attempt.file.progress.attempts, 2);
}

static char other_name[] = "other";
static char other_from[] = "other@example.com";
static char team[] = "team.example";
static char *teams[] = { team };
static struct config_via via_other[] = { { other_name, 0 } };
static struct config_via via_both[] = { { name, 0 }, { other_name, 0 } };

/* Whom the smarthost has not seen, the next one of his route has, each with its own sender. */
static void a_leg_for_each_smarthost(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct config_smarthost smarthosts[2] = { 0 };
	struct config_route routes[] = {
		{ .title = name, .to = { teams, 1 }, .via = via_other, .via_count = 1 },
		{ .title = name, .via = via_both, .via_count = 2 },
	};
	const struct attempt *attempt = &scene.attempt;
	int64_t due;
	struct error error;

	(void)state;
	scene_init(&scene);
	smarthosts[0] = smarthosts[1] = scene.smarthost;
	smarthosts[1].parameters.name = other_name;
	smarthosts[1].parameters.from = other_from;
	scene.config.smarthosts = smarthosts;
	scene.config.smarthost_count = 2;
	scene.config.routes = routes;
	scene.config.route_count = 2;
	put_file(&scene, "a@b.c d@team.example e@b.c", 0);
	must_start(&scene);
	assert_string_equal(attempt->smarthost, name);
	assert_int_equal(attempt->request.envelope.recipient_count, 2);
	assert_string_equal(attempt->request.envelope.sender, from);
	give(&scene, 0, RESULT_DELIVERED);
	error_set(&error, ERROR_UNAVAILABLE, "4.4.1", "not reached");
	attempt_defer_rest(&scene.attempt, &error, NULL);
	attempt_end_leg(&scene.attempt, true);
	assert_true(attempt_choose(&scene.attempt, &scene.config, NULL));
	assert_int_equal(attempt_renew(&scene.attempt), 0);
	assert_int_equal(attempt_prepare(&scene.attempt, &scene.config, NULL, 8, &error), 0);
	assert_string_equal(attempt->smarthost, other_name);
	assert_int_equal(attempt->request.number, 8);
	assert_string_equal(attempt->request.envelope.sender, other_from);
	assert_int_equal(attempt->request.envelope.recipient_count, 2);
	assert_string_equal(attempt->request.envelope.recipients[0].address, "d@team.example");
	assert_string_equal(attempt->request.envelope.recipients[1].address, "e@b.c");
	give(&scene, 0, RESULT_DELIVERED);
	give(&scene, 1, RESULT_DELIVERED);
	attempt_end_leg(&scene.attempt, false);
	assert_false(attempt_choose(&scene.attempt, &scene.config, NULL));
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_DELIVERED);
	assert_int_equal(attempt->file.progress.attempts, 1);
	scene.config.smarthosts = &scene.smarthost;
}

/* While one smarthost is left alone, those for another one have their retries. */
static void who_is_for_another_smarthost_does_not_wait_for_this_one(void **state)
{
	static const struct row {
		const char *recipients;
		int64_t age;
		int64_t step; /* 0: for its end */
	} rows[] = {
		{ "a@b.c e@b.c", 0, 0 },
		{ "d@team.example f@team.example", 0, 0 },
		{ "a@b.c d@team.example", 0, STEP },
		{ "d@team.example e@b.c a@b.c", STEP, 10 * STEP },
		{ "d@team.example e@b.c", 100 * STEP, 10 * STEP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct config_smarthost smarthosts[2] = { 0 };
		struct config_route route = {
			.title = name, .to = { teams, 1 }, .via = via_other, .via_count = 1
		};
		int64_t before = clock_wall();

		scene_init(&scene);
		smarthosts[0] = smarthosts[1] = scene.smarthost;
		smarthosts[1].parameters.name = other_name;
		scene.config.smarthosts = smarthosts;
		scene.config.smarthost_count = 2;
		scene.config.routes = &route;
		scene.config.route_count = 1;
		put_file(&scene, rows[i].recipients, rows[i].age);
		must_start(&scene);
		int64_t attention = attempt_attention(&scene.attempt, &scene.config);
		int64_t step = rows[i].step != 0 ? rows[i].step : LIFETIME;
		assert_in_range(attention, before + step, clock_wall() + step + step / 10);
		scene.config.smarthosts = &scene.smarthost;
	}
}

static void a_worker_is_not_believed_twice(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c d@e.f", 0);
	must_start(&scene);
	give(&scene, 0, RESULT_DEFERRED);
	give(&scene, 0, RESULT_DELIVERED);
	give(&scene, 2, RESULT_DELIVERED);
	give(&scene, UINT32_MAX, RESULT_DELIVERED);
	assert_int_equal(scene.attempt.answered_count, 1);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_WAITING);
	assert_memory_equal(scene.attempt.file.marks, "..", 2);
}

static void trouble_with_the_smarthost_is_never_the_messages_fault(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error why;
	int64_t due;

	(void)state;
	error_set(&why, ERROR_NO_PERMISSION, "5.7.8", "the login was refused");
	scene_init(&scene);
	put_file(&scene, "a@b.c d@e.f", 0);
	must_start(&scene);
	give(&scene, 0, RESULT_DELIVERED);
	attempt_defer_rest(&scene.attempt, &why, NULL);
	assert_int_equal(scene.attempt.first_refusal.kind, ERROR_NONE);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_WAITING);
	assert_memory_equal(scene.attempt.file.marks, "D.", 2);
	assert_string_equal(scene.attempt.file.replies[1], "the login was refused");
	assert_string_equal(scene.attempt.file.progress.last_reply, "the login was refused");
}

/* Of the only recipient: MAIL is refused with 550, or the content is. */
static void refuse(struct scene *scene, enum blame blame, bool is_at_mail)
{
	struct result result = {
		.kind = RESULT_RECIPIENT,
		.number = 7,
		.outcome = RESULT_FAILED,
		.code = 550,
		.status = "5.7.1",
		.text = "words",
		.blame = (int)blame,
		.refuses_sender = is_at_mail,
	};

	attempt_result(&scene->attempt, &result, NULL);
}

static void only_a_refusal_of_the_message_is_final(void **state)
{
	static const struct row {
		enum blame blame;
		bool is_at_mail;
		bool is_final;
		enum health_sign_kind sign;
		enum health_state state;
	} rows[] = {
		{ BLAME_MESSAGE, true, true, HEALTH_SHOWS_GOOD, HEALTH_UP },
		{ BLAME_MESSAGE, false, true, HEALTH_SHOWS_GOOD, HEALTH_UP },
		{ BLAME_LOGIN, true, false, HEALTH_SHOWS_BAD, HEALTH_LOGIN_REFUSED },
		{ BLAME_LOGIN, false, false, HEALTH_SHOWS_DOUBT, HEALTH_LOGIN_REFUSED },
		{ BLAME_ACCOUNT, true, false, HEALTH_SHOWS_BAD, HEALTH_ACCOUNT },
		/* Repaired, it goes as alerts already: nobody is left to replace it. */
		{ BLAME_SENDER, true, false, HEALTH_SHOWS_BAD, HEALTH_SENDER },
		{ BLAME_SENDER, false, false, HEALTH_SHOWS_BAD, HEALTH_SENDER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		int64_t due;

		scene_init(&scene);
		put_file(&scene, "a@b.c", 0);
		must_start(&scene);
		refuse(&scene, rows[i].blame, rows[i].is_at_mail);
		assert_int_equal(scene.attempt.sign.kind, rows[i].sign);
		assert_int_equal(scene.attempt.sign.state, rows[i].state);
		assert_false(scene.attempt.sender_is_refused);
		assert_int_equal(attempt_conclude(&scene.attempt, &scene.config, true, &due),
		    rows[i].is_final ? ATTEMPT_REFUSED : ATTEMPT_WAITING);
		assert_string_equal(scene.attempt.file.progress.last_reply,
		    rows[i].blame != BLAME_SENDER
			? "words"
			: "MC-FROM-05 words; fix: in smarthost \"provider\" write from = \"an "
			  "address "
			  "that this account may send as\" instead of the one there, or let the "
			  "account send as alerts@example.com (the configuration)");
	}
}

static void a_refused_sender_may_be_replaced_once(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	struct smarthost login = { .from = other_from };

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	/* What the file has is repaired to another address than this account's. */
	must_start(&scene);
	free(scene.attempt.author);
	scene.attempt.author = memory_copy_string(login.from);
	refuse(&scene, BLAME_SENDER, true);
	assert_true(scene.attempt.sender_is_refused);
	assert_int_equal(scene.attempt.sign.kind, HEALTH_SHOWS_GOOD);
	assert_string_equal(scene.attempt.identity, from);
	assert_int_equal(attempt_replace_sender(&scene.attempt, &error), 0);
	assert_string_equal(scene.attempt.request.envelope.sender, other_from);
	assert_string_equal(attempt_identity(&scene.attempt), from);
	scene.attempt.is_answered[0] = false;
	scene.attempt.sender_is_refused = false;
	scene.attempt.sign = (struct health_sign){ 0 };
	refuse(&scene, BLAME_SENDER, true);
	assert_false(scene.attempt.sender_is_refused);
	assert_int_equal(scene.attempt.sign.state, HEALTH_SENDER);
}

static void who_waits_is_given_up_in_time(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", LIFETIME + 1000);
	assert_int_equal(
	    attempt_open(&scene.attempt, &scene.spool, scene.id, &scene.config, &error),
	    ATTEMPT_STARTED);
	/* A service that has just begun has asked once. */
	attempt_wait(&scene.attempt, "it is down", 1);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, false, &due), ATTEMPT_WAITING);
	assert_true(attempt_attention(&scene.attempt, &scene.config) > clock_wall());
	scene.attempt.probes = 2;
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, false, &due), ATTEMPT_REFUSED);
	assert_non_null(strstr(scene.attempt.file.replies[0], "it is down"));
}

static void an_attempt_that_does_not_count_is_due_at_once(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int64_t before = clock_wall();
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	must_start(&scene);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, false, &due), ATTEMPT_WAITING);
	assert_in_range(due, before, clock_wall());
	assert_int_equal(scene.attempt.file.progress.attempts, 0);
}

/* The disk is full: nothing can be written any more, or it can again. */
static void set_disk(bool is_full)
{
	struct rlimit limit;

	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGXFSZ, &ignore, NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = is_full ? 0 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* It never had an attempt that counted, so there is no step of the list for it. */
static void what_does_not_count_may_be_stuck_too(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int64_t due = 0;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	must_start(&scene);
	set_disk(true);
	enum attempt_verdict verdict = attempt_conclude(&scene.attempt, &scene.config, false, &due);
	set_disk(false);
	assert_int_equal(verdict, ATTEMPT_STUCK);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_WAITING);
	assert_int_equal(scene.attempt.file.progress.attempts, 0);
	assert_in_range(due, clock_wall() - STEP, clock_wall());
}

static void who_is_delivered_is_not_given_up_though_the_disk_is_full(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c d@e.f", LIFETIME + 1000);
	must_start(&scene);
	scene.attempt.file.progress.attempts = 3;
	set_disk(true);
	give(&scene, 0, RESULT_DELIVERED);
	set_disk(false);
	give(&scene, 1, RESULT_DEFERRED);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_FAILED);
	assert_int_equal(scene.attempt.file.marks[0], RECIPIENT_DELIVERED);
	assert_int_equal(scene.attempt.file.marks[1], RECIPIENT_FAILED);
}

static void what_is_too_old_fails_for_good(void **state)
{
	static const struct row {
		int64_t age;
		int attempts;
		enum attempt_verdict verdict;
	} rows[] = {
		{ LIFETIME - 60000, 2, ATTEMPT_WAITING },
		{ LIFETIME + 60000, 2, ATTEMPT_FAILED },
		/* A machine that was off for a week still tries more than once. */
		{ LIFETIME + 60000, 1, ATTEMPT_WAITING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		enum attempt_verdict verdict = ATTEMPT_DELIVERED;
		int64_t due;

		scene_init(&scene);
		put_file(&scene, "a@b.c d@e.f", rows[i].age);
		for (int k = 0; k < rows[i].attempts; k++) {
			must_start(&scene);
			give(&scene, 0, k == 0 ? RESULT_DELIVERED : RESULT_DEFERRED);
			if (k == 0)
				give(&scene, 1, RESULT_DEFERRED);
			verdict = attempt_conclude(&scene.attempt, &scene.config, true, &due);
			if (verdict == ATTEMPT_FAILED)
				assert_non_null(
				    strstr(scene.attempt.file.replies[1], "words about"));
			attempt_finish(&scene.attempt);
		}
		if (verdict != rows[i].verdict)
			fail_msg("row %zu: %d", i, (int)verdict);
	}
}

static bool is_there(const struct scene *scene, const char *folder)
{
	char path[160];

	snprintf(path, sizeof path, "%s/%s/%s", scene->spool.path, folder, scene->id);
	return access(path, F_OK) == 0;
}

/* Marks all recipients so and holds the file if need be. */
static void prepare(struct scene *scene, enum recipient_mark mark, bool is_held)
{
	struct queue_file file CLEANUP(queue_file_finish) = { .fd = -1 };
	struct error error;

	assert_int_equal(queue_file_open(&file, scene->spool.queue, scene->id, &error), 0);
	for (size_t i = 0; i < file.envelope.recipient_count; i++)
		assert_int_equal(queue_file_mark(&file, i, mark, "", &error), 0);
	file.progress.is_held = is_held;
	assert_int_equal(queue_file_save_progress(&file, &error), 0);
}

static void a_file_that_is_not_to_be_tried_says_why(void **state)
{
	static const struct row {
		enum recipient_mark mark;
		bool is_held;
		int start;
		bool stays;
	} rows[] = {
		{ RECIPIENT_WAITING, false, ATTEMPT_STARTED, true },
		{ RECIPIENT_IN_DOUBT, false, ATTEMPT_STARTED, true },
		{ RECIPIENT_WAITING, true, ATTEMPT_HELD, true },
		{ RECIPIENT_DELIVERED, false, ATTEMPT_NOTHING, true },
		{ RECIPIENT_FAILED, false, ATTEMPT_OWES, true },
		{ RECIPIENT_UNTOLD, false, ATTEMPT_OWES, true },
		{ RECIPIENT_REPORTED, false, ATTEMPT_NOTHING, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct error error;

		scene_init(&scene);
		put_file(&scene, "a@b.c d@e.f", 0);
		prepare(&scene, rows[i].mark, rows[i].is_held);
		int started = start(&scene, &error);
		if (started != rows[i].start || is_there(&scene, "queue") != rows[i].stays)
			fail_msg("row %zu: %d", i, started);
	}
}

/* Its log, the whole of it; then the log leads nowhere again. */
static char *end_log(const struct scene *scene)
{
	char path[120];
	char *text = memory_allocate(4096);

	(void)log_open("test", "none");
	snprintf(path, sizeof path, "%s/log", scene->scratch.path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, 4095) >= 0);
	(void)close(fd);
	(void)unlink(path);
	return text;
}

static void an_attempt_of_unknown_end_is_told_of(void **state)
{
	static const struct row {
		bool is_concluded;
		bool is_told;
	} rows[] = { { true, false }, { false, true } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		char path[120];
		int64_t due;

		scene_init(&scene);
		snprintf(path, sizeof path, "%s/log", scene.scratch.path);
		assert_true(log_open("test", path));
		put_file(&scene, "a@b.c", 0);
		must_start(&scene);
		give(&scene, 0, RESULT_DEFERRED);
		if (rows[i].is_concluded)
			assert_int_equal(
			    attempt_conclude(&scene.attempt, &scene.config, true, &due),
			    ATTEMPT_WAITING);
		attempt_finish(&scene.attempt);
		must_start(&scene);
		char *text CLEANUP(memory_free_string) = end_log(&scene);
		assert_int_equal(strstr(text, "possible duplicate") != NULL, rows[i].is_told);
	}
}

static void a_file_that_is_busy_gone_or_damaged(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct queue_file other CLEANUP(queue_file_finish) = { .fd = -1 };
	struct error error;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	assert_int_equal(queue_file_open(&other, scene.spool.queue, scene.id, &error), 0);
	assert_int_equal(start(&scene, &error), ATTEMPT_BUSY);
	queue_file_finish(&other);

	int fd = openat(scene.spool.queue, scene.id, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(ftruncate(fd, status.st_size - 3), 0);
	(void)close(fd);
	assert_int_equal(start(&scene, &error), ATTEMPT_CORRUPT);
	assert_false(is_there(&scene, "queue"));
	assert_true(is_there(&scene, "corrupt"));
	assert_int_equal(start(&scene, &error), ATTEMPT_GONE);
}

static void without_a_smarthost_the_file_stays_as_it_is(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	scene.config.smarthost_count = 0;
	assert_int_equal(start(&scene, &error), -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_true(is_there(&scene, "queue"));
	/* It is free for the next try. */
	scene.config.smarthost_count = 1;
	must_start(&scene);
}

static void what_is_delivered_is_removed(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	must_start(&scene);
	give(&scene, 0, RESULT_DELIVERED);
	assert_int_equal(
	    attempt_conclude(&scene.attempt, &scene.config, true, &due), ATTEMPT_DELIVERED);
	assert_true(is_there(&scene, "queue"));
	assert_int_equal(attempt_remove(&scene.attempt), 0);
	assert_false(is_there(&scene, "queue"));
}

/* It is not forgotten: somebody has to remove it one day. */
static void what_cannot_be_removed_is_tried_again(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct schedule schedule = { 0 };
	struct usage usage = { 0 };
	const struct settle settle = { .schedule = &schedule, .usage = &usage };
	char id[QUEUE_ID_SIZE];
	int64_t due;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "a@b.c", 0);
	must_start(&scene);
	memcpy(id, scene.attempt.file.id, sizeof id);
	usage_add(&usage, 1000, scene.attempt.file.message_length);
	give(&scene, 0, RESULT_DELIVERED);
	(void)attempt_conclude(&scene.attempt, &scene.config, true, &due);
	int queue = scene.attempt.file.queue;
	scene.attempt.file.queue = -1;
	settle_remove(&settle, &scene.attempt);
	assert_true(is_there(&scene, "queue"));
	assert_true(schedule_has(&schedule, id));
	assert_int_equal(usage_of(&usage, 1000).messages, 1);
	scene.attempt.file.queue = queue;
	settle_remove(&settle, &scene.attempt);
	assert_false(is_there(&scene, "queue"));
	assert_int_equal(usage_of(&usage, 1000).messages, 0);
	schedule_finish(&schedule);
	usage_finish(&usage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_is_what_this_smarthost_is_to_get),
		cmocka_unit_test(the_verdict_follows_from_all_results),
		cmocka_unit_test(only_those_who_wait_are_tried_again),
		cmocka_unit_test(a_leg_for_each_smarthost),
		cmocka_unit_test(who_is_for_another_smarthost_does_not_wait_for_this_one),
		cmocka_unit_test(a_worker_is_not_believed_twice),
		cmocka_unit_test(trouble_with_the_smarthost_is_never_the_messages_fault),
		cmocka_unit_test(only_a_refusal_of_the_message_is_final),
		cmocka_unit_test(a_refused_sender_may_be_replaced_once),
		cmocka_unit_test(who_waits_is_given_up_in_time),
		cmocka_unit_test(an_attempt_that_does_not_count_is_due_at_once),
		cmocka_unit_test(what_does_not_count_may_be_stuck_too),
		cmocka_unit_test(who_is_delivered_is_not_given_up_though_the_disk_is_full),
		cmocka_unit_test(what_is_too_old_fails_for_good),
		cmocka_unit_test(a_file_that_is_not_to_be_tried_says_why),
		cmocka_unit_test(an_attempt_of_unknown_end_is_told_of),
		cmocka_unit_test(a_file_that_is_busy_gone_or_damaged),
		cmocka_unit_test(without_a_smarthost_the_file_stays_as_it_is),
		cmocka_unit_test(what_is_delivered_is_removed),
		cmocka_unit_test(what_cannot_be_removed_is_tried_again),
	};

	(void)log_open("test", "none");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
