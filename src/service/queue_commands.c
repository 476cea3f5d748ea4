/* SPDX-License-Identifier: MIT */

#include "service/queue_commands.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/memory.h"
#include "service/notice.h"
#include "service/queue_actions.h"
#include "service/queue_requests.h"
#include "service/queue_show.h"
#include "service/queue_view.h"
#include "spool/listing.h"

enum { PATIENCE = 30000 }; /* milliseconds, until the service has said whether to go on */

enum verb { LIST, LIST_JSON, PAUSED, PAUSED_JSON, FLUSH, ADD, SHOW, CHANGE, COUNT, NONE };

/* Those whose words are a selection. */
static const struct {
	const char *name;
	enum verb verb;
	enum queue_verb change;
} selecting[] = {
	{ "SHOW", SHOW, 0 },
	{ "RETRY", CHANGE, QUEUE_RETRY },
	{ "HOLD", CHANGE, QUEUE_HOLD },
	{ "RELEASE", CHANGE, QUEUE_RELEASE },
	{ "REMOVE", CHANGE, QUEUE_REMOVE },
	{ "COUNT", COUNT, 0 },
};

/* Its place in the table, and what follows it; -1: it is another. */
static int find_selecting(struct span argument, struct span *rest)
{
	struct span word = { 0 };

	(void)span_take_word(&argument, &word);
	for (size_t i = 0; i < sizeof selecting / sizeof selecting[0]; i++)
		if (span_equals_string_ignoring_case(word, selecting[i].name)) {
			*rest = argument;
			return (int)i;
		}
	return -1;
}

static enum verb parse(struct span argument)
{
	struct span words[3] = { { 0 } };
	struct span rest;
	size_t count = 0;
	int place = find_selecting(argument, &rest);

	if (place >= 0)
		return selecting[place].verb;
	while (count < 3 && span_take_word(&argument, &words[count]))
		count++;
	if (count == 1 && span_equals_string_ignoring_case(words[0], "LIST"))
		return LIST;
	if (count == 2 && span_equals_string_ignoring_case(words[0], "LIST") &&
	    span_equals_string_ignoring_case(words[1], "JSON"))
		return LIST_JSON;
	if (count == 1 && span_equals_string_ignoring_case(words[0], "SMARTHOSTS"))
		return PAUSED;
	if (count == 2 && span_equals_string_ignoring_case(words[0], "SMARTHOSTS") &&
	    span_equals_string_ignoring_case(words[1], "JSON"))
		return PAUSED_JSON;
	if (count == 1 && span_equals_string_ignoring_case(words[0], "FLUSH"))
		return FLUSH;
	if ((count == 2 || (count == 3 && span_equals_string_ignoring_case(words[2], "LATER"))) &&
	    span_equals_string_ignoring_case(words[0], "ADD") && queue_id_is_valid(words[1]))
		return ADD;
	return NONE;
}

static void refuse_syntax(struct server_reply *reply)
{
	server_reply_set(reply, 501, "5.5.4",
	    "XQUEUE LIST [JSON], SMARTHOSTS [JSON], FLUSH, COUNT, SHOW, RETRY, HOLD, RELEASE and "
	    "REMOVE are known "
	    "here");
}

/* ---- LIST ---- */

static bool say(void *context, struct span line)
{
	return server_say(context, line);
}

/* What is paused; nothing, where that cannot be asked. */
static void ask_states(
    const struct queue_commands *commands, enum queue_view_form form, struct buffer *lines)
{
	struct error error;

	buffer_init(lines, NOTICE_LINES);
	if (commands->viewer.sees_all && commands->service->fd >= 0)
		(void)queue_requests_states(
		    commands->service, form == QUEUE_VIEW_JSON, lines, &error);
}

static void list_smarthosts(
    const struct queue_commands *commands, enum queue_view_form form, struct server_reply *reply)
{
	struct buffer lines CLEANUP(buffer_finish) = { 0 };
	struct span rest;
	struct span line;
	size_t count = 0;

	ask_states(commands, form, &lines);
	rest = buffer_span(&lines);
	for (; span_take_line(&rest, &line) && server_say(reply, line); count++)
		;
	server_reply_set(reply, 250, "2.0.0", "%zu paused", count);
}

static void list(
    const struct queue_commands *commands, enum queue_view_form form, struct server_reply *reply)
{
	struct buffer states CLEANUP(buffer_finish) = { 0 };
	struct queue_view view = {
		.queue_directory = commands->queue_directory,
		.viewer = commands->viewer,
		.form = form,
		.line = say,
		.context = reply,
		.capture = commands->config != NULL ? commands->config->capture : NULL,
	};
	struct error error;

	ask_states(commands, form, &states);
	view.notes = buffer_span(&states);
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
	struct queue_summary summary = { .uid = -1 };
	struct error ignored;
	(void)queue_file_read_summary(commands->queue_directory, notice.id, &summary, &ignored);
	notice.uid = summary.uid;
	notice.octets = summary.message_length;
	if (commands->service->fd < 0 || notice_send(commands->service, &notice) < 0)
		server_reply_set(reply, 450, "4.3.2", "the service is just ending, try again");
}

/* ---- what is selected ---- */

/* What a service does, asked for by its receive process. */
struct asking {
	const struct queue_commands *commands;
	struct server_reply *reply;
	struct queue_counts counts;
	struct buffer ids; /* to count, not yet sent */
	struct error *error;
};

