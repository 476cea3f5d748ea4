/* SPDX-License-Identifier: MIT */

#include "import/dsn.h"

#include <string.h>

#include "base/memory.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *dsn_decode(struct span text)
{
	char *plain = memory_allocate(text.length + 1);
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		int high = i + 2 < text.length ? hex_digit(text.start[i + 1]) : -1;
		int low = i + 2 < text.length ? hex_digit(text.start[i + 2]) : -1;

		if (text.start[i] == '%' && high >= 0 && low >= 0 && high * 16 + low >= 0x20) {
			plain[length++] = (char)(high * 16 + low);
			i += 2;
		} else {
			plain[length++] = text.start[i];
		}
	}
	return plain;
}

bool dsn_split(struct span text, struct dsn *dsn)
{
	const char *mark = memmem(text.start, text.length, "://", 3);

	if (mark == NULL)
		return false;
	*dsn = (struct dsn){ .scheme = span_first(text, (size_t)(mark - text.start)) };
	struct span rest = span_after(text, dsn->scheme.length + 3);
	ssize_t at = span_find_last_byte(rest, '@');

	if (at >= 0) {
		struct span login = span_first(rest, (size_t)at);
		ssize_t colon = span_find_byte(login, ':');

		dsn->user = colon < 0 ? login : span_first(login, (size_t)colon);
		dsn->password = colon < 0 ? span_first(login, 0)
					  : span_after(login, (size_t)colon + 1);
		rest = span_after(rest, (size_t)at + 1);
	}
	ssize_t query = span_find_byte(rest, '?');
	dsn->host = query < 0 ? rest : span_first(rest, (size_t)query);
	dsn->query = query < 0 ? span_first(rest, 0) : span_after(rest, (size_t)query + 1);
	while (dsn->host.length != 0 && dsn->host.start[dsn->host.length - 1] == '/')
		dsn->host.length--;
	return true;
}

struct span dsn_option(const struct dsn *dsn, const char *name)
{
	struct span rest = dsn->query;
	struct span part;

	while (span_take_until(&rest, '&', &part)) {
		ssize_t equal = span_find_byte(part, '=');

		if (equal > 0 &&
		    span_equals_string_ignoring_case(span_first(part, (size_t)equal), name))
			return span_after(part, (size_t)equal + 1);
	}
	return span_first(dsn->query, 0);
}
