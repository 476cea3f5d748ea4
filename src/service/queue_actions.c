/* SPDX-License-Identifier: MIT */

#include "service/queue_actions.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "service/routing.h"
#include "spool/listing.h"
#include "spool/queue_error.h"

/* The one that is asked for, if the message is for it. */
static const char *smarthost_of(const struct config *config, const struct queue_file *file,
    const struct queue_selection *selection)
{
	const char *wanted = selection->smarthost;

	return wanted != NULL && config != NULL && routing_leads_to(config, file, wanted) ? wanted
											  : NULL;
}

/* is_named: that it is not there is worth a word. */
static int look_at(const struct queue_actions *actions, const struct queue_selection *selection,
    const char *id, bool is_named, queue_actions_visit *visit, void *context)
{
	CLEANUP(queue_file_finish) struct queue_file file = { .fd = -1 };
	struct error trouble;
	int outcome = queue_viewer_read(
	    &actions->viewer, &file, actions->queue_directory, id, &trouble);

	if (outcome == QUEUE_MISSING)
		return is_named ? visit(context, id, NULL, NULL) : 0;
	if (outcome != QUEUE_OPENED)
		return queue_selection_matches(selection, NULL, NULL)
			   ? visit(context, id, NULL, &trouble)
			   : 0;
	if (!queue_selection_matches(
		selection, &file, smarthost_of(actions->config, &file, selection)))
		return 0;
	return visit(context, id, &file, NULL);
}

int queue_actions_each(const struct queue_actions *actions, const struct queue_selection *selection,
    queue_actions_visit *visit, void *context, struct error *error)
{
	CLEANUP(listing_finish) struct listing listing = { 0 };
	bool is_named = selection->id_count != 0;

	if (!is_named && listing_read(&listing, actions->queue_directory, error) < 0)
		return -1;
	const char(*ids)[QUEUE_ID_SIZE] = (const char(*)[QUEUE_ID_SIZE])(
	    is_named ? selection->ids : listing.ids);
	size_t count = is_named ? selection->id_count : listing.count;
	for (size_t i = 0; i < count; i++)
		if (look_at(actions, selection, ids[i], is_named, visit, context) < 0)
			return -1;
	return 0;
}

struct run {
	struct queue_actions *actions;
	enum queue_verb verb;
	bool is_by_name;
	struct error *error;
};

static void say(struct run *run, const char *id, const struct queue_change *change)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	bool is_refused = change->sign == QUEUE_CHANGE_REFUSED || change->sign == QUEUE_CHANGE_BUSY;

	buffer_init(&line, QUEUE_VIEW_LINE);
	buffer_format(&line, "%c %s ", is_refused ? QUEUE_CHANGE_REFUSED : (int)change->sign, id);
	if (is_refused)
		buffer_format(&line, "%s ", change->status[0] != '\0' ? change->status : "4.3.0");
	utf8_append_shown(&line, span_from_string(change->text));
	/* That nobody reads any more is no reason to leave half of it undone. */
	(void)run->actions->line(run->actions->context, buffer_span(&line));
}

static int act(void *context, const char *id, struct queue_file *file, const struct error *trouble)
{
	struct run *run = context;
	struct queue_change change = { .sign = QUEUE_CHANGE_MISSING,
		.text = "there is no such message" };

	/* Before the change: whoever makes it has to lock the file. */
	if (file != NULL)
		queue_file_finish(file);
	if ((file != NULL || trouble != NULL) &&
	    run->actions->change(run->actions->context, id, run->verb, &change, run->error) < 0)
		return -1;
	/* One that went its way meanwhile, and was not asked for by name. */
	if (change.sign == QUEUE_CHANGE_MISSING && !run->is_by_name)
		return 0;
	run->actions->count += change.sign != QUEUE_CHANGE_MISSING;
	say(run, id, &change);
	return 0;
}

int queue_actions_run(struct queue_actions *actions, enum queue_verb verb,
    const struct queue_selection *selection, struct error *error)
{
	struct run run = { actions, verb, selection->id_count != 0, error };

	actions->count = 0;
	return queue_actions_each(actions, selection, act, &run, error);
}
