/* SPDX-License-Identifier: MIT */

/* The answer to EHLO; what was read is written and read again. */

#include "smtp/extension.h"

#include "smtp/reply.h"
#include "tests/fuzz/fuzz.h"

static void check_same(const struct extensions *a, const struct extensions *b)
{
	assert(a->is_extended && b->is_extended);
	assert(a->pipelining == b->pipelining && a->chunking == b->chunking);
	assert(a->eight_bit_mime == b->eight_bit_mime && a->smtputf8 == b->smtputf8);
	assert(a->dsn == b->dsn && a->enhanced_status_codes == b->enhanced_status_codes);
	assert(a->starttls == b->starttls && a->mailchute == b->mailchute);
	assert(a->size == b->size && a->size_limit == b->size_limit);
	assert(a->mailchute_limit == b->mailchute_limit && strcmp(a->auth, b->auth) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer lines = { 0 };
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct extensions first;
	struct extensions again;

	extension_parse(fuzz_input(data, size), &first);
	assert(!span_has_control(span_from_string(first.auth)));
	assert(!span_has_control(span_from_string(first.name)));
	assert(strlen(first.auth) < sizeof first.auth && strlen(first.name) < sizeof first.name);
	assert(first.size || first.size_limit == 0);
	assert(first.mailchute || first.mailchute_limit == 0);

	buffer_init(&lines, 1 << 16);
	buffer_init(&output, 1 << 16);
	extension_write(&first, first.name[0] != '\0' ? first.name : "host", &lines);
	reply_write(&output, 250, "", buffer_string(&lines));
	extension_parse(buffer_span(&output), &again);
	check_same(&first, &again);
	if (first.name[0] != '\0')
		assert(strcmp(first.name, again.name) == 0);
	return 0;
}
