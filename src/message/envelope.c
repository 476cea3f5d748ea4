/* SPDX-License-Identifier: MIT */

#include "message/envelope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/address.h"

static void finish_recipient(struct recipient *recipient)
{
	free(recipient->address);
	free(recipient->original);
	*recipient = (struct recipient){ 0 };
}

void envelope_clear(struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->recipient_count; i++)
		finish_recipient(&envelope->recipients[i]);
	envelope->recipient_count = 0;
	memory_free_string(&envelope->sender);
	memory_free_string(&envelope->envid);
	envelope->return_content = ENVELOPE_RETURN_UNSAID;
}

void envelope_finish(struct envelope *envelope)
{
	envelope_clear(envelope);
	free(envelope->recipients);
	*envelope = (struct envelope){ 0 };
}

int envelope_set_sender(struct envelope *envelope, struct span address, struct error *error)
{
	if (address_check(address, error) < 0)
		return -1;
	char *copy = span_copy(address);
	free(envelope->sender);
	envelope->sender = copy;
	return 0;
}

int envelope_set_envid(struct envelope *envelope, struct span envid, struct error *error)
{
	if (envid.length == 0)
		return error_set(error, ERROR_USAGE, "5.5.4", "the envelope ID (ENVID) is empty");
	if (envid.length > ENVELOPE_ENVID_LIMIT)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "the envelope ID (ENVID) is longer than %d characters", ENVELOPE_ENVID_LIMIT);
	if (span_has_control(envid) || span_has_8bit(envid))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "the envelope ID (ENVID) may hold printable ASCII only");
	char *copy = span_copy(envid);
	free(envelope->envid);
	envelope->envid = copy;
	return 0;
}

/* FNV-1a over the address in lower case, so that equal addresses have equal hashes. */
static uint32_t hash_address(struct span address)
{
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < address.length; i++) {
		unsigned char c = (unsigned char)address.start[i];

		hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20U : c)) * UINT32_C(16777619);
	}
	return hash;
}

static bool has_recipient(const struct envelope *envelope, struct span address, uint32_t hash)
{
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const struct recipient *other = &envelope->recipients[i];

		if (other->hash == hash &&
		    address_equals(span_from_string(other->address), address))
			return true;
	}
	return false;
}

static int check_original(struct span original, struct error *error)
{
	if (original.length > ENVELOPE_ORIGINAL_LIMIT)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "the original recipient is longer than %d characters", ENVELOPE_ORIGINAL_LIMIT);
	if (span_has_control(original))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "the original recipient <%.*s> holds a control character", span_int(original),
		    original.start);
	return 0;
}

static int check_recipient(
    struct span address, struct span original, unsigned notify, struct error *error)
{
	if (address.length == 0)
		return error_set(error, ERROR_DATA, "5.1.3", "the recipient's address is empty");
	if (address_check(address, error) < 0 || check_original(original, error) < 0)
		return -1;
	/* RFC 3461, 4.1: NEVER stands alone. */
	if ((notify & ENVELOPE_NOTIFY_NEVER) != 0 && notify != ENVELOPE_NOTIFY_NEVER)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "NOTIFY=NEVER cannot be combined with other values, for <%.*s>",
		    span_int(address), address.start);
	return 0;
}

/* The strings become the envelope's. */
static void append_recipient(struct envelope *envelope, struct recipient recipient)
{
	if (envelope->recipient_count == envelope->recipient_capacity) {
		size_t capacity = envelope->recipient_capacity;

		envelope->recipient_capacity = capacity != 0 ? 2 * capacity : 4;
		envelope->recipients = memory_resize_array(envelope->recipients,
		    envelope->recipient_capacity, sizeof *envelope->recipients);
	}
	envelope->recipients[envelope->recipient_count++] = recipient;
}

int envelope_add_recipient(struct envelope *envelope, struct span address, struct span original,
    unsigned notify, struct error *error)
{
	uint32_t hash = hash_address(address);

	if (check_recipient(address, original, notify, error) < 0)
		return -1;
	if (has_recipient(envelope, address, hash))
		return 1;
	if (envelope->recipient_count >= ENVELOPE_RECIPIENT_LIMIT) {
		error_set(error, ERROR_UNAVAILABLE, "4.5.3",
		    "too many recipients: one message takes %d, <%.*s> is one more",
		    ENVELOPE_RECIPIENT_LIMIT, span_int(address), address.start);
		return error_next(error, "send the message to the rest in another call");
	}
	append_recipient(
	    envelope, (struct recipient){
			  .address = span_copy(address),
			  .original = original.length != 0 ? span_copy(original) : NULL,
			  .notify = notify,
			  .hash = hash,
		      });
	return 0;
}

static char *copy_optional(const char *string)
{
	return string != NULL ? memory_copy_string(string) : NULL;
}

void envelope_copy(const struct envelope *envelope, struct envelope *copy)
{
	assert(copy->recipient_count == 0 && copy->sender == NULL && copy->envid == NULL);
	copy->sender = copy_optional(envelope->sender);
	copy->envid = copy_optional(envelope->envid);
	copy->return_content = envelope->return_content;
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		struct recipient recipient = envelope->recipients[i];

		recipient.address = memory_copy_string(recipient.address);
		recipient.original = copy_optional(recipient.original);
		append_recipient(copy, recipient);
	}
}

bool envelope_needs_smtputf8(const struct envelope *envelope)
{
	if (envelope->sender != NULL && span_has_8bit(span_from_string(envelope->sender)))
		return true;
	for (size_t i = 0; i < envelope->recipient_count; i++)
		if (span_has_8bit(span_from_string(envelope->recipients[i].address)))
			return true;
	return false;
}
