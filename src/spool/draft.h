/* SPDX-License-Identifier: MIT */

/*
 * draft - a file that has no queue ID yet
 *
 *	nothing -> draft	draft_create	locked; without a name (O_TMPFILE)
 *	draft	-> named	draft_name
 *
 * Where the file system has no O_TMPFILE (old overlayfs, NFS, some FUSE), or
 * there is no /proc to name such a file through, the draft has the name
 * "t.<random>", which no reader takes for a queue ID; a crash leaves it, and
 * draft_sweep removes it.
 *
 * Does not know: what is in the file.
 */

#ifndef SPOOL_DRAFT_H
#define SPOOL_DRAFT_H

enum { DRAFT_NAME_SIZE = 48 };

/* The descriptor, read and write, or -1 with errno set.  name is "" when there is none. */
int draft_create(int directory, char name[static DRAFT_NAME_SIZE]);

/* Gives it the name id, never over another file.  0, or -1 with errno set (EEXIST: taken). */
int draft_name(int directory, int fd, const char *name, const char *id);

/* Removes the name of a draft, if it has one. */
void draft_forget(int directory, const char *name);

/*
 * Removes the named drafts that no process holds.  For the owner of the
 * spool, at its start.  Their number, or -1 with errno set.
 */
int draft_sweep(int directory);

#endif
