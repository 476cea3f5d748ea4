/* SPDX-License-Identifier: MIT */

/* The half of config/lint.h that reads secrets.ini. */

#include "config/lint.h"

#include <string.h>

#include "config/nearest.h"

struct scanner {
	const char *path;
	struct span text;
	size_t at;
	int line;
	struct error *error;
};

static struct span rest_of(const struct scanner *scanner)
{
	return span_after(scanner->text, scanner->at);
}

static bool is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '-';
}

enum { INI_LINE_LIMIT = 1000 };

static const char *const known_keys[] = { "user", "password", "password_file", "token",
	"token_file" };

struct ini_line {
	struct span section; /* set by a section line, kept afterwards */
	struct span key;     /* empty on a section line */
	struct span value;
	int number;
};

/* The lint's own state: error texts need the path, never the value. */
static int refuse_ini(const struct scanner *scanner, int line, const char *what)
{
	return error_set(
	    scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: %s", scanner->path, line, what);
}

static int refuse_value(
    const struct scanner *scanner, const struct ini_line *line, const char *what)
{
	error_set(scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: the value of %.*s %s",
	    scanner->path, line->number, span_int(line->key), line->key.start, what);
	return error_next(scanner->error,
	    "write: %.*s = \"...\" (in '...' if it holds a double quote; a password that fits "
	    "neither goes into a file of its own: password_file = \"/path\")",
	    span_int(line->key), line->key.start);
}

static int lint_quoted(const struct scanner *scanner, const struct ini_line *line)
{
	struct span inside = span_after(line->value, 1);
	ssize_t end = span_find_byte(inside, line->value.start[0]);

	if (end < 0)
		return refuse_value(scanner, line, "has no closing quote");
	if (span_find_byte(span_first(inside, (size_t)end), '\\') >= 0)
		return refuse_value(scanner, line,
		    "has a backslash in quotes, which versions of the parser read differently: "
		    "leave the quotes out if it holds no # and no ;");
	struct span behind = span_trim(span_after(inside, (size_t)end + 1));
	if (behind.length != 0 && behind.start[0] != '#' && behind.start[0] != ';')
		return refuse_value(
		    scanner, line, "goes on behind its closing quote, and that would be lost");
	return 0;
}

static int lint_value(const struct scanner *scanner, const struct ini_line *line)
{
	struct span value = line->value;

	if (value.length == 0)
		return 0;
	for (size_t i = 0; i < value.length; i++)
		if ((unsigned char)value.start[i] < 0x20 && value.start[i] != '\t')
			return refuse_value(scanner, line, "holds a control character");
	if (value.start[value.length - 1] == '\\')
		return refuse_value(
		    scanner, line, "ends in a backslash, which swallows the next line");
	if (value.start[0] == '"' || value.start[0] == '\'')
		return lint_quoted(scanner, line);
	if (span_find_byte(value, '#') >= 0 || span_find_byte(value, ';') >= 0)
		return refuse_value(
		    scanner, line, "holds # or ; without quotes, and would be cut there");
	if (value.start[0] == '=')
		return refuse_value(scanner, line, "begins with = without quotes");
	return 0;
}

static int parse_section(const struct scanner *scanner, struct span content, struct ini_line *line)
{
	ssize_t end = span_find_byte(content, ']');

	if (end < 0)
		return refuse_ini(scanner, line->number, "the section has no closing ]");
	struct span name = span_trim(span_after(span_first(content, (size_t)end), 1));
	if ((size_t)end + 1 != content.length) {
		refuse_ini(scanner, line->number,
		    "something stands behind the section, where no comment may be");
		return error_next(scanner->error, "write: [%.*s]", span_int(name), name.start);
	}
	if (name.length == 0)
		return refuse_ini(scanner, line->number, "the section has no name");
	line->section = name;
	line->key = span_first(name, 0);
	return 0;
}

static int parse_key(const struct scanner *scanner, struct span content, struct ini_line *line)
{
	ssize_t equal = span_find_byte(content, '=');

	if (equal <= 0) {
		refuse_ini(scanner, line->number, "neither a [section] nor a key with its value");
		return error_next(scanner->error, "write: user = \"...\" or password = \"...\"");
	}
	if (line->section.length == 0)
		return refuse_ini(scanner, line->number, "a key stands before the first [section]");
	line->key = span_trim(span_first(content, (size_t)equal));
	line->value = span_trim(span_after(content, (size_t)equal + 1));
	return 0;
}

/*
 * Takes the next line that says something: 1, 0 at the end, -1.  A key or
 * section is looked at here only as far as needed to find its parts.
 */
static int next_ini_line(struct scanner *scanner, struct ini_line *line)
{
	struct span rest = rest_of(scanner);
	struct span raw;

	while (span_take_line(&rest, &raw)) {
		scanner->at = scanner->text.length - rest.length;
		line->number = scanner->line++;
		struct span content = span_trim(raw);

		if (raw.length > INI_LINE_LIMIT) {
			refuse_ini(scanner, line->number,
			    "the line is longer than 1000 bytes, which the parser refuses");
			return error_next(scanner->error,
			    "put a long secret into a file: password_file = \"/path\" or "
			    "token_file = \"/path\"");
		}
		if (content.length == 0)
			continue;
		/* Even at the end of a comment the parser joins the next line to it. */
		if (content.start[content.length - 1] == '\\' &&
		    (content.start[0] == '#' || content.start[0] == ';'))
			return refuse_ini(scanner, line->number,
			    "the comment ends in a backslash, which swallows the next line");
		if (content.start[0] == '#' || content.start[0] == ';')
			continue;
		int outcome = content.start[0] == '[' ? parse_section(scanner, content, line)
						      : parse_key(scanner, content, line);
		return outcome < 0 ? -1 : 1;
	}
	return 0;
}

/* The line of the first such section (key empty) or key; 0 without. */
static int find_ini_line(struct span text, struct span section, struct span key)
{
	struct error error;
	struct scanner scanner = { .path = "", .text = text, .line = 1, .error = &error };
	struct ini_line line = { 0 };

	while (next_ini_line(&scanner, &line) > 0)
		if (span_equals_ignoring_case(line.section, section) &&
		    span_equals_ignoring_case(line.key, key))
			return line.number;
	return 0;
}

int lint_find_secret(struct span text, const char *section, const char *key)
{
	return find_ini_line(text, span_from_string(section), span_from_string(key));
}

static int lint_key(const struct scanner *scanner, const struct ini_line *line)
{
	size_t count = sizeof known_keys / sizeof known_keys[0];

	for (size_t i = 0; i < count; i++)
		if (span_equals_string_ignoring_case(line->key, known_keys[i]))
			return lint_value(scanner, line);
	const char *nearest = nearest_name(line->key, known_keys, count);
	/* A line without its '=' in the right place could be a piece of a secret: only letters. */
	for (size_t i = 0; i < line->key.length; i++)
		if (!is_name_byte(line->key.start[i]))
			return refuse_ini(
			    scanner, line->number, "no known key stands before the =");
	error_set(scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: there is no key \"%.*s\"",
	    scanner->path, line->number, span_int(line->key), line->key.start);
	return error_next(scanner->error, "write: %s = \"...\"",
	    nearest != NULL ? nearest : "user = \"...\", password");
}

int lint_secrets(const char *path, struct span text, struct error *error)
{
	struct scanner scanner = { .path = path, .text = text, .line = 1, .error = error };
	struct ini_line line = { 0 };
	int outcome;

	if (lint_bytes(path, text, error) < 0)
		return -1;
	while ((outcome = next_ini_line(&scanner, &line)) > 0) {
		if (line.key.length != 0 && lint_key(&scanner, &line) < 0)
			return -1;
		int first = find_ini_line(span_first(text, scanner.at), line.section, line.key);
		if (first == line.number)
			continue;
		error_set(error, ERROR_CONFIG, "5.3.5", "%s line %d: %s%.*s is in line %d already",
		    path, line.number, line.key.length != 0 ? "" : "the section ",
		    span_int(line.key.length != 0 ? line.key : line.section),
		    line.key.length != 0 ? line.key.start : line.section.start, first);
		return error_next(error, "remove one of the two");
	}
	return outcome;
}
