/* SPDX-License-Identifier: MIT */

#include "worker/feed.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "worker/converted.h"
#include "worker/international.h"
#include "worker/split.h"

/* One attempt.  It stays where it is while parts of it run: they point into it. */
struct job {
	struct job *next;
	struct feed *feed;
	struct request_attempt attempt;
	struct split split;
	size_t parts;	  /* that run */
	bool is_waiting;  /* among those of the feed */
	bool is_given_up; /* the rest is for another session, so it will not be done here */
	bool has_begun;
	int fd; /* owned */
};

/* One transaction of it, which points into this. */
struct part {
	struct part *next;
	struct job *job;
	struct split_part recipients;
	struct converted converted;
	struct transaction transaction;
};

void feed_init(struct feed *feed, struct channel *channel, const struct session *session)
{
	*feed = (struct feed){ .channel = channel, .session = session };
}

static void free_job(struct job *job)
{
	job->feed->jobs--;
	job->feed->octets -= job->attempt.header_length;
	split_finish(&job->split);
	request_finish_attempt(&job->attempt);
	file_close(&job->fd);
	free(job);
}

static void free_part(struct part *part)
{
	converted_finish(&part->converted);
	split_finish_part(&part->recipients);
	free(part);
}

/* ---- the jobs that wait ---- */

static void append(struct feed *feed, struct job *job)
{
	if (feed->last != NULL)
		feed->last->next = job;
	else
		feed->first = job;
	feed->last = job;
	job->is_waiting = true;
}

/* Before all others: it is older than they are. */
static void put_first(struct feed *feed, struct job *job)
{
	job->next = feed->first;
	feed->first = job;
	if (feed->last == NULL)
		feed->last = job;
	job->is_waiting = true;
}

static void take_first(struct feed *feed)
{
	struct job *job = feed->first;

	feed->first = job->next;
	if (feed->first == NULL)
		feed->last = NULL;
	job->next = NULL;
	job->is_waiting = false;
}

static void unlink_waiting(struct feed *feed, struct job *job)
{
	struct job *before = NULL;

	if (!job->is_waiting)
		return;
	for (struct job *other = feed->first; other != job; other = other->next)
		before = other;
	if (before == NULL) {
		take_first(feed);
		return;
	}
	before->next = job->next;
	if (feed->last == job)
		feed->last = before;
	job->next = NULL;
	job->is_waiting = false;
}

/* Of the recipients that are left the service hears nothing, and so they are still to be done. */
static void give_up(struct job *job)
{
	job->is_given_up = true;
	unlink_waiting(job->feed, job);
}

static void drop_waiting(struct feed *feed)
{
	while (feed->first != NULL) {
		struct job *job = feed->first;

		give_up(job);
		if (job->parts == 0)
			free_job(job);
	}
}

void feed_finish(struct feed *feed)
{
	drop_waiting(feed);
	while (feed->running != NULL) {
		struct part *part = feed->running;

		feed->running = part->next;
		if (--part->job->parts == 0)
			free_job(part->job);
		free_part(part);
	}
}

/* ---- results ---- */

/*
 * Without the service there is nobody to keep the result, and whoever comes
 * after it sends again: so the worker stops where it is, and a content that
 * is not yet whole is dropped by the server.
 */
static void send_result(struct feed *feed, const struct result *result)
{
	CLEANUP(buffer_finish) struct buffer message;

	buffer_init(&message, CHANNEL_LIMIT);
	result_encode(result, &message);
	if (channel_send(feed->channel, buffer_span(&message), -1) < 0)
		_exit(0);
}

/* What it had still asked for will be asked again by the service that comes after it. */
static bool service_is_gone(const struct feed *feed)
{
	/* Without events poll tells POLLHUP: both directions are closed. */
	struct pollfd channel = { feed->channel->fd, 0, 0 };

	return poll(&channel, 1, 0) > 0;
}

/* Why something is left undone, for a service that still listens. */
static void tell_leave(struct feed *feed)
{
	if (!service_is_gone(feed))
		error_set(&feed->error, ERROR_UNAVAILABLE, "4.3.2", "the service is ending");
}

