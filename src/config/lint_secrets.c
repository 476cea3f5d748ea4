/* SPDX-License-Identifier: MIT */

/* The half of config/lint.h that reads secrets.ini. */

#include "config/lint.h"

#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "config/secrets_text.h"

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

enum {
	INI_LINE_LIMIT = 1000,
	FAULTS_LIMIT = 100, /* that are told */
	SHOWN_KEY_LIMIT = 20,
};

static const char *const known_keys[] = { "user", "password", "password_file", "token",
	"token_file", "token_command" };

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

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.length; i++)
		if (!is_name_byte(name.start[i]) && name.start[i] != '.')
			return false;
	return name.length != 0;
}

/* Only a name can be a part of a command that somebody copies. */
static struct span shown_section(const struct ini_line *line)
{
	return is_name(line->section) ? line->section : span_from_string("NAME");
}

/* The line as it should be.  Behind an open quote nobody knows what was meant. */
static int advise_on_value(const struct scanner *scanner, const struct ini_line *line)
{
	struct span section = shown_section(line);
	struct span key = line->key;
	bool is_quoted = strchr("\"'", line->value.start[0]) != NULL;
	const char *quote = is_quoted ? NULL : secrets_text_quote(line->value);

	if (quote != NULL && quote[0] != '\0')
		return error_next(scanner->error,
		    "write: %.*s = %s...%s (or: mailchute secret set %.*s %.*s)", span_int(key),
		    key.start, quote, quote, span_int(section), section.start, span_int(key),
		    key.start);
	if (!is_quoted && quote == NULL && !span_has_control(line->value))
		return error_next(scanner->error,
		    "this one fits no quotes and goes into a file of its own: mailchute secret set "
		    "%.*s %.*s makes it, and writes: %.*s_file = \"%.*s.%.*s\"",
		    span_int(section), section.start, span_int(key), key.start, span_int(key),
		    key.start, span_int(section), section.start, span_int(key), key.start);
	return error_next(scanner->error,
	    "write: %.*s = \"...\" (in '...' if it holds a double quote, in a file of its own if "
	    "it holds both: mailchute secret set %.*s %.*s does it)",
	    span_int(key), key.start, span_int(section), section.start, span_int(key), key.start);
}

static int refuse_value(
    const struct scanner *scanner, const struct ini_line *line, const char *what)
{
	error_set(scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: the value of %.*s %s",
	    scanner->path, line->number, span_int(line->key), line->key.start, what);
	return advise_on_value(scanner, line);
}

static int lint_quoted(const struct scanner *scanner, const struct ini_line *line)
{
	struct span inside = span_after(line->value, 1);
	ssize_t end = span_find_byte(inside, line->value.start[0]);

	if (end < 0)
		return refuse_value(scanner, line, "has no closing quote");
	if (span_find_byte(span_first(inside, (size_t)end), '\\') >= 0) {
		refuse_value(scanner, line,
		    "has a backslash in quotes, which versions of the parser read differently");
		return error_next(scanner->error,
		    "write it without quotes, or have it written: mailchute secret set %.*s %.*s",
		    span_int(shown_section(line)), shown_section(line).start, span_int(line->key),
		    line->key.start);
	}
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

	/* What follows is meant for it, fault or not. */
	line->section = span_trim(span_after(content, 1));
	line->key = span_first(content, 0);
	if (end < 0) {
		refuse_ini(scanner, line->number, "the section has no closing ]");
		return error_next(scanner->error, "write: [%.*s]", span_int(shown_section(line)),
		    shown_section(line).start);
	}
	struct span name = span_trim(span_after(span_first(content, (size_t)end), 1));
	line->section = name.length != 0 ? name : content;
	if ((size_t)end + 1 != content.length) {
		refuse_ini(scanner, line->number,
		    "something stands behind the section, where no comment may be");
		return error_next(scanner->error, "write: [%.*s]", span_int(name), name.start);
	}
	if (name.length == 0) {
		refuse_ini(scanner, line->number, "the section has no name");
		return error_next(scanner->error,
		    "write the title of its smarthost, or its \"secret\": [provider]");
	}
	return 0;
}

static int parse_key(const struct scanner *scanner, struct span content, struct ini_line *line)
{
	ssize_t equal = span_find_byte(content, '=');

	if (equal <= 0) {
		refuse_ini(scanner, line->number, "neither a [section] nor a key with its value");
		return error_next(scanner->error, "write: user = \"...\" or password = \"...\"");
	}
	if (line->section.length == 0) {
		refuse_ini(scanner, line->number, "a key stands before the first [section]");
		return error_next(scanner->error,
		    "write above it the title of its smarthost, or its \"secret\": [provider]");
	}
	line->key = span_trim(span_first(content, (size_t)equal));
	line->value = span_trim(span_after(content, (size_t)equal + 1));
	return 0;
}

