/* SPDX-License-Identifier: MIT */

#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "base/text.h"

static int fail_lookup(const char *host, int code, struct error *error)
{
	int number = errno;

	if (code == EAI_NONAME || code == EAI_NODATA) {
		error_set(error, ERROR_NO_HOST, "5.1.2", "there is no host %s: %s", host,
		    gai_strerror(code));
		(void)error_code(error, "MC-DNS-09");
		return error_next(error, "check the spelling of the name");
	}
	error_set(error, ERROR_UNAVAILABLE, "4.4.3", "cannot look up the address of %s: %s", host,
	    code == EAI_SYSTEM ? strerror(number) : gai_strerror(code));
	(void)error_code(error, "MC-DNS-09");
	(void)error_means(error, "the resolver gives no answer: no network yet, or no way out of "
				 "this container to port 53");
	return error_next(error, "check the nameserver in /etc/resolv.conf and the network; docker "
				 "run --dns 1.1.1.1, or the network's \"internal: true\"; in "
				 "Kubernetes the egress policy for port 53");
}

static bool is_known(const struct resolve_result *result, const struct addrinfo *found)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->addresses[i].length == found->ai_addrlen &&
		    memcmp(&result->addresses[i].address, found->ai_addr, found->ai_addrlen) == 0)
			return true;
	return false;
}

static void add_address(struct resolve_result *result, const struct addrinfo *found)
{
	struct resolve_address *address = &result->addresses[result->count];

	if (found->ai_addrlen > sizeof address->address || is_known(result, found))
		return;
	memcpy(&address->address, found->ai_addr, found->ai_addrlen);
	address->length = found->ai_addrlen;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, address->text, sizeof address->text,
		NULL, 0, NI_NUMERICHOST) == 0)
		result->count++;
}

/* Takes at most limit addresses of the family, or of all others. */
static void collect(struct resolve_result *result, const struct addrinfo *list, int family,
    bool is_same, size_t limit)
{
	for (; list != NULL && result->count < limit; list = list->ai_next)
		if ((list->ai_family == family) == is_same)
			add_address(result, list);
}

void resolve_take(const struct addrinfo *list, struct resolve_result *result)
{
	struct resolve_result first = { 0 };
	struct resolve_result second = { 0 };

	/* Each family has the whole room to itself first, so that neither pushes the other out. */
	collect(&first, list, list->ai_family, true, RESOLVE_LIMIT);
	collect(&second, list, list->ai_family, false, RESOLVE_LIMIT);
	for (size_t i = 0; i < RESOLVE_LIMIT; i++) {
		if (i < first.count && result->count < RESOLVE_LIMIT)
			result->addresses[result->count++] = first.addresses[i];
		if (i < second.count && result->count < RESOLVE_LIMIT)
			result->addresses[result->count++] = second.addresses[i];
	}
}

/* RFC 6761, 6.3: these are loopback whatever a resolver says, and without one too. */
static bool is_localhost(const char *host)
{
	struct span name = span_from_string(host);

	if (name.length != 0 && name.start[name.length - 1] == '.')
		name.length--;
	return span_equals_string_ignoring_case(name, "localhost") ||
	       span_ends_with_ignoring_case(name, ".localhost");
}

static void add_loopback(uint16_t port, struct resolve_result *result)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	*result = (struct resolve_result){ .count = 2 };
	memcpy(&result->addresses[0].address, &four, sizeof four);
	result->addresses[0].length = sizeof four;
	text_copy(result->addresses[0].text, sizeof result->addresses[0].text, "127.0.0.1");
	memcpy(&result->addresses[1].address, &six, sizeof six);
	result->addresses[1].length = sizeof six;
	text_copy(result->addresses[1].text, sizeof result->addresses[1].text, "::1");
}

int resolve_host(
    const char *host, uint16_t port, struct resolve_result *result, struct error *error)
{
	/* Not AI_ADDRCONFIG: it hides addresses where only loopback is up; the race sorts out. */
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	struct resolve_result found = { 0 };
	char service[8];

	if (is_localhost(host)) {
		add_loopback(port, result);
		return 0;
	}
	snprintf(service, sizeof service, "%u", port);
	int code = getaddrinfo(host, service, &hints, &list);
	if (code != 0)
		return fail_lookup(host, code, error);
	resolve_take(list, &found);
	freeaddrinfo(list);
	if (found.count == 0)
		return fail_lookup(host, EAI_NONAME, error);
	*result = found;
	return 0;
}

static int family_of(const struct resolve_address *address)
{
	return address->address.ss_family == AF_INET6 ? 6 : 4;
}

int resolve_host_in(
    const char *host, uint16_t port, int family, struct resolve_result *result, struct error *error)
{
	struct resolve_result found;
	struct resolve_result kept = { 0 };

	if (resolve_host(host, port, &found, error) < 0)
		return -1;
	/* Asked for all the same, so that the error can tell what there is. */
	for (size_t i = 0; i < found.count; i++)
		if (family == 0 || family_of(&found.addresses[i]) == family)
			kept.addresses[kept.count++] = found.addresses[i];
	if (kept.count == 0) {
		error_set(error, ERROR_UNAVAILABLE, "4.4.4", "%s has no IPv%d address, only %s",
		    host, family, found.addresses[0].text);
		return error_next(error, "check ip and source of the smarthost");
	}
	*result = kept;
	return 0;
}
