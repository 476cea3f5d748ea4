/* SPDX-License-Identifier: MIT */

/* Tests net/join.c with the join in a process of its own. */

#include "net/join.h"

#include <fcntl.h>
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

/* The exit status is what ended the join. */
static void scene_init_with(struct scene *scene, struct join join)
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
		join.near_input = in[0];
		join.near_output = out[1];
		join.far = far[1];
		_exit((int)join_run(&join));
	}
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(far[1]);
	*scene = (struct scene){ in[1], out[0], far[0], scene->pid };
}

static void scene_init(struct scene *scene)
{
	scene_init_with(scene, (struct join){ 0 });
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
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
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
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
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
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
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
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
}

/* SIGPIPE is ignored in every program of ours. */
static void ignore_pipes(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/* Who does not listen any more may still be in the middle of a message. */
static void a_near_end_that_listens_no_more_may_go_on(void **state)
{
	struct scene scene;
	char octet;

	(void)state;
	ignore_pipes();
	scene_init(&scene);
	file_close(&scene.near_out);
	say(scene.far, "220 hello");
	say(scene.near_in, "MAIL");
	check_reads(scene.far, "MAIL");
	say(scene.far, "250 ok");
	say(scene.near_in, "RCPT");
	check_reads(scene.far, "RCPT");
	file_close(&scene.near_in);
	assert_int_equal(read(scene.far, &octet, 1), 0);
	assert_int_equal(scene_finish(&scene), JOIN_NEAR_GONE);
}

static void a_near_end_that_is_gone_ends_it(void **state)
{
	struct scene scene;
	char octet;

	(void)state;
	scene_init(&scene);
	file_close(&scene.near_in);
	assert_int_equal(read(scene.far, &octet, 1), 0);
	/* It still listens; only now it is gone. */
	int status;
	file_close(&scene.near_out);
	assert_int_equal(waitpid(scene.pid, &status, 0), scene.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == JOIN_NEAR_GONE);
	file_close(&scene.far);
}

static void the_far_end_may_be_all_that_counts(void **state)
{
	struct scene scene;
	char octet;

	(void)state;
	ignore_pipes();
	scene_init_with(&scene, (struct join){ .outlives_near = true });
	say(scene.near_in, "QUIT");
	file_close(&scene.near_in);
	file_close(&scene.near_out);
	check_reads(scene.far, "QUIT");
	assert_int_equal(read(scene.far, &octet, 1), 0);
	say(scene.far, "250 ok");
	say(scene.far, "221 bye");
	assert_int_equal(waitpid(scene.pid, NULL, WNOHANG), 0);
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
}

static void answer_each_octet_by_many(int far, size_t each)
{
	char block[1000];
	char many[20 * sizeof block] = { 0 };
	ssize_t count;

	while ((count = read(far, block, sizeof block)) > 0)
		if (file_write_all(far, span_from_bytes(many, (size_t)count * each)) < 0)
			_exit(1);
	_exit(0);
}

/* As a flood of HELP is: who cannot write on one side must read on the other. */
static void neither_direction_waits_for_the_other(void **state)
{
	enum { WRITTEN = 1000000, EACH = 20 };
	static char octets[WRITTEN];
	struct buffer answer CLEANUP(buffer_finish) = { 0 };
	struct scene scene;
	int status;

	(void)state;
	buffer_init(&answer, 32 << 20);
	scene_init(&scene);
	pid_t writer = fork();
	if (writer == 0)
		_exit(file_write_all(scene.near_in, span_from_bytes(octets, WRITTEN)) < 0);
	file_close(&scene.near_in);
	pid_t far = fork();
	if (far == 0)
		answer_each_octet_by_many(scene.far, EACH);
	file_close(&scene.far);
	assert_int_equal(file_read_to_end(scene.near_out, &answer), 0);
	assert_int_equal(answer.length, (size_t)WRITTEN * EACH);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(far, &status, 0), far);
	assert_int_equal(status, 0);
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
}

