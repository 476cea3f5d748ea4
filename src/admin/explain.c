/* SPDX-License-Identifier: MIT */

/*
 * mailchute explain: what would become of a message with the settings as they
 * stand now.  Reads them itself, whether a service runs or not; sends nothing.
 *
 * Reads its arguments and the message as sendmail does, with sendmail's own
 * functions.
 */

#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/explain_message.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "doctor/doctor.h"
#include "message/header.h"
#include "policy/complete.h"
#include "sendmail/intake.h"
#include "sendmail/options.h"
#include "service/capture.h"
#include "service/explanation.h"
#include "service/owner.h"
#include "service/prediction.h"
#include "service/submitter.h"
#include "smtp/client/transcript.h"

static const char help[] =
    "usage: mailchute explain [-t] [-f SENDER] [-F NAME] [--message FILE|-] [--as USER]\n"
    "                         [--online] [--json] [ADDRESS...] [< message]\n"
    "\n"
    "  -t                 the recipients stand in To, Cc and Bcc of the message\n"
    "  -f SENDER          the envelope sender; '' is the null sender (yourself)\n"
    "  -F NAME            the full name, for a message without From\n"
    "  --message FILE|-   a message, of which is shown what becomes of its header; one on\n"
    "                     standard input is read where that is a file or a pipe\n"
    "  --as USER          as if this user, a name or a number, sent it (yourself)\n"
    "  --online           asks the smarthost, too, whether it knows the recipients\n"
    "  --json             one object on one line; without a message that of an empty one\n"
    "\n"
    "sendmail's other options may be given, too.\n";

struct explaining {
	const char *message; /* --message */
	const char *user;    /* --as */
	bool is_online;
	bool as_json;
	struct options options; /* sendmail's; into argv */
	struct intake intake;
	bool has_message;
	int64_t uid;
	struct config config;
	struct worker_parent parent;
	char full_name[COMMAND_NAME_LIMIT + 1];
	struct header header; /* as it was given */
	uint64_t octets;      /* of the whole message */
	struct prediction prediction;
	struct buffer lines;	/* for JSON */
	enum error_kind status; /* of the first that cannot be sent to */
	struct error error;
};

static void finish(struct explaining *explaining)
{
	prediction_finish(&explaining->prediction);
	header_finish(&explaining->header);
	buffer_finish(&explaining->lines);
	intake_finish(&explaining->intake);
	worker_parent_finish(&explaining->parent);
	config_finish(&explaining->config);
}

/* ---- the command line ---- */

/* 1: one of ours at *index, which is taken; 0: it is none. */
static int read_own_option(
    struct explaining *explaining, int argc, char **argv, int *index, struct error *error)
{
	const char *name = argv[*index];
	const char **target = NULL;

	if (strcmp(name, "--online") == 0)
		return explaining->is_online = true;
	if (strcmp(name, "--json") == 0)
		return explaining->as_json = true;
	if (strcmp(name, "--message") == 0)
		target = &explaining->message;
	else if (strcmp(name, "--as") == 0)
		target = &explaining->user;
	else if (strncmp(name, "--", 2) == 0 && name[2] != '\0')
		return error_set(error, ERROR_USAGE, "5.5.4", "explain: unknown option %s", name);
	else
		return 0;
	if (*index + 1 >= argc)
		return error_set(error, ERROR_USAGE, "5.5.4", "explain: %s needs a value", name);
	*target = argv[++*index];
	return 1;
}

/* Takes ours out of argv, and says how many are left. */
static int read_own_options(
    struct explaining *explaining, int argc, char **argv, struct error *error)
{
	bool is_over = false;
	int left = 1;

	for (int i = 1; i < argc; i++) {
		int taken = is_over ? 0 : read_own_option(explaining, argc, argv, &i, error);

		if (taken < 0)
			return -1;
		if (taken != 0)
			continue;
		is_over = is_over || strcmp(argv[i], "--") == 0;
		argv[left++] = argv[i];
	}
	return left;
}

