/* SPDX-License-Identifier: MIT */

#include "config/lint.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_MARK };

struct token {
	enum token_kind kind;
	struct span text; /* without the quotes */
	int line;
	bool may_expand; /* in double quotes, where libConfuse puts in ${NAME} */
};

struct scanner {
	const char *path;
	struct span text;
	size_t at;
	int line;
	struct error *error;
};

/* Where in the file a walk stands; option is empty at the start of a block. */
struct stand {
	struct span block;
	struct span title;
	struct span option;
	int line;
};

typedef int visit_function(void *context, const struct stand *stand);

static int fault_at(struct scanner *scanner, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fault_at(struct scanner *scanner, int line, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return error_set(
	    scanner->error, ERROR_CONFIG, "5.3.5", "%s line %d: %s", scanner->path, line, text);
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

/* The line as it should be: what stands from start to end replaced by quote, the same, quote. */
static int suggest(struct scanner *scanner, size_t start, size_t end, const char *quote)
{
	struct span before;
	struct span after;
	struct span middle = span_after(span_first(scanner->text, end), start);

	split_line(scanner->text, start, end, &before, &after);
	return error_next(scanner->error, "write: %.*s%s%.*s%s%.*s", span_int(before), before.start,
	    quote, span_int(middle), middle.start, quote, span_int(after), after.start);
}

int lint_bytes(const char *path, struct span text, struct error *error)
{
	ssize_t nul = span_find_byte(text, '\0');

	if (span_starts_with(text, "\xef\xbb\xbf")) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s line 1: the file begins with a byte order mark", path);
		return error_next(error, "remove it: sed -i '1s/^\\xef\\xbb\\xbf//' %s", path);
	}
	if (nul < 0)
		return 0;
	int line = 1;
	for (ssize_t i = 0; i < nul; i++)
		line += text.start[i] == '\n';
	return error_set(
	    error, ERROR_CONFIG, "5.3.5", "%s line %d: there is a NUL byte", path, line);
}

/* mailchute.conf: tokens */

static struct span rest_of(const struct scanner *scanner)
{
	return span_after(scanner->text, scanner->at);
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

static void advance(struct scanner *scanner, size_t count)
{
	for (size_t i = 0; i < count; i++)
		scanner->line += scanner->text.start[scanner->at + i] == '\n';
	scanner->at += count;
}

static int skip_comment(struct scanner *scanner)
{
	struct span rest = rest_of(scanner);
	const char *end;

	if (!span_starts_with(rest, "/*")) {
		ssize_t length = span_find_byte(rest, '\n');

		advance(scanner, length < 0 ? rest.length : (size_t)length);
		return 0;
	}
	end = memmem(rest.start + 2, rest.length - 2, "*/", 2);
	if (end == NULL)
		return fault_at(scanner, scanner->line, "the comment /* has no end */");
	advance(scanner, (size_t)(end + 2 - rest.start));
	return 0;
}

static int skip_blanks(struct scanner *scanner)
{
	for (;;) {
		struct span rest = rest_of(scanner);

		if (rest.length != 0 && is_blank(rest.start[0]))
			advance(scanner, 1);
		else if (span_starts_with(rest, "#") || span_starts_with(rest, "//") ||
			 span_starts_with(rest, "/*")) {
			if (skip_comment(scanner) < 0)
				return -1;
		} else
			return 0;
	}
}

/* libConfuse would take \n and \x for controls and drop other backslashes. */
static int check_escape(struct scanner *scanner, struct span inside, char quote)
{
	if (inside.length != 0 && (inside.start[0] == '\\' || inside.start[0] == quote))
		return 0;
	if (quote == '\'')
		return 0;
	fault_at(scanner, scanner->line, "a backslash in double quotes changes what follows it");
	return error_next(
	    scanner->error, "write \\\\ for one backslash, or put the value in single quotes");
}

static int scan_quoted(struct scanner *scanner, struct token *token)
{
	struct span rest = rest_of(scanner);
	char quote = rest.start[0];
	size_t length = 1;

	while (length < rest.length && rest.start[length] != quote && rest.start[length] != '\n') {
		if (rest.start[length] == '\\') {
			if (check_escape(scanner, span_after(rest, length + 1), quote) < 0)
				return -1;
			/* In single quotes a lone backslash stands for itself. */
			if (length + 1 < rest.length && rest.start[length + 1] != '\n')
				length++;
		}
		length++;
	}
	if (length >= rest.length || rest.start[length] == '\n')
		return fault_at(
		    scanner, scanner->line, "the quote %c that begins here has no end", quote);
	token->kind = TOKEN_QUOTED;
	token->text = span_after(span_first(rest, length), 1);
	token->may_expand = quote == '"';
	advance(scanner, length + 1);
	return 0;
}

/* What the writer surely meant as one value: to the next blank or mark. */
static size_t meant_length(struct span rest)
{
	size_t length = 0;

	while (length < rest.length && !is_blank(rest.start[length]) &&
	       strchr("{},;", rest.start[length]) == NULL)
		length++;
	return length;
}

static int refuse_unquoted(struct scanner *scanner, struct span rest, size_t good)
{
	size_t length = meant_length(rest);

	if (rest.start[good] == ';') {
		struct span before;
		struct span after;

		split_line(
		    scanner->text, scanner->at + good, scanner->at + good + 1, &before, &after);
		fault_at(scanner, scanner->line, "there are no semicolons in this file");
		return error_next(scanner->error, "write: %.*s%.*s", span_int(before), before.start,
		    span_int(after), after.start);
	}
	if (span_starts_with(rest, "+=")) {
		fault_at(scanner, scanner->line, "+= is not known, a list is replaced as a whole");
		return error_next(scanner->error, "write = and all elements");
	}
	fault_at(scanner, scanner->line, "\"%.*s\" must be in double quotes",
	    span_int(span_first(rest, length)), rest.start);
	return suggest(scanner, scanner->at, scanner->at + length, "\"");
}

static int scan_word(struct scanner *scanner, struct token *token)
{
	struct span rest = rest_of(scanner);
	size_t length = 0;

	while (length < rest.length && is_word_byte(rest.start[length]))
		length++;
	if (length == 0 ||
	    (length < rest.length && !is_blank(rest.start[length]) && !is_mark(rest.start[length])))
		return refuse_unquoted(scanner, rest, length);
	token->kind = TOKEN_WORD;
	token->text = span_first(rest, length);
	advance(scanner, length);
	return 0;
}

static int next_token(struct scanner *scanner, struct token *token)
{
	if (skip_blanks(scanner) < 0)
		return -1;
	struct span rest = rest_of(scanner);

	*token = (struct token){ .kind = TOKEN_END, .line = scanner->line };
	if (rest.length == 0)
		return 0;
	if (rest.start[0] == '"' || rest.start[0] == '\'')
		return scan_quoted(scanner, token);
	if (!is_mark(rest.start[0]))
		return scan_word(scanner, token);
	token->kind = TOKEN_MARK;
	token->text = span_first(rest, 1);
	advance(scanner, 1);
	return 0;
}

static bool is_marked(const struct token *token, char mark)
{
	return token->kind == TOKEN_MARK && token->text.start[0] == mark;
}

static bool is_value(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED;
}

/* mailchute.conf: grammar */

static int walk_list(struct scanner *scanner, int line)
{
	bool wants_comma = false;
	struct token token;

	for (;;) {
		if (next_token(scanner, &token) < 0)
			return -1;
		if (is_marked(&token, '}'))
			return 0;
		if (token.kind == TOKEN_END || is_marked(&token, '=') || is_marked(&token, '{')) {
			fault_at(scanner, line, "the list that begins here has no closing }");
			return error_next(
			    scanner->error, "write: NAME = { \"first\", \"second\" }");
		}
		if (is_value(&token) == wants_comma) {
			fault_at(scanner, token.line, "a comma is %s in the list",
			    wants_comma ? "missing" : "misplaced");
			return error_next(
			    scanner->error, "write: NAME = { \"first\", \"second\" }");
		}
		wants_comma = !wants_comma;
	}
}

static int walk_value(struct scanner *scanner, const struct stand *stand)
{
	struct token token;

	if (next_token(scanner, &token) < 0)
		return -1;
	if (is_marked(&token, '{'))
		return walk_list(scanner, token.line);
	if (is_value(&token))
		return 0;
	fault_at(scanner, stand->line, "%.*s has no value", span_int(stand->option),
	    stand->option.start);
	return error_next(
	    scanner->error, "write: %.*s = \"...\"", span_int(stand->option), stand->option.start);
}

/* name = value, name {, or name "title" { */
static int walk_statement(
    struct scanner *scanner, const struct token *name, struct stand *stand, bool *is_block)
{
	struct token token;
	struct span title = { 0 };

	if (next_token(scanner, &token) < 0)
		return -1;
	*is_block = false;
	stand->option = name->text;
	stand->line = name->line;
	if (is_marked(&token, '='))
		return walk_value(scanner, stand);
	if (is_value(&token)) {
		title = token.text;
		if (next_token(scanner, &token) < 0)
			return -1;
	}
	if (!is_marked(&token, '{')) {
		fault_at(scanner, name->line, "there is no = after \"%.*s\"", span_int(name->text),
		    name->text.start);
		return error_next(scanner->error, "write: %.*s = \"%.*s\"", span_int(name->text),
		    name->text.start, span_int(title), title.start);
	}
	if (stand->block.length != 0) {
		fault_at(scanner, name->line,
		    "the block \"%.*s\" begins inside of the block \"%.*s\"", span_int(name->text),
		    name->text.start, span_int(stand->block), stand->block.start);
		return error_next(scanner->error, "write } on a line of its own before it");
	}
	*stand = (struct stand){ .block = name->text, .title = title, .line = name->line };
	*is_block = true;
	return 0;
}

static int refuse_token(
    struct scanner *scanner, const struct token *token, const struct stand *stand)
{
	if (is_marked(token, '}'))
		return fault_at(scanner, token->line, "this } closes nothing");
	if (is_marked(token, ',')) {
		fault_at(scanner, token->line, "there are no commas between options");
		return error_next(scanner->error, "write each option on a line of its own");
	}
	if (token->kind == TOKEN_MARK || stand->option.length == 0) {
		fault_at(scanner, token->line, "\"%.*s\" does not belong here",
		    span_int(token->text), token->text.start);
		return error_next(scanner->error, "write: name = \"value\"");
	}
	fault_at(scanner, token->line, "\"%.*s\" stands behind the value of %.*s",
	    span_int(token->text), token->text.start, span_int(stand->option), stand->option.start);
	return error_next(scanner->error, "write: name = \"value\", names without quotes");
}

/* Visits each block and each option in it; ends with the first non-zero answer. */
static int walk_settings(struct scanner *scanner, visit_function *visit, void *context)
{
	struct stand stand = { 0 };
	int block_line = 0;

	for (;;) {
		struct token token;
		bool is_block = false;

		if (next_token(scanner, &token) < 0)
			return -1;
		if (token.kind == TOKEN_END && stand.block.length == 0)
			return 0;
		if (token.kind == TOKEN_END)
			return fault_at(scanner, block_line,
			    "the block \"%.*s\" that begins here has no closing }",
			    span_int(stand.block), stand.block.start);
		if (is_marked(&token, '}') && stand.block.length != 0) {
			stand = (struct stand){ 0 };
			continue;
		}
		if (token.kind != TOKEN_WORD)
			return refuse_token(scanner, &token, &stand);
		if (walk_statement(scanner, &token, &stand, &is_block) < 0)
			return -1;
		if (is_block)
			block_line = stand.line;
		int outcome = visit(context, &stand);
		if (outcome != 0)
			return outcome;
	}
}

static bool is_same_place(const struct stand *a, const struct stand *b)
{
	return span_equals(a->block, b->block) && span_equals(a->title, b->title) &&
	       span_equals(a->option, b->option);
}

/* The first place like the wanted one. */
struct search {
	struct stand wanted;
	const char *found;
	int line;
};

static int visit_search(void *context, const struct stand *stand)
{
	struct search *search = context;

	if (!is_same_place(stand, &search->wanted))
		return 0;
	search->found = stand->option.length != 0 ? stand->option.start : stand->block.start;
	search->line = stand->line;
	return 1;
}

static int search_text(struct span text, struct search *search)
{
	struct error error;
	struct scanner scanner = { .path = "", .text = text, .line = 1, .error = &error };

	(void)walk_settings(&scanner, visit_search, search);
	return search->line;
}

/* libConfuse takes the last of two settings without a word. */
static int visit_twice(void *context, const struct stand *stand)
{
	struct scanner *scanner = context;
	struct search search = { .wanted = *stand };
	/* Only what was read so far is known to be sound, and an earlier one is looked for. */
	struct span before = span_first(scanner->text, scanner->at);
	int line = search_text(before, &search);

	if (stand->option.length == 0 && stand->title.length == 0)
		return 0;
	if (search.found == (stand->option.length != 0 ? stand->option.start : stand->block.start))
		return 0;
	if (stand->option.length == 0)
		fault_at(scanner, stand->line, "%.*s \"%.*s\" stands in line %d already",
		    span_int(stand->block), stand->block.start, span_int(stand->title),
		    stand->title.start, line);
	else
		fault_at(scanner, stand->line, "%.*s is set in line %d already",
		    span_int(stand->option), stand->option.start, line);
	return error_next(scanner->error, "remove one of the two");
}

int lint_settings(const char *path, struct span text, struct error *error)
{
	struct scanner scanner = { .path = path, .text = text, .line = 1, .error = error };

	if (lint_bytes(path, text, error) < 0)
		return -1;
	return walk_settings(&scanner, visit_twice, &scanner);
}

static struct span span_of(const char *string)
{
	return span_from_string(string != NULL ? string : "");
}

int lint_find_line(struct span text, const char *block, const char *title, const char *option)
{
	struct search search = { .wanted = { .block = span_of(block),
				     .title = span_of(title),
				     .option = span_of(option) } };

	return search_text(text, &search);
}

int lint_find_expansion(struct span text)
{
	struct error error;
	struct scanner scanner = { .path = "", .text = text, .line = 1, .error = &error };
	struct token token = { .kind = TOKEN_WORD };

	while (next_token(&scanner, &token) == 0 && token.kind != TOKEN_END)
		if (token.may_expand && token.text.length != 0 &&
		    memmem(token.text.start, token.text.length, "${", 2) != NULL)
			return token.line;
	return 0;
}
