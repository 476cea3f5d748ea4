/* SPDX-License-Identifier: MIT */

#include "config/secrets_text.h"

#include <string.h>

/* Longer ones are refused by the parser, a little later. */
enum { LINE_LIMIT = 1000 };

/* ---- a value ---- */

static bool has_byte(struct span value, char byte)
{
	return span_find_byte(value, byte) >= 0;
}

/* Without quotes: what is cut, stripped or joined is not allowed. */
static bool may_be_bare(struct span value)
{
	if (value.length == 0)
		return false;
	char first = value.start[0];
	char last = value.start[value.length - 1];

	return !has_byte(value, '#') && !has_byte(value, ';') && strchr("\"'= ", first) == NULL &&
	       last != ' ' && last != '\\';
}

/* 4.1 ends a quoted value at the next quote; later ones take a backslash in either for an escape.
 */
const char *secrets_text_quote(struct span value)
{
	bool has_backslash = has_byte(value, '\\');

	if (!has_backslash && !has_byte(value, '"'))
		return "\"";
	if (!has_backslash && !has_byte(value, '\''))
		return "'";
	return may_be_bare(value) ? "" : NULL;
}

bool secrets_text_line(const char *key, struct span value, struct buffer *line)
{
	if (value.length == 0 || span_has_control(value))
		return false;
	const char *quote = secrets_text_quote(value);
	if (quote == NULL || strlen(key) + strlen(" = \"\"") + value.length > LINE_LIMIT)
		return false;
	buffer_format(line, "%s = %s", key, quote);
	buffer_append_span(line, value);
	buffer_append_string(line, quote);
	return true;
}

/* ---- the lines ---- */

struct walk {
	struct span text;
	struct span section; /* the one that is looked for */
	struct span key;
	size_t at;	   /* behind the line */
	struct span line;  /* with its end */
	bool is_header;	   /* of the section */
	bool is_key;	   /* that is looked for, in the section */
	bool is_content;   /* of the section: its header, or any key */
	bool is_in;	   /* the line is in the section */
	bool was_in;	   /* in the first of that name: another is at fault, and stays */
	struct span value; /* of the key */
};

static void begin(struct walk *walk, struct span text, const char *section, const char *key)
{
	*walk = (struct walk){
		.text = text, .section = span_from_string(section), .key = span_from_string(key)
	};
}

static struct span without_end(struct span line)
{
	while (line.length != 0 && strchr("\r\n", line.start[line.length - 1]) != NULL)
		line.length--;
	return line;
}

static struct span section_name(struct span content)
{
	ssize_t end = span_find_byte(content, ']');
	struct span name = span_first(content, end < 0 ? content.length : (size_t)end);

	return span_trim(span_after(name, 1));
}

static void look_at_key(struct walk *walk, struct span content)
{
	ssize_t equal = span_find_byte(content, '=');

	walk->is_content = walk->is_in;
	if (equal < 0)
		return;
	walk->value = span_trim(span_after(content, (size_t)equal + 1));
	walk->is_key = walk->is_in && span_equals_ignoring_case(
					  span_trim(span_first(content, (size_t)equal)), walk->key);
}

static bool next(struct walk *walk)
{
	struct span rest = span_after(walk->text, walk->at);
	ssize_t end = span_find_byte(rest, '\n');

	if (rest.length == 0)
		return false;
	walk->line = span_first(rest, end < 0 ? rest.length : (size_t)end + 1);
	walk->at += walk->line.length;
	walk->is_header = walk->is_key = walk->is_content = false;
	struct span content = span_trim(without_end(walk->line));
	if (content.length == 0 || content.start[0] == '#' || content.start[0] == ';')
		return true;
	if (content.start[0] != '[') {
		look_at_key(walk, content);
		return true;
	}
	walk->is_in = !walk->was_in &&
		      span_equals_ignoring_case(section_name(content), walk->section);
	walk->was_in = walk->was_in || walk->is_in;
	walk->is_header = walk->is_content = walk->is_in;
	return true;
}

bool secrets_text_find(
    struct span text, const char *section, const char *key, struct span *written, int *line)
{
	struct walk walk;

