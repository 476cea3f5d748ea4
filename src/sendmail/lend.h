/* SPDX-License-Identifier: MIT */

/*
 * lend - SMTP on stdin and stdout (-bs): a session with a service, lent to the caller
 *
 *	way found, 220, EHLO, XPLAIN	--> the caller gets the 220
 *	octets go both ways		--> 221, 421, the end of either
 *	silence between two messages	--> parked: no session is held until the
 *					    caller goes on, and nobody notices
 *
 * Before the 220 nothing is written; where no way is found, the greeting is a
 * 421 with the reason, which is what programs show to their users.
 *
 * Does not know: SMTP commands.
 */

#ifndef SENDMAIL_LEND_H
#define SENDMAIL_LEND_H

#include "base/error.h"

/*
 * 0: the session came to its end by QUIT or the end of stdin.  -1: error is the
 * line for stderr, its kind the exit status; the caller was told 421.
 */
int lend_run(struct error *error);

#endif
