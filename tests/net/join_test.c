/* SPDX-License-Identifier: MIT */

/* Tests net/join.c with the join in a process of its own. */

#include "net/join.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

struct scene {
	int near_in;  /* we write */
	int near_out; /* we read */
	int far;
	pid_t pid;
};

static void scene_init(struct scene *scene)
{
	int in[2];
	int out[2];
	int far[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, far), 0);
	scene->pid = fork();
	if (scene->pid == 0) {
		(void)close(in[1]);
		(void)close(out[0]);
		(void)close(far[0]);
		(void)alarm(60);
		_exit(join_run(in[0], out[1], far[1]) == 0 ? 0 : 1);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(far[1]);
	*scene = (struct scene){ in[1], out[0], far[0], scene->pid };
}

static int scene_finish(struct scene *scene)
{
	int status;

	file_close(&scene->near_in);
	file_close(&scene->near_out);
	file_close(&scene->far);
	assert_int_equal(waitpid(scene->pid, &status, 0), scene->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void say(int fd, const char *text)
{
	assert_int_equal(file_write_all(fd, span_from_string(text)), 0);
}

static void check_reads(int fd, const char *text)
{
	char octets[64] = "";

	assert_int_equal(file_read_full(fd, octets, strlen(text)), strlen(text));
	assert_string_equal(octets, text);
}

static void octets_go_both_ways(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	say(scene.far, "220 hello");
	check_reads(scene.near_out, "220 hello");
	say(scene.near_in, "EHLO x");
	check_reads(scene.far, "EHLO x");
	say(scene.far, "250 ok");
	check_reads(scene.near_out, "250 ok");
	file_close(&scene.far);
	assert_int_equal(scene_finish(&scene), 0);
}

/* The caller has said all and closes; what the service says after that still arrives. */
static void the_near_end_is_passed_on_and_the_answer_comes_back(void **state)
{
	struct scene scene;
	char octet;

	(void)state;
	scene_init(&scene);
	say(scene.near_in, "QUIT");
	file_close(&scene.near_in);
	check_reads(scene.far, "QUIT");
	assert_int_equal(read(scene.far, &octet, 1), 0);
	say(scene.far, "221 bye");
	file_close(&scene.far);
	check_reads(scene.near_out, "221 bye");
	assert_int_equal(read(scene.near_out, &octet, 1), 0);
	assert_int_equal(scene_finish(&scene), 0);
}

static void the_far_end_ends_it(void **state)
{
	struct scene scene;
	char octet;

	(void)state;
	scene_init(&scene);
	say(scene.far, "421 bye");
	file_close(&scene.far);
	check_reads(scene.near_out, "421 bye");
	assert_int_equal(read(scene.near_out, &octet, 1), 0);
	assert_int_equal(scene_finish(&scene), 0);
}

static void a_long_message_arrives_whole(void **state)
{
	struct scene scene;
	struct buffer message CLEANUP(buffer_finish) = { 0 };
	struct buffer arrived CLEANUP(buffer_finish) = { 0 };

	(void)state;
	buffer_init(&message, 4 << 20);
	buffer_init(&arrived, 4 << 20);
	while (message.length < (3 << 20))
		buffer_format(&message, "line %zu\r\n", message.length);
	scene_init(&scene);
	pid_t pid = fork();
	if (pid == 0) {
		int outcome = file_write_all(scene.near_in, buffer_span(&message));
		_exit(outcome < 0);
	}
	file_close(&scene.near_in);
	assert_int_equal(file_read_to_end(scene.far, &arrived), 0);
	assert_true(span_equals(buffer_span(&message), buffer_span(&arrived)));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	file_close(&scene.far);
	assert_int_equal(scene_finish(&scene), 0);
}

/* SIGPIPE is ignored in every program of ours. */
static void a_near_end_that_is_gone_is_an_error(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct scene scene;

	(void)state;
	(void)sigaction(SIGPIPE, &ignore, NULL);
	scene_init(&scene);
	file_close(&scene.near_out);
	say(scene.far, "220 hello");
	assert_int_equal(scene_finish(&scene), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_go_both_ways),
		cmocka_unit_test(the_near_end_is_passed_on_and_the_answer_comes_back),
		cmocka_unit_test(the_far_end_ends_it),
		cmocka_unit_test(a_long_message_arrives_whole),
		cmocka_unit_test(a_near_end_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
