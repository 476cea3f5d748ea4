/* SPDX-License-Identifier: MIT */

#include "admin/explain_message.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "message/difference.h"
#include "policy/route.h"
#include "policy/sender.h"
#include "smtp/client/transcript.h"

static void read_header(const struct request_attempt *attempt, struct header *header)
{
	struct span body;

	header_init(header);
	header_feed(header, span_from_bytes(attempt->header, attempt->header_length), &body);
	if (!header->is_complete)
		header_end(header, &body);
}

static const struct config_smarthost *smarthost_of(const struct prediction_leg *leg)
{
	return leg->list.smarthosts[0];
}

/* ---- for people ---- */

struct printing {
	bool is_coloured;
	size_t changed;
	size_t same;
};

static void print_line(const struct printing *printing, enum difference_kind kind, struct span line)
{
	static const char *const colours[] = {
		[DIFFERENCE_SAME] = "",
		[DIFFERENCE_OLD] = "\033[31m",
		[DIFFERENCE_NEW] = "\033[32m",
	};
	CLEANUP(memory_free_string) char *text = memory_allocate(4 * line.length + 8);

	transcript_mask(line, text, 4 * line.length + 8);
	printf("%s%c%s%s\n", printing->is_coloured ? colours[kind] : "", " -+"[kind], text,
	    printing -> is_coloured ? "\033[0m" : "");
}

static void print_field(void *context, enum difference_kind kind, struct span field)
{
	struct printing *printing = context;
	struct span line;

	if (kind == DIFFERENCE_SAME) {
		printing->same++;
		return;
	}
	printing->changed++;
	while (span_take_line(&field, &line))
		print_line(printing, kind, line);
}

static void print_envelope(const struct prediction_leg *leg)
{
	const struct envelope *envelope = &leg->attempt.envelope;

	printf("\nMAIL FROM:<%s>", envelope->sender);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		printf(" RCPT TO:<%s>", envelope->recipients[i].address);
	printf("\n--- the header as it was given\n+++ as \"%s\" gets it\n",
	    smarthost_of(leg)->parameters.name);
}

void explain_message_print(
    const struct prediction *prediction, const struct header *given, bool is_coloured)
{
	for (size_t i = 0; i < prediction->count; i++) {
		const struct prediction_leg *leg = &prediction->legs[i];
		struct printing printing = { .is_coloured = is_coloured };
		CLEANUP(header_finish) struct header sent = { 0 };

		read_header(&leg->attempt, &sent);
		print_envelope(leg);
		difference_of(given, &sent, print_field, &printing);
		if (printing.changed == 0)
			printf(" (nothing is changed)\n");
		else if (printing.same != 0)
			printf(" (%zu more, not changed)\n", printing.same);
		if (leg->fault.kind != ERROR_NONE)
			printf("warning: %s; so its from may not be what stands here\n",
			    leg->fault.text);
	}
}

/* ---- as JSON ---- */

static void begin_list(struct buffer *members, const char *name)
{
	buffer_format(members, "%s\"%s\":[", members->length != 0 ? "," : "", name);
}

/* An element of a list that was begun. */
static void add_element(struct buffer *members, struct span text)
{
	if (members->start[members->length - 1] != '[')
		buffer_append_byte(members, ',');
	json_append_string(members, text);
}

static void add_lines(struct buffer *members, const char *name, struct span text)
{
	struct span line;

	begin_list(members, name);
	while (span_take_line(&text, &line))
		add_element(members, line);
	buffer_append_byte(members, ']');
}

static void add_text(struct buffer *members, const char *name, const char *text)
{
	json_string(members, name, span_from_string(text));
}

static void add_envelope(struct buffer *members, const struct envelope *envelope)
{
	add_text(members, "sender", envelope->sender);
	begin_list(members, "recipients");
	for (size_t i = 0; i < envelope->recipient_count; i++)
		add_element(members, span_from_string(envelope->recipients[i].address));
	buffer_append_byte(members, ']');
}

