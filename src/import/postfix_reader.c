/* SPDX-License-Identifier: MIT */

#include "import/postfix_reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

void postfix_reader_finish(struct postfix_reader *reader)
{
	source_finish(&reader->source);
	postfix_parameters_finish(&reader->parameters);
	postfix_table_finish(&reader->passwords);
	postfix_table_finish(&reader->tls_policy);
	free(reader->from);
}

/* The caller frees it; "" where it is not set. */
char *postfix_reader_value(const struct postfix_reader *reader, const char *name)
{
	return postfix_parameters_find(&reader->parameters, name) != NULL
		   ? postfix_parameters_value(&reader->parameters, name)
		   : memory_copy_string("");
}

int postfix_reader_line(const struct postfix_reader *reader, const char *name)
{
	return postfix_parameters_line(&reader->parameters, name);
}

struct account_place postfix_reader_place(const struct postfix_reader *reader, const char *name)
{
	return (struct account_place){ reader->source.path, postfix_reader_line(reader, name) };
}

bool postfix_reader_is_yes(const struct postfix_reader *reader, const char *name)
{
	CLEANUP(memory_free_string) char *value = postfix_reader_value(reader, name);

	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0;
}

void postfix_reader_note(
    struct postfix_reader *reader, enum plan_note_kind kind, const char *name, const char *text)
{
	plan_note(reader->room->plan, kind, reader->source.path, postfix_reader_line(reader, name),
	    "%s: %s", name, text);
}

int postfix_reader_table(
    struct postfix_reader *reader, const char *name, struct postfix_table *table)
{
	CLEANUP(memory_free_secret) char *text = postfix_reader_value(reader, name);
	const struct postfix_table_place place = { reader->source.path,
		postfix_reader_line(reader, name), reader->parameters.directory, name };

	return postfix_table_read(
	    reader->room, &place, span_from_string(text), table, reader->error);
}

/* "90s", "2m", or a number in a unit of its own; 0: none of these. */
uint64_t postfix_reader_seconds(const char *text, uint64_t unit)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} rows[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	struct span span = span_from_string(text);
	uint64_t number = 0;

	for (size_t i = 0; span.length != 0 && i < sizeof rows / sizeof rows[0]; i++)
		if (span.start[span.length - 1] == rows[i].letter) {
			unit = rows[i].seconds;
			span.length--;
			break;
		}
	if (!span_to_number(span, &number) || number > 366ull * 86400 / unit)
		return 0;
	return number * unit;
}

const char *postfix_reader_first_set(
    const struct postfix_reader *reader, const char *one, const char *other)
{
	return postfix_parameters_find(&reader->parameters, one) != NULL ? one : other;
}
