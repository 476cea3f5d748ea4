/* SPDX-License-Identifier: MIT */

/* Durations, and how they are shown. */

#include "base/clock.h"

#include "tests/fuzz/fuzz.h"

/* Digits and a unit, told once more and in wider numbers. */
static bool expect(struct span text, __int128 *milliseconds)
{
	static const struct {
		const char *name;
		int64_t factor;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	size_t i = 0;

	*milliseconds = 0;
	for (; i < text.length && text.start[i] >= '0' && text.start[i] <= '9'; i++)
		if (*milliseconds <= INT64_MAX)
			*milliseconds = *milliseconds * 10 + (text.start[i] - '0');
	for (size_t j = 0; i != 0 && j < sizeof units / sizeof units[0]; j++)
		if (span_equals_string(span_trim(span_after(text, i)), units[j].name)) {
			*milliseconds *= units[j].factor;
			return *milliseconds <= INT64_MAX;
		}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	int64_t milliseconds = -1;
	__int128 expected;
	char text[24];
	bool is_one = clock_parse_duration(input, &milliseconds);

	assert(is_one == expect(input, &expected));
	assert(milliseconds == (is_one ? expected : -1));
	memset(text, 'x', sizeof text);
	clock_format_duration(milliseconds, text);
	assert(memchr(text, '\0', sizeof text) != NULL && text[0] != '\0');
	return 0;
}
