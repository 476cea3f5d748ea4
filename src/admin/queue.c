/* SPDX-License-Identifier: MIT */

/* mailchute queue: what waits, and what has failed. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/queue_verbs.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/writer.h"
#include "config/config.h"
#include "sendmail/query.h"
#include "service/owner.h"
#include "service/queue_view.h"
#include "spool/spool.h"

enum { COUNT, JSON, FOR_MAILQ, OPTION_COUNT };

enum { STATES_LIMIT = 65536 };

/* Lines to stdout; pieces of JSON become lines again. */
struct printer {
	struct writer writer;
	enum queue_view_form form;
	bool has_begun;
};

static bool print_line(void *context, struct span line)
{
	struct printer *printer = context;
	bool is_next = printer->form == QUEUE_VIEW_TEXT || span_starts_with(line, "{");

	if (printer->has_begun && is_next)
		writer_append_string(&printer->writer, "\n");
	printer->has_begun = true;
	writer_append(&printer->writer, line);
	return printer->writer.number == 0;
}

static int finish(struct printer *printer, struct error *error)
{
	if (printer->has_begun)
		writer_append_string(&printer->writer, "\n");
	/* Whoever reads may have seen enough. */
	if (writer_flush(&printer->writer) == 0 || errno == EPIPE)
		return 0;
	return error_system(error, "cannot write the list");
}

static bool keep_line(void *context, struct span line)
{
	struct buffer *lines = context;

	buffer_append_span(lines, line);
	buffer_append_byte(lines, '\n');
	return !lines->has_overflowed;
}

/* What its service knows of smarthosts that are paused; nothing, where none answers. */
static void ask_states(const struct config *config, enum queue_view_form form, struct buffer *lines)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", config->spool);
	struct reply reply;
	struct error error;

	buffer_init(lines, STATES_LIMIT);
	if (form == QUEUE_VIEW_COUNT)
		return;
	if (query_run_at(path,
		form == QUEUE_VIEW_JSON ? "XQUEUE SMARTHOSTS JSON" : "XQUEUE SMARTHOSTS", keep_line,
		lines, &reply, &error) != 0 ||
	    lines->has_overflowed)
		buffer_clear(lines);
}

static int list(int queue_directory, const struct config *config, enum queue_view_form form,
    struct span states, struct error *error)
{
	struct printer printer = { .form = form };
	struct queue_view view = {
		.queue_directory = queue_directory,
		.viewer = { .uid = (int64_t)geteuid(), .sees_all = true },
		.form = form,
		.line = print_line,
		.context = &printer,
		.capture = config->capture,
		.notes = states,
	};
	char count[32];

	writer_init(&printer.writer, STDOUT_FILENO);
	if (queue_view_run(&view, error) < 0)
		return -1;
	if (form == QUEUE_VIEW_COUNT) {
		snprintf(count, sizeof count, "%zu", view.messages);
		(void)print_line(&printer, span_from_string(count));
	}
	return finish(&printer, error);
}

/* No spool: nothing was ever kept in it. */
static int list_nothing(const struct config *config, enum queue_view_form form, struct error *error)
{
	static const char *const words[] = {
		[QUEUE_VIEW_TEXT] = "Mail queue is empty\n",
		[QUEUE_VIEW_JSON] = "",
		[QUEUE_VIEW_COUNT] = "0\n",
	};

	if (form == QUEUE_VIEW_TEXT && config->capture != NULL)
		printf("-- capture is on: all mail is kept in %s, none is sent\n", config->capture);
	if (fflush(stdout) != 0)
		return error_system(error, "cannot write the list");
	if (file_write_all(STDOUT_FILENO, span_from_string(words[form])) < 0 && errno != EPIPE)
		return error_system(error, "cannot write the list");
	return 0;
}

/* That it is empty is not to be said to those who cannot know. */
static int refuse_mailq(const char *spool, struct error *error)
{
	error_set(error, ERROR_UNAVAILABLE, "4.3.2",
	    "no service answers, and the spool %s is not this user's: whether mail waits is not "
	    "known",
	    spool);
	return error_next(error,
	    "start the service: systemctl start mailchute.socket, or mailchute "
	    "serve; root may run mailchute queue");
}

/* Whoever looks at the queue is who must hear of them. */
static int tell_failed(const struct spool *spool, struct error *error)
{
	size_t count = spool_count_failed(spool);
	char *line CLEANUP(memory_free_string) = memory_format(
	    "-- %zu message%s of whose failure nobody could be told: see %s/failed\n", count,
	    count != 1 ? "s" : "", spool->path);

	if (count != 0 && file_write_all(STDOUT_FILENO, span_from_string(line)) < 0 &&
	    errno != EPIPE)
		return error_system(error, "cannot write the list");
	return 0;
}

/* A package makes the folder; the queue in it is made by the first service. */
static bool is_unused(const char *spool)
{
	char *queue CLEANUP(memory_free_string) = memory_format("%s/queue", spool);
	struct stat status;

	return lstat(queue, &status) < 0 && errno == ENOENT;
}

static int run(const struct config *config, const struct command_option *options,
    enum queue_view_form form, struct error *error)
{
	struct spool spool CLEANUP(spool_finish) = { .directory = -1, .queue = -1, .lock = -1 };
	bool is_for_mailq = options[FOR_MAILQ].value != NULL;
	struct stat status;
	bool has_spool = lstat(config->spool, &status) == 0;
	struct buffer states CLEANUP(buffer_finish) = { 0 };

	if (is_for_mailq && geteuid() != 0 && (!has_spool || status.st_uid != geteuid()))
		return refuse_mailq(config->spool, error);
	if (has_spool && geteuid() != 0 && status.st_uid != geteuid()) {
		error_set(error, ERROR_NO_PERMISSION, "5.7.0",
		    "the queue %s is shown to root and to its owner, uid %u, alone", config->spool,
		    status.st_uid);
		(void)error_code(error, "MC-USER-26");
		return error_next(error, "try: sudo mailchute queue; your own messages: mailq");
	}
	if (!has_spool || is_unused(config->spool))
		return list_nothing(config, form, error);
	ask_states(config, form, &states);
	if (owner_become(config->spool, error) < 0 ||
	    spool_open(&spool, config->spool, false, error) < 0)
		return -1;
	if (list(spool.queue, config, form, buffer_span(&states), error) < 0)
		return -1;
	return is_for_mailq || form != QUEUE_VIEW_TEXT ? 0 : tell_failed(&spool, error);
}

int command_queue(int argc, char **argv)
{
	struct command_option options[OPTION_COUNT] = {
		[COUNT] = { .name = "--count" },
		[JSON] = { .name = "--json" },
		/* Said by sendmail, which has found no service to ask. */
		[FOR_MAILQ] = { .name = "--for-mailq" },
	};
	struct config_sources sources = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	enum queue_view_form form = QUEUE_VIEW_TEXT;
	struct error error;

	if (argc > 1 && (argv[1][0] != '-' || strcmp(argv[1], "--help") == 0))
		return queue_verbs_run(argc - 1, argv + 1);
	if (command_read_options(argc, argv, options, OPTION_COUNT, &error) < 0)
		return command_fail(&error);
	if (options[COUNT].value != NULL)
		form = QUEUE_VIEW_COUNT;
	else if (options[JSON].value != NULL)
		form = QUEUE_VIEW_JSON;
	if (config_load(&sources, &config, &error) < 0 || run(&config, options, form, &error) < 0)
		return command_fail(&error);
	return 0;
}
