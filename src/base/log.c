/* SPDX-License-Identifier: MIT */

#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"

static struct {
	const char *program;
	int fd; /* -1: syslog, -2: none */
	bool has_priority_prefix;
	bool has_time;
} target = { "mailchute", STDERR_FILENO, false, false };

/* systemd puts "device:inode" of the stream that it connected us to there. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];

	if (stream == NULL || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)status.st_dev,
	    (unsigned long long)status.st_ino);
	return strcmp(stream, own) == 0;
}

/* A file that was written to before is closed: log_open may come again. */
static void aim_at(int fd, bool has_time, bool has_priority_prefix)
{
	if (target.fd > STDERR_FILENO)
		(void)close(target.fd);
	target.fd = fd;
	target.has_time = has_time;
	target.has_priority_prefix = has_priority_prefix;
}

static bool open_named(const char *to)
{
	if (strcmp(to, "stderr") == 0) {
		aim_at(STDERR_FILENO, false, stderr_is_journal());
	} else if (strcmp(to, "syslog") == 0) {
		openlog(target.program, LOG_PID, LOG_MAIL);
		aim_at(-1, false, false);
	} else if (strcmp(to, "none") == 0) {
		aim_at(-2, false, false);
	} else if (to[0] == '/') {
		int fd = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

		if (fd < 0)
			return false;
		aim_at(fd, true, false);
	} else {
		return false;
	}
	return true;
}

bool log_open(const char *program, const char *to)
{
	target.program = program;
	if (strcmp(to, "auto") != 0)
		return open_named(to);
	if (stderr_is_journal() || isatty(STDERR_FILENO) || access("/dev/log", W_OK) != 0)
		return open_named("stderr");
	return open_named("syslog");
}

int log_keep_descriptor(void)
{
	/* syslog(3) opens its socket again when it is needed. */
	if (target.fd == -1)
		closelog();
	return target.fd;
}

static void write_line(enum log_level level, const char *text)
{
	char line[2200];
	char when[40] = "";

	if (target.has_time) {
		time_t now = time(NULL);
		struct tm parts;

		if (gmtime_r(&now, &parts) != NULL)
			strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ ", &parts);
	}
	char priority[8] = "";
	if (target.has_priority_prefix)
		snprintf(priority, sizeof priority, "<%d>", (int)level);
	int length = snprintf(
	    line, sizeof line, "%s%s%s: %s\n", priority, when, target.program, text);
	if (length > 0)
		(void)!write(target.fd, line, (size_t)length);
}

void log_event(enum log_level level, const char *format, ...)
{
	char text[2001];
	va_list arguments;

	if (target.fd == -2)
		return;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	utf8_mask(text, "");
	if (target.fd == -1)
		syslog((int)level, "%s", text);
	else
		write_line(level, text);
}
