/* SPDX-License-Identifier: MIT */

/*
 * Both programs in one file, for images that hold nothing else: sendmail,
 * mailq, newaliases and mailchute by the name that it is called by.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "admin/commands.h"
#include "sendmail/personality.h"

static bool is_sendmail(const char *path)
{
	static const char *const names[] = { "sendmail", "mailq", "newaliases" };
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	if (argc > 0 && is_sendmail(argv[0]))
		return personality_run(argc, argv);
	/* Where there are no links, and none can be made: mailchute sendmail -t. */
	if (argc > 1 && strcmp(argv[1], "sendmail") == 0)
		return personality_run(argc - 1, argv + 1);
	return commands_run(argc, argv);
}
