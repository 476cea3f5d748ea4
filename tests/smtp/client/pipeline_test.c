/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/pipeline.c. */

#include "smtp/client/pipeline.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void push(struct pipeline *pipeline, size_t recipient)
{
	pipeline_push(
	    pipeline, (struct pipeline_entry){ .verb = COMMAND_RCPT, .recipient = recipient });
}

static void empty_awaits_nothing(void **state)
{
	struct pipeline pipeline = { 0 };

	(void)state;
	assert_null(pipeline_head(&pipeline));
	pipeline_finish(&pipeline);
	push(&pipeline, 1);
	pipeline_pop(&pipeline);
	assert_null(pipeline_head(&pipeline));
	pipeline_finish(&pipeline);
	assert_null(pipeline.entries);
}

/* Bursts of every size up to 100, drained to every depth: first in, first out. */
static void order_is_kept(void **state)
{
	struct pipeline pipeline = { 0 };
	size_t pushed = 0;
	size_t popped = 0;

	(void)state;
	for (size_t burst = 1; burst < 100; burst++) {
		for (size_t i = 0; i < burst; i++)
			push(&pipeline, pushed++);
		while (pipeline.count > burst / 2) {
			assert_int_equal(pipeline_head(&pipeline)->recipient, popped++);
			pipeline_pop(&pipeline);
		}
		assert_int_equal(pipeline.count, pushed - popped);
	}
	pipeline_finish(&pipeline);
}

static void memory_follows_what_is_awaited(void **state)
{
	struct pipeline pipeline = { 0 };

	(void)state;
	push(&pipeline, 0);
	for (size_t i = 1; i < 100000; i++) {
		push(&pipeline, i);
		pipeline_pop(&pipeline);
	}
	assert_true(pipeline.capacity <= 16);
	pipeline_finish(&pipeline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_awaits_nothing),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(memory_follows_what_is_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
