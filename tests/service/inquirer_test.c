/* SPDX-License-Identifier: MIT */

/* Tests service/inquirer.c against workers and services that are threads of a script. */

#include "service/inquirer.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "delivery/request.h"
#include "service/notice.h"
#include "tests/support/cmocka.h"

enum { PATIENCE = 20000 };

/* ---- a worker that follows a script ---- */

struct script {
	struct result results[4]; /* said to each address; the kind 0 ends them */
	bool is_silent;		  /* after them, until the other end closes */
	struct channel channel;
	pthread_t thread;
	char heard[200]; /* the addresses, each with a blank */
};

static void say(struct script *script)
{
	for (size_t i = 0; i < 4 && script->results[i].kind != 0; i++) {
		CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };

		result_encode(&script->results[i], &message);
		(void)channel_send(&script->channel, buffer_span(&message), -1);
	}
}

static void *play(void *context)
{
	struct script *script = context;

	do {
		CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
		CLEANUP(memory_free_string) char *address = NULL;
		struct error error;
		int descriptor;

		if (channel_take(&script->channel, &message, &descriptor) <= 0)
			continue;
		if (request_decode_verify(buffer_span(&message), &address, &error) < 0)
			break;
		text_append(script->heard, sizeof script->heard, address);
		text_append(script->heard, sizeof script->heard, " ");
		say(script);
		if (!script->is_silent && script->results[0].kind != RESULT_VERIFIED)
			break;
	} while (channel_fill(&script->channel) > 0);
	channel_finish(&script->channel);
	return NULL;
}

static void start(struct script *script, struct channel *worker)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(worker, ends[0]);
	channel_init_take_fd(&script->channel, ends[1]);
	assert_int_equal(pthread_create(&script->thread, NULL, play, script), 0);
}

static void stop(struct script *script, struct channel *worker)
{
	channel_finish(worker);
	assert_int_equal(pthread_join(script->thread, NULL), 0);
}

static void count_line(void *context, const struct result *line)
{
	size_t *count = context;

	assert_int_equal(line->kind, RESULT_TRACE);
	(*count)++;
}

#define YES \
	{ \
		.kind = RESULT_VERIFIED, .code = 250, .status = "2.1.5", .text = "250 2.1.5 yes" \
	}

static void an_answer_is_awaited(void **state)
{
	struct script script = { .results = { YES } };
	struct channel worker;
	struct result answer;
	struct error error;
	size_t lines = 0;

	(void)state;
	start(&script, &worker);
	for (int i = 0; i < 2; i++) {
		answer = (struct result){ 0 };
		assert_int_equal(inquirer_ask(&worker, i == 0 ? "a@b.example" : "c",
				     clock_deadline(PATIENCE), count_line, &lines, &answer, &error),
		    0);
		assert_int_equal(answer.kind, RESULT_VERIFIED);
		assert_int_equal(answer.code, 250);
		assert_string_equal(answer.text, "250 2.1.5 yes");
	}
	inquirer_end(&worker, count_line, &lines);
	stop(&script, &worker);
	assert_string_equal(script.heard, "a@b.example c ");
	assert_int_equal(lines, 0);
}

static void the_conversation_is_shown(void **state)
{
	struct script script = { .is_silent = true,
		.results = { { .kind = RESULT_READY, .text = "peer" },
		    { .kind = RESULT_TRACE, .direction = '<', .text = "220 hello" },
		    { .kind = RESULT_TRACE, .direction = '>', .text = "VRFY a" }, YES } };
	struct channel worker;
	struct result answer;
	struct error error;
	size_t lines = 0;

	(void)state;
	start(&script, &worker);
	assert_int_equal(inquirer_ask(&worker, "a", clock_deadline(PATIENCE), count_line, &lines,
			     &answer, &error),
	    0);
	assert_int_equal(lines, 2);
	stop(&script, &worker);
}

