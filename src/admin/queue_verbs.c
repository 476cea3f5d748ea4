/* SPDX-License-Identifier: MIT */

#include "admin/queue_verbs.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "admin/queue_access.h"
#include "admin/queue_flush.h"
#include "admin/queue_words.h"
#include "base/clock.h"
#include "base/memory.h"
#include "service/queue_actions.h"
#include "service/queue_raw.h"
#include "service/queue_show.h"
#include "smtp/command.h"
#include "smtp/status.h"

static const char help[] =
    "usage: mailchute queue [--count|--json]           lists what waits\n"
    "       mailchute queue show MESSAGES [--body|--raw]\n"
    "                                    envelope, every reply that was kept, header; the\n"
    "                                    body, too; or the message alone, as it stands\n"
    "       mailchute queue retry MESSAGES     they are due now\n"
    "       mailchute queue hold MESSAGES      not tried nor given up until released\n"
    "       mailchute queue release MESSAGES   no longer held, and due now\n"
    "       mailchute queue remove MESSAGES    gone for good; nobody is told\n"
    "       mailchute queue flush [MESSAGES] [--wait 60s]\n"
    "                                    all that waits is tried now, or these; a service is\n"
    "                                    started if need be. With --wait it ends when they\n"
    "                                    are gone (0) or cannot be sent in this time (69)\n"
    "\n"
    "MESSAGES are whole queue IDs, or one or more of these (all of them must hold):\n"
    "  --from ADDRESS     the envelope sender; '' is the null sender, @DOMAIN all of one\n"
    "  --to ADDRESS       a recipient that still waits; @DOMAIN likewise\n"
    "  --smarthost NAME   the name of its block in the configuration\n"
    "  --all              each one; alone\n"
    "\n"
    "Root and the owner of the spool may do this to any message, others by the service to\n"
    "their own. Exit status: 0, 66 when there is no such message, 77, 69 and others of\n"
    "sysexits.h.\n";

enum { LOCK_PATIENCE = 5000, LOCK_PAUSE = 50, BUSY_PATIENCE = 3000, BUSY_PAUSE = 30 };

enum kind { SHOW, CHANGE, FLUSH };

static const struct verb {
	const char *name;
	enum kind kind;
	enum queue_verb change;
	const char *command;
} verbs[] = {
	{ "show", SHOW, 0, "SHOW" },
	{ "retry", CHANGE, QUEUE_RETRY, "RETRY" },
	{ "hold", CHANGE, QUEUE_HOLD, "HOLD" },
	{ "release", CHANGE, QUEUE_RELEASE, "RELEASE" },
	{ "remove", CHANGE, QUEUE_REMOVE, "REMOVE" },
	{ "flush", FLUSH, 0, "RETRY" },
};

/* One command as it runs. */
struct task {
	const struct verb *verb;
	const char *command;
	enum queue_show_form form;
	int64_t wait; /* -1: not */
	struct queue_access access;
	struct queue_selection selection;
	size_t next; /* of the IDs that are not yet done */
	size_t met;  /* messages */
	enum error_kind status;
};

static void finish(struct task *task)
{
	queue_selection_finish(&task->selection);
	queue_access_finish(&task->access);
}

/* ---- the command line ---- */

enum { FROM, TO, SMARTHOST, ALL, BODY, RAW, WAIT, HELP, OPTION_COUNT };

static int set_text(char **target, const struct command_option *option, struct error *error)
{
	if (option->value == NULL)
		return 0;
	struct span text = span_from_string(option->value);
	if (span_has_control(text))
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "%s: no control characters", option->name);
	if (span_equals_string(text, "<>"))
		text = span_from_string("");
	*target = span_copy(text);
	return 0;
}

static int add_ids(struct queue_selection *selection, char **words, int count, struct error *error)
{
	for (int i = 0; i < count; i++)
		if (queue_selection_add(selection, span_from_string(words[i]), error) < 0)
			return error_next(
			    error, "mailchute queue shows the IDs, which are needed whole");
	return 0;
}

static int check_selection(const struct task *task, struct error *error)
{
	const struct queue_selection *selection = &task->selection;

	if (selection->is_all &&
	    (selection->id_count != 0 || queue_selection_has_conditions(selection)))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "%s: --all means every message: give "
		    "it alone, or not at all",
		    task->verb->name);
	if (task->verb->kind == FLUSH || !queue_selection_is_empty(selection))
		return 0;
	error_set(error, ERROR_USAGE, "5.5.4", "%s: which messages?", task->verb->name);
	return error_next(error, "mailchute queue %s ID..., or --from, --to, --smarthost, --all",
	    task->verb->name);
}

static int set_form(struct task *task, const struct command_option *options, struct error *error)
{
	if (task->verb->kind != SHOW && (options[BODY].value != NULL || options[RAW].value != NULL))
		return error_set(error, ERROR_USAGE, "5.5.4", "%s: --body and --raw are for show",
		    task->verb->name);
	if (options[BODY].value != NULL) {
		task->form = QUEUE_SHOW_BODY;
		task->command = "SHOW BODY";
	}
	if (options[RAW].value != NULL) {
		task->form = QUEUE_SHOW_RAW;
		task->command = "SHOW RAW";
	}
	return 0;
}

