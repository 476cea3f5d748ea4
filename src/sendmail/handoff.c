/* SPDX-License-Identifier: MIT */

#include "sendmail/handoff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/stream.h"
#include "sendmail/way.h"
#include "smtp/client/session.h"
#include "smtp/client/transaction.h"

enum {
	FULL_LINE = 400, /* octets: a line of a reply from here on was broken for its length */
};

/* The fates of the recipients, as they are reported. */
struct tally {
	const struct envelope *envelope;
	const struct handoff_viewer *viewer; /* NULL: nobody looks */
	size_t taken;
	size_t refused;
	size_t in_doubt;
	size_t lost;
	struct error first; /* the first refusal */
	char names[400];    /* of those refused */
};

/* Such lines stand behind the words. */
static bool is_progress(struct span line)
{
	return span_starts_with(line, COMMAND_PROGRESS);
}

static void show_line(void *context, struct span line)
{
	(void)context;
	char *text CLEANUP(memory_free_string) = memory_allocate(line.length + 2);

	if (line.length != 0)
		memcpy(text, line.start, line.length);
	text[line.length] = '\n';
	(void)file_write_all(STDERR_FILENO, span_from_bytes(text, line.length + 1));
}

/* "250-2.0.0 XTRACE   0.132 < 250 ok": what follows the word is for the caller's eyes. */
static void show_progress(void *context, char direction, struct span line)
{
	const struct handoff_viewer *viewer = context;
	struct span rest = span_after(line, strlen("250-"));
	struct span word = { 0 };

	if (direction != '<' || !span_take_word(&rest, &word))
		return;
	/* Behind the status. */
	if (!is_progress(word) && (!span_take_word(&rest, &word) || !is_progress(word)))
		return;
	ssize_t start = span_find_byte(line, COMMAND_PROGRESS[0]);
	rest = span_after(line, (size_t)start + strlen(COMMAND_PROGRESS " "));
	if (rest.length != 0)
		viewer->progress(viewer->context, rest);
}

/* The service's own words are the line for the caller; its lines become sentences. */
static void note_first(struct tally *tally, const struct transaction_result *result)
{
	char words[REPLY_TEXT_SIZE] = "";
	struct span rest = span_from_string(
	    result->reply != NULL ? result->reply->text : result->text);
	struct span line;

	while (span_take_line(&rest, &line) && !is_progress(line)) {
		char *copy CLEANUP(memory_free_string) = span_copy(line);

		text_append(words, sizeof words, copy);
		if (rest.length != 0 && !is_progress(rest))
			text_append(words, sizeof words, line.length < FULL_LINE ? "; " : " ");
	}
	error_read_line(words, &tally->first);
	tally->first.kind = error_kind_from_status(result->status);
	text_copy(tally->first.status, sizeof tally->first.status, result->status);
}

/* "delivered as ID", or that it waits: the last of the conversation does not say which. */
static void show_taken(const struct handoff_viewer *viewer, const struct transaction_result *result)
{
	struct span rest = span_from_string(result->reply->text);
	struct span line = { 0 };

	(void)span_take_line(&rest, &line);
	viewer->taken(viewer->context, line);
}

static void report(void *context, size_t recipient, const struct transaction_result *result)
{
	struct tally *tally = context;

	if (result->outcome == TRANSACTION_DELIVERED) {
		if (tally->taken++ == 0 && tally->viewer != NULL)
			show_taken(tally->viewer, result);
		return;
	}
	if (result->outcome == TRANSACTION_IN_DOUBT) {
		tally->in_doubt++;
		return;
	}
	if (result->code == 0 && result->outcome == TRANSACTION_DEFERRED) {
		tally->lost++;
		return;
	}
	if (tally->refused++ == 0)
		note_first(tally, result);
	if (tally->names[0] != '\0')
		text_append(tally->names, sizeof tally->names, ", ");
	text_append(
	    tally->names, sizeof tally->names, tally->envelope->recipients[recipient].address);
}

