/* SPDX-License-Identifier: MIT */

#include "config/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/span.h"
#include "base/text.h"

enum {
	NAME_SIZE = 256,
	PATIENCE = 2000,    /* milliseconds that a name server is waited for */
	ASK_AGAIN = 300000, /* after so long, where there was no name */
};

/* The last answer of the resolver: to ask it for every message would be a wait for every message.
 */
static struct {
	char name[NAME_SIZE]; /* "" before the first question */
	char full[NAME_SIZE]; /* "" without one */
	int64_t asked_at;
} known;

static bool is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '.';
}

char *host_name(void)
{
	char name[256] = { 0 };

	if (gethostname(name, sizeof name - 1) < 0 || name[0] == '\0')
		return memory_copy_string("localhost");
	for (char *p = name; *p != '\0'; p++)
		if (!is_name_byte(*p))
			*p = '-';
	return memory_copy_string(name);
}

/* A name that says where in the world this is: has a dot inside, is not "localhost.*". */
static bool is_fully_qualified(const char *name)
{
	struct span span = span_from_string(name);

	if (span_starts_with_ignoring_case(span, "localhost.") || span.length == 0)
		return false;
	for (size_t i = 0; i < span.length; i++)
		if (!is_name_byte(name[i]))
			return false;
	return name[0] != '.' && span_find_byte(span, '.') >= 0 && name[span.length - 1] != '.';
}

/* Never returns: the process is another's, who ends it when it takes too long. */
static void answer(const char *name, int fd)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	/* Nothing of ours, a spool's lock say, is to be held for as long as libc waits. */
	process_close_all_but(&fd, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getaddrinfo(name, NULL, &hints, &found) == 0 && found->ai_canonname != NULL &&
	    is_fully_qualified(found->ai_canonname))
		(void)!write(fd, found->ai_canonname, strnlen(found->ai_canonname, NAME_SIZE - 1));
	_exit(0);
}

static bool is_answered(int fd)
{
	int64_t deadline = clock_deadline(PATIENCE);
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	int count;

	do
		count = poll(&polled, 1, clock_poll_timeout(deadline));
	while (count < 0 && errno == EINTR);
	return count > 0;
}

/* full has NAME_SIZE bytes, and stays as it is without an answer. */
static void ask(const char *name, char *full)
{
	char text[NAME_SIZE] = { 0 };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid_t child = fork();
	if (child == 0)
		answer(name, ends[1]);
	file_close(&ends[1]);
	if (child > 0 && is_answered(ends[0])) {
		if (read(ends[0], text, sizeof text - 1) > 0)
			text_copy(full, NAME_SIZE, text);
	} else if (child > 0)
		(void)kill(child, SIGKILL);
	file_close(&ends[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static bool must_ask(const char *name)
{
	return strcmp(known.name, name) != 0 ||
	       (known.full[0] == '\0' && clock_monotonic() >= known.asked_at + ASK_AGAIN);
}

char *host_fully_qualified(void)
{
	CLEANUP(memory_free_string) char *name = host_name();

	if (strchr(name, '.') != NULL)
		return is_fully_qualified(name) ? memory_copy_string(name) : NULL;
	if (strcmp(name, "localhost") == 0)
		return NULL;
	if (must_ask(name)) {
		text_copy(known.name, sizeof known.name, name);
		known.full[0] = '\0';
		ask(name, known.full);
		known.asked_at = clock_monotonic();
	}
	return known.full[0] != '\0' ? memory_copy_string(known.full) : NULL;
}

void host_forget(void)
{
	known.name[0] = '\0';
}

/* RFC 5321, 4.1.3; link-local addresses say nothing to the other end. */
static char *literal_of(const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *four = (const void *)address;

		inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
		return strncmp(text, "169.254.", 8) != 0 ? memory_format("[%s]", text) : NULL;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const void *)address;

		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
		return !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) ? memory_format("[IPv6:%s]", text)
							       : NULL;
	}
	return NULL;
}

static char *literal_of_family(const struct ifaddrs *interfaces, int family)
{
	for (const struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next) {
		if (one->ifa_addr == NULL || one->ifa_addr->sa_family != family ||
		    (one->ifa_flags & IFF_LOOPBACK) != 0 || (one->ifa_flags & IFF_UP) == 0)
			continue;
		char *literal = literal_of(one->ifa_addr);
		if (literal != NULL)
			return literal;
	}
	return NULL;
}

char *host_address_literal(void)
{
	struct ifaddrs *interfaces = NULL;
	char *literal = NULL;

	if (getifaddrs(&interfaces) == 0) {
		literal = literal_of_family(interfaces, AF_INET);
		if (literal == NULL)
			literal = literal_of_family(interfaces, AF_INET6);
		freeifaddrs(interfaces);
	}
	return literal != NULL ? literal : memory_copy_string("[127.0.0.1]");
}