/* Both lists say the same, in the same order. */
_Static_assert((int)TRANSACTION_DELIVERED == (int)RESULT_DELIVERED, "outcomes");
_Static_assert((int)TRANSACTION_DEFERRED == (int)RESULT_DEFERRED, "outcomes");
_Static_assert((int)TRANSACTION_FAILED == (int)RESULT_FAILED, "outcomes");
_Static_assert((int)TRANSACTION_IN_DOUBT == (int)RESULT_IN_DOUBT, "outcomes");

static void send_fate(
    const struct job *job, size_t recipient, const struct transaction_result *fate)
{
	struct result result = {
		.kind = RESULT_RECIPIENT,
		.number = job->attempt.number,
		.recipient = (uint32_t)recipient,
		.outcome = (enum result_outcome)fate->outcome,
		.code = fate->code,
		.refuses_sender = fate->is_of_sender,
		.blame = (int)fate->blame,
		.passes_dsn = job->feed->session->extensions.dsn,
	};

	snprintf(result.status, sizeof result.status, "%s", fate->status);
	snprintf(result.text, sizeof result.text, "%s", fate->text);
	send_result(job->feed, &result);
}

/*
 * What the server shows of its limit.  Who has taken more after all does not
 * count: such a one refuses some recipients together with some others.
 */
static void note_limit(struct feed *feed, const struct transaction_result *fate)
{
	if (fate->is_limit && (feed->shown == 0 || fate->taken < feed->shown))
		feed->shown = fate->taken;
	else if (feed->shown != 0 && fate->taken > feed->shown)
		feed->shown = fate->taken;
}

/* The limit for the next transaction; 0: none is known. */
static size_t limit_of(const struct feed *feed)
{
	uint64_t said = feed->session->extensions.rcpt_limit;

	if (said == 0 || (feed->shown != 0 && feed->shown < said))
		return feed->shown;
	return said < SIZE_MAX ? (size_t)said : SIZE_MAX;
}

/* Nobody is told of this one yet. */
static void send_again(struct job *job, size_t recipient)
{
	split_put_back(&job->split, recipient);
	if (job->feed->is_leaving) {
		give_up(job);
		tell_leave(job->feed);
	}
	if (!job->is_waiting && !job->is_given_up)
		put_first(job->feed, job);
}

static void report_recipient(void *context, size_t recipient, const struct transaction_result *fate)
{
	const struct part *part = context;
	struct job *job = part->job;
	size_t index = part->recipients.indices[recipient];

	note_limit(job->feed, fate);
	if (fate->may_go_next) {
		send_again(job, index);
		return;
	}
	split_settle(&job->split);
	send_fate(job, index, fate);
}

/* ---- transactions ---- */

static struct mail_parameters mail_parameters_of(const struct part *part)
{
	const struct envelope *envelope = &part->recipients.envelope;
	struct mail_parameters parameters = {
		.has_size = true,
		.is_8bit = part->job->attempt.has_8bit,
		.smtputf8 = international_needs_smtputf8(envelope,
		    span_from_bytes(part->job->attempt.header, part->job->attempt.header_length)),
		.return_content = envelope->return_content,
	};

	if (envelope->envid != NULL)
		snprintf(parameters.envid, sizeof parameters.envid, "%s", envelope->envid);
	return parameters;
}

/* Now that it is known what the server can take. */
static void begin(struct job *job)
{
	if (job->has_begun)
		return;
	job->has_begun = true;
	international_adapt(&job->attempt.envelope, &job->feed->session->extensions);
}

static struct part *make_part(struct job *job)
{
	const struct extensions *offered = &job->feed->session->extensions;
	struct part *part = memory_allocate(sizeof *part);
	struct transaction *transaction = &part->transaction;

	part->job = job;
	split_take(&job->split, limit_of(job->feed), &part->recipients);
	*transaction = (struct transaction){
		.envelope = &part->recipients.envelope,
		.parameters = mail_parameters_of(part),
		.report = report_recipient,
		.context = part,
	};
	converted_init(&part->converted, &job->attempt, job->fd, offered->eight_bit_mime,
	    &transaction->content);
	transaction->parameters.size = (uint64_t)transaction->content.size;
	return part;
}

/* ---- requests ---- */

