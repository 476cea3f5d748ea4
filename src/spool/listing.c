/* SPDX-License-Identifier: MIT */

#include "spool/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static void close_directory(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
	*directory = NULL;
}

/* A description of its own, so that the position of queue_directory stays what it is. */
static DIR *open_again(int queue_directory)
{
	int fd = openat(queue_directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (directory == NULL) {
		int number = errno;

		file_close(&fd);
		errno = number;
	}
	return directory;
}

static void add(struct listing *listing, const char *id)
{
	if (listing->count == listing->capacity) {
		listing->capacity = listing->capacity != 0 ? listing->capacity * 2 : 64;
		listing->ids = memory_resize_array(
		    listing->ids, listing->capacity, sizeof *listing->ids);
	}
	memcpy(listing->ids[listing->count++], id, QUEUE_ID_SIZE);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, QUEUE_ID_SIZE);
}

static int read_names(DIR *directory, struct listing *listing)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(directory);

		if (entry == NULL)
			return errno == 0 ? 0 : -1;
		if (queue_id_is_valid(span_from_string(entry->d_name)))
			add(listing, entry->d_name);
	}
}

int listing_read(struct listing *listing, int queue_directory, struct error *error)
{
	CLEANUP(close_directory) DIR *directory = open_again(queue_directory);
	CLEANUP(listing_finish) struct listing found = { 0 };

	if (directory == NULL || read_names(directory, &found) < 0)
		return error_system(error, "cannot list the queue");
	if (found.count != 0)
		qsort(found.ids, found.count, sizeof *found.ids, compare);
	listing_finish(listing);
	*listing = found;
	found = (struct listing){ 0 };
	return 0;
}

void listing_finish(struct listing *listing)
{
	free(listing->ids);
	*listing = (struct listing){ 0 };
}
