/* SPDX-License-Identifier: MIT */

/*
 * bare - the yardstick: a dynamic program that makes one durable file and ends
 *
 * O_TMPFILE, write, linkat, fsync of the file, fsync of the directory: what a
 * queue needs at least.  usage: bare DIRECTORY < message
 */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char message[262144];
	char name[64];
	char link[64];

	if (argc != 2)
		return 64;
	ssize_t length = read(0, message, sizeof message);
	int directory = open(argv[1], O_RDONLY | O_DIRECTORY);
	int file = openat(directory, ".", O_TMPFILE | O_RDWR, 0600);
	snprintf(name, sizeof name, "bare.%d", (int)getpid());
	snprintf(link, sizeof link, "/proc/self/fd/%d", file);
	if (length < 0 || write(file, message, (size_t)length) != length ||
	    linkat(AT_FDCWD, link, directory, name, AT_SYMLINK_FOLLOW) < 0 || fsync(file) < 0 ||
	    fsync(directory) < 0)
		return 1;
	return 0;
}
