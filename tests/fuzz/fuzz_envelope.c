/* SPDX-License-Identifier: MIT */

/*
 * The envelope's door.  The input, cut at NULs: what is to be done (first
 * octet of a part), with which address; an original follows a '|'.
 */

#include "message/envelope.h"

#include "message/address.h"
#include "tests/fuzz/fuzz.h"

static void check_addresses(const struct envelope *envelope)
{
	struct error error;
	bool has_8bit = false;

	if (envelope->sender != NULL) {
		assert(address_check(span_from_string(envelope->sender), &error) == 0);
		has_8bit = span_has_8bit(span_from_string(envelope->sender));
	}
	if (envelope->envid != NULL) {
		struct span envid = span_from_string(envelope->envid);

		assert(!span_has_control(envid) && !span_has_8bit(envid));
		assert(envid.length <= ENVELOPE_ENVID_LIMIT);
	}
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];
		struct span address = span_from_string(recipient->address);

		assert(address.length != 0 && address_check(address, &error) == 0);
		assert(recipient->original == NULL ||
		       !span_has_control(span_from_string(recipient->original)));
		assert((recipient->notify & ENVELOPE_NOTIFY_NEVER) == 0 ||
		       recipient->notify == ENVELOPE_NOTIFY_NEVER);
		for (size_t j = 0; j < i; j++)
			assert(!address_equals(
			    address, span_from_string(envelope->recipients[j].address)));
		has_8bit = has_8bit || span_has_8bit(address);
	}
	assert(envelope_needs_smtputf8(envelope) == has_8bit);
}

static void check_copy(const struct envelope *envelope)
{
	CLEANUP(envelope_finish) struct envelope copy = { 0 };

	envelope_copy(envelope, &copy);
	assert(fuzz_is_same_string(copy.sender, envelope->sender));
	assert(fuzz_is_same_string(copy.envid, envelope->envid));
	assert(copy.recipient_count == envelope->recipient_count);
	for (size_t i = 0; i < copy.recipient_count; i++) {
		const struct recipient *a = &copy.recipients[i];
		const struct recipient *b = &envelope->recipients[i];

		assert(strcmp(a->address, b->address) == 0 && a->notify == b->notify);
		assert(fuzz_is_same_string(a->original, b->original));
	}
}

static void add_recipient(struct envelope *envelope, struct span part)
{
	size_t count = envelope->recipient_count;
	struct error error = { 0 };
	unsigned notify = fuzz_take(&part) % 16;
	struct span address = { .start = "" };

	span_take_until(&part, '|', &address);
	int outcome = envelope_add_recipient(envelope, address, part, notify, &error);
	assert(envelope->recipient_count == count + (outcome == 0 ? 1 : 0));
	if (outcome < 0)
		fuzz_check_error(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct span input = fuzz_input(data, size);

	while (input.length != 0) {
		struct span part = fuzz_part(&input);
		struct error error = { 0 };
		int outcome = 0;

		switch (fuzz_take(&part)) {
		case 's':
			outcome = envelope_set_sender(&envelope, part, &error);
			break;
		case 'i':
			outcome = envelope_set_envid(&envelope, part, &error);
			break;
		case 'c':
			envelope_clear(&envelope);
			break;
		default:
			add_recipient(&envelope, part);
			break;
		}
		if (outcome < 0)
			fuzz_check_error(&error);
	}
	check_addresses(&envelope);
	check_copy(&envelope);
	return 0;
}
