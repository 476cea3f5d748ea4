/* SPDX-License-Identifier: MIT */

/*
 * Frames from octets.  First octet: how they are cut; second: a descriptor goes
 * with each piece whose bit is set.
 */

#include "base/channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

static void send_piece(int fd, struct span piece, int descriptor)
{
	struct iovec vector = { (char *)(uintptr_t)piece.start, piece.length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	union {
		struct cmsghdr alignment;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };

	if (descriptor >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof control.bytes;
		struct cmsghdr *item = CMSG_FIRSTHDR(&header);
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(sizeof descriptor);
		memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
	}
	assert(sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)piece.length);
}

/* The frame at the start of octets, or false: there is no whole one. */
static bool expect_frame(struct span octets, struct span *frame, bool *has_descriptor)
{
	uint32_t prefix;

	if (octets.length < sizeof prefix)
		return false;
	memcpy(&prefix, octets.start, sizeof prefix);
	prefix = ntohl(prefix);
	*has_descriptor = prefix >> 31 != 0;
	size_t length = prefix & 0x7fffffff;
	*frame = span_first(span_after(octets, sizeof prefix), length);
	return length <= CHANNEL_LIMIT && frame->length == length;
}

/* Takes what has come.  False when the other end does not keep to the form. */
static bool take_frames(struct channel *channel, struct span *expected)
{
	for (;;) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		CLEANUP(file_close) int descriptor = -1;
		struct span frame;
		bool has_descriptor;

		buffer_init(&message, CHANNEL_LIMIT);
		int outcome = channel_take(channel, &message, &descriptor);
		if (outcome <= 0)
			return outcome == 0;
		assert(expect_frame(*expected, &frame, &has_descriptor));
		assert(span_equals(buffer_span(&message), frame));
		assert(has_descriptor == (descriptor >= 0));
		assert(descriptor < 0 || fcntl(descriptor, F_GETFD) == FD_CLOEXEC);
		*expected = span_after(*expected, frame.length + 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(channel_finish) struct channel channel;
	CLEANUP(file_close) int other = -1;
	struct span input = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&input) };
	unsigned with = fuzz_take(&input);
	struct span expected = input;
	bool is_right = true;
	int ends[2];

	assert(channel_pair(ends) == 0);
	channel_init_take_fd(&channel, ends[0]);
	other = ends[1];
	for (unsigned i = 0; is_right && input.length != 0; i++) {
		size_t piece = fuzz_next_piece(&pieces, input.length);

		send_piece(other, span_first(input, piece), with >> i % 8 & 1 ? other : -1);
		/* More descriptors than it keeps end the channel. */
		is_right = channel_fill(&channel) == 1;
		assert(is_right || with != 0);
		is_right = is_right && take_frames(&channel, &expected);
		input = span_after(input, piece);
	}
	if (is_right && with == 0) {
		struct span frame;
		bool has_descriptor;

		assert(!expect_frame(expected, &frame, &has_descriptor));
	}
	return 0;
}
