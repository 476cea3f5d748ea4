/* SPDX-License-Identifier: MIT */

/*
 * harmless - a content that does no harm even where it is run as commands
 *
 * RFC 3030, 2 wants the replies to RCPT read before BDAT, for a server that
 * does not swallow the chunk of a refused transaction runs the message's text.
 * Where no line of the text begins with a word that is a command anywhere,
 * each is answered by 5yz, which is seen and does nothing.  When in doubt it is
 * called harmful, which costs a round trip and nothing else.
 *
 * Does not know: when it is sent.
 */

#ifndef SMTP_CLIENT_HARMLESS_H
#define SMTP_CLIENT_HARMLESS_H

#include <stdbool.h>

#include "smtp/client/content.h"

enum {
	HARMLESS_SIZE = 65536, /* octets that are looked at; what is larger is harmful */
	HARMLESS_LINE = 500,   /* octets in a line that no server's buffer parts in two */
};

/*
 * Its size must be known, and what is not in front must be part of a file
 * (content_read_file), which is left as it was.
 */
bool harmless_content(const struct content *content);

#endif
