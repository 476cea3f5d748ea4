/* SPDX-License-Identifier: MIT */

#include "config/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void scan_describe(struct scan *scan, struct error *error, int line, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	error_set(error, ERROR_CONFIG, "5.3.5", "%s line %d: %s", scan->path, line, text);
}

void scan_fault(struct scan *scan, int line, const struct error *error)
{
	scan->fault_count++;
	scan->tell(scan->context, line, error);
}

/* The fault of the token that begins here. */
static void token_fault(struct scan *scan, const struct error *error)
{
	scan->fault_count++;
	if (scan->at < scan->told)
		return;
	scan->told = scan->at + 1;
	scan->tell(scan->context, scan->line, error);
}

void scan_blank(struct scan *scan, size_t start)
{
	for (size_t i = start; i < scan->at; i++)
		if (scan->mended[i] != '\n')
			scan->mended[i] = ' ';
}

/* The parts of the line around start..end, trimmed outwards. */
static void split_line(
    struct span text, size_t start, size_t end, struct span *before, struct span *after)
{
	size_t first = start;
	size_t last = end;

	while (first > 0 && text.start[first - 1] != '\n')
		first--;
	while (last < text.length && text.start[last] != '\n')
		last++;
	*before = span_after(span_first(text, start), first);
	while (before->length != 0 && (before->start[0] == ' ' || before->start[0] == '\t'))
		*before = span_after(*before, 1);
	*after = span_after(span_first(text, last), end);
	while (after->length != 0 && strchr(" \t\r", after->start[after->length - 1]) != NULL)
		after->length--;
}

static struct span rest_of(const struct scan *scan)
{
	return span_after(scan->text, scan->at);
}

static bool is_word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("_.:/@%-", c) != NULL);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_mark(char c)
{
	return c != '\0' && strchr("={},()", c) != NULL;
}

static void advance(struct scan *scan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		scan->line += scan->text.start[scan->at + i] == '\n';
	scan->at += count;
}

static void skip_comment(struct scan *scan)
{
	struct span rest = rest_of(scan);
	struct error error;
	const char *end;

	if (!span_starts_with(rest, "/*")) {
		ssize_t length = span_find_byte(rest, '\n');

		advance(scan, length < 0 ? rest.length : (size_t)length);
		return;
	}
	end = memmem(rest.start + 2, rest.length - 2, "*/", 2);
	if (end != NULL) {
		advance(scan, (size_t)(end + 2 - rest.start));
		return;
	}
	scan_describe(scan, &error, scan->line, "the comment /* has no end */");
	token_fault(scan, &error);
	scan->is_over = true;
}

static void skip_blanks(struct scan *scan)
{
	while (!scan->is_over) {
		struct span rest = rest_of(scan);

		if (rest.length != 0 && is_blank(rest.start[0]))
			advance(scan, 1);
		else if (span_starts_with(rest, "#") || span_starts_with(rest, "//") ||
			 span_starts_with(rest, "/*"))
			skip_comment(scan);
		else
			return;
	}
}

/* libConfuse would take \n and \x for controls and drop other backslashes. */
static void check_escape(struct scan *scan, struct span inside, char quote)
{
	struct error error;

	if (quote == '\'' ||
	    (inside.length != 0 && (inside.start[0] == '\\' || inside.start[0] == quote)))
		return;
	scan_describe(
	    scan, &error, scan->line, "a backslash in double quotes changes what follows it");
	error_next(&error, "write \\\\ for one backslash, or put the value in single quotes");
	token_fault(scan, &error);
}

/* The length from the quote to the one that ends it, or to the end of the line. */
static size_t quoted_length(struct scan *scan, struct span rest)
{
	size_t length = 1;

	while (length < rest.length && rest.start[length] != rest.start[0] &&
	       rest.start[length] != '\n') {
		if (rest.start[length] == '\\') {
			check_escape(scan, span_after(rest, length + 1), rest.start[0]);
			/* In single quotes a lone backslash stands for itself. */
			if (length + 1 < rest.length && rest.start[length + 1] != '\n')
				length++;
		}
		length++;
	}
	return length;
}

static void scan_quoted(struct scan *scan, struct scan_token *token)
{
	struct span rest = rest_of(scan);
	size_t length = quoted_length(scan, rest);
	struct error error;

	if (length > rest.length)
		length = rest.length;
	token->kind = SCAN_QUOTED;
	token->text = span_after(span_first(rest, length), 1);
	token->reads_environment = rest.start[0] == '"' && token->text.length != 0 &&
				   memmem(token->text.start, token->text.length, "${", 2) != NULL;
	if (length < rest.length && rest.start[length] != '\n') {
		advance(scan, length + 1);
		return;
	}
	scan_describe(
	    scan, &error, scan->line, "the quote %c that begins here has no end", rest.start[0]);
	token_fault(scan, &error);
	advance(scan, length);
}

