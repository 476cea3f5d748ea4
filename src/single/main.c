/* SPDX-License-Identifier: MIT */

/*
 * Both programs in one file, for images that hold nothing else: sendmail,
 * mailq, newaliases and mailchute by the name that it is called by.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#ifdef __GLIBC__
#include <nss.h>
#endif

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

#ifdef __GLIBC__

/*
 * What nsswitch.conf names beside these would be loaded at run time, and is made
 * for the shared libc: systemd's module ends a static program that asks for a
 * uid without a name.
 */
static void use_built_in_lookups(void)
{
	static const char *const tables[][2] = {
		{ "passwd", "files" },
		{ "group", "files" },
		{ "initgroups", "files" },
		{ "hosts", "files dns" },
		{ "services", "files" },
		{ "protocols", "files" },
		{ "networks", "files" },
	};

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		int result = __nss_configure_lookup(tables[i][0], tables[i][1]);

		assert(result == 0);
	}
}

#else

static void use_built_in_lookups(void)
{
}

#endif

int main(int argc, char **argv)
{
	use_built_in_lookups();
	if (argc > 0 && is_sendmail(argv[0]))
		return personality_run(argc, argv);
	/* Where there are no links, and none can be made: mailchute sendmail -t. */
	if (argc > 1 && strcmp(argv[1], "sendmail") == 0)
		return personality_run(argc - 1, argv + 1);
	return commands_run(argc, argv);
}
