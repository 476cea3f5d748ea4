/* SPDX-License-Identifier: MIT */

#include "service/owner.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

bool owner_is_another(const char *path, uid_t *uid, gid_t *gid)
{
	struct stat status;

	if (geteuid() != 0 || lstat(path, &status) < 0 || status.st_uid == 0)
		return false;
	*uid = status.st_uid;
	*gid = status.st_gid;
	return true;
}

int owner_become(const char *path, struct error *error)
{
	uid_t uid;
	gid_t gid;

	if (!owner_is_another(path, &uid, &gid))
		return 0;
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return error_system(error, "cannot become uid %u, the owner of %s", uid, path);
	return 0;
}
