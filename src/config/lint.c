/* SPDX-License-Identifier: MIT */

#include "config/lint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/options.h"
#include "config/scan.h"

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

struct walk {
	struct scan scan;
	const struct lint_listener *listener;
	struct lint_statement block; /* in which we are; its name is empty outside */
	size_t block_start;
	bool is_left_out;	     /* the block */
	struct lint_statement *seen; /* owned */
	size_t seen_count;
};

/* What follows makes no sense any more. */
static void give_up(struct walk *walk, int line, const struct error *error)
{
	scan_fault(&walk->scan, line, error);
	walk->scan.is_over = true;
}

/* ---- twice ---- */

static bool is_same(const struct lint_statement *a, const struct lint_statement *b)
{
	return a->kind == b->kind && span_equals(a->name, b->name) &&
	       span_equals(a->block, b->block) && span_equals(a->title, b->title);
}

static const struct lint_statement *find_seen(
    const struct walk *walk, const struct lint_statement *statement)
{
	for (size_t i = walk->seen_count; i-- != 0;) {
		const struct lint_statement *other = &walk->seen[i];

		if (is_same(other, statement))
			return other;
		/* A title stands once, and so does what is in its block. */
		if (statement->kind == LINT_OPTION && statement->has_title &&
		    other->kind == LINT_BLOCK)
			return NULL;
	}
	return NULL;
}

/* libConfuse takes the last of two settings without a word. */
static bool is_twice(struct walk *walk, const struct lint_statement *statement)
{
	bool may_come_twice = statement->kind == LINT_INCLUDE ||
			      (statement->kind == LINT_BLOCK && !statement->has_title);
	const struct lint_statement *first = may_come_twice ? NULL : find_seen(walk, statement);
	struct error error;

	if (first == NULL) {
		walk->seen = memory_resize_array(
		    walk->seen, walk->seen_count + 1, sizeof *walk->seen);
		walk->seen[walk->seen_count++] = *statement;
		return false;
	}
	if (statement->kind == LINT_BLOCK)
		scan_describe(&walk->scan, &error, statement->line,
		    "%.*s \"%.*s\" stands in line %d already", span_int(statement->block),
		    statement->block.start, span_int(statement->title), statement->title.start,
		    first->line);
	else
		scan_describe(&walk->scan, &error, statement->line,
		    "%.*s is set in line %d already", span_int(statement->name),
		    statement->name.start, first->line);
	error_next(&error, "remove one of the two");
	scan_fault(&walk->scan, statement->line, &error);
	return true;
}

/* ---- values ---- */

static void refuse_list(struct walk *walk, int line, const char *what)
{
	struct error error;

	scan_describe(&walk->scan, &error, line, "%s", what);
	error_next(&error, "write: NAME = { \"first\", \"second\" }");
	scan_fault(&walk->scan, line, &error);
}

static void walk_list(struct walk *walk, int line, struct lint_statement *statement)
{
	bool wants_comma = false;
	bool is_told = false;
	struct scan_token token;

	statement->is_list = true;
	for (;;) {
		scan_next(&walk->scan, &token);
		if (scan_is_mark(&token, '}') || walk->scan.is_over)
			return;
		if (token.kind == SCAN_END || scan_is_mark(&token, '=') ||
		    scan_is_mark(&token, '{')) {
			if (!is_told)
				refuse_list(
				    walk, line, "the list that begins here has no closing }");
			walk->scan.is_over = true;
			return;
		}
		statement->reads_environment |= token.reads_environment;
		if (scan_is_value(&token) == wants_comma && !is_told) {
			refuse_list(walk, token.line,
			    wants_comma ? "a comma is missing in the list"
					: "a comma is misplaced in the list");
			is_told = true;
		}
		wants_comma = scan_is_value(&token);
	}
}

static void walk_value(struct walk *walk, struct lint_statement *statement)
{
	struct scan_token token;
	struct error error;

	scan_next(&walk->scan, &token);
	statement->reads_environment = token.reads_environment;
	if (scan_is_mark(&token, '{')) {
		walk_list(walk, token.line, statement);
		return;
	}
	if (scan_is_value(&token))
		return;
	scan_describe(&walk->scan, &error, statement->line, "%.*s has no value",
	    span_int(statement->name), statement->name.start);
	error_next(
	    &error, "write: %.*s = \"...\"", span_int(statement->name), statement->name.start);
	scan_fault(&walk->scan, statement->line, &error);
	scan_return(&walk->scan, &token);
}

/* ---- statements ---- */

/* What was read since start is for the parser, unless something is wrong with it. */
static void conclude(
    struct walk *walk, size_t start, unsigned faults_before, struct lint_statement *statement)
{
	if (walk->scan.is_over)
		return;
	/* In a block that is there twice, all is. */
	bool is_second = !walk->block.is_faulty && is_twice(walk, statement);
	statement->is_faulty = is_second || walk->scan.fault_count != faults_before ||
			       walk->is_left_out;
	bool is_wanted = walk->listener->hear(walk->listener->context, statement);
	if (statement->is_faulty || !is_wanted || statement->kind == LINT_INCLUDE)
		scan_blank(&walk->scan, start);
}

