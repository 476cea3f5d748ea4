/* SPDX-License-Identifier: MIT */

/*
 * guise - root looks with another user's eyes for a while
 *
 * Nothing in a spool is opened by root where it belongs to another (DESIGN 6).
 */

#ifndef DOCTOR_GUISE_H
#define DOCTOR_GUISE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct guise {
	bool is_on;
	uid_t uid; /* of before */
	gid_t gid;
};

/* From here on the effective user is uid, its groups too.  Nothing is done where it is already. */
int guise_put_on(struct guise *guise, uid_t uid, gid_t gid, struct error *error);

/* Back again; for CLEANUP. */
void guise_take_off(struct guise *guise);

/* For good, as --as USER (a name or a number) wants it: root alone can. */
int guise_become(const char *user, struct error *error);

#endif
