/* SPDX-License-Identifier: MIT */

#include "service/queue_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error_block.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "message/date.h"
#include "service/queue_raw.h"
#include "service/routing.h"
#include "smtp/status.h"

enum {
	BLOCK = 8192,	     /* octets of the message at once */
	BLOCK_LIMIT = 16384, /* octets of a reply, shown as a block */
	PIECE = 4096,	     /* of a long line; encoded it is three times as long at most */
};

struct showing {
	struct queue_actions *actions;
	enum queue_show_form form;
	struct buffer line;
	struct buffer piece; /* of the message: a line as far as it was read */
	bool is_unwanted;    /* whoever reads has left */
	struct error *error;
};

static void hand_over(struct showing *showing)
{
	if (!showing->is_unwanted)
		showing->is_unwanted = !showing->actions->line(
		    showing->actions->context, buffer_span(&showing->line));
	buffer_clear(&showing->line);
}

static void begin(struct showing *showing, const char *name)
{
	buffer_format(&showing->line, " %-11s ", name);
}

static void append(struct showing *showing, const char *text)
{
	utf8_append_shown(&showing->line, span_from_string(text));
}

static void say(struct showing *showing, const char *name, const char *text)
{
	begin(showing, name);
	append(showing, text);
	hand_over(showing);
}

/* ---- the envelope ---- */

static void say_state(struct showing *showing, const struct queue_file *file)
{
	const char *name = queue_view_name(file);
	int64_t left = file->progress.next_attempt - clock_wall();
	char wait[24];

	begin(showing, "State:");
	buffer_format(&showing->line, "%s, %" PRIu32 " attempt%s", name, file->progress.attempts,
	    file->progress.attempts != 1 ? "s" : "");
	if (span_equals_string(span_from_string(name), "deferred") ||
	    span_equals_string(span_from_string(name), "incoming")) {
		clock_format_duration(left > 0 ? left + 999 : 0, wait);
		buffer_format(
		    &showing->line, ", next %s%s", left > 0 ? "in " : "now", left > 0 ? wait : "");
	}
	hand_over(showing);
}

static void say_origin(struct showing *showing, const struct queue_file *file)
{
	char date[DATE_SIZE];
	char age[24];

	date_format(file->attributes.received, date);
	int64_t passed = clock_wall() - file->attributes.received;
	clock_format_duration(passed > 0 ? passed : 0, age);
	begin(showing, "Received:");
	buffer_format(&showing->line, "%s, %s ago, ", date, age);
	if (file->attributes.uid >= 0)
		buffer_format(&showing->line, "from uid %" PRId64, file->attributes.uid);
	else
		buffer_append_string(&showing->line, "from an unknown uid");
	buffer_append_string(&showing->line, " (");
	append(showing, file->attributes.entrance);
	buffer_append_byte(&showing->line, ')');
	hand_over(showing);
	begin(showing, "Size:");
	buffer_format(&showing->line, "%" PRIu64 " bytes", file->message_length);
	hand_over(showing);
}

static const char *state_of(char mark)
{
	switch ((enum recipient_mark)mark) {
	case RECIPIENT_WAITING:
		return "waits";
	case RECIPIENT_DELIVERED:
		return "delivered";
	case RECIPIENT_FAILED:
		return "failed for good, not yet reported";
	case RECIPIENT_REPORTED:
		return "failed for good";
	case RECIPIENT_UNTOLD:
		return "delivered, not yet reported";
	case RECIPIENT_IN_DOUBT:
		return "in doubt: sent, but never answered; it is tried again";
	}
	return "unknown";
}

/* One recipient of those whose lines are in the journal. */
struct history {
	struct showing *showing;
	size_t recipient;
	size_t count;
};

/* With server, meaning and fix on lines of their own. */
static void say_block(struct showing *showing, const char *text)
{
	struct buffer block CLEANUP(buffer_finish) = { 0 };
	struct error failure;
	struct span rest;
	struct span line;
	/* A verdict of ours has its status first. */
	const char *named = strstr(text, " MC-");

	error_read_line(
	    text[0] != 'M' && named != NULL && named - text < STATUS_SIZE ? named + 1 : text,
	    &failure);
	buffer_init(&block, BLOCK_LIMIT);
	error_block(&failure, &block);
	rest = buffer_span(&block);
	while (span_take_line(&rest, &line)) {
		begin(showing, "");
		utf8_append_shown(&showing->line, line);
		hand_over(showing);
	}
}

static void say_reply(void *context, size_t recipient, const char *text)
{
	struct history *history = context;

	if (recipient != history->recipient)
		return;
	history->count++;
	say_block(history->showing, text);
}

