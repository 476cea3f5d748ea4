/* SPDX-License-Identifier: MIT */

/* mailchute serve: the service, in all its ways to be started. */

#include "service/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "net/connect.h"
#include "service/background.h"
#include "service/for_caller.h"

enum { BACKGROUND_TIMEOUT = 30000 }; /* milliseconds until it must listen; a queue may be long */

static bool somebody_listens(const char *path)
{
	struct error error;
	int fd CLEANUP(file_close) = connect_unix(path, &error);

	return fd >= 0;
}

/*
 * What sendmail -bd is for boot scripts and entrypoints: done when clients can
 * connect, whoever serves them.
 */
static int start_in_background(const struct serve_options *serve)
{
	const char *arguments[7] = { "mailchute", "serve", "--ready" };
	size_t count = 3;
	const char *named = serve->listen != NULL ? serve->listen : getenv("MAILCHUTE_SOCKET");
	struct error error;

	if (named == NULL || named[0] == '\0')
		named = MAILCHUTE_SOCKET_PATH;
	if (somebody_listens(named)) {
		printf("mailchute: a service listens at %s already\n", named);
		return 0;
	}
	if (serve->is_verbose)
		arguments[count++] = "--verbose";
	if (serve->listen != NULL) {
		arguments[count++] = "--listen";
		arguments[count++] = serve->listen;
	}
	if (background_start(arguments, clock_deadline(BACKGROUND_TIMEOUT), &error) < 0)
		return command_fail(&error);
	return 0;
}

static const char help[] =
    "usage: mailchute serve [--listen PATH] [--background] [--verbose]\n"
    "\n"
    "  --listen PATH  at this socket instead of the usual one, for other containers: root\n"
    "                 there is a user as others are\n"
    "  --background   ends when clients can connect, and the service stays\n"
    "  --verbose      conversations with smarthosts go to the log\n"
    "\n"
    "Takes mail at its sockets, keeps it in its queue and has it delivered.  A service\n"
    "manager starts it without options.\n"
    "SIGHUP reads the settings anew, SIGTERM ends it when what is on its way has arrived.\n";

int command_serve(int argc, char **argv)
{
	enum { FOR_CALLER, QUESTION, ON_DEMAND, LISTEN, VERBOSE, BACKGROUND, READY, COUNT };
	struct command_option options[COUNT] = {
		[FOR_CALLER] = { .name = "--for-caller" },
		[QUESTION] = { .name = "--question" },
		[ON_DEMAND] = { .name = "--on-demand" },
		[LISTEN] = { .name = "--listen", .takes_value = true },
		[VERBOSE] = { .name = "--verbose" },
		[BACKGROUND] = { .name = "--background" },
		[READY] = { .name = "--ready" },
	};
	struct serve_options serve = { .ready_fd = -1 };
	const char *too_small;
	struct error error;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0 ? ERROR_IO : 0;
	if (command_read_options(argc, argv, options, COUNT, &error) < 0)
		return command_fail(&error);
	process_reset_signals();
	process_clean_environment();
	process_protect_memory();
	if (options[FOR_CALLER].value != NULL) {
		process_close_from(STDERR_FILENO + 1);
		(void)process_raise_limits(&too_small);
		return for_caller_run(&serve.sources, options[QUESTION].value != NULL);
	}
	serve.on_demand = options[ON_DEMAND].value != NULL;
	serve.listen = options[LISTEN].value;
	serve.is_verbose = options[VERBOSE].value != NULL;
	if (options[BACKGROUND].value != NULL)
		return start_in_background(&serve);
	if (serve.on_demand || options[READY].value != NULL)
		serve.ready_fd = BACKGROUND_READY_FD;
	(void)log_open("mailchute", "auto");
	return serve_run(&serve);
}
