/* SPDX-License-Identifier: MIT */

/*
 * mailchute import: what ssmtp, msmtp, nullmailer, dma, Postfix and popular
 * images were told, as a configuration of ours.  Shows it; --write writes it.
 * The old files stay as they are.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "admin/written.h"
#include "base/memory.h"
#include "base/process.h"
#include "import/predecessor.h"
#include "import/write.h"

static const char help[] =
    "usage: mailchute import [FROM] [FILE ...] [--write] [--force] [--into DIR] [--root DIR]\n"
    "\n"
    "  FROM         ssmtp, msmtp, nullmailer, dma, postfix or variables; without it, what is\n"
    "               found on this machine, or what FILE is called\n"
    "  FILE ...     instead of the usual places: /etc/ssmtp/ssmtp.conf with revaliases beside\n"
    "               it, /etc/msmtprc or ~/.msmtprc, /etc/nullmailer, /etc/dma/dma.conf,\n"
    "               /etc/postfix/main.cf; for variables, a .env file (else the environment)\n"
    "  --write      writes it; without it, only shows what would be written\n"
    "  --force      also where there are settings already, which are kept under another name\n"
    "  --into DIR   writes mailchute.conf and secrets.ini there instead of " MAILCHUTE_SYSCONFDIR
    "\n"
    "  --root DIR   reads the files of another system, below DIR\n"
    "\n"
    "Passwords are not shown.  The old files stay as they are.\n";

enum option { WRITE, FORCE, INTO, ROOT, HELP, OPTION_COUNT };

struct import {
	struct command_option options[OPTION_COUNT];
	const struct predecessor *from;
	char **files;
	size_t file_count;
	struct plan plan;
	char *about;
};

static void finish(struct import *import)
{
	plan_finish(&import->plan);
	free(import->about);
}

/* The first word may be the name of a program, or a file that tells it. */
static int choose(struct import *import, char **words, size_t count, struct error *error)
{
	const struct source_room room = { .root = import->options[ROOT].value,
		.plan = &import->plan };

	import->files = words;
	import->file_count = count;
	if (count == 0)
		return predecessor_detect(&room, &import->from, error);
	import->from = predecessor_find(words[0]);
	if (import->from != NULL) {
		import->files++;
		import->file_count--;
		return 0;
	}
	import->from = predecessor_of_file(words[0]);
	if (import->from != NULL)
		return 0;
	error_set(error, ERROR_USAGE, "5.5.4",
	    "import: \"%s\" is neither a program nor a file that tells its program by its name",
	    words[0]);
	return error_next(error,
	    "write the program before it: ssmtp, msmtp, nullmailer, dma, postfix or variables");
}

static int read_files(struct import *import, struct error *error)
{
	const struct source_room room = { .root = import->options[ROOT].value,
		.plan = &import->plan };

	if (import->from->read(&room, import->files, import->file_count, error) < 0)
		return -1;
	if (plan_count(&import->plan, "smarthost") == 0)
		return error_set(error, ERROR_DATA, "5.3.5",
		    "%s names no host that mail could be sent to",
		    import->plan.file_count != 0 ? import->plan.files[0] : import->from->name);
	import->about = memory_format("made by mailchute import from %s",
	    import->plan.file_count != 0 ? import->plan.files[0] : "the environment");
	return 0;
}

static void print_read(const struct plan *plan)
{
	for (size_t i = 0; i < plan->file_count; i++)
		printf("%s%s%s", i == 0 ? "read: " : ", ", plan->files[i],
		    i + 1 == plan->file_count ? "\n\n" : "");
}

static void print_notes(const struct plan *plan, enum plan_note_kind kind, const char *title)
{
	bool is_first = true;

	for (size_t i = 0; i < plan->note_count; i++) {
		const struct plan_note *note = &plan->notes[i];

		if (note->kind != kind)
			continue;
		printf("%s%s", is_first ? title : "", is_first ? "\n" : "");
		is_first = false;
		if (note->line != 0)
			printf("    %s line %d: %s\n", note->file, note->line, note->text);
		else
			printf("    %s: %s\n", note->file, note->text);
	}
	if (!is_first)
		printf("\n");
}

static void print_all(const struct import *import)
{
	print_read(&import->plan);
	written_show(&import->plan, import->about, import->options[INTO].value);
	print_notes(&import->plan, PLAN_CHANGED, "changed, please look:");
	print_notes(&import->plan, PLAN_LOST, "not carried over:");
}

static int run(struct import *import, struct error *error)
{
	const char *into = import->options[INTO].value;

	if (read_files(import, error) < 0)
		return -1;
	print_all(import);
	if (import->options[WRITE].value != NULL)
		return written_write(&import->plan, import->about, into,
		    import->options[FORCE].value != NULL, error);
	if (write_check(&import->plan, import->about, error) < 0)
		return -1;
	printf("Nothing was written.  The same with --write writes it.\n");
	return 0;
}

int command_import(int argc, char **argv)
{
	struct import import CLEANUP(
	    finish) = { .options = {
			    [WRITE] = { .name = "--write" },
			    [FORCE] = { .name = "--force" },
			    [INTO] = { .name = "--into", .takes_value = true },
			    [ROOT] = { .name = "--root", .takes_value = true },
			    [HELP] = { .name = "--help" },
			} };
	struct error error;
	int words;

	process_protect_memory();
	if (command_read_words(argc, argv, import.options, OPTION_COUNT, &words, &error) < 0)
		return command_fail(&error);
	if (import.options[HELP].value != NULL)
		return fputs(help, stdout) < 0 ? ERROR_IO : 0;
	if (choose(&import, argv + 1, (size_t)words, &error) < 0)
		return command_fail(&error);
	int status = run(&import, &error);
	if (status < 0) {
		(void)fflush(stdout);
		return command_fail(&error);
	}
	if (fflush(stdout) != 0)
		return ERROR_IO;
	/* What was written is the truth that the doctor looks at. */
	if (import.options[WRITE].value != NULL && import.options[INTO].value == NULL)
		return written_examine(false);
	return 0;
}
