/* SPDX-License-Identifier: MIT */

#include "service/owner.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

int owner_become(const char *path, struct error *error)
{
	struct stat status;

	if (geteuid() != 0 || lstat(path, &status) < 0 || status.st_uid == 0)
		return 0;
	if (setgroups(1, &status.st_gid) < 0 ||
	    setresgid(status.st_gid, status.st_gid, status.st_gid) < 0 ||
	    setresuid(status.st_uid, status.st_uid, status.st_uid) < 0)
		return error_system(
		    error, "cannot become uid %u, the owner of %s", status.st_uid, path);
	return 0;
}
