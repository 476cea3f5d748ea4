/* SPDX-License-Identifier: MIT */

#include "service/predecessor.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "net/connect.h"

enum { PATIENCE = 2000 }; /* milliseconds, for its greeting */

/* "220 host.example.org ESMTP mailchute spool 0123456789abcdef" */
static const char on_demand[] = " ESMTP mailchute spool ";

static bool was_started_on_demand(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char greeting[400] = { 0 };

	/* It is short, and sent at once. */
	return poll(&ready, 1, PATIENCE) == 1 && read(fd, greeting, sizeof greeting - 1) > 0 &&
	       strncmp(greeting, "220 ", 4) == 0 && strstr(greeting, on_demand) != NULL;
}

bool predecessor_dismiss(const char *spool)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", spool);
	struct error ignored;
	int fd CLEANUP(file_close) = connect_unix(path, &ignored);
	struct ucred other;
	socklen_t size = sizeof other;

	/* The kernel names who listens; 0 is one whom another process namespace hides. */
	return fd >= 0 && was_started_on_demand(fd) &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 && other.pid > 0 &&
	       other.uid == geteuid() && kill(other.pid, SIGTERM) == 0;
}
