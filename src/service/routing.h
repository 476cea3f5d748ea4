/* SPDX-License-Identifier: MIT */

/*
 * routing - the routes of a queue file's recipients
 *
 * Asks policy/route with what stands in the file: the sender, or the From
 * field where there is none, the submitter, and the queue ID.  Smarthosts that
 * do not allow the sender are left out (permission.h).
 */

#ifndef SERVICE_ROUTING_H
#define SERVICE_ROUTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"
#include "message/header.h"
#include "policy/route.h"
#include "spool/queue_file.h"

struct routing {
	const struct config *config;   /* borrowed, like file */
	const struct queue_file *file; /* open */
	char *author;		       /* NULL: not needed, or not there; owned */
	struct header header;	       /* where has_header; owned */
	bool has_header;	       /* it matters to some smarthost who sends */
};

void routing_init(
    struct routing *routing, const struct config *config, const struct queue_file *file);
void routing_finish(struct routing *routing);

void routing_list(const struct routing *routing, size_t recipient, struct route_list *list);

/* -1: none of this recipient's smarthosts allows the sender; routing_list gives all of them. */
int routing_check(const struct routing *routing, size_t recipient, struct error *error);

/*
 * The first smarthost of the first recipient who still waits, or of the first
 * where none does; NULL when no smarthost is configured.
 */
const struct config_smarthost *routing_first(
    const struct config *config, const struct queue_file *file);

/*
 * The first smarthosts of all who still wait, or of all where none does, each
 * once and by name: "a, b".  The caller frees it.
 */
char *routing_names(const struct config *config, const struct queue_file *file);

/* They are several. */
bool routing_is_mixed(const struct config *config, const struct queue_file *file);

/* This smarthost is among them. */
bool routing_leads_to(
    const struct config *config, const struct queue_file *file, const char *smarthost);

#endif
