/* SPDX-License-Identifier: MIT */

#include "service/reception.h"

#include <signal.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "service/inquirer.h"
#include "service/notice.h"
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

/* One client's session, with a store of its own. */
static void serve(struct channel *channel, int connection, const struct reception *reception)
{
	const struct reception_settings *settings = reception->settings;
	struct stream stream;
	struct queue_store queue_store = {
		.queue_directory = settings->queue_directory,
		.spool = settings->config->spool,
		.service = channel,
		.board = reception->board,
		.place = reception->place,
		.uid = reception->viewer.uid,
		.has_no_quota = reception->viewer.sees_all,
		.limits = &settings->config->limits,
		.waits_by_default = settings->waits_by_default,
		/* The mail is kept, so nobody waits longer than for one that is not. */
		.wait_limit = clock_earlier(
		    settings->config->wait_limit, settings->config->timeout),
		.first_step = settings->config->retry_count != 0 ? settings->config->retry[0] : 0,
		.file = { .fd = -1 },
	};
	struct store store = queue_store_table(&queue_store, settings->way);
	struct queue_commands commands = {
		.queue_directory = settings->queue_directory,
		.service = channel,
		.viewer = reception->viewer,
		.config = settings->config,
	};
	const struct inquirer_source inquirer = { start_inquiry, channel };
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

	stream_init_take_fd(&stream, connection, connection, "client");
	receive_run(&stream, &receive);
	stream_finish(&stream);
}

/* The connection of the next client of this user; -1: there is none, and the channel has ended. */
static int next_connection(struct channel *channel)
{
	struct notice notice = { .kind = NOTICE_FREE, .id = NOTICE_NO_ID };
	struct buffer lines CLEANUP(buffer_finish) = { 0 };
	int connection = -1;
	int outcome;

	buffer_init(&lines, NOTICE_LINES);

	if (notice_send(channel, &notice) < 0)
		return -1;
	/* What was said to the last client and came late is for nobody. */
	while (connection < 0) {
		buffer_clear(&lines);
		outcome = notice_take_descriptor(channel, &notice, &lines, &connection);
		if (outcome < 0 || (outcome == 0 && channel_fill(channel) <= 0))
			return -1;
		if (outcome > 0 && notice.kind != NOTICE_CLIENT)
			file_close(&connection);
	}
	return connection;
}

void reception_run(int connection, int channel_fd, const struct reception *reception)
{
	const int kept[] = { connection, channel_fd, reception->settings->queue_directory,
		log_keep_descriptor() };
	struct channel channel;

	process_close_all_but(kept, sizeof kept / sizeof kept[0]);
	process_reset_signals_ignoring(endings, sizeof endings / sizeof endings[0]);
	channel_init_take_fd(&channel, channel_fd);
	while (connection >= 0) {
		serve(&channel, connection, reception);
		connection = next_connection(&channel);
	}
	channel_finish(&channel);
	_exit(0);
}
