/* SPDX-License-Identifier: MIT */

#include "message/report.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "message/date.h"
#include "message/message_id.h"

enum {
	LINE = 76,
	ADDRESS_LENGTH = 900, /* octets of one in a field, whose lines have at most 998 */
	WORDS_LIMIT = 16 << 20,
};

/* ---- fields ---- */

/* One field; words go to the next line where this one is full. */
static void append_field(struct buffer *output, const char *name, struct span value)
{
	size_t column = strlen(name) + 1;
	struct span word;

	buffer_append_string(output, name);
	buffer_append_byte(output, ':');
	while (span_take_word(&value, &word)) {
		word = span_first(word, ADDRESS_LENGTH);
		bool is_full = column + 1 + word.length > LINE && column > strlen(name) + 1;

		buffer_append_string(output, is_full ? "\r\n " : " ");
		column = (is_full ? 1 : column + 1) + word.length;
		for (size_t i = 0; i < word.length; i++)
			buffer_append_byte(output,
			    word.start[i] > ' ' && word.start[i] <= '~' ? word.start[i] : '?');
	}
	buffer_append_string(output, "\r\n");
}

static void append_text_field(struct buffer *output, const char *name, const char *value)
{
	append_field(output, name, span_from_string(value));
}

/* RFC 3464, 2.1.2: "type; value". */
static void append_typed_field(
    struct buffer *output, const char *name, const char *type, struct span value)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, SIZE_MAX / 2);
	buffer_append_string(&text, type);
	buffer_append_string(&text, "; ");
	buffer_append_span(&text, value);
	append_field(output, name, buffer_span(&text));
}

static void append_date_field(struct buffer *output, const char *name, int64_t wall)
{
	char date[DATE_SIZE];

	if (wall == 0)
		return;
	date_format(wall, date);
	append_text_field(output, name, date);
}

/* RFC 6533, 3: utf-8-addr-xtext, which is ASCII. */
static void append_international(struct buffer *output, const char *name, struct span address)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, ADDRESS_LENGTH);
	while (address.length != 0) {
		uint32_t code;
		size_t length = utf8_decode(address, &code);

		if (length == 0)
			buffer_append_byte(&text, '?');
		else if (code >= 0x80 || code == '\\' || code == '+' || code == '=')
			buffer_format(&text, "\\x{%02X}", (unsigned)code);
		else
			buffer_append_byte(&text, (char)code);
		address = span_after(address, length != 0 ? length : 1);
	}
	append_typed_field(output, name, "utf-8", buffer_span(&text));
}

static void append_address_field(struct buffer *output, const char *name, struct span address)
{
	if (span_has_8bit(address))
		append_international(output, name, address);
	else
		append_typed_field(output, name, "rfc822", address);
}

/* The length of "type" in "type;address" (RFC 3461, 4.2), or -1: a plain address. */
static ssize_t find_type_end(struct span original)
{
	ssize_t end = span_find_byte(original, ';');

	for (ssize_t i = 0; i < end; i++)
		if (!isalnum((unsigned char)original.start[i]) && original.start[i] != '-')
			return -1;
	return end > 0 ? end : -1;
}

static void append_original(struct buffer *output, const char *original)
{
	struct span text = span_from_string(original != NULL ? original : "");
	ssize_t end = find_type_end(text);

	if (text.length == 0)
		return;
	struct span address = end >= 0 ? span_after(text, (size_t)end + 1) : text;
	if (end < 0 || span_has_8bit(address)) {
		append_address_field(output, "Original-Recipient", address);
		return;
	}
	char *type CLEANUP(memory_free_string) = span_copy(span_first(text, (size_t)end));
	append_typed_field(output, "Original-Recipient", type, address);
}

/* ---- the header ---- */

static const char *subject_of(enum report_action action)
{
	/* Postfix's words, which readers and their filters know. */
	static const char *const subjects[] = {
		[REPORT_FAILED] = "Undelivered Mail Returned to Sender",
		[REPORT_DELAYED] = "Delayed Mail (still being retried)",
		[REPORT_RELAYED] = "Successful Mail Delivery Report",
		[REPORT_DELIVERED] = "Successful Mail Delivery Report",
	};

	return subjects[action];
}

