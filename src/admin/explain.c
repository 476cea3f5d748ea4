/* SPDX-License-Identifier: MIT */

/*
 * mailchute explain: what would become of a message with the settings as they
 * stand now.  Reads them itself, whether a service runs or not; sends nothing.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "message/address.h"
#include "message/address_list.h"
#include "message/body.h"
#include "message/header.h"
#include "policy/complete.h"
#include "service/explanation.h"
#include "service/owner.h"
#include "service/submitter.h"
#include "smtp/client/transcript.h"

static const char help[] =
    "usage: mailchute explain [-f SENDER] [--message FILE|-] [--online] ADDRESS...\n"
    "\n"
    "  -f SENDER          the envelope sender; '' is the null sender (yourself)\n"
    "  --message FILE|-   shows what becomes of its From, Sender and Resent-From\n"
    "  --online           asks the smarthost, too, whether it knows the recipients\n";

enum { MESSAGE_LIMIT = 2 * HEADER_LIMIT };

struct explaining {
	const char *sender; /* NULL: the caller's own */
	const char *message;
	bool is_online;
	char **words; /* those that are no options; into argv */
	int word_count;
	struct config config;
	struct worker_parent parent;
	char *complete_sender;
	char full_name[COMMAND_NAME_LIMIT + 1];
	struct header header;
	enum error_kind status; /* of the first that cannot be sent to */
	struct error error;
};

static void finish(struct explaining *explaining)
{
	header_finish(&explaining->header);
	free(explaining->complete_sender);
	worker_parent_finish(&explaining->parent);
	config_finish(&explaining->config);
}

/* ---- the command line ---- */

static const char *value_of(int argc, char **argv, int *index, struct error *error)
{
	if (*index + 1 < argc)
		return argv[++*index];
	error_set(error, ERROR_USAGE, "5.5.4", "explain: %s needs a value", argv[*index]);
	return NULL;
}

/* One option at *index.  -1: it is none that is known. */
static int read_option(
    struct explaining *explaining, int argc, char **argv, int *index, struct error *error)
{
	const char **target = NULL;

	if (strcmp(argv[*index], "--online") == 0) {
		explaining->is_online = true;
		return 0;
	}
	if (strcmp(argv[*index], "-f") == 0)
		target = &explaining->sender;
	else if (strcmp(argv[*index], "--message") == 0)
		target = &explaining->message;
	else
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "explain: unknown option %s", argv[*index]);
	*target = value_of(argc, argv, index, error);
	return *target != NULL ? 0 : -1;
}

/* Words that are no options are moved to the front. */
static int read_arguments(struct explaining *explaining, int argc, char **argv, struct error *error)
{
	bool is_over = false;

	explaining->words = argv + 1;
	for (int i = 1; i < argc; i++) {
		if (!is_over && strcmp(argv[i], "--") == 0)
			is_over = true;
		else if (is_over || argv[i][0] != '-')
			explaining->words[explaining->word_count++] = argv[i];
		else if (read_option(explaining, argc, argv, &i, error) < 0)
			return -1;
	}
	if (explaining->word_count != 0)
		return 0;
	error_set(error, ERROR_USAGE, "5.5.4", "explain: whom would the message be for?");
	return error_next(error, "mailchute explain ADDRESS...");
}

static int set_sender(struct explaining *explaining, struct error *error)
{
	struct span given = span_from_string(explaining->sender != NULL ? explaining->sender : "");

	if (explaining->sender == NULL) {
		explaining->complete_sender = submitter_address(&explaining->config,
		    (int64_t)getuid(), explaining->full_name, sizeof explaining->full_name);
		return 0;
	}
	if (span_starts_with(given, "<") && given.start[given.length - 1] == '>')
		given = span_first(span_after(given, 1), given.length - 2);
	if (address_check(given, error) < 0)
		return error_prefix(error, "sender: ");
	char *sender CLEANUP(memory_free_string) = span_copy(given);
	explaining->complete_sender = complete_address(&explaining->config, sender);
	return 0;
}

/* ---- the message ---- */

/* Of a message that is longer than the buffer the front is enough. */
static int read_text(const char *path, struct buffer *text, struct error *error)
{
	int fd CLEANUP(file_close) = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
							    : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || file_read_to_end(fd, text) < 0)
		return error_system(error, "cannot read the message %s", path);
	return 0;
}

