/* SPDX-License-Identifier: MIT */

/*
 * The sender fields of a header, rewritten.  The first octet chooses the policy
 * and the rest is the header: what is no sender's field stays as it is, no field
 * goes, at most a Reply-To comes, and under rewrite nobody is left in the fields
 * who is not allowed.
 */

#include "policy/sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/address_list.h"
#include "message/body.h"
#include "tests/fuzz/fuzz.h"

static char from[] = "alerts@x.example";
static char pattern[] = "*@d.example";
static char *allowed[] = { pattern };

/* As it is received. */
static void read_header(struct header *header, struct span text)
{
	CLEANUP(buffer_finish) struct buffer wire = { 0 };
	struct body lines;
	struct span body;

	buffer_init(&wire, 2 * text.length + 100);
	body_init(&lines, false);
	(void)body_convert(&lines, text, &wire);
	body_finish(&lines, &wire);
	header_init(header);
	header_feed(header, buffer_span(&wire), &body);
	if (!header->is_complete)
		header_end(header, &body);
	header_mask_nul(header);
	header_fold(header);
}

static bool is_sender_field(const struct field *field)
{
	return field_is(field, "From") || field_is(field, "Sender") ||
	       field_is(field, "Resent-From");
}

static int check_mailbox(void *context, const struct mailbox *mailbox)
{
	const char *reason;

	if (mailbox->address != NULL && mailbox->address[0] != '\0')
		assert(sender_judge(context, mailbox->address, &reason) == SENDER_STAYS);
	return 0;
}

static void check_rewritten(struct smarthost *smarthost, const struct header *header)
{
	static const char *const names[] = { "From", "Sender" };

	for (size_t i = 0; i < 2; i++)
		for (ssize_t at = header_find(header, names[i], 0); at >= 0;
		     at = header_find(header, names[i], (size_t)at + 1))
			(void)address_list_visit(
			    header_field(header, (size_t)at).value, check_mailbox, smarthost);
}

static void check_others(const struct header *before, const struct header *after)
{
	size_t count = before->count;

	assert(after->count == count || after->count == count + 1);
	if (after->count > count) {
		struct field last = header_field(after, count);

		assert(field_is(&last, "Reply-To") && !header_has(before, "Reply-To"));
	}
	for (size_t i = 0; i < count; i++) {
		struct field field = header_field(before, i);
		struct field now = header_field(after, i);

		assert(span_equals(field.name, now.name));
		assert(is_sender_field(&field) || span_equals(field.whole, now.whole));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = fuzz_input(data, size);
	CLEANUP(header_finish) struct header before = { 0 };
	CLEANUP(header_finish) struct header after = { 0 };
	struct smarthost smarthost = {
		.name = from, .from = from, .from_allow = allowed, .from_allow_count = 1
	};
	const struct config_place place = { .file = from };
	struct error error;

	if (size == 0)
		return 0;
	unsigned choice = (unsigned char)text.start[0] % 6;
	smarthost.from_policy = (enum smarthost_from_policy)(choice % 5);
	read_header(&before, span_after(text, 1));
	read_header(&after, span_after(text, 1));
	if (choice == 5)
		sender_replace_header(&smarthost, &after);
	else
		sender_rewrite_header(&smarthost, &after);
	check_others(&before, &after);
	if (smarthost.from_policy == SMARTHOST_FROM_REWRITE)
		check_rewritten(&smarthost, &after);
	(void)sender_check(&smarthost, &place, "a@d.example", &before, &error);
	free(sender_author(&before));
	return 0;
}
