/* SPDX-License-Identifier: MIT */

#include "admin/queue_flush.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/queue_words.h"
#include "base/clock.h"
#include "base/memory.h"
#include "smtp/command.h"

enum { PAUSE_FIRST = 50, PAUSE_LONGEST = 1000 }; /* milliseconds between two looks */

static bool pass_over(void *context, struct span line)
{
	(void)context;
	(void)line;
	return true;
}

int queue_flush_count(const struct queue_access *access, const struct queue_selection *selection,
    struct queue_counts *counts, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	size_t next = 0;

	*counts = (struct queue_counts){ .next = -1 };
	buffer_init(&line, COMMAND_LINE_LIMIT);
	while (queue_words_next("COUNT", selection, &next, &line)) {
		struct queue_counts some;
		struct reply reply = { 0 };
		int outcome = queue_access_ask(
		    access, buffer_string(&line), pass_over, NULL, &reply, error);

		if (outcome != 0)
			return outcome;
		if (reply.code / 100 != 2)
			return query_refused(&reply, error);
		if (!queue_counts_parse(span_from_string(reply.text), &some))
			return error_set(error, ERROR_UNAVAILABLE, "4.5.0",
			    "the service is of another version: it says %s", reply.text);
		queue_counts_add(counts, &some);
	}
	return 0;
}

static size_t left_of(const struct queue_counts *counts)
{
	return counts->due + counts->active + counts->later;
}

static void show_progress(size_t total, const struct queue_counts *counts, const char *end)
{
	size_t left = left_of(counts);

	fprintf(stderr, "\r%zu of %zu done, %zu deferred%-12s%s", total > left ? total - left : 0,
	    total, counts->later, "", end);
}

/* Something can still be sent before the time is over. */
static bool is_worthwhile(const struct queue_counts *counts, int64_t left)
{
	return counts->due + counts->active != 0 || (counts->next >= 0 && counts->next < left);
}

static int conclude(size_t total, const struct queue_counts *counts, struct error *error)
{
	size_t left = left_of(counts);

	if (printf("%zu of %zu done, %zu deferred\n", total - left, total, counts->later) < 0)
		return error_system(error, "cannot write the result");
	if (left == 0)
		return 0;
	error_set(error, ERROR_UNAVAILABLE, "4.4.7", "%zu message%s still wait%s", left,
	    left != 1 ? "s" : "", left != 1 ? "" : "s");
	return error_next(error, "mailchute queue says why");
}

int queue_flush_wait(const struct queue_access *access, const struct queue_selection *selection,
    size_t total, int64_t milliseconds, struct error *error)
{
	int64_t deadline = clock_deadline(milliseconds);
	bool shows = isatty(STDERR_FILENO) == 1;
	int64_t pause = PAUSE_FIRST;

	for (;;) {
		struct queue_counts counts;
		int outcome = queue_flush_count(access, selection, &counts, error);

		/* A service on demand leaves when its queue is empty. */
		if (outcome == QUERY_NOBODY)
			return error_set(error, ERROR_UNAVAILABLE, "4.3.2",
			    "the service has left before all was sent; mailchute queue shows "
			    "what waits");
		if (outcome < 0)
			return -1;
		if (left_of(&counts) > total)
			total = left_of(&counts);
		int64_t left = deadline - clock_monotonic();
		bool is_over = left <= 0 || left_of(&counts) == 0 || !is_worthwhile(&counts, left);
		if (shows)
			show_progress(total, &counts, is_over ? "\n" : "");
		if (is_over)
			return conclude(total, &counts, error);
		(void)poll(NULL, 0, (int)(pause < left ? pause : left));
		pause = pause < PAUSE_LONGEST ? 2 * pause : PAUSE_LONGEST;
	}
}
