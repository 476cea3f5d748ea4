/* SPDX-License-Identifier: MIT */

/*
 * incoming - the content of a message on its way in, by DATA or BDAT
 *
 * Private to this folder.  Both end in the same few lines, and a chunk that is
 * refused is read to its end all the same: its octets never run as commands.
 */

#ifndef SMTP_SERVER_INCOMING_H
#define SMTP_SERVER_INCOMING_H

#include "smtp/server/dialogue.h"

/* DATA: refuses it, or asks for the content, reads it and answers. */
void incoming_data(struct dialogue *dialogue);

/* BDAT: reads the chunk, then answers. */
void incoming_chunk(struct dialogue *dialogue, uint64_t size, bool is_last);

/* The session has ended within a content: says so, where somebody may still listen. */
void incoming_tell_of_cut(struct dialogue *dialogue);

/* More than offered.size_limit: size octets, 0 when it is not known how many. */
void incoming_refuse_size(
    const struct dialogue *dialogue, uint64_t size, struct server_reply *reply);

#endif
