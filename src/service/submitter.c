/* SPDX-License-Identifier: MIT */

#include "service/submitter.h"

#include <pwd.h>
#include <stdio.h>

#include "policy/complete.h"

char *submitter_address(const struct config *config, int64_t uid, char *full_name, size_t size)
{
	const struct passwd *entry = uid >= 0 ? getpwuid((uid_t)uid) : NULL;
	char name[64];

	if (entry == NULL) {
		snprintf(name, sizeof name, uid >= 0 ? "uid-%lld" : "nobody", (long long)uid);
		return complete_address(config, name);
	}
	if (full_name != NULL && full_name[0] == '\0' && entry->pw_gecos != NULL)
		complete_full_name(entry->pw_gecos, entry->pw_name, full_name, size);
	return complete_address(config, entry->pw_name);
}
