/* SPDX-License-Identifier: MIT */

/* mailchute queue: what waits, and what has failed. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/command.h"
#include "base/clock.h"
#include "base/memory.h"
#include "config/config.h"
#include "service/owner.h"
#include "spool/listing.h"
#include "spool/queue_file.h"
#include "spool/spool.h"

static void print_time(int64_t wall)
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm parts;
	char text[40] = "";

	if (localtime_r(&seconds, &parts) != NULL)
		strftime(text, sizeof text, "%a %b %e %H:%M:%S", &parts);
	printf("%19s", text);
}

static void print_next(const struct queue_progress *progress)
{
	char wait[24];
	int64_t left = progress->next_attempt - clock_wall();

	if (progress->is_held) {
		printf("     held\n");
		return;
	}
	clock_format_duration(left > 0 ? left + 999 : 0, wait);
	printf("     %" PRIu32 " attempts, next %s%s\n", progress->attempts,
	    left > 0 ? "in " : "now", left > 0 ? wait : "");
}

static void print_recipients(const struct queue_file *file)
{
	for (size_t i = 0; i < file->envelope.recipient_count; i++) {
		const char *address = file->envelope.recipients[i].address;
		const char *reply = file->replies[i] != NULL ? file->replies[i] : "";

		if (file->marks[i] == RECIPIENT_DELIVERED)
			continue;
		if (file->marks[i] == RECIPIENT_FAILED)
			printf("     (failed for good: %s)\n", reply);
		else if (file->marks[i] == RECIPIENT_IN_DOUBT)
			printf("     (in doubt: %s)\n", reply);
		printf("                                                      %s\n", address);
	}
}

static void print_file(const struct queue_file *file)
{
	bool has_waiting = queue_file_count(file, RECIPIENT_WAITING) != 0 ||
			   queue_file_count(file, RECIPIENT_IN_DOUBT) != 0;

	printf("%-25s %8" PRIu64 " ", file->id, file->message_length);
	print_time(file->attributes.received);
	printf("  %s\n", file->envelope.sender[0] != '\0' ? file->envelope.sender : "<>");
	if (file->progress.last_reply[0] != '\0')
		printf("     (%s)\n", file->progress.last_reply);
	if (has_waiting)
		print_next(&file->progress);
	print_recipients(file);
	printf("\n");
}

struct totals {
	size_t messages;
	uint64_t octets;
};

/* Reads each file and prints it unless only the count is asked for. */
static void go_through(
    const struct spool *spool, const struct listing *listing, struct totals *totals, bool is_silent)
{
	for (size_t i = 0; i < listing->count; i++) {
		struct queue_file file CLEANUP(queue_file_finish) = { .fd = -1 };
		struct error error;
		int outcome = queue_file_read(&file, spool->queue, listing->ids[i], &error);

		if (outcome == 2)
			continue;
		totals->messages++;
		totals->octets += outcome == 0 ? file.message_length : 0;
		if (is_silent)
			continue;
		if (outcome != 0)
			printf("%-25s does not check out: %s\n\n", listing->ids[i], error.text);
		else
			print_file(&file);
	}
}

static int list(const struct config *config, bool is_count, struct error *error)
{
	struct spool spool CLEANUP(spool_finish) = { .directory = -1, .queue = -1, .lock = -1 };
	struct listing listing CLEANUP(listing_finish) = { 0 };
	struct totals totals = { 0 };
	struct stat status;

	bool has_spool = lstat(config->spool, &status) == 0;
	if (has_spool && geteuid() != 0 && status.st_uid != geteuid()) {
		error_set(error, ERROR_NO_PERMISSION, "5.7.0",
		    "the queue %s is shown to root and to its owner, uid %u, alone", config->spool,
		    status.st_uid);
		return error_next(error, "try: sudo mailchute queue");
	}
	if (has_spool) {
		if (owner_become(config->spool, error) < 0 ||
		    spool_open(&spool, config->spool, false, error) < 0 ||
		    listing_read(&listing, spool.queue, error) < 0)
			return -1;
		if (listing.count != 0 && !is_count)
			printf("-Queue ID----------------  --Size-- ----Arrival Time---- "
			       "-Sender/Recipient-------\n");
		go_through(&spool, &listing, &totals, is_count);
	}
	if (is_count)
		printf("%zu\n", totals.messages);
	else if (totals.messages == 0)
		printf("Mail queue is empty\n");
	else
		printf("-- %" PRIu64 " Kbytes in %zu Request%s.\n", (totals.octets + 1023) / 1024,
		    totals.messages, totals.messages != 1 ? "s" : "");
	return 0;
}

int command_queue(int argc, char **argv)
{
	struct command_option count = { .name = "--count" };
	struct config_sources sources = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	struct error error;

	if (command_read_options(argc, argv, &count, 1, &error) < 0 ||
	    config_load(&sources, &config, &error) < 0 ||
	    list(&config, count.value != NULL, &error) < 0)
		return command_fail(&error);
	return 0;
}