static int set_wait(struct task *task, const char *value, struct error *error)
{
	task->wait = -1;
	if (value == NULL)
		return 0;
	if (task->verb->kind != FLUSH)
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "%s: --wait is for flush", task->verb->name);
	if (!clock_parse_duration(span_from_string(value), &task->wait))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "flush: --wait %s is no time such as 60s or 5m", value);
	return 0;
}

/* 1: help was asked for. */
static int read_arguments(struct task *task, int argc, char **argv, struct error *error)
{
	struct command_option options[OPTION_COUNT] = {
		[FROM] = { .name = "--from", .takes_value = true },
		[TO] = { .name = "--to", .takes_value = true },
		[SMARTHOST] = { .name = "--smarthost", .takes_value = true },
		[ALL] = { .name = "--all" },
		[BODY] = { .name = "--body" },
		[RAW] = { .name = "--raw" },
		[WAIT] = { .name = "--wait", .takes_value = true },
		[HELP] = { .name = "--help" },
	};
	int word_count;

	if (command_read_words(argc, argv, options, OPTION_COUNT, &word_count, error) < 0)
		return -1;
	if (options[HELP].value != NULL)
		return 1;
	task->selection.is_all = options[ALL].value != NULL;
	if (set_text(&task->selection.from, &options[FROM], error) < 0 ||
	    set_text(&task->selection.to, &options[TO], error) < 0 ||
	    set_text(&task->selection.smarthost, &options[SMARTHOST], error) < 0 ||
	    add_ids(&task->selection, argv + 1, word_count, error) < 0 ||
	    set_form(task, options, error) < 0 || set_wait(task, options[WAIT].value, error) < 0)
		return -1;
	return check_selection(task, error);
}

/* ---- the answer ---- */

static void note_status(struct task *task, enum error_kind status)
{
	if (task->status == ERROR_NONE)
		task->status = status;
}

static void print_error(struct span id, struct span words)
{
	fprintf(stderr, "mailchute: %.*s: %.*s\n", span_int(id), id.start, span_int(words),
	    words.start);
}

/* "? ID words" and "- ID STATUS words". */
static void take_failure(struct task *task, char sign, struct span rest)
{
	struct span id = { 0 };
	struct span word = { 0 };
	char status[STATUS_SIZE] = "";

	(void)span_take_word(&rest, &id);
	if (sign == QUEUE_CHANGE_REFUSED && span_take_word(&rest, &word) &&
	    word.length < sizeof status)
		memcpy(status, word.start, word.length);
	note_status(
	    task, sign == QUEUE_CHANGE_MISSING ? ERROR_NO_INPUT : error_kind_from_status(status));
	print_error(id, span_trim(rest));
}

static bool take_change(struct task *task, char sign, struct span rest)
{
	struct span id = { 0 };

	if (sign != QUEUE_CHANGE_DONE && sign != QUEUE_CHANGE_NEEDLESS) {
		take_failure(task, sign, rest);
		return true;
	}
	(void)span_take_word(&rest, &id);
	rest = span_trim(rest);
	/* Whoever reads no more still wants it done. */
	printf("%.*s: %.*s\n", span_int(id), id.start, span_int(rest), rest.start);
	return true;
}

static bool take_text(struct task *task, char sign, struct span rest)
{
	if (sign == QUEUE_CHANGE_MISSING || sign == QUEUE_CHANGE_REFUSED) {
		take_failure(task, sign, rest);
		return true;
	}
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	buffer_init(&text, rest.length + 2);
	if (task->form != QUEUE_SHOW_RAW)
		buffer_append_span(&text, rest);
	else if (!queue_raw_decode(rest, &text))
		return false;
	if (sign != '+')
		buffer_append_byte(&text, '\n');
	return fwrite(buffer_string(&text), 1, text.length, stdout) == text.length;
}

static bool take_line(void *context, struct span line)
{
	struct task *task = context;

	if (line.length == 0)
		return true;
	task->met++;
	return (task->verb->kind == SHOW ? take_text : take_change)(
	    task, line.start[0], span_after(line, 1));
}

/* ---- by the service ---- */

/* QUERY_NOBODY: the IDs from task->next on are still to be done. */
static int ask(struct task *task, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	size_t next = task->next;

	buffer_init(&line, COMMAND_LINE_LIMIT);
	while (queue_words_next(task->command, &task->selection, &next, &line)) {
		struct reply reply = { 0 };

		if (line.has_overflowed)
			return error_set(
			    error, ERROR_USAGE, "5.5.4", "--from, --to: they are too long");
		int outcome = queue_access_ask(
		    &task->access, buffer_string(&line), take_line, task, &reply, error);
		if (outcome != 0)
			return outcome;
		if (reply.code / 100 != 2)
			return query_refused(&reply, error);
		task->next = next;
	}
	return 0;
}

/* ---- without a service ---- */

static int change_ourselves(void *context, const char *id, enum queue_verb verb,
    struct queue_change *change, struct error *error)
{
	const struct task *task = context;
	const struct queue_viewer viewer = { .uid = task->access.uid, .sees_all = true };
	int64_t deadline = clock_deadline(BUSY_PATIENCE);

