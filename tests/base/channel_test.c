/* SPDX-License-Identifier: MIT */

/* Tests base/channel.c. */

#include "base/channel.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

struct both {
	struct channel near;
	struct channel far;
};

static void open_both(struct both *both)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_true(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(ends[1], F_GETFD) & FD_CLOEXEC);
	channel_init_take_fd(&both->near, ends[0]);
	channel_init_take_fd(&both->far, ends[1]);
}

static void close_both(struct both *both)
{
	channel_finish(&both->near);
	channel_finish(&both->far);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void messages_come_whole_and_in_order(void **state)
{
	CLEANUP(close_both) struct both both;
	const char *texts[] = { "one", "", "three" };

	(void)state;
	open_both(&both);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(channel_send(&both.near, span_from_string(texts[i]), -1), 0);
	assert_int_equal(channel_fill(&both.far), 1);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(buffer_finish) struct buffer message;
		int descriptor = 77;

		buffer_init(&message, 100);
		assert_int_equal(channel_take(&both.far, &message, &descriptor), 1);
		assert_string_equal(buffer_string(&message), texts[i]);
		assert_int_equal(descriptor, -1);
	}
	CLEANUP(buffer_finish) struct buffer none;
	int descriptor = 77;
	buffer_init(&none, 100);
	assert_int_equal(channel_take(&both.far, &none, &descriptor), 0);
	assert_int_equal(descriptor, 77);
}

/* Octet by octet: "not yet" until the last. */
static void a_frame_in_pieces_is_not_yet(void **state)
{
	CLEANUP(close_both) struct both both;
	CLEANUP(buffer_finish) struct buffer message;
	const char frame[] = { 0, 0, 0, 3, 'a', 'b', 'c' };
	int descriptor;

	(void)state;
	open_both(&both);
	buffer_init(&message, 100);
	for (size_t i = 0; i < sizeof frame; i++) {
		assert_int_equal(channel_take(&both.far, &message, &descriptor), 0);
		assert_int_equal(write(both.near.fd, frame + i, 1), 1);
		assert_int_equal(channel_fill(&both.far), 1);
	}
	assert_int_equal(channel_take(&both.far, &message, &descriptor), 1);
	assert_string_equal(buffer_string(&message), "abc");
}

static void descriptors_travel_with_their_frames(void **state)
{
	CLEANUP(close_both) struct both both;
	int pipes[2][2];

	(void)state;
	open_both(&both);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], i == 0 ? "A" : "B", 1), 1);
	}
	assert_int_equal(channel_send(&both.near, span_from_string("A"), pipes[0][0]), 0);
	assert_int_equal(channel_send(&both.near, span_from_string("-"), -1), 0);
	assert_int_equal(channel_send(&both.near, span_from_string("B"), pipes[1][0]), 0);
	assert_true(is_open(pipes[0][0]));
	for (size_t taken = 0; taken < 3;) {
		CLEANUP(buffer_finish) struct buffer message;
		CLEANUP(file_close) int descriptor = -1;
		char octet = '-';

		buffer_init(&message, 100);
		int outcome = channel_take(&both.far, &message, &descriptor);
		assert_true(outcome >= 0);
		if (outcome == 0) {
			assert_int_equal(channel_fill(&both.far), 1);
			continue;
		}
		if (descriptor >= 0) {
			assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
			assert_int_equal(read(descriptor, &octet, 1), 1);
		}
		assert_int_equal(buffer_string(&message)[0], octet);
		taken++;
	}
	for (size_t i = 0; i < 4; i++)
		close(pipes[i / 2][i % 2]);
}

static void descriptors_not_taken_are_closed(void **state)
{
	struct both both;
	int pipes[2];
	char octet;

	(void)state;
	open_both(&both);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(channel_send(&both.near, span_from_string("x"), pipes[1]), 0);
	close(pipes[1]);
	assert_int_equal(channel_fill(&both.far), 1);
	assert_int_equal(both.far.descriptor_count, 1);
	close_both(&both);
	assert_int_equal(both.far.fd, -1);
	/* All writers are gone, so the reader sees the end. */
	assert_int_equal(read(pipes[0], &octet, 1), 0);
	close(pipes[0]);
}

