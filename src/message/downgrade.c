/* SPDX-License-Identifier: MIT */

#include "message/downgrade.h"

#include <assert.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "message/survey.h"

enum {
	/* One step adds a header, or a view's worth of octets three times as long. */
	OUTPUT_LIMIT = 2 * HEADER_LIMIT + 4 * VIEW_SIZE,
	BASE64_LINE = 57, /* octets that make 76 characters (RFC 2045, 6.8) */
};

/* Octets that pass as they are. */
static void pass(struct downgrade *downgrade, struct span octets, struct buffer *target)
{
	buffer_append_span(target, octets);
	if (span_has_8bit(octets))
		downgrade->has_left_8bit = true;
}

/* The line at which the view stands; whether it is a delimiter, and which. */
static int look_at_line(struct downgrade *downgrade, struct span *line, bool *is_delimiter,
    struct mime_delimiter *delimiter, struct error *error)
{
	bool is_whole;

	if (view_line(&downgrade->view, line, &is_whole, error) < 0)
		return -1;
	*is_delimiter = downgrade->at_line_start && is_whole &&
			mime_find_delimiter(&downgrade->nesting, *line, delimiter);
	return 0;
}

static bool ends_line(struct span line)
{
	return line.length >= 2 && line.start[line.length - 1] == '\n' &&
	       line.start[line.length - 2] == '\r';
}

static void take_line(struct downgrade *downgrade, struct span line)
{
	downgrade->at_line_start = ends_line(line);
	view_take(&downgrade->view, line.length);
}

static void go_to(struct downgrade *downgrade, uint64_t offset, enum downgrade_state state)
{
	view_seek(&downgrade->view, offset);
	downgrade->at_line_start = true;
	downgrade->state = state;
}

/*
 * Surveys the body of a leaf from where the view stands.  It ends before the
 * line end that a delimiter begins with (RFC 2046, 5.1.1), or with the message.
 */
static int survey_body(
    struct downgrade *downgrade, struct survey *survey, uint64_t *end, struct error *error)
{
	uint64_t begin = view_offset(&downgrade->view);

	downgrade->at_line_start = true;
	for (;;) {
		struct mime_delimiter delimiter;
		struct span line;
		bool is_delimiter;

		if (look_at_line(downgrade, &line, &is_delimiter, &delimiter, error) < 0)
			return -1;
		*end = view_offset(&downgrade->view);
		if (is_delimiter && *end != begin)
			*end -= 2;
		if (is_delimiter || line.length == 0)
			return 0;
		survey_look(survey, line);
		take_line(downgrade, line);
	}
}

static bool must_convert(
    const struct downgrade *downgrade, const struct mime_part *part, const struct survey *survey)
{
	if (part->encoding == MIME_ENCODED)
		return false;
	return (survey->has_8bit && !downgrade->allows_8bit) ||
	       survey->longest_line > DOWNGRADE_LINE_LIMIT;
}

/*
 * Text stays legible unless that costs a quarter more.  Where the delimiter
 * behind a part is missing, readers disagree on whether the last line end is
 * of the part: in quoted-printable it stays what it was for each of them.
 */
static bool prefers_base64(
    const struct downgrade *downgrade, const struct mime_part *part, const struct survey *survey)
{
	uint64_t quoted = survey_quoted_printable_size(survey);
	uint64_t base64 = survey_base64_size(survey);

	if (downgrade->nesting.count != 0 && downgrade->until == downgrade->view.source.length)
		return false;
	return part->kind == MIME_TEXT ? quoted > base64 + base64 / 4 : quoted > base64;
}

static void set_field(struct header *header, const char *name, const char *value)
{
	ssize_t at = header_find(header, name, 0);

	if (at < 0) {
		header_append(header, name, span_from_string(value));
		return;
	}
	header_set_value(header, (size_t)at, span_from_string(value));
	while ((at = header_find(header, name, (size_t)at + 1)) >= 0)
		header_remove(header, (size_t)at--);
}

static bool is_top(const struct downgrade *downgrade, const struct buffer *target)
{
	return target == &downgrade->header;
}

