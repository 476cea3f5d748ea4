/* SPDX-License-Identifier: MIT */

#include "import/postfix_parameters.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/host.h"

enum { DEPTH_LIMIT = 20, STEP_LIMIT = 20000, VALUE_LIMIT = 1 << 16, PARAMETER_LIMIT = 5000 };

void postfix_parameters_finish(struct postfix_parameters *parameters)
{
	for (size_t i = 0; i < parameters->count; i++) {
		free(parameters->items[i].name);
		memory_free_secret(&parameters->items[i].value);
	}
	free(parameters->items);
	free(parameters->directory);
	*parameters = (struct postfix_parameters){ 0 };
}

static void add(
    struct postfix_parameters *parameters, struct span name, struct span value, int line)
{
	if (parameters->count >= PARAMETER_LIMIT)
		return;
	parameters->items = memory_resize_array(
	    parameters->items, parameters->count + 1, sizeof(struct postfix_parameter));
	parameters->items[parameters->count++] = (struct postfix_parameter){ span_copy(name),
		span_copy(value), line };
}

static void go_on(struct postfix_parameter *parameter, struct span text)
{
	char *longer = memory_format("%s%s%.*s", parameter->value,
	    parameter->value[0] != '\0' ? " " : "", span_int(text), text.start);

	memory_free_secret(&parameter->value);
	parameter->value = longer;
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.length; i++) {
		char c = name.start[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '-' && c != '.')
			return false;
	}
	return name.length != 0;
}

void postfix_parameters_read(
    struct postfix_parameters *parameters, struct source *source, struct plan *plan)
{
	struct span line;
	bool may_go_on = false;

	while (source_next(source, &line)) {
		struct span text = span_trim(line);
		ssize_t equal = span_find_byte(text, '=');

		/* A comment or an empty line ends nothing (postconf(5)). */
		if (text.length == 0 || text.start[0] == '#')
			continue;
		if (line.start[0] == ' ' || line.start[0] == '\t') {
			if (may_go_on && parameters->count != 0)
				go_on(&parameters->items[parameters->count - 1], text);
			continue;
		}
		may_go_on = equal > 0 && is_name(span_trim(span_first(text, (size_t)equal)));
		if (may_go_on)
			add(parameters, span_trim(span_first(text, (size_t)equal)),
			    span_trim(span_after(text, (size_t)equal + 1)), source->line);
		else
			plan_note(plan, PLAN_LOST, source->path, source->line,
			    "this line is no NAME = VALUE, and Postfix passes it over");
	}
}

const struct postfix_parameter *postfix_parameters_find(
    const struct postfix_parameters *parameters, const char *name)
{
	for (size_t i = parameters->count; i > 0; i--)
		if (strcmp(parameters->items[i - 1].name, name) == 0)
			return &parameters->items[i - 1];
	return NULL;
}

int postfix_parameters_line(const struct postfix_parameters *parameters, const char *name)
{
	const struct postfix_parameter *found = postfix_parameters_find(parameters, name);

	return found != NULL ? found->line : 0;
}

/* A parameter may be made of itself, and of many that are. */
struct expansion {
	const struct postfix_parameters *parameters;
	int depth; /* where this one stands in another */
	int steps; /* of all */
};

static void expand(struct expansion *expansion, struct span text, struct buffer *result);
static bool append_value(struct expansion *expansion, struct span name, struct buffer *result);

/* What is behind the first dot of the host's name. */
static void append_domain(struct expansion *expansion, struct buffer *result)
{
	struct buffer host CLEANUP(buffer_finish) = { 0 };

	buffer_init(&host, VALUE_LIMIT);
	(void)append_value(expansion, span_from_string("myhostname"), &host);
	const char *dot = strchr(buffer_string(&host), '.');
	buffer_append_string(result, dot != NULL ? dot + 1 : "localdomain");
}

static void append_default(struct expansion *expansion, struct span name, struct buffer *result)
{
	static const struct {
		const char *name;
		const char *value;
	} rows[] = {
		{ "myorigin", "$myhostname" },
		{ "config_directory", NULL },
		{ "default_database_type", "hash" },
		{ "queue_directory", "/var/spool/postfix" },
		{ "data_directory", "/var/lib/postfix" },
		{ "mydestination", "$myhostname, localhost.$mydomain, localhost" },
		{ "alias_database", "hash:/etc/aliases" },
	};

	if (span_equals_string(name, "myhostname")) {
		CLEANUP(memory_free_string) char *host = host_name();
		buffer_append_string(result, host);
		return;
	}
	if (span_equals_string(name, "mydomain")) {
		append_domain(expansion, result);
		return;
	}
	const char *directory = expansion->parameters->directory;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (span_equals_string(name, rows[i].name) && rows[i].value != NULL)
			expand(expansion, span_from_string(rows[i].value), result);
		else if (span_equals_string(name, rows[i].name))
			buffer_append_string(
			    result, directory != NULL ? directory : "/etc/postfix");
}

