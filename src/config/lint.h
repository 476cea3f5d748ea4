/* SPDX-License-Identifier: MIT */

/*
 * lint - faults that the parsers would swallow, found in the raw text first
 *
 * config-parsers.md lists them with what the parsers make of them.  Each
 * fault names file, line, what is wrong, and the line as it should be.
 */

#ifndef CONFIG_LINT_H
#define CONFIG_LINT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

/* What neither file may hold: a byte order mark, NUL. */
int lint_bytes(const char *path, struct span text, struct error *error);

enum lint_kind { LINT_BLOCK, LINT_OPTION, LINT_INCLUDE };

/* One thing that mailchute.conf says. */
struct lint_statement {
	enum lint_kind kind;
	struct span block; /* its name; empty outside of blocks */
	struct span title; /* as written */
	bool has_title;
	struct span name; /* of an option; the file to include; empty for a block */
	bool is_list;
	bool reads_environment; /* by a ${NAME} in it, or in its title */
	bool is_faulty;		/* it, or the block that it stands in */
	int line;
};

struct lint_listener {
	void *context;
	/* false: it is to be left out, as what is faulty always is. */
	bool (*hear)(void *context, const struct lint_statement *statement);
	void (*tell)(void *context, int line, const struct error *fault);
};

/*
 * mailchute.conf before libConfuse: unquoted values that lose '*' or what
 * follows '#', '+' unquoted, unbalanced braces or quotes, ';', names set
 * twice, a byte order mark, NUL.  All faults are told, as far as what follows
 * one still makes sense.  Returns the text without what is at fault or left
 * out, lines staying where they are, which the caller frees as a secret; NULL
 * where it did not make sense to its end.
 */
char *lint_walk(const char *path, struct span text, const struct lint_listener *listener);

/* The first fault of mailchute.conf; 0: there is none. */
int lint_settings(const char *path, struct span text, struct error *error);

/*
 * secrets.ini before iniparser: '#' or ';' in an unquoted value, backslashes,
 * a trailing backslash, lines over 1000 octets, duplicate keys and sections, a
 * comment behind a section, a byte order mark, NUL.  The error never quotes a
 * secret: the value in the corrected line is "...".
 */
int lint_secrets(const char *path, struct span text, struct error *error);

/* The same with every fault told, in their order. */
int lint_secrets_telling(const char *path, struct span text,
    void (*tell)(void *context, const struct error *fault), void *context, struct error *error);

/* The line of a key in secrets.ini, which passed lint_secrets; 0: it is not there. */
int lint_find_secret(struct span text, const char *section, const char *key);

#endif