/*
 * A message that does not say what it is was text of that kind all along:
 * RFC 1428, section 3, has the word for a character set that nobody knows.
 */
static void describe(struct downgrade *downgrade, struct header *header,
    const struct mime_part *part, const struct survey *survey, struct buffer *target)
{
	if (is_top(downgrade, target) && !header_has(header, "MIME-Version"))
		header_append(header, "MIME-Version", span_from_string("1.0"));
	if (part->has_type || !survey->has_8bit)
		return;
	const char *type = survey_is_utf8(survey) ? "text/plain; charset=utf-8"
						  : "text/plain; charset=unknown-8bit";
	header_append(header, "Content-Type", span_from_string(type));
}

static void write_header(
    struct downgrade *downgrade, const struct header *header, struct buffer *target)
{
	size_t before = target->length;

	header_write(header, target);
	if (span_has_8bit(span_after(buffer_span(target), before)))
		downgrade->has_left_8bit = true;
}

/* Where the header of a part stands in the body; of the message: nowhere. */
struct place {
	uint64_t begin;
	uint64_t end;
};

/*
 * The header goes as it is, as do the octets behind it up to an offset.  That
 * of the message is elsewhere.
 */
static void keep(
    struct downgrade *downgrade, struct place place, uint64_t until, struct buffer *target)
{
	if (is_top(downgrade, target))
		buffer_append_span(target, downgrade->original);
	go_to(downgrade, place.begin, DOWNGRADE_COPY);
	downgrade->until = until;
}

/* RFC 2045, 6.4: what holds no 8-bit octet any more need not say so. */
static void relabel(struct downgrade *downgrade, struct header *header, struct place place,
    uint64_t until, struct buffer *target)
{
	set_field(header, "Content-Transfer-Encoding", "7bit");
	write_header(downgrade, header, target);
	go_to(downgrade, place.end, DOWNGRADE_COPY);
	downgrade->until = until;
}

static void convert(struct downgrade *downgrade, struct header *header,
    const struct mime_part *part, const struct survey *survey, struct buffer *target)
{
	bool is_base64 = prefers_base64(downgrade, part, survey);

	describe(downgrade, header, part, survey, target);
	set_field(header, "Content-Transfer-Encoding", is_base64 ? "base64" : "quoted-printable");
	write_header(downgrade, header, target);
	downgrade->has_converted = true;
	downgrade->quoted_printable = (struct quoted_printable){ 0 };
	downgrade->state = is_base64 ? DOWNGRADE_BASE64 : DOWNGRADE_QUOTED_PRINTABLE;
}

static int begin_leaf(struct downgrade *downgrade, struct header *header,
    const struct mime_part *part, struct place place, struct buffer *target, struct error *error)
{
	struct survey survey = { 0 };
	uint64_t end;

	if (survey_body(downgrade, &survey, &end, error) < 0)
		return -1;
	if (must_convert(downgrade, part, &survey)) {
		go_to(downgrade, place.end, DOWNGRADE_SKIM);
		downgrade->until = end;
		convert(downgrade, header, part, &survey, target);
	} else if (downgrade->is_relabelling && part->encoding == MIME_8BIT && !survey.has_8bit) {
		relabel(downgrade, header, place, end, target);
	} else {
		keep(downgrade, place, end, target);
	}
	return 0;
}

/* The header of a part, or of the message, has been read; the view stands behind it. */
static int begin_part(struct downgrade *downgrade, struct header *header, struct place place,
    struct buffer *target, struct error *error)
{
	CLEANUP(mime_finish_part) struct mime_part part = { 0 };

	mime_read_part(header, mime_in_digest(&downgrade->nesting), &part);
	if (part.kind == MIME_TEXT || part.kind == MIME_OTHER)
		return begin_leaf(downgrade, header, &part, place, target, error);
	if (part.kind == MIME_MULTIPART && !mime_is_full(&downgrade->nesting)) {
		if (downgrade->is_relabelling && part.encoding == MIME_8BIT)
			relabel(downgrade, header, place, place.end, target);
		else
			keep(downgrade, place, place.end, target);
		mime_enter(&downgrade->nesting, &part);
		return 0;
	}
	keep(downgrade, place, place.end, target);
	return 0;
}

