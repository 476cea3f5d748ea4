/* SPDX-License-Identifier: MIT */

/* Tests service/leaving.c: when a service on demand is no longer needed. */

#include "service/leaving.h"

#include "base/clock.h"
#include "base/memory.h"
#include "service/setup.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

enum { IDLE = 60000 };

/* It cannot know that nothing waits, and asks again in a while, not all the time. */
static void without_a_look_at_the_queue_it_stays(void **state)
{
	struct scratch scratch = scratch_make();
	struct serve_options options = { .on_demand = true };
	struct service *service = memory_allocate(sizeof *service);

	(void)state;
	service->options = &options;
	clients_init(&service->clients);
	setup_init(service);
	runner_init(&service->runner, &service->config, &service->spool, &service->clients, NULL);
	service->config.idle = IDLE;
	service->config.spool = memory_copy_string(scratch.path);
	service->idle_since = clock_monotonic() - IDLE;
	leaving_note(service);
	assert_true(leaving_deadline(service) <= clock_monotonic());
	/* The spool has no queue that could be read. */
	assert_false(leaving_may(service));
	assert_int_equal(service->listeners.count, 1);
	leaving_note(service);
	assert_true(leaving_deadline(service) > clock_monotonic());
	listeners_close(&service->listeners);
	clients_finish(&service->clients);
	free(service->config.spool);
	free(service);
	scratch_remove(&scratch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_look_at_the_queue_it_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