	begin(&walk, text, section, key);
	for (int number = 1; next(&walk); number++)
		if (walk.is_key) {
			*written = walk.value;
			if (line != NULL)
				*line = number;
			return true;
		}
	return false;
}

bool secrets_text_next_section(struct span text, size_t *at, struct span *name)
{
	struct span rest = span_after(text, *at);
	struct span line;

	while (span_take_line(&rest, &line)) {
		*at = text.length - rest.length;
		line = span_trim(line);
		if (line.length != 0 && line.start[0] == '[') {
			*name = section_name(line);
			return true;
		}
	}
	return false;
}

bool secrets_text_has_section(struct span text, const char *section)
{
	struct walk walk;

	begin(&walk, text, section, "");
	while (next(&walk))
		if (walk.is_header)
			return true;
	return false;
}

/* Where a new line of the section goes; 0: there is no such section. */
static size_t find_end(struct span text, const char *section, const char *key, bool *has_key)
{
	struct walk walk;
	size_t end = 0;

	*has_key = false;
	begin(&walk, text, section, key);
	while (next(&walk)) {
		if (walk.is_content)
			end = walk.at;
		*has_key = *has_key || walk.is_key;
	}
	return end;
}

/* As the file has them. */
static const char *line_end(struct span text)
{
	ssize_t end = span_find_byte(text, '\n');

	return end > 0 && text.start[end - 1] == '\r' ? "\r\n" : "\n";
}

static void put_line(
    struct buffer *changed, struct span text, size_t begin_of_text, const char *line)
{
	bool is_open = changed->length > begin_of_text &&
		       changed->start[changed->length - 1] != '\n';

	if (is_open)
		buffer_append_string(changed, line_end(text));
	buffer_append_string(changed, line);
	buffer_append_string(changed, line_end(text));
}

/* The comment behind a quoted value: only where the parser sees one, too. */
static struct span comment_of(struct span value)
{
	const struct span none = { 0 };

	if (value.length == 0 || strchr("\"'", value.start[0]) == NULL)
		return none;
	ssize_t end = span_find_byte(span_after(value, 1), value.start[0]);
	if (end < 0)
		return none;
	struct span behind = span_after(value, (size_t)end + 2);
	struct span comment = span_trim(behind);
	bool is_comment = comment.length != 0 && strchr("#;", comment.start[0]) != NULL &&
			  comment.start[comment.length - 1] != '\\';
	return is_comment ? behind : none;
}

static void replace_line(struct buffer *changed, const struct walk *walk, const char *line)
{
	struct span old = without_end(walk->line);
	struct span comment = comment_of(walk->value);
	size_t indent = 0;
	size_t length = strlen(line);
	bool is_quoted = strstr(line, "= \"") != NULL || strstr(line, "= '") != NULL;

	while (indent < old.length && strchr(" \t", old.start[indent]) != NULL)
		indent++;
	buffer_append_span(changed, span_first(old, indent));
	buffer_append_string(changed, line);
	if (is_quoted && indent + length + comment.length <= LINE_LIMIT)
		buffer_append_span(changed, comment);
	buffer_append_span(changed, span_after(walk->line, old.length));
}

static void put_section(
    struct buffer *changed, struct span text, size_t from, const char *section, const char *line)
{
	if (changed->length > from) {
		bool is_open = changed->start[changed->length - 1] != '\n';

		buffer_append_string(changed, is_open ? line_end(text) : "");
		buffer_append_string(changed, line_end(text));
	}
	buffer_format(changed, "[%s]%s%s%s", section, line_end(text), line, line_end(text));
}

void secrets_text_set(struct span text, const char *section, const char *key, const char *line,
    struct buffer *changed)
{
	struct walk walk;
	bool has_key;
	bool is_done = line == NULL;
	size_t end = find_end(text, section, key, &has_key);
	size_t from = changed->length;

	begin(&walk, text, section, key);
	while (next(&walk)) {
		if (!walk.is_key)
			buffer_append_span(changed, walk.line);
		else if (!is_done)
			replace_line(changed, &walk, line);
		is_done = is_done || walk.is_key;
		if (!has_key && walk.at == end && !is_done) {
			put_line(changed, text, from, line);
			is_done = true;
		}
	}
	if (!is_done)
		put_section(changed, text, from, section, line);
}
