/* SPDX-License-Identifier: MIT */

/* Tests service/spares.c: receive processes that get another client of the same user. */

#include "service/spares.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

struct scene {
	struct scratch scratch;
	struct config config;
	struct clients clients;
	struct reception_settings settings;
	size_t queued;
	size_t left;
};

static void queued(void *context, const char *id, int64_t uid, uint64_t octets, bool is_later)
{
	struct scene *scene = context;

	(void)id;
	(void)uid;
	(void)octets;
	(void)is_later;
	scene->queued++;
}

static void left(void *context, int64_t uid)
{
	struct scene *scene = context;

	(void)uid;
	scene->left++;
}

static void settled(void *context, const char *id, bool answers)
{
	(void)context;
	(void)answers;
	fail_msg("nobody waited for %s", id);
}

static char host[] = "host.example.org";

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){
		.scratch = scratch_make(),
		.config = { .ehlo = host, .domain = host, .wait_limit = 30000, .timeout = 30000 },
	};
	scene->settings = (struct reception_settings){
		.config = &scene->config,
		.queue_directory = scene->scratch.fd,
		.way = "service",
		.uid = getuid(),
	};
	clients_init(&scene->clients);
	scene->clients.queued = queued;
	scene->clients.left = left;
	scene->clients.settled = settled;
	scene->clients.context = scene;
}

static void scene_finish(struct scene *scene)
{
	clients_finish(&scene->clients);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	scratch_remove(&scene->scratch);
}

static int connect_as(struct scene *scene, int64_t uid)
{
	struct error error = { 0 };
	int ends[2];

	scene->settings.uid = uid;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	if (clients_start(&scene->clients, ends[1], &scene->settings, &error) < 0)
		fail_msg("%s", error.text);
	return ends[0];
}

static void hear_until(struct scene *scene, const size_t *what, size_t wanted)
{
	while (*what != wanted) {
		struct pollfd polls[CLIENTS_LIMIT];
		size_t count = clients_poll(&scene->clients, polls);

		assert_int_not_equal(count, 0);
		assert_in_range(poll(polls, count, 30000), 1, CLIENTS_LIMIT);
		clients_step(&scene->clients);
	}
}

static void send_message(int fd)
{
	static const char message[] = "EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\n"
				      "BDAT 9 LAST\r\na: b\n\nok\nQUIT\r\n";
	struct buffer replies CLEANUP(buffer_finish) = { 0 };

	assert_int_equal(file_write_all(fd, span_from_string(message)), 0);
	buffer_init(&replies, 1 << 20);
	assert_int_equal(file_read_to_end(fd, &replies), 0);
	(void)close(fd);
	assert_non_null(memmem(replies.start, replies.length, "250 2.0.0 queued as ", 20));
}

/* Has come and gone. */
static void serve_one(struct scene *scene, int64_t uid)
{
	size_t before = scene->left;
	int fd = connect_as(scene, uid);

	send_message(fd);
	hear_until(scene, &scene->left, before + 1);
}

static void the_next_client_of_a_user_gets_the_same_process(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	const struct client *first;

	(void)state;
	scene_init(&scene);
	serve_one(&scene, getuid());
	first = scene.clients.places[0];
	for (size_t i = 1; i < 20; i++) {
		assert_int_equal(scene.clients.count, 0);
		assert_int_equal(scene.clients.spare_count, 1);
		int fd = connect_as(&scene, getuid());
		assert_ptr_equal(scene.clients.places[0], first);
		assert_null(scene.clients.places[1]);
		assert_int_equal(scene.clients.count, 1);
		assert_int_equal(scene.clients.spare_count, 0);
		send_message(fd);
		hear_until(&scene, &scene.left, i + 1);
	}
	assert_int_equal(scene.queued, 20);
}

static void another_user_never_does(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	serve_one(&scene, 1000);
	assert_int_equal(scene.clients.spare_count, 1);
	int fd = connect_as(&scene, 1001);
	assert_int_equal(scene.clients.spare_count, 1);
	assert_int_equal(scene.clients.count, 1);
	assert_int_equal(scene.clients.places[1]->viewer.uid, 1001);
	send_message(fd);
	hear_until(&scene, &scene.left, 2);
	assert_int_equal(scene.clients.spare_count, 2);
}

/* As root an administrator, by a shared socket an ordinary user. */
static void nor_one_with_other_rights(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	serve_one(&scene, 1000);
	scene.clients.places[0]->viewer.sees_all = true;
	(void)close(connect_as(&scene, 1000));
	assert_int_equal(scene.clients.spare_count, 1);
	assert_int_equal(scene.clients.count, 1);
	hear_until(&scene, &scene.left, 2);
}

