/* SPDX-License-Identifier: MIT */

#include "config/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/span.h"

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

char *host_fully_qualified(void)
{
	CLEANUP(memory_free_string) char *name = host_name();
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char *canonical = NULL;

	if (strchr(name, '.') != NULL)
		return is_fully_qualified(name) ? memory_copy_string(name) : NULL;
	if (strcmp(name, "localhost") == 0 || getaddrinfo(name, NULL, &hints, &found) != 0)
		return NULL;
	if (found->ai_canonname != NULL && is_fully_qualified(found->ai_canonname))
		canonical = memory_copy_string(found->ai_canonname);
	freeaddrinfo(found);
	return canonical;
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
