/* SPDX-License-Identifier: MIT */

#include "doctor/reader.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "doctor/guise.h"
#include "doctor/patient.h"
#include "service/owner.h"

bool reader_is_another(const char *spool, uid_t *uid, gid_t *gid)
{
	struct stat status;
	const struct passwd *account = NULL;

	if (owner_is_another(spool, uid, gid)) {
		/* Its group is what its account says, whatever the group of the spool. */
		account = getpwuid(*uid);
	} else {
		if (geteuid() != 0 || lstat(spool, &status) == 0)
			return false;
		account = getpwnam("mailchute");
		if (account == NULL || account->pw_uid == 0)
			return false;
		*uid = account->pw_uid;
	}
	if (account != NULL)
		*gid = account->pw_gid;
	return true;
}

/* The first folder of the path that is closed to us, or the file; NULL: nothing is. */
static char *find_closed(const char *path)
{
	for (const char *slash = path; slash != NULL; slash = strchr(slash + 1, '/')) {
		size_t length = slash == path ? 1 : (size_t)(slash - path);
		char *folder CLEANUP(memory_free_string) = memory_copy(path, length);

		if (eaccess(folder, X_OK) < 0 && errno == EACCES)
			return memory_copy_string(folder);
	}
	return eaccess(path, R_OK) < 0 && errno == EACCES ? memory_copy_string(path) : NULL;
}

static char *find_closed_to(uid_t uid, gid_t gid, const char *path)
{
	struct guise guise CLEANUP(guise_take_off) = { 0 };
	struct error ignored;

	/* Root that may not become the service's user is told so of the queue. */
	if (guise_put_on(&guise, uid, gid, &ignored) < 0)
		return NULL;
	return find_closed(path);
}

int reader_check(uid_t uid, gid_t gid, const char *path, bool is_secret, struct error *error)
{
	/* What a link names lies in folders of its own; a file that is not there is told by others.
	 */
	char *real CLEANUP(memory_free_string) = realpath(path, NULL);
	char *closed CLEANUP(memory_free_string) = real != NULL ? find_closed_to(uid, gid, real)
								: NULL;
	struct stat status;

	if (closed == NULL || stat(closed, &status) < 0)
		return 0;
	char *user CLEANUP(memory_free_string) = patient_user(uid);
	char *mode CLEANUP(memory_free_string) = patient_mode(&status);
	bool is_folder = strcmp(closed, real) != 0;

	error_set(error, ERROR_NO_INPUT, "5.3.5",
	    "the service's user %s cannot read %s: %s%s is %s", user, path,
	    is_folder ? "the folder " : "", is_folder ? closed : "it", mode);
	if (is_folder && is_secret)
		return error_next(error,
		    "install -m 640 -g %u %s " MAILCHUTE_SYSCONFDIR "/, and name the file there",
		    (unsigned)gid, path);
	if (is_folder)
		return error_next(error,
		    "install -m 644 %s " MAILCHUTE_SYSCONFDIR "/, and name the file there", path);
	if (is_secret)
		return error_next(error, "chgrp %u %s && chmod 640 %s", (unsigned)gid, path, path);
	return error_next(error, "chmod a+r %s", path);
}
