/* SPDX-License-Identifier: MIT */

/*
 * log - one event, one line, to where this program's operator looks
 *
 * Programs log, libraries return errors.  The only changing file-scope state
 * of the whole program lives in log.c.  A log that fails, is full or hangs
 * never fails mail and never delays it: the line is lost, which is said once on
 * stderr, and once in the log when it takes lines again.
 */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/*
 * to: "auto" (stderr when it is a terminal, else the journal, else syslog, else
 * stderr), "journal", "stderr", "syslog", "none", or a file's absolute path.
 * Anything else is false, and nothing is changed.  So it is, once that has been
 * said on stderr, with a file that cannot be opened.  A file that was there
 * before is opened anew: it may have been moved away by who rotates logs.
 */
bool log_open(const char *program, const char *to);

/* Each line is an object of JSON from now on, or text again. */
void log_set_json(bool is_json);
bool log_is_json(void);

/*
 * Our stderr is a caller's, who takes every word there for a failure: it is
 * never our log, and who asks for it there gets what "auto" finds, or none.
 */
void log_spare_stderr(void);

/*
 * Root is about to become another: a file that it has just made belongs to that
 * one, who will have to open it again.
 */
void log_give_to(uid_t uid, gid_t gid);

/*
 * In a forked child that is about to close what it inherited: the descriptor
 * that must stay open for the log, or -1.
 */
int log_keep_descriptor(void);

/* Control characters are masked; a line is cut at 2000 bytes. */
void log_event(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Which message a line is about, and whose part in its life speaks (log_line.h); or NULL. */
struct log_about {
	const char *queue_id;
	const char *part;
};

/* The same, and the text begins with the queue ID where there is one. */
void log_text(enum log_level level, const struct log_about *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* About one message, without a part. */
void log_message(enum log_level level, const char *queue_id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * An event as an object; members are those of json.h behind the ones that every
 * line has (time, level, program, pid, event, id).
 */
void log_json(
    enum log_level level, const char *event, const char *queue_id, const struct buffer *members);

#endif
