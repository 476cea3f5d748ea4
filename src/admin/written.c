/* SPDX-License-Identifier: MIT */

#include "admin/written.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/process.h"
#include "doctor/doctor.h"
#include "import/write.h"

enum { SHOWN_LIMIT = 1 << 20 };

static char *path_in(const char *into, const char *name)
{
	return memory_format("%s/%s", into != NULL ? into : MAILCHUTE_SYSCONFDIR, name);
}

/* Set apart from what is said about it. */
static void print_text(struct span text)
{
	struct span line;

	while (span_take_line(&text, &line))
		printf("%s%.*s\n", line.length != 0 ? "    " : "", span_int(line), line.start);
	printf("\n");
}

void written_show(const struct plan *plan, const char *about, const char *into)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(memory_free_string) char *settings = path_in(into, "mailchute.conf");
	CLEANUP(memory_free_string) char *secrets = path_in(into, "secrets.ini");

	buffer_init(&text, SHOWN_LIMIT);
	write_settings(plan, about, &text);
	printf("%s:\n", settings);
	print_text(buffer_span(&text));
	if (plan->login_count == 0)
		return;
	buffer_clear(&text);
	write_shown_secrets(plan, &text);
	printf("%s:\n", secrets);
	print_text(buffer_span(&text));
}

int written_may(const struct plan *plan, const char *into, bool is_forced, struct error *error)
{
	CLEANUP(memory_free_string) char *settings = path_in(into, "mailchute.conf");
	CLEANUP(memory_free_string) char *secrets = path_in(into, "secrets.ini");
	const struct write_request request = {
		.settings = settings, .secrets = secrets, .is_forced = is_forced
	};

	return write_may(plan, &request, error);
}

static void print_outcome(const struct write_request *request, const struct write_outcome *outcome)
{
	printf("written: %s", request->settings);
	if (outcome->backup != NULL)
		printf(" (the old one is %s)", outcome->backup);
	printf("\n");
	if (outcome->answers != NULL)
		printf("set aside: conf.d/debconf.conf, what the package was told (now %s)\n",
		    outcome->answers);
	if (outcome->mode[0] != '\0')
		printf("written: %s (%s %s)\n", request->secrets, outcome->mode, outcome->owner);
	if (outcome->own_files != NULL)
		printf("written: %s, with a password that no line of secrets.ini can hold\n",
		    outcome->own_files);
	printf("\n");
}

int written_write(const struct plan *plan, const char *about, const char *into, bool is_forced,
    struct error *error)
{
	CLEANUP(memory_free_string) char *settings = path_in(into, "mailchute.conf");
	CLEANUP(memory_free_string) char *secrets = path_in(into, "secrets.ini");
	struct write_outcome outcome CLEANUP(write_finish) = { 0 };
	const struct write_request request = {
		.settings = settings, .secrets = secrets, .about = about, .is_forced = is_forced
	};

	if (write_files(plan, &request, &outcome, error) < 0)
		return -1;
	print_outcome(&request, &outcome);
	return 0;
}

int written_examine(bool is_online)
{
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };
	const struct doctor_request request = { .is_online = is_online };

	process_clean_environment();
	int status = doctor_run(&request, &report);

	doctor_print(&report, doctor_form_for(stdout), stdout);
	return fflush(stdout) != 0 ? ERROR_IO : status;
}
