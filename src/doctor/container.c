/* SPDX-License-Identifier: MIT */

/* What a container, a unit's hardening or PHP-FPM takes away, and what it brings. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/environment.h"
#include "doctor/checks.h"

/* Names of variables that make a set-up, and the file that does the same. */
static const struct {
	const char *variable;
	const char *file;
} twins[] = {
	{ "MAILCHUTE_URL", "/run/secrets/mailchute_url" },
	{ "MAILCHUTE_PASSWORD", "/run/secrets/smtp_password" },
	{ "MAILCHUTE_CAPTURE", NULL },
};

/* Process 1 has it, this one lacks it: somebody in between has cleared the environment. */
static void check_environment(struct patient *patient)
{
	/* Then it would have changed nothing here. */
	if (!environment_counts())
		return;
	for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++) {
		const char *name = twins[i].variable;

		if (getenv(name) != NULL || !environment_is_set_for_init(name) ||
		    (twins[i].file != NULL && access(twins[i].file, F_OK) == 0))
			continue;
		finding_add(patient->findings, FINDING_YELLOW, "container.environment",
		    "%s is set for process 1 but not for this one: PHP-FPM's clear_env or cron "
		    "takes it away",
		    name);
		if (twins[i].file != NULL)
			finding_next(patient->findings,
			    "mount it as a secret at %s, or set clear_env = no", twins[i].file);
		else
			finding_next(patient->findings, "set clear_env = no");
	}
}

/* One that cannot be read is a fault of the settings, and told there. */
static void tell_secret(struct patient *patient, const char *name)
{
	char *path CLEANUP(memory_free_string) = memory_format("/run/secrets/%s", name);
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || eaccess(path, R_OK) < 0)
		return;
	char *mode CLEANUP(memory_free_string) = patient_mode(&status);
	finding_add(
	    patient->findings, FINDING_GREEN, "container.secret", "%s is there, %s", path, mode);
}

static void tell_secrets(struct patient *patient)
{
	static const char *const names[] = { "mailchute_url", "smtp_password",
		"mailchute/secrets.ini" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		tell_secret(patient, names[i]);
}

/* "php-fpm (enforce)", or NULL where nothing confines; the caller frees it. */
static char *confinement(const struct patient *patient)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, "/proc/self/attr/current");
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, 512);
	if (!patient_read(path, &text))
		return NULL;
	struct span label = span_trim(buffer_span(&text));
	ssize_t nul = span_find_byte(label, '\0');
	if (nul >= 0)
		label = span_first(label, (size_t)nul);
	if (label.length == 0 || span_starts_with(label, "unconfined") ||
	    span_starts_with(label, "kernel"))
		return NULL;
	return span_copy(label);
}

static void tell_surroundings(struct patient *patient)
{
	char *label CLEANUP(memory_free_string) = confinement(patient);
	struct statvfs root;
	bool is_read_only = statvfs("/", &root) == 0 && (root.f_flag & ST_RDONLY) != 0;
	bool is_fixed = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;

	if (is_read_only)
		finding_add(patient->findings, FINDING_GREEN, "container.read_only",
		    "the root file system is read-only, which needs no change");
	if (is_fixed)
		finding_add(patient->findings, FINDING_GREEN, "container.privileges",
		    "no_new_privs is set, which needs no change");
	if (label != NULL)
		finding_add(patient->findings, FINDING_GREEN, "container.confined",
		    "this process is confined as \"%s\"; where a file cannot be read whose mode is "
		    "right, look there",
		    label);
}

void container_check(struct patient *patient)
{
	tell_surroundings(patient);
	check_environment(patient);
	tell_secrets(patient);
}
