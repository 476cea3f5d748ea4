/* SPDX-License-Identifier: MIT */

/* Tests service/legs.c, and service/routing.c by it. */

#include "service/legs.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "service/routing.h"

enum { SMARTHOSTS = 3, RECIPIENTS = 4 };

static char names[SMARTHOSTS][2] = { "a", "b", "c" };
static char title[] = "r";
static char pattern[] = "b.example";
static char *patterns[] = { pattern };
static struct config_via via_b_c[] = { { names[1], 0 }, { names[2], 0 } };
static struct config_via via_a_c[] = { { names[0], 0 }, { names[2], 0 } };
static struct config_route routes[] = {
	{ .title = title, .to = { patterns, 1 }, .via = via_b_c, .via_count = 2 },
	{ .title = title, .via = via_a_c, .via_count = 2 },
};

struct scene {
	struct config_smarthost smarthosts[SMARTHOSTS];
	struct config config;
	struct queue_file file;
	char marks[RECIPIENTS + 1];
	struct legs legs;
	const char *paused; /* names of smarthosts */
	const char *preferred;
};

static void start(struct scene *scene)
{
	static const char *const addresses[RECIPIENTS] = { "1@a.example", "2@b.example",
		"3@a.example", "4@b.example" };
	struct error error;

	*scene = (struct scene){ .paused = "", .preferred = "" };
	for (size_t i = 0; i < SMARTHOSTS; i++)
		scene->smarthosts[i] = (struct config_smarthost){ .parameters.name = names[i] };
	scene->config = (struct config){ .smarthosts = scene->smarthosts,
		.smarthost_count = SMARTHOSTS,
		.routes = routes,
		.route_count = 2 };
	assert_int_equal(
	    envelope_set_sender(&scene->file.envelope, span_from_string("s@x.example"), &error), 0);
	for (size_t i = 0; i < RECIPIENTS; i++)
		assert_int_equal(envelope_add_recipient(&scene->file.envelope,
				     span_from_string(addresses[i]), (struct span){ 0 }, 0, &error),
		    0);
	memcpy(scene->marks, "....", sizeof scene->marks);
	scene->file.marks = scene->marks;
	legs_init(&scene->legs, &scene->file);
}

static void stop(struct scene *scene)
{
	legs_finish(&scene->legs);
	envelope_finish(&scene->file.envelope);
}

static bool is_usable(void *context, const char *smarthost)
{
	const struct scene *scene = context;

	return strstr(scene->paused, smarthost) == NULL;
}

/* The preferred one comes first. */
static int rank(void *context, const char *smarthost)
{
	const struct scene *scene = context;

	return strstr(scene->preferred, smarthost) == NULL;
}

/* "a13": to a, for the first and the third; "": no leg. */
static void expect(struct scene *scene, const char *want)
{
	const struct legs_rules rules = { is_usable, rank, scene };
	const struct config_smarthost *chosen = legs_choose(
	    &scene->legs, &scene->config, &scene->file, &rules);
	char found[RECIPIENTS + 2] = "";
	size_t length = 0;

	if (chosen != NULL)
		found[length++] = chosen->parameters.name[0];
	for (size_t i = 0; i < RECIPIENTS; i++)
		if (scene->legs.is_member[i])
			found[length++] = (char)('1' + i);
	assert_string_equal(found, want);
}

static void one_leg_for_each_smarthost(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	expect(&scene, "a13");
	scene.marks[0] = RECIPIENT_DELIVERED;
	legs_settle(&scene.legs, 0);
	/* The other one was put off: no other smarthost has him in this attempt. */
	legs_end(&scene.legs, false);
	expect(&scene, "b24");
	legs_end(&scene.legs, false);
	expect(&scene, "");
	stop(&scene);
}

static void the_next_takes_over(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	expect(&scene, "a13");
	/* It had answered one before it went down. */
	legs_settle(&scene.legs, 0);
	scene.paused = "a";
	legs_end(&scene.legs, true);
	expect(&scene, "b24");
	legs_end(&scene.legs, false);
	expect(&scene, "c3");
	/* This one is down too, and there is no other; it is not asked twice. */
	legs_end(&scene.legs, true);
	scene.paused = "";
	expect(&scene, "");
	stop(&scene);
}

static void a_paused_one_is_passed_over(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	scene.paused = "ab";
	expect(&scene, "c1234");
	scene.paused = "abc";
	expect(&scene, "");
	/* Nothing has become of it, so this is no end. */
	legs_end(&scene.legs, false);
	scene.paused = "ac";
	expect(&scene, "b24");
	legs_end(&scene.legs, true);
	scene.paused = "b";
	expect(&scene, "a13");
	stop(&scene);
}

static void the_lowest_rank_comes_first(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	/* Who stands behind another in a route is not preferred to that one. */
	scene.preferred = "bc";
	expect(&scene, "b24");
	legs_end(&scene.legs, false);
	expect(&scene, "a13");
	stop(&scene);
}

/* Whom the first may have delivered to, no other sees. */
static void in_doubt_is_for_the_first_alone(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	scene.marks[0] = RECIPIENT_IN_DOUBT;
	scene.marks[1] = RECIPIENT_FAILED;
	scene.paused = "a";
	expect(&scene, "c3");
	legs_end(&scene.legs, false);
	expect(&scene, "b4");
	legs_end(&scene.legs, false);
	scene.paused = "";
	expect(&scene, "a1");
	stop(&scene);
}

static void the_first_of_whoever_waits(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	assert_ptr_equal(routing_first(&scene.config, &scene.file), &scene.smarthosts[0]);
	scene.marks[0] = RECIPIENT_DELIVERED;
	assert_ptr_equal(routing_first(&scene.config, &scene.file), &scene.smarthosts[1]);
	CLEANUP(memory_free_string) char *names_now = routing_names(&scene.config, &scene.file);
	assert_string_equal(names_now, "a, b");
	assert_true(routing_leads_to(&scene.config, &scene.file, "a"));
	scene.marks[2] = RECIPIENT_FAILED;
	assert_false(routing_leads_to(&scene.config, &scene.file, "a"));
	assert_true(routing_leads_to(&scene.config, &scene.file, "b"));
	assert_false(routing_leads_to(&scene.config, &scene.file, "c"));
	memcpy(scene.marks, "DDDD", sizeof scene.marks);
	assert_ptr_equal(routing_first(&scene.config, &scene.file), &scene.smarthosts[0]);
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_leg_for_each_smarthost),
		cmocka_unit_test(the_next_takes_over),
		cmocka_unit_test(a_paused_one_is_passed_over),
		cmocka_unit_test(the_lowest_rank_comes_first),
		cmocka_unit_test(in_doubt_is_for_the_first_alone),
		cmocka_unit_test(the_first_of_whoever_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
