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

#endif
