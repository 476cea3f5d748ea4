/* SPDX-License-Identifier: MIT */

/*
 * postfix_reader - what is known of a Postfix while its configuration is read
 *
 * Does not know: what its parameters mean.
 */

#ifndef IMPORT_POSTFIX_READER_H
#define IMPORT_POSTFIX_READER_H

#include "import/account.h"
#include "import/postfix_parameters.h"
#include "import/postfix_table.h"

struct postfix_reader {
	const struct source_room *room;
	struct source source;
	struct postfix_parameters parameters;
	struct postfix_table passwords;
	struct postfix_table tls_policy;
	char *from;	     /* the one address that all maps lead to */
	bool is_from_of_all; /* also of senders that are whole addresses */
	struct error *error;
};

/* Safe on a zeroed one. */
void postfix_reader_finish(struct postfix_reader *reader);

/* With everything put in; "" where main.cf does not set it.  The caller frees it. */
char *postfix_reader_value(const struct postfix_reader *reader, const char *name);

/* 0: it is not set. */
int postfix_reader_line(const struct postfix_reader *reader, const char *name);

struct account_place postfix_reader_place(const struct postfix_reader *reader, const char *name);

bool postfix_reader_is_yes(const struct postfix_reader *reader, const char *name);

/* The name of the one that main.cf sets, or else other. */
const char *postfix_reader_first_set(
    const struct postfix_reader *reader, const char *one, const char *other);

/* "90s", "2m", or a number in a unit of so many seconds; 0: none of these, or over a year. */
uint64_t postfix_reader_seconds(const char *text, uint64_t unit);

/* "NAME: text", with its line. */
void postfix_reader_note(
    struct postfix_reader *reader, enum plan_note_kind kind, const char *name, const char *text);

/* Adds the tables that this parameter names. */
int postfix_reader_table(
    struct postfix_reader *reader, const char *name, struct postfix_table *table);

#endif