/* An address that is not ASCII would ask for SMTPUTF8; the envelope has it. */
static void append_to(struct buffer *output, const struct report *report)
{
	bool is_first = true;

	buffer_append_string(output, "To:");
	for (size_t i = 0; i < report->to_count; i++) {
		struct span address = span_from_string(report->to[i]);

		if (span_has_8bit(address) || span_has_control(address) ||
		    address.length > ADDRESS_LENGTH)
			continue;
		buffer_append_string(output, is_first ? " <" : ",\r\n <");
		buffer_append_span(output, address);
		buffer_append_byte(output, '>');
		is_first = false;
	}
	buffer_append_string(output, is_first ? " undisclosed-recipients:;\r\n" : "\r\n");
}

/* The chance to hit what is in a message is that of guessing 128 bits. */
static void make_boundary(char boundary[static REPORT_BOUNDARY_SIZE])
{
	uint64_t random[2];

	random_fill(random, sizeof random);
	snprintf(boundary, REPORT_BOUNDARY_SIZE, "=_report_%016llx%016llx",
	    (unsigned long long)random[0], (unsigned long long)random[1]);
}

static void append_header(struct report *report, struct buffer *output)
{
	char *id CLEANUP(memory_free_string) = message_id_generate(report->domain);

	buffer_append_string(output, "From: \"Mail Delivery System\" <");
	buffer_append_string(output, report->from);
	buffer_append_string(output, ">\r\n");
	append_to(output, report);
	append_text_field(output, "Subject", subject_of(report->action));
	append_date_field(output, "Date", report->now);
	append_text_field(output, "Message-ID", id);
	/* RFC 3834, 5.1: a report is an answer of a machine. */
	append_text_field(output, "Auto-Submitted", "auto-replied");
	append_text_field(output, "MIME-Version", "1.0");
	buffer_format(output,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%s\"\r\n",
	    report->boundary);
	if (report_is_8bit(report))
		append_text_field(output, "Content-Transfer-Encoding", "8bit");
	buffer_append_string(output, "\r\n");
}

/* ---- words for people ---- */

static void append_words(struct buffer *output, struct span text, const char *indent)
{
	size_t column = 0;
	struct span word;

	while (span_take_word(&text, &word)) {
		if (column != 0 && column + 1 + word.length > LINE) {
			buffer_append_string(output, "\r\n");
			column = 0;
		}
		buffer_append_string(output, column == 0 ? indent : " ");
		column += (column == 0 ? strlen(indent) : 1) + word.length;
		utf8_append_shown(output, word);
	}
	if (column != 0)
		buffer_append_string(output, "\r\n");
}

static void append_sentence(struct buffer *output, const char *text)
{
	append_words(output, span_from_string(text), "");
	buffer_append_string(output, "\r\n");
}

static const char *beginning_of(enum report_action action)
{
	static const char *const beginnings[] = {
		[REPORT_FAILED] = "A message could not be delivered to the recipients below, and "
				  "will not be tried again for them.",
		[REPORT_DELAYED] = "A message has not been delivered yet to the recipients below. "
				   "It is still being tried: you need do nothing, and need not "
				   "send it again.",
		[REPORT_RELAYED] = "A message was handed on for the recipients below to a mail "
				   "server that sends no reports of deliveries. You asked for such "
				   "a report; this is the last one there will be, unless the "
				   "delivery fails later.",
		[REPORT_DELIVERED] = "A message was delivered to the recipients below. You asked "
				     "for this report.",
	};

	return beginnings[action];
}

