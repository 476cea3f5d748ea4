/* SPDX-License-Identifier: MIT */

#include "import/variable_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { VARIABLE_LIMIT = 2000 };

void variable_list_finish(struct variable_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		memory_free_secret(&list->items[i].value);
	}
	free(list->items);
	*list = (struct variable_list){ 0 };
}

static void add_variable(struct variable_list *list, struct span name, char *value_take, int line)
{
	if (list->count >= VARIABLE_LIMIT) {
		memory_free_secret(&value_take);
		return;
	}
	list->items = memory_resize_array(list->items, list->count + 1, sizeof(struct variable));
	list->items[list->count++] = (struct variable){ span_copy(name), value_take, line };
}

/* The last one of a name counts; an empty one is unset. */
const struct variable *variable_list_find(const struct variable_list *list, struct span name)
{
	for (size_t i = list->count; i > 0; i--)
		if (span_equals_string(name, list->items[i - 1].name))
			return list->items[i - 1].value[0] != '\0' ? &list->items[i - 1] : NULL;
	return NULL;
}

const struct variable *variable_list_find_any(const struct variable_list *list, const char *names)
{
	struct span rest = span_from_string(names);
	struct span name;

	while (span_take_word(&rest, &name)) {
		const struct variable *found = variable_list_find(list, name);

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* NAME_FILE beside NAME. */
const struct variable *variable_list_find_file(const struct variable_list *list, const char *names)
{
	struct span rest = span_from_string(names);
	struct span name;

	while (span_take_word(&rest, &name)) {
		CLEANUP(memory_free_string)
		char *file = memory_format("%.*s_FILE", span_int(name), name.start);
		const struct variable *found = variable_list_find(list, span_from_string(file));

		if (found != NULL)
			return found;
	}
	return NULL;
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.length; i++) {
		char c = name.start[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && c != '_' &&
		    !(i > 0 && ((c >= '0' && c <= '9') || c == '.')))
			return false;
	}
	return name.length != 0;
}

/* ${NAME} of what stands above. */
static size_t expand(const struct variable_list *list, struct span text, struct buffer *value)
{
	ssize_t end = span_find_byte(text, '}');

	if (!span_starts_with(text, "${") || end < 0)
		return 0;
	const struct variable *found = variable_list_find(
	    list, span_after(span_first(text, (size_t)end), 2));

	buffer_append_string(value, found != NULL ? found->value : "");
	return (size_t)end + 1;
}

/* Without quotes a blank and '#' begin a comment; '...' is literal, in "..." a backslash quotes. */
static char *read_value(const struct variable_list *list, struct span text)
{
	struct buffer value CLEANUP(buffer_finish_secret) = { 0 };
	char quote = text.length != 0 && (text.start[0] == '"' || text.start[0] == '\'')
			 ? text.start[0]
			 : '\0';

	buffer_init(&value, 1 << 16);
	for (size_t i = quote != '\0'; i < text.length; i++) {
		char c = text.start[i];

		if (quote != '\0' && c == quote)
			return buffer_take_string(&value);
		if (quote == '\0' && c == '#' && i > 0 && strchr(" \t", text.start[i - 1]) != NULL)
			break;
		size_t taken = quote != '\'' && c == '$' ? expand(list, span_after(text, i), &value)
							 : 0;
		if (taken != 0) {
			i += taken - 1;
			continue;
		}
		if (quote == '"' && c == '\\' && i + 1 < text.length &&
		    strchr("\"\\$", text.start[i + 1]) != NULL)
			c = text.start[++i];
		buffer_append_byte(&value, c);
	}
	/* A quote that does not end is plain text. */
	if (quote != '\0')
		return span_copy(text);
	return span_copy(span_trim(buffer_span(&value)));
}

int variable_list_read_file(struct variable_list *list, const struct source_room *room,
    const char *path, struct error *error)
{
	CLEANUP(source_finish) struct source source = { 0 };
	struct span line;
	int outcome = source_open(room, path, &source, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	if (outcome < 0)
		return -1;
	while (source_next(&source, &line)) {
		struct span rest = span_trim(line);
		ssize_t equal;

		if (span_starts_with(rest, "export "))
			rest = span_trim(span_after(rest, strlen("export ")));
		equal = span_find_byte(rest, '=');
		if (rest.length == 0 || rest.start[0] == '#' || equal <= 0)
			continue;
		struct span name = span_trim(span_first(rest, (size_t)equal));
		if (is_name(name))
			add_variable(list, name,
			    read_value(list, span_trim(span_after(rest, (size_t)equal + 1))),
			    source.line);
	}
	return 0;
}

void variable_list_read_environment(struct variable_list *list)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		struct span text = span_from_string(*entry);
		ssize_t equal = span_find_byte(text, '=');

		if (equal > 0)
			add_variable(list, span_first(text, (size_t)equal),
			    span_copy(span_after(text, (size_t)equal + 1)), 0);
	}
}