static void a_user_whom_nobody_knows_leaves_no_spare(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	serve_one(&scene, -1);
	assert_int_equal(scene.clients.spare_count, 0);
	assert_null(scene.clients.places[0]);
}

static void new_settings_are_for_new_processes(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	serve_one(&scene, getuid());
	int fd = connect_as(&scene, getuid());
	int other = connect_as(&scene, getuid());
	(void)close(other);
	hear_until(&scene, &scene.left, 2);
	assert_int_equal(scene.clients.spare_count, 1);
	clients_renew(&scene.clients);
	assert_int_equal(scene.clients.spare_count, 0);
	assert_int_equal(scene.clients.count, 1);
	send_message(fd);
	hear_until(&scene, &scene.left, 3);
	assert_int_equal(scene.clients.spare_count, 0);
	assert_int_equal(scene.clients.count, 0);
}

static void spares_are_few_and_do_not_last(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int fds[SPARES_LIMIT + 4];

	(void)state;
	scene_init(&scene);
	assert_int_equal(clients_deadline(&scene.clients), CLOCK_NEVER);
	for (size_t i = 0; i < SPARES_LIMIT + 4; i++)
		fds[i] = connect_as(&scene, getuid());
	for (size_t i = 0; i < SPARES_LIMIT + 4; i++)
		(void)close(fds[i]);
	hear_until(&scene, &scene.left, SPARES_LIMIT + 4);
	assert_int_equal(scene.clients.count, 0);
	assert_int_equal(scene.clients.spare_count, SPARES_LIMIT);
	assert_in_range(clients_deadline(&scene.clients), 1, clock_deadline(SPARES_TIME));
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		if (scene.clients.places[i] != NULL)
			scene.clients.places[i]->spare_until = clock_monotonic();
	clients_step(&scene.clients);
	assert_int_equal(scene.clients.spare_count, 0);
}

static void spares_take_nobodys_place(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int fds[CLIENTS_LIMIT];

	(void)state;
	scene_init(&scene);
	serve_one(&scene, 1000);
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		fds[i] = connect_as(&scene, 1001);
	assert_int_equal(scene.clients.count, CLIENTS_LIMIT);
	assert_int_equal(scene.clients.spare_count, 0);
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		(void)close(fds[i]);
	hear_until(&scene, &scene.left, CLIENTS_LIMIT + 1);
}

/* A receive process parses what strangers send, so its word is looked at. */
static void a_spare_has_nothing_to_say(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct notice notice = { .kind = NOTICE_FREE, .id = NOTICE_NO_ID, .uid = 1000 };
	struct channel child;
	int ends[2];

	(void)state;
	scene_init(&scene);
	assert_int_equal(channel_pair(ends), 0);
	scene.clients.places[0] = memory_allocate(sizeof *scene.clients.places[0]);
	channel_init_take_fd(&scene.clients.places[0]->channel, ends[0]);
	scene.clients.places[0]->viewer = (struct queue_viewer){ .uid = 1000 };
	scene.clients.count = 1;
	board_enter(scene.clients.board, 0, 1000, NULL);
	channel_init_take_fd(&child, ends[1]);
	assert_int_equal(notice_send(&child, &notice), 0);
	assert_int_equal(notice_send(&child, &notice), 0);
	notice.kind = NOTICE_QUEUED;
	assert_int_equal(notice_send(&child, &notice), 0);
	channel_finish(&child);
	hear_until(&scene, &scene.clients.spare_count, 1);
	while (scene.clients.places[0] != NULL)
		clients_step(&scene.clients);
	assert_int_equal(scene.left, 1);
	assert_int_equal(scene.queued, 0);
	assert_int_equal(scene.clients.count, 0);
	assert_int_equal(scene.clients.spare_count, 0);
}

/* Whoever comes then is served by a new one. */
static void a_dead_spare_is_no_loss(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	serve_one(&scene, getuid());
	/* As when it was killed: nobody reads there. */
	assert_int_equal(shutdown(scene.clients.places[0]->channel.fd, SHUT_RDWR), 0);
	int fd = connect_as(&scene, getuid());
	assert_int_equal(scene.clients.spare_count, 0);
	assert_int_equal(scene.clients.count, 1);
	send_message(fd);
	hear_until(&scene, &scene.left, 2);
	assert_int_equal(scene.queued, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_client_of_a_user_gets_the_same_process),
		cmocka_unit_test(another_user_never_does),
		cmocka_unit_test(nor_one_with_other_rights),
		cmocka_unit_test(a_user_whom_nobody_knows_leaves_no_spare),
		cmocka_unit_test(new_settings_are_for_new_processes),
		cmocka_unit_test(spares_are_few_and_do_not_last),
		cmocka_unit_test(spares_take_nobodys_place),
		cmocka_unit_test(a_spare_has_nothing_to_say),
		cmocka_unit_test(a_dead_spare_is_no_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
