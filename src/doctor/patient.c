/* SPDX-License-Identifier: MIT */

#include "doctor/patient.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "config/origins.h"

void patient_place(const struct patient *patient, const char *title, const char *option,
    char text[static PATIENT_PLACE_SIZE])
{
	const struct config_origin *origin = config_find_origin(
	    &patient->config, "smarthost", title, option);
	const struct config_smarthost *smarthost = config_find_smarthost(&patient->config, title);

	text[0] = '\0';
	if (origin != NULL && origin->is_set)
		(void)snprintf(text, PATIENT_PLACE_SIZE, " (%s)", origin->where);
	else if (smarthost != NULL && smarthost->place.file != NULL && smarthost->place.line != 0)
		(void)snprintf(text, PATIENT_PLACE_SIZE, " (%s line %d)", smarthost->place.file,
		    smarthost->place.line);
	else if (smarthost != NULL && smarthost->place.file != NULL)
		(void)snprintf(text, PATIENT_PLACE_SIZE, " (%s)", smarthost->place.file);
}

char *patient_path(const struct patient *patient, const char *path)
{
	const char *root = patient->request->root;

	return memory_format("%s%s", root != NULL ? root : "", path);
}

bool patient_read(const char *path, struct buffer *text)
{
	int fd CLEANUP(file_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd >= 0 && file_read_to_end(fd, text) >= 0;
}

char *patient_user(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry != NULL ? memory_format("%s (%u)", entry->pw_name, (unsigned)uid)
			     : memory_format("uid %u", (unsigned)uid);
}

char *patient_mode(const struct stat *status)
{
	const struct passwd *user = getpwuid(status->st_uid);
	char *owner CLEANUP(
	    memory_free_string) = user != NULL ? memory_copy_string(user->pw_name)
					       : memory_format("%u", (unsigned)status->st_uid);
	const struct group *group = getgrgid(status->st_gid);
	unsigned mode = (unsigned)status->st_mode & 07777;

	if (group == NULL)
		return memory_format("%04o %s:%u", mode, owner, (unsigned)status->st_gid);
	return memory_format("%04o %s:%s", mode, owner, group->gr_name);
}