/*
 * Reads lines into header until its border, which the view stands behind
 * then, or until a delimiter or the end cuts it off.
 */
static int read_header(struct downgrade *downgrade, struct header *header, struct error *error)
{
	struct span body = { 0 };

	while (!header->is_complete && !header->has_overflowed) {
		struct mime_delimiter delimiter;
		struct span line;
		bool is_delimiter;

		if (look_at_line(downgrade, &line, &is_delimiter, &delimiter, error) < 0)
			return -1;
		if (is_delimiter || line.length == 0) {
			header_end(header, &body);
		} else {
			header_feed(header, line, &body);
			take_line(downgrade, line);
		}
	}
	view_seek(&downgrade->view, view_offset(&downgrade->view) - body.length);
	return 0;
}

static int step_header(struct downgrade *downgrade, struct error *error)
{
	CLEANUP(header_finish) struct header header;
	struct place place = { .begin = view_offset(&downgrade->view) };

	header_init(&header);
	if (read_header(downgrade, &header, error) < 0)
		return -1;
	if (header.has_overflowed) {
		go_to(downgrade, place.begin, DOWNGRADE_SKIM);
		return 0;
	}
	place.end = view_offset(&downgrade->view);
	return begin_part(downgrade, &header, place, &downgrade->output, error);
}

static int step_skim(struct downgrade *downgrade, struct error *error)
{
	struct mime_delimiter delimiter;
	struct span line;
	bool is_delimiter;

	if (look_at_line(downgrade, &line, &is_delimiter, &delimiter, error) < 0)
		return -1;
	pass(downgrade, line, &downgrade->output);
	take_line(downgrade, line);
	if (!is_delimiter)
		return 0;
	mime_pass_delimiter(&downgrade->nesting, &delimiter);
	if (!delimiter.is_close)
		downgrade->state = DOWNGRADE_HEADER;
	return 0;
}

/* The octets up to the offset that can be seen; *is_last: these are all. */
static int look_until(
    struct downgrade *downgrade, struct span *octets, bool *is_last, struct error *error)
{
	uint64_t left = downgrade->until - view_offset(&downgrade->view);

	if (view_look(&downgrade->view, VIEW_LINE, octets, error) < 0)
		return -1;
	*is_last = octets->length >= left;
	if (*is_last)
		*octets = span_first(*octets, (size_t)left);
	return 0;
}

static int step_copy(struct downgrade *downgrade, struct error *error)
{
	struct span octets;
	bool is_last;

	if (look_until(downgrade, &octets, &is_last, error) < 0)
		return -1;
	pass(downgrade, octets, &downgrade->output);
	view_take(&downgrade->view, octets.length);
	if (is_last)
		downgrade->state = DOWNGRADE_SKIM;
	return 0;
}

static int step_quoted_printable(struct downgrade *downgrade, struct error *error)
{
	struct span octets;
	bool is_last;

	if (look_until(downgrade, &octets, &is_last, error) < 0)
		return -1;
	size_t taken = quoted_printable_encode(
	    &downgrade->quoted_printable, octets, is_last, &downgrade->output);
	view_take(&downgrade->view, taken);
	if (is_last)
		downgrade->state = DOWNGRADE_SKIM;
	return 0;
}

/* The line end behind the last line is the delimiter's, unless the message ends here. */
static int step_base64(struct downgrade *downgrade, struct error *error)
{
	struct span octets;
	bool is_last;

	if (look_until(downgrade, &octets, &is_last, error) < 0)
		return -1;
	while (octets.length >= BASE64_LINE || (is_last && octets.length != 0)) {
		struct span line = span_first(octets, BASE64_LINE);

		base64_encode(line, &downgrade->output);
		view_take(&downgrade->view, line.length);
		octets = span_after(octets, line.length);
		if (!is_last || octets.length != 0 || view_left(&downgrade->view) == 0)
			buffer_append_string(&downgrade->output, "\r\n");
	}
	if (is_last)
		downgrade->state = DOWNGRADE_SKIM;
	return 0;
}