static void walk_option(struct walk *walk, const struct scan_token *name, unsigned faults_before)
{
	struct lint_statement statement = walk->block;

	statement.kind = LINT_OPTION;
	statement.name = name->text;
	statement.line = name->line;
	walk_value(walk, &statement);
	conclude(walk, name->start, faults_before, &statement);
}

static void walk_include(struct walk *walk, const struct scan_token *name, unsigned faults_before)
{
	struct lint_statement statement = { .kind = LINT_INCLUDE, .line = name->line };
	struct scan_token value;
	struct scan_token end = { 0 };
	struct error error;

	scan_next(&walk->scan, &value);
	if (scan_is_value(&value))
		scan_next(&walk->scan, &end);
	if (!scan_is_mark(&end, ')')) {
		scan_describe(&walk->scan, &error, name->line, "include names no file");
		error_next(&error, "write: include(\"/etc/mailchute/local.conf\")");
		give_up(walk, name->line, &error);
		return;
	}
	if (walk->block.block.length != 0) {
		scan_describe(&walk->scan, &error, name->line,
		    "include stands inside of the block \"%.*s\"", span_int(walk->block.block),
		    walk->block.block.start);
		error_next(&error, "write it outside of all blocks");
		scan_fault(&walk->scan, name->line, &error);
	}
	statement.name = value.text;
	statement.reads_environment = value.reads_environment;
	conclude(walk, name->start, faults_before, &statement);
}

/* A name with neither = nor a block behind it. */
static void refuse_name(struct walk *walk, const struct scan_token *name, struct span value,
    const struct scan_token *next)
{
	struct error error;
	int length = span_int(name->text);

	if (options_find_block(name->text) != NULL) {
		scan_describe(&walk->scan, &error, name->line, "there is no { after \"%.*s\"",
		    length, name->text.start);
		error_next(&error, "write: %.*s%s%.*s%s {", length, name->text.start,
		    value.length != 0 ? " \"" : "", span_int(value), value.start,
		    value.length != 0 ? "\"" : "");
		give_up(walk, name->line, &error);
		return;
	}
	if (scan_holds_secret(name->text))
		value = span_from_string("...");
	scan_describe(&walk->scan, &error, name->line, "there is no = after \"%.*s\"", length,
	    name->text.start);
	error_next(&error, "write: %.*s = \"%.*s\"", length, name->text.start, span_int(value),
	    value.start);
	scan_fault(&walk->scan, name->line, &error);
	scan_return(&walk->scan, next);
	scan_blank(&walk->scan, name->start);
}

static void open_block(struct walk *walk, const struct scan_token *name,
    const struct scan_token *title, unsigned faults_before)
{
	struct lint_statement statement = { .kind = LINT_BLOCK,
		.block = name->text,
		.has_title = scan_is_value(title),
		.line = name->line };
	struct error error;

	if (statement.has_title) {
		statement.title = title->text;
		statement.reads_environment = title->reads_environment;
	}
	if (walk->block.block.length != 0) {
		scan_describe(&walk->scan, &error, name->line,
		    "the block \"%.*s\" begins inside of the block \"%.*s\"", span_int(name->text),
		    name->text.start, span_int(walk->block.block), walk->block.block.start);
		error_next(&error, "write } on a line of its own before it");
		give_up(walk, name->line, &error);
		return;
	}
	bool is_second = is_twice(walk, &statement);
	statement.is_faulty = is_second || walk->scan.fault_count != faults_before;
	bool is_wanted = walk->listener->hear(walk->listener->context, &statement);
	walk->block = statement;
	walk->block_start = name->start;
	walk->is_left_out = statement.is_faulty || !is_wanted;
}

static void close_block(struct walk *walk)
{
	if (walk->is_left_out)
		scan_blank(&walk->scan, walk->block_start);
	walk->block = (struct lint_statement){ 0 };
	walk->is_left_out = false;
}

/* name = value, name { ... }, name "title" { ... }, or include("file") */
static void walk_statement(struct walk *walk, const struct scan_token *name)
{
	unsigned faults_before = walk->scan.fault_count;
	struct scan_token title = { 0 };
	struct scan_token token;

	scan_next(&walk->scan, &token);
	if (scan_is_mark(&token, '=')) {
		walk_option(walk, name, faults_before);
		return;
	}
	if (scan_is_mark(&token, '(') && span_equals_string(name->text, "include")) {
		walk_include(walk, name, faults_before);
		return;
	}
	if (scan_is_value(&token)) {
		title = token;
		scan_next(&walk->scan, &token);
	}
	if (scan_is_mark(&token, '{'))
		open_block(walk, name, &title, faults_before);
	else if (!walk->scan.is_over)
		refuse_name(walk, name, title.text, &token);
}

