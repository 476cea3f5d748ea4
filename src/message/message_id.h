/* SPDX-License-Identifier: MIT */

/*
 * message_id - RFC 5322, 3.6.4: unique by clock and 80 random bits
 */

#ifndef MESSAGE_MESSAGE_ID_H
#define MESSAGE_MESSAGE_ID_H

/* "<20261123053700.k3j...@domain>"; the caller frees it.  domain must be a checked domain. */
char *message_id_generate(const char *domain);

#endif
