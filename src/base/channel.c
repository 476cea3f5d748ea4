/* SPDX-License-Identifier: MIT */

#include "base/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"

/* The highest bit of the length says that a descriptor belongs to the frame. */
static const uint32_t WITH_DESCRIPTOR = UINT32_C(1) << 31;

enum { PREFIX_SIZE = 4 };

union control {
	struct cmsghdr alignment;
	char bytes[CMSG_SPACE(sizeof(int) * 8)];
};

int channel_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

void channel_init_take_fd(struct channel *channel, int fd)
{
	*channel = (struct channel){ .fd = fd };
	buffer_init(&channel->input, CHANNEL_LIMIT + PREFIX_SIZE + 65536);
}

void channel_finish(struct channel *channel)
{
	for (size_t i = 0; i < channel->descriptor_count; i++)
		file_close(&channel->descriptors[i]);
	channel->descriptor_count = 0;
	file_close(&channel->fd);
	buffer_finish(&channel->input);
}

static ssize_t send_part(int fd, struct span bytes, int descriptor)
{
	struct iovec vector = { (char *)(uintptr_t)bytes.start, bytes.length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	union control control = { 0 };

	if (descriptor >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(sizeof descriptor);
		struct cmsghdr *item = CMSG_FIRSTHDR(&header);
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(sizeof descriptor);
		memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL);
}

int channel_send(struct channel *channel, struct span message, int descriptor)
{
	struct buffer frame;

	if (message.length > CHANNEL_LIMIT) {
		errno = EMSGSIZE;
		return -1;
	}
	uint32_t prefix = htonl((uint32_t)message.length | (descriptor >= 0 ? WITH_DESCRIPTOR : 0));
	buffer_init(&frame, CHANNEL_LIMIT + PREFIX_SIZE);
	buffer_append(&frame, (const char *)&prefix, sizeof prefix);
	buffer_append_span(&frame, message);

	struct span rest = buffer_span(&frame);
	while (rest.length != 0) {
		ssize_t sent = send_part(channel->fd, rest, descriptor);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			break;
		descriptor = -1;
		rest = span_after(rest, (size_t)sent);
	}
	buffer_finish(&frame);
	return rest.length == 0 ? 0 : -1;
}

/* musl's macro mixes signed and unsigned, which is its affair. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"

static struct cmsghdr *item_after(struct msghdr *header, struct cmsghdr *item)
{
	return CMSG_NXTHDR(header, item);
}

#pragma GCC diagnostic pop

static int keep_descriptors(struct channel *channel, struct msghdr *header)
{
	int outcome = 0;

	for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL;
	     item = item_after(header, item)) {
		if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
			if (channel->descriptor_count < CHANNEL_DESCRIPTORS) {
				channel->descriptors[channel->descriptor_count++] = fd;
			} else {
				file_close(&fd);
				outcome = -1;
			}
		}
	}
	return outcome;
}

int channel_fill(struct channel *channel)
{
	char *room = buffer_reserve(&channel->input, 65536);
	union control control;
	struct iovec vector = { room, 65536 };
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t count;

	if (room == NULL) {
		errno = EMSGSIZE;
		return -1;
	}
	do
		count = recvmsg(channel->fd, &header, MSG_CMSG_CLOEXEC);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -1;
	if (keep_descriptors(channel, &header) < 0 || (header.msg_flags & MSG_CTRUNC) != 0) {
		errno = EPROTO;
		return -1;
	}
	buffer_extend(&channel->input, (size_t)count);
	return count > 0 ? 1 : 0;
}

int channel_take(struct channel *channel, struct buffer *message, int *descriptor)
{
	uint32_t prefix;

	/* Descriptors come with the first octet of their frames, so none is left over. */
	if (channel->input.length == 0 && channel->descriptor_count != 0)
		return -1;
	if (channel->input.length < sizeof prefix)
		return 0;
	memcpy(&prefix, channel->input.start, sizeof prefix);
	prefix = ntohl(prefix);
	bool has_descriptor = (prefix & WITH_DESCRIPTOR) != 0;
	size_t length = prefix & ~WITH_DESCRIPTOR;
	if (length > CHANNEL_LIMIT)
		return -1;
	if (channel->input.length - sizeof prefix < length)
		return 0;
	if (has_descriptor && channel->descriptor_count == 0)
		return -1;

	*descriptor = -1;
	if (has_descriptor) {
		*descriptor = channel->descriptors[0];
		channel->descriptor_count--;
		memmove(channel->descriptors, channel->descriptors + 1,
		    channel->descriptor_count * sizeof channel->descriptors[0]);
	}
	buffer_append(message, channel->input.start + sizeof prefix, length);
	buffer_consume(&channel->input, sizeof prefix + length);
	return 1;
}

int channel_wait(struct channel *channel, struct buffer *message, int *descriptor)
{
	int taken;

	while ((taken = channel_take(channel, message, descriptor)) == 0)
		if (channel_fill(channel) <= 0)
			return 0;
	return taken;
}
