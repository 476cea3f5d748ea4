/* SPDX-License-Identifier: MIT */

#include "admin/maildir_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/encoded_words.h"
#include "base/file.h"
#include "base/memory.h"

enum { VALUE_LIMIT = 4096 };

/* ---- the list ---- */

void maildir_view_finish(struct maildir_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->entries[i].path);
	free(listing->entries);
	*listing = (struct maildir_listing){ 0 };
}

static void add(struct maildir_listing *listing, const char *part, int folder, const char *name)
{
	struct stat status;

	/* It may have been read and moved, or removed, meanwhile. */
	if (name[0] == '.' || fstatat(folder, name, &status, 0) < 0 || !S_ISREG(status.st_mode))
		return;
	listing->entries = memory_resize_array(
	    listing->entries, listing->count + 1, sizeof *listing->entries);
	listing->entries[listing->count++] = (struct maildir_entry){
		.path = memory_format("%s/%s", part, name),
		.time = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
	};
}

static int add_folder(struct maildir_listing *listing, const char *path, const char *part)
{
	char *name CLEANUP(memory_free_string) = memory_format("%s/%s", path, part);
	DIR *stream = opendir(name);

	if (stream == NULL)
		return -1;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
		add(listing, part, dirfd(stream), entry->d_name);
	(void)closedir(stream);
	return 0;
}

struct span maildir_view_identity(const struct maildir_entry *entry)
{
	struct span name = span_after(span_from_string(entry->path), strlen("new/"));
	ssize_t flags = span_find_byte(name, ':');

	return flags < 0 ? name : span_first(name, (size_t)flags);
}

static int compare(const void *left, const void *right)
{
	const struct maildir_entry *one = left;
	const struct maildir_entry *other = right;

	if (one->time != other->time)
		return one->time < other->time ? -1 : 1;
	return strcmp(one->path + strlen("new/"), other->path + strlen("new/"));
}

int maildir_view_list(const char *path, struct maildir_listing *listing, struct error *error)
{
	*listing = (struct maildir_listing){ 0 };
	if (add_folder(listing, path, "new") < 0 ||
	    (add_folder(listing, path, "cur") < 0 && errno != ENOENT)) {
		bool is_missing = errno == ENOENT || errno == ENOTDIR;

		error_system(error, "cannot look into the Maildir %s", path);
		maildir_view_finish(listing);
		if (is_missing)
			error->kind = ERROR_NO_INPUT;
		return -1;
	}
	if (listing->count != 0)
		qsort(listing->entries, listing->count, sizeof *listing->entries, compare);
	return 0;
}

int maildir_view_read(const char *path, const struct maildir_entry *entry, struct buffer *content,
    struct error *error)
{
	char *name CLEANUP(memory_free_string) = memory_format("%s/%s", path, entry->path);
	int fd CLEANUP(file_close) = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || file_read_to_end(fd, content) < 0)
		return error_system(error, "cannot read %s", name);
	return 0;
}

/* ---- a message ---- */

void maildir_view_finish_summary(struct maildir_summary *summary)
{
	buffer_finish(&summary->sender);
	buffer_finish(&summary->recipients);
	buffer_finish(&summary->subject);
}

/* A whole field, its further lines included; false at the end of the header. */
static bool take_field(struct span *rest, struct span *name, struct buffer *value)
{
	struct span line;

	buffer_clear(value);
	if (!span_take_line(rest, &line) || line.length == 0)
		return false;
	struct span content = line;
	if (!span_take_until(&content, ':', name))
		content = (struct span){ 0 };
	buffer_append_span(value, span_trim(content));
	while (rest->length != 0 && (rest->start[0] == ' ' || rest->start[0] == '\t') &&
	       span_take_line(rest, &line)) {
		buffer_append_byte(value, ' ');
		buffer_append_span(value, span_trim(line));
	}
	return true;
}

static void put(struct buffer *target, struct span value)
{
	if (target->length != 0)
		buffer_append_string(target, ", ");
	encoded_words_decode(value, target);
}

/* The envelope's recipients, where somebody has noted them; else those of the header. */
void maildir_view_sum_up(struct span message, struct maildir_summary *summary)
{
	struct buffer value CLEANUP(buffer_finish) = { 0 };
	struct buffer delivered CLEANUP(buffer_finish) = { 0 };
	struct span name = { 0 };

	*summary = (struct maildir_summary){ 0 };
	buffer_init(&value, VALUE_LIMIT);
	buffer_init(&delivered, VALUE_LIMIT);
	buffer_init(&summary->sender, VALUE_LIMIT);
	buffer_init(&summary->recipients, VALUE_LIMIT);
	buffer_init(&summary->subject, VALUE_LIMIT);
	while (take_field(&message, &name, &value)) {
		name = span_trim(name);
		if (span_equals_string_ignoring_case(name, "From"))
			put(&summary->sender, buffer_span(&value));
		else if (span_equals_string_ignoring_case(name, "To") ||
			 span_equals_string_ignoring_case(name, "Cc"))
			put(&summary->recipients, buffer_span(&value));
		else if (span_equals_string_ignoring_case(name, "Delivered-To"))
			put(&delivered, buffer_span(&value));
		else if (span_equals_string_ignoring_case(name, "Subject"))
			put(&summary->subject, buffer_span(&value));
	}
	if (delivered.length == 0)
		return;
	buffer_clear(&summary->recipients);
	buffer_append_span(&summary->recipients, buffer_span(&delivered));
}
