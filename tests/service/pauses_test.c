/* SPDX-License-Identifier: MIT */

/* Tests service/pauses.c: those who wait for a smarthost that is left alone. */

#include "service/pauses.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

enum { STEP = 60000, WARN = 3600000, LIFETIME = 5 * 86400000 };

struct scene {
	struct scratch scratch;
	struct spool spool;
	struct config config;
	struct config_smarthost smarthost;
	struct clients clients;
	struct runner runner;
};

static int64_t steps[] = { STEP, 10 * STEP };
static char name[] = "provider";
static char bounce[] = "";
static const struct health_sign down = {
	.kind = HEALTH_SHOWS_BAD,
	.state = HEALTH_DOWN,
	.words = "connection refused",
};

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
	scene->config = (struct config){
		.smarthosts = &scene->smarthost,
		.smarthost_count = 1,
		.retry = steps,
		.retry_count = 2,
		.lifetime = LIFETIME,
		.warn = WARN,
		.bounce = bounce,
	};
	clients_init(&scene->clients);
	runner_init(&scene->runner, &scene->config, &scene->spool, &scene->clients, NULL);
}

static void scene_finish(struct scene *scene)
{
	runner_finish(&scene->runner);
	clients_finish(&scene->clients);
	spool_finish(&scene->spool);
	scratch_remove(&scene->scratch);
}

/* A file that was received so long ago. */
static void put_file(const struct scene *scene, int64_t age, char id[static QUEUE_ID_SIZE])
{
	struct queue_attributes attributes = { .received = clock_wall() - age, .uid = 1000 };
	struct envelope envelope CLEANUP(envelope_finish) = { 0 };
	struct queue_file file CLEANUP(queue_file_finish) = { .fd = -1 };
	struct error error;

	assert_int_equal(envelope_set_sender(&envelope, span_from_string("a@b.c"), &error), 0);
	assert_int_equal(envelope_add_recipient(
			     &envelope, span_from_string("d@e.f"), (struct span){ 0 }, 0, &error),
	    0);
	assert_int_equal(
	    queue_file_create(&file, scene->spool.queue, &envelope, &attributes, &error), 0);
	queue_file_write(&file, span_from_string("From: a@b.c\r\n\r\nbody\r\n"));
	assert_int_equal(queue_file_commit(&file, &error), 0);
	memcpy(id, file.id, sizeof file.id);
}

/* So many wait, and it is time to warn of all of them. */
static void let_wait(struct scene *scene, size_t count)
{
	struct health *health = &scene->runner.health;
	char id[QUEUE_ID_SIZE];

	pauses_note_sign(&scene->runner, name, &down);
	for (size_t i = 0; i < count; i++) {
		put_file(scene, 2 * WARN, id);
		health_wait(health, health_obstacle(health, name, NULL, clock_monotonic()), id, 1);
	}
}

