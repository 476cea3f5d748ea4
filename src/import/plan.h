/* SPDX-License-Identifier: MIT */

/*
 * plan - what will be written: blocks of mailchute.conf, logins, and notes
 *
 * Each reader of a predecessor's files fills one, setup fills one, and write
 * makes the two files of it.
 *
 * Does not know: what an option means, whose files were read.
 */

#ifndef IMPORT_PLAN_H
#define IMPORT_PLAN_H

#include <stdbool.h>
#include <stddef.h>

struct plan_option {
	char *name;
	bool is_list;
	char **values;
	size_t count;
};

struct plan_block {
	char *kind;  /* "smarthost"; "": what stands outside of blocks */
	char *title; /* NULL: without one */
	struct plan_option *options;
	size_t count;
};

/* A section of secrets.ini. */
struct plan_login {
	char *section;
	char *user;
	char *password;	     /* a secret, or NULL */
	char *password_file; /* or NULL */
};

enum plan_note_kind {
	PLAN_LOST,    /* it is not carried over */
	PLAN_CHANGED, /* it is, but means something else now, or wants a look */
};

struct plan_note {
	enum plan_note_kind kind;
	char *file;
	int line; /* 0: the whole file */
	char *text;
};

struct plan {
	struct plan_block **blocks;
	size_t block_count;
	struct plan_login **logins;
	size_t login_count;
	struct plan_note *notes;
	size_t note_count;
	char **files; /* that were read, in order */
	size_t file_count;
};

/* Safe on a zeroed plan; wipes passwords; zeroes. */
void plan_finish(struct plan *plan);

/* The block of this kind and title (any case), or NULL. */
struct plan_block *plan_find(const struct plan *plan, const char *kind, const char *title);

/* The same, made where there is none.  It stays where it is until plan_finish. */
struct plan_block *plan_block(struct plan *plan, const char *kind, const char *title);

/* Takes a block out again. */
void plan_drop(struct plan *plan, struct plan_block *block);

/* How many there are of a kind. */
size_t plan_count(const struct plan *plan, const char *kind);

/* Sets an option to one value, in place of what it had; NULL: no change. */
void plan_set(struct plan_block *block, const char *option, const char *value);

/* Adds a value to a list, once. */
void plan_add(struct plan_block *block, const char *option, const char *value);

/* The first value, or NULL. */
const char *plan_get(const struct plan_block *block, const char *option);

struct plan_login *plan_login(struct plan *plan, const char *section);

/* The same said twice is said once. */
void plan_note(struct plan *plan, enum plan_note_kind kind, const char *file, int line,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* This file was read. */
void plan_read(struct plan *plan, const char *path);

#endif
