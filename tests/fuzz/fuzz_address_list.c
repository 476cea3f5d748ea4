/* SPDX-License-Identifier: MIT */

/*
 * The mailboxes of a field.  Whatever stands between two good ones, both are
 * found, the first first and the last last.
 */

#include "message/address_list.h"

#include "message/address.h"
#include "tests/fuzz/fuzz.h"

struct visits {
	struct span text;
	const char *behind; /* where the last source ended */
	size_t count;
	struct buffer first;
	struct buffer last;
};

static int visit(void *context, const struct mailbox *mailbox)
{
	struct visits *visits = context;
	const char *end = visits->text.start + visits->text.length;
	struct error error;

	assert((mailbox->address == NULL) != (mailbox->fault == NULL));
	assert(mailbox->source.length == 0 ||
	       (mailbox->source.start >= visits->behind &&
		   mailbox->source.start + mailbox->source.length <= end));
	if (mailbox->source.length != 0)
		visits->behind = mailbox->source.start + mailbox->source.length;
	assert(mailbox->display.length == 0 ||
	       (mailbox->display.start >= visits->text.start && mailbox->display.start < end));
	buffer_clear(&visits->last);
	if (mailbox->address != NULL) {
		assert(address_check(span_from_string(mailbox->address), &error) == 0);
		buffer_append_string(&visits->last, mailbox->address);
	}
	if (visits->count++ == 0)
		buffer_append_span(&visits->first, buffer_span(&visits->last));
	return 0;
}

static void begin(struct visits *visits, struct span text)
{
	*visits = (struct visits){ .text = text, .behind = text.start };
	buffer_init(&visits->first, ADDRESS_LIMIT + 1);
	buffer_init(&visits->last, ADDRESS_LIMIT + 1);
}

static void finish(struct visits *visits)
{
	buffer_finish(&visits->first);
	buffer_finish(&visits->last);
}

static void check_alone(struct span text)
{
	struct visits visits;

	begin(&visits, text);
	assert(address_list_visit(text, visit, &visits) == 0);
	assert(visits.count <= text.length);
	finish(&visits);
}

static void check_neighbours(struct span text)
{
	CLEANUP(buffer_finish) struct buffer list = { 0 };
	struct visits visits;

	buffer_init(&list, text.length + 100);
	buffer_append_string(&list, "first@example.org, ");
	buffer_append_span(&list, text);
	buffer_append_string(&list, " , last@example.net");
	begin(&visits, buffer_span(&list));
	assert(address_list_visit(buffer_span(&list), visit, &visits) == 0);
	assert(visits.count >= 2);
	assert(span_equals_string(buffer_span(&visits.first), "first@example.org"));
	assert(span_equals_string(buffer_span(&visits.last), "last@example.net"));
	finish(&visits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_alone(fuzz_input(data, size));
	check_neighbours(fuzz_input(data, size));
	return 0;
}
