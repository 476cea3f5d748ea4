/* SPDX-License-Identifier: MIT */

#include "message/address_list.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "message/address.h"

/* What is special stands for itself as the kind. */
enum token_kind {
	TOKEN_END = 0,
	TOKEN_ATOM = 256, /* a run of atext and dots */
	TOKEN_QUOTED,	  /* with its quotes */
	TOKEN_LITERAL,	  /* with its brackets */
	TOKEN_WRONG,	  /* an octet that has no place here */
	TOKEN_OPEN,	  /* a quote or comment that nothing closes */
};

struct token {
	int kind;
	struct span text;
};

/* The length of the quoted string that text begins with; 0 when it is not closed. */
static size_t quoted_length(struct span text)
{
	for (size_t i = 1; i < text.length; i++) {
		if (text.start[i] == '"')
			return i + 1;
		if (text.start[i] == '\\')
			i++;
	}
	return 0;
}

/* The length of the comment that text begins with; 0 when it is not closed or too deep. */
static size_t comment_length(struct span text)
{
	size_t depth = 0;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.start[i];

		if (c == '\\')
			i++;
		else if (c == '(' && ++depth > ADDRESS_LIST_COMMENT_DEPTH)
			return 0;
		else if (c == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* The length of the domain literal that text begins with; 0 when it is none. */
static size_t literal_length(struct span text)
{
	for (size_t i = 1; i < text.length; i++) {
		char c = text.start[i];

		if (c == ']')
			return i + 1;
		if (c != ' ' && c != '\t' && c != '.' && c != ':' && !address_is_atom_byte(c))
			return 0;
	}
	return 0;
}

/* The length of the blank or fold that text begins with.  A line end that folds nothing is none. */
static size_t blank_length(struct span text)
{
	size_t length = 0;

	if (span_starts_with(text, "\r\n"))
		length = 2;
	else if (span_starts_with(text, "\n"))
		length = 1;
	if (length < text.length && (text.start[length] == ' ' || text.start[length] == '\t'))
		return length + 1;
	return 0;
}

/* Blanks, folds and comments that text begins with. */
static size_t filling_length(struct span text)
{
	size_t length = 0;

	for (;;) {
		struct span rest = span_after(text, length);
		size_t part = blank_length(rest);

		if (part == 0 && span_starts_with(rest, "("))
			part = comment_length(rest);
		if (part == 0)
			return length;
		length += part;
	}
}

static size_t atom_length(struct span text)
{
	size_t length = 0;

	while (length < text.length &&
	       (text.start[length] == '.' || address_is_atom_byte(text.start[length])))
		length++;
	return length;
}

static struct token make_token(int kind, struct span text, size_t length)
{
	return (struct token){ kind, span_first(text, length) };
}

/* The token at the start of text, which does not begin with filling. */
static struct token read_token(struct span text)
{
	size_t length = atom_length(text);

	if (text.length == 0)
		return make_token(TOKEN_END, text, 0);
	if (length != 0)
		return make_token(TOKEN_ATOM, text, length);
	switch (text.start[0]) {
	case '"':
		length = quoted_length(text);
		return make_token(length != 0 ? TOKEN_QUOTED : TOKEN_OPEN, text, length);
	case '(':
		return make_token(TOKEN_OPEN, text, 0);
	case '[':
		length = literal_length(text);
		return make_token(
		    length != 0 ? TOKEN_LITERAL : TOKEN_WRONG, text, length != 0 ? length : 1);
	case '\\':
		return make_token(TOKEN_WRONG, text, 2);
	case ',':
	case ';':
	case ':':
	case '<':
	case '>':
	case '@':
		return make_token(text.start[0], text, 1);
	default:
		return make_token(TOKEN_WRONG, text, 1);
	}
}

static struct token take_token(struct span *rest)
{
	*rest = span_after(*rest, filling_length(*rest));
	struct token token = read_token(*rest);
	*rest = span_after(*rest, token.text.length);
	return token;
}

static int peek_token(struct span rest)
{
	return take_token(&rest).kind;
}

/* One element of the list, as far as its end is concerned. */
struct element {
	struct span text;  /* without the separator */
	struct span angle; /* what stands between < and > */
	bool has_angle;
	bool is_group;	   /* it ended at a colon: the name of a group */
	bool ends_group;   /* it ended at a semicolon */
	const char *fault; /* NULL so far */
};

/* Where find_element stands. */
struct search {
	struct span text; /* from the start of the element on */
	struct span rest;
	bool in_group;
	bool in_angle;
	bool after_angle;
	bool in_route; /* "@a,@b:": its commas separate no mailboxes (RFC 5322, 4.4) */
	bool has_at;
	bool has_word;
	const char *opening; /* the last quote or comment that turned out to be open */
};

static size_t search_offset(const struct search *search)
{
	return search->text.length - search->rest.length;
}

static void add_fault(struct element *element, const char *fault)
{
	if (element->fault == NULL)
		element->fault = fault;
}

static void take_at(struct search *search)
{
	search->in_route = search->in_route || !search->has_word;
	search->has_at = true;
}

static void open_angle(struct search *search, struct element *element)
{
	if (element->has_angle)
		add_fault(element, "it has a second <");
	element->has_angle = true;
	element->angle = search->rest;
	search->in_angle = true;
	search->in_route = false;
	search->has_word = false;
}

static void close_angle(struct search *search, struct element *element)
{
	if (!search->in_angle)
		add_fault(element, "it has a > without <");
	else
		element->angle.length -= search->rest.length + 1;
	search->in_angle = false;
	search->in_route = false;
	search->after_angle = true;
}

/* A colon: true when it opens a group. */
static bool take_colon(struct search *search, struct element *element)
{
	if (search->in_route) {
		search->in_route = false;
		return false;
	}
	if (search->has_word && !search->has_at && !element->has_angle && !search->in_group &&
	    element->fault == NULL)
		return true;
	add_fault(element, "it has a colon out of place");
	return false;
}

/*
 * A quote or comment that nothing closes would swallow the neighbours, so
 * the element ends at a separator, whatever that was meant to be: the first
 * of all, since an earlier quote may have paired with one of a neighbour.
 * If that leads to the same opening again, the first behind it; so the time
 * stays in proportion to the text.
 */
static void end_at_separator(struct search *search, struct element *element)
{
	const char *opening = search->rest.start;
	size_t length = search->opening == opening ? search_offset(search) : 0;

	while (length < search->text.length && search->text.start[length] != ',' &&
	       search->text.start[length] != ';')
		length++;
	add_fault(element, opening[0] == '"' ? "its quote is not closed"
					     : "its comment is not closed, or nested too deep");
	element->text = span_first(search->text, length);
	element->ends_group = length < search->text.length && search->text.start[length] == ';';
	search->rest = span_after(search->text, length + 1);
	search->opening = opening;
}

static const char *wrong_fault(struct span text)
{
	return span_has_control(text) ? "it holds a line end or another control character"
				      : "it holds a character that has no place in an address";
}

/* "@a,@b:": behind the comma of a route stands another "@". */
static bool goes_on_with_route(const struct search *search)
{
	int next = search->in_route ? peek_token(search->rest) : TOKEN_END;

	return next == '@' || next == ',';
}

/* Takes one token into account.  True when the element ends with it. */
static bool step(struct search *search, struct element *element)
{
	search->rest = span_after(search->rest, filling_length(search->rest));
	size_t offset = search_offset(search);
	struct token token = read_token(search->rest);
	if (token.kind == TOKEN_OPEN) {
		end_at_separator(search, element);
		return true;
	}
	search->rest = span_after(search->rest, token.text.length);
	element->text = span_first(search->text, offset);
	switch (token.kind) {
	case TOKEN_END:
		return true;
	case ',':
		return !goes_on_with_route(search);
	case ';':
		element->ends_group = true;
		return true;
	case ':':
		element->is_group = take_colon(search, element);
		return element->is_group;
	case '<':
		open_angle(search, element);
		return false;
	case '>':
		close_angle(search, element);
		return false;
	case '@':
		take_at(search);
		return false;
	case TOKEN_WRONG:
		add_fault(element, wrong_fault(token.text));
		return false;
	default:
		if (search->after_angle)
			add_fault(element, "something follows the >");
		search->has_word = true;
		return false;
	}
}

/* Takes the next element off rest, with its separator. */
static struct element find_element(struct span *rest, bool in_group, const char **opening)
{
	struct search search = {
		.text = *rest,
		.rest = *rest,
		.in_group = in_group,
		.opening = *opening,
	};
	struct element element = { 0 };

	while (!step(&search, &element))
		continue;
	if (search.in_angle)
		add_fault(&element, "its < is not closed");
	*rest = search.rest;
	*opening = search.opening;
	return element;
}

/* Two words belong together when a dot stands between them: "a . b" (RFC 5322, 4.4). */
static bool is_joined(struct span left, struct span right)
{
	return (left.length != 0 && left.start[left.length - 1] == '.') ||
	       (right.length != 0 && right.start[0] == '.');
}

/* An address being read; normal grows with it. */
struct reading {
	struct span rest;
	struct span source;
	struct buffer normal;
	const char *fault;
};

/* The first fault is the one to tell. */
static void set_fault(struct reading *reading, const char *fault)
{
	if (reading->fault == NULL)
		reading->fault = fault;
}

static void extend_source(struct reading *reading, struct span text)
{
	if (reading->source.length == 0)
		reading->source = text;
	else
		reading->source.length = (size_t)(text.start + text.length - reading->source.start);
}

static void append_quoted_content(struct buffer *words, struct span quoted)
{
	for (size_t i = 1; i + 1 < quoted.length; i++) {
		if (quoted.start[i] == '\\' && i + 2 < quoted.length)
			i++;
		buffer_append_byte(words, quoted.start[i]);
	}
}

/* RFC 5321, 4.1.2: Dot-string. */
static bool is_dot_string(struct span local)
{
	for (size_t i = 0; i < local.length; i++) {
		bool is_dot = local.start[i] == '.';

		if (!is_dot && !address_is_atom_byte(local.start[i]))
			return false;
		if (is_dot && (i == 0 || i + 1 == local.length || local.start[i + 1] == '.'))
			return false;
	}
	return local.length != 0;
}

static void append_local(struct buffer *normal, struct span local)
{
	if (is_dot_string(local)) {
		buffer_append_span(normal, local);
		return;
	}
	buffer_append_byte(normal, '"');
	for (size_t i = 0; i < local.length; i++) {
		if (local.start[i] == '"' || local.start[i] == '\\')
			buffer_append_byte(normal, '\\');
		buffer_append_byte(normal, local.start[i]);
	}
	buffer_append_byte(normal, '"');
}

/* The local part, up to the '@' or the end; the token after it. */
static struct token read_local(struct reading *reading)
{
	CLEANUP(buffer_finish) struct buffer words;
	struct span last = { 0 };
	struct token token = take_token(&reading->rest);
	bool has_word = false;

	buffer_init(&words, reading->rest.length + token.text.length);
	while (token.kind == TOKEN_ATOM || token.kind == TOKEN_QUOTED) {
		if (has_word && !is_joined(last, token.text))
			set_fault(reading, "it is more than one word; a comma may be missing");
		if (token.kind == TOKEN_ATOM)
			buffer_append_span(&words, token.text);
		else
			append_quoted_content(&words, token.text);
		extend_source(reading, token.text);
		has_word = true;
		last = token.text;
		token = take_token(&reading->rest);
	}
	if (has_word)
		append_local(&reading->normal, buffer_span(&words));
	else
		set_fault(reading, "nothing stands before the @");
	return token;
}

static void append_without_blanks(struct buffer *normal, struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.start[i] != ' ' && text.start[i] != '\t')
			buffer_append_byte(normal, text.start[i]);
}

/* The domain, which ends the address. */
static void read_domain(struct reading *reading)
{
	struct span last = { 0 };
	struct token token = take_token(&reading->rest);

	buffer_append_byte(&reading->normal, '@');
	while (token.kind == TOKEN_ATOM || token.kind == TOKEN_LITERAL) {
		if (last.length != 0 && !is_joined(last, token.text))
			set_fault(reading, "something follows the domain; a comma may be missing");
		append_without_blanks(&reading->normal, token.text);
		extend_source(reading, token.text);
		last = token.text;
		token = take_token(&reading->rest);
	}
	if (token.kind == '@')
		set_fault(reading, "it holds a second @; a comma may be missing");
	else if (token.kind != TOKEN_END)
		set_fault(reading, "something follows the domain");
}

/* Leaves out "@a,@b:", which RFC 5321, appendix C, says to ignore. */
static void skip_route(struct reading *reading)
{
	struct span rest = reading->rest;
	struct token token;

	if (peek_token(rest) != '@')
		return;
	do
		token = take_token(&rest);
	while (token.kind != ':' && token.kind != TOKEN_END && token.kind != TOKEN_OPEN);
	if (token.kind == ':')
		reading->rest = rest;
}

/* Reads "local@domain" or "local"; reading->fault says why it is none. */
static void read_address(struct reading *reading)
{
	skip_route(reading);
	struct token token = read_local(reading);
	if (token.kind == '@') {
		extend_source(reading, token.text);
		read_domain(reading);
	} else if (token.kind != TOKEN_END) {
		set_fault(reading, "something follows the name");
	}
	if (reading->fault == NULL)
		reading->fault = address_fault(buffer_span(&reading->normal));
}

static bool is_filling(struct span text)
{
	return filling_length(text) == text.length;
}

/* The comments and blanks around the display name are not part of it. */
static struct span find_display(const struct element *element)
{
	size_t length = (size_t)(element->angle.start - element->text.start) - 1;

	return span_trim(span_first(element->text, length));
}

static int visit_element(const struct element *element,
    int (*visit)(void *context, const struct mailbox *mailbox), void *context)
{
	struct mailbox mailbox = { .source = span_trim(element->text), .fault = element->fault };
	struct span address = element->has_angle ? element->angle : element->text;
	struct reading reading = { .rest = address };
	int outcome;

	if (mailbox.fault != NULL)
		return visit(context, &mailbox);
	buffer_init(&reading.normal, 2 * address.length + 16);
	if (element->has_angle)
		mailbox.display = find_display(element);
	if (!is_filling(address))
		read_address(&reading);
	else
		reading.source = span_first(address, 0); /* "<>", the null reverse-path */
	mailbox.fault = reading.fault;
	if (mailbox.fault == NULL) {
		mailbox.source = reading.source;
		mailbox.address = buffer_string(&reading.normal);
	}
	outcome = visit(context, &mailbox);
	buffer_finish(&reading.normal);
	return outcome;
}

int address_list_visit(
    struct span text, int (*visit)(void *context, const struct mailbox *mailbox), void *context)
{
	const char *opening = NULL;
	bool in_group = false;

	assert(visit != NULL);
	while (text.length != 0) {
		struct element element = find_element(&text, in_group, &opening);

		if (element.is_group)
			in_group = true;
		else if (element.fault != NULL || !is_filling(element.text)) {
			int outcome = visit_element(&element, visit, context);

			if (outcome != 0)
				return outcome;
		}
		if (element.ends_group)
			in_group = false;
	}
	return 0;
}
