/* SPDX-License-Identifier: MIT */

/*
 * mailchute test: one small mail by the very path that a caller's takes, seen
 * all the way to the smarthost's answer.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/test_follow.h"
#include "admin/test_view.h"
#include "base/clock.h"
#include "base/error_block.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "config/check.h"
#include "config/config.h"
#include "doctor/doctor.h"
#include "message/date.h"
#include "message/message_id.h"
#include "sendmail/handoff.h"
#include "sendmail/intake.h"
#include "sendmail/options.h"

static const char help[] =
    "usage: mailchute test ADDRESS [OPTION ...]\n"
    "\n"
    "  --from ADDRESS    the envelope sender (yourself)\n"
    "  --subject TEXT    (\"mailchute test from HOST\")\n"
    "  --wait TIME       how long a mail is followed that has to wait in the queue (1m)\n"
    "  --quiet           without the conversation, what came of it alone\n"
    "  --share           names of people and machines are replaced, so that strangers may see\n"
    "                    it; passwords are never shown\n"
    "\n"
    "Sends one small mail as a program on this machine would, shows what is said with the\n"
    "smarthost, and what became of the mail. ADDRESS may be an alias: mailchute test root.\n"
    "Exit status: 0 when the smarthost has taken it, else as sendmail's.\n";

enum { FROM, SUBJECT, WAIT, QUIET, SHARE, HELP, COUNT };
enum { DEFAULT_WAIT = 60000, TEXT_LIMIT = 1 << 16, HOST_SIZE = 256 };

struct testing {
	struct command_option *options;
	const char *address;
	char host[HOST_SIZE];
	char subject[300];
	char *message_id; /* owned */
	char *spool;	  /* of the settings, if they can be read; owned */
	int64_t wait;
	struct test_view view;
	char taken[TEST_VIEW_TEXT]; /* what has become of it, in the service's words */
};

static void finish(struct testing *testing)
{
	free(testing->message_id);
	free(testing->spool);
	test_view_finish(&testing->view);
}

/* ---- the mail ---- */

/* The settings may be unreadable here, and the mail goes to show that. */
static void name_message(struct testing *testing)
{
	const struct config_sources sources = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	struct error error;

	if (gethostname(testing->host, sizeof testing->host) < 0)
		text_copy(testing->host, sizeof testing->host, "localhost");
	testing->host[sizeof testing->host - 1] = '\0';
	bool is_loaded = config_load(&sources, &config, &error) == 0;
	testing->message_id = message_id_generate(is_loaded ? config.domain : "mailchute.invalid");
	testing->spool = is_loaded ? memory_copy_string(config.spool) : NULL;
	const char *subject = testing->options[SUBJECT].value;
	if (subject != NULL)
		text_copy(testing->subject, sizeof testing->subject, subject);
	else
		snprintf(testing->subject, sizeof testing->subject, "mailchute test from %s",
		    testing->host);
	test_share_know(&testing->view.share, testing->host);
}

static void write_message(const struct testing *testing, struct buffer *text)
{
	char date[DATE_SIZE];

	date_format(clock_wall(), date);
	buffer_format(text, "Subject: %s\nMessage-ID: %s\n", testing->subject, testing->message_id);
	if (strchr(testing->address, '@') != NULL)
		buffer_format(text, "To: %s\n", testing->address);
	buffer_format(text,
	    "Auto-Submitted: auto-generated\n"
	    "\n"
	    "This is a test mail of mailchute, sent from %s\n"
	    "by uid %lu on %s.\n"
	    "\n"
	    "It has come by the same way as the mail of every program there, so that\n"
	    "works now. Look at its From, and whether it was taken for spam.\n",
	    testing->host, (unsigned long)getuid(), date);
}

/* Standard input is the mail, as it is for sendmail. */
static int become_input(const struct testing *testing, struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	int fd CLEANUP(file_close) = memfd_create("test", MFD_CLOEXEC);

	buffer_init(&text, TEXT_LIMIT);
	write_message(testing, &text);
	if (fd < 0 || file_write_all(fd, buffer_span(&text)) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    dup2(fd, STDIN_FILENO) < 0)
		return error_system(error, "cannot write the test mail");
	return 0;
}

