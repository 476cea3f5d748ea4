/* SPDX-License-Identifier: MIT */

/* mailchute serve: the service, in all its ways to be started. */

#include "service/serve.h"

#include <unistd.h>

#include "admin/command.h"
#include "base/log.h"
#include "base/process.h"
#include "service/for_caller.h"

enum { READY_FD = 3 }; /* where for_caller's start_service leaves its pipe */

int command_serve(int argc, char **argv)
{
	enum { FOR_CALLER, ON_DEMAND, LISTEN, VERBOSE, COUNT };
	struct command_option options[COUNT] = {
		[FOR_CALLER] = { .name = "--for-caller" },
		[ON_DEMAND] = { .name = "--on-demand" },
		[LISTEN] = { .name = "--listen", .takes_value = true },
		[VERBOSE] = { .name = "--verbose" },
	};
	struct serve_options serve = { .ready_fd = -1 };
	struct error error;

	if (command_read_options(argc, argv, options, COUNT, &error) < 0)
		return command_fail(&error);
	process_reset_signals();
	process_clean_environment();
	process_protect_memory();
	if (options[FOR_CALLER].value != NULL) {
		process_close_from(STDERR_FILENO + 1);
		return for_caller_run(&serve.sources);
	}
	serve.on_demand = options[ON_DEMAND].value != NULL;
	serve.listen = options[LISTEN].value;
	serve.is_verbose = options[VERBOSE].value != NULL;
	if (serve.on_demand)
		serve.ready_fd = READY_FD;
	(void)log_open("mailchute", "auto");
	return serve_run(&serve);
}
