/* SPDX-License-Identifier: MIT */

/* Tests net/stream.c over socketpairs and pipes. */

#include "net/stream.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"

enum { SOON = 20, LONG = 60000 };

/* A stream and the other end of its socketpair. */
static int open_pair(struct stream *stream)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(stream, ends[0], ends[0], "peer.example:25 [192.0.2.1]");
	return ends[1];
}

static void put(struct stream *stream, const char *text)
{
	stream_put(stream, span_from_string(text));
}

static void say(int fd, const char *text)
{
	assert_int_equal(file_write_all(fd, span_from_string(text)), 0);
}

static void assert_input(const struct stream *stream, const char *want)
{
	assert_true(span_equals_string(stream_input(stream), want));
}

static void assert_error(const struct error *error, const char *status, const char *words)
{
	assert_string_equal(error->status, status);
	assert_int_equal(error->kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(error->text, "peer.example:25 [192.0.2.1]"));
	assert_non_null(strstr(error->text, words));
}

static void a_flight_leaves_in_one_write(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;
	char bytes[64];

	(void)state;
	put(&stream, "MAIL FROM:<>\r\n");
	put(&stream, "RCPT TO:<a@example.com>\r\n");
	put(&stream, "DATA\r\n");
	assert_int_equal(recv(other, bytes, sizeof bytes, MSG_DONTWAIT), -1);
	assert_int_equal(stream_flush(&stream, clock_deadline(LONG), &error), 0);
	assert_int_equal(stream.flights, 1);
	assert_int_equal(recv(other, bytes, sizeof bytes, MSG_DONTWAIT), 14 + 25 + 6);
	assert_int_equal(stream_room(&stream), STREAM_OUTPUT_LIMIT);
	assert_int_equal(stream_flush(&stream, clock_deadline(LONG), &error), 0);
	assert_int_equal(stream.flights, 1);
}

static void input_stays_until_it_is_consumed(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	say(other, "250 o");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	assert_input(&stream, "250 o");
	stream_consume(&stream, 3);
	assert_input(&stream, " o");
	say(other, "k\r\n");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	assert_input(&stream, " ok\r\n");
	stream_consume(&stream, 5);
	assert_input(&stream, "");
	assert_int_equal(stream.input.length, 0);
}

static void fill_sends_before_it_reads(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;
	char bytes[8];

	(void)state;
	put(&stream, "QUIT\r\n");
	say(other, "221 bye\r\n");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	assert_input(&stream, "221 bye\r\n");
	assert_int_equal(recv(other, bytes, sizeof bytes, MSG_DONTWAIT), 6);
}

static void the_end_is_no_error_and_comes_after_the_input(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	say(other, "421 closing\r\n");
	file_close(&other);
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	assert_input(&stream, "421 closing\r\n");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 0);
	assert_true(stream.has_ended);
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 0);
}

static void silence_ends_at_the_deadline(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	assert_int_equal(stream_fill(&stream, clock_deadline(SOON), &error), -1);
	assert_error(&error, "4.4.2", "no answer from");
	/* Even a deadline in the past takes what is there. */
	say(other, "x");
	assert_int_equal(stream_fill(&stream, clock_deadline(-LONG), &error), 1);
}

static void put_much(struct stream *stream, size_t size)
{
	CLEANUP(memory_free_string) char *bytes = memory_allocate(size);

	memset(bytes, 'x', size);
	stream_put(stream, span_from_bytes(bytes, size));
}

static void make_narrow(int fd)
{
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)), 0);
}

static void a_peer_that_takes_nothing_ends_at_the_deadline(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	make_narrow(stream.output_fd);
	put_much(&stream, STREAM_OUTPUT_LIMIT);
	assert_int_equal(stream_room(&stream), 0);
	say(other, "452 full\r\n");
	assert_int_equal(stream_flush(&stream, clock_deadline(SOON), &error), -1);
	assert_error(&error, "4.4.2", "was not taken by");
	/* While it waited, it listened. */
	assert_input(&stream, "452 full\r\n");
}

static void a_closed_socket_is_an_error_and_no_signal(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	const struct sigaction die = { .sa_handler = SIG_DFL };
	struct error error;

	(void)state;
	assert_int_equal(sigaction(SIGPIPE, &die, NULL), 0);
	file_close(&other);
	put(&stream, "NOOP\r\n");
	assert_int_equal(stream_flush(&stream, clock_deadline(LONG), &error), -1);
	assert_error(&error, "4.4.2", "lost: Broken pipe");
	/* And it stays so. */
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), -1);
	assert_error(&error, "4.4.2", "lost: Broken pipe");
}

