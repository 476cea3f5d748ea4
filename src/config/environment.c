/* SPDX-License-Identifier: MIT */

#include "config/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/unreadable.h"

enum { SECRET_FILE_LIMIT = 65536, ENVIRONMENT_LIMIT = 1 << 20 };

static bool is_set_id(void)
{
	return getauxval(AT_SECURE) != 0 || getuid() != geteuid() || getgid() != getegid();
}

bool environment_counts(void)
{
	if (is_set_id())
		return false;
	/* Anything but "it is not there" counts as installed. */
	return geteuid() != 0 ||
	       (access(MAILCHUTE_SYSCONFDIR "/mailchute.conf", F_OK) < 0 && errno == ENOENT);
}

bool environment_may_expand(void)
{
	return !is_set_id();
}

const char *environment_get(const char *name)
{
	const char *value = environment_counts() ? getenv(name) : NULL;

	return value != NULL && value[0] != '\0' ? value : NULL;
}

bool environment_has_own_settings(void)
{
	static const char *const names[] = { "MAILCHUTE_URL", "MAILCHUTE_URL_FILE",
		"MAILCHUTE_CONFIG", "MAILCHUTE_CONFIG_FILE", "MAILCHUTE_CAPTURE",
		"MAILCHUTE_CAPTURE_FILE" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (environment_get(names[i]) != NULL)
			return true;
	return false;
}

int environment_read_secret_file(const char *path, char **value, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer content = { 0 };
	/* Without following what an editor left behind: only "missing" is no fault. */
	CLEANUP(file_close) int fd = file_open_to_read(path);
	struct span line = { 0 };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	buffer_init(&content, SECRET_FILE_LIMIT);
	/* Room for all at once, so that no copy is left behind by growing. */
	(void)buffer_reserve(&content, SECRET_FILE_LIMIT);
	int outcome = fd < 0 ? -1 : file_read_to_end(fd, &content);
	if (outcome < 0)
		return unreadable_refuse(path, errno, true, error);
	struct span rest = span_first(buffer_span(&content), content.length);
	if (outcome > 0 || (span_take_line(&rest, &line) && span_has_control(line)))
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s does not hold one line of text, as a secret should", path);
	*value = span_copy(line);
	return 0;
}

/* Its end is cut as that of a file: a Kubernetes secret made with echo has one. */
static int take_variable(const char *name, const char *text, char **value, struct error *error)
{
	struct span rest = span_from_string(text);
	struct span line = { 0 };

	(void)span_take_line(&rest, &line);
	if (rest.length != 0 || span_has_control(line)) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s holds more than a line of text, or a control character", name);
		return error_next(error, "set it to the secret alone, on one line");
	}
	if (line.length != 0)
		*value = span_copy(line);
	return 0;
}

int environment_read_secret(const char *name, char **value, struct error *error)
{
	CLEANUP(memory_free_string) char *file_name = memory_format("%s_FILE", name);
	const char *direct = environment_get(name);
	const char *path = environment_get(file_name);
	char *content = NULL;

	if (direct != NULL && path != NULL) {
		error_set(error, ERROR_CONFIG, "5.3.5", "both %s and %s are set", name, file_name);
		return error_next(error, "unset one of them");
	}
	if (direct != NULL)
		return take_variable(name, direct, value, error);
	if (path == NULL)
		return 0;
	int outcome = environment_read_secret_file(path, &content, error);
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s names %s, which does not exist",
		    file_name, path);
	if (outcome < 0)
		return error_prefix(error, "%s: ", file_name);
	if (content[0] != '\0')
		*value = content;
	else
		memory_free_secret(&content);
	return 0;
}

bool environment_is_set_for_init(const char *name)
{
	CLEANUP(buffer_finish_secret) struct buffer content = { 0 };
	CLEANUP(file_close)
	int fd = getpid() != 1 ? open("/proc/1/environ", O_RDONLY | O_CLOEXEC) : -1;
	CLEANUP(memory_free_string) char *start = memory_format("%s=", name);
	struct span variable;

	if (fd < 0)
		return false;
	buffer_init(&content, ENVIRONMENT_LIMIT);
	if (file_read_to_end(fd, &content) < 0)
		return false;
	struct span rest = buffer_span(&content);
	while (span_take_until(&rest, '\0', &variable))
		if (span_starts_with(variable, start) && variable.length > strlen(start))
			return true;
	return false;
}

/* Its name and its parent, by "PID (NAME) STATE PARENT ..."; the name may hold any byte. */
static bool read_process(long pid, char name[static 32], long *parent)
{
	char path[40];
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct error error;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	buffer_init(&text, 4096);
	if (file_read_whole(path, &text, &error) < 0)
		return false;
	const char *line = buffer_string(&text);
	const char *start = strchr(line, '(');
	const char *end = strrchr(line, ')');
	if (start == NULL || end == NULL || end < start || strlen(end) < 4)
		return false;
	snprintf(name, 32, "%.*s", (int)(end - start - 1), start + 1);
	*parent = strtol(end + 4, NULL, 10);
	return true;
}

const char *environment_cleared_by(void)
{
	enum { GENERATIONS = 8 };
	long pid = (long)getppid();
	char name[32];

	for (int i = 0; i < GENERATIONS && pid > 0; i++) {
		if (!read_process(pid, name, &pid))
			return NULL;
		if (strncmp(name, "php-fpm", 7) == 0)
			return "PHP-FPM";
		if (strcmp(name, "cron") == 0 || strcmp(name, "crond") == 0)
			return "cron";
	}
	return NULL;
}
