/* SPDX-License-Identifier: MIT */

#include "spool/queue_records.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spool/queue_id.h"
#include "spool/record.h"

static void append_string(struct buffer *buffer, const char *name, const char *value)
{
	if (value != NULL)
		record_append(buffer, name, '\0', span_from_string(value));
}

static void append_number(struct buffer *buffer, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, number);
	append_string(buffer, name, text);
}

static void append_recipient(struct buffer *buffer, const struct recipient *recipient)
{
	record_append(buffer, "recipient", RECIPIENT_WAITING, span_from_string(recipient->address));
	append_string(buffer, "original", recipient->original);
	if (recipient->notify != 0)
		append_number(buffer, "notify", recipient->notify);
}

static const char *return_name(enum envelope_return content)
{
	switch (content) {
	case ENVELOPE_RETURN_FULL:
		return "full";
	case ENVELOPE_RETURN_HEADER:
		return "header";
	case ENVELOPE_RETURN_UNSAID:
		break;
	}
	return NULL;
}

void queue_records_write(const struct envelope *envelope, const struct queue_attributes *attributes,
    struct buffer *buffer)
{
	assert(envelope->sender != NULL && envelope->recipient_count != 0);
	append_string(buffer, "sender", envelope->sender);
	append_string(buffer, "envid", envelope->envid);
	append_string(buffer, "return", return_name(envelope->return_content));
	append_number(buffer, "received", attributes->received);
	append_number(buffer, "uid", attributes->uid);
	append_string(buffer, "entrance", attributes->entrance);
	append_string(buffer, "full-name", attributes->full_name);
	append_string(buffer, "report", attributes->is_report ? "yes" : "no");
	if (attributes->about[0] != '\0')
		append_string(buffer, "about", attributes->about);
	if (attributes->sender_is_local)
		append_string(buffer, "local-sender", "yes");
	for (size_t i = 0; i < envelope->recipient_count; i++)
		append_recipient(buffer, &envelope->recipients[i]);
	buffer_append_byte(buffer, '\n');
}

static bool is_recipient_mark(char mark)
{
	return mark == RECIPIENT_WAITING || mark == RECIPIENT_DELIVERED ||
	       mark == RECIPIENT_FAILED || mark == RECIPIENT_IN_DOUBT ||
	       mark == RECIPIENT_REPORTED || mark == RECIPIENT_UNTOLD;
}

/* Takes the next record off rest: 1, 0 at the empty line that ends them, -1. */
static int take_record(struct span *rest, struct record *record)
{
	if (span_equals_string(*rest, "\n"))
		return 0;
	ssize_t taken = record_parse(*rest, record);
	if (taken <= 0)
		return -1;
	*rest = span_after(*rest, (size_t)taken);
	return 1;
}

const char *queue_records_take_marks(
    struct buffer *records, size_t count, char *marks, uint64_t *offsets)
{
	struct span rest = buffer_span(records);
	struct record record;
	size_t found = 0;
	int outcome;

	for (;;) {
		size_t start = records->length - rest.length;

		outcome = take_record(&rest, &record);
		if (outcome <= 0)
			break;
		if (record.mark == '\0')
			continue;
		if (!is_recipient_mark(record.mark) || found == count)
			return "a recipient's mark is none";
		marks[found] = record.mark;
		offsets[found] = start + record.mark_offset;
		records->start[offsets[found]] = RECIPIENT_WAITING;
		found++;
	}
	if (outcome < 0)
		return "its records are not to the form";
	return found == count ? NULL : "its recipients are not as many as they should be";
}

/* What the readers of single records share. */
struct reading {
	struct envelope *envelope;
	struct queue_attributes *attributes;
	struct error error; /* of the envelope's door */
};

static bool read_sender(struct reading *reading, struct span value)
{
	return reading->envelope->sender == NULL &&
	       envelope_set_sender(reading->envelope, value, &reading->error) == 0;
}

static bool read_envid(struct reading *reading, struct span value)
{
	return envelope_set_envid(reading->envelope, value, &reading->error) == 0;
}

static bool read_return(struct reading *reading, struct span value)
{
	bool is_full = span_equals_string(value, "full");

	reading->envelope->return_content = is_full ? ENVELOPE_RETURN_FULL : ENVELOPE_RETURN_HEADER;
	return is_full || span_equals_string(value, "header");
}