static int read_message(struct explaining *explaining, struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct buffer wire CLEANUP(buffer_finish) = { 0 };
	struct body body;
	struct span rest;

	if (explaining->message == NULL)
		return 0;
	buffer_init(&text, MESSAGE_LIMIT);
	buffer_init(&wire, 2 * MESSAGE_LIMIT);
	if (read_text(explaining->message, &text, error) < 0)
		return -1;
	body_init(&body, false);
	(void)body_convert(&body, buffer_span(&text), &wire);
	body_finish(&body, &wire);
	header_init(&explaining->header);
	header_feed(&explaining->header, buffer_span(&wire), &rest);
	if (!explaining->header.is_complete)
		header_end(&explaining->header, &rest);
	if (explaining->header.has_overflowed)
		return error_set(error, ERROR_DATA, "5.6.0",
		    "the header of the message is longer than %d bytes", HEADER_LIMIT);
	return 0;
}

/* ---- the answer ---- */

/* A header may hold what no terminal should see. */
static bool print_line(void *context, struct span line)
{
	char *text CLEANUP(memory_free_string) = memory_allocate(4 * line.length + 8);

	(void)context;
	transcript_mask(line, text, 4 * line.length + 8);
	return printf("%s\n", text) >= 0;
}

static void note_status(struct explaining *explaining, enum error_kind status)
{
	if (explaining->status == ERROR_NONE)
		explaining->status = status;
}

static void print_failure(struct explaining *explaining, struct span what)
{
	char line[900];

	error_line(&explaining->error, line, sizeof line);
	printf("%.*s... %s\n", span_int(what), what.start, line);
	note_status(explaining, explaining->error.kind);
}

static int start_inquiry(void *context, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error)
{
	struct explaining *explaining = context;

	return inquirer_start(&explaining->parent, &explaining->config, smarthost, worker, error);
}

static void explain_one(struct explaining *explaining, const char *address)
{
	const struct inquirer_source inquirer = { start_inquiry, explaining };
	const struct explanation_question question = {
		.config = &explaining->config,
		.uid = (int64_t)getuid(),
		.is_administrator = true,
		.may_lack_login = true,
		.sender = explaining->sender,
		.complete_sender = explaining->complete_sender,
		.recipient = address,
		.header = explaining->message != NULL ? &explaining->header : NULL,
		.full_name = explaining->full_name,
		.inquirer = explaining->is_online ? &inquirer : NULL,
	};
	enum error_kind status = ERROR_NONE;

	if (explanation_run(&question, print_line, NULL, &status, &explaining->error) < 0)
		print_failure(explaining, span_from_string(address));
	else if (status != ERROR_NONE)
		note_status(explaining, status);
	/* It is changed now, and the same for all. */
	explaining->message = NULL;
}

static int visit_mailbox(void *context, const struct mailbox *mailbox)
{
	struct explaining *explaining = context;

	if (mailbox->address != NULL) {
		explain_one(explaining, mailbox->address);
		return 0;
	}
	error_set(&explaining->error, ERROR_DATA, "5.1.3", "is no address: %s", mailbox->fault);
	print_failure(explaining, mailbox->source);
	return 0;
}

/* Nobody speaks to the network as root where the spool has another owner. */
static int set_worker_owner(struct explaining *explaining, struct error *error)
{
	uid_t uid;
	gid_t gid;

	if (!explaining->is_online || !owner_is_another(explaining->config.spool, &uid, &gid))
		return 0;
	return worker_parent_become(&explaining->parent, uid, gid, error);
}

static int run(struct explaining *explaining, struct error *error)
{
	const struct config_sources sources = { 0 };

	/* Before any secret is read, so that no worker inherits one. */
	if (explaining->is_online && worker_parent_start(&explaining->parent, error) < 0)
		return -1;
	if (config_load(&sources, &explaining->config, error) < 0 ||
	    set_worker_owner(explaining, error) < 0 || set_sender(explaining, error) < 0 ||
	    read_message(explaining, error) < 0)
		return -1;
	for (int i = 0; i < explaining->word_count; i++) {
		struct span word = span_from_string(explaining->words[i]);

		(void)address_list_visit(word, visit_mailbox, explaining);
	}
	if (fflush(stdout) != 0)
		return error_system(error, "cannot write the answer");
	return 0;
}

int command_explain(int argc, char **argv)
{
	struct explaining explaining CLEANUP(finish) = { 0 };
	struct error error;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return printf("%s", help) < 0 ? ERROR_IO : 0;
	process_clean_environment();
	process_protect_memory();
	if (read_arguments(&explaining, argc, argv, &error) < 0 || run(&explaining, &error) < 0)
		return command_fail(&error);
	return (int)explaining.status;
}
