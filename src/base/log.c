/* SPDX-License-Identifier: MIT */

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log_line.h"
#include "base/log_target.h"
#include "base/memory.h"
#include "base/utf8.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"

enum { TEXT_SIZE = 2001, LINE_LIMIT = 16384 };

enum form { FORM_PLAIN, FORM_PRIORITY, FORM_DATED, FORM_SYSLOG, FORM_JOURNAL };

static struct {
	const char *program;
	char host[65];
	struct log_target target;
	enum form form;
	bool is_json;
	bool spares_stderr;
	bool has_complained;
	uint64_t lost; /* lines */
} state = {
	.program = "mailchute",
	.target = { .kind = LOG_TARGET_STDERR, .fd = STDERR_FILENO },
};

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

/* Once, until the log takes lines again. */
static void complain(const char *what)
{
	struct log_target place = { .kind = LOG_TARGET_STDERR, .fd = STDERR_FILENO };
	int reason = errno;
	char line[600];

	if (state.has_complained || state.spares_stderr)
		return;
	state.has_complained = true;
	int length = snprintf(line, sizeof line,
	    "%s: the log %s cannot be written: %s; mail goes on without it\n", state.program, what,
	    strerror(reason));
	if (length > 0 && (size_t)length < sizeof line)
		(void)log_target_put(&place, span_from_bytes(line, (size_t)length));
}

static void aim_at(struct log_target *target, enum form form)
{
	log_target_finish(&state.target);
	state.target = *target;
	state.form = form;
	state.has_complained = false;
	state.lost = 0;
}

static bool open_file(const char *path)
{
	struct log_target target;

	if (log_target_open(&target, LOG_TARGET_FILE, path) < 0) {
		complain(path);
		log_target_finish(&target);
		return false;
	}
	aim_at(&target, FORM_DATED);
	return true;
}

/* Nobody may listen there yet; each line looks. */
static bool open_socket(const char *path, enum form form)
{
	struct log_target target;

	(void)log_target_open(&target, LOG_TARGET_SOCKET, path);
	aim_at(&target, form);
	return true;
}

static bool open_plain(enum log_target_kind kind, enum form form)
{
	struct log_target target;

	(void)log_target_open(&target, kind, NULL);
	aim_at(&target, form);
	return true;
}

static bool open_stderr(void)
{
	return open_plain(LOG_TARGET_STDERR, stderr_is_journal() ? FORM_PRIORITY : FORM_PLAIN);
}

static bool open_auto(void)
{
	if (isatty(STDERR_FILENO) && !state.spares_stderr)
		return open_stderr();
	if (access(JOURNAL_SOCKET, W_OK) == 0)
		return open_socket(JOURNAL_SOCKET, FORM_JOURNAL);
	if (access(SYSLOG_SOCKET, W_OK) == 0 && (state.spares_stderr || !stderr_is_journal()))
		return open_socket(SYSLOG_SOCKET, FORM_SYSLOG);
	if (state.spares_stderr)
		return open_plain(LOG_TARGET_NONE, FORM_PLAIN);
	return open_stderr();
}

bool log_open(const char *program, const char *to)
{
	state.program = program;
	if (gethostname(state.host, sizeof state.host - 1) < 0 || state.host[0] == '\0')
		snprintf(state.host, sizeof state.host, "localhost");
	if (to[0] == '/')
		return open_file(to);
	if (strcmp(to, "auto") == 0)
		return open_auto();
	if (strcmp(to, "journal") == 0)
		return open_socket(JOURNAL_SOCKET, FORM_JOURNAL);
	if (strcmp(to, "syslog") == 0)
		return open_socket(SYSLOG_SOCKET, FORM_SYSLOG);
	if (strcmp(to, "stderr") == 0)
		return state.spares_stderr ? open_auto() : open_stderr();
	if (strcmp(to, "none") == 0)
		return open_plain(LOG_TARGET_NONE, FORM_PLAIN);
	return false;
}

void log_set_json(bool is_json)
{
	state.is_json = is_json;
}

bool log_is_json(void)
{
	return state.is_json;
}

void log_spare_stderr(void)
{
	state.spares_stderr = true;
}

/* Not one that was there before: it may be anybody's, by a link in a folder of that other. */
void log_give_to(uid_t uid, gid_t gid)
{
	struct stat status;

	if (state.target.kind != LOG_TARGET_FILE || fstat(state.target.fd, &status) < 0)
		return;
	if (S_ISREG(status.st_mode) && status.st_size == 0 && status.st_nlink == 1 &&
	    status.st_uid == geteuid())
		(void)!fchown(state.target.fd, uid, gid);
}

int log_keep_descriptor(void)
{
	return state.target.fd;
}

