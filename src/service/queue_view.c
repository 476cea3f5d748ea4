/* SPDX-License-Identifier: MIT */

#include "service/queue_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "spool/listing.h"
#include "spool/queue_error.h"

enum {
	PIECE = 8192,	       /* octets of JSON, then a piece is handed over */
	REASON_SIZE = 900,     /* with the NUL; a longer reply is in the queue file */
	REASON_COLUMN = 76,    /* where Postfix ends its reasons */
	RECIPIENT_COLUMN = 57, /* where the senders stand, too */
};

/* One run, and the line that is being made. */
struct run {
	struct queue_view *view;
	struct buffer line;
	bool is_unwanted; /* whoever reads has left */
};

static void hand_over(struct run *run)
{
	if (!run->is_unwanted)
		run->is_unwanted = !run->view->line(run->view->context, buffer_span(&run->line));
	buffer_clear(&run->line);
}

static bool is_done(const struct queue_file *file, size_t recipient)
{
	return file->marks[recipient] == RECIPIENT_DELIVERED ||
	       file->marks[recipient] == RECIPIENT_UNTOLD ||
	       file->marks[recipient] == RECIPIENT_REPORTED;
}

/* What is known about a recipient, "" for nothing. */
static const char *reply_about(const struct queue_file *file, size_t recipient)
{
	if (file->replies[recipient] != NULL)
		return file->replies[recipient];
	return file->marks[recipient] == RECIPIENT_WAITING ? file->progress.last_reply : "";
}

/* In the words of Postfix's queues. */
const char *queue_view_name(const struct queue_file *file)
{
	if (!queue_file_has_waiting(file))
		return "failed";
	if (file->progress.is_held)
		return "hold";
	if (queue_file_is_in_use(file))
		return "active";
	return file->progress.attempts != 0 || file->progress.last_reply[0] != '\0' ? "deferred"
										    : "incoming";
}

/* ---- text ---- */

static void append_head(
    struct run *run, const char *id, char sign, uint64_t size, int64_t wall, const char *sender)
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm parts;
	char when[40] = "";
	char marked[QUEUE_ID_SIZE + 1];

	if (localtime_r(&seconds, &parts) != NULL)
		strftime(when, sizeof when, "%a %b %e %H:%M:%S", &parts);
	snprintf(marked, sizeof marked, "%s%c", id, sign);
	buffer_format(&run->line, "%-26s %8" PRIu64 " %19s  ", marked, size, when);
	utf8_append_shown(
	    &run->line, span_from_string(sender[0] != '\0' ? sender : "MAILER-DAEMON"));
	hand_over(run);
}

static void say_reason(struct run *run, const char *words)
{
	size_t length = strlen(words);
	int padding = length < REASON_COLUMN ? REASON_COLUMN - (int)length : 0;

	buffer_format(&run->line, "%*s(", padding, "");
	utf8_append_shown(&run->line, span_from_string(words));
	buffer_append_byte(&run->line, ')');
	hand_over(run);
}

static void say_progress(struct run *run, const struct queue_progress *progress)
{
	char words[REASON_SIZE];
	char wait[24];
	int64_t left = progress->next_attempt - clock_wall();

	clock_format_duration(left > 0 ? left + 999 : 0, wait);
	if (progress->is_held)
		snprintf(words, sizeof words, "held, %" PRIu32 " attempts", progress->attempts);
	else
		snprintf(words, sizeof words, "%" PRIu32 " attempts, next %s%s", progress->attempts,
		    left > 0 ? "in " : "now", left > 0 ? wait : "");
	say_reason(run, words);
}

static void describe(
    const struct queue_file *file, size_t recipient, char reason[static REASON_SIZE])
{
	const char *kind = "";

	if (file->marks[recipient] == RECIPIENT_FAILED)
		kind = "failed for good: ";
	else if (file->marks[recipient] == RECIPIENT_IN_DOUBT)
		kind = "in doubt: ";
	text_copy(reason, REASON_SIZE, kind);
	text_append(reason, REASON_SIZE, reply_about(file, recipient));
}

