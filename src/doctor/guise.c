/* SPDX-License-Identifier: MIT */

#include "doctor/guise.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/span.h"

/* With all groups where the user has a name. */
static int set_groups(uid_t uid, gid_t gid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry != NULL ? initgroups(entry->pw_name, gid) : setgroups(1, &gid);
}

int guise_put_on(struct guise *guise, uid_t uid, gid_t gid, struct error *error)
{
	*guise = (struct guise){ .uid = geteuid(), .gid = getegid() };
	if (guise->uid == uid)
		return 0;
	if (set_groups(uid, gid) < 0 || setegid(gid) < 0)
		return error_system(error, "cannot look as uid %u", uid);
	if (seteuid(uid) < 0) {
		error_system(error, "cannot look as uid %u", uid);
		guise->is_on = true;
		guise_take_off(guise);
		return -1;
	}
	guise->is_on = true;
	return 0;
}

void guise_take_off(struct guise *guise)
{
	if (!guise->is_on)
		return;
	/* Going on as somebody else would make every later line wrong. */
	if (seteuid(guise->uid) < 0 || setegid(guise->gid) < 0 ||
	    set_groups(guise->uid, guise->gid) < 0)
		abort();
	guise->is_on = false;
}

static int find(const char *user, uid_t *uid, gid_t *gid, struct error *error)
{
	const struct passwd *entry = getpwnam(user);
	uint64_t number;

	if (entry == NULL && span_to_number(span_from_string(user), &number) &&
	    number < UINT32_MAX) {
		*uid = (uid_t)number;
		*gid = (gid_t)number;
		entry = getpwuid(*uid);
		if (entry == NULL)
			return 0;
	}
	if (entry == NULL)
		return error_set(
		    error, ERROR_NO_USER, "5.1.1", "there is no user %s on this machine", user);
	*uid = entry->pw_uid;
	*gid = entry->pw_gid;
	return 0;
}

int guise_become(const char *user, struct error *error)
{
	uid_t uid;
	gid_t gid;

	if (find(user, &uid, &gid, error) < 0)
		return -1;
	if (uid == geteuid())
		return 0;
	if (set_groups(uid, gid) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0) {
		error_system(error, "cannot look as %s", user);
		return error_next(error, "only root can: sudo mailchute doctor --as %s", user);
	}
	return 0;
}
