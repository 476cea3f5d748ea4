/* SPDX-License-Identifier: MIT */

/* Enhanced status codes.  First octet: which class. */

#include "smtp/status.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char classes[] = "245";
	struct span input = fuzz_input(data, size);
	char class_digit = classes[fuzz_take(&input) % 3];
	char status[STATUS_SIZE];
	char again[STATUS_SIZE];
	size_t taken;

	memset(status, 'x', sizeof status);
	taken = status_parse(input, class_digit, status);
	assert(taken <= input.length && memchr(status, '\0', sizeof status) != NULL);
	assert(strlen(status) == taken);
	if (taken == 0)
		return 0;
	assert(status[0] == class_digit && memcmp(status, input.start, taken) == 0);
	assert(taken == input.length || memchr(" \t\r\n", input.start[taken], 4) != NULL);
	assert(status_parse(span_from_string(status), class_digit, again) == taken);
	assert(strcmp(status, again) == 0);
	return 0;
}
