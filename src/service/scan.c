/* SPDX-License-Identifier: MIT */

#include "service/scan.h"

#include <stdlib.h>
#include <string.h>

#include "spool/queue_error.h"

int scan_begin(struct scan *scan, int queue_directory, struct error *error)
{
	struct scan found = { .queue = queue_directory };

	if (listing_read(&found.names, queue_directory, error) < 0)
		return -1;
	found.left = found.names.count;
	scan_finish(scan);
	*scan = found;
	return 0;
}

size_t scan_left(const struct scan *scan)
{
	return scan->left;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, QUEUE_ID_LENGTH);
}

bool scan_has(const struct scan *scan, const char *id)
{
	return scan->left != 0 &&
	       bsearch(id, scan->names.ids, scan->left, sizeof *scan->names.ids, compare) != NULL;
}

void scan_hasten(struct scan *scan)
{
	scan->is_hasty = true;
}

void scan_look(const struct scan *scan, const char *id, scan_found *found, void *context)
{
	struct queue_summary summary = { 0 };
	struct error error;
	int outcome = queue_file_read_summary(scan->queue, id, &summary, &error);

	if (outcome == QUEUE_MISSING)
		return;
	if (scan->is_hasty)
		summary.progress.next_attempt = 0;
	found(context, id, outcome == QUEUE_OPENED ? &summary : NULL);
}

/* In the order in which they came, so that they go in it. */
void scan_step(
    struct scan *scan, size_t count, scan_is_known *is_known, scan_found *found, void *context)
{
	size_t end = scan->left;

	scan->left -= count < end ? count : end;
	for (size_t i = scan->left; i < end; i++)
		if (!is_known(context, scan->names.ids[i]))
			scan_look(scan, scan->names.ids[i], found, context);
	if (scan->left == 0)
		scan_finish(scan);
}

void scan_finish(struct scan *scan)
{
	listing_finish(&scan->names);
	*scan = (struct scan){ 0 };
}
