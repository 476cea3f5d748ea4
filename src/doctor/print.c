/* SPDX-License-Identifier: MIT */

/* doctor_print: the findings as lines, for people, and as JSON, for programs. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error_block.h"
#include "base/json.h"
#include "base/memory.h"
#include "doctor/doctor.h"

enum { JSON_LIMIT = 1 << 20, BLOCK_LIMIT = 16384 };

static const struct {
	const char *word;
	const char *colour; /* ECMA-48, SGR */
} looks[] = {
	[FINDING_GREEN] = { "ok    ", "\033[32m" },
	[FINDING_YELLOW] = { "YELLOW", "\033[33m" },
	[FINDING_RED] = { "RED   ", "\033[31m" },
};

enum doctor_form doctor_form_for(FILE *file)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (!isatty(fileno(file)) || (no_colour != NULL && no_colour[0] != '\0') ||
	    terminal == NULL || strcmp(terminal, "dumb") == 0)
		return DOCTOR_FORM_LINES;
	return DOCTOR_FORM_COLOUR;
}

/*
 * The words that an error has as a block (base/error_block.h), behind level
 * and id; only green fits into a line.
 */
static void append_block(const struct finding *finding, struct buffer *block)
{
	struct error error;

	error_set(&error, ERROR_SOFTWARE, "", "%s  %-21s %s", looks[finding->level].word,
	    finding->id, finding->text);
	if (finding->code != NULL)
		error_code(&error, finding->code);
	if (finding->means != NULL)
		error_means(&error, "%s", finding->means);
	error_block(&error, block);
	if (finding->next != NULL)
		error_block_part("fix", finding->next, block);
}

static void print_finding(const struct finding *finding, bool is_coloured, FILE *file)
{
	struct buffer block CLEANUP(buffer_finish) = { 0 };
	const char *word = looks[finding->level].word;

	buffer_init(&block, BLOCK_LIMIT);
	if (finding->level != FINDING_GREEN)
		append_block(finding, &block);
	else
		buffer_format(&block, "%s  %-21s %s\n", word, finding->id, finding->text);
	if (is_coloured)
		fprintf(file, "%s%s\033[0m%s", looks[finding->level].colour, word,
		    buffer_string(&block) + strlen(word));
	else
		fputs(buffer_string(&block), file);
}

static size_t count(const struct findings *findings, enum finding_level level)
{
	size_t found = 0;

	for (size_t i = 0; i < findings->count; i++)
		found += findings->items[i].level == level;
	return found;
}

static void print_lines(const struct findings *findings, bool is_coloured, FILE *file)
{
	size_t yellow = count(findings, FINDING_YELLOW);
	size_t red = count(findings, FINDING_RED);

	for (size_t i = 0; i < findings->count; i++)
		print_finding(&findings->items[i], is_coloured, file);
	if (yellow == 0 && red == 0)
		fprintf(file, "all good; send a real one: mailchute test ADDRESS\n");
	else
		fprintf(file, "%zu red, %zu yellow\n", red, yellow);
}

static void append_finding(struct buffer *members, const struct finding *finding)
{
	struct buffer own CLEANUP(buffer_finish) = { 0 };

	buffer_init(&own, JSON_LIMIT);
	json_string(&own, "level", span_from_string(finding_level_name(finding->level)));
	json_string(&own, "id", span_from_string(finding->id));
	json_string(&own, "text", span_from_string(finding->text));
	if (finding->means != NULL)
		json_string(&own, "means", span_from_string(finding->means));
	if (finding->next != NULL)
		json_string(&own, "next", span_from_string(finding->next));
	if (finding->code != NULL)
		json_string(&own, "code", span_from_string(finding->code));
	if (members->length != 0)
		buffer_append_byte(members, ',');
	buffer_append_byte(members, '{');
	buffer_append_span(members, buffer_span(&own));
	buffer_append_byte(members, '}');
}

static void print_json(const struct findings *findings, FILE *file)
{
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&members, JSON_LIMIT);
	for (size_t i = 0; i < findings->count; i++)
		append_finding(&members, &findings->items[i]);
	fprintf(file, "{\"level\":\"%s\",\"findings\":[%s]}\n",
	    finding_level_name(finding_worst(findings)), buffer_string(&members));
}

void doctor_print(const struct doctor_report *report, enum doctor_form form, FILE *file)
{
	if (form == DOCTOR_FORM_JSON)
		print_json(&report->findings, file);
	else
		print_lines(&report->findings, form == DOCTOR_FORM_COLOUR, file);
}

void doctor_finish(struct doctor_report *report)
{
	finding_finish_all(&report->findings);
}
