/* SPDX-License-Identifier: MIT */

#include "smtp/server/incoming.h"

#include <stdio.h>

#include "base/text.h"
#include "smtp/transparency.h"

/* A size that no limit allows, counted without wrapping round. */
static bool passes_limit(const struct dialogue *dialogue, uint64_t more)
{
	const struct extensions *offered = &dialogue->settings->offered;
	uint64_t limit = offered->size ? offered->size_limit : 0;

	return limit != 0 && (more > limit || dialogue->content_size > limit - more);
}

void incoming_refuse_size(
    const struct dialogue *dialogue, uint64_t size, struct server_reply *reply)
{
	const char *rule = dialogue->settings->size_rule;
	const char *whose = rule != NULL ? rule : "this server";
	uint64_t limit = dialogue->settings->offered.size_limit;
	char most[TEXT_SIZE_SIZE];
	char is[TEXT_SIZE_SIZE];
	struct error error;

	text_size(size, is);
	text_size(limit, most);
	if (size != 0)
		error_set(&error, ERROR_DATA, "5.3.4",
		    "message is %s, and %s allows %s (SIZE %llu)", is, whose, most,
		    (unsigned long long)limit);
	else
		error_set(&error, ERROR_DATA, "5.3.4",
		    "message is larger than %s, the most that %s allows (SIZE %llu)", most, whose,
		    (unsigned long long)limit);
	if (rule != NULL) {
		(void)error_code(&error, "MC-SIZE-12");
		(void)error_next(&error, "send a link, or raise %s", rule);
	}
	server_reply_from_error(reply, &error);
}

static void pass_on(struct dialogue *dialogue, struct span piece)
{
	const struct server_settings *settings = dialogue->settings;

	if (piece.length == 0)
		return;
	if (dialogue->is_too_large || passes_limit(dialogue, piece.length)) {
		dialogue->is_too_large = true;
		return;
	}
	dialogue->content_size += piece.length;
	settings->handler->content(settings->context, piece);
}

/* The last octet has come: the one place where a message is answered for. */
static void finish_content(struct dialogue *dialogue)
{
	const struct server_settings *settings = dialogue->settings;
	struct server_reply reply = { .output = dialogue };
	/* RFC 2033, 4.2: LMTP has a reply for each recipient that was taken. */
	size_t replies = dialogue->is_lmtp ? dialogue->recipients : 1;

	if (dialogue->is_too_large)
		incoming_refuse_size(dialogue, 0, &reply);
	else
		settings->handler->end(settings->context, &reply);
	for (size_t i = 0; i < replies; i++)
		dialogue_answer_handler(dialogue, &reply, 250, "2.0.0", "OK");
	dialogue_reset(dialogue);
	dialogue->has_refused = false;
}

/* Is there a transaction that content may be added to?  Sets the refusal when not. */
static void check_transaction(const struct dialogue *dialogue, struct server_reply *reply)
{
	if (dialogue->state == DIALOGUE_IDLE)
		server_reply_set(reply, 503, "5.5.1", "bad sequence: MAIL comes first");
	else if (dialogue->recipients == 0 && dialogue->has_seen_rcpt)
		server_reply_set(reply, 554, "5.5.1", "no valid recipients");
	else if (dialogue->recipients == 0)
		server_reply_set(reply, 503, "5.5.1", "bad sequence: RCPT comes first");
}

static void begin(struct dialogue *dialogue, struct server_reply *reply)
{
	const struct server_settings *settings = dialogue->settings;

	if (settings->handler->begin != NULL)
		settings->handler->begin(settings->context, reply);
}

/* Whoever lent the connection to another can say no more than what we say. */
void incoming_tell_of_cut(struct dialogue *dialogue)
{
	if (dialogue->is_plain && dialogue->outcome == 1)
		dialogue_last_word(dialogue, "4.4.2",
		    "the input ended within the content of a message, so nothing of it was sent; "
		    "only a line with a dot alone ends it, between CRLF and CRLF");
}

/* Reads until the end, and passes on or drops.  False at the session's end. */
static bool read_data(struct dialogue *dialogue, bool is_wanted)
{
	struct transparency transparency;
	bool is_ended = false;

	transparency_init(&transparency);
	while (!is_ended) {
		struct span input = stream_input(dialogue->stream);

		if (input.length == 0 && !dialogue_read_content(dialogue)) {
			incoming_tell_of_cut(dialogue);
			return false;
		}
		input = stream_input(dialogue->stream);
		buffer_clear(&dialogue->content);
		size_t taken = transparency_unstuff(
		    &transparency, input, &dialogue->content, &is_ended);
		if (is_wanted)
			pass_on(dialogue, buffer_span(&dialogue->content));
		dialogue_consume(dialogue, taken);
	}
	return true;
}

