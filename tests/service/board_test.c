/* SPDX-License-Identifier: MIT */

/* Tests service/board.c. */

#include "service/board.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

enum { ROWS = 8 };

struct scene {
	struct board *board;
	struct usage usage;
	int64_t wanted; /* this uid's places are */
};

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){ .board = board_new(ROWS), .wanted = -2 };
}

static void scene_finish(struct scene *scene)
{
	board_free(scene->board);
	usage_finish(&scene->usage);
}

static bool is_wanted(void *context, int64_t uid)
{
	const struct scene *scene = context;

	return uid == scene->wanted;
}

static void show(struct scene *scene)
{
	board_show(scene->board, &scene->usage, is_wanted, scene);
}

static void assert_waiting(
    const struct scene *scene, size_t row, uint64_t messages, uint64_t octets)
{
	struct usage_figures figures = board_waiting(scene->board, row);

	assert_int_equal(figures.messages, messages);
	assert_int_equal(figures.octets, octets);
}

static void a_message_is_counted_once_on_its_way(void **state)
{
	CLEANUP(scene_finish) struct scene scene;

	(void)state;
	scene_init(&scene);
	board_enter(scene.board, 3, 1000, NULL);
	assert_waiting(&scene, 3, 0, 0);
	board_take(scene.board, 3, 500);
	assert_waiting(&scene, 3, 1, 500);
	/* The service hears of it, and has not yet said so. */
	usage_add(&scene.usage, 1000, 500);
	board_count(scene.board, 3, 500);
	assert_waiting(&scene, 3, 1, 500);
	show(&scene);
	assert_waiting(&scene, 3, 1, 500);
	/* It could not be kept after all; and is delivered. */
	board_take(scene.board, 3, 70);
	assert_waiting(&scene, 3, 2, 570);
	board_drop(scene.board, 3, 70);
	assert_waiting(&scene, 3, 1, 500);
	usage_remove(&scene.usage, 1000, 500);
	show(&scene);
	assert_waiting(&scene, 3, 0, 0);
}

static void sessions_of_one_uid_see_each_other(void **state)
{
	CLEANUP(scene_finish) struct scene scene;

	(void)state;
	scene_init(&scene);
	usage_add(&scene.usage, 1000, 1);
	usage_add(&scene.usage, -1, 7);
	board_enter(scene.board, 0, 1000, NULL);
	board_enter(scene.board, 1, -1, NULL);
	board_enter(scene.board, ROWS - 1, 1000, NULL);
	show(&scene);
	board_take(scene.board, 0, 20);
	board_take(scene.board, ROWS - 1, 300);
	assert_waiting(&scene, 0, 3, 321);
	assert_waiting(&scene, ROWS - 1, 3, 321);
	assert_waiting(&scene, 1, 1, 7);
}

static void what_a_session_left_uncounted_goes_with_it(void **state)
{
	CLEANUP(scene_finish) struct scene scene;

	(void)state;
	scene_init(&scene);
	board_enter(scene.board, 0, 1000, NULL);
	board_enter(scene.board, 1, 1000, NULL);
	board_take(scene.board, 0, 20);
	board_take(scene.board, 0, 20);
	usage_add(&scene.usage, 1000, 20);
	board_count(scene.board, 0, 20);
	board_leave(scene.board, 0);
	/* Not before what is known of it is shown. */
	assert_waiting(&scene, 1, 2, 40);
	show(&scene);
	assert_waiting(&scene, 1, 1, 20);
	board_enter(scene.board, 0, 1001, NULL);
	show(&scene);
	assert_waiting(&scene, 0, 0, 0);
	assert_waiting(&scene, 1, 1, 20);
	/* A row can be used again at once. */
	board_leave(scene.board, 0);
	board_enter(scene.board, 0, 1000, NULL);
	board_take(scene.board, 0, 5);
	assert_waiting(&scene, 1, 2, 25);
}

static void a_place_is_wanted_while_it_is(void **state)
{
	CLEANUP(scene_finish) struct scene scene;

	(void)state;
	scene_init(&scene);
	board_enter(scene.board, 0, 1000, NULL);
	board_enter(scene.board, 1, 1001, NULL);
	scene.wanted = 1001;
	assert_false(board_is_wanted(scene.board, 1));
	show(&scene);
	assert_false(board_is_wanted(scene.board, 0));
	assert_true(board_is_wanted(scene.board, 1));
	scene.wanted = -2;
	show(&scene);
	assert_false(board_is_wanted(scene.board, 1));
}

static void another_process_sees_it(void **state)
{
	CLEANUP(scene_finish) struct scene scene;
	int status = -1;

	(void)state;
	scene_init(&scene);
	board_enter(scene.board, 2, 1000, NULL);
	pid_t pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		board_take(scene.board, 2, 11);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_waiting(&scene, 2, 1, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_counted_once_on_its_way),
		cmocka_unit_test(sessions_of_one_uid_see_each_other),
		cmocka_unit_test(what_a_session_left_uncounted_goes_with_it),
		cmocka_unit_test(a_place_is_wanted_while_it_is),
		cmocka_unit_test(another_process_sees_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
