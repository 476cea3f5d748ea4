/* SPDX-License-Identifier: MIT */

/*
 * pipeline - what has been sent and awaits its reply, first in, first out
 *
 * Every reply is matched to the command at the head; so no reply can ever be
 * taken for another's.
 */

#ifndef SMTP_CLIENT_PIPELINE_H
#define SMTP_CLIENT_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/command.h"

struct delivery;

struct pipeline_entry {
	enum command_verb
	    verb;	     /* COMMAND_DATA's content end is COMMAND_UNKNOWN with is_content_end */
	bool is_content_end; /* the reply to the final dot, or to BDAT LAST */
	size_t recipient;    /* index, for COMMAND_RCPT */
	/* For window.c. */
	struct delivery *delivery; /* whose it is; NULL: of none */
	uint64_t end;		   /* where it ends in all that was put; 0: not said */
};

struct pipeline {
	struct pipeline_entry *entries; /* owned */
	size_t head;
	size_t count;
	size_t capacity;
};

void pipeline_push(struct pipeline *pipeline, struct pipeline_entry entry);

/* The entry whose reply comes next; NULL when nothing is awaited. */
const struct pipeline_entry *pipeline_head(const struct pipeline *pipeline);
void pipeline_pop(struct pipeline *pipeline);
void pipeline_finish(struct pipeline *pipeline);

#endif