static void show_progress(void *context, struct span line)
{
	struct testing *testing = context;

	test_view_line(&testing->view, line);
}

static void keep_taken(void *context, struct span words)
{
	struct testing *testing = context;

	text_copy_span(testing->taken, sizeof testing->taken, words);
}

static int send_message(struct testing *testing, struct error *error)
{
	struct intake intake CLEANUP(intake_finish) = { 0 };
	char *recipients[] = { (char *)(uintptr_t)testing->address, NULL };
	const struct options options = {
		.ignores_dots = true,
		.sender = testing->options[FROM].value,
		.wait = COMMAND_WAIT_OUTCOME,
		.is_verbose = true,
		.recipients = recipients,
		.recipient_count = 1,
	};
	const struct handoff_viewer viewer = { show_progress, keep_taken, testing, true };

	if (become_input(testing, error) < 0 || intake_read(&intake, &options, error) < 0)
		return -1;
	return handoff_send_viewed(&intake, &options, &viewer, error);
}

/* ---- what came of it ---- */

static void begin_block(struct buffer *text, const char *word, const char *rest)
{
	buffer_init(text, TEXT_LIMIT);
	buffer_format(text, "%s %s\n", word, rest);
}

static void add_marks(const struct testing *testing, struct buffer *text)
{
	error_block_part("subject", testing->subject, text);
	error_block_part("id", testing->message_id, text);
}

static int tell_sent(struct testing *testing)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	begin_block(&text, "SENT:", "the smarthost has taken the mail");
	test_view_facts(&testing->view.facts, &text);
	add_marks(testing, &text);
	error_block_part("look",
	    "is it in the inbox, or among the spam? If in neither, search for the id, and ask the "
	    "smarthost's side with the server's answer above. Does its From show the sender that "
	    "you want? Else: from = \"...\" and from_policy; mailchute explain shows why.",
	    &text);
	test_view_block(&testing->view, TEST_VIEW_GOOD, buffer_span(&text));
	return 0;
}

static int tell_captured(struct testing *testing)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	begin_block(&text, "CAPTURED:", "capture is on, so the mail is kept here and was not sent");
	error_block_part("mail", testing->taken, &text);
	add_marks(testing, &text);
	error_block_part("look",
	    "mailchute sink list shows it. To send mail again take capture out of the settings "
	    "(mailchute config says where it stands), or unset MAILCHUTE_CAPTURE.",
	    &text);
	test_view_block(&testing->view, TEST_VIEW_DOUBTFUL, buffer_span(&text));
	return 0;
}

static int tell_failed(struct testing *testing, struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	/* It stands in the error. */
	testing->view.facts.reply[0] = '\0';
	begin_block(&text, "FAILED:", "the mail was NOT sent");
	error_block(error, &text);
	test_view_facts(&testing->view.facts, &text);
	test_view_block(&testing->view, TEST_VIEW_BAD, buffer_span(&text));
	return (int)error->kind;
}

/* Why it waits, in the words that the queue has kept. */
static int tell_waiting(
    struct testing *testing, const char *id, const struct test_follow *follow, const char *words)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	begin_block(&text, "WAITING:", words);
	if (follow->reply[0] != '\0') {
		buffer_append_string(&text, follow->reply);
		testing->view.facts.reply[0] = '\0';
	}
	test_view_facts(&testing->view.facts, &text);
	char *mail CLEANUP(memory_free_string) = memory_format(
	    "kept as %s%s%s", id, follow->state[0] != '\0' ? ": " : "", follow->state);
	error_block_part("mail", mail, &text);
	char *now CLEANUP(memory_free_string) = memory_format("mailchute queue retry %s", id);
	char *never CLEANUP(memory_free_string) = memory_format("mailchute queue remove %s", id);
	error_block_part("next", "it goes by itself once that is mended", &text);
	error_block_part("now", now, &text);
	error_block_part("never", never, &text);
	test_view_block(&testing->view, TEST_VIEW_DOUBTFUL, buffer_span(&text));
	return ERROR_UNAVAILABLE;
}

