/* SPDX-License-Identifier: MIT */

#include "message/mime.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* The characters that end a token (RFC 2045, section 5.1), but those that boundaries hold. */
static bool ends_token(char c)
{
	return c == ';' || c == '(' || c == '"' || c == ' ' || c == '\t';
}

/* Skips blanks and comments, which may nest (RFC 5322, section 3.2.2). */
static struct span skip_comments(struct span rest)
{
	size_t depth = 0;
	size_t i = 0;

	for (; i < rest.length; i++) {
		char c = rest.start[i];

		if (c == '\\' && depth != 0)
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth != 0)
			depth--;
		else if (depth == 0 && c != ' ' && c != '\t')
			break;
	}
	return span_after(rest, i);
}

static struct span take_token(struct span *rest, char end)
{
	size_t i = 0;

	while (i < rest->length && rest->start[i] != end && !ends_token(rest->start[i]))
		i++;
	struct span token = span_first(*rest, i);
	*rest = span_after(*rest, i);
	return token;
}

/* rest begins at the quote. */
static void take_quoted(struct span *rest, struct buffer *value)
{
	size_t i = 1;

	for (; i < rest->length && rest->start[i] != '"'; i++) {
		if (rest->start[i] == '\\' && i + 1 < rest->length)
			i++;
		buffer_append_byte(value, rest->start[i]);
	}
	*rest = span_after(*rest, i + 1);
}

/* Takes "name = value" and what follows up to the next semicolon.  False at the end. */
static bool take_parameter(struct span *rest, struct span *name, struct buffer *value)
{
	buffer_clear(value);
	*rest = skip_comments(*rest);
	while (rest->length != 0 && rest->start[0] == ';')
		*rest = skip_comments(span_after(*rest, 1));
	if (rest->length == 0)
		return false;
	*name = take_token(rest, '=');
	*rest = skip_comments(*rest);
	if (span_starts_with(*rest, "=")) {
		*rest = skip_comments(span_after(*rest, 1));
		if (span_starts_with(*rest, "\""))
			take_quoted(rest, value);
		else
			buffer_append_span(value, take_token(rest, ';'));
	}
	ssize_t next = span_find_byte(*rest, ';');
	*rest = span_after(*rest, next < 0 ? rest->length : (size_t)next);
	return true;
}

/* NULL when there is none that could be found in lines. */
static char *read_boundary(struct span parameters)
{
	CLEANUP(buffer_finish) struct buffer value = { 0 };
	struct span name;

	buffer_init(&value, parameters.length);
	while (take_parameter(&parameters, &name, &value)) {
		if (!span_equals_string_ignoring_case(name, "boundary"))
			continue;
		/* RFC 2046, 5.1.1: it does not end in a blank, which transport may add. */
		while (value.length != 0 && strchr(" \t", value.start[value.length - 1]) != NULL)
			value.length--;
		if (value.length == 0 || value.length > MIME_BOUNDARY_LIMIT ||
		    memchr(value.start, '\0', value.length) != NULL)
			return NULL;
		return buffer_take_string(&value);
	}
	return NULL;
}

static void read_type(struct span value, struct mime_part *part)
{
	struct span rest = skip_comments(value);
	struct span type = take_token(&rest, '/');
	struct span subtype = { "", 0 };

	rest = skip_comments(rest);
	if (span_starts_with(rest, "/")) {
		rest = skip_comments(span_after(rest, 1));
		subtype = take_token(&rest, ';');
	}
	if (span_equals_string_ignoring_case(type, "message")) {
		part->kind = MIME_KEPT;
	} else if (span_equals_string_ignoring_case(type, "multipart")) {
		part->is_digest = span_equals_string_ignoring_case(subtype, "digest");
		if (!span_equals_string_ignoring_case(subtype, "signed"))
			part->boundary = read_boundary(rest);
		part->kind = part->boundary != NULL ? MIME_MULTIPART : MIME_KEPT;
	} else if (subtype.length != 0 && !span_equals_string_ignoring_case(type, "text")) {
		part->kind = MIME_OTHER;
	}
}

