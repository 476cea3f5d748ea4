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

/* One attempt.  It stays where it is while it runs: its transaction points into it. */
struct job {
	struct job *next;
	struct feed *feed;
	struct request_attempt attempt;
	struct converted converted;
	struct transaction transaction;
	int fd; /* owned */
};

void feed_init(struct feed *feed, struct channel *channel, const struct session *session)
{
	*feed = (struct feed){ .channel = channel, .session = session };
}

static void free_job(struct job *job)
{
	job->feed->jobs--;
	job->feed->octets -= job->attempt.header_length;
	converted_finish(&job->converted);
	request_finish_attempt(&job->attempt);
	file_close(&job->fd);
	free(job);
}

static void free_jobs(struct job **first)
{
	while (*first != NULL) {
		struct job *job = *first;

		*first = job->next;
		free_job(job);
	}
}

static void drop_waiting(struct feed *feed)
{
	free_jobs(&feed->first);
	feed->last = NULL;
	feed->waiting = 0;
}

void feed_finish(struct feed *feed)
{
	drop_waiting(feed);
	free_jobs(&feed->running);
}

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

/* Both lists say the same, in the same order. */
_Static_assert((int)TRANSACTION_DELIVERED == (int)RESULT_DELIVERED, "outcomes");
_Static_assert((int)TRANSACTION_DEFERRED == (int)RESULT_DEFERRED, "outcomes");
_Static_assert((int)TRANSACTION_FAILED == (int)RESULT_FAILED, "outcomes");
_Static_assert((int)TRANSACTION_IN_DOUBT == (int)RESULT_IN_DOUBT, "outcomes");

static void report_recipient(void *context, size_t recipient, const struct transaction_result *fate)
{
	const struct job *job = context;
	struct result result = {
		.kind = RESULT_RECIPIENT,
		.number = job->attempt.number,
		.recipient = (uint32_t)recipient,
		.outcome = (enum result_outcome)fate->outcome,
		.code = fate->code,
	};

	snprintf(result.status, sizeof result.status, "%s", fate->status);
	snprintf(result.text, sizeof result.text, "%s", fate->text);
	send_result(job->feed, &result);
}

static struct mail_parameters mail_parameters_of(const struct request_attempt *attempt)
{
	const struct envelope *envelope = &attempt->envelope;
	struct mail_parameters parameters = {
		.has_size = true,
		.is_8bit = attempt->has_8bit,
		.smtputf8 = international_needs_smtputf8(
		    envelope, span_from_bytes(attempt->header, attempt->header_length)),
		.return_content = envelope->return_content,
	};

	if (envelope->envid != NULL)
		snprintf(parameters.envid, sizeof parameters.envid, "%s", envelope->envid);
	return parameters;
}

/* Now that it is known what the server can take. */
static void prepare(struct job *job)
{
	struct transaction *transaction = &job->transaction;

	international_adapt(&job->attempt.envelope, &job->feed->session->extensions);
	*transaction = (struct transaction){
		.envelope = &job->attempt.envelope,
		.parameters = mail_parameters_of(&job->attempt),
		.report = report_recipient,
		.context = job,
	};
	converted_init(&job->converted, &job->attempt, job->fd,
	    job->feed->session->extensions.eight_bit_mime, &transaction->content);
	transaction->parameters.size = (uint64_t)transaction->content.size;
}

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
	if (feed->last != NULL)
		feed->last->next = job;
	else
		feed->first = job;
	feed->last = job;
	feed->waiting++;
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

/* What it had still asked for will be asked again by the service that comes after it. */
static bool service_is_gone(const struct feed *feed)
{
	/* Without events poll tells POLLHUP: both directions are closed. */
	struct pollfd channel = { feed->channel->fd, 0, 0 };

	return poll(&channel, 1, 0) > 0;
}

static const struct transaction *next(void *context)
{
	struct feed *feed = context;
	struct job *job;

	take_requests(feed);
	if (feed->first == NULL)
		return NULL;
	if (service_is_gone(feed)) {
		drop_waiting(feed);
		feed->is_over = true;
		return NULL;
	}
	job = feed->first;
	feed->first = job->next;
	if (feed->first == NULL)
		feed->last = NULL;
	feed->waiting--;
	job->next = feed->running;
	feed->running = job;
	prepare(job);
	return &job->transaction;
}

static size_t waiting(void *context)
{
	struct feed *feed = context;

	take_requests(feed);
	return feed->waiting;
}

static void unlink_running(struct feed *feed, const struct job *job)
{
	struct job **link = &feed->running;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
}

/* Of a job that is given back the service hears nothing, and so it is still to be done. */
static void finished(void *context, const struct transaction *transaction, enum window_end end)
{
	struct feed *feed = context;
	struct job *job = transaction->context;
	struct result done = { .kind = RESULT_DONE, .number = job->attempt.number };

	if (end == WINDOW_DONE)
		send_result(feed, &done);
	unlink_running(feed, job);
	free_job(job);
}

static int descriptor(void *context)
{
	const struct feed *feed = context;

	return has_room(feed) && !feed->is_over ? feed->channel->fd : -1;
}

static bool attend(void *context)
{
	struct feed *feed = context;

	if (!feed->is_over && channel_fill(feed->channel) <= 0)
		feed->is_over = true;
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
