/* SPDX-License-Identifier: MIT */

/* One address, or two with a NUL between. */

#include "message/address.h"

#include "message/address_list.h"
#include "tests/fuzz/fuzz.h"

static int keep(void *context, const struct mailbox *mailbox)
{
	struct buffer *found = context;

	if (mailbox->address == NULL)
		return 1;
	buffer_append_string(found, mailbox->address);
	return 0;
}

static void check_split(struct span text)
{
	struct address address = address_split(text);
	size_t at = address_is_bare(text) ? 0 : 1;

	assert(address.local.length + at + address.domain.length == text.length);
	assert(address.local.start == text.start);
	assert(at == 0 || text.start[address.local.length] == '@');
}

/* An address that may stand in a command is one that a field may hold. */
static void check_taken(struct span text)
{
	CLEANUP(buffer_finish) struct buffer found = { 0 };
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	struct error error;

	assert(text.length <= ADDRESS_LIMIT && !span_has_control(text));
	assert(address_fault(text) == NULL && address_equals(text, text));
	buffer_init(&found, 4 * ADDRESS_LIMIT);
	buffer_init(&again, 4 * ADDRESS_LIMIT);
	if (address_list_visit(text, keep, &found) != 0)
		return;
	/* The normal form of a normal form is that. */
	assert(address_check(buffer_span(&found), &error) == 0);
	assert(address_list_visit(buffer_span(&found), keep, &again) == 0);
	assert(span_equals(buffer_span(&found), buffer_span(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	struct span first = fuzz_part(&input);
	struct error error = { 0 };

	check_split(first);
	assert(address_equals(first, input) == address_equals(input, first));
	if (address_check(first, &error) == 0) {
		check_taken(first);
	} else {
		fuzz_check_error(&error);
		assert(strcmp(error.status, "5.1.3") == 0);
		assert(address_fault(first) != NULL);
	}
	(void)address_check(input, &error);
	return 0;
}