static int refuse_comment(const struct scanner *scanner, int line)
{
	refuse_ini(scanner, line, "the comment ends in a backslash, which swallows the next line");
	return error_next(scanner->error, "take the backslash away");
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
			return refuse_comment(scanner, line->number);
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

	for (int outcome; (outcome = next_ini_line(&scanner, &line)) != 0;)
		if (outcome > 0 && span_equals_ignoring_case(line.section, section) &&
		    span_equals_ignoring_case(line.key, key))
			return line.number;
	return 0;
}

int lint_find_secret(struct span text, const char *section, const char *key)
{
	return find_ini_line(text, span_from_string(section), span_from_string(key));
}

static int refuse_key(const struct scanner *scanner, const struct ini_line *line)
{
	refuse_ini(scanner, line->number, "no known key stands before the =");
	return error_next(scanner->error, "write: user = \"...\" or password = \"...\"");
}

static bool is_key_name(struct span key)
{
	for (size_t i = 0; i < key.length; i++)
		if (!is_name_byte(key.start[i]))
			return false;
	return true;
}

/*
 * A line without its '=' in the right place could be a piece of a secret: only
 * letters, and unless they nearly are a known key, few of them and not what
 * base64 ends with.
 */
static bool may_be_shown(const struct ini_line *line, const char *nearest)
{
	if (!is_key_name(line->key))
		return false;
	return nearest != NULL || (line->key.length <= SHOWN_KEY_LIMIT && line->value.length != 0 &&
				      line->value.start[0] != '=');
}

static int lint_key(const struct scanner *scanner, const struct ini_line *line)
{
	size_t count = sizeof known_keys / sizeof known_keys[0];

	for (size_t i = 0; i < count; i++)
		if (span_equals_string_ignoring_case(line->key, known_keys[i]))
			return lint_value(scanner, line);
	const char *nearest = nearest_name(line->key, known_keys, count);
	if (!may_be_shown(line, nearest))
		return refuse_key(scanner, line);
	error_set(scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: there is no key \"%.*s\"",
	    scanner->path, line->number, span_int(line->key), line->key.start);
	return error_next(scanner->error, "write: %s = \"...\"",
	    nearest != NULL ? nearest : "user = \"...\", password");
}

/* Sections and keys that stand there twice: the parser takes the last without a word. */
static int lint_double(const struct scanner *scanner, const struct ini_line *line)
{
	struct span before = span_first(scanner->text, scanner->at);
	int first = find_ini_line(before, line->section, line->key);

	if (first == line->number)
		return 0;
	error_set(scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: %s%.*s is in line %d already",
	    scanner->path, line->number, line->key.length != 0 ? "" : "the section ",
	    span_int(line->key.length != 0 ? line->key : line->section),
	    line->key.length != 0 ? line->key.start : line->section.start, first);
	return error_next(scanner->error, "remove one of the two");
}

static int lint_line(const struct scanner *scanner, const struct ini_line *line)
{
	if (line->key.length != 0 && lint_key(scanner, line) < 0)
		return -1;
	return lint_double(scanner, line);
}

int lint_secrets_telling(const char *path, struct span text,
    void (*tell)(void *context, const struct error *fault), void *context, struct error *error)
{
	struct error fault;
	struct scanner scanner = { .path = path, .text = text, .line = 1, .error = &fault };
	struct ini_line line = { 0 };
	size_t count = 0;
	int outcome = lint_bytes(path, text, &fault);

	/* Lines mean nothing in a file that is no text. */
	bool is_text = outcome == 0;
	if (is_text)
		outcome = next_ini_line(&scanner, &line);
	while (outcome != 0 && count < FAULTS_LIMIT) {
		if (outcome < 0 || lint_line(&scanner, &line) < 0) {
			if (count++ == 0)
				*error = fault;
			if (tell != NULL)
				tell(context, &fault);
		}
		outcome = is_text ? next_ini_line(&scanner, &line) : 0;
	}
	return count == 0 ? 0 : -1;
}

static void count_fault(void *context, const struct error *fault)
{
	size_t *count = context;

	(void)fault;
	(*count)++;
}

int lint_secrets(const char *path, struct span text, struct error *error)
{
	size_t count = 0;

	if (lint_secrets_telling(path, text, count_fault, &count, error) == 0)
		return 0;
	if (count > 1) {
		CLEANUP(memory_free_string) char *next = memory_copy_string(error->next);

		error_next(error, "%s%s(and %zu more: mailchute doctor shows them)", next,
		    next[0] != '\0' ? " " : "", count - 1);
	}
	return -1;
}
