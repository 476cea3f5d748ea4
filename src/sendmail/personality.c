/* SPDX-License-Identifier: MIT */

#include "sendmail/personality.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "sendmail/handoff.h"
#include "sendmail/intake.h"
#include "sendmail/lend.h"
#include "sendmail/mailq.h"
#include "sendmail/options.h"
#include "sendmail/program.h"
#include "sendmail/verify.h"

enum { STDERR_TIMEOUT = 2000 }; /* milliseconds, for room in a pipe that is full */

static int fail(const struct error *error)
{
	char line[900];

	error_line(error, line, sizeof line - sizeof "sendmail: \n");
	char text[sizeof line];
	int length = snprintf(text, sizeof text, "sendmail: %s\n", line);
	/* Who reads only when we have ended would wait for ever, and we for him. */
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	if (length > 0 && poll(&room, 1, STDERR_TIMEOUT) > 0)
		(void)file_write_all(STDERR_FILENO, span_from_bytes(text, (size_t)length));
	return (int)error->kind;
}

/*
 * Nobody looks at our exit status (callers.md, 11) or at what php-fpm's
 * children say to stderr: what no service has heard of is logged here.
 */
static int fail_and_log(const struct error *error)
{
	char line[900];

	error_line(error, line, sizeof line);
	log_spare_stderr();
	if (log_open("sendmail", "auto"))
		log_event(LOG_LEVEL_ERROR, "uid %u: %s", (unsigned)getuid(), line);
	return fail(error);
}

/* Callers take any output for a failure, so that a value is passed over stands in the log alone. */
static void tell_ignored(const struct options *options)
{
	if (options->ignored_letter == '\0')
		return;
	log_spare_stderr();
	(void)log_open("sendmail", "auto");
	log_event(LOG_LEVEL_WARNING,
	    "uid %u gave -%c \"%s\", which means nothing, and the mail is sent without it",
	    (unsigned)getuid(), options->ignored_letter, options->ignored_value);
}

/* Unless more is known of what became of it. */
static void say_not_sent(struct error *error)
{
	if (error->mail[0] == '\0' && strstr(error->text, "nothing was sent") == NULL)
		(void)error_mail(error, "NOT sent");
}

static int send_message(const struct options *options)
{
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error;

	tell_ignored(options);
	if (intake_read(&intake, options, &error) < 0) {
		intake_give_back(&intake);
		say_not_sent(&error);
		return fail_and_log(&error);
	}
	if (handoff_send(&intake, options, &error) < 0) {
		intake_give_back(&intake);
		say_not_sent(&error);
		return error.kind == ERROR_SYSTEM || error.kind == ERROR_IO ? fail_and_log(&error)
									    : fail(&error);
	}
	if (intake.bad_count == 0)
		return 0;
	/* The good ones are safe; the bad ones are named (DESIGN 6). */
	error_set(&error, ERROR_DATA, "5.1.3", "not sent to %s; the other recipients were taken",
	    intake.fault);
	(void)error_code(&error, "MC-ADDR-25");
	return fail_and_log(&error);
}

static int list_queue(const struct options *options)
{
	struct error error;

	return mailq_list(options, &error) < 0 ? fail(&error) : 0;
}

static int run_queue(const struct options *options)
{
	struct error error;

	(void)options;
	return mailq_run(&error) < 0 ? fail(&error) : 0;
}

/* -bs; what else was given has no meaning there, and is no reason to fail. */
static int lend_session(const struct options *options)
{
	struct error error;

	(void)options;
	return lend_run(&error) < 0 ? fail(&error) : 0;
}

static int print(const char *text)
{
	return file_write_all(STDOUT_FILENO, span_from_string(text)) < 0 ? ERROR_IO : 0;
}

/* The aliases file is read as it is, at each message; so it is only looked at. */
static int check_aliases(const struct options *options)
{
	static const char *const quiet[] = { "mailchute", "newaliases", NULL };
	static const char *const verbose[] = { "mailchute", "newaliases", "--verbose", NULL };
	struct error error;

	(void)program_become(options->is_verbose ? verbose : quiet, &error);
	return fail(&error);
}

static int serve(const struct options *options)
{
	static const char *const background[] = { "mailchute", "serve", "--background", NULL };
	static const char *const foreground[] = { "mailchute", "serve", NULL };
	struct error error;

	(void)program_become(
	    options->mode == OPTIONS_SERVE_BACKGROUND ? background : foreground, &error);
	return fail(&error);
}

static int verify(const struct options *options)
{
	enum error_kind status = ERROR_NONE;
	struct error error;

	return verify_run(options, &status, &error) < 0 ? fail(&error) : (int)status;
}

static int show_help(const struct options *options)
{
	(void)options;
	return print(options_help);
}

static int show_version(const struct options *options)
{
	(void)options;
	return print("mailchute " MAILCHUTE_VERSION ", sendmail compatible\n");
}

static int (*const personalities[])(const struct options *) = {
	[OPTIONS_SEND] = send_message,
	[OPTIONS_LIST_QUEUE] = list_queue,
	[OPTIONS_RUN_QUEUE] = run_queue,
	[OPTIONS_CHECK_ALIASES] = check_aliases,
	[OPTIONS_VERIFY] = verify,
	[OPTIONS_SESSION] = lend_session,
	[OPTIONS_SERVE_BACKGROUND] = serve,
	[OPTIONS_SERVE] = serve,
	[OPTIONS_SHOW_HELP] = show_help,
	[OPTIONS_SHOW_VERSION] = show_version,
};

/*
 * What the caller left running must not end us between two steps.  The whole
 * table of signals is for those who stay (process_reset_signals); here each
 * system call counts.
 */
static void calm_signals(void)
{
	static const int numbers[] = { SIGPIPE, SIGXFSZ, SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		(void)sigaction(numbers[i], &ignore, NULL);
}

int personality_run(int argc, char **argv)
{
	struct options options;
	struct error error;

	process_open_standard_descriptors();
	calm_signals();
	if (options_parse(argc, argv, &options, &error) < 0)
		return fail_and_log(&error);
	return personalities[options.mode](&options);
}