static void last_words_are_heard_before_the_loss_is_told(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	say(other, "421 4.3.2 going down\r\n");
	file_close(&other);
	put(&stream, "MAIL FROM:<>\r\n");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	assert_input(&stream, "421 4.3.2 going down\r\n");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), -1);
	assert_error(&error, "4.4.2", "lost");
}

static void endless_input_is_refused(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	CLEANUP(memory_free_string) char *bytes = memory_allocate(STREAM_INPUT_LIMIT);
	size_t sent = 0;
	int outcome = 1;
	struct error error;

	(void)state;
	memset(bytes, 'x', STREAM_INPUT_LIMIT);
	while (outcome == 1) {
		ssize_t count = send(other, bytes, STREAM_INPUT_LIMIT, MSG_DONTWAIT);

		sent += count > 0 ? (size_t)count : 0;
		outcome = stream_fill(&stream, clock_deadline(LONG), &error);
	}
	assert_int_equal(outcome, -1);
	assert_true(sent >= STREAM_INPUT_LIMIT);
	assert_int_equal(stream_input(&stream).length, STREAM_INPUT_LIMIT);
	assert_error(&error, "4.5.0", "too much");
}

static void pipes_work_as_well(void **state)
{
	CLEANUP(stream_finish) struct stream stream = { 0 };
	struct error error;
	int in[2];
	int out[2];
	char bytes[16];

	(void)state;
	process_reset_signals();
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	stream_init_take_fd(&stream, in[0], out[1], "peer.example:25 [192.0.2.1]");
	say(in[1], "HELO a\r\n");
	put(&stream, "250 b\r\n");
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	assert_input(&stream, "HELO a\r\n");
	assert_int_equal(read(out[0], bytes, sizeof bytes), 7);
	/* The end of the input is not the end of the peer. */
	file_close(&in[1]);
	assert_false(stream_peer_is_gone(&stream));
	file_close(&out[0]);
	assert_true(stream_peer_is_gone(&stream));
	put(&stream, "250 c\r\n");
	assert_int_equal(stream_flush(&stream, clock_deadline(LONG), &error), -1);
	assert_error(&error, "4.4.2", "lost");
}

static void a_half_closed_peer_is_not_gone(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);

	(void)state;
	assert_false(stream_peer_is_gone(&stream));
	assert_int_equal(shutdown(other, SHUT_WR), 0);
	assert_false(stream_peer_is_gone(&stream));
	file_close(&other);
	assert_true(stream_peer_is_gone(&stream));
}

static void finishing_nothing_closes_nothing(void **state)
{
	struct stream stream = { 0 };

	(void)state;
	process_open_standard_descriptors();
	stream_finish(&stream);
	assert_true(fcntl(0, F_GETFD) >= 0);
	int other = open_pair(&stream);
	int fd = stream.input_fd;
	stream_finish(&stream);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	stream_finish(&stream);
	file_close(&other);
}

/* Beside a flight, the input has room for what of the one before the sockets still hold. */
enum { FLIGHT = STREAM_INPUT_LIMIT / 2, FLIGHTS = 40 };

/* Sends FLIGHTS flights, reading only what comes meanwhile, then the rest.  0 when all came. */
static int talk_at_once(struct stream *stream)
{
	struct error error;
	size_t received = 0;

	for (int i = 0; i < FLIGHTS; i++) {
		put_much(stream, FLIGHT);
		if (stream_flush(stream, clock_deadline(LONG), &error) < 0)
			return 1;
		received += stream_input(stream).length;
		stream_consume(stream, stream_input(stream).length);
	}
	while (received < (size_t)FLIGHT * FLIGHTS) {
		if (stream_fill(stream, clock_deadline(LONG), &error) != 1)
			return 2;
		received += stream_input(stream).length;
		stream_consume(stream, stream_input(stream).length);
	}
	return received == (size_t)FLIGHT * FLIGHTS ? 0 : 3;
}