static void add_place(struct buffer *members, const struct config_place *place)
{
	if (place->file == NULL)
		return;
	add_text(members, "file", place->file);
	if (place->line != 0)
		json_number(members, "line", place->line);
}

static void add_field(void *context, enum difference_kind kind, struct span field)
{
	struct buffer *members = context;
	struct span line;

	while (kind != DIFFERENCE_SAME && span_take_line(&field, &line)) {
		CLEANUP(memory_free_string)
		char *text = memory_format("%c%.*s", " -+"[kind], span_int(line), line.start);

		add_element(members, span_from_string(text));
	}
}

static void add_header(
    struct buffer *members, const struct prediction_leg *leg, const struct header *given)
{
	CLEANUP(header_finish) struct header sent = { 0 };
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	read_header(&leg->attempt, &sent);
	buffer_init(&text, SIZE_MAX / 2);
	header_write(&sent, &text);
	/* Without the empty line that ends it. */
	add_lines(members, "header", span_first(buffer_span(&text), text.length - 2));
	begin_list(members, "changes");
	difference_of(given, &sent, add_field, members);
	buffer_append_byte(members, ']');
}

static void add_leg(struct buffer *list, const struct prediction *prediction,
    const struct prediction_question *question, const struct prediction_leg *leg)
{
	const struct smarthost *smarthost = &smarthost_of(leg)->parameters;
	CLEANUP(buffer_finish) struct buffer members = { 0 };
	CLEANUP(memory_free_string) char *why = route_reason(question->config, &leg->list);
	const char *reason;

	buffer_init(&members, SIZE_MAX / 2);
	add_text(&members, "smarthost", smarthost->name);
	add_text(&members, "url", smarthost->url != NULL ? smarthost->url : "");
	add_place(&members, &smarthost_of(leg)->place);
	add_text(&members, "route", why);
	begin_list(&members, "fallbacks");
	for (size_t i = 1; i < leg->list.count; i++)
		add_element(&members, span_from_string(leg->list.smarthosts[i]->parameters.name));
	buffer_append_byte(&members, ']');
	add_text(&members, "from_policy", sender_policy_name(smarthost->from_policy));
	(void)sender_judge(&leg->known, prediction->expanded.sender, &reason);
	add_text(&members, "sender_because", reason);
	add_envelope(&members, &leg->attempt.envelope);
	add_header(&members, leg, question->header);
	if (leg->fault.kind != ERROR_NONE)
		add_text(&members, "warning", leg->fault.text);
	buffer_format(list, "%s{", list->start[list->length - 1] == '[' ? "" : ",");
	buffer_append_span(list, buffer_span(&members));
	buffer_append_byte(list, '}');
}

static void add_refusal(struct buffer *members, const struct error *refusal)
{
	CLEANUP(buffer_finish) struct buffer inner = { 0 };

	buffer_init(&inner, SIZE_MAX / 2);
	json_number(&inner, "exit", (int64_t)refusal->kind);
	add_text(&inner, "status", refusal->status);
	if (refusal->code[0] != '\0')
		add_text(&inner, "code", refusal->code);
	add_text(&inner, "text", refusal->text);
	if (refusal->next[0] != '\0')
		add_text(&inner, "next", refusal->next);
	buffer_format(members, "%s\"refused\":{", members->length != 0 ? "," : "");
	buffer_append_span(members, buffer_span(&inner));
	buffer_append_byte(members, '}');
}

void explain_message_print_json(const struct prediction *prediction,
    const struct prediction_question *question, const struct error *refusal, struct span lines)
{
	CLEANUP(buffer_finish) struct buffer members = { 0 };

	buffer_init(&members, SIZE_MAX / 2);
	add_envelope(&members, question->given);
	add_lines(&members, "lines", lines);
	if (refusal != NULL)
		add_refusal(&members, refusal);
	begin_list(&members, "legs");
	for (size_t i = 0; i < prediction->count; i++)
		add_leg(&members, prediction, question, &prediction->legs[i]);
	buffer_append_byte(&members, ']');
	printf("{%.*s}\n", (int)members.length, members.start);
}
