/* SPDX-License-Identifier: MIT */

/* What a worker answers: what is decoded is encoded and decoded to the same, and fit to be shown.
 */

#include "delivery/result.h"

#include "tests/fuzz/fuzz.h"

static void check_status(const char *status)
{
	char again[STATUS_SIZE];

	if (status[0] != '\0')
		assert(status_parse(span_from_string(status), status[0], again) == strlen(status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer first = { 0 };
	CLEANUP(buffer_finish) struct buffer second = { 0 };
	struct result result;
	struct result again;
	struct error error = { 0 };

	if (result_decode(fuzz_input(data, size), &result, &error) < 0) {
		fuzz_check_error(&error);
		return 0;
	}
	assert(!span_has_control(span_from_string(result.text)));
	assert(!span_has_control(span_from_string(result.fact)));
	assert(!span_has_control(span_from_string(result.error.text)));
	assert(!span_has_control(span_from_string(result.error.next)));
	check_status(result.status);
	check_status(result.error.status);
	assert(result.outcome <= RESULT_IN_DOUBT && result.code >= 0 && result.step >= 0);
	buffer_init(&first, 1 << 16);
	buffer_init(&second, 1 << 16);
	result_encode(&result, &first);
	assert(result_decode(buffer_span(&first), &again, &error) == 0);
	result_encode(&again, &second);
	assert(span_equals(buffer_span(&first), buffer_span(&second)));
	return 0;
}
