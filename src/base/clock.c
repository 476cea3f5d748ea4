/* SPDX-License-Identifier: MIT */

#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t which)
{
	struct timespec now = { 0 };

	(void)clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_deadline(int64_t milliseconds)
{
	int64_t deadline;

	if (__builtin_add_overflow(clock_monotonic(), milliseconds, &deadline))
		return CLOCK_NEVER;
	return deadline;
}

int64_t clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int clock_poll_timeout(int64_t deadline)
{
	if (deadline == CLOCK_NEVER)
		return -1;
	int64_t now = clock_monotonic();
	if (deadline <= now)
		return 0;
	int64_t left = deadline - now;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static const struct unit {
	const char *name;
	int64_t milliseconds;
} units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ "", 1000 },
};

bool clock_parse_duration(struct span text, int64_t *milliseconds)
{
	size_t digits = 0;
	uint64_t number;

	while (digits < text.length && text.start[digits] >= '0' && text.start[digits] <= '9')
		digits++;
	if (!span_to_number(span_first(text, digits), &number) || number > INT64_MAX)
		return false;
	struct span name = span_trim(span_after(text, digits));
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		int64_t product;

		if (!span_equals_string(name, units[i].name))
			continue;
		if (__builtin_mul_overflow((int64_t)number, units[i].milliseconds, &product))
			return false;
		*milliseconds = product;
		return true;
	}
	return false;
}

void clock_format_duration(int64_t milliseconds, char text[static 24])
{
	enum { DAYS, HOURS, MINUTES, SECONDS, COUNT };
	long long parts[COUNT];
	int64_t left = milliseconds > 0 ? milliseconds : 0;

	for (int i = 0; i < COUNT; i++) {
		parts[i] = left / units[i].milliseconds;
		left %= units[i].milliseconds;
	}
	int first = 0;
	while (first < SECONDS && parts[first] == 0)
		first++;
	if (first < SECONDS && parts[first + 1] != 0)
		snprintf(text, 24, "%lld%s%lld%s", parts[first], units[first].name,
		    parts[first + 1], units[first + 1].name);
	else
		snprintf(text, 24, "%lld%s", parts[first], units[first].name);
}
