/* SPDX-License-Identifier: MIT */

#include "service/submitter.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "policy/complete.h"

/* Up to the first comma of GECOS stands the name; one that is unfit is left out. */
static void take_full_name(const struct passwd *entry, char *full_name, size_t size)
{
	size_t length = strcspn(entry->pw_gecos, ",");

	if (length < size && !span_has_control(span_from_bytes(entry->pw_gecos, length)))
		snprintf(full_name, size, "%.*s", (int)length, entry->pw_gecos);
}

char *submitter_address(const struct config *config, int64_t uid, char *full_name, size_t size)
{
	const struct passwd *entry = uid >= 0 ? getpwuid((uid_t)uid) : NULL;
	char name[64];

	if (entry == NULL) {
		snprintf(name, sizeof name, uid >= 0 ? "uid-%lld" : "nobody", (long long)uid);
		return complete_address(config, name);
	}
	if (full_name != NULL && full_name[0] == '\0' && entry->pw_gecos != NULL)
		take_full_name(entry, full_name, size);
	return complete_address(config, entry->pw_name);
}
