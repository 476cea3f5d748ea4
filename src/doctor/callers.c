/* SPDX-License-Identifier: MIT */

/* Other callers: what their own settings say about the program to call. */

#include <string.h>

#include "base/memory.h"
#include "doctor/checks.h"

enum { FILE_LIMIT = 1 << 18 };

/* mailx's and s-nail's. */
static const char *const files[] = { "/etc/mail.rc", "/etc/s-nail.rc", "/etc/nail.rc" };

/* The program of "set sendmail=/path" and "set mta=/path", or an empty span. */
static struct span find_program(struct span line)
{
	struct span word;

	if (!span_take_word(&line, &word) || !span_equals_string(word, "set"))
		return (struct span){ 0 };
	while (span_take_word(&line, &word)) {
		ssize_t equals = span_find_byte(word, '=');
		struct span name = equals < 0 ? word : span_first(word, (size_t)equals);

		if (equals >= 0 &&
		    (span_equals_string(name, "sendmail") || span_equals_string(name, "mta")))
			return span_after(word, (size_t)equals + 1);
	}
	return (struct span){ 0 };
}

static void check_program(struct patient *patient, const char *file, int line, struct span program)
{
	if (program.length > 1 && (program.start[0] == '"' || program.start[0] == '\''))
		program = span_first(span_after(program, 1), program.length - 2);
	if (program.length == 0 || program.start[0] != '/')
		return;
	char *name CLEANUP(memory_free_string) = span_copy(program);
	if (program_is_settled(patient, name))
		return;
	finding_add(patient->findings, FINDING_YELLOW, "callers.mailrc",
	    "%s line %d has mail sent by %s", file, line, name);
	finding_next(patient->findings, "set sendmail=/usr/sbin/sendmail");
}

static void check_file(struct patient *patient, const char *file)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, file);
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct span line;

	buffer_init(&text, FILE_LIMIT);
	if (!patient_read(path, &text))
		return;
	struct span rest = buffer_span(&text);
	for (int number = 1; span_take_line(&rest, &line); number++)
		check_program(patient, file, number, find_program(line));
}

void callers_check(struct patient *patient)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		check_file(patient, files[i]);
}
