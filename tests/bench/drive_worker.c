/* SPDX-License-Identifier: MIT */

/* By the worker, as the service does it: its descriptors, its requests, its results. */

#include "drive.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "worker/worker.h"

enum { AHEAD = 128 }; /* requests that await their results */

struct errand {
	struct board *board;
	struct worker_parent parent;
	struct channel channel;
	struct envelope envelope;
	int message;
	uint32_t asked;
	uint32_t answered;
	uint32_t failed;
	long worker; /* its process ID */
	char failure[500];
};

static void errand_finish(struct errand *errand)
{
	channel_finish(&errand->channel);
	worker_parent_finish(&errand->parent);
	envelope_finish(&errand->envelope);
	file_close(&errand->message);
}

static int send_relay(struct errand *errand, struct error *error)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };

	if (drive_smarthost(&errand->board->plan, &relay.smarthost, error) < 0)
		return -1;
	relay.hello = memory_copy_string("client.bench");
	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_relay(&relay, &message);
	if (channel_send(&errand->channel, buffer_span(&message), -1) < 0)
		return error_system(error, "send the relay request");
	return 0;
}

static int ask(struct errand *errand, struct error *error)
{
	struct span header = drive_header();
	uint64_t size = errand->board->plan.size;
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	CLEANUP(memory_free_string) char *front = memory_copy(header.start, header.length);
	struct request_attempt attempt = {
		.number = errand->asked,
		.envelope = errand->envelope,
		.header = front,
		.header_length = header.length,
		.body_length = size > header.length ? size - header.length : 0,
	};

	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_attempt(&attempt, &message);
	if (channel_send(&errand->channel, buffer_span(&message), errand->message) < 0)
		return error_system(error, "send a request");
	errand->asked++;
	return 0;
}

/* Whether there is more to ask for. */
static bool has_more(const struct errand *errand)
{
	return errand->asked < errand->board->plan.messages && !drive_is_late(errand->board);
}

static int ask_ahead(struct errand *errand, struct error *error)
{
	uint32_t together = errand->board->plan.together;
	uint32_t ahead = AHEAD;

	if (together != 0)
		ahead = errand->asked < together ? together : 1;
	while (has_more(errand) && errand->asked - errand->answered < ahead)
		if (ask(errand, error) < 0)
			return -1;
	return 0;
}

/* The one child of the workers' parent. */
static long find_worker(long parent)
{
	char path[64];
	char text[64] = { 0 };

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", parent, parent);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return 0;
	(void)!fgets(text, sizeof text, file);
	(void)fclose(file);
	return strtol(text, NULL, 10);
}

static void note_ready(struct errand *errand)
{
	struct board_figures *figures = &errand->board->figures;

	figures->open = board_look(errand->board);
	errand->worker = find_worker(errand->parent.pid);
}

static void note_recipient(struct errand *errand, const struct result *result)
{
	struct board_figures *figures = &errand->board->figures;

	if (result->outcome != RESULT_DELIVERED) {
		if (errand->failed++ == 0)
			text_copy(errand->failure, sizeof errand->failure, result->text);
		return;
	}
	figures->previous = figures->end;
	figures->end = board_look(errand->board);
	if (figures->done++ == 0)
		figures->first = figures->end;
}

static int take(struct errand *errand, struct span message, struct error *error)
{
	struct result result;

	if (result_decode(message, &result, error) < 0)
		return -1;
	switch (result.kind) {
	case RESULT_TRACE:
	case RESULT_FACT:
	case RESULT_VERIFIED:
		return 0;
	case RESULT_READY:
		note_ready(errand);
		return 0;
	case RESULT_RECIPIENT:
		note_recipient(errand, &result);
		return 0;
	case RESULT_DONE:
		errand->answered++;
		return 0;
	case RESULT_LOST:
		break;
	}
	*error = result.error;
	return -1;
}

/* Waits for something and takes all that is there. */
static int take_results(struct errand *errand, struct error *error)
{
	int descriptor = -1;

	if (channel_fill(&errand->channel) <= 0)
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "the worker is gone");
	for (;;) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };

		buffer_init(&message, CHANNEL_LIMIT);
		int taken = channel_take(&errand->channel, &message, &descriptor);
		if (taken < 0)
			return error_set(error, ERROR_SOFTWARE, "4.3.0", "the worker babbles");
		if (taken == 0)
			return 0;
		if (take(errand, buffer_span(&message), error) < 0)
			return -1;
	}
}

static int run(struct errand *errand, struct error *error)
{
	struct board_figures *figures = &errand->board->figures;

	errand->message = drive_make_message(errand->board->plan.size, error);
	if (errand->message < 0 || worker_parent_start(&errand->parent, error) < 0)
		return -1;
	figures->start = board_look(errand->board);
	if (worker_start(&errand->parent, &errand->channel, error) < 0 ||
	    send_relay(errand, error) < 0)
		return -1;
	while (has_more(errand) || errand->answered < errand->asked)
		if (ask_ahead(errand, error) < 0 || take_results(errand, error) < 0)
			return -1;
	figures->peak = drive_status(errand->worker, "VmHWM");
	return 0;
}

int drive_worker(struct board *board, struct error *error)
{
	uint64_t before = drive_cpu(RUSAGE_CHILDREN);
	CLEANUP(errand_finish)
	struct errand errand = { .board = board, .message = -1, .channel.fd = -1 };

	drive_envelope(&errand.envelope);
	int outcome = run(&errand, error);
	/* The channel's end has the worker say QUIT and end; then its parent can tell its CPU. */
	channel_finish(&errand.channel);
	for (int i = 0; i < 200 && errand.worker != 0 && drive_status(errand.worker, "PPid") != 0;
	     i++)
		(void)poll(NULL, 0, 10);
	worker_parent_finish(&errand.parent);
	board->figures.cpu = drive_cpu(RUSAGE_CHILDREN) - before;
	if (outcome == 0 && errand.failed != 0)
		return error_set(error, ERROR_UNAVAILABLE, "4.0.0",
		    "%u messages were not taken: %s", errand.failed, errand.failure);
	return outcome;
}
