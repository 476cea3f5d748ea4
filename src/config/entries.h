/* SPDX-License-Identifier: MIT */

/*
 * entries - what the files say, put together option by option
 *
 * A later entry takes the place of an earlier one of the same option; lists
 * are replaced, not added to.  Values are texts, with the place they stand at.
 *
 * Does not know: what an option means.
 */

#ifndef CONFIG_ENTRIES_H
#define CONFIG_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

struct entry {
	char *name;
	char **items; /* one, or those of a list, already split at commas; wiped */
	size_t count; /* 0: set, but to nothing */
	int file;
	int line;
};

struct entry_block {
	char *name;  /* "": what stands outside of blocks */
	char *title; /* NULL: it has none */
	struct entry *entries;
	size_t count;
	int file; /* where it stands first */
	int line;
};

struct entry_file {
	char *path;
	bool is_public; /* others may read it */
};

struct entries {
	struct entry_file *files;
	size_t file_count;
	struct entry_block *blocks; /* in the order of their first standing */
	size_t block_count;
};

/* Its number. */
int entries_add_file(struct entries *entries, const char *path, bool is_public);

/* The index of this block, which is made where there is none yet. */
size_t entries_open(
    struct entries *entries, const char *name, const char *title, int file, int line);

/* NULL: there is none. */
const struct entry_block *entries_find_block(
    const struct entries *entries, const char *name, const char *title);
const struct entry *entries_find(const struct entry_block *block, const char *name);

/* Moves entry into the block. */
void entries_put(struct entries *entries, size_t block, struct entry *entry);

/* "FILE line 7"; the caller frees it. */
char *entries_where(const struct entries *entries, int file, int line);

void entries_finish_entry(struct entry *entry);
void entries_finish(struct entries *entries);

#endif
