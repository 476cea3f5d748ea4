/* SPDX-License-Identifier: MIT */

/*
 * log - one event, one line, to where this program's operator looks
 *
 * Programs log, libraries return errors.  The only changing file-scope state
 * of the whole program lives in log.c.  A log that fails never fails mail.
 */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/*
 * to: "auto" (stderr when it is the journal's own or a terminal, else syslog
 * where /dev/log exists, else stderr), "stderr", "syslog", "none", or a
 * file's absolute path.  Anything else is false, and nothing is changed.
 */
bool log_open(const char *program, const char *to);

/*
 * In a forked child that is about to close what it inherited: the descriptor
 * that must stay open for the log, or -1.
 */
int log_keep_descriptor(void);

/* Control characters are masked; a line is cut at 2000 bytes. */
void log_event(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
