/* SPDX-License-Identifier: MIT */

#include "import/postfix_table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { ENTRY_LIMIT = 10000 };

void postfix_table_finish(struct postfix_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->items[i].key);
		memory_free_secret(&table->items[i].value);
	}
	for (size_t i = 0; i < table->file_count; i++)
		free(table->files[i]);
	free(table->items);
	free(table->files);
	*table = (struct postfix_table){ 0 };
}

const char *postfix_table_file(const struct postfix_table *table, const struct postfix_entry *entry)
{
	return table->files[entry->file];
}

const struct postfix_entry *postfix_table_find(const struct postfix_table *table, const char *key)
{
	for (size_t i = 0; i < table->count; i++)
		if (!table->items[i].is_pattern && strcasecmp(table->items[i].key, key) == 0)
			return &table->items[i];
	return NULL;
}

static void add_file(struct postfix_table *table, const char *path)
{
	table->files = memory_resize_array(table->files, table->file_count + 1, sizeof(char *));
	table->files[table->file_count++] = memory_copy_string(path);
}

static void add(
    struct postfix_table *table, struct span key, struct span value, bool is_pattern, int line)
{
	if (table->count >= ENTRY_LIMIT)
		return;
	table->items = memory_resize_array(
	    table->items, table->count + 1, sizeof(struct postfix_entry));
	table->items[table->count++] = (struct postfix_entry){ span_copy(key), span_copy(value),
		is_pattern, line, table->file_count - 1 };
}

static void go_on(struct postfix_entry *entry, struct span text)
{
	char *longer = memory_format("%s%s%.*s", entry->value, entry->value[0] != '\0' ? " " : "",
	    span_int(text), text.start);

	memory_free_secret(&entry->value);
	entry->value = longer;
}

/* Where the key ends: at a blank, or in a table of patterns behind the second '/' and its flags. */
static size_t key_length(struct span text, bool is_pattern)
{
	size_t length = 0;

	if (is_pattern && text.length != 0 && text.start[0] == '/') {
		for (length = 1; length < text.length && text.start[length] != '/'; length++)
			if (text.start[length] == '\\')
				length++;
	}
	while (length < text.length && text.start[length] != ' ' && text.start[length] != '\t')
		length++;
	return length < text.length ? length : text.length;
}

static void read_lines(struct postfix_table *table, struct source *source, bool is_pattern)
{
	struct span line;
	bool may_go_on = false;

	while (source_next(source, &line)) {
		struct span text = span_trim(line);

		if (text.length == 0 || text.start[0] == '#')
			continue;
		if (line.start[0] == ' ' || line.start[0] == '\t') {
			if (may_go_on)
				go_on(&table->items[table->count - 1], text);
			continue;
		}
		size_t length = key_length(text, is_pattern);
		size_t before = table->count;

		add(table, span_first(text, length), span_trim(span_after(text, length)),
		    is_pattern, source->line);
		may_go_on = table->count != before;
	}
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Where it is said to be, or else beside a main.cf that was copied from elsewhere. */
static int open_file(const struct source_room *room, const struct postfix_table_place *place,
    const char *path, struct source *source, struct error *error)
{
	int outcome = source_open(room, path, source, error);

	if (outcome <= 0)
		return outcome;
	CLEANUP(memory_free_string)
	char *beside = memory_format("%s/%s", place->directory, name_of(path));
	return strcmp(beside, path) != 0 ? source_open(room, beside, source, error) : 1;
}

static int read_file(const struct source_room *room, const struct postfix_table_place *place,
    struct span name, bool is_pattern, struct postfix_table *table, struct error *error)
{
	CLEANUP(source_finish) struct source source = { 0 };
	CLEANUP(memory_free_string) char *path = span_copy(name);
	int outcome = open_file(room, place, path, &source, error);

	if (outcome < 0)
		return -1;
	if (outcome > 0) {
		plan_note(room->plan, PLAN_LOST, place->file, place->line,
		    "%s: there is no %s (the compiled table beside it is not read)",
		    place->parameter, path);
		return 0;
	}
	add_file(table, source.path);
	read_lines(table, &source, is_pattern);
	return 0;
}

/* { a = b, {c = d} } */
static void read_inline(
    const struct postfix_table_place *place, struct span text, struct postfix_table *table)
{
	struct span inside = span_trim(text);
	struct span part;

	add_file(table, place->file);
	if (inside.length >= 2 && inside.start[0] == '{')
		inside = span_first(span_after(inside, 1), inside.length - 2);
	while (span_take_until(&inside, ',', &part)) {
		struct span row = span_trim(part);
		ssize_t equal;

		if (row.length >= 2 && row.start[0] == '{' && row.start[row.length - 1] == '}')
			row = span_first(span_after(row, 1), row.length - 2);
		equal = span_find_byte(row, '=');
		if (equal > 0)
			add(table, span_trim(span_first(row, (size_t)equal)),
			    span_trim(span_after(row, (size_t)equal + 1)), false, place->line);
	}
}

/* The next "type:name" of a list; what stands in braces is one. */
static bool take_table(struct span *rest, struct span *one)
{
	size_t length = 0;
	int depth = 0;

	while (rest->length != 0 && strchr(", \t", rest->start[0]) != NULL)
		*rest = span_after(*rest, 1);
	while (
	    length < rest->length && (depth > 0 || strchr(", \t", rest->start[length]) == NULL)) {
		depth += rest->start[length] == '{';
		depth -= rest->start[length] == '}';
		length++;
	}
	*one = span_first(*rest, length);
	*rest = span_after(*rest, length);
	return length != 0;
}

static bool is_type(struct span type, const char *types)
{
	struct span rest = span_from_string(types);
	struct span word;

	while (span_take_word(&rest, &word))
		if (span_equals(word, type))
			return true;
	return false;
}

static int read_one(const struct source_room *room, const struct postfix_table_place *place,
    struct span one, struct postfix_table *table, struct error *error)
{
	ssize_t colon = span_find_byte(one, ':');
	struct span type = span_first(one, colon < 0 ? 0 : (size_t)colon);
	struct span name = span_after(one, colon < 0 ? 0 : (size_t)colon + 1);

	if (span_equals_string(type, "proxy"))
		return read_one(room, place, name, table, error);
	if (is_type(type, "hash btree lmdb cdb dbm sdbm texthash") || colon < 0)
		return read_file(room, place, name, false, table, error);
	if (is_type(type, "regexp pcre"))
		return read_file(room, place, name, true, table, error);
	if (span_equals_string(type, "inline")) {
		read_inline(place, name, table);
		return 0;
	}
	if (span_equals_string(type, "static")) {
		if (name.length >= 2 && name.start[0] == '{')
			name = span_trim(span_first(span_after(name, 1), name.length - 2));
		add_file(table, place->file);
		add(table, span_from_string("*"), name, false, place->line);
		return 0;
	}
	plan_note(room->plan, PLAN_LOST, place->file, place->line,
	    "%s: tables of the type %.*s are not read", place->parameter,
	    span_int(span_first(type, 40)), type.start);
	return 0;
}

int postfix_table_read(const struct source_room *room, const struct postfix_table_place *place,
    struct span text, struct postfix_table *table, struct error *error)
{
	struct span rest = text;
	struct span one;

	while (take_table(&rest, &one))
		if (read_one(room, place, one, table, error) < 0)
			return -1;
	return 0;
}