/* Both sides write first; each must listen while it cannot. */
static void two_full_buffers_do_not_block_each_other(void **state)
{
	CLEANUP(stream_finish) struct stream stream = { 0 };
	int other = open_pair(&stream);
	int status;

	(void)state;
	make_narrow(stream.output_fd);
	make_narrow(other);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct stream theirs;

		file_close(&stream.input_fd);
		stream_init_take_fd(&theirs, other, other, "peer.example:25 [192.0.2.1]");
		_exit(talk_at_once(&theirs));
	}
	file_close(&other);
	assert_int_equal(talk_at_once(&stream), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- stream_exchange ---- */

enum { A_WHILE = 5000 }; /* for what must not take any time at all */

/* Fills the way to the peer until nothing more leaves; some output stays. */
static void fill_the_way(struct stream *stream)
{
	struct error error;

	make_narrow(stream->output_fd);
	do
		put_much(stream, stream_room(stream));
	while (stream_flush(stream, clock_deadline(0), &error) == 0);
	assert_error(&error, "4.4.2", "was not taken by");
	assert_true(stream->output.length != 0);
}

/* Takes all that is on the way. */
static void empty_the_way(int fd)
{
	char bytes[65536];

	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
}

static void a_look_takes_what_is_there_and_does_not_wait(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);

	(void)state;
	assert_false(stream_look(&stream));
	say(other, "250 a\r\n");
	assert_true(stream_look(&stream));
	assert_input(&stream, "250 a\r\n");
	/* What nobody consumed is told again, and nothing more is read. */
	say(other, "250 b\r\n");
	assert_true(stream_look(&stream));
	assert_input(&stream, "250 a\r\n");
	stream_consume(&stream, 7);
	file_close(&other);
	assert_true(stream_look(&stream));
	assert_input(&stream, "250 b\r\n");
	stream_consume(&stream, 7);
	assert_false(stream_look(&stream));
	assert_true(stream.has_ended);
}

static void exchange_tells_what_has_moved(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;
	char bytes[8];

	(void)state;
	/* There is input as well, but what has left may already be answered. */
	say(other, "250 ok\r\n");
	put(&stream, "NOOP\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_SENT);
	assert_int_equal(stream.flights, 1);
	assert_int_equal(recv(other, bytes, sizeof bytes, MSG_DONTWAIT), 6);
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_input(&stream, "250 ok\r\n");
	/* What stays unconsumed is not told again. */
	assert_int_equal(stream_exchange(&stream, -1, clock_deadline(SOON), &error), -1);
	assert_error(&error, "4.4.2", "no answer from");
	assert_input(&stream, "250 ok\r\n");
}

static void exchange_watches_another_descriptor(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;
	int watched[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, watched), 0);
	assert_int_equal(stream_exchange(&stream, watched[0], clock_deadline(SOON), &error), -1);
	assert_error(&error, "4.4.2", "no answer from");
	say(watched[1], "x");
	assert_int_equal(
	    stream_exchange(&stream, watched[0], clock_deadline(A_WHILE), &error), STREAM_OTHER);
	/* While nothing can leave or come, too. */
	fill_the_way(&stream);
	assert_int_equal(
	    stream_exchange(&stream, watched[0], clock_deadline(A_WHILE), &error), STREAM_OTHER);
	/* It never keeps output from leaving. */
	empty_the_way(other);
	assert_int_equal(
	    stream_exchange(&stream, watched[0], clock_deadline(A_WHILE), &error), STREAM_SENT);
	file_close(&watched[1]);
	(void)!read(watched[0], &(char){ 0 }, 1);
	empty_the_way(other);
	while (stream.output.length != 0) {
		assert_int_equal(
		    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_SENT);
		empty_the_way(other);
	}
	/* Its peer is gone. */
	assert_int_equal(
	    stream_exchange(&stream, watched[0], clock_deadline(A_WHILE), &error), STREAM_OTHER);
	file_close(&watched[0]);
}

