/* SPDX-License-Identifier: MIT */

/*
 * maildir - a message becomes a file in a Maildir
 *
 * Written under tmp/, synced, then renamed into new/, which is synced, too: a
 * reader never sees half a message, and what is there is there to stay.
 */

#ifndef SERVICE_MAILDIR_H
#define SERVICE_MAILDIR_H

#include "base/error.h"
#include "base/writer.h"

struct maildir {
	int directory; /* owned */
};

struct maildir_file {
	int fd;	       /* owned; -1: none */
	char name[64]; /* below tmp/, then new/ */
	struct writer writer;
};

/* Opens path, making it and its new/, cur/ and tmp/ where they are missing. */
int maildir_open(struct maildir *maildir, const char *path, struct error *error);
void maildir_finish(struct maildir *maildir);

int maildir_create(const struct maildir *maildir, struct maildir_file *file, struct error *error);

/*
 * The same under a name of the caller's: what was kept under it before, be it
 * half or whole, gives way.  So what is done again after a crash is there once.
 */
int maildir_create_as(const struct maildir *maildir, const char *name, struct maildir_file *file,
    struct error *error);

/* Syncs and renames.  -1: nothing is left of it. */
int maildir_deliver(const struct maildir *maildir, struct maildir_file *file, struct error *error);

/* Drops a file that was not delivered.  Safe on one that was. */
void maildir_drop(const struct maildir *maildir, struct maildir_file *file);

#endif