static int read_arguments(struct explaining *explaining, int argc, char **argv, struct error *error)
{
	static char personality[] = "sendmail";
	int left = read_own_options(explaining, argc, argv, error);

	if (left < 0)
		return -1;
	argv[0] = personality;
	if (options_parse(left, argv, &explaining->options, error) < 0)
		return -1;
	if (explaining->options.mode != OPTIONS_SEND && explaining->options.mode != OPTIONS_VERIFY)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "explain: what is explained is a message, and these options send none");
	if (explaining->options.recipient_count != 0 || explaining->options.reads_header)
		return 0;
	error_set(error, ERROR_USAGE, "5.5.4", "explain: whom would the message be for?");
	return error_next(error, "mailchute explain ADDRESS..., or -t < message");
}

static int find_user(struct explaining *explaining, struct error *error)
{
	uint64_t number;

	explaining->uid = (int64_t)getuid();
	if (explaining->user == NULL)
		return 0;
	const struct passwd *account = getpwnam(explaining->user);
	if (account != NULL)
		explaining->uid = (int64_t)account->pw_uid;
	else if (span_to_number(span_from_string(explaining->user), &number) && number < UINT32_MAX)
		explaining->uid = (int64_t)number;
	else
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "explain: --as %s: there is no such user here", explaining->user);
	return 0;
}

/* ---- the message ---- */

/* Nobody is to wait for a message that a person has no thought of typing. */
static bool input_has_message(const struct explaining *explaining)
{
	struct stat status;

	if (explaining->message != NULL || explaining->options.reads_header)
		return true;
	return fstat(STDIN_FILENO, &status) == 0 &&
	       (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode));
}

static int open_message(const char *path, struct error *error)
{
	int fd CLEANUP(file_close) = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		return error_system(error, "cannot read the message %s", path);
	return 0;
}

/* The rest is as good as sent. */
static int read_rest(struct explaining *explaining, struct error *error)
{
	char block[65536];
	ssize_t count;

	explaining->octets = explaining->intake.front.length;
	while ((count = intake_read_more(&explaining->intake, block, sizeof block, error)) > 0)
		explaining->octets += (uint64_t)count;
	return count < 0 ? -1 : 0;
}

static int read_message(struct explaining *explaining, struct error *error)
{
	struct header *header = &explaining->header;
	struct span body;

	header_init(header);
	if (!input_has_message(explaining))
		return intake_read_arguments(&explaining->intake, &explaining->options, error);
	if (explaining->message != NULL && strcmp(explaining->message, "-") != 0 &&
	    open_message(explaining->message, error) < 0)
		return -1;
	if (intake_read(&explaining->intake, &explaining->options, error) < 0)
		return -1;
	explaining->has_message = explaining->message != NULL || explaining->options.reads_header ||
				  explaining->intake.front.length != 0;
	header_feed(header, buffer_span(&explaining->intake.front), &body);
	if (!header->is_complete)
		header_end(header, &body);
	return read_rest(explaining, error);
}

/* ---- who sends ---- */

/* As sendmail says it to the service, which makes it complete. */
static int set_sender(struct explaining *explaining, struct error *error)
{
	struct envelope *envelope = &explaining->intake.envelope;
	const char *name = explaining->options.full_name != NULL ? explaining->options.full_name
								 : getenv("NAME");
	char *complete CLEANUP(memory_free_string) = NULL;

	if (name != NULL)
		text_copy(explaining->full_name, sizeof explaining->full_name, name);
	if (explaining->intake.sender_is_self)
		complete = submitter_address(&explaining->config, explaining->uid,
		    explaining->full_name, sizeof explaining->full_name);
	else
		complete = complete_address(&explaining->config, envelope->sender);
	return envelope_set_sender(envelope, span_from_string(complete), error);
}

static bool is_owner(const struct explaining *explaining)
{
	struct stat status;

	if (stat(explaining->config.spool, &status) < 0)
		return explaining->uid == (int64_t)geteuid();
	return explaining->uid == (int64_t)status.st_uid;
}

/* ---- the answer ---- */

/* A header may hold what no terminal should see. */
static bool print_line(void *context, struct span line)
{
	struct explaining *explaining = context;
	char *text CLEANUP(memory_free_string) = memory_allocate(4 * line.length + 8);

	transcript_mask(line, text, 4 * line.length + 8);
	if (explaining->as_json) {
		buffer_append_string(&explaining->lines, text);
		buffer_append_byte(&explaining->lines, '\n');
		return true;
	}
	return printf("%s\n", text) >= 0;
}