static enum way_outcome judge(
    const struct tally *tally, const struct error *lost, struct error *error)
{
	if (tally->in_doubt != 0) {
		error_set(error, ERROR_IO, "4.4.2",
		    "the service ended after the last octet, before its answer: the mail may have "
		    "been queued (%s)",
		    lost->text);
		(void)error_next(error, "see mailchute queue before sending it again");
		(void)error_mail(error, "kept, or not: nobody knows");
		return WAY_REFUSED;
	}
	/* Who was refused will be so again; the others have not been asked to the end. */
	if (tally->lost != 0) {
		*error = *lost;
		return WAY_LOST;
	}
	if (tally->refused == 0)
		return WAY_DONE;
	*error = tally->first;
	if (tally->taken != 0) {
		(void)error_prefix(error, "not for %s (the others were taken): ", tally->names);
		(void)error_mail(error, "NOT sent to these");
	}
	return WAY_REFUSED;
}

/* One line of text, cut between two characters (UTF-8). */
static void copy_name(const char *name, char copy[static COMMAND_NAME_LIMIT + 1])
{
	size_t length = strnlen(name, COMMAND_NAME_LIMIT + 1);

	if (length > COMMAND_NAME_LIMIT)
		for (length = COMMAND_NAME_LIMIT; length != 0 && (name[length] & 0xc0) == 0x80;)
			length--;
	for (size_t i = 0; i < length; i++)
		copy[i] = span_has_control(span_from_bytes(name + i, 1)) ? ' ' : name[i];
	copy[length] = '\0';
}

static enum way_outcome send_message(struct session *session, struct intake *intake,
    const struct options *options, const struct handoff_viewer *viewer, struct error *error)
{
	struct tally tally = { .envelope = &intake->envelope, .viewer = viewer };
	struct error lost = { 0 };
	bool was_whole = intake->is_whole;
	struct transaction transaction = {
		.envelope = &intake->envelope,
		.parameters = { .is_8bit = intake->body.has_8bit,
		    .smtputf8 = envelope_needs_smtputf8(&intake->envelope),
		    .sender_is_self = intake->sender_is_self,
		    .wait = options->wait,
		    .trace = options->is_verbose,
		    .trace_is_live = viewer != NULL && viewer->is_live },
		.content = { .front = buffer_span(&intake->front),
		    .read = was_whole ? NULL : intake_read_more,
		    .context = intake,
		    .size = was_whole ? (int64_t)intake->front.length : -1 },
		.report = report,
		.context = &tally,
	};

	const char *name = options->full_name != NULL ? options->full_name : getenv("NAME");
	if (name != NULL)
		copy_name(name, transaction.parameters.full_name);
	if (transaction_run(session, &transaction, &lost) == 0)
		session_quit(session);
	enum way_outcome outcome = judge(&tally, &lost, error);
	/* What was streamed is gone: there is nothing to begin again with. */
	return outcome == WAY_LOST && !was_whole ? WAY_REFUSED : outcome;
}

struct handoff {
	struct intake *intake;
	const struct options *options;
	const struct handoff_viewer *viewer;
};

/* One session on a connected socket, which it takes over. */
static enum way_outcome run_session(void *context, int fd, const char *label, struct error *error)
{
	const struct handoff *handoff = context;
	struct way_visit visit CLEANUP(way_visit_finish) = { 0 };
	uint64_t limit;

	visit.settings.trace = handoff->viewer != NULL ? show_progress : NULL;
	visit.settings.trace_context = (void *)(uintptr_t)handoff->viewer;
	visit.settings.hears_progress = handoff->viewer != NULL && handoff->viewer->is_live;
	enum way_outcome outcome = way_visit_open(&visit, fd, label, error);
	if (outcome != WAY_DONE)
		return outcome;
	/* The service says how long it may take; it bounds itself, we bound one that hangs. */
	limit = visit.session.extensions.mailchute_limit;
	if (limit != 0 && limit < WAY_ANSWER_TIMEOUT / 1000)
		way_visit_bound(&visit, (int64_t)limit * 1000);
	return send_message(
	    &visit.session, handoff->intake, handoff->options, handoff->viewer, error);
}

int handoff_send(struct intake *intake, const struct options *options, struct error *error)
{
	static const struct handoff_viewer caller = { show_line, show_line, NULL, false };

	return handoff_send_viewed(intake, options, options->is_verbose ? &caller : NULL, error);
}

int handoff_send_viewed(struct intake *intake, const struct options *options,
    const struct handoff_viewer *viewer, struct error *error)
{
	struct handoff handoff = { intake, options, viewer };

	return way_find(run_session, &handoff, error);
}
