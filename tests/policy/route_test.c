/* SPDX-License-Identifier: MIT */

/* Tests policy/route.c. */

#include "policy/route.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { SMARTHOSTS = 4, ROUTES = 4 };

static char names[SMARTHOSTS][2] = { "a", "b", "c", "d" };
static char titles[ROUTES][8] = { "news", "team", "web", "rest" };
static char news[] = "*@news.example.com";
static char boss[] = "Boss@example.com";
static char team[] = "team.example";
static char *from_news[] = { news, boss };
static char *to_team[] = { team };
static int64_t web[] = { -1, 33 };
static struct config_via via_c[] = { { names[2], 0 } };
static struct config_via via_d_a[] = { { names[3], 0 }, { names[0], 0 } };
static struct config_via via_b[] = { { names[1], 0 } };
static struct config_via via_weights[] = { { names[0], 1 }, { names[1], 6 }, { names[2], 3 } };

/* The routes news, team, web; "rest" for all others only with four. */
static struct config_route routes[ROUTES] = {
	{ .title = titles[0], .from = { from_news, 2 }, .via = via_c, .via_count = 1 },
	{ .title = titles[1], .to = { to_team, 1 }, .via = via_d_a, .via_count = 2 },
	{ .title = titles[2], .uids = web, .uid_count = 2, .via = via_b, .via_count = 1 },
	{ .title = titles[3], .via = via_weights, .via_count = 3, .place.line = 9 },
};

static void make_config(struct config *config, struct config_smarthost *smarthosts, size_t count)
{
	*config = (struct config){ .smarthosts = smarthosts,
		.smarthost_count = SMARTHOSTS,
		.routes = routes,
		.route_count = count };
	for (size_t i = 0; i < SMARTHOSTS; i++)
		smarthosts[i] = (struct config_smarthost){ .parameters.name = names[i] };
}