/* -1: it is no attempt; fd stays the caller's. */
static int add_job(struct feed *feed, struct span message, int fd)
{
	struct request_attempt attempt = { 0 };

	if (fd < 0 || request_kind_of(message) != REQUEST_ATTEMPT)
		return error_set(&feed->error, ERROR_SOFTWARE, "4.3.0",
		    "worker: the service sent something else than a message to deliver");
	if (request_decode_attempt(message, &attempt, &feed->error) < 0)
		return -1;
	struct job *job = memory_allocate(sizeof *job);
	*job = (struct job){ .feed = feed, .attempt = attempt, .fd = fd };
	split_init(&job->split, &job->attempt.envelope);
	append(feed, job);
	feed->jobs++;
	feed->octets += attempt.header_length;
	return 0;
}

static bool has_room(const struct feed *feed)
{
	return feed->jobs < FEED_JOBS && (feed->jobs == 0 || feed->octets < FEED_OCTETS);
}

/* Takes one request that has been read.  False: there is none, or no more will be taken. */
static bool take_request(struct feed *feed)
{
	CLEANUP(buffer_finish) struct buffer message;
	int fd = -1;

	buffer_init(&message, CHANNEL_LIMIT);
	int taken = channel_take(feed->channel, &message, &fd);
	if (taken > 0 && add_job(feed, buffer_span(&message), fd) == 0)
		return true;
	if (taken > 0)
		file_close(&fd);
	if (taken != 0)
		feed->is_over = true;
	return false;
}

static void take_requests(struct feed *feed)
{
	while (!feed->is_over && has_room(feed) && take_request(feed))
		;
}

/* ---- what the window asks ---- */

static const struct transaction *next(void *context)
{
	struct feed *feed = context;

	take_requests(feed);
	if (feed->first == NULL)
		return NULL;
	if (service_is_gone(feed)) {
		drop_waiting(feed);
		feed->is_over = true;
		return NULL;
	}
	struct job *job = feed->first;
	begin(job);
	struct part *part = make_part(job);
	if (job->split.left == 0)
		take_first(feed);
	job->parts++;
	part->next = feed->running;
	feed->running = part;
	return &part->transaction;
}

static size_t waiting(void *context)
{
	struct feed *feed = context;
	size_t count = 0;

	take_requests(feed);
	for (const struct job *job = feed->first; job != NULL; job = job->next)
		count += split_parts(&job->split, limit_of(feed));
	return count;
}

static void unlink_running(struct feed *feed, const struct part *part)
{
	struct part **link = &feed->running;

	while (*link != part)
		link = &(*link)->next;
	*link = part->next;
}

/* All of it is over: every recipient has its fate, but for one that was given up. */
static void end_job(struct job *job)
{
	struct result done = { .kind = RESULT_DONE, .number = job->attempt.number };

	assert(job->is_given_up || job->split.unsettled == 0);
	if (!job->is_given_up)
		send_result(job->feed, &done);
	free_job(job);
}

static void finished(void *context, const struct transaction *transaction, enum window_end end)
{
	struct feed *feed = context;
	struct part *part = transaction->context;
	struct job *job = part->job;

	unlink_running(feed, part);
	free_part(part);
	job->parts--;
	if (end == WINDOW_RETURNED)
		give_up(job);
	if (job->parts == 0 && !job->is_waiting)
		end_job(job);
}

static int descriptor(void *context)
{
	const struct feed *feed = context;

	return has_room(feed) && !feed->is_over ? feed->channel->fd : -1;
}

/* Its end, or that of its writing side alone. */
static void take_leave(struct feed *feed)
{
	bool has_left_some = feed->first != NULL || feed->channel->input.length != 0;

	feed->is_over = true;
	feed->is_leaving = true;
	drop_waiting(feed);
	if (has_left_some)
		tell_leave(feed);
}

static bool attend(void *context)
{
	struct feed *feed = context;

	if (feed->is_over)
		return false;
	if (channel_fill(feed->channel) <= 0)
		take_leave(feed);
	else
		take_requests(feed);
	return !feed->is_over;
}

struct window_source feed_source(struct feed *feed)
{
	return (struct window_source){
		.next = next,
		.waiting = waiting,
		.finished = finished,
		.descriptor = descriptor,
		.attend = attend,
		.context = feed,
	};
}
