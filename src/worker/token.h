/* SPDX-License-Identifier: MIT */

/*
 * token - what a login by OAuth 2.0 needs, fetched when it is needed
 *
 * The one place where a token comes from that does not stand in a file: today
 * from the token_command of the section in secrets.ini, run anew for each
 * connection.  Whoever teaches mailchute to refresh tokens by itself does it
 * here.
 *
 * The command runs as the worker's uid, in a process group of its own, with
 * PATH, HOME and LANG for an environment, "/" as its folder, nothing on
 * standard input and no other descriptor.  It has TOKEN_TIME; the first line
 * that it prints is the token.  It must run before the worker shuts itself in.
 */

#ifndef WORKER_TOKEN_H
#define WORKER_TOKEN_H

#include <stdint.h>

#include "base/error.h"
#include "smtp/smarthost.h"

enum { TOKEN_TIME = 10000 }; /* milliseconds */

/*
 * Sets smarthost->token, unless there is nothing to be run.  -1: the command
 * cannot be started (78), failed, took too long or printed none (69); the error
 * quotes the first line of its standard error, never the token.
 */
int token_fetch(struct smarthost *smarthost, struct error *error);

/* The same with another limit. */
int token_fetch_within(struct smarthost *smarthost, int64_t limit, struct error *error);

#endif
