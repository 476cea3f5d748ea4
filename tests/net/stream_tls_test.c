/* SPDX-License-Identifier: MIT */

/* Tests stream_exchange of net/stream.c where TLS holds octets that poll(2) does not see. */

#include "net/stream.h"

#include <string.h>

#include "tests/net/tls_play.h"
#include "tests/support/cmocka.h"

enum { A_WHILE = 5000, ECHOED = 1 << 20, RECORD = 16000 };

/* A server and the client that trusts it, made once. */
struct pair {
	struct tls *server;
	struct tls *client;
};

static int set_up(void **state)
{
	struct pair *pair = memory_allocate(sizeof *pair);
	char path[] = "/tmp/mailchute-tls-XXXXXX";
	struct error error;
	CLEANUP(file_close) int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	pair->server = tls_server_new_self_signed(SERVER, &error);
	if (pair->server == NULL || tls_write_certificate(pair->server, path, &error) < 0)
		return -1;
	pair->client = tls_client_new(path, &error);
	(void)unlink(path);
	*state = pair;
	return pair->client != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	tls_free(pair->client);
	tls_free(pair->server);
	free(pair);
	return 0;
}

static void put_much(struct stream *stream, size_t size)
{
	CLEANUP(memory_free_string) char *bytes = memory_allocate(size + 1);

	memset(bytes, 'x', size);
	stream_put(stream, span_from_bytes(bytes, size));
}

/* All of one record at once, and then not an octet more until it is asked for. */
static int send_record(struct tls *tls, int fd)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;

	stream_init_take_fd(&stream, fd, fd, "client");
	if (start_tls(&stream, tls, NULL, &error) < 0)
		return HANDSHAKE_FAILED;
	put_much(&stream, RECORD);
	if (stream_fill(&stream, clock_deadline(LONG), &error) != 1)
		return TALK_FAILED;
	return span_equals_string(stream_input(&stream), "QUIT\r\n") ? PLAYED : TALK_FAILED;
}

static void exchange_sees_what_poll_does_not(void **state)
{
	const struct pair *pair = *state;
	CLEANUP(stream_finish) struct stream stream;
	struct error error;
	pid_t child;
	int fd = begin(send_record, pair->server, &child);

	stream_init_take_fd(&stream, fd, fd, PEER);
	assert_int_equal(start_tls(&stream, pair->client, SERVER, &error), 0);
	while (stream_input(&stream).length < RECORD)
		assert_int_equal(
		    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_READ);
	assert_int_equal(stream_input(&stream).length, RECORD);
	assert_int_equal(stream_exchange(&stream, -1, clock_deadline(SOON), &error), -1);
	assert_non_null(strstr(error.text, "no answer from " PEER));
	stream_put(&stream, span_from_string("QUIT\r\n"));
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_SENT);
	assert_int_equal(
	    stream_exchange(&stream, -1, clock_deadline(A_WHILE), &error), STREAM_ENDED);
	end(child, PLAYED);
}

/* As much on the way as fits, until all has left and as much has come.  0 then. */
static int exchange_all(struct stream *stream)
{
	struct error error;
	size_t sent = 0;
	size_t received = 0;

	while (sent < ECHOED || received < ECHOED || stream->output.length != 0) {
		size_t room = stream_room(stream);
		size_t size = ECHOED - sent < room ? ECHOED - sent : room;

		put_much(stream, size);
		sent += size;
		if (stream_exchange(stream, -1, clock_deadline(LONG), &error) <= 0)
			return -1;
		received += stream_input(stream).length;
		stream_consume(stream, stream_input(stream).length);
	}
	return received == ECHOED ? 0 : -1;
}

static int play_all(struct tls *tls, int fd)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;

	stream_init_take_fd(&stream, fd, fd, "client");
	if (start_tls(&stream, tls, NULL, &error) < 0)
		return HANDSHAKE_FAILED;
	return exchange_all(&stream) == 0 ? PLAYED : TALK_FAILED;
}

static void exchange_goes_both_ways_at_once(void **state)
{
	const struct pair *pair = *state;
	CLEANUP(stream_finish) struct stream stream;
	struct error error;
	pid_t child;
	int fd = begin(play_all, pair->server, &child);

	stream_init_take_fd(&stream, fd, fd, PEER);
	assert_int_equal(start_tls(&stream, pair->client, SERVER, &error), 0);
	assert_int_equal(exchange_all(&stream), 0);
	end(child, PLAYED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchange_sees_what_poll_does_not),
		cmocka_unit_test(exchange_goes_both_ways_at_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