static void note_status(struct explaining *explaining, enum error_kind status)
{
	if (explaining->status == ERROR_NONE)
		explaining->status = status;
}

static void print_failure(struct explaining *explaining, const char *what)
{
	char line[900];

	error_line(&explaining->error, line, sizeof line);
	CLEANUP(memory_free_string) char *text = memory_format("%s %s", what, line);
	(void)print_line(explaining, span_from_string(text));
	note_status(explaining, explaining->error.kind);
}

static int start_inquiry(void *context, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error)
{
	struct explaining *explaining = context;

	return inquirer_start(&explaining->parent, &explaining->config, smarthost, worker, error);
}

/* The lines about all of given, or about one recipient. */
static void explain(struct explaining *explaining, const struct envelope *given,
    const char *recipient, const struct header *header)
{
	const struct inquirer_source inquirer = { start_inquiry, explaining };
	const char *complete = explaining->intake.envelope.sender;
	const char *sender = complete[0] != '\0' ? explaining->options.sender : "";
	const struct explanation_question question = {
		.config = &explaining->config,
		.uid = explaining->uid,
		.is_administrator = true,
		.may_lack_login = true,
		.sender = explaining->intake.sender_is_self ? NULL : sender,
		.complete_sender = complete,
		.recipient = recipient,
		.given = given,
		.header = header,
		.inquirer = explaining->is_online ? &inquirer : NULL,
	};
	enum error_kind status = ERROR_NONE;

	if (explanation_run(&question, print_line, explaining, &status, &explaining->error) < 0) {
		CLEANUP(memory_free_string)
		char *what = recipient != NULL ? memory_format("%s...", recipient)
					       : memory_copy_string("the message is refused:");
		print_failure(explaining, what);
	} else if (status != ERROR_NONE) {
		note_status(explaining, status);
	}
}

static void explain_recipients(struct explaining *explaining)
{
	const struct envelope *envelope = &explaining->intake.envelope;

	if (submitter_check(
		&explaining->config, explaining->uid, is_owner(explaining), &explaining->error) < 0)
		print_failure(explaining, "no mail is taken of this user:");
	for (size_t i = 0; i < envelope->recipient_count; i++)
		explain(explaining, NULL, envelope->recipients[i].address, NULL);
}

static void explain_message(struct explaining *explaining)
{
	const struct prediction_question question = {
		.config = &explaining->config,
		.given = &explaining->intake.envelope,
		.header = &explaining->header,
		.full_name = explaining->full_name,
		.wall = clock_wall(),
		.uid = explaining->uid,
		.is_owner = is_owner(explaining),
		.octets = explaining->octets,
	};
	struct prediction *prediction = &explaining->prediction;
	bool is_taken = prediction_make(prediction, &question, &explaining->error) == 0;
	struct error refusal = explaining->error;

	if (is_taken)
		explain(explaining, question.given, NULL, &prediction->header);
	else
		print_failure(explaining, "the message is refused:");
	if (explaining->as_json)
		explain_message_print_json(prediction, &question, is_taken ? NULL : &refusal,
		    buffer_span(&explaining->lines));
	else
		explain_message_print(
		    prediction, &explaining->header, doctor_form_for(stdout) == DOCTOR_FORM_COLOUR);
}

/* Those that are no addresses. */
static void print_malformed(struct explaining *explaining)
{
	if (explaining->intake.bad_count == 0)
		return;
	error_set(&explaining->error, ERROR_DATA, "5.1.3", "%s", explaining->intake.fault);
	print_failure(explaining, "no address, and passed over:");
}

static void print_capture(struct explaining *explaining)
{
	if (!capture_is_on(&explaining->config))
		return;
	CLEANUP(memory_free_string)
	char *text = memory_format(
	    "capture is on: nothing is sent, all mail is kept in %s", explaining->config.capture);
	(void)print_line(explaining, span_from_string(text));
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
	    set_worker_owner(explaining, error) < 0 || find_user(explaining, error) < 0 ||
	    read_message(explaining, error) < 0 || set_sender(explaining, error) < 0)
		return -1;
	capture_complete(&explaining->config);
	buffer_init(&explaining->lines, SIZE_MAX / 2);
	print_malformed(explaining);
	print_capture(explaining);
	if (explaining->has_message || explaining->as_json)
		explain_message(explaining);
	else
		explain_recipients(explaining);
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
