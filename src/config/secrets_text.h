/* SPDX-License-Identifier: MIT */

/*
 * secrets_text - the text of secrets.ini with one line of it changed
 *
 * All other lines stay octet for octet and in their order.  The text may have
 * the very fault that the change mends: whoever keeps the result lints it.
 *
 * Does not know: files.
 */

#ifndef CONFIG_SECRETS_TEXT_H
#define CONFIG_SECRETS_TEXT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/span.h"

/* The quotes that a value needs, "\"" or "'", or "" for none; NULL: none are enough. */
const char *secrets_text_quote(struct span value);

/*
 * Writes `key = "value"`, without an end, in a form that iniparser 4.1 and
 * those after it read as this value.  False, with line untouched, where there
 * is none: such a value needs a file of its own.
 */
bool secrets_text_line(const char *key, struct span value, struct buffer *line);

/*
 * Appends text to changed, with line as that of key in [section]: in its old
 * place, else behind the last line of the section, else in a new one at the
 * end.  line NULL: the key is left out.
 */
void secrets_text_set(struct span text, const char *section, const char *key, const char *line,
    struct buffer *changed);

/* As written there, quotes and all, and its line (line may be NULL); false: the section does not
 * have the key. */
bool secrets_text_find(
    struct span text, const char *section, const char *key, struct span *written, int *line);

/* The sections in their order; *at is 0 before the first. */
bool secrets_text_next_section(struct span text, size_t *at, struct span *name);
bool secrets_text_has_section(struct span text, const char *section);

#endif
