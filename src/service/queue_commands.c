/* SPDX-License-Identifier: MIT */

#include "service/queue_commands.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/memory.h"
#include "service/notice.h"
#include "service/queue_view.h"
#include "spool/listing.h"

enum { PATIENCE = 30000 }; /* milliseconds, until the service has said whether to go on */

enum verb { LIST, LIST_JSON, FLUSH, ADD, NONE };

static enum verb parse(struct span argument)
{
	struct span words[3] = { { 0 } };
	size_t count = 0;

	while (count < 3 && span_take_word(&argument, &words[count]))
		count++;
	if (count == 1 && span_equals_string_ignoring_case(words[0], "LIST"))
		return LIST;
	if (count == 2 && span_equals_string_ignoring_case(words[0], "LIST") &&
	    span_equals_string_ignoring_case(words[1], "JSON"))
		return LIST_JSON;
	if (count == 1 && span_equals_string_ignoring_case(words[0], "FLUSH"))
		return FLUSH;
	if ((count == 2 || (count == 3 && span_equals_string_ignoring_case(words[2], "LATER"))) &&
	    span_equals_string_ignoring_case(words[0], "ADD") && queue_id_is_valid(words[1]))
		return ADD;
	return NONE;
}

static void refuse_syntax(struct server_reply *reply)
{
	server_reply_set(reply, 501, "5.5.4", "XQUEUE LIST, LIST JSON and FLUSH are known here");
}

/* ---- LIST ---- */

static bool say(void *context, struct span line)
{
	return server_say(context, line);
}

static void list(
    const struct queue_commands *commands, enum queue_view_form form, struct server_reply *reply)
{
	struct queue_view view = {
		.queue_directory = commands->queue_directory,
		.viewer = commands->viewer,
		.form = form,
		.line = say,
		.context = reply,
	};
	struct error error;

	if (queue_view_run(&view, &error) < 0)
		server_reply_from_error(reply, &error);
	else
		server_reply_set(reply, 250, "2.0.0", "%zu messages", view.messages);
}

/* ---- FLUSH ---- */

/* 1: the answer is in notice; 0: there is no service to give one. */
static int await(struct channel *service, struct notice *notice)
{
	int64_t deadline = clock_deadline(PATIENCE);
	struct pollfd wait = { .fd = service->fd, .events = POLLIN };

	for (;;) {
		struct buffer lines CLEANUP(buffer_finish) = { 0 };

		/* Lines of a conversation that nobody waits for any more. */
		buffer_init(&lines, NOTICE_LINES);
		int outcome = notice_take_lines(service, notice, &lines);
		if (outcome < 0)
			return 0;
		if (outcome > 0 && (notice->kind == NOTICE_GO || notice->kind == NOTICE_PAUSED))
			return 1;
		if (outcome > 0)
			continue;
		if (poll(&wait, 1, clock_poll_timeout(deadline)) <= 0 || channel_fill(service) <= 0)
			return 0;
	}
}

static int send_due(struct channel *service, struct buffer *ids)
{
	struct notice notice = { .kind = NOTICE_DUE, .id = NOTICE_NO_ID };
	int outcome = notice_send_lines(service, &notice, buffer_span(ids));

	buffer_clear(ids);
	return outcome;
}

/* Tells the service which files are the client's.  -1: the service is gone, or error. */
static int tell_due(const struct queue_commands *commands, struct error *error)
{
	CLEANUP(listing_finish) struct listing listing = { 0 };
	CLEANUP(buffer_finish) struct buffer ids = { 0 };

	if (listing_read(&listing, commands->queue_directory, error) < 0)
		return -1;
	buffer_init(&ids, NOTICE_LINES);
	for (size_t i = 0; i < listing.count; i++) {
		CLEANUP(queue_file_finish) struct queue_file file = { .fd = -1 };

		if (queue_viewer_read(&commands->viewer, &file, commands->queue_directory,
			listing.ids[i], error) != 0)
			continue;
		buffer_append_string(&ids, listing.ids[i]);
		buffer_append_byte(&ids, '\n');
		if (ids.length + QUEUE_ID_SIZE > NOTICE_LINES &&
		    send_due(commands->service, &ids) < 0)
			return error_system(error, "cannot reach the service");
	}
	if (ids.length != 0 && send_due(commands->service, &ids) < 0)
		return error_system(error, "cannot reach the service");
	return 0;
}

static void flush(const struct queue_commands *commands, struct server_reply *reply)
{
	struct notice notice = { .kind = NOTICE_FLUSH, .id = NOTICE_NO_ID };
	struct error error;

	if (commands->service->fd < 0 || notice_send(commands->service, &notice) < 0 ||
	    await(commands->service, &notice) == 0) {
		server_reply_set(reply, 450, "4.3.2", "the service is just ending, try again");
		return;
	}
	if (notice.kind == NOTICE_PAUSED) {
		server_reply_set(reply, 250, "2.0.0", "%s", notice.text);
		return;
	}
	if (!commands->viewer.sees_all && tell_due(commands, &error) < 0) {
		server_reply_from_error(reply, &error);
		return;
	}
	server_reply_set(reply, 250, "2.0.0", "what waits is tried now");
}

/* ---- ADD ---- */

static void add(
    const struct queue_commands *commands, struct span argument, struct server_reply *reply)
{
	struct notice notice = { .kind = NOTICE_QUEUED };
	struct span word = { 0 };

	if (!commands->viewer.sees_all) {
		server_reply_set(reply, 550, "5.7.1", "this is for the service itself");
		return;
	}
	(void)span_take_word(&argument, &word);
	(void)span_take_word(&argument, &word);
	memcpy(notice.id, word.start, sizeof notice.id - 1);
	notice.is_later = span_take_word(&argument, &word);
	if (commands->service->fd < 0 || notice_send(commands->service, &notice) < 0)
		server_reply_set(reply, 450, "4.3.2", "the service is just ending, try again");
}

/* ---- */

void queue_commands_run(
    const struct queue_commands *commands, struct span argument, struct server_reply *reply)
{
	enum verb verb = parse(argument);

	if (verb == NONE) {
		refuse_syntax(reply);
	} else if (commands->viewer.uid < 0) {
		/* "Empty" would be no more than a guess. */
		server_reply_set(reply, 550, "5.7.1",
		    "the kernel does not say who asks (a user of another namespace), so what "
		    "waits is not shown");
	} else if (verb == FLUSH) {
		flush(commands, reply);
	} else if (verb == ADD) {
		add(commands, argument, reply);
	} else {
		list(commands, verb == LIST ? QUEUE_VIEW_TEXT : QUEUE_VIEW_JSON, reply);
	}
}

void queue_commands_refuse(const char *spool, struct span argument, struct server_reply *reply)
{
	enum verb verb = parse(argument);
	struct stat status;

	if (verb == NONE || verb == ADD)
		refuse_syntax(reply);
	else if (spool != NULL && lstat(spool, &status) == 0)
		server_reply_set(reply, 450, "4.3.2",
		    "no service answers, and the spool %s belongs to uid %u: what waits there is "
		    "not known",
		    spool, status.st_uid);
	else if (verb == FLUSH)
		server_reply_set(reply, 250, "2.0.0", "nothing waits: there is no spool");
	else
		server_reply_set(reply, 450, "4.3.2",
		    "no service answers, and there is no spool: what waits is not known");
}