/* The disk is full: nothing can be written any more, or it can again. */
static void set_disk(bool is_full)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rlimit limit;

	(void)sigaction(SIGXFSZ, &ignore, NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = is_full ? 0 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A connection that still ran when the settings took its smarthost away has failed. */
static void nothing_is_remembered_of_a_smarthost_that_is_gone(void **state)
{
	static const struct error why = { .kind = ERROR_UNAVAILABLE, .text = "refused" };
	struct scene scene CLEANUP(scene_finish);
	struct attempt attempt = { .smarthost = name, .file.id = "x", .sign = down };

	(void)state;
	scene_init(&scene);
	scene.config.smarthost_count = 0;
	pauses_note_sign(&scene.runner, name, &down);
	pauses_note_trouble(&scene.runner, name, "x", &why);
	pauses_note(&scene.runner, &attempt);
	assert_true(health_is_clear(&scene.runner.health));
	assert_int_equal(scene.runner.health.count, 0);
	scene.config.smarthost_count = 1;
	pauses_note_sign(&scene.runner, name, &down);
	assert_false(health_is_clear(&scene.runner.health));
}

/* They stay open until the disk takes what became of them, and there is room for so many. */
static void a_full_disk_does_not_open_all_that_wait(void **state)
{
	enum { COUNT = 100 };
	struct scene scene CLEANUP(scene_finish);
	struct runner *runner = &scene.runner;

	(void)state;
	scene_init(&scene);
	let_wait(&scene, COUNT);
	set_disk(true);
	for (int i = 0; i < 3; i++)
		pauses_attend(runner);
	set_disk(false);
	assert_int_equal(runner->stuck_count, RUNNER_STUCK_LIMIT);
	assert_int_equal(runner_waiting(runner) + runner->stuck_count, COUNT);
	runner->stuck_until = 0;
	runner_step(runner);
	pauses_attend(runner);
	pauses_attend(runner);
	assert_int_equal(runner->stuck_count, 0);
	assert_int_equal(runner->schedule.count, COUNT);
}

/* It is missing for all, and 50,000 messages need not find that out one by one. */
static void a_secret_that_cannot_be_had_is_asked_for_once_a_step(void **state)
{
	enum { COUNT = 5 };
	struct scene scene CLEANUP(scene_finish);
	struct runner *runner = &scene.runner;
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	/* No file can be read from a directory. */
	scene.config.secrets_file = scene.spool.path;
	for (int i = 0; i < COUNT; i++) {
		put_file(&scene, 0, id);
		runner_add(runner, id, 1000, 1, false);
	}
	runner_begin_due(runner);
	assert_int_equal(health_waiting(&runner->health), COUNT - 1);
	/* A step of the retry list later. */
	runner->health.list[0].due = 0;
	runner_begin_due(runner);
	assert_int_equal(health_waiting(&runner->health), COUNT - 2);
	assert_true(health_due(&runner->health) > clock_monotonic());
}

/* However many there are. */
static void what_cannot_be_begun_leaves_clients_their_turn(void **state)
{
	enum { COUNT = 100 };
	struct scene scene CLEANUP(scene_finish);
	struct runner *runner = &scene.runner;
	struct schedule_tally tally;
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	scene.config.smarthost_count = 0;
	for (int i = 0; i < COUNT; i++) {
		put_file(&scene, 0, id);
		runner_add(runner, id, 1000, 1, false);
	}
	runner_begin_due(runner);
	tally = schedule_tally(&runner->schedule, NULL, 0, clock_wall());
	assert_in_range(tally.due, 1, COUNT - 1);
	assert_in_range(tally.later, 1, COUNT - 1);
	assert_true(runner_deadline(runner) <= clock_monotonic());
	runner_begin_due(runner);
	assert_int_equal(schedule_tally(&runner->schedule, NULL, 0, clock_wall()).due, 0);
}

/* It takes nothing of its submitter's quota any more. */
static void what_is_damaged_while_it_waits_is_counted_no_more(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct runner *runner = &scene.runner;
	struct health *health = &runner->health;
	char id[QUEUE_ID_SIZE];
	struct stat status;

	(void)state;
	scene_init(&scene);
	put_file(&scene, 0, id);
	runner_add(runner, id, 1000, 21, false);
	assert_true(schedule_remove(&runner->schedule, id));
	pauses_note_sign(runner, name, &down);
	health_wait(health, health_obstacle(health, name, NULL, clock_monotonic()), id, 1);
	assert_int_equal(usage_of(&runner->usage, 1000).messages, 1);
	/* Its last octet is another one. */
	int fd = openat(scene.spool.queue, id, O_WRONLY);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(pwrite(fd, "X", 1, status.st_size - 1), 1);
	(void)close(fd);
	pauses_attend(runner);
	assert_int_equal(usage_of(&runner->usage, 1000).messages, 0);
	assert_int_equal(runner_waiting(runner), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_remembered_of_a_smarthost_that_is_gone),
		cmocka_unit_test(a_full_disk_does_not_open_all_that_wait),
		cmocka_unit_test(a_secret_that_cannot_be_had_is_asked_for_once_a_step),
		cmocka_unit_test(what_cannot_be_begun_leaves_clients_their_turn),
		cmocka_unit_test(what_is_damaged_while_it_waits_is_counted_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