/* What is set by a name at fault belongs to the same fault. */
static void skip_assignment(struct walk *walk)
{
	struct lint_statement unused = { 0 };
	struct scan_token token;

	scan_next(&walk->scan, &token);
	if (!scan_is_mark(&token, '=')) {
		scan_return(&walk->scan, &token);
		return;
	}
	scan_next(&walk->scan, &token);
	if (scan_is_mark(&token, '{'))
		walk_list(walk, token.line, &unused);
	else if (!scan_is_value(&token))
		scan_return(&walk->scan, &token);
}

static void refuse_token(struct walk *walk, const struct scan_token *token, struct span last)
{
	struct scan *scan = &walk->scan;
	struct span shown = scan_holds_secret(last) ? span_from_string("...") : token->text;
	struct error error;

	if (scan_is_mark(token, '}')) {
		scan_describe(scan, &error, token->line, "this } closes nothing");
		give_up(walk, token->line, &error);
		return;
	}
	if (scan_is_mark(token, ',')) {
		scan_describe(scan, &error, token->line, "there are no commas between options");
		error_next(&error, "write each option on a line of its own");
	} else if (token->kind == SCAN_MARK || last.length == 0) {
		scan_describe(scan, &error, token->line, "\"%.*s\" does not belong here",
		    span_int(shown), shown.start);
		error_next(&error, "write: name = \"value\"");
	} else {
		scan_describe(scan, &error, token->line, "\"%.*s\" stands behind the value of %.*s",
		    span_int(shown), shown.start, span_int(last), last.start);
		error_next(&error, "write: name = \"value\", names without quotes");
	}
	scan_fault(scan, token->line, &error);
	scan->is_over = scan_is_mark(token, '{');
	if (token->kind == SCAN_QUOTED)
		skip_assignment(walk);
	scan_blank(scan, token->start);
}

/* The option before this token, for a fault in what follows it. */
static struct span last_option(const struct walk *walk)
{
	const struct lint_statement *last;

	if (walk->seen_count == 0)
		return span_from_bytes("", 0);
	last = &walk->seen[walk->seen_count - 1];
	return last->kind == LINT_OPTION && span_equals(last->block, walk->block.block)
		   ? last->name
		   : span_from_bytes("", 0);
}

static void walk_all(struct walk *walk)
{
	struct error error;
	struct scan_token token;

	for (;;) {
		scan_next(&walk->scan, &token);
		if (walk->scan.is_over)
			return;
		if (token.kind == SCAN_END)
			break;
		if (scan_is_mark(&token, '}') && walk->block.block.length != 0)
			close_block(walk);
		else if (token.kind == SCAN_WORD)
			walk_statement(walk, &token);
		else
			refuse_token(walk, &token, last_option(walk));
	}
	if (walk->block.block.length == 0)
		return;
	scan_describe(&walk->scan, &error, walk->block.line,
	    "the block \"%.*s\" that begins here has no closing }", span_int(walk->block.block),
	    walk->block.block.start);
	give_up(walk, walk->block.line, &error);
}

char *lint_walk(const char *path, struct span text, const struct lint_listener *listener)
{
	struct walk walk = {
		.scan = { .path = path,
		    .text = text,
		    .line = 1,
		    .tell = listener->tell,
		    .context = listener->context },
		.listener = listener,
	};
	struct error error;

	if (lint_bytes(path, text, &error) < 0) {
		ssize_t nul = span_find_byte(text, '\0');
		int line = 1;

		for (ssize_t i = 0; i < nul && !span_starts_with(text, "\xef\xbb\xbf"); i++)
			line += text.start[i] == '\n';
		listener->tell(listener->context, line, &error);
		return NULL;
	}
	walk.scan.mended = memory_copy(text.start, text.length);
	walk_all(&walk);
	free(walk.seen);
	/* What was taken for sound so far may be half of something. */
	if (walk.scan.is_over)
		memory_free_secret(&walk.scan.mended);
	return walk.scan.mended;
}

/* ---- the first fault alone ---- */

struct first {
	struct error *error;
	bool is_filled;
};

static bool hear_nothing(void *context, const struct lint_statement *statement)
{
	(void)context;
	(void)statement;
	return true;
}

static void keep_first(void *context, int line, const struct error *fault)
{
	struct first *first = context;

	(void)line;
	if (!first->is_filled)
		*first->error = *fault;
	first->is_filled = true;
}

int lint_settings(const char *path, struct span text, struct error *error)
{
	struct first first = { .error = error };
	const struct lint_listener listener = { &first, hear_nothing, keep_first };
	char *mended = lint_walk(path, text, &listener);

	memory_free_secret(&mended);
	return first.is_filled ? -1 : 0;
}
