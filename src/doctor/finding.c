/* SPDX-License-Identifier: MIT */

#include "doctor/finding.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum { TEXT_LIMIT = 1600 };

/* Names of files and words of servers must not drive a terminal. */
static char *masked(const char *text)
{
	char *copy = memory_copy_string(text);

	utf8_mask(copy, "");
	return copy;
}

static struct finding *add(struct findings *findings, enum finding_level level, const char *id)
{
	findings->items = memory_resize_array(
	    findings->items, findings->count + 1, sizeof *findings->items);
	struct finding *finding = &findings->items[findings->count++];
	*finding = (struct finding){ .level = level, .id = id };
	return finding;
}

void finding_add(
    struct findings *findings, enum finding_level level, const char *id, const char *format, ...)
{
	char text[TEXT_LIMIT];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	add(findings, level, id)->text = masked(text);
}

__attribute__((format(printf, 2, 0))) static void set_next(
    struct findings *findings, const char *format, va_list arguments)
{
	char text[TEXT_LIMIT];

	assert(findings->count != 0);
	struct finding *last = &findings->items[findings->count - 1];
	(void)vsnprintf(text, sizeof text, format, arguments);
	free(last->next);
	last->next = masked(text);
}

void finding_next(struct findings *findings, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_next(findings, format, arguments);
	va_end(arguments);
}

void finding_suggest(struct findings *findings, const char *format, ...)
{
	va_list arguments;

	assert(findings->count != 0);
	va_start(arguments, format);
	if (findings->items[findings->count - 1].next == NULL)
		set_next(findings, format, arguments);
	va_end(arguments);
}

void finding_add_error(
    struct findings *findings, enum finding_level level, const char *id, const struct error *error)
{
	struct finding *finding = add(findings, level, id);

	finding->text = masked(error->text);
	if (error->means[0] != '\0')
		finding->means = masked(error->means);
	if (error->next[0] != '\0')
		finding->next = masked(error->next);
	if (error->code[0] != '\0')
		finding->code = masked(error->code);
}

const struct finding *finding_find(const struct findings *findings, const char *id)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].id, id) == 0)
			return &findings->items[i];
	return NULL;
}

enum finding_level finding_worst(const struct findings *findings)
{
	enum finding_level worst = FINDING_GREEN;

	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].level > worst)
			worst = findings->items[i].level;
	return worst;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = { "green", "yellow", "red" };

	return names[level];
}

void finding_finish_all(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->items[i].text);
		free(findings->items[i].means);
		free(findings->items[i].next);
		free(findings->items[i].code);
	}
	free(findings->items);
	*findings = (struct findings){ 0 };
}
