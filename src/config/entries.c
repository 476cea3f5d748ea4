/* SPDX-License-Identifier: MIT */

#include "config/entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int entries_add_file(struct entries *entries, const char *path, bool is_public)
{
	entries->files = memory_resize_array(
	    entries->files, entries->file_count + 1, sizeof *entries->files);
	entries->files[entries->file_count] = (struct entry_file){
		.path = memory_copy_string(path),
		.is_public = is_public,
	};
	return (int)entries->file_count++;
}

static bool is_title(const struct entry_block *block, const char *title)
{
	if (block->title == NULL || title == NULL)
		return block->title == title;
	return strcmp(block->title, title) == 0;
}

static size_t find_block(const struct entries *entries, const char *name, const char *title)
{
	size_t i = 0;

	while (i < entries->block_count && (strcmp(entries->blocks[i].name, name) != 0 ||
					       !is_title(&entries->blocks[i], title)))
		i++;
	return i;
}

const struct entry_block *entries_find_block(
    const struct entries *entries, const char *name, const char *title)
{
	size_t i = find_block(entries, name, title);

	return i < entries->block_count ? &entries->blocks[i] : NULL;
}

size_t entries_open(
    struct entries *entries, const char *name, const char *title, int file, int line)
{
	size_t i = find_block(entries, name, title);

	if (i < entries->block_count)
		return i;
	entries->blocks = memory_resize_array(
	    entries->blocks, entries->block_count + 1, sizeof *entries->blocks);
	entries->blocks[i] = (struct entry_block){
		.name = memory_copy_string(name),
		.title = title != NULL ? memory_copy_string(title) : NULL,
		.file = file,
		.line = line,
	};
	entries->block_count++;
	return i;
}

static struct entry *find(const struct entry_block *block, const char *name)
{
	for (size_t i = 0; block != NULL && i < block->count; i++)
		if (strcmp(block->entries[i].name, name) == 0)
			return &block->entries[i];
	return NULL;
}

const struct entry *entries_find(const struct entry_block *block, const char *name)
{
	return find(block, name);
}

void entries_put(struct entries *entries, size_t index, struct entry *entry)
{
	struct entry_block *block = &entries->blocks[index];
	struct entry *place = find(block, entry->name);

	if (place != NULL)
		entries_finish_entry(place);
	else {
		block->entries = memory_resize_array(
		    block->entries, block->count + 1, sizeof *block->entries);
		place = &block->entries[block->count++];
	}
	*place = *entry;
	*entry = (struct entry){ 0 };
}

char *entries_where(const struct entries *entries, int file, int line)
{
	return memory_format("%s line %d", entries->files[file].path, line);
}

void entries_finish_entry(struct entry *entry)
{
	/* The url of a smarthost may hold a password. */
	for (size_t i = 0; i < entry->count; i++)
		memory_free_secret(&entry->items[i]);
	free(entry->items);
	free(entry->name);
	*entry = (struct entry){ 0 };
}

void entries_finish(struct entries *entries)
{
	for (size_t i = 0; i < entries->block_count; i++) {
		struct entry_block *block = &entries->blocks[i];

		for (size_t j = 0; j < block->count; j++)
			entries_finish_entry(&block->entries[j]);
		free(block->entries);
		free(block->name);
		free(block->title);
	}
	for (size_t i = 0; i < entries->file_count; i++)
		free(entries->files[i].path);
	free(entries->blocks);
	free(entries->files);
	*entries = (struct entries){ 0 };
}
