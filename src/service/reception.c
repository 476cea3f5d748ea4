/* SPDX-License-Identifier: MIT */

#include "service/reception.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "service/inquirer.h"
#include "service/queue_commands.h"
#include "service/queue_store.h"
#include "service/receive.h"

static int start_inquiry(void *context, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error)
{
	return inquirer_start_by_service(context, smarthost, worker, error);
}

/* The end of the service is no reason to drop a mail that is coming in. */
static const int endings[] = { SIGHUP, SIGINT, SIGTERM };

void reception_run(int connection, int channel_fd, const struct reception *reception)
{
	const struct reception_settings *settings = reception->settings;
	const int kept[] = { connection, channel_fd, settings->queue_directory,
		log_keep_descriptor() };
	struct channel channel;
	struct stream stream;
	struct queue_store queue_store = {
		.queue_directory = settings->queue_directory,
		.spool = settings->config->spool,
		.service = &channel,
		.board = reception->board,
		.place = reception->place,
		.uid = reception->viewer.uid,
		.has_no_quota = reception->viewer.sees_all,
		.limits = &settings->config->limits,
		.waits_by_default = settings->waits_by_default,
		.wait_limit = settings->config->wait_limit,
		.first_step = settings->config->retry_count != 0 ? settings->config->retry[0] : 0,
		.file = { .fd = -1 },
	};
	struct store store = queue_store_table(&queue_store, settings->way);
	struct queue_commands commands = {
		.queue_directory = settings->queue_directory,
		.service = &channel,
		.viewer = reception->viewer,
		.config = settings->config,
	};
	const struct inquirer_source inquirer = { start_inquiry, &channel };
	struct receive_settings receive = {
		.config = settings->config,
		.fault = settings->fault,
		.uid = reception->viewer.uid,
		.store = &store,
		.board = reception->board,
		.place = reception->place,
		.queue = &commands,
		.inquirer = &inquirer,
	};

	process_close_all_but(kept, sizeof kept / sizeof kept[0]);
	process_reset_signals_ignoring(endings, sizeof endings / sizeof endings[0]);
	channel_init_take_fd(&channel, channel_fd);
	stream_init_take_fd(&stream, connection, connection, "client");
	receive_run(&stream, &receive);
	stream_finish(&stream);
	channel_finish(&channel);
	_exit(0);
}