static void ask_for_content(struct dialogue *dialogue)
{
	dialogue_answer(dialogue, 354, "", "end the content with a dot on a line of its own");
}

/*
 * RFC 2920, 3.1: nothing may follow DATA before its reply.  But a script that
 * writes its whole session at once sends the message whatever was said of the
 * recipients, and each of its lines would be taken for a command.  So the
 * content is asked for where one may be coming, and refused behind its end
 * (RFC 5321, 4.1.1.4 knows that order, too).
 */
static void refuse_data(struct dialogue *dialogue, const struct server_reply *reply)
{
	bool may_be_coming = dialogue->is_plain &&
			     (dialogue->has_refused || dialogue->state != DIALOGUE_IDLE);

	if (may_be_coming) {
		ask_for_content(dialogue);
		if (!read_data(dialogue, false))
			return;
	}
	dialogue_answer_handler(dialogue, reply, 451, "4.0.0", "");
	if (may_be_coming)
		dialogue_reset(dialogue);
}

void incoming_data(struct dialogue *dialogue)
{
	struct server_reply reply = { 0 };

	/* RFC 3030, 2: DATA and BDAT must not meet in one transaction. */
	if (dialogue->state == DIALOGUE_CHUNKS) {
		server_reply_set(&reply, 503, "5.5.1", "bad sequence: DATA after BDAT");
		refuse_data(dialogue, &reply);
		dialogue_reset(dialogue);
		return;
	}
	check_transaction(dialogue, &reply);
	if (reply.code != 0) {
		refuse_data(dialogue, &reply);
		return;
	}
	begin(dialogue, &reply);
	if (dialogue_is_refused(&reply)) {
		refuse_data(dialogue, &reply);
		dialogue_reset(dialogue);
		return;
	}
	ask_for_content(dialogue);
	if (read_data(dialogue, true))
		finish_content(dialogue);
}

/* Takes size octets of input, and passes them on or drops them.  False at the session's end. */
static bool read_chunk(struct dialogue *dialogue, uint64_t size, bool is_wanted)
{
	while (size != 0) {
		if (stream_input(dialogue->stream).length == 0 &&
		    !dialogue_read_content(dialogue)) {
			incoming_tell_of_cut(dialogue);
			return false;
		}
		struct span input = stream_input(dialogue->stream);
		struct span piece = input.length > size ? span_first(input, (size_t)size) : input;

		if (is_wanted)
			pass_on(dialogue, piece);
		dialogue_consume(dialogue, piece.length);
		size -= piece.length;
	}
	return true;
}

/* Everything that can be said against a chunk before its first octet is read. */
static void check_chunk(struct dialogue *dialogue, uint64_t size, struct server_reply *reply)
{
	if (!dialogue->settings->offered.chunking) {
		server_reply_set(reply, 502, "5.5.1", "BDAT is not offered here");
		return;
	}
	check_transaction(dialogue, reply);
	if (reply->code == 0 && passes_limit(dialogue, size))
		incoming_refuse_size(dialogue, 0, reply);
	if (reply->code == 0 && dialogue->state == DIALOGUE_MAIL)
		begin(dialogue, reply);
}

void incoming_chunk(struct dialogue *dialogue, uint64_t size, bool is_last)
{
	struct server_reply reply = { 0 };
	char text[64];

	check_chunk(dialogue, size, &reply);
	bool is_refused = dialogue_is_refused(&reply);
	if (!read_chunk(dialogue, size, !is_refused))
		return;
	if (is_refused) {
		dialogue_answer_handler(dialogue, &reply, 451, "4.0.0", "");
		/* Or else a later chunk would make a message without this one. */
		dialogue_reset(dialogue);
		return;
	}
	if (is_last) {
		finish_content(dialogue);
		return;
	}
	dialogue->state = DIALOGUE_CHUNKS;
	snprintf(text, sizeof text, "%llu octets received", (unsigned long long)size);
	dialogue_answer(dialogue, 250, "2.0.0", text);
}
