/* SPDX-License-Identifier: MIT */

#include "import/predecessor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

const struct predecessor predecessors[] = {
	{ "ssmtp", ssmtp_read, "/etc/ssmtp/ssmtp.conf", "ssmtp.conf revaliases" },
	{ "msmtp", msmtp_read, "/etc/msmtprc", "msmtprc .msmtprc" },
	{ "nullmailer", nullmailer_read, "/etc/nullmailer/remotes", "nullmailer remotes" },
	{ "dma", dma_read, "/etc/dma/dma.conf", "dma.conf auth.conf" },
	{ "postfix", postfix_read, "/etc/postfix/main.cf", "main.cf postfix" },
	{ "variables", variables_read, NULL, ".env env" },
	{ NULL, NULL, NULL, NULL },
};

const struct predecessor *predecessor_find(const char *name)
{
	for (const struct predecessor *one = predecessors; one->name != NULL; one++)
		if (strcasecmp(one->name, name) == 0)
			return one;
	return NULL;
}

static bool is_called(const struct predecessor *one, const char *name)
{
	struct span rest = span_from_string(one->file_names);
	struct span word;

	while (span_take_word(&rest, &word))
		if (span_equals_string_ignoring_case(word, name))
			return true;
	return false;
}

const struct predecessor *predecessor_of_file(const char *path)
{
	CLEANUP(memory_free_string) char *copy = memory_copy_string(path);
	size_t length = strlen(copy);

	while (length > 1 && copy[length - 1] == '/')
		copy[--length] = '\0';
	const char *slash = strrchr(copy, '/');
	const char *name = slash != NULL ? slash + 1 : copy;

	for (const struct predecessor *one = predecessors; one->name != NULL; one++)
		if (is_called(one, name))
			return one;
	if (span_ends_with_ignoring_case(span_from_string(name), ".env") ||
	    strncmp(name, ".env", 4) == 0)
		return predecessor_find("variables");
	return NULL;
}

int predecessor_detect(
    const struct source_room *room, const struct predecessor **found, struct error *error)
{
	const struct predecessor *first = NULL;
	CLEANUP(memory_free_string) char *names = memory_copy_string("");

	for (const struct predecessor *one = predecessors; one->name != NULL; one++) {
		if (one->sign == NULL || !source_exists(room, one->sign))
			continue;
		char *longer = memory_format(
		    "%s%s%s (%s)", names, first != NULL ? ", " : "", one->name, one->sign);
		free(names);
		names = longer;
		if (first != NULL)
			*found = NULL;
		else
			*found = first = one;
	}
	if (first == NULL) {
		error_set(error, ERROR_NO_INPUT, "5.3.5",
		    "there is nothing to import: no ssmtp, msmtp, nullmailer, dma or Postfix was "
		    "set up "
		    "here");
		return error_next(error,
		    "name the file: mailchute import FILE; or set it up anew: mailchute setup");
	}
	if (*found == NULL) {
		error_set(error, ERROR_USAGE, "5.5.4", "there are several to import: %s", names);
		return error_next(error, "name one: mailchute import %s", first->name);
	}
	return 0;
}
