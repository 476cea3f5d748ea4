/* SPDX-License-Identifier: MIT */

/*
 * private_folder - a test program that runs from a folder of its own
 *
 * sendmail looks for mailchute beside itself, so what stands beside the test
 * is part of the test.
 */

#ifndef TESTS_SENDMAIL_PRIVATE_FOLDER_H
#define TESTS_SENDMAIL_PRIVATE_FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"

static inline void private_folder_copy(const char *from, const char *to)
{
	struct buffer content;
	struct error error;
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	buffer_init(&content, 256 << 20);
	if (fd < 0 || file_read_whole(from, &content, &error) < 0 ||
	    file_write_all(fd, buffer_span(&content)) < 0 || close(fd) < 0)
		abort();
	buffer_finish(&content);
}

/*
 * In the program as it was started: copies it to folder/sbin/ and goes on
 * there.  In the copy: tells the folder.
 */
static inline const char *private_folder_enter(char **argv)
{
	char own[4096];
	char folder[] = "/tmp/mailchute-sendmail-XXXXXX";
	char copy[64];
	const char *known = getenv("TEST_FOLDER");

	if (known != NULL)
		return known;
	if (process_own_path(own, sizeof own) < 0 || mkdtemp(folder) == NULL)
		abort();
	snprintf(copy, sizeof copy, "%s/bin", folder);
	if (mkdir(copy, 0755) < 0 || setenv("TEST_FOLDER", folder, 1) < 0)
		abort();
	snprintf(copy, sizeof copy, "%s/sbin", folder);
	if (mkdir(copy, 0755) < 0)
		abort();
	snprintf(copy, sizeof copy, "%s/sbin/sendmail", folder);
	private_folder_copy(own, copy);
	(void)execv(copy, argv);
	abort();
}

static inline int private_folder_remove_one(
    const char *path, const struct stat *status, int flag, struct FTW *place)
{
	(void)status;
	(void)flag;
	(void)place;
	return remove(path);
}

static inline void private_folder_remove(const char *folder)
{
	(void)nftw(folder, private_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
