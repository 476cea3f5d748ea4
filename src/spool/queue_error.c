/* SPDX-License-Identifier: MIT */

#include "spool/queue_error.h"

#include <errno.h>

int queue_error_system(struct error *error, const char *what, const char *id)
{
	int number = errno;

	error_system(error, "%s queue file%s%s", what, id[0] != '\0' ? " " : "", id);
	if (number == ENOSPC || number == EDQUOT)
		error_next(error, "make room on the file system of the spool");
	else if (number == EROFS)
		error_next(error,
		    "the file system of the spool is read-only: mount it for writing, "
		    "or another at its place");
	else if (number != EIO && number != EACCES)
		return -1;
	return error_code(error, "MC-SPOOL-13");
}

int queue_error_damaged(struct error *error, const char *id, const char *why)
{
	error_set(error, ERROR_DATA, "4.3.0", "queue file %s does not check out: %s", id, why);
	return QUEUE_DAMAGED;
}