	(void)error;
	for (;;) {
		queue_change_make(task->access.spool.queue, id, verb, &viewer, change);
		if (change->sign != QUEUE_CHANGE_BUSY || clock_monotonic() >= deadline)
			return 0;
		(void)poll(NULL, 0, BUSY_PAUSE);
	}
}

static int do_ourselves(struct task *task, struct error *error)
{
	struct queue_selection rest = task->selection;
	struct queue_actions actions = {
		.queue_directory = task->access.spool.queue,
		.config = &task->access.config,
		.viewer = { .uid = task->access.uid, .sees_all = true },
		.change = change_ourselves,
		.line = take_line,
		.context = task,
	};

	if (rest.id_count != 0) {
		rest.ids += task->next;
		rest.id_count -= task->next;
	}
	if (task->verb->kind == SHOW)
		return queue_show_run(&actions, task->form, &rest, error);
	return queue_actions_run(&actions, task->verb->change, &rest, error);
}

/* A service may come or leave at any time, and then it is asked, or not. */
static int do_it(struct task *task, struct error *error)
{
	int64_t deadline = clock_deadline(LOCK_PATIENCE);

	for (;;) {
		int outcome = ask(task, error);

		if (outcome != QUERY_NOBODY)
			return outcome;
		int locked = queue_access_lock(&task->access, error);
		if (locked == 0)
			return do_ourselves(task, error);
		if (locked < 0 || clock_monotonic() >= deadline)
			return -1;
		(void)poll(NULL, 0, LOCK_PAUSE);
	}
}

static int conclude(const struct task *task, struct error *error)
{
	if (fflush(stdout) != 0)
		return error_system(error, "cannot write the answer");
	if (task->met != 0)
		return 0;
	error_set(error, ERROR_NO_INPUT, "5.5.0", "no message matches");
	return error_next(error, "mailchute queue lists what waits");
}

/* ---- flush ---- */

static bool pass_over(void *context, struct span line)
{
	(void)context;
	(void)line;
	return true;
}

/* Where nobody listens a service is started, as sendmail -q does. */
static int flush_all(const struct queue_access *access, struct error *error)
{
	struct reply reply = { 0 };
	int outcome = queue_access_ask(access, "XQUEUE FLUSH", pass_over, NULL, &reply, error);

	if (outcome == QUERY_NOBODY)
		outcome = query_run("XQUEUE FLUSH", pass_over, NULL, &reply, error);
	if (outcome < 0)
		return -1;
	if (reply.code / 100 != 2)
		return query_refused(&reply, error);
	return printf("%s\n", reply.text) < 0 ? error_system(error, "cannot write the answer") : 0;
}

static int start_service(struct error *error)
{
	struct reply reply = { 0 };

	if (query_run("XQUEUE COUNT", pass_over, NULL, &reply, error) < 0)
		return -1;
	return reply.code / 100 == 2 ? 0 : query_refused(&reply, error);
}

static int flush(struct task *task, struct error *error)
{
	bool is_all = queue_selection_is_empty(&task->selection) || task->selection.is_all;
	struct queue_counts before;

	if (is_all)
		task->selection.is_all = false;
	int outcome = queue_flush_count(&task->access, &task->selection, &before, error);
	if (outcome == QUERY_NOBODY && !is_all) {
		if (start_service(error) < 0)
			return -1;
		outcome = queue_flush_count(&task->access, &task->selection, &before, error);
	}
	if (outcome < 0)
		return -1;
	if ((is_all ? flush_all(&task->access, error) : ask(task, error)) != 0)
		return -1;
	if (!is_all && conclude(task, error) < 0)
		return -1;
	if (task->wait < 0)
		return 0;
	(void)fflush(stdout);
	return queue_flush_wait(&task->access, &task->selection,
	    before.due + before.active + before.later, task->wait, error);
}

/* ---- */

static int run(struct task *task, struct error *error)
{
	if (queue_access_begin(&task->access, error) < 0)
		return -1;
	if (task->verb->kind == FLUSH)
		return flush(task, error);
	return do_it(task, error) < 0 ? -1 : conclude(task, error);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int print_help(void)
{
	return printf("%s", help) < 0 ? ERROR_IO : 0;
}

int queue_verbs_run(int argc, char **argv)
{
	struct task task CLEANUP(finish) = {
		.verb = find_verb(argv[0]),
		.access.spool = { .directory = -1, .queue = -1, .lock = -1 },
	};
	struct error error;

	if (strcmp(argv[0], "--help") == 0)
		return print_help();
	if (task.verb == NULL) {
		error_set(&error, ERROR_USAGE, "5.5.4", "queue: there is no \"%s\"", argv[0]);
		(void)error_next(&error, "mailchute queue --help");
		return command_fail(&error);
	}
	task.command = task.verb->command;
	int outcome = read_arguments(&task, argc, argv, &error);
	if (outcome == 1)
		return print_help();
	if (outcome < 0 || run(&task, &error) < 0)
		return command_fail(&error);
	return (int)task.status;
}
