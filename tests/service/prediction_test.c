/* SPDX-License-Identifier: MIT */

/* Tests service/prediction.c: what it predicts is held against the real thing in
 * sender_policy_test.py. */

#include "service/prediction.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static char missing[] = "/nonexistent/secrets.ini";
static char aliases_file[] = "/nonexistent/aliases";
static char file[] = "/etc/m.conf";
static char domain[] = "d.example";
static char from[] = "alerts@x.example";
static char other[] = "news@x.example";
static char one[] = "one";
static char two[] = "two";
static char *to_news[] = { (char *)"*@news.example" };
static char *joes[] = { (char *)"joe" };

struct scene {
	struct config_smarthost smarthosts[2];
	struct config_via via[1];
	struct config_route routes[1];
	struct config config;
	struct envelope given;
	struct header header;
	struct prediction prediction;
	struct error error;
};

static void start(struct scene *scene, const char *header, const char *recipients)
{
	struct span body;
	struct span rest = span_from_string(recipients);
	struct span recipient;

	*scene = (struct scene){ 0 };
	scene->smarthosts[0].parameters = (struct smarthost){
		.name = one, .from = from, .from_policy = SMARTHOST_FROM_REWRITE
	};
	scene->smarthosts[1].parameters = (struct smarthost){
		.name = two, .from = other, .from_policy = SMARTHOST_FROM_REPAIR
	};
	scene->smarthosts[0].secret = one;
	scene->smarthosts[1].secret = two;
	scene->via[0] = (struct config_via){ .smarthost = two };
	scene->routes[0] = (struct config_route){
		.title = two, .to = { to_news, 1 }, .via = scene->via, .via_count = 1
	};
	scene->config = (struct config){
		.smarthosts = scene->smarthosts,
		.smarthost_count = 2,
		.routes = scene->routes,
		.route_count = 1,
		.secrets_file = missing,
		.aliases_file = aliases_file,
		.domain = domain,
	};
	assert_int_equal(
	    envelope_set_sender(&scene->given, span_from_string("joe@b.example"), &scene->error),
	    0);
	while (span_take_until(&rest, ' ', &recipient))
		assert_int_equal(envelope_add_recipient(&scene->given, recipient,
				     (struct span){ 0 }, 0, &scene->error),
		    0);
	header_init(&scene->header);
	header_feed(&scene->header, span_from_string(header), &body);
	if (!scene->header.is_complete)
		header_end(&scene->header, &body);
}

static void stop(struct scene *scene)
{
	envelope_finish(&scene->given);
	header_finish(&scene->header);
	prediction_finish(&scene->prediction);
}

static int make(struct scene *scene, uint64_t octets)
{
	const struct prediction_question question = {
		.config = &scene->config,
		.given = &scene->given,
		.header = &scene->header,
		.full_name = "",
		.uid = (int64_t)getuid() + 1,
		.octets = octets,
	};

	return prediction_make(&scene->prediction, &question, &scene->error);
}

static bool has(const struct prediction_leg *leg, const char *words)
{
	return strstr(leg->attempt.header, words) != NULL;
}

static void each_smarthost_has_its_own(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, "From: Joe <joe@b.example>\r\nTo: x\r\n\r\n",
	    "x@y.example a@news.example z@y.example");
	assert_int_equal(make(&scene, 100), 0);
	assert_int_equal(scene.prediction.count, 2);
	const struct prediction_leg *first = &scene.prediction.legs[0];
	const struct prediction_leg *second = &scene.prediction.legs[1];
	assert_ptr_equal(first->list.smarthosts[0], &scene.smarthosts[0]);
	assert_string_equal(first->attempt.envelope.sender, from);
	assert_int_equal(first->attempt.envelope.recipient_count, 2);
	assert_string_equal(first->attempt.envelope.recipients[1].address, "z@y.example");
	assert_true(has(first, "From: Joe <alerts@x.example>\r\n"));
	assert_true(has(first, "Reply-To: joe@b.example\r\n"));
	assert_ptr_equal(second->list.smarthosts[0], &scene.smarthosts[1]);
	assert_string_equal(second->attempt.envelope.sender, "joe@b.example");
	assert_true(has(second, "From: Joe <joe@b.example>\r\n"));
	assert_int_equal(second->fault.kind, ERROR_NONE);
	/* What was given stays as it was. */
	assert_false(header_has(&scene.header, "Date"));
	stop(&scene);
}

static void what_would_be_refused_is_an_error(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, "From: joe@b.example\r\n\r\n", "x@y.example a@news.example");
	scene.config.max_size = 99;
	assert_int_equal(make(&scene, 100), -1);
	assert_string_equal(scene.error.status, "5.3.4");
	assert_int_equal(make(&scene, 99), 0);
	prediction_finish(&scene.prediction);

	scene.smarthosts[1].parameters.from_policy = SMARTHOST_FROM_REJECT;
	scene.smarthosts[1].place = (struct config_place){ file, 9 };
	assert_int_equal(make(&scene, 99), -1);
	assert_string_equal(scene.error.status, "5.7.1");
	assert_non_null(strstr(scene.error.text, "a@news.example: smarthost \"two\""));
	assert_int_equal(scene.prediction.count, 0);

	scene.config.users = (struct config_list){ joes, 1 };
	assert_int_equal(make(&scene, 99), -1);
	assert_int_equal(scene.error.kind, ERROR_NO_PERMISSION);
	scene.config.users = (struct config_list){ 0 };

	scene.config.route_count = 0;
	scene.config.smarthost_count = 0;
	assert_int_equal(make(&scene, 99), -1);
	assert_int_equal(scene.error.kind, ERROR_CONFIG);
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_smarthost_has_its_own),
		cmocka_unit_test(what_would_be_refused_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
