/* SPDX-License-Identifier: MIT */

/* Tests service/tokens.c. */

#include "service/tokens.h"

#include <string.h>

#include "tests/support/cmocka.h"

static char slow_name[] = "slow";
static char free_name[] = "free";
static char news_title[] = "news";
static char rest_title[] = "rest";
static char pattern[] = "news.example";
static char *patterns[] = { pattern };
static struct config_via vias[] = { { slow_name, 0 } };

static const struct smarthost slow = {
	.name = slow_name, .rate = 1, .rate_period = 1000, .burst = 2
};
static const struct smarthost without = { .name = free_name, .burst = 1 };
static struct config_route routes[] = {
	{ .title = news_title,
	    .to = { patterns, 1 },
	    .via = vias,
	    .via_count = 1,
	    .rate = 1,
	    .rate_period = 60000,
	    .burst = 1 },
	{ .title = rest_title, .via = vias, .via_count = 1 },
};

static bool pass(struct rates *rates, const struct smarthost *smarthost,
    const struct config_route *route, int64_t now)
{
	struct tokens tokens;

	if (!tokens_reserve(rates, smarthost, route, now, &tokens)) {
		assert_null(tokens.smarthost);
		assert_null(tokens.route);
		return false;
	}
	tokens_take(rates, &tokens, now);
	assert_null(tokens.smarthost);
	assert_null(tokens.route);
	return true;
}

static void both_are_needed(void **state)
{
	struct rates rates = { 0 };

	(void)state;
	assert_true(pass(&rates, &slow, &routes[0], 0));
	/* The route's is gone; that of the smarthost was not used up by trying. */
	for (int i = 0; i < 5; i++)
		assert_false(pass(&rates, &slow, &routes[0], 0));
	assert_true(pass(&rates, &slow, NULL, 0));
	assert_false(pass(&rates, &slow, NULL, 0));
	/* With the route's alone nothing goes, either. */
	assert_true(pass(&rates, &slow, NULL, 60000));
	assert_true(pass(&rates, &slow, NULL, 60000));
	assert_false(pass(&rates, &slow, &routes[0], 60000));
	assert_true(pass(&rates, &slow, &routes[0], 61000));
	assert_false(pass(&rates, &without, &routes[0], 61000));
	rates_finish(&rates);
}

static void what_is_released_is_there_again(void **state)
{
	struct rates rates = { 0 };
	struct tokens tokens;

	(void)state;
	assert_true(tokens_reserve(&rates, &without, &routes[0], 0, &tokens));
	assert_null(tokens.smarthost);
	assert_non_null(tokens.route);
	struct tokens others;
	assert_false(tokens_reserve(&rates, &without, &routes[0], 0, &others));
	tokens_release(&rates, &tokens);
	assert_true(pass(&rates, &without, &routes[0], 0));
	/* Nothing was reserved: nothing happens. */
	tokens_release(&rates, &tokens);
	assert_false(pass(&rates, &without, &routes[0], 0));
	assert_true(tokens_reserve(&rates, &without, NULL, 0, &tokens));
	tokens_take(&rates, &tokens, 0);
	rates_finish(&rates);
}

static void whoever_has_none_waits_for_it(void **state)
{
	struct rates rates = { 0 };
	struct queue_file file = { .id = "0000000000000000000000001" };
	const struct config config = { .routes = routes, .route_count = 2 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	assert_false(tokens_wait(&rates, NULL, &file, 0));
	assert_false(tokens_wait(&rates, &routes[0], &file, 0));
	assert_true(pass(&rates, &slow, &routes[0], 0));
	assert_true(tokens_wait(&rates, &routes[0], &file, 0));
	assert_null(rates_next(&rates, 59999, NULL, NULL, id));
	const char *door = rates_next(&rates, 60000, NULL, NULL, id);
	assert_non_null(door);
	assert_string_equal(id, file.id);
	assert_true(tokens_is_route(door));
	assert_false(tokens_is_route(slow_name));
	assert_ptr_equal(tokens_find_route(&config, door), &routes[0]);
	assert_null(tokens_find_route(&config, "route gone"));
	rates_finish(&rates);
}

static void the_route_is_that_of_the_leg(void **state)
{
	static const char *const addresses[] = { "a@x.example", "b@news.example" };
	struct config_smarthost smarthosts[] = { { .parameters.name = slow_name } };
	struct config config = {
		.smarthosts = smarthosts, .smarthost_count = 1, .routes = routes, .route_count = 2
	};
	struct queue_file file = { 0 };
	struct legs legs;
	char marks[] = "..";
	struct error error;

	(void)state;
	assert_int_equal(
	    envelope_set_sender(&file.envelope, span_from_string("s@x.example"), &error), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(envelope_add_recipient(&file.envelope,
				     span_from_string(addresses[i]), (struct span){ 0 }, 0, &error),
		    0);
	file.marks = marks;
	legs_init(&legs, &file);
	assert_null(tokens_route(&config, &file, &legs));
	legs.is_member[0] = true;
	assert_null(tokens_route(&config, &file, &legs));
	/* The first with a rate, though another comes before. */
	legs.is_member[1] = true;
	assert_ptr_equal(tokens_route(&config, &file, &legs), &routes[0]);
	config.routes = routes + 1;
	config.route_count = 1;
	assert_null(tokens_route(&config, &file, &legs));
	legs_finish(&legs);
	envelope_finish(&file.envelope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_needed),
		cmocka_unit_test(what_is_released_is_there_again),
		cmocka_unit_test(whoever_has_none_waits_for_it),
		cmocka_unit_test(the_route_is_that_of_the_leg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
