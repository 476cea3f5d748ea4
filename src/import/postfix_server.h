/* SPDX-License-Identifier: MIT */

/*
 * postfix_server - what makes a mail server of a Postfix, and is lost
 */

#ifndef IMPORT_POSTFIX_SERVER_H
#define IMPORT_POSTFIX_SERVER_H

#include "import/postfix_reader.h"

/* A note for each parameter in force that has no counterpart, but what nobody misses. */
void postfix_server_note(struct postfix_reader *reader);

#endif