static void say_recipient(struct showing *showing, const struct queue_file *file, size_t index)
{
	const struct recipient *recipient = &file->envelope.recipients[index];
	struct history history = { showing, index, 0 };

	begin(showing, "Recipient:");
	append(showing, recipient->address);
	if (recipient->original != NULL) {
		buffer_append_string(&showing->line, " (given as ");
		append(showing, recipient->original);
		buffer_append_byte(&showing->line, ')');
	}
	buffer_format(&showing->line, ": %s", state_of(file->marks[index]));
	hand_over(showing);
	(void)journal_visit(
	    &file->journal, file->fd, file->envelope.recipient_count, say_reply, &history);
	if (history.count == 0 && file->marks[index] == RECIPIENT_WAITING &&
	    file->progress.last_reply[0] != '\0')
		say_block(showing, file->progress.last_reply);
}

static void say_envelope(struct showing *showing, const struct queue_file *file)
{
	const struct config *config = showing->actions->config;
	CLEANUP(memory_free_string)
	char *smarthosts = config != NULL && config->smarthost_count != 0
			       ? routing_names(config, file)
			       : memory_copy_string("none");

	say(showing, "Message:", file->id);
	say_state(showing, file);
	say_origin(showing, file);
	say(showing, "Sender:",
	    file->envelope.sender[0] != '\0' ? file->envelope.sender : "<> (the null sender)");
	if (file->envelope.envid != NULL)
		say(showing, "ENVID:", file->envelope.envid);
	say(showing, "Smarthost:", smarthosts);
	for (size_t i = 0; i < file->envelope.recipient_count && !showing->is_unwanted; i++)
		say_recipient(showing, file, i);
}

/* ---- the message ---- */

static void hand_over_piece(struct showing *showing, bool is_whole)
{
	struct span text = buffer_span(&showing->piece);

	if (is_whole && text.length != 0 && text.start[text.length - 1] == '\r')
		text.length--;
	buffer_append_byte(&showing->line, is_whole ? ' ' : '+');
	if (showing->form == QUEUE_SHOW_RAW)
		queue_raw_encode(text, &showing->line);
	else
		utf8_append_shown(&showing->line, text);
	buffer_clear(&showing->piece);
	hand_over(showing);
}

static void feed(struct showing *showing, struct span bytes)
{
	for (size_t i = 0; i < bytes.length && !showing->is_unwanted; i++) {
		char octet = bytes.start[i];

		if (octet != '\n' && showing->piece.length >= PIECE)
			hand_over_piece(showing, false);
		if (octet == '\n')
			hand_over_piece(showing, true);
		else
			buffer_append_byte(&showing->piece, octet);
	}
}

static int say_message(struct showing *showing, const struct queue_file *file)
{
	uint64_t offset = file->message_offset;
	uint64_t end = offset + (showing->form == QUEUE_SHOW_HEADER ? file->header_length
								    : file->message_length);
	char bytes[BLOCK];

	while (offset < end && !showing->is_unwanted) {
		size_t size = end - offset < sizeof bytes ? (size_t)(end - offset) : sizeof bytes;
		ssize_t count = file_read_full_at(file->fd, bytes, size, (off_t)offset);

		if (count < 0)
			return error_system(showing->error, "cannot read queue file %s", file->id);
		if ((size_t)count < size)
			return error_set(showing->error, ERROR_IO, "4.3.0",
			    "queue file %s ends early", file->id);
		feed(showing, span_from_bytes(bytes, size));
		offset += size;
	}
	if (showing->piece.length != 0)
		hand_over_piece(showing, showing->form != QUEUE_SHOW_RAW);
	return 0;
}

static void say_unreadable(struct showing *showing, const char *id, const struct error *trouble)
{
	if (trouble == NULL) {
		buffer_format(&showing->line, "? %s there is no such message", id);
	} else {
		buffer_format(&showing->line, "- %s %s ", id, trouble->status);
		append(showing, trouble->text);
	}
	hand_over(showing);
}

static int show_one(
    void *context, const char *id, struct queue_file *file, const struct error *trouble)
{
	struct showing *showing = context;

	if (showing->is_unwanted)
		return 0;
	if (file == NULL) {
		say_unreadable(showing, id, trouble);
		return 0;
	}
	if (showing->form != QUEUE_SHOW_RAW) {
		if (showing->actions->count != 0) {
			buffer_append_byte(&showing->line, ' ');
			hand_over(showing);
		}
		say_envelope(showing, file);
		buffer_append_byte(&showing->line, ' ');
		hand_over(showing);
	}
	showing->actions->count++;
	return say_message(showing, file);
}

int queue_show_run(struct queue_actions *actions, enum queue_show_form form,
    const struct queue_selection *selection, struct error *error)
{
	struct showing showing = { .actions = actions, .form = form, .error = error };

	actions->count = 0;
	buffer_init(&showing.line, QUEUE_VIEW_LINE);
	buffer_init(&showing.piece, 2 * BLOCK);
	int outcome = queue_actions_each(actions, selection, show_one, &showing, error);
	buffer_finish(&showing.line);
	buffer_finish(&showing.piece);
	return outcome;
}
