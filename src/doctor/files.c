/* SPDX-License-Identifier: MIT */

/* Modes and owners of what decides where mail goes. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/environment.h"
#include "doctor/checks.h"
#include "doctor/reader.h"

static bool is_runtime_secret(const char *path)
{
	return strncmp(path, "/run/", 5) == 0;
}

/* Whoever may write here decides where all mail, and every password, goes. */
static void check_writable(struct patient *patient, const char *path, const struct stat *status)
{
	if ((status->st_mode & S_IWOTH) == 0)
		return;
	char *mode CLEANUP(memory_free_string) = patient_mode(status);
	finding_add(patient->findings, FINDING_RED, "files.writable",
	    "%s is %s: everybody may change where mail and password go", path, mode);
	finding_next(patient->findings, "chmod o-w %s", path);
}

static void check_owner(struct patient *patient, const char *path, const struct stat *status)
{
	struct stat spool;

	if (status->st_uid == 0 || status->st_uid == geteuid() || is_runtime_secret(path))
		return;
	if (patient->has_config && stat(patient->config.spool, &spool) == 0 &&
	    spool.st_uid == status->st_uid)
		return;
	char *mode CLEANUP(memory_free_string) = patient_mode(status);
	finding_add(patient->findings, FINDING_YELLOW, "files.owner",
	    "%s is %s: its owner decides where mail and password go", path, mode);
	finding_next(patient->findings, "chown root %s", path);
}

static void check_path(struct patient *patient, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return;
	check_writable(patient, path, &status);
	check_owner(patient, path, &status);
}

static void check_folder(struct patient *patient, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		size_t length = strlen(name);
		char *file CLEANUP(memory_free_string) = memory_format("%s/%s", path, name);

		if (name[0] != '.' && length > 5 && strcmp(name + length - 5, ".conf") == 0)
			check_path(patient, file);
		free(entries[i]);
	}
	free(entries);
}

static void check_one_for_service(
    struct patient *patient, uid_t uid, gid_t gid, const char *id, const char *path, bool is_secret)
{
	struct error error;

	if (path != NULL && reader_check(uid, gid, path, is_secret, &error) < 0)
		finding_add_error(patient->findings, FINDING_RED, id, &error);
}

/* Root reads all; the service logs in, and looks at certificates, as the owner of its spool. */
static void check_for_service(struct patient *patient)
{
	const struct config *config = &patient->config;
	uid_t uid;
	gid_t gid;

	if (!reader_is_another(config->spool, &uid, &gid))
		return;
	check_one_for_service(patient, uid, gid, "files.secrets", config->secrets_file, true);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct smarthost *known = &config->smarthosts[i].parameters;

		check_one_for_service(patient, uid, gid, "files.tls", known->ca_file, false);
		check_one_for_service(
		    patient, uid, gid, "files.tls", known->client_certificate, false);
		check_one_for_service(patient, uid, gid, "files.tls", known->client_key, true);
	}
}

void files_check(struct patient *patient)
{
	const char *named = environment_get("MAILCHUTE_CONFIG");

	check_path(patient, MAILCHUTE_SYSCONFDIR);
	check_path(patient, named != NULL ? named : MAILCHUTE_SYSCONFDIR "/mailchute.conf");
	check_path(patient, MAILCHUTE_SYSCONFDIR "/conf.d");
	/* A drop-in that everybody may write is a fault of the settings, and told there. */
	if (!patient->has_config)
		return;
	check_folder(patient, MAILCHUTE_SYSCONFDIR "/conf.d");
	if (!is_runtime_secret(patient->config.secrets_file))
		check_path(patient, patient->config.secrets_file);
	if (patient->config.aliases_file != NULL)
		check_path(patient, patient->config.aliases_file);
	check_for_service(patient);
}