/* A reason stands before the recipients that it is about, as in Postfix. */
static void say_recipients(struct run *run, const struct queue_file *file)
{
	char said[REASON_SIZE] = "";

	for (size_t i = 0; i < file->envelope.recipient_count && !run->is_unwanted; i++) {
		char reason[REASON_SIZE];

		if (is_done(file, i))
			continue;
		describe(file, i, reason);
		if (strcmp(reason, said) != 0)
			say_reason(run, reason[0] != '\0' ? reason : "reason unavailable");
		memcpy(said, reason, sizeof said);
		buffer_format(&run->line, "%*s", RECIPIENT_COLUMN, "");
		utf8_append_shown(
		    &run->line, span_from_string(file->envelope.recipients[i].address));
		hand_over(run);
	}
}

static char sign_of(const char *name)
{
	if (strcmp(name, "active") == 0)
		return '*';
	return strcmp(name, "hold") == 0 ? '!' : ' ';
}

static void say_file(struct run *run, const struct queue_file *file)
{
	const char *name = queue_view_name(file);

	append_head(run, file->id, sign_of(name), file->message_length, file->attributes.received,
	    file->envelope.sender);
	/* Of what is tried right now, for the first time or again, nothing is to be said. */
	if (strcmp(name, "deferred") == 0 || strcmp(name, "hold") == 0 ||
	    (strcmp(name, "incoming") == 0 && file->progress.next_attempt > clock_wall()))
		say_progress(run, &file->progress);
	say_recipients(run, file);
}

static void say_damaged(struct run *run, const char *id, const struct error *error)
{
	char words[REASON_SIZE];

	append_head(run, id, ' ', 0, queue_id_time(id), "");
	snprintf(words, sizeof words, "does not check out: %.800s", error->text);
	say_reason(run, words);
}

static void say_heading(struct run *run)
{
	if (run->view->messages == 0)
		buffer_format(&run->line, "%-26s %8s %-19s %s", "-Queue ID-", "--Size--",
		    "----Arrival Time----", "-Sender/Recipient-------");
	hand_over(run);
}

static void say_notes(struct run *run)
{
	struct span rest = run->view->notes;
	struct span line;

	while (!run->is_unwanted && span_take_line(&rest, &line)) {
		buffer_append_span(&run->line, line);
		hand_over(run);
	}
}

static void say_capture(struct run *run)
{
	const struct queue_view *view = run->view;

	if (view->capture == NULL)
		return;
	if (view->form == QUEUE_VIEW_JSON) {
		buffer_append_string(&run->line, "{\"capture\": ");
		json_append_string(&run->line, span_from_string(view->capture));
		buffer_append_byte(&run->line, '}');
	} else {
		buffer_format(&run->line, "-- capture is on: all mail is kept in %s, none is sent",
		    view->capture);
	}
	hand_over(run);
}

static void say_totals(struct run *run)
{
	const struct queue_view *view = run->view;

	if (view->messages != 0) {
		hand_over(run);
		say_notes(run);
	}
	say_capture(run);
	if (view->messages == 0) {
		buffer_append_string(&run->line, "Mail queue is empty");
	} else {
		buffer_format(&run->line, "-- %" PRIu64 " Kbytes in %zu Request%s.",
		    (view->octets + 1023) / 1024, view->messages, view->messages != 1 ? "s" : "");
	}
	hand_over(run);
}

/* ---- JSON ---- */

static void append_text(struct run *run, const char *key, const char *text)
{
	buffer_format(&run->line, "\"%s\": ", key);
	json_append_string(&run->line, span_from_string(text));
}

static void append_head_json(
    struct run *run, const char *name, const char *id, int64_t wall, uint64_t size)
{
	buffer_format(&run->line,
	    "{\"queue_name\": \"%s\", \"queue_id\": \"%s\", \"arrival_time\": %" PRId64
	    ", \"message_size\": %" PRIu64 ", ",
	    name, id, wall / 1000, size);
}