/* Takes all 'x' out; "!" is the last. */
static size_t take_out(void *context, char *bytes, size_t size)
{
	struct join *join = *(struct join **)context;
	size_t kept = 0;

	for (size_t i = 0; i < size; i++) {
		join->is_stopped = join->is_stopped || bytes[i] == '!';
		if (bytes[i] != 'x')
			bytes[kept++] = bytes[i];
	}
	return kept;
}

/* A send that fails, as for want of memory; the rest must not look like the whole. */
static void what_cannot_be_passed_on_ends_the_session(void **state)
{
	enum { SIZE = 60000, ROOM = 4096 };
	static char octets[SIZE];
	int in[2];
	int out[2];
	int far[2];
	int room = ROOM;
	char octet;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	/* Takes a message whole or, when it is larger than this, with EMSGSIZE not at all. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, far), 0);
	assert_int_equal(setsockopt(far[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
	assert_int_equal(file_write_all(in[1], span_from_bytes(octets, sizeof octets)), 0);
	say(in[1], "QUIT\r\n");
	pid_t pid = fork();
	if (pid == 0) {
		struct join join = { .near_input = in[0], .near_output = out[1], .far = far[1] };

		(void)close(far[0]);
		(void)alarm(60);
		_exit((int)join_run(&join));
	}
	(void)close(far[1]);
	assert_int_equal(read(far[0], &octet, 1), 0);
	struct scene scene = { in[1], out[0], far[0], pid };
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
	(void)close(in[0]);
	(void)close(out[1]);
}

/* Far would wait for ever for an answer to what near has not been told. */
static void an_answer_that_cannot_be_passed_on_ends_the_session(void **state)
{
	int far[2];
	int in[2];
	char octet;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, far), 0);
	int unwritable = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0) {
		struct join join = {
			.near_input = in[0], .near_output = unwritable, .far = far[1]
		};

		(void)close(far[0]);
		(void)alarm(60);
		_exit((int)join_run(&join));
	}
	(void)close(far[1]);
	say(far[0], "220 hello\r\n");
	assert_int_equal(read(far[0], &octet, 1), 0);
	struct scene scene = { in[1], unwritable, far[0], pid };
	assert_int_equal(scene_finish(&scene), JOIN_FAR_ENDED);
	(void)close(in[0]);
}

static void a_filter_sees_what_far_says(void **state)
{
	struct scene scene;
	struct join *known;
	char octet;
	int in[2];
	int out[2];
	int far[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, far), 0);
	scene.pid = fork();
	if (scene.pid == 0) {
		struct join join = { .near_input = in[0],
			.near_output = out[1],
			.far = far[1],
			.filter = take_out,
			.context = &known };

		known = &join;
		(void)alarm(60);
		enum join_end end = join_run(&join);
		_exit(end == JOIN_STOPPED && join.passed_on == 6 && !join.has_pending &&
			      !join.near_has_ended
			  ? 0
			  : 1);
	}
	file_close(&in[0]);
	file_close(&out[1]);
	file_close(&far[1]);
	scene.near_in = in[1];
	scene.near_out = out[0];
	scene.far = far[0];
	say(scene.near_in, "EHLO x");
	check_reads(scene.far, "EHLO x");
	say(scene.far, "xxx");
	say(scene.far, "2x50x");
	check_reads(scene.near_out, "250");
	say(scene.far, " ok!");
	check_reads(scene.near_out, " ok!");
	assert_int_equal(read(scene.near_out, &octet, 1), 0);
	assert_int_equal(scene_finish(&scene), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_go_both_ways),
		cmocka_unit_test(the_near_end_is_passed_on_and_the_answer_comes_back),
		cmocka_unit_test(the_far_end_ends_it),
		cmocka_unit_test(a_long_message_arrives_whole),
		cmocka_unit_test(a_near_end_that_listens_no_more_may_go_on),
		cmocka_unit_test(a_near_end_that_is_gone_ends_it),
		cmocka_unit_test(the_far_end_may_be_all_that_counts),
		cmocka_unit_test(neither_direction_waits_for_the_other),
		cmocka_unit_test(what_cannot_be_passed_on_ends_the_session),
		cmocka_unit_test(an_answer_that_cannot_be_passed_on_ends_the_session),
		cmocka_unit_test(a_filter_sees_what_far_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