static enum mime_encoding read_encoding(struct span value)
{
	static const struct row {
		const char *word;
		enum mime_encoding encoding;
	} rows[] = {
		{ "8bit", MIME_8BIT },
		{ "binary", MIME_8BIT },
		{ "quoted-printable", MIME_ENCODED },
		{ "base64", MIME_ENCODED },
		{ "uuencode", MIME_ENCODED },
	};
	struct span rest = skip_comments(value);
	struct span word = take_token(&rest, ';');

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (span_equals_string_ignoring_case(word, rows[i].word))
			return rows[i].encoding;
	/* "8-bit" and the like decode nothing anywhere; a private one may (RFC 2045, 6.3). */
	return span_starts_with_ignoring_case(word, "x-") ? MIME_ENCODED : MIME_IDENTITY;
}

/*
 * The value on one line, NULL without such a field.  *differs: it is there
 * again with another value, so that readers disagree about what it says.
 */
static char *read_field(const struct header *header, const char *name, bool *differs)
{
	ssize_t at = header_find(header, name, 0);

	*differs = false;
	if (at < 0)
		return NULL;
	char *value = field_unfold(header_field(header, (size_t)at).value);
	while ((at = header_find(header, name, (size_t)at + 1)) >= 0) {
		CLEANUP(memory_free_string)
		char *other = field_unfold(header_field(header, (size_t)at).value);

		*differs = *differs || strcmp(value, other) != 0;
	}
	return value;
}

void mime_read_part(const struct header *header, bool in_digest, struct mime_part *part)
{
	bool type_differs, encoding_differs;
	CLEANUP(memory_free_string)
	char *type = read_field(header, "Content-Type", &type_differs);
	CLEANUP(memory_free_string)
	char *encoding = read_field(header, "Content-Transfer-Encoding", &encoding_differs);

	*part = (struct mime_part){ .has_type = type != NULL };
	if (type_differs || (type == NULL && in_digest))
		part->kind = MIME_KEPT;
	else if (type != NULL)
		read_type(span_from_string(type), part);
	if (encoding_differs)
		part->encoding = MIME_ENCODED;
	else if (encoding != NULL)
		part->encoding = read_encoding(span_from_string(encoding));
}

void mime_finish_part(struct mime_part *part)
{
	free(part->boundary);
	*part = (struct mime_part){ 0 };
}

bool mime_is_full(const struct mime_nesting *nesting)
{
	return nesting->count == MIME_DEPTH_LIMIT;
}

bool mime_in_digest(const struct mime_nesting *nesting)
{
	return nesting->count != 0 && nesting->levels[nesting->count - 1].is_digest;
}

void mime_enter(struct mime_nesting *nesting, struct mime_part *part)
{
	assert(!mime_is_full(nesting) && part->boundary != NULL);
	nesting->levels[nesting->count++] = (struct mime_level){ part->boundary, part->is_digest };
	part->boundary = NULL;
}

static void leave_to(struct mime_nesting *nesting, size_t count)
{
	while (nesting->count > count)
		memory_free_string(&nesting->levels[--nesting->count].boundary);
}

void mime_finish(struct mime_nesting *nesting)
{
	leave_to(nesting, 0);
}

static struct span without_trailing_blanks(struct span line)
{
	while (line.length != 0 && memchr(" \t\r\n", line.start[line.length - 1], 4) != NULL)
		line.length--;
	return line;
}

bool mime_find_delimiter(
    const struct mime_nesting *nesting, struct span line, struct mime_delimiter *delimiter)
{
	if (!span_starts_with(line, "--"))
		return false;
	struct span text = span_after(without_trailing_blanks(line), 2);
	for (size_t i = 0; i < nesting->count; i++) {
		struct span boundary = span_from_string(nesting->levels[i].boundary);
		struct span rest = span_after(text, boundary.length);

		if (!span_equals(span_first(text, boundary.length), boundary) ||
		    (rest.length != 0 && !span_equals_string(rest, "--")))
			continue;
		*delimiter = (struct mime_delimiter){ i, rest.length != 0 };
		return true;
	}
	return false;
}

void mime_pass_delimiter(struct mime_nesting *nesting, const struct mime_delimiter *delimiter)
{
	leave_to(nesting, delimiter->is_close ? delimiter->level : delimiter->level + 1);
}
