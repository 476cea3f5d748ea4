/* SPDX-License-Identifier: MIT */

#include "config/faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool comes_before(const struct fault *fault, int file, int line)
{
	return fault->file != file ? fault->file < file : fault->line <= line;
}

/* A url may carry user and password, and faults quote what they are about. */
static void hide_login(char *text)
{
	char *rest = text;

	while ((rest = strstr(rest, "://")) != NULL) {
		rest += 3;
		size_t length = strcspn(rest, " \t");
		const char *at = memrchr(rest, '@', length);
		const char *colon = memchr(rest, ':', length);

		/* What was too long has lost its @, perhaps. */
		if (at == NULL && rest[length] == '\0' && length > 3 &&
		    strcmp(rest + length - 3, "...") == 0)
			at = rest + length - 3;
		if (at == NULL || colon == NULL || colon > at)
			continue;
		memset(rest, '*', (size_t)(at - rest));
	}
}

void faults_add(struct faults *faults, int file, int line, const struct error *error)
{
	size_t at = faults->count;

	if (faults->count == FAULTS_LIMIT) {
		faults->left_out++;
		return;
	}
	while (at != 0 && !comes_before(&faults->items[at - 1], file, line))
		at--;
	faults->items = memory_resize_array(
	    faults->items, faults->count + 1, sizeof *faults->items);
	memmove(&faults->items[at + 1], &faults->items[at],
	    (faults->count - at) * sizeof *faults->items);
	faults->items[at] = (struct fault){ file, line, *error };
	hide_login(faults->items[at].error.text);
	hide_login(faults->items[at].error.next);
	if (error->code[0] == '\0')
		(void)error_code(&faults->items[at].error, "MC-CONF-14");
	faults->count++;
}

void faults_finish(struct faults *faults)
{
	free(faults->items);
	*faults = (struct faults){ 0 };
}
