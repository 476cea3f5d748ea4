/* SPDX-License-Identifier: MIT */

/*
 * query - one question to mailchute, and its answer line by line
 *
 * For the private commands (XQUEUE, XEXPLAIN) and VRFY, whose answers have any
 * number of lines: each is handed over as it comes, none is kept.
 *
 * Does not know: what was asked.
 */

#ifndef SENDMAIL_QUERY_H
#define SENDMAIL_QUERY_H

#include "base/error.h"
#include "base/span.h"
#include "smtp/reply.h"

/* A line of the answer without its "250-", valid during the call.  False: no more are wanted. */
typedef bool query_line(void *context, struct span line);

/*
 * Asks by the way that is found (way.h); command is without CRLF.  Each line
 * that others follow goes to take, if the code is 250; the rest is in reply:
 * the last line, or all of a refusal.  0: there is a reply, whatever its code.
 * -1: no way was found, or the answer broke off: error is the line for the
 * caller, its kind the exit status.
 */
int query_run(
    const char *command, query_line *take, void *context, struct reply *reply, struct error *error);

/* The same, and where no service runs it starts none. */
int query_run_at_rest(
    const char *command, query_line *take, void *context, struct reply *reply, struct error *error);

enum { QUERY_NOBODY = 1 };

/* The same of a service that listens already; QUERY_NOBODY: none does, nothing was started. */
int query_run_listening(
    const char *command, query_line *take, void *context, struct reply *reply, struct error *error);

/* The same of the service that listens at this path. */
int query_run_at(const char *path, const char *command, query_line *take, void *context,
    struct reply *reply, struct error *error);

/* The error that a refusal amounts to, its words in one line: for query_run's reply above 399. */
int query_refused(const struct reply *reply, struct error *error);

#endif