static void append_recipient_json(struct run *run, const struct queue_file *file, size_t recipient)
{
	char reason[REASON_SIZE];

	buffer_append_byte(&run->line, ' ');
	buffer_append_byte(&run->line, '{');
	append_text(run, "address", file->envelope.recipients[recipient].address);
	text_copy(reason, sizeof reason, reply_about(file, recipient));
	if (reason[0] != '\0') {
		buffer_append_string(&run->line, ", ");
		append_text(run, "delay_reason", reason);
	}
	if (file->marks[recipient] == RECIPIENT_FAILED)
		buffer_append_string(&run->line, ", \"state\": \"failed\"");
	else if (file->marks[recipient] == RECIPIENT_IN_DOUBT)
		buffer_append_string(&run->line, ", \"state\": \"in doubt\"");
	buffer_append_byte(&run->line, '}');
}

static void append_recipients_json(struct run *run, const struct queue_file *file)
{
	bool is_first = true;

	for (size_t i = 0; i < file->envelope.recipient_count && !run->is_unwanted; i++) {
		if (is_done(file, i))
			continue;
		if (!is_first)
			buffer_append_byte(&run->line, ',');
		is_first = false;
		if (run->line.length > PIECE)
			hand_over(run);
		append_recipient_json(run, file, i);
	}
}

static void say_file_json(struct run *run, const struct queue_file *file)
{
	append_head_json(
	    run, queue_view_name(file), file->id, file->attributes.received, file->message_length);
	append_text(run, "sender", file->envelope.sender);
	if (file->attributes.uid >= 0)
		buffer_format(&run->line, ", \"uid\": %" PRId64, file->attributes.uid);
	else
		buffer_append_string(&run->line, ", \"uid\": null");
	buffer_format(&run->line,
	    ", \"attempts\": %" PRIu32 ", \"next_attempt\": %" PRId64 ", \"recipients\": [",
	    file->progress.attempts, file->progress.next_attempt / 1000);
	append_recipients_json(run, file);
	buffer_append_string(&run->line, "]}");
	hand_over(run);
}

static void say_damaged_json(struct run *run, const char *id, const struct error *error)
{
	append_head_json(run, "damaged", id, queue_id_time(id), 0);
	buffer_append_string(&run->line, "\"sender\": \"\", \"recipients\": [], ");
	append_text(run, "error", error->text);
	buffer_append_byte(&run->line, '}');
	hand_over(run);
}

/* ---- both ---- */

static void view_text(
    struct run *run, const char *id, const struct queue_file *file, const struct error *error)
{
	say_heading(run);
	if (error != NULL)
		say_damaged(run, id, error);
	else
		say_file(run, file);
}

static void view_json(
    struct run *run, const char *id, const struct queue_file *file, const struct error *error)
{
	if (error != NULL)
		say_damaged_json(run, id, error);
	else
		say_file_json(run, file);
}

static void view_one(struct run *run, const char *id)
{
	struct queue_view *view = run->view;
	CLEANUP(queue_file_finish) struct queue_file file = { .fd = -1 };
	struct error error;
	int outcome = queue_viewer_read(&view->viewer, &file, view->queue_directory, id, &error);

	if (outcome == QUEUE_MISSING)
		return;
	const struct error *trouble = outcome != QUEUE_OPENED ? &error : NULL;
	if (view->form == QUEUE_VIEW_TEXT)
		view_text(run, id, &file, trouble);
	else if (view->form == QUEUE_VIEW_JSON)
		view_json(run, id, &file, trouble);
	view->messages++;
	view->octets += trouble == NULL ? file.message_length : 0;
}

int queue_view_run(struct queue_view *view, struct error *error)
{
	CLEANUP(listing_finish) struct listing listing = { 0 };
	struct run run = { .view = view };

	view->messages = 0;
	view->octets = 0;
	if (listing_read(&listing, view->queue_directory, error) < 0)
		return -1;
	buffer_init(&run.line, QUEUE_VIEW_LINE);
	for (size_t i = 0; i < listing.count && !run.is_unwanted; i++)
		view_one(&run, listing.ids[i]);
	if (view->form == QUEUE_VIEW_TEXT && !run.is_unwanted)
		say_totals(&run);
	else if (view->form == QUEUE_VIEW_JSON) {
		say_notes(&run);
		say_capture(&run);
	}
	buffer_finish(&run.line);
	return 0;
}