/* Whether it is set to something. */
static bool append_value(struct expansion *expansion, struct span name, struct buffer *result)
{
	CLEANUP(memory_free_string) char *text = span_copy(name);
	const struct postfix_parameter *found = postfix_parameters_find(
	    expansion->parameters, text);
	size_t before = result->length;

	if (expansion->depth >= DEPTH_LIMIT || ++expansion->steps > STEP_LIMIT)
		return false;
	expansion->depth++;
	if (found == NULL)
		append_default(expansion, name, result);
	else
		expand(expansion, span_from_string(found->value), result);
	expansion->depth--;
	return found != NULL ? found->value[0] != '\0' : result->length != before;
}

/* The index of the bracket that closes the one at 0, or -1. */
static ssize_t closing(struct span text, char open, char close)
{
	int depth = 0;

	for (size_t i = 0; i < text.length; i++) {
		depth += text.start[i] == open;
		depth -= text.start[i] == close;
		if (depth == 0)
			return (ssize_t)i;
	}
	return -1;
}

/* {text} without its braces. */
static struct span without_braces(struct span text)
{
	struct span inside = span_trim(text);

	if (inside.length >= 2 && inside.start[0] == '{' &&
	    closing(inside, '{', '}') == (ssize_t)inside.length - 1)
		return span_first(span_after(inside, 1), inside.length - 2);
	return text;
}

/* name, name?text, name:text, name?{text}:{text}: what stands between the braces. */
static void expand_inside(struct expansion *expansion, struct span inside, struct buffer *result)
{
	size_t end = 0;

	while (end < inside.length && strchr("?:", inside.start[end]) == NULL)
		end++;
	struct span name = span_trim(span_first(inside, end));
	struct span rest = span_after(inside, end);
	struct buffer value CLEANUP(buffer_finish_secret) = { 0 };

	buffer_init(&value, VALUE_LIMIT);
	bool is_set = append_value(expansion, name, &value);
	if (rest.length == 0) {
		buffer_append_span(result, buffer_span(&value));
		return;
	}
	bool is_if_set = rest.start[0] == '?';
	struct span then = span_after(rest, 1);
	struct span other = span_first(then, 0);
	ssize_t close = is_if_set && span_trim(then).length != 0 && span_trim(then).start[0] == '{'
			    ? closing(span_trim(then), '{', '}')
			    : -1;

	if (close >= 0) {
		struct span whole = span_trim(then);
		struct span behind = span_trim(span_after(whole, (size_t)close + 1));

		then = span_first(whole, (size_t)close + 1);
		if (behind.length != 0 && behind.start[0] == ':')
			other = span_after(behind, 1);
	}
	if (is_set == is_if_set)
		expand(expansion, without_braces(then), result);
	else if (other.length != 0)
		expand(expansion, without_braces(other), result);
}

/* What follows a '$'; returns how much of rest that is. */
static size_t expand_one(struct expansion *expansion, struct span rest, struct buffer *result)
{
	size_t length = 0;

	if (rest.length != 0 && (rest.start[0] == '{' || rest.start[0] == '(')) {
		ssize_t end = closing(rest, rest.start[0], rest.start[0] == '{' ? '}' : ')');

		if (end > 0) {
			expand_inside(
			    expansion, span_after(span_first(rest, (size_t)end), 1), result);
			return (size_t)end + 1;
		}
	}
	if (rest.length != 0 && rest.start[0] == '$')
		length = 1;
	while (length < rest.length && rest.start[0] != '$' &&
	       strchr(".-", rest.start[length]) == NULL && is_name(span_first(rest, length + 1)))
		length++;
	if (length == 0 || rest.start[0] == '$')
		buffer_append_byte(result, '$');
	else
		(void)append_value(expansion, span_first(rest, length), result);
	return length;
}

static void expand(struct expansion *expansion, struct span text, struct buffer *result)
{
	/* Braces in braces are a depth, too. */
	if (expansion->depth >= DEPTH_LIMIT || ++expansion->steps > STEP_LIMIT)
		return;
	expansion->depth++;
	while (text.length != 0 && !result->has_overflowed) {
		size_t taken = 0;

		if (text.start[0] == '$')
			taken = expand_one(expansion, span_after(text, 1), result);
		else
			buffer_append_byte(result, text.start[0]);
		text = span_after(text, taken + 1);
	}
	expansion->depth--;
}

char *postfix_parameters_expand(const struct postfix_parameters *parameters, struct span text)
{
	struct buffer result CLEANUP(buffer_finish_secret) = { 0 };
	struct expansion expansion = { .parameters = parameters };

	buffer_init(&result, VALUE_LIMIT);
	expand(&expansion, text, &result);
	return span_copy(span_trim(buffer_span(&result)));
}

char *postfix_parameters_value(const struct postfix_parameters *parameters, const char *name)
{
	struct buffer result CLEANUP(buffer_finish_secret) = { 0 };
	struct expansion expansion = { .parameters = parameters };

	buffer_init(&result, VALUE_LIMIT);
	(void)append_value(&expansion, span_from_string(name), &result);
	return span_copy(span_trim(buffer_span(&result)));
}