static int change_by_service(void *context, const char *id, enum queue_verb verb,
    struct queue_change *change, struct error *error)
{
	const struct asking *asking = context;

	return queue_requests_change(asking->commands->service, id, verb, change, error);
}

static bool say_for(void *context, struct span line)
{
	const struct asking *asking = context;

	return server_say(asking->reply, line);
}

static struct queue_actions actions_of(struct asking *asking)
{
	return (struct queue_actions){
		.queue_directory = asking->commands->queue_directory,
		.config = asking->commands->config,
		.viewer = asking->commands->viewer,
		.change = change_by_service,
		.line = say_for,
		.context = asking,
	};
}

static void change(struct asking *asking, enum queue_verb verb,
    const struct queue_selection *selection, struct server_reply *reply)
{
	struct queue_actions actions = actions_of(asking);
	struct error error;

	if (queue_actions_run(&actions, verb, selection, &error) < 0)
		server_reply_from_error(reply, &error);
	else
		server_reply_set(reply, 250, "2.0.0", "%zu messages", actions.count);
}

static void show(struct asking *asking, enum queue_show_form form,
    const struct queue_selection *selection, struct server_reply *reply)
{
	struct queue_actions actions = actions_of(asking);
	struct error error;

	if (queue_show_run(&actions, form, selection, &error) < 0)
		server_reply_from_error(reply, &error);
	else
		server_reply_set(reply, 250, "2.0.0", "%zu messages", actions.count);
}

static int count_ids(struct asking *asking)
{
	struct queue_counts counts;

	if (asking->ids.length == 0)
		return 0;
	if (queue_requests_count(
		asking->commands->service, buffer_span(&asking->ids), &counts, asking->error) < 0)
		return -1;
	buffer_clear(&asking->ids);
	queue_counts_add(&asking->counts, &counts);
	return 0;
}

static int add_id(
    void *context, const char *id, struct queue_file *file, const struct error *trouble)
{
	struct asking *asking = context;

	if (file == NULL && trouble == NULL)
		return 0;
	if (asking->ids.length + QUEUE_ID_SIZE > NOTICE_LINES && count_ids(asking) < 0)
		return -1;
	buffer_append_string(&asking->ids, id);
	buffer_append_byte(&asking->ids, '\n');
	return 0;
}

static int count_selected(
    struct asking *asking, const struct queue_selection *selection, struct error *error)
{
	struct queue_actions actions = actions_of(asking);

	if (asking->commands->viewer.sees_all && queue_selection_is_empty(selection))
		return queue_requests_count(
		    asking->commands->service, (struct span){ 0 }, &asking->counts, error);
	if (queue_actions_each(&actions, selection, add_id, asking, error) < 0)
		return -1;
	return count_ids(asking);
}

static void count(
    struct asking *asking, const struct queue_selection *selection, struct server_reply *reply)
{
	char text[QUEUE_COUNTS_SIZE];
	struct error error;

	buffer_init(&asking->ids, NOTICE_LINES);
	asking->counts.next = -1;
	asking->error = &error;
	int outcome = count_selected(asking, selection, &error);
	buffer_finish(&asking->ids);
	if (outcome < 0) {
		server_reply_from_error(reply, &error);
		return;
	}
	queue_counts_format(&asking->counts, text);
	server_reply_set(reply, 250, "2.0.0", "%s", text);
}

static enum queue_show_form take_form(struct span *words)
{
	struct span rest = *words;
	struct span word = { 0 };
	enum queue_show_form form = QUEUE_SHOW_HEADER;

	(void)span_take_word(&rest, &word);
	if (span_equals_string_ignoring_case(word, "BODY"))
		form = QUEUE_SHOW_BODY;
	else if (span_equals_string_ignoring_case(word, "RAW"))
		form = QUEUE_SHOW_RAW;
	else
		return form;
	*words = rest;
	return form;
}

static void run_selecting(
    const struct queue_commands *commands, struct span argument, struct server_reply *reply)
{
	CLEANUP(queue_selection_finish) struct queue_selection selection = { 0 };
	struct asking asking = { .commands = commands, .reply = reply };
	enum queue_show_form form = QUEUE_SHOW_HEADER;
	struct span words;
	int place = find_selecting(argument, &words);
	enum verb verb = selecting[place].verb;
	struct error error;

	if (verb == SHOW)
		form = take_form(&words);
	if (queue_selection_parse(&selection, words, &error) < 0) {
		server_reply_from_error(reply, &error);
		return;
	}
	if (verb == COUNT)
		count(&asking, &selection, reply);
	else if (queue_selection_is_empty(&selection))
		server_reply_set(
		    reply, 501, "5.5.4", "which messages? ID..., FROM=, TO=, SMARTHOST= or ALL");
	else if (verb == SHOW)
		show(&asking, form, &selection, reply);
	else
		change(&asking, selecting[place].change, &selection, reply);
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
	} else if (verb == PAUSED || verb == PAUSED_JSON) {
		list_smarthosts(
		    commands, verb == PAUSED ? QUEUE_VIEW_TEXT : QUEUE_VIEW_JSON, reply);
	} else if (verb == SHOW || verb == CHANGE || verb == COUNT) {
		run_selecting(commands, argument, reply);
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
