/* SPDX-License-Identifier: MIT */

/*
 * options - the command line that every program knows
 *
 * One table says what each letter takes and does.  An option that sendmail,
 * Postfix, Exim or the LSB know is never a reason to lose the mail: what has
 * no meaning for a relay is accepted without effect, and nothing here names a
 * file, a program or a configuration.  A letter in no table is a usage error.
 *
 * Does not know: what is done with them.
 */

#ifndef SENDMAIL_OPTIONS_H
#define SENDMAIL_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "message/envelope.h"
#include "smtp/command.h"

enum options_mode {
	OPTIONS_SEND,
	OPTIONS_LIST_QUEUE,	  /* -bp, mailq */
	OPTIONS_RUN_QUEUE,	  /* -q; what it is filtered by is accepted without effect */
	OPTIONS_CHECK_ALIASES,	  /* -bi, -I, newaliases */
	OPTIONS_VERIFY,		  /* -bv: the recipients alone, no message is read */
	OPTIONS_SESSION,	  /* -bs */
	OPTIONS_SERVE_BACKGROUND, /* -bd, -q15m */
	OPTIONS_SERVE,		  /* -bD */
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
	bool as_json;		/* --json: for mailq */
	unsigned notify;	/* -N: enum envelope_notify, or'ed */
	enum envelope_return return_content; /* -R */
	const char *envid;		     /* -V; fit for envelope_set_envid, or NULL */
	char **recipients;		     /* into argv */
	int recipient_count;
	char ignored_letter;	   /* -N, -R or -V with a value that means nothing; else NUL */
	const char *ignored_value; /* the first such */
};

/*
 * Reads argv by the name it was called under, and moves the recipients to its
 * front.  Options end at "--"; behind a recipient they still count, since mail
 * to "-i" is never meant.  -1: ERROR_USAGE; nothing was read from stdin.
 */
int options_parse(int argc, char **argv, struct options *options, struct error *error);

extern const char options_help[];

#endif
