/* SPDX-License-Identifier: MIT */

/*
 * lint - faults that the parsers would swallow, found in the raw text first
 *
 * config-parsers.md lists them with what the parsers make of them.  Each
 * fault names file, line, what is wrong, and the line as it should be.
 */

#ifndef CONFIG_LINT_H
#define CONFIG_LINT_H

#include "base/error.h"
#include "base/span.h"

/* What neither file may hold: a byte order mark, NUL. */
int lint_bytes(const char *path, struct span text, struct error *error);

/*
 * mailchute.conf before libConfuse: unquoted values that lose '*' or what
 * follows '#', '+' unquoted, unbalanced braces or quotes, ';', a byte order
 * mark, NUL.
 */
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

/*
 * The line where mailchute.conf, which passed lint_settings, sets the option
 * of this block (NULL: outside of blocks), or where the block begins (option
 * NULL).  title is NULL for blocks without one.  0: it does not.
 */
int lint_find_line(struct span text, const char *block, const char *title, const char *option);

/* The line of the first value that reads the environment, "${NAME}"; 0 without one. */
int lint_find_expansion(struct span text);

/* The line of a key in secrets.ini, which passed lint_secrets; 0: it is not there. */
int lint_find_secret(struct span text, const char *section, const char *key);

#endif
