/* SPDX-License-Identifier: MIT */

#include "service/whereabouts.h"

#include <string.h>

#include "base/memory.h"

void whereabouts_add(const struct config_place *place, const char *smarthost, struct error *error)
{
	if (error->code[0] == '\0' || place->file == NULL || smarthost == NULL)
		return;
	char *block CLEANUP(memory_free_string) = memory_format("smarthost \"%s\"", smarthost);
	char *where CLEANUP(
	    memory_free_string) = place->line != 0
				      ? memory_format(" (%s line %d)", place->file, place->line)
				      : memory_format(" (%s)", place->file);
	/* Cut short it would be of no help, and neither would the step. */
	if (strstr(error->next, block) == NULL ||
	    strlen(error->next) + strlen(where) >= sizeof error->next)
		return;
	char *next CLEANUP(memory_free_string) = memory_format("%s%s", error->next, where);
	(void)error_next(error, "%s", next);
}

void whereabouts_add_to_line(
    const struct config_place *place, const char *smarthost, char *line, size_t size)
{
	struct error error;

	error_read_line(line, &error);
	if (error.code[0] == '\0')
		return;
	whereabouts_add(place, smarthost, &error);
	error_line(&error, line, size);
}