static void exchange_listens_while_nothing_can_leave(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	fill_the_way(&stream);
	size_t left = stream.output.length - stream.output_start;
	assert_int_equal(stream_exchange(&stream, -1, clock_deadline(SOON), &error), -1);
	assert_error(&error, "4.4.2", "was not taken by");
	say(other, "452 full\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_input(&stream, "452 full\r\n");
	assert_int_equal(stream.output.length - stream.output_start, left);
}

/* What is full on our side keeps nothing from leaving. */
static void exchange_sends_while_the_input_is_full(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	CLEANUP(memory_free_string) char *bytes = memory_allocate(STREAM_INPUT_LIMIT);
	struct error error;

	(void)state;
	memset(bytes, 'x', STREAM_INPUT_LIMIT);
	while (stream_input(&stream).length < STREAM_INPUT_LIMIT) {
		(void)!send(other, bytes, STREAM_INPUT_LIMIT, MSG_DONTWAIT);
		assert_int_equal(
		    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	}
	put(&stream, "NOOP\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_SENT);
	assert_int_equal(recv(other, bytes, STREAM_INPUT_LIMIT, MSG_DONTWAIT), 6);
	/* With a hand free it goes on. */
	stream_consume(&stream, 1);
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_int_equal(stream_input(&stream).length, STREAM_INPUT_LIMIT);
}

static void exchange_tells_the_end_when_nothing_else_happens(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;
	char bytes[8];

	(void)state;
	say(other, "221 bye\r\n");
	assert_int_equal(shutdown(other, SHUT_WR), 0);
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_input(&stream, "221 bye\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_ENDED);
	/* Half of it is open. */
	put(&stream, "QUIT\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_SENT);
	assert_int_equal(recv(other, bytes, sizeof bytes, MSG_DONTWAIT), 6);
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_ENDED);
	assert_input(&stream, "221 bye\r\n");
}

static void exchange_hears_the_last_words_before_it_tells_the_loss(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	say(other, "421 4.3.2 going down\r\n");
	file_close(&other);
	put(&stream, "MAIL FROM:<>\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_input(&stream, "421 4.3.2 going down\r\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), -1);
		assert_error(&error, "4.4.2", "lost: Broken pipe");
	}
}

/* Neither has anything to say, or all of it has been heard. */
static void exchange_tells_a_loss_without_words(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(file_close) int other = open_pair(&stream);
	struct error error;

	(void)state;
	file_close(&other);
	put(&stream, "MAIL FROM:<>\r\n");
	assert_int_equal(stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), -1);
	assert_error(&error, "4.4.2", "lost: Broken pipe");
}

static void exchange_works_on_pipes(void **state)
{
	CLEANUP(stream_finish) struct stream stream = { 0 };
	struct error error;
	int in[2];
	int out[2];
	char bytes[16];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	stream_init_take_fd(&stream, in[0], out[1], "peer.example:25 [192.0.2.1]");
	put(&stream, "250 b\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_SENT);
	assert_int_equal(read(out[0], bytes, sizeof bytes), 7);
	say(in[1], "HELO a\r\n");
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_input(&stream, "HELO a\r\n");
	file_close(&in[1]);
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_ENDED);
	file_close(&out[0]);
}

/* Always as much on the way as fits, and what comes is consumed at once.  0 when all came. */
static int exchange_at_once(struct stream *stream)
{
	struct error error;
	size_t sent = 0;
	size_t received = 0;
	size_t all = (size_t)FLIGHT * FLIGHTS;

	while (sent < all || received < all || stream->output.length != 0) {
		size_t size = all - sent < stream_room(stream) ? all - sent : stream_room(stream);

		put_much(stream, size);
		sent += size;
		if (stream_exchange(stream, -1, clock_deadline(LONG), &error) <= 0)
			return 1;
		received += stream_input(stream).length;
		stream_consume(stream, stream_input(stream).length);
		if (received > all)
			return 2;
	}
	return 0;
}

static void exchange_goes_both_ways_at_once(void **state)
{
	CLEANUP(stream_finish) struct stream stream = { 0 };
	int other = open_pair(&stream);
	int status;

	(void)state;
	make_narrow(stream.output_fd);
	make_narrow(other);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct stream theirs;

		file_close(&stream.input_fd);
		stream_init_take_fd(&theirs, other, other, "peer.example:25 [192.0.2.1]");
		_exit(exchange_at_once(&theirs));
	}
	file_close(&other);
	assert_int_equal(exchange_at_once(&stream), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flight_leaves_in_one_write),
		cmocka_unit_test(input_stays_until_it_is_consumed),
		cmocka_unit_test(fill_sends_before_it_reads),
		cmocka_unit_test(the_end_is_no_error_and_comes_after_the_input),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(a_peer_that_takes_nothing_ends_at_the_deadline),
		cmocka_unit_test(a_closed_socket_is_an_error_and_no_signal),
		cmocka_unit_test(last_words_are_heard_before_the_loss_is_told),
		cmocka_unit_test(endless_input_is_refused),
		cmocka_unit_test(pipes_work_as_well),
		cmocka_unit_test(a_half_closed_peer_is_not_gone),
		cmocka_unit_test(finishing_nothing_closes_nothing),
		cmocka_unit_test(two_full_buffers_do_not_block_each_other),
		cmocka_unit_test(exchange_tells_what_has_moved),
		cmocka_unit_test(exchange_watches_another_descriptor),
		cmocka_unit_test(exchange_listens_while_nothing_can_leave),
		cmocka_unit_test(exchange_sends_while_the_input_is_full),
		cmocka_unit_test(exchange_tells_the_end_when_nothing_else_happens),
		cmocka_unit_test(exchange_hears_the_last_words_before_it_tells_the_loss),
		cmocka_unit_test(a_look_takes_what_is_there_and_does_not_wait),
		cmocka_unit_test(exchange_tells_a_loss_without_words),
		cmocka_unit_test(exchange_works_on_pipes),
		cmocka_unit_test(exchange_goes_both_ways_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