/* What the sender can do about it, by RFC 3463's classes; NULL: nothing that we know. */
static const char *advice_for(const char *status)
{
	static const struct {
		const char *prefix;
		const char *text;
	} rows[] = {
		{ "4.4.7",
		    "It was tried for as long as our settings say. When what is said above is "
		    "mended, send it again." },
		{ "5.1.", "Look whether the address is spelled right, or ask its owner for the "
			  "one in use." },
		{ "5.2.3", "Send it again in smaller pieces." },
		{ "5.3.4", "Send it again in smaller pieces." },
		{ "5.2.",
		    "The mailbox takes no mail at present: reach its owner another way, or try "
		    "again later." },
		{ "5.6.", "The server does not take mail of this form: send it as plain text." },
		{ "5.7.", "The server does not allow this; its words say why. If you are to be "
			  "allowed, your administrator or that of the server can do it." },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strncmp(status, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].text;
	return "The words above say why; the administrator of that server knows more.";
}

static void append_fate(
    struct buffer *output, const struct report *report, const struct report_recipient *recipient)
{
	struct span original = span_from_string(
	    recipient->original != NULL ? recipient->original : "");
	ssize_t type_end = find_type_end(original);

	if (type_end >= 0)
		original = span_after(original, (size_t)type_end + 1);
	buffer_append_byte(output, '<');
	utf8_append_shown(output, span_from_string(recipient->address));
	buffer_append_byte(output, '>');
	if (original.length != 0 && !span_equals_string(original, recipient->address)) {
		buffer_append_string(output, " (you wrote: ");
		utf8_append_shown(output, original);
		buffer_append_byte(output, ')');
	}
	buffer_append_string(output, "\r\n");
	if (recipient->words != NULL)
		append_words(output, span_from_string(recipient->words), "    ");
	if (report->action == REPORT_FAILED)
		append_words(output, span_from_string(advice_for(recipient->status)), "    ");
	buffer_append_string(output, "\r\n");
}

static void append_ending(struct buffer *output, const struct report *report)
{
	char date[DATE_SIZE];
	char text[200];

	if (report->action == REPORT_DELAYED && report->recipients[0].will_retry_until != 0) {
		date_format(report->recipients[0].will_retry_until, date);
		snprintf(text, sizeof text,
		    "It is tried until %s; if it cannot be delivered by then, you are told.", date);
		append_sentence(output, text);
	}
	append_sentence(output, report->returns_message
				    ? "The message is attached."
				    : "The header of the message is attached, not its text.");
}

/* Whoever answers for a whole machine has not written it himself. */
static void append_sender(struct buffer *output, const char *sender)
{
	buffer_append_string(output, "It was sent by <");
	utf8_append_shown(output, span_from_string(sender));
	buffer_append_string(output, ">.\r\n\r\n");
}

static void write_words(struct buffer *output, const struct report *report)
{
	buffer_append_string(output, "This is the mail service of ");
	utf8_append_shown(output, span_from_string(report->reporting_mta));
	buffer_append_string(output, ".\r\n\r\n");
	append_sentence(output, beginning_of(report->action));
	if (report->sender != NULL)
		append_sender(output, report->sender);
	for (size_t i = 0; i < report->recipient_count; i++)
		append_fate(output, report, &report->recipients[i]);
	append_ending(output, report);
}

static void append_words_part(struct buffer *output, const struct report *report)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct quoted_printable encoder = { 0 };

	buffer_init(&words, WORDS_LIMIT);
	write_words(&words, report);
	bool is_encoded = span_has_8bit(buffer_span(&words));
	buffer_format(output,
	    "--%s\r\nContent-Description: Notification\r\n"
	    "Content-Type: text/plain; charset=%s\r\n%s\r\n",
	    report->boundary, is_encoded ? "utf-8" : "us-ascii",
	    is_encoded ? "Content-Transfer-Encoding: quoted-printable\r\n" : "");
	if (is_encoded)
		(void)quoted_printable_encode(&encoder, buffer_span(&words), true, output);
	else
		buffer_append_span(output, buffer_span(&words));
}

/* ---- fields for programs ---- */

static const char *action_name(enum report_action action)
{
	static const char *const names[] = {
		[REPORT_FAILED] = "failed",
		[REPORT_DELAYED] = "delayed",
		[REPORT_RELAYED] = "relayed",
		[REPORT_DELIVERED] = "delivered",
	};

	return names[action];
}

