/* SPDX-License-Identifier: MIT */

/*
 * file - descriptors and whole files
 *
 * Every descriptor made here is close-on-exec.  Interrupted and short calls
 * are gone on with.
 */

#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* Closes *fd unless it is negative and leaves -1 there; for CLEANUP. */
void file_close(int *fd);

/* Writes all of it, or returns -1 with errno set. */
int file_write_all(int fd, struct span content);

/* The same at an offset, which stays where it is. */
int file_write_all_at(int fd, struct span content, off_t offset);

/* Reads until size bytes are there or the file ends; the count, or -1 with errno set. */
ssize_t file_read_full(int fd, char *bytes, size_t size);
ssize_t file_read_full_at(int fd, char *bytes, size_t size, off_t offset);

/*
 * Appends all that fd gives to content.  Returns 0, 1 when content's limit is
 * reached first, or -1 with errno set.
 */
int file_read_to_end(int fd, struct buffer *content);

/*
 * For reading, a descriptor or -1 with errno.  A named pipe into which nobody
 * writes is ENODATA after three seconds: no call of a mailer may hang for it.
 */
int file_open_to_read(const char *path);

/*
 * The whole file by its path.  A missing or unreadable file, a directory, or
 * one larger than content's limit is an error that names the path.
 */
int file_read_whole(const char *path, struct buffer *content, struct error *error);

/*
 * Renames, never over another file: 0, or -1 with errno, which is EEXIST for
 * that, EINVAL or ENOSYS where the file system or the kernel cannot do so.
 */
int file_rename_to_new(int from, const char *name, int to, const char *new_name);

/* Sets or clears O_NONBLOCK. */
int file_set_nonblocking(int fd, bool is_nonblocking);

#endif
