/* SPDX-License-Identifier: MIT */

/* mailchute doctor: is this set up right, here and for this user? */

#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "base/memory.h"
#include "base/process.h"
#include "doctor/doctor.h"
#include "doctor/guise.h"

static const char help[] =
    "usage: mailchute doctor [SMARTHOST] [--online] [--as USER] [--quick] [--json]\n"
    "\n"
    "  SMARTHOST   looks at this one alone\n"
    "  --online    speaks to the smarthosts, too: name, ports, TLS, login, sender;\n"
    "              nothing is sent\n"
    "  --as USER   as this user sees it (for root)\n"
    "  --quick     not PHP and other programs, for probes\n"
    "  --json      one object, for programs\n"
    "\n"
    "Exit status: 0 all is good, 1 something is doubtful, 2 something is broken.\n";

enum { ONLINE, AS, QUICK, JSON, OPTION_COUNT };

int command_doctor(int argc, char **argv)
{
	struct command_option options[OPTION_COUNT] = { [ONLINE] = { .name = "--online" },
		[AS] = { .name = "--as", .takes_value = true },
		[QUICK] = { .name = "--quick" },
		[JSON] = { .name = "--json" } };
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };
	struct error error;
	int words;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return printf("%s", help) < 0 ? ERROR_IO : 0;
	process_clean_environment();
	process_protect_memory();
	if (command_read_words(argc, argv, options, OPTION_COUNT, &words, &error) < 0)
		return command_fail(&error);
	if (words > 1) {
		error_set(&error, ERROR_USAGE, "5.5.4", "doctor: one smarthost at most");
		return command_fail(&error);
	}
	if (options[AS].value != NULL && guise_become(options[AS].value, &error) < 0)
		return command_fail(&error);
	const struct doctor_request request = {
		.smarthost = words == 1 ? argv[1] : NULL,
		.is_online = options[ONLINE].value != NULL,
		.is_quick = options[QUICK].value != NULL,
	};
	int status = doctor_run(&request, &report);
	doctor_print(&report,
	    options[JSON].value != NULL ? DOCTOR_FORM_JSON : doctor_form_for(stdout), stdout);
	return fflush(stdout) != 0 ? ERROR_IO : status;
}
