/* SPDX-License-Identifier: MIT */

/*
 * ask - a line from a person at the terminal, or from standard input
 *
 * A secret does not show while it is typed.  Ctrl-C and Ctrl-Z leave the
 * terminal as it was.
 */

#ifndef ADMIN_ASK_H
#define ADMIN_ASK_H

#include <stdbool.h>

#include "base/error.h"

/* Standard input is a terminal: there is somebody to be asked. */
bool ask_is_possible(void);

/*
 * Shows the prompt on standard error and reads a line.  Without a terminal no
 * prompt is shown, and the line must be the only one: what is behind it is
 * refused, never left out.  Its end (LF or CRLF) is cut, nothing else.
 * *answer may be empty; the caller frees it as a secret.  -1: nothing came.
 */
int ask_line(const char *prompt, char **answer, struct error *error);
int ask_secret(const char *prompt, char **answer, struct error *error);

#endif
