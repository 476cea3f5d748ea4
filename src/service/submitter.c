/* SPDX-License-Identifier: MIT */

#include "service/submitter.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
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

/* A login wins over a number: no login is all digits on a sane machine. */
static bool is_named(const struct config_list *users, const char *login, int64_t uid)
{
	char number[24];

	snprintf(number, sizeof number, "%lld", (long long)uid);
	for (size_t i = 0; i < users->count; i++) {
		const char *user = users->items[i];

		if (strcmp(user, "*") == 0)
			return true;
		if (uid >= 0 && (strcmp(user, number) == 0 || strcmp(user, login) == 0))
			return true;
	}
	return false;
}

/* users = { "a", "b", "name" } */
static void write_line(const struct config_list *users, const char *name, struct buffer *line)
{
	buffer_append_string(line, "submit { users = { ");
	for (size_t i = 0; i < users->count; i++)
		buffer_format(line, "\"%s\", ", users->items[i]);
	buffer_format(line, "\"%s\" } }", name);
}

static int refuse(const struct config *config, int64_t uid, const char *login, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	char number[24];

	buffer_init(&line, 65536);
	snprintf(number, sizeof number, "%lld", (long long)uid);
	write_line(&config->users, uid < 0 ? "*" : login[0] != '\0' ? login : number, &line);
	if (uid < 0)
		error_set(error, ERROR_NO_PERMISSION, "5.7.1",
		    "this process is of another user namespace, so its user is not known, and "
		    "submit { users } does not let everybody send mail");
	else
		error_set(error, ERROR_NO_PERMISSION, "5.7.1",
		    "uid %s%s%s%s may not send mail: submit { users } does not name it", number,
		    login[0] != '\0' ? " (" : "", login, login[0] != '\0' ? ")" : "");
	(void)error_code(error, "MC-USER-26");
	return error_next(error, "write: %s", buffer_string(&line));
}

int submitter_check(const struct config *config, int64_t uid, bool is_owner, struct error *error)
{
	/* As Postfix's postdrop has it (authorized_submit_users). */
	if (config->users.count == 0 || uid == 0 || is_owner)
		return 0;
	const struct passwd *entry = uid >= 0 ? getpwuid((uid_t)uid) : NULL;
	const char *login = entry != NULL ? entry->pw_name : "";
	if (is_named(&config->users, login, uid))
		return 0;
	return refuse(config, uid, login, error);
}
