/* SPDX-License-Identifier: MIT */

#include "service/inquirer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "delivery/request.h"
#include "service/capture.h"
#include "service/notice.h"
#include "service/outgoing.h"

enum {
	TRACE_LIMIT = 200, /* lines that a worker tells of */
	PATIENCE = 30000,  /* milliseconds, until the service has started one */
	SEND_SECONDS = 5,  /* for a worker to take its request */
	FAREWELL = 2000,   /* milliseconds, for the QUIT */
};

static int send_relay(
    struct channel *worker, const struct request_relay *relay, struct error *error)
{
	const struct timeval patience = { .tv_sec = SEND_SECONDS };
	struct buffer message CLEANUP(buffer_finish_secret) = { 0 };

	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_relay(relay, &message);
	(void)setsockopt(worker->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (channel_send(worker, buffer_span(&message), -1) < 0)
		return error_system(error, "cannot speak to the worker");
	return 0;
}

int inquirer_start(struct worker_parent *parent, const struct config *config,
    const struct config_smarthost *smarthost, struct channel *worker, struct error *error)
{
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
	struct channel fresh CLEANUP(channel_finish) = { .fd = -1 };

	if (capture_is_on(config))
		return error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "no smarthost is asked: all mail is captured in %s", config->capture);
	if (outgoing_relay(config, smarthost, &relay, error) < 0 ||
	    worker_start(parent, &fresh, error) < 0)
		return -1;
	relay.is_inquiry = true;
	relay.trace_limit = TRACE_LIMIT;
	if (send_relay(&fresh, &relay, error) < 0)
		return -1;
	*worker = fresh;
	fresh = (struct channel){ .fd = -1 };
	return 0;
}

/* 1: the answer is in notice and *fd; 0: there is no service to give one. */
static int await(struct channel *service, struct notice *notice, int *fd)
{
	int64_t deadline = clock_deadline(PATIENCE);
	struct pollfd wait = { .fd = service->fd, .events = POLLIN };

	for (;;) {
		struct buffer lines CLEANUP(buffer_finish) = { 0 };
		int found CLEANUP(file_close) = -1;

		/* Lines of a conversation that nobody waits for any more. */
		buffer_init(&lines, NOTICE_LINES);
		int outcome = notice_take_descriptor(service, notice, &lines, &found);
		if (outcome < 0)
			return 0;
		if (outcome > 0 && notice->kind == NOTICE_WORKER) {
			*fd = found;
			found = -1;
			return 1;
		}
		if (outcome > 0)
			continue;
		if (poll(&wait, 1, clock_poll_timeout(deadline)) <= 0 || channel_fill(service) <= 0)
			return 0;
	}
}

int inquirer_start_by_service(struct channel *service, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error)
{
	struct notice notice = { .kind = NOTICE_ASK, .id = NOTICE_NO_ID };
	int fd = -1;

	text_copy(notice.text, sizeof notice.text, smarthost->parameters.name);
	if (service->fd < 0 || notice_send(service, &notice) < 0 ||
	    await(service, &notice, &fd) == 0)
		return error_set(
		    error, ERROR_UNAVAILABLE, "4.3.2", "the service that would ask is gone");
	if (fd < 0)
		return error_set(
		    error, error_kind_from_status(notice.status), notice.status, "%s", notice.text);
	channel_init_take_fd(worker, fd);
	return 0;
}

/* 1: the answer is there; 0: not yet; -1. */
static int take_results(struct channel *worker, inquirer_trace *trace, void *context,
    struct result *answer, struct error *error)
{
	for (;;) {
		struct buffer message CLEANUP(buffer_finish) = { 0 };
		int descriptor CLEANUP(file_close) = -1;
		struct result result;

		buffer_init(&message, CHANNEL_LIMIT);
		int outcome = channel_take(worker, &message, &descriptor);
		if (outcome == 0)
			return 0;
		if (outcome < 0 || result_decode(buffer_span(&message), &result, error) < 0)
			return error_set(error, ERROR_SOFTWARE, "4.3.0", "the worker is at fault");
		if (result.kind == RESULT_TRACE)
			trace(context, &result);
		if (result.kind == RESULT_LOST) {
			*error = result.error;
			return -1;
		}
		if (result.kind == RESULT_VERIFIED) {
			*answer = result;
			return 1;
		}
	}
}

static int send_address(struct channel *worker, const char *address, struct error *error)
{
	struct buffer message CLEANUP(buffer_finish) = { 0 };

	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_verify(address, &message);
	if (channel_send(worker, buffer_span(&message), -1) < 0)
		return error_system(error, "cannot speak to the worker");
	return 0;
}

int inquirer_ask(struct channel *worker, const char *address, int64_t deadline,
    inquirer_trace *trace, void *context, struct result *answer, struct error *error)
{
	struct pollfd wait = { .fd = worker->fd, .events = POLLIN };
	int taken = 0;

	/* A worker that is gone has left its last words, which say more than our trouble. */
	(void)send_address(worker, address, error);
	while ((taken = take_results(worker, trace, context, answer, error)) == 0) {
		int ready = poll(&wait, 1, clock_poll_timeout(deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return error_set(error, ERROR_UNAVAILABLE, "4.4.1",
			    "it has not answered within submit { timeout }");
		if (channel_fill(worker) <= 0)
			return error_set(
			    error, ERROR_SOFTWARE, "4.3.0", "the worker ended unexpectedly");
	}
	return taken < 0 ? -1 : 0;
}

void inquirer_end(struct channel *worker, inquirer_trace *trace, void *context)
{
	struct pollfd wait = { .fd = worker->fd, .events = POLLIN };
	int64_t deadline = clock_deadline(FAREWELL);
	struct result ignored;
	struct error error;

	/* It asks nothing more, and ends; then the channel does. */
	(void)shutdown(worker->fd, SHUT_WR);
	while (take_results(worker, trace, context, &ignored, &error) == 0 &&
	       poll(&wait, 1, clock_poll_timeout(deadline)) > 0)
		if (channel_fill(worker) <= 0)
			return;
}