/* Adds to the output; perhaps nothing, but then the next one is nearer to the end. */
static int step(struct downgrade *downgrade, struct error *error)
{
	static int (*const steps[])(struct downgrade *, struct error *) = {
		[DOWNGRADE_SKIM] = step_skim,
		[DOWNGRADE_HEADER] = step_header,
		[DOWNGRADE_COPY] = step_copy,
		[DOWNGRADE_QUOTED_PRINTABLE] = step_quoted_printable,
		[DOWNGRADE_BASE64] = step_base64,
	};
	int outcome = steps[downgrade->state](downgrade, error);

	assert(!downgrade->output.has_overflowed);
	return outcome;
}

static int begin(struct downgrade *downgrade, struct error *error)
{
	CLEANUP(header_finish) struct header header;
	struct span body;

	mime_finish(&downgrade->nesting);
	buffer_clear(&downgrade->header);
	buffer_clear(&downgrade->output);
	downgrade->has_converted = false;
	downgrade->has_left_8bit = false;
	view_seek(&downgrade->view, 0);

	header_init(&header);
	header_feed(&header, downgrade->original, &body);
	header_end(&header, &body);
	/* What the message says is not to be trusted once it says too much, or is none. */
	if (header.has_overflowed || body.length != 0) {
		keep(downgrade, (struct place){ 0 }, view_left(&downgrade->view),
		    &downgrade->header);
		return 0;
	}
	return begin_part(downgrade, &header, (struct place){ 0 }, &downgrade->header, error);
}

static bool is_at_end(const struct downgrade *downgrade)
{
	return downgrade->output.length == 0 && view_left(&downgrade->view) == 0;
}

/* Runs through all of it for the sake of what becomes known. */
static int count(struct downgrade *downgrade, struct error *error)
{
	uint64_t length = 0;

	if (begin(downgrade, error) < 0)
		return -1;
	while (!is_at_end(downgrade)) {
		if (step(downgrade, error) < 0)
			return -1;
		length += downgrade->output.length;
		buffer_clear(&downgrade->output);
	}
	downgrade->body_length = length;
	return 0;
}

int downgrade_start(struct downgrade *downgrade, struct span header, const struct view_source *body,
    bool allows_8bit, struct error *error)
{
	memset(downgrade, 0, sizeof *downgrade);
	downgrade->original = header;
	downgrade->allows_8bit = allows_8bit;
	downgrade->is_relabelling = !allows_8bit;
	view_init(&downgrade->view, body);
	buffer_init(&downgrade->header, header.length + OUTPUT_LIMIT);
	buffer_init(&downgrade->output, OUTPUT_LIMIT);

	if (count(downgrade, error) < 0)
		return -1;
	if (!downgrade->has_converted)
		return 0;
	if (downgrade->is_relabelling && downgrade->has_left_8bit) {
		downgrade->is_relabelling = false;
		if (count(downgrade, error) < 0)
			return -1;
	}
	return begin(downgrade, error) < 0 ? -1 : 1;
}

ssize_t downgrade_read(struct downgrade *downgrade, char *bytes, size_t size, struct error *error)
{
	struct buffer *output = &downgrade->output;

	size = size < VIEW_SIZE ? size : VIEW_SIZE;
	while (output->length < size && view_left(&downgrade->view) != 0)
		if (step(downgrade, error) < 0)
			return -1;
	size_t length = output->length < size ? output->length : size;
	if (length != 0)
		memcpy(bytes, output->start, length);
	buffer_consume(output, length);
	return (ssize_t)length;
}

void downgrade_finish(struct downgrade *downgrade)
{
	mime_finish(&downgrade->nesting);
	buffer_finish(&downgrade->header);
	buffer_finish(&downgrade->output);
	memset(downgrade, 0, sizeof *downgrade);
}