static int tell_gone(struct testing *testing, const char *id)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	begin_block(&text, "SENT:", "the mail has left the queue");
	char *mail CLEANUP(memory_free_string) = memory_format(
	    "was queued as %s; the log has the smarthost's answer: journalctl -t mailchute/smtp "
	    "--grep %s",
	    id, id);
	error_block_part("mail", mail, &text);
	test_view_facts(&testing->view.facts, &text);
	add_marks(testing, &text);
	test_view_block(&testing->view, TEST_VIEW_GOOD, buffer_span(&text));
	return 0;
}

/* It waited longer than callers wait: for the network, a smarthost, others before it. */
static int follow_queued(struct testing *testing, const char *id)
{
	struct test_follow follow = { 0 };

	switch (test_follow_run(&follow, testing->spool, id, testing->wait)) {
	case TEST_FOLLOW_GONE:
		return tell_gone(testing, id);
	case TEST_FOLLOW_TRIED:
		return tell_waiting(testing, id, &follow, "the mail could not be sent yet");
	case TEST_FOLLOW_TIME:
		return tell_waiting(testing, id, &follow, "the mail has not been tried yet");
	case TEST_FOLLOW_BLIND:
		break;
	}
	return tell_waiting(testing, id, &follow, "nobody answers who could tell more");
}

static int tell_outcome(struct testing *testing)
{
	static const char queued[] = "queued as ";
	struct span taken = span_from_string(testing->taken);
	struct span word = { 0 };

	/* Behind the enhanced status. */
	if (taken.length != 0 && taken.start[0] == '2')
		(void)span_take_word(&taken, &word);
	taken = span_trim(taken);
	if (span_starts_with(taken, "captured"))
		return tell_captured(testing);
	if (!span_starts_with(taken, queued))
		return tell_sent(testing);
	taken = span_after(taken, strlen(queued));
	(void)span_take_word(&taken, &word);
	char *id CLEANUP(memory_free_string) = span_copy(word);
	return follow_queued(testing, id);
}

static int run(struct testing *testing)
{
	struct error error = { 0 };

	name_message(testing);
	if (span_has_control(span_from_string(testing->subject))) {
		error_set(&error, ERROR_USAGE, "5.5.4", "test: the subject is not one line");
		return command_fail(&error);
	}
	if (send_message(testing, &error) < 0)
		return tell_failed(testing, &error);
	return tell_outcome(testing);
}

static int read_wait(struct testing *testing, const char *text, struct error *error)
{
	static const struct check_place place = { "mailchute test", "--wait" };

	testing->wait = DEFAULT_WAIT;
	return text == NULL ? 0 : check_duration(&place, text, &testing->wait, error);
}

int command_test(int argc, char **argv)
{
	struct command_option options[COUNT] = {
		[FROM] = { .name = "--from", .takes_value = true },
		[SUBJECT] = { .name = "--subject", .takes_value = true },
		[WAIT] = { .name = "--wait", .takes_value = true },
		[QUIET] = { .name = "--quiet" },
		[SHARE] = { .name = "--share" },
		[HELP] = { .name = "--help" },
	};
	struct testing testing CLEANUP(finish) = { .options = options };
	struct error error;
	int words;

	if (command_read_words(argc, argv, options, COUNT, &words, &error) < 0 ||
	    read_wait(&testing, options[WAIT].value, &error) < 0)
		return command_fail(&error);
	if (options[HELP].value != NULL)
		return fputs(help, stdout) < 0 ? ERROR_IO : 0;
	if (words != 1) {
		error_set(&error, ERROR_USAGE, "5.5.4", "test: to whom shall the mail go?");
		error_next(&error, "mailchute test ADDRESS");
		return command_fail(&error);
	}
	testing.address = argv[1];
	test_view_init(&testing.view, stdout, doctor_form_for(stdout) == DOCTOR_FORM_COLOUR);
	testing.view.is_quiet = options[QUIET].value != NULL;
	testing.view.is_shared = options[SHARE].value != NULL;
	return run(&testing);
}
