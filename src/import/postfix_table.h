/* SPDX-License-Identifier: MIT */

/*
 * postfix_table - what a lookup table of Postfix holds, from its plain source
 *
 * hash:, btree:, lmdb:, cdb:, dbm:, sdbm: and texthash: name a text file beside
 * the compiled one; inline: and static: stand in main.cf; regexp: and pcre: are
 * files of patterns.  Others (ldap:, mysql: ...) are noted as lost.
 */

#ifndef IMPORT_POSTFIX_TABLE_H
#define IMPORT_POSTFIX_TABLE_H

#include "import/source.h"

struct postfix_entry {
	char *key;
	char *value;	 /* may be a secret */
	bool is_pattern; /* the key is "/expression/flags" */
	int line;
	size_t file; /* index */
};

struct postfix_table {
	struct postfix_entry *items;
	size_t count;
	char **files;
	size_t file_count;
};

/* Where the parameter stands. */
struct postfix_table_place {
	const char *file;
	int line;
	const char *directory; /* of main.cf */
	const char *parameter;
};

/* Adds all tables of the text, "hash:/a, regexp:/b". */
int postfix_table_read(const struct source_room *room, const struct postfix_table_place *place,
    struct span text, struct postfix_table *table, struct error *error);

/* In any case of letters, as Postfix folds its keys; NULL: it is not there. */
const struct postfix_entry *postfix_table_find(const struct postfix_table *table, const char *key);

const char *postfix_table_file(
    const struct postfix_table *table, const struct postfix_entry *entry);

/* Safe on a zeroed one; wipes values. */
void postfix_table_finish(struct postfix_table *table);

#endif