static void send_octets(int fd, const void *octets, size_t length, int descriptor)
{
	struct iovec vector = { (void *)(uintptr_t)octets, length };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr header = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *item = CMSG_FIRSTHDR(&header);

	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = SCM_RIGHTS;
	item->cmsg_len = CMSG_LEN(sizeof descriptor);
	memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
	assert_int_equal(sendmsg(fd, &header, MSG_NOSIGNAL), (ssize_t)length);
}

static void what_breaks_the_form_ends_the_channel(void **state)
{
	static const struct row {
		const char *name;
		uint32_t prefix;
		bool has_descriptor;
		int first; /* what channel_take answers, and answers then */
		int second;
	} rows[] = {
		{ "too long", CHANNEL_LIMIT + 1, false, -1, -1 },
		{ "far too long", 0x7fffffff, false, -1, -1 },
		{ "descriptor announced, none came", 0x80000001, false, -1, -1 },
		{ "descriptor came, none announced", 1, true, 1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(close_both) struct both both;
		CLEANUP(buffer_finish) struct buffer message;
		char frame[5] = { 0, 0, 0, 0, 'x' };
		uint32_t prefix = htonl(rows[i].prefix);
		int descriptor = -1;

		open_both(&both);
		buffer_init(&message, 100);
		memcpy(frame, &prefix, sizeof prefix);
		if (rows[i].has_descriptor)
			send_octets(both.near.fd, frame, sizeof frame, both.near.fd);
		else
			assert_int_equal(write(both.near.fd, frame, sizeof frame), sizeof frame);
		assert_int_equal(channel_fill(&both.far), 1);
		int first = channel_take(&both.far, &message, &descriptor);
		int second = channel_take(&both.far, &message, &descriptor);
		if (first != rows[i].first || second != rows[i].second)
			fail_msg("%s: %d, %d", rows[i].name, first, second);
		assert_int_equal(descriptor, -1);
	}
}

static void the_end_and_emptiness_are_told(void **state)
{
	struct both both;

	(void)state;
	open_both(&both);
	assert_int_equal(file_set_nonblocking(both.far.fd, true), 0);
	assert_int_equal(channel_fill(&both.far), -1);
	assert_int_equal(errno, EAGAIN);
	channel_finish(&both.near);
	assert_int_equal(channel_fill(&both.far), 0);
	/* No SIGPIPE. */
	assert_int_equal(channel_send(&both.far, span_from_string("x"), -1), -1);
	assert_int_equal(errno, EPIPE);
	channel_finish(&both.far);
}

static void *send_large(void *context)
{
	struct channel *channel = context;
	char *bytes = memory_allocate(CHANNEL_LIMIT + 1);

	for (size_t i = 0; i < CHANNEL_LIMIT; i++)
		bytes[i] = (char)(i % 251);
	int too_large = channel_send(channel, span_from_bytes(bytes, CHANNEL_LIMIT + 1), -1);
	int outcome = channel_send(channel, span_from_bytes(bytes, CHANNEL_LIMIT), channel->fd);

	free(bytes);
	return too_large == -1 && outcome == 0 ? channel : NULL;
}

static void the_longest_message_arrives(void **state)
{
	CLEANUP(close_both) struct both both;
	CLEANUP(buffer_finish) struct buffer message;
	CLEANUP(file_close) int descriptor = -1;
	pthread_t thread;
	void *answer = NULL;
	int outcome = 0;

	(void)state;
	open_both(&both);
	buffer_init(&message, CHANNEL_LIMIT);
	assert_int_equal(pthread_create(&thread, NULL, send_large, &both.near), 0);
	while (outcome == 0) {
		assert_int_equal(channel_fill(&both.far), 1);
		outcome = channel_take(&both.far, &message, &descriptor);
	}
	assert_int_equal(pthread_join(thread, &answer), 0);
	assert_non_null(answer);
	assert_int_equal(outcome, 1);
	assert_int_equal(message.length, CHANNEL_LIMIT);
	for (size_t i = 0; i < CHANNEL_LIMIT; i++)
		if (message.start[i] != (char)(i % 251))
			fail_msg("octet %zu", i);
	assert_true(descriptor >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_whole_and_in_order),
		cmocka_unit_test(a_frame_in_pieces_is_not_yet),
		cmocka_unit_test(descriptors_travel_with_their_frames),
		cmocka_unit_test(descriptors_not_taken_are_closed),
		cmocka_unit_test(what_breaks_the_form_ends_the_channel),
		cmocka_unit_test(the_end_and_emptiness_are_told),
		cmocka_unit_test(the_longest_message_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
