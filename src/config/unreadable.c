/* SPDX-License-Identifier: MIT */

#include "config/unreadable.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static char *user_label(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry != NULL ? memory_format("%s (%u)", entry->pw_name, (unsigned)uid)
			     : memory_format("uid %u", (unsigned)uid);
}

char *unreadable_mode(const struct stat *status)
{
	const struct passwd *user = getpwuid(status->st_uid);
	CLEANUP(memory_free_string)
	char *owner = user != NULL ? memory_copy_string(user->pw_name)
				   : memory_format("%u", (unsigned)status->st_uid);
	const struct group *group = getgrgid(status->st_gid);

	if (group == NULL)
		return memory_format("%04o %s:%u", (unsigned)status->st_mode & 07777, owner,
		    (unsigned)status->st_gid);
	return memory_format(
	    "%04o %s:%s", (unsigned)status->st_mode & 07777, owner, group->gr_name);
}

/* Where the mode is right, this is the reason that nobody looks for. */
static void note_confinement(int number, struct error *error)
{
	CLEANUP(file_close) int fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	char label[120] = { 0 };

	if (number != EACCES || fd < 0 || file_read_full(fd, label, sizeof label - 1) <= 0)
		return;
	label[strcspn(label, "\n")] = '\0';
	if (strstr(label, " (enforce)") != NULL)
		error_means(error,
		    "this process is confined by the AppArmor profile %s; if the mode is right, "
		    "look there",
		    label);
}

int unreadable_refuse(const char *path, int number, bool is_of_runtime, struct error *error)
{
	CLEANUP(memory_free_string) char *user = user_label(geteuid());
	CLEANUP(memory_free_string) char *mode = NULL;
	struct stat status = { 0 };

	mode = stat(path, &status) == 0 ? unreadable_mode(&status)
					: memory_copy_string("in a directory closed to it");
	error_set(error, ERROR_CONFIG, "4.3.5", "cannot read %s as %s: %s, the file is %s", path,
	    user, strerror(number), mode);
	error_code(error, "MC-CONF-14");
	note_confinement(number, error);
	if (number == ENODATA)
		return error_next(error, "nobody writes into that pipe: name a file instead");
	if (is_of_runtime)
		return error_next(error,
		    "make it readable for this user (chgrp, chmod); Kubernetes: defaultMode: 0440 "
		    "with fsGroup; Compose: uid or mode of the secret");
	if (status.st_uid == geteuid() && status.st_nlink != 0)
		return error_next(error, "chmod u+r %s", path);
	/* Without the package there is neither that group nor a unit. */
	if (getgrnam("mailchute") == NULL)
		return error_next(error,
		    "users need no secret where a service runs: start mailchute serve as root");
	return error_next(error,
	    "let the service read it: chgrp mailchute %s && chmod 640 %s, and start the service: "
	    "systemctl enable --now mailchute.socket",
	    path, path);
}