static bool read_signed(struct span value, int64_t *number)
{
	bool is_negative = span_starts_with(value, "-");
	uint64_t magnitude;

	if (!span_to_number(span_after(value, is_negative ? 1 : 0), &magnitude) ||
	    magnitude > INT64_MAX)
		return false;
	*number = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return true;
}

static bool read_received(struct reading *reading, struct span value)
{
	return read_signed(value, &reading->attributes->received);
}

static bool read_uid(struct reading *reading, struct span value)
{
	return read_signed(value, &reading->attributes->uid);
}

static bool read_string(struct span value, char *string, size_t size)
{
	if (value.length >= size || span_find_byte(value, '\0') >= 0)
		return false;
	memcpy(string, value.start, value.length);
	string[value.length] = '\0';
	return true;
}

static bool read_entrance(struct reading *reading, struct span value)
{
	return read_string(
	    value, reading->attributes->entrance, sizeof reading->attributes->entrance);
}

static bool read_full_name(struct reading *reading, struct span value)
{
	return read_string(
	    value, reading->attributes->full_name, sizeof reading->attributes->full_name);
}

static bool read_report(struct reading *reading, struct span value)
{
	reading->attributes->is_report = span_equals_string(value, "yes");
	return reading->attributes->is_report || span_equals_string(value, "no");
}

static bool read_about(struct reading *reading, struct span value)
{
	return queue_id_is_valid(value) &&
	       read_string(value, reading->attributes->about, sizeof reading->attributes->about);
}

static bool read_local_sender(struct reading *reading, struct span value)
{
	reading->attributes->sender_is_local = span_equals_string(value, "yes");
	return reading->attributes->sender_is_local;
}

static const struct reader {
	const char *name;
	bool (*read)(struct reading *reading, struct span value);
} readers[] = {
	{ "sender", read_sender },
	{ "envid", read_envid },
	{ "return", read_return },
	{ "received", read_received },
	{ "uid", read_uid },
	{ "entrance", read_entrance },
	{ "full-name", read_full_name },
	{ "report", read_report },
	{ "about", read_about },
	{ "local-sender", read_local_sender },
};

static bool read_attribute(struct reading *reading, const struct record *record)
{
	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
		if (span_equals_string(record->name, readers[i].name))
			return record->mark == '\0' && readers[i].read(reading, record->value);
	return false;
}

/* Takes the record off rest if it has this name; else value is empty. */
static void take_optional(struct span *rest, const char *name, struct span *value)
{
	struct span after = *rest;
	struct record record;

	*value = span_from_string("");
	if (take_record(&after, &record) <= 0 || record.mark != '\0' ||
	    !span_equals_string(record.name, name))
		return;
	*value = record.value;
	*rest = after;
}

static bool read_recipient(struct reading *reading, struct span address, struct span *rest)
{
	struct span original;
	struct span notify;
	uint64_t bits = 0;

	take_optional(rest, "original", &original);
	take_optional(rest, "notify", &notify);
	if (notify.length != 0 && (!span_to_number(notify, &bits) || bits > 15))
		return false;
	return envelope_add_recipient(
		   reading->envelope, address, original, (unsigned)bits, &reading->error) == 0;
}

const char *queue_records_parse(
    struct span records, struct envelope *envelope, struct queue_attributes *attributes)
{
	struct reading reading = { envelope, attributes, { 0 } };
	struct span rest = records;
	struct record record;
	int outcome;

	while ((outcome = take_record(&rest, &record)) > 0) {
		if (record.mark != '\0') {
			if (!span_equals_string(record.name, "recipient") ||
			    !read_recipient(&reading, record.value, &rest))
				return "a recipient in it is malformed";
		} else if (!read_attribute(&reading, &record)) {
			return "a record in it is malformed or unknown";
		}
	}
	if (outcome < 0)
		return "its records are not to the form";
	if (envelope->sender == NULL || envelope->recipient_count == 0)
		return "it has no sender or no recipient";
	return NULL;
}

/* They stand before the recipients. */
void queue_records_find_submitter(struct span records, int64_t *uid, bool *is_report)
{
	struct record record;

	*uid = -1;
	*is_report = false;
	while (take_record(&records, &record) > 0 && record.mark == '\0') {
		if (span_equals_string(record.name, "uid") && !read_signed(record.value, uid))
			*uid = -1;
		if (span_equals_string(record.name, "report"))
			*is_report = span_equals_string(record.value, "yes");
	}
}