static void trouble_is_an_error(void **state)
{
	static const struct row {
		const char *name;
		struct result result;
		bool is_silent;
		int64_t patience;
		enum error_kind kind;
		const char *words;
	} rows[] = {
		{ "lost",
		    { .kind = RESULT_LOST,
			.error = { .kind = ERROR_NO_PERMISSION, .status = "5.7.8", .text = "no" } },
		    false, PATIENCE, ERROR_NO_PERMISSION, "no" },
		{ "ends", { .kind = RESULT_DONE }, false, PATIENCE, ERROR_SOFTWARE,
		    "ended unexpectedly" },
		{ "silent", { .kind = RESULT_DONE }, true, 50, ERROR_UNAVAILABLE,
		    "has not answered" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct script script = { .results = { rows[i].result },
			.is_silent = rows[i].is_silent };
		struct channel worker;
		struct result answer;
		struct error error = { 0 };
		size_t lines = 0;

		start(&script, &worker);
		assert_int_equal(inquirer_ask(&worker, "a", clock_deadline(rows[i].patience),
				     count_line, &lines, &answer, &error),
		    -1);
		print_message("  %s: %s\n", rows[i].name, error.text);
		assert_int_equal(error.kind, rows[i].kind);
		assert_non_null(strstr(error.text, rows[i].words));
		stop(&script, &worker);
	}
}

/* The last words of a worker that could not even connect, and is gone. */
static void a_worker_that_is_gone_has_said_why(void **state)
{
	struct script script = {
		.results = { { .kind = RESULT_LOST,
		    .error = { .kind = ERROR_UNAVAILABLE, .status = "4.4.1", .text = "refused" } } }
	};
	struct channel worker;
	struct result answer;
	struct error error = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(&worker, ends[0]);
	channel_init_take_fd(&script.channel, ends[1]);
	say(&script);
	channel_finish(&script.channel);
	assert_int_equal(
	    inquirer_ask(&worker, "a", clock_deadline(PATIENCE), count_line, NULL, &answer, &error),
	    -1);
	assert_string_equal(error.text, "refused");
	channel_finish(&worker);
}

/* ---- by a service ---- */

struct service {
	struct channel channel;
	pthread_t thread;
	const char *refusal; /* NULL: gives standard input for a worker */
	bool is_gone;
	char name[100];
};

static void *serve(void *context)
{
	struct service *service = context;
	struct notice line = { .kind = NOTICE_TRACE, .id = NOTICE_NO_ID };
	struct notice answer = { .kind = NOTICE_WORKER, .id = NOTICE_NO_ID, .status = "4.3.5" };
	struct notice asked;

	while (notice_take(&service->channel, &asked) == 0)
		if (channel_fill(&service->channel) <= 0)
			return NULL;
	if (asked.kind == NOTICE_ASK)
		text_copy(service->name, sizeof service->name, asked.text);
	if (!service->is_gone) {
		/* What still comes about an earlier message. */
		(void)notice_send_lines(&service->channel, &line, span_from_string("a\nb\n"));
		if (service->refusal != NULL)
			text_copy(answer.text, sizeof answer.text, service->refusal);
		(void)notice_send_descriptor(
		    &service->channel, &answer, service->refusal != NULL ? -1 : STDIN_FILENO);
	}
	channel_finish(&service->channel);
	return NULL;
}

static void a_service_starts_a_worker(void **state)
{
	static const struct row {
		struct service service;
		int outcome;
		enum error_kind kind;
		const char *words;
	} rows[] = {
		{ { .refusal = NULL }, 0, ERROR_NONE, "" },
		{ { .refusal = "cannot read s.ini; chmod it" }, -1, ERROR_CONFIG,
		    "cannot read s.ini; chmod it" },
		{ { .is_gone = true }, -1, ERROR_UNAVAILABLE, "is gone" },
	};
	const struct config_smarthost smarthost = { .parameters.name = (char *)"provider" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct service service = rows[i].service;
		struct channel channel;
		struct channel worker = { .fd = -1 };
		struct error error = { 0 };
		int ends[2];

		assert_int_equal(channel_pair(ends), 0);
		channel_init_take_fd(&channel, ends[0]);
		channel_init_take_fd(&service.channel, ends[1]);
		assert_int_equal(pthread_create(&service.thread, NULL, serve, &service), 0);
		assert_int_equal(inquirer_start_by_service(&channel, &smarthost, &worker, &error),
		    rows[i].outcome);
		assert_int_equal(pthread_join(service.thread, NULL), 0);
		assert_string_equal(service.name, "provider");
		assert_int_equal(error.kind, rows[i].kind);
		assert_non_null(strstr(error.text, rows[i].words));
		assert_int_equal(worker.fd >= 0, rows[i].outcome == 0);
		channel_finish(&worker);
		channel_finish(&channel);
	}
}

static void without_a_service_there_is_none(void **state)
{
	const struct config_smarthost smarthost = { .parameters.name = (char *)"provider" };
	struct channel none = { .fd = -1 };
	struct channel worker = { .fd = -1 };
	struct error error;

	(void)state;
	assert_int_equal(inquirer_start_by_service(&none, &smarthost, &worker, &error), -1);
	assert_int_equal(error.kind, ERROR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_awaited),
		cmocka_unit_test(the_conversation_is_shown),
		cmocka_unit_test(trouble_is_an_error),
		cmocka_unit_test(a_worker_that_is_gone_has_said_why),
		cmocka_unit_test(a_service_starts_a_worker),
		cmocka_unit_test(without_a_service_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
