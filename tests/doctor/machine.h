/* SPDX-License-Identifier: MIT */

/*
 * machine - a folder that a check takes for the whole machine
 */

#ifndef TESTS_DOCTOR_MACHINE_H
#define TESTS_DOCTOR_MACHINE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "doctor/checks.h"
#include "tests/support/cmocka.h"

struct machine {
	char root[64];
	struct doctor_request request;
	struct findings findings;
	struct patient patient;
};

static inline int machine_begin(void **state)
{
	struct machine *machine = memory_allocate(sizeof *machine);

	(void)snprintf(machine->root, sizeof machine->root, "/tmp/mailchute-doctor-XXXXXX");
	assert_non_null(mkdtemp(machine->root));
	machine->request.root = machine->root;
	machine->patient.request = &machine->request;
	machine->patient.findings = &machine->findings;
	*state = machine;
	return 0;
}

static inline int machine_remove(
    const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static inline int machine_end(void **state)
{
	struct machine *machine = *state;

	finding_finish_all(&machine->findings);
	assert_int_equal(nftw(machine->root, machine_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(machine);
	return 0;
}

/* A file with its folders. */
static inline void machine_write(struct machine *machine, const char *name, const char *text)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s%s", machine->root, name);

	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

/* What a check takes for our sendmail. */
static inline void machine_install(struct machine *machine, const char *name)
{
	machine_write(machine, name, "#!/bin/sh\n# XMAILCHUTE\n");
}

/* The only finding that is not green is this one; id NULL: there is none. */
static inline void machine_expect(
    struct machine *machine, const char *name, enum finding_level level, const char *id)
{
	size_t bad = 0;

	for (size_t i = 0; i < machine->findings.count; i++) {
		const struct finding *finding = &machine->findings.items[i];

		if (finding->level == FINDING_GREEN)
			continue;
		bad++;
		if (id == NULL || finding->level != level || strcmp(finding->id, id) != 0)
			fail_msg("%s: %s: %s", name, finding->id, finding->text);
	}
	if (bad != (id != NULL))
		fail_msg("%s: %zu findings that are not green", name, bad);
	finding_finish_all(&machine->findings);
}

#endif
