/* SPDX-License-Identifier: MIT */

/*
 * options - the command line that every program knows
 *
 * One table says what each letter takes and does.  An option that sendmail,
 * Postfix or the LSB know is never a reason to lose the mail: what has no
 * meaning for a relay is accepted without effect, and nothing here names a
 * file, a program or a configuration.  A letter in no table is a usage error.
 *
 * Does not know: what is done with them.
 */

#ifndef SENDMAIL_OPTIONS_H
#define SENDMAIL_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "smtp/command.h"

enum options_mode {
	OPTIONS_SEND,
	OPTIONS_LIST_QUEUE,    /* -bp, mailq */
	OPTIONS_CHECK_ALIASES, /* -bi, newaliases */
	OPTIONS_SHOW_HELP,
	OPTIONS_SHOW_VERSION,
};

struct options {
	enum options_mode mode;
	bool reads_header;	/* -t */
	bool ignores_dots;	/* -i, -oi */
	const char *sender;	/* -f, -r; the last one; NULL without */
	const char *full_name;	/* -F; NULL without */
	enum command_wait wait; /* -odi, -odb, -odq */
	bool is_verbose;	/* -v: what is said with the smarthost goes to stderr */
	char **recipients;	/* into argv */
	int recipient_count;
};

/*
 * Reads argv by the name it was called under, and moves the recipients to its
 * front.  Options end at "--"; behind a recipient they still count, since mail
 * to "-i" is never meant.  -1: ERROR_USAGE; nothing was read from stdin.
 */
int options_parse(int argc, char **argv, struct options *options, struct error *error);

extern const char options_help[];

#endif
