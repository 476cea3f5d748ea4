/* SPDX-License-Identifier: MIT */

/* Tests service/direct_log.c: every recipient has one event, whatever is answered. */

#include "service/direct_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

enum { TEXT_SIZE = 20000 };

struct scene {
	char path[40];
	struct envelope envelope;
	struct queue_attributes attributes;
	struct direct_log log;
};

static int set_up(void **state)
{
	static struct scene scene;
	struct error error;

	scene = (struct scene){ .attributes = { .uid = 7, .entrance = "local" } };
	snprintf(scene.path, sizeof scene.path, "/tmp/direct-log-XXXXXX");
	int fd = mkstemp(scene.path);
	if (fd < 0 || close(fd) < 0 || !log_open("test", scene.path))
		return -1;
	(void)envelope_set_sender(&scene.envelope, span_from_string("a@b.example"), &error);
	(void)envelope_add_recipient(&scene.envelope, span_from_string("one@far.example"),
	    span_from_string("root"), 0, &error);
	(void)envelope_add_recipient(
	    &scene.envelope, span_from_string("two@far.example"), (struct span){ 0 }, 0, &error);
	scene.attributes.received = clock_wall();
	direct_log_init(&scene.log, "0AB", &scene.envelope, &scene.attributes);
	*state = &scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	direct_log_finish(&scene->log);
	envelope_finish(&scene->envelope);
	(void)log_open("test", "none");
	return unlink(scene->path);
}

static const char *logged(const struct scene *scene, char text[static TEXT_SIZE])
{
	int fd = open(scene->path, O_RDONLY | O_CLOEXEC);
	ssize_t count = read(fd, text, TEXT_SIZE - 1);

	assert_true(count >= 0);
	text[count] = '\0';
	(void)close(fd);
	return text;
}

static size_t count(const char *text, const char *words)
{
	size_t found = 0;

	for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words))
		found++;
	return found;
}

static struct result answer(enum result_outcome outcome, const char *text)
{
	struct result result = { .kind = RESULT_RECIPIENT, .outcome = outcome, .code = 250 };

	snprintf(result.status, sizeof result.status, "2.0.0");
	snprintf(result.text, sizeof result.text, "%s", text);
	return result;
}

static void a_message_has_its_events(void **state)
{
	struct scene *scene = *state;
	const struct store_wish wish = { .message_id = "<1@b.example>" };
	const struct result ready = {
		.kind = RESULT_READY, .text = "x:25 [192.0.2.1]", .security = "TLSv1.3 A"
	};
	const struct result sent = answer(RESULT_DELIVERED, "taken");
	const struct result deferred = answer(RESULT_DEFERRED, "not now");
	static char text[TEXT_SIZE];

	direct_log_received(&scene->log, &wish, 100);
	direct_log_open(&scene->log, "main", "x:25");
	direct_log_ready(&scene->log, &ready);
	direct_log_sent(&scene->log);
	direct_log_result(&scene->log, "one@far.example", &sent);
	direct_log_result(&scene->log, "two@far.example", &deferred);
	direct_log_result(&scene->log, "nobody@far.example", &sent);
	direct_log_rest(&scene->log, &(struct error){ .text = "unheard" }, false);
	logged(scene, text);
	assert_int_equal(count(text, "\n"), 6);
	assert_non_null(strstr(text, ": 0AB: uid=7 from=<a@b.example> entrance=local\n"));
	assert_non_null(strstr(text, ": 0AB: from=<a@b.example>, size=100, nrcpt=2 "));
	assert_non_null(strstr(text, "TLS connection established to x[192.0.2.1]:25: TLSv1.3 "));
	assert_non_null(
	    strstr(text, "to=<one@far.example>, orig_to=<root>, relay=x[192.0.2.1]:25, "));
	assert_non_null(strstr(text, "status=sent (taken)\n"));
	assert_non_null(strstr(text, "to=<two@far.example>, relay=x[192.0.2.1]:25, "));
	/* The caller is told: that is its end. */
	assert_non_null(strstr(text, "status=bounced (not now)\n"));
}

static void who_has_no_answer_has_an_event_all_the_same(void **state)
{
	struct scene *scene = *state;
	const struct result doubt = answer(RESULT_IN_DOUBT, "lost");
	const struct error why = { .text = "no answer", .status = "4.4.2" };
	static char text[TEXT_SIZE];

	direct_log_open(&scene->log, "main", "x:25");
	direct_log_result(&scene->log, "two@far.example", &doubt);
	direct_log_rest(&scene->log, &why, true);
	direct_log_rest(&scene->log, &why, false);
	logged(scene, text);
	assert_int_equal(count(text, "\n"), 2);
	assert_int_equal(count(text, "status=deferred (in doubt, possible duplicate: "), 2);
	assert_non_null(strstr(text, "to=<one@far.example>, orig_to=<root>, relay=x:25, "));
	assert_non_null(strstr(text, "dsn=4.4.2, "));
}

static void where_no_smarthost_is_asked_none_is_named(void **state)
{
	struct scene *scene = *state;
	static char text[TEXT_SIZE];

	direct_log_rest(&scene->log, &(struct error){ .text = "none is configured" }, false);
	logged(scene, text);
	assert_int_equal(count(text, "relay=none, "), 2);
	assert_int_equal(count(text, "dsn=4.4.1, status=bounced (none is configured)\n"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_has_its_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_has_no_answer_has_an_event_all_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    where_no_smarthost_is_asked_none_is_named, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