/* ---- lines ---- */

static void format_line(const struct log_line *line, struct buffer *out)
{
	switch (state.form) {
	case FORM_PLAIN:
	case FORM_PRIORITY:
		log_line_plain(line, state.form == FORM_PRIORITY, out);
		break;
	case FORM_DATED:
		log_line_dated(line, out);
		break;
	case FORM_SYSLOG:
		log_line_syslog(line, out);
		break;
	case FORM_JOURNAL:
		log_line_journal(line, out);
		break;
	}
}

static struct log_line new_line(enum log_level level, const struct log_about *about)
{
	return (struct log_line){
		.level = (int)level,
		.program = state.program,
		.part = about != NULL ? about->part : NULL,
		.host = state.host,
		.pid = getpid(),
		.wall = clock_wall(),
		.queue_id = about != NULL ? about->queue_id : NULL,
	};
}

static int put(const struct log_line *line)
{
	struct buffer out CLEANUP(buffer_finish) = { 0 };

	buffer_init(&out, LINE_LIMIT);
	format_line(line, &out);
	return log_target_put(&state.target, buffer_span(&out));
}

static void put_text(enum log_level level, const struct log_about *about, char *text);

/* The line that was taken is the first after those that were not. */
static void tell_lost(void)
{
	char text[100];
	uint64_t count = state.lost;

	state.lost = 0;
	state.has_complained = false;
	snprintf(text, sizeof text, "the log has lost the %llu lines before the last one",
	    (unsigned long long)count);
	put_text(LOG_LEVEL_WARNING, NULL, text);
}

static void put_or_lose(const struct log_line *line)
{
	if (put(line) == 0) {
		if (state.lost != 0)
			tell_lost();
		return;
	}
	state.lost++;
	if (state.target.path != NULL)
		complain(state.target.path);
}

void log_json(
    enum log_level level, const char *event, const char *queue_id, const struct buffer *members)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	const struct log_about about = { .queue_id = queue_id };
	struct log_line line = new_line(level, &about);
	struct buffer all CLEANUP(buffer_finish) = { 0 };
	struct buffer object CLEANUP(buffer_finish) = { 0 };
	char when[LOG_LINE_TIME_SIZE];

	log_line_time(line.wall, when);
	buffer_init(&all, LINE_LIMIT);
	json_string(&all, "time", span_from_string(when));
	json_string(&all, "level", span_from_string(names[level]));
	json_string(&all, "program", span_from_string(state.program));
	json_number(&all, "pid", line.pid);
	json_string(&all, "event", span_from_string(event));
	if (queue_id != NULL)
		json_string(&all, "id", span_from_string(queue_id));
	buffer_init(&object, LINE_LIMIT);
	buffer_append_byte(&object, '{');
	buffer_append_span(&object, buffer_span(&all));
	if (members->length != 0)
		buffer_append_byte(&object, ',');
	buffer_append_span(&object, buffer_span(members));
	buffer_append_byte(&object, '}');
	line.text = buffer_span(&object);
	line.is_json = true;
	put_or_lose(&line);
}

static void put_text(enum log_level level, const struct log_about *about, char *text)
{
	struct buffer members CLEANUP(buffer_finish) = { 0 };
	struct log_line line = new_line(level, about);

	if (state.is_json) {
		buffer_init(&members, LINE_LIMIT);
		json_string(&members, "text", span_from_string(text));
		log_json(level, "note", line.queue_id, &members);
		return;
	}
	utf8_mask(text, "");
	line.text = span_from_string(text);
	put_or_lose(&line);
}

void log_event(enum log_level level, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	if (state.target.kind == LOG_TARGET_NONE)
		return;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length >= 0)
		put_text(level, NULL, text);
}

__attribute__((format(printf, 3, 0))) static void put_about(
    enum log_level level, const struct log_about *about, const char *format, va_list arguments)
{
	char text[TEXT_SIZE];
	size_t begin = 0;

	if (state.target.kind == LOG_TARGET_NONE)
		return;
	/* An object names it in a member of its own. */
	if (about->queue_id != NULL && !state.is_json)
		begin = (size_t)snprintf(text, 200, "%.190s: ", about->queue_id);
	if (vsnprintf(text + begin, sizeof text - begin, format, arguments) >= 0)
		put_text(level, about, text);
}

void log_text(enum log_level level, const struct log_about *about, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_about(level, about, format, arguments);
	va_end(arguments);
}

void log_message(enum log_level level, const char *queue_id, const char *format, ...)
{
	const struct log_about about = { .queue_id = queue_id };
	va_list arguments;

	va_start(arguments, format);
	put_about(level, &about, format, arguments);
	va_end(arguments);
}