/* What the writer surely meant as one value: to the next blank or mark. */
static size_t meant_length(struct span rest)
{
	size_t length = 1;

	while (length < rest.length && !is_blank(rest.start[length]) &&
	       strchr("{},;", rest.start[length]) == NULL)
		length++;
	return length;
}

/* A login does not belong here, and yet it may stand here. */
bool scan_holds_secret(struct span text)
{
	static const char *const names[] = { "password", "passwd", "token" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (text.length != 0 &&
		    memmem(text.start, text.length, names[i], strlen(names[i])) != NULL)
			return true;
	return false;
}

static void refuse_semicolon(struct scan *scan)
{
	struct span before;
	struct span after;
	struct error error;

	split_line(scan->text, scan->at, scan->at + 1, &before, &after);
	scan_describe(scan, &error, scan->line, "there are no semicolons in this file");
	if (scan_holds_secret(before) || scan_holds_secret(after))
		error_next(&error, "write the line without it");
	else
		error_next(&error, "write: %.*s%.*s", span_int(before), before.start,
		    span_int(after), after.start);
	token_fault(scan, &error);
	advance(scan, 1);
	scan_blank(scan, scan->at - 1);
}

static void refuse_addition(struct scan *scan)
{
	struct error error;

	scan_describe(scan, &error, scan->line, "+= is not known, a list is replaced as a whole");
	error_next(&error, "write = and all elements");
	token_fault(scan, &error);
	advance(scan, 1);
	scan_blank(scan, scan->at - 1);
}

/* As a value, and the line as it should be. */
static void take_unquoted(struct scan *scan, struct scan_token *token)
{
	struct span rest = rest_of(scan);
	size_t length = meant_length(rest);
	struct span meant = span_first(rest, length);
	struct span before;
	struct span after;
	struct error error;

	split_line(scan->text, scan->at, scan->at + length, &before, &after);
	bool is_secret = scan_holds_secret(before) || scan_holds_secret(after);
	struct span shown = is_secret ? span_from_string("...") : meant;
	scan_describe(scan, &error, scan->line, "\"%.*s\" must be in double quotes",
	    span_int(shown), shown.start);
	if (is_secret)
		error_next(&error, "put the value in double quotes");
	else
		error_next(&error, "write: %.*s\"%.*s\"%.*s", span_int(before), before.start,
		    span_int(meant), meant.start, span_int(after), after.start);
	token_fault(scan, &error);
	token->kind = SCAN_QUOTED;
	token->text = meant;
	advance(scan, length);
}

/* false: there is nothing to be had but a fault, which was told. */
static bool scan_word(struct scan *scan, struct scan_token *token)
{
	struct span rest = rest_of(scan);
	size_t length = 0;

	while (length < rest.length && is_word_byte(rest.start[length]))
		length++;
	bool is_ended = length == rest.length || is_blank(rest.start[length]) ||
			is_mark(rest.start[length]) || rest.start[length] == ';';
	if (length != 0 && is_ended) {
		token->kind = SCAN_WORD;
		token->text = span_first(rest, length);
		advance(scan, length);
		return true;
	}
	if (length == 0 && rest.start[0] == ';')
		refuse_semicolon(scan);
	else if (span_starts_with(rest, "+="))
		refuse_addition(scan);
	else {
		take_unquoted(scan, token);
		return true;
	}
	return false;
}

void scan_next(struct scan *scan, struct scan_token *token)
{
	for (;;) {
		skip_blanks(scan);
		struct span rest = rest_of(scan);

		*token = (struct scan_token){ .line = scan->line, .start = scan->at };
		if (rest.length == 0 || scan->is_over)
			return;
		if (rest.start[0] == '"' || rest.start[0] == '\'') {
			scan_quoted(scan, token);
			return;
		}
		if (is_mark(rest.start[0])) {
			token->kind = SCAN_MARK;
			token->text = span_first(rest, 1);
			advance(scan, 1);
			return;
		}
		if (scan_word(scan, token))
			return;
	}
}

void scan_return(struct scan *scan, const struct scan_token *token)
{
	scan->at = token->start;
	scan->line = token->line;
}

bool scan_is_mark(const struct scan_token *token, char mark)
{
	return token->kind == SCAN_MARK && token->text.start[0] == mark;
}

bool scan_is_value(const struct scan_token *token)
{
	return token->kind == SCAN_WORD || token->kind == SCAN_QUOTED;
}