static void append_recipient_fields(
    struct buffer *output, const struct report *report, const struct report_recipient *recipient)
{
	buffer_append_string(output, "\r\n");
	append_original(output, recipient->original);
	append_address_field(output, "Final-Recipient", span_from_string(recipient->address));
	append_text_field(output, "Action", action_name(report->action));
	append_text_field(output, "Status", recipient->status);
	if (recipient->remote_mta != NULL)
		append_typed_field(
		    output, "Remote-MTA", "dns", span_from_string(recipient->remote_mta));
	if (recipient->diagnostic != NULL)
		append_typed_field(
		    output, "Diagnostic-Code", "smtp", span_from_string(recipient->diagnostic));
	append_date_field(output, "Last-Attempt-Date", recipient->last_attempt);
	append_date_field(output, "Will-Retry-Until", recipient->will_retry_until);
}

static void append_status_part(struct buffer *output, const struct report *report)
{
	buffer_format(output,
	    "\r\n--%s\r\nContent-Description: Delivery report\r\n"
	    "Content-Type: message/delivery-status\r\n\r\n",
	    report->boundary);
	append_typed_field(output, "Reporting-MTA", "dns", span_from_string(report->reporting_mta));
	append_text_field(output, "X-Mailchute-Queue-ID", report->queue_id);
	if (report->envid != NULL)
		append_text_field(output, "Original-Envelope-Id", report->envid);
	append_date_field(output, "Arrival-Date", report->arrived);
	for (size_t i = 0; i < report->recipient_count; i++)
		append_recipient_fields(output, report, &report->recipients[i]);
}

/* ---- the message ---- */

static void append_returned_header(struct buffer *output, const struct report *report)
{
	static const char *const types[2][2] = {
		{ "text/rfc822-headers", "message/rfc822" },
		{ "message/global-headers", "message/global" },
	};

	buffer_format(output, "\r\n--%s\r\nContent-Description: Undelivered Message%s\r\n",
	    report->boundary, report->returns_message ? "" : " Headers");
	buffer_format(output, "Content-Type: %s\r\n",
	    types[report->header_has_8bit][report->returns_message]);
	if (report->header_has_8bit)
		buffer_append_string(output, "Content-Transfer-Encoding: quoted-printable\r\n");
	else if (report_is_8bit(report))
		buffer_append_string(output, "Content-Transfer-Encoding: 8bit\r\n");
	buffer_append_string(output, "\r\n");
}

bool report_is_8bit(const struct report *report)
{
	return report->returns_message && report->body_has_8bit && !report->header_has_8bit;
}

void report_begin(struct report *report, struct buffer *output)
{
	assert(report->recipient_count != 0);
	make_boundary(report->boundary);
	report->encoder = (struct quoted_printable){ 0 };
	report->ends_line = true;
	buffer_init(&report->held, SIZE_MAX / 2);
	append_header(report, output);
	buffer_append_string(output, "This is a report in MIME format (RFC 3464).\r\n\r\n");
	append_words_part(output, report);
	append_status_part(output, report);
	append_returned_header(output, report);
}

size_t report_header_length(struct span beginning)
{
	const char *end = memmem(beginning.start, beginning.length, "\r\n\r\n", 4);

	assert(end != NULL);
	return (size_t)(end - beginning.start) + 4;
}

void report_content(struct report *report, struct span octets, struct buffer *output)
{
	if (octets.length == 0)
		return;
	report->ends_line = octets.start[octets.length - 1] == '\n';
	if (!report->header_has_8bit) {
		buffer_append_span(output, octets);
		return;
	}
	buffer_append_span(&report->held, octets);
	buffer_consume(&report->held,
	    quoted_printable_encode(&report->encoder, buffer_span(&report->held), false, output));
}

void report_end(struct report *report, struct buffer *output)
{
	if (report->header_has_8bit)
		(void)quoted_printable_encode(
		    &report->encoder, buffer_span(&report->held), true, output);
	buffer_finish(&report->held);
	/* The line end before a boundary belongs to it, and not to the message. */
	buffer_format(
	    output, "%s\r\n--%s--\r\n", report->ends_line ? "" : "\r\n", report->boundary);
}
