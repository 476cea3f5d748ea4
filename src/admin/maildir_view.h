/* SPDX-License-Identifier: MIT */

/*
 * maildir_view - what lies in a Maildir, for those who look
 *
 * Any Maildir, whoever has written it.
 */

#ifndef ADMIN_MAILDIR_VIEW_H
#define ADMIN_MAILDIR_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

struct maildir_entry {
	char *path;   /* "new/NAME"; owned */
	int64_t time; /* when it came, in nanoseconds */
};

struct maildir_listing {
	struct maildir_entry *entries; /* oldest first; owned */
	size_t count;
};

/* new/ and cur/.  -1: there is no such Maildir. */
int maildir_view_list(const char *path, struct maildir_listing *listing, struct error *error);
void maildir_view_finish(struct maildir_listing *listing);

/* The name without its folder and flags, which change when mail is read. */
struct span maildir_view_identity(const struct maildir_entry *entry);

/* Reads it, up to content's limit. */
int maildir_view_read(const char *path, const struct maildir_entry *entry, struct buffer *content,
    struct error *error);

/* Who and what, as a header says it; decoded, and with any octets. */
struct maildir_summary {
	struct buffer sender;
	struct buffer recipients;
	struct buffer subject;
};

void maildir_view_sum_up(struct span message, struct maildir_summary *summary);
void maildir_view_finish_summary(struct maildir_summary *summary);

#endif