static const struct config_smarthost *first_of(
    const struct config *config, const struct route_question *question)
{
	struct route_list list;

	route_list(config, question, &list);
	return list.count != 0 ? list.smarthosts[0] : NULL;
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *address;
		bool want;
	} rows[] = {
		{ "*@example.com", "me@example.com", true },
		{ "*@example.com", "ME@EXAMPLE.COM", true },
		{ "*@example.com", "me@sub.example.com", false },
		{ "*@example.com", "me@notexample.com", false },
		{ "*@example.com", "me", false },
		{ "*@example.com", "", false },
		{ "example.com", "me@example.com", true },
		{ "example.com", "example.com", false },
		{ "example.com", "example.com@other.example", false },
		{ "example.com", "\"x@example.com\"@other.example", false },
		{ "me@example.com", "Me@Example.com", true },
		{ "me@example.com", "you@example.com", false },
		{ "me@example.com", "some.me@example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (route_matches(rows[i].pattern, rows[i].address) != rows[i].want)
			fail_msg("\"%s\" and \"%s\"", rows[i].pattern, rows[i].address);
}

static void the_first_route_that_matches(void **state)
{
	static const struct {
		const char *name;
		struct route_question question;
		const char *want; /* the names of the list */
	} rows[] = {
		{ "sender", { "x@news.example.com", NULL, "r@x.example", 1, NULL }, "c" },
		{ "its address", { "boss@example.com", NULL, "r@x.example", 1, NULL }, "c" },
		{ "recipient", { "x@y.example", NULL, "r@team.example", 1, NULL }, "da" },
		{ "the earlier one", { "x@news.example.com", NULL, "r@team.example", 33, NULL },
		    "c" },
		{ "submitter", { "x@y.example", NULL, "r@x.example", 33, NULL }, "b" },
		{ "another one", { "x@y.example", NULL, "r@x.example", 34, NULL }, "a" },
		{ "nobody is no user that is unknown",
		    { "x@y.example", NULL, "r@x.example", -1, NULL }, "a" },
		{ "no sender, From counts", { "", "x@news.example.com", "r@x.example", 1, NULL },
		    "c" },
		{ "From does not count with one",
		    { "a@y.example", "x@news.example.com", "r@x.example", 1, NULL }, "a" },
		{ "neither", { "", NULL, "r@x.example", 1, NULL }, "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config_smarthost smarthosts[SMARTHOSTS];
		struct config config;
		struct route_list list;
		char found[SMARTHOSTS + 1] = "";

		make_config(&config, smarthosts, 3);
		route_list(&config, &rows[i].question, &list);
		for (size_t j = 0; j < list.count; j++)
			found[j] = list.smarthosts[j]->parameters.name[0];
		if (strcmp(found, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, found);
	}
}

static void without_routes_the_first_smarthost(void **state)
{
	const struct route_question question = { "x@news.example.com", NULL, "r@x.example", 1, "" };
	struct config_smarthost smarthosts[SMARTHOSTS];
	struct config config;

	(void)state;
	make_config(&config, smarthosts, 0);
	assert_ptr_equal(first_of(&config, &question), &smarthosts[0]);
	config.smarthost_count = 0;
	assert_null(first_of(&config, &question));
}

static char first_for(const struct config *config, unsigned number, struct route_list *list)
{
	char id[32];
	const struct route_question question = { "x@y.example", NULL, "r@x.example", 1, id };

	snprintf(id, sizeof id, "1M846EPZ%017X", number);
	route_list(config, &question, list);
	assert_int_equal(list->count, 3);
	return list->smarthosts[0]->parameters.name[0];
}

/* The one that is drawn, then the others, the heaviest first. */
static void by_weight(void **state)
{
	struct config_smarthost smarthosts[SMARTHOSTS];
	struct config config;
	struct route_list list;
	unsigned count[256] = { 0 };

	(void)state;
	make_config(&config, smarthosts, 4);
	for (unsigned i = 0; i < 10000; i++) {
		char first = first_for(&config, i, &list);
		char second = list.smarthosts[1]->parameters.name[0];
		char third = list.smarthosts[2]->parameters.name[0];

		count[(unsigned char)first]++;
		assert_int_equal(second, first == 'b' ? 'c' : 'b');
		assert_int_equal(third, first == 'a' ? 'c' : 'a');
		assert_int_equal(first_for(&config, i, &list), first);
	}
	assert_in_range(count['a'], 800, 1200);
	assert_in_range(count['b'], 5700, 6300);
	assert_in_range(count['c'], 2700, 3300);
}

static void without_a_queue_id_the_heaviest(void **state)
{
	const struct route_question question = { "x@y.example", NULL, "r@x.example", 1, NULL };
	struct config_smarthost smarthosts[SMARTHOSTS];
	struct config config;

	(void)state;
	make_config(&config, smarthosts, 4);
	assert_ptr_equal(first_of(&config, &question), &smarthosts[1]);
}

static void reasons(void **state)
{
	static const struct {
		size_t smarthosts, routes;
		const char *sender, *want;
	} rows[] = {
		{ 0, 0, "x@y.example", "no smarthost is configured" },
		{ 1, 0, "x@y.example", "the only smarthost" },
		{ 2, 0, "x@y.example", "the first smarthost" },
		{ 4, 3, "x@y.example", "the first smarthost, for no route matches" },
		{ 4, 3, "x@news.example.com", "by route \"news\" in line 0" },
		{ 4, 4, "x@y.example", "by route \"rest\" in line 9, where 6 of 10 messages go" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct route_question question = { rows[i].sender, NULL, "r@x.example", 1,
			NULL };
		struct config_smarthost smarthosts[SMARTHOSTS];
		struct config config;
		struct route_list list;

		make_config(&config, smarthosts, rows[i].routes);
		config.smarthost_count = rows[i].smarthosts;
		route_list(&config, &question, &list);
		CLEANUP(memory_free_string) char *reason = route_reason(&config, &list);
		assert_string_equal(reason, rows[i].want);
	}
}

static void a_rate_is_a_reason_to_wait(void **state)
{
	static const struct {
		unsigned rate;
		int64_t period;
		const char *want;
	} rows[] = {
		{ 1, 1000, "by route \"r\" in line 7, which takes 1 message a second" },
		{ 30, 60000, "by route \"r\" in line 7, which takes 30 messages a minute" },
		{ 5, 3600000, "by route \"r\" in line 7, which takes 5 messages an hour" },
	};
	static char title[] = "r";
	struct config_via via = { 0 };
	struct config_route route = {
		.title = title, .via = &via, .via_count = 1, .place.line = 7
	};
	const struct route_list list = { .route = &route, .count = 1 };
	const struct config config = { .routes = &route, .route_count = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		route.rate = rows[i].rate;
		route.rate_period = rows[i].period;
		CLEANUP(memory_free_string) char *reason = route_reason(&config, &list);
		assert_string_equal(reason, rows[i].want);
	}
}

static void who_needs_the_from_field(void **state)
{
	struct config_smarthost smarthosts[SMARTHOSTS];
	struct config config;

	(void)state;
	make_config(&config, smarthosts, 1);
	assert_true(route_needs_author(&config, ""));
	assert_false(route_needs_author(&config, "x@y.example"));
	config.route_count = 0;
	assert_false(route_needs_author(&config, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(the_first_route_that_matches),
		cmocka_unit_test(without_routes_the_first_smarthost),
		cmocka_unit_test(by_weight),
		cmocka_unit_test(without_a_queue_id_the_heaviest),
		cmocka_unit_test(reasons),
		cmocka_unit_test(a_rate_is_a_reason_to_wait),
		cmocka_unit_test(who_needs_the_from_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
