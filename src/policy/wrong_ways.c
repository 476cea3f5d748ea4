/* SPDX-License-Identifier: MIT */

#include "policy/wrong_ways.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/envelope.h"
#include "policy/expand.h"

struct telling {
	char **told; /* owned: a list may stand in several aliases */
	size_t count;
	wrong_ways_visit *visit;
	void *context;
};

static void finish_telling(struct telling *telling)
{
	for (size_t i = 0; i < telling->count; i++)
		free(telling->told[i]);
	free(telling->told);
}

static void tell_once(struct telling *telling, const struct wrong_way *way)
{
	for (size_t i = 0; i < telling->count; i++)
		if (strcmp(telling->told[i], way->words) == 0)
			return;
	telling->told = memory_resize_array(
	    telling->told, telling->count + 1, sizeof *telling->told);
	telling->told[telling->count++] = memory_copy_string(way->words);
	telling->visit(telling->context, way);
}

static void see_step(void *context, const struct expand_step *step)
{
	struct telling *telling = context;
	const struct wrong_way way = { .words = step->words,
		.next = step->next != NULL ? step->next : "",
		.is_local = step->is_local };

	if (step->words != NULL && step->is_fault && !step->is_of_entry)
		tell_once(telling, &way);
}

/* What is missing may have been told where it was met, in the same words. */
static void tell_error(struct telling *telling, const struct error *error)
{
	const char *behind = strstr(error->text, EXPAND_NOBODY_NOW);
	const struct wrong_way way = {
		.words = behind != NULL ? behind + strlen(EXPAND_NOBODY_NOW) : error->text,
		.next = error->next,
	};

	tell_once(telling, &way);
}

static void look_up(struct telling *telling, const struct config *config,
    const struct aliases *aliases, const char *name)
{
	struct envelope given CLEANUP(envelope_finish) = { 0 };
	struct envelope expanded CLEANUP(envelope_finish) = { 0 };
	const struct expand_witness witness = { see_step, telling };
	struct error error;

	/* A name with blanks is none of those that are looked up like this. */
	if (envelope_add_recipient(&given, span_from_string(name), (struct span){ 0 }, 0, &error) <
	    0)
		return;
	if (expand_envelope_before(config, aliases, &given, &witness, &expanded, &error) < 0)
		tell_error(telling, &error);
}

void wrong_ways_tell(const struct config *config, const struct aliases *aliases,
    wrong_ways_visit *visit, void *context)
{
	struct telling telling CLEANUP(finish_telling) = { .visit = visit, .context = context };

	for (size_t i = 0; i < aliases->count; i++)
		look_up(&telling, config, aliases, aliases->entries[i].name);
}
