/* SPDX-License-Identifier: MIT */

#include "service/successor.h"

#include <poll.h>
#include <stddef.h>

#include "base/memory.h"
#include "net/connect.h"
#include "smtp/client/session.h"

enum {
	TRIES = 4,
	PAUSE = 25,	/* milliseconds, doubled at each: between scan and socket lies a moment */
	TIMEOUT = 5000, /* of each answer; the client's own waits behind it */
};

static int ask(int fd, const char *line)
{
	struct error ignored;
	struct reply reply = { 0 };
	struct stream stream CLEANUP(stream_finish) = { 0 };
	struct session session CLEANUP(session_finish) = { 0 };
	struct smarthost service = { .is_loopback = true };
	const struct session_settings settings = {
		.smarthost = &service,
		.hello = "localhost",
		.timeouts = { .greeting = TIMEOUT, .hello = TIMEOUT, .quit = TIMEOUT },
	};

	stream_init_take_fd(&stream, fd, fd, "the next service");
	if (session_open(&session, &stream, &settings, &ignored) < 0 ||
	    session_command(&session, line, NULL, TIMEOUT, &reply, &ignored) < 0)
		return -1;
	session_quit(&session);
	return reply.code == 250 ? 0 : -1;
}

int successor_tell(const char *spool, const char *id, bool is_later)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", spool);
	char *line CLEANUP(memory_free_string) = memory_format(
	    "XQUEUE ADD %s%s\r\n", id, is_later ? " LATER" : "");
	struct error ignored;

	for (int i = 0, pause = PAUSE; i < TRIES; i++, pause *= 2) {
		int fd = connect_unix(path, &ignored);

		if (fd >= 0 && ask(fd, line) == 0)
			return 0;
		(void)poll(NULL, 0, pause);
	}
	return -1;
}
