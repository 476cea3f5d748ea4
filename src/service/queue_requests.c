/* SPDX-License-Identifier: MIT */

#include "service/queue_requests.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	PATIENCE = 30000,     /* milliseconds for an answer of the service */
	BUSY_PATIENCE = 3000, /* for a file that another process has in its hands */
	BUSY_PAUSE = 30,
};

/* ---- counts ---- */

void queue_counts_add(struct queue_counts *counts, const struct queue_counts *more)
{
	counts->due += more->due;
	counts->active += more->active;
	counts->later += more->later;
	if (more->next >= 0 && (counts->next < 0 || more->next < counts->next))
		counts->next = more->next;
}

void queue_counts_format(const struct queue_counts *counts, char text[static QUEUE_COUNTS_SIZE])
{
	snprintf(text, QUEUE_COUNTS_SIZE, "due=%zu active=%zu later=%zu next=%" PRId64, counts->due,
	    counts->active, counts->later, counts->next);
}

static bool take_number(struct span *text, const char *name, uint64_t *number)
{
	struct span word;

	return span_take_word(text, &word) && span_starts_with(word, name) &&
	       span_to_number(span_after(word, strlen(name)), number);
}

bool queue_counts_parse(struct span text, struct queue_counts *counts)
{
	uint64_t due;
	uint64_t active;
	uint64_t later;
	uint64_t next;
	struct span word;

	if (!take_number(&text, "due=", &due) || !take_number(&text, "active=", &active) ||
	    !take_number(&text, "later=", &later) || !span_take_word(&text, &word) ||
	    !span_starts_with(word, "next="))
		return false;
	word = span_after(word, strlen("next="));
	bool is_none = span_equals_string(word, "-1");
	if ((!is_none && !span_to_number(word, &next)) || span_take_word(&text, &word))
		return false;
	*counts = (struct queue_counts){ (size_t)due, (size_t)active, (size_t)later,
		is_none ? -1 : (int64_t)next };
	return true;
}

/* ---- the conversation ---- */

void queue_requests_answer(const struct queue_change *change, struct notice *notice)
{
	notice->kind = NOTICE_CHANGED;
	text_copy(notice->status, sizeof notice->status, change->status);
	snprintf(notice->text, sizeof notice->text, "%c%s", (int)change->sign, change->text);
}

static int nobody_answers(struct error *error)
{
	return error_set(
	    error, ERROR_UNAVAILABLE, "4.3.2", "the service is just ending, try again");
}

static int await_lines(struct channel *service, enum notice_kind kind, struct notice *notice,
    struct buffer *lines, struct error *error)
{
	int64_t deadline = clock_deadline(PATIENCE);
	struct pollfd wait = { .fd = service->fd, .events = POLLIN };

	for (;;) {
		buffer_clear(lines);
		int outcome = notice_take_lines(service, notice, lines);
		if (outcome < 0)
			return nobody_answers(error);
		if (outcome > 0 && notice->kind == kind)
			return 0;
		if (outcome > 0)
			continue;
		if (poll(&wait, 1, clock_poll_timeout(deadline)) <= 0 || channel_fill(service) <= 0)
			return nobody_answers(error);
	}
}

int queue_requests_await(
    struct channel *service, enum notice_kind kind, struct notice *notice, struct error *error)
{
	/* Lines of a conversation that nobody waits for any more. */
	struct buffer lines CLEANUP(buffer_finish) = { 0 };

	buffer_init(&lines, NOTICE_LINES);
	return await_lines(service, kind, notice, &lines, error);
}

static int change_once(struct channel *service, const char *id, enum queue_verb verb,
    struct queue_change *change, struct error *error)
{
	struct notice notice = { .kind = NOTICE_CHANGE };

	memcpy(notice.id, id, sizeof notice.id);
	notice.text[0] = (char)verb;
	if (service->fd < 0 || notice_send(service, &notice) < 0)
		return nobody_answers(error);
	if (queue_requests_await(service, NOTICE_CHANGED, &notice, error) < 0)
		return -1;
	if (notice.text[0] == '\0' || strchr("+=?-~", notice.text[0]) == NULL)
		return nobody_answers(error);
	queue_change_set(change, (enum queue_change_sign)notice.text[0], notice.status, "%.790s",
	    notice.text + 1);
	return 0;
}

int queue_requests_change(struct channel *service, const char *id, enum queue_verb verb,
    struct queue_change *change, struct error *error)
{
	int64_t deadline = clock_deadline(BUSY_PATIENCE);

	for (;;) {
		if (change_once(service, id, verb, change, error) < 0)
			return -1;
		if (change->sign != QUEUE_CHANGE_BUSY || clock_monotonic() >= deadline)
			return 0;
		(void)poll(NULL, 0, BUSY_PAUSE);
	}
}

int queue_requests_count(
    struct channel *service, struct span ids, struct queue_counts *counts, struct error *error)
{
	struct notice notice = { .kind = NOTICE_COUNT, .id = NOTICE_NO_ID };

	if (service->fd < 0 || notice_send_lines(service, &notice, ids) < 0)
		return nobody_answers(error);
	if (queue_requests_await(service, NOTICE_COUNTED, &notice, error) < 0)
		return -1;
	if (!queue_counts_parse(span_from_string(notice.text), counts))
		return nobody_answers(error);
	return 0;
}

int queue_requests_states(
    struct channel *service, bool as_json, struct buffer *lines, struct error *error)
{
	struct notice notice = { .kind = NOTICE_HEALTH, .id = NOTICE_NO_ID };

	text_copy(notice.text, sizeof notice.text, as_json ? "JSON" : "");
	if (service->fd < 0 || notice_send(service, &notice) < 0)
		return nobody_answers(error);
	return await_lines(service, NOTICE_STATES, &notice, lines, error);
}
