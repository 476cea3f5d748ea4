/* SPDX-License-Identifier: MIT */

/*
 * error - what went wrong, as a value that already carries the mail's answer
 *
 * A function that can fail takes a struct error last and returns 0, or -1
 * with the whole struct filled.  Parsers return the bytes they took, 0 for
 * "not yet", -1.  Any positive return is a documented outcome.
 *
 * Does not know: mail, who reports it.
 */

#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* The numbers are those of sysexits.h. */
enum error_kind {
	ERROR_NONE = 0,
	ERROR_USAGE = 64,
	ERROR_DATA = 65,
	ERROR_NO_INPUT = 66,
	ERROR_NO_USER = 67,
	ERROR_NO_HOST = 68,
	ERROR_UNAVAILABLE = 69,
	ERROR_SOFTWARE = 70,
	ERROR_SYSTEM = 71,
	ERROR_CANNOT_CREATE = 73,
	ERROR_IO = 74,
	ERROR_NO_PERMISSION = 77,
	ERROR_CONFIG = 78,
};

enum {
	ERROR_STATUS_SIZE = 12,
	ERROR_CODE_SIZE = 16,
	ERROR_TEXT_SIZE = 881, /* with the NUL; DESIGN 6, "Texts" */
	ERROR_NEXT_SIZE = 400,
	ERROR_MEANS_SIZE = 240,
	ERROR_MAIL_SIZE = 120,
};

struct error {
	enum error_kind kind;
	char status[ERROR_STATUS_SIZE]; /* enhanced status (RFC 3463), "4.4.1" */
	char text[ERROR_TEXT_SIZE];	/* one line: what failed with whom, the server's words */
	char code[ERROR_CODE_SIZE];	/* "MC-AUTH-01", for the manual; may be empty */
	char means[ERROR_MEANS_SIZE];	/* what the server's words mean; may be empty */
	char next[ERROR_NEXT_SIZE];	/* what to do about it; may be empty */
	char mail[ERROR_MAIL_SIZE];	/* what became of the mail; may be empty */
};

/*
 * Fills the whole error and returns -1, so that it can be returned.
 * Control characters in the text become '?'; what is too long ends in "...".
 */
int error_set(struct error *error, enum error_kind kind, const char *status, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/*
 * The same for a system call that failed: kind and status follow from errno,
 * whose meaning is added to the text ("open spool: Permission denied").
 */
int error_system(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds the next step for the reader.  Returns -1, so that it can be returned. */
int error_next(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Names the failure as the manual does: "MC-AUTH-01".  Returns -1. */
int error_code(struct error *error, const char *code);

/* Adds what it means, in plain words.  Returns -1. */
int error_means(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds what became of the mail: "NOT sent".  Returns -1. */
int error_mail(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts words before the text: "line 3: " and the like.  Returns -1. */
int error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A later attempt may succeed: the status is of class 4, or there is none. */
bool error_is_temporary(const struct error *error);

/* "4.3.73" is for a file that cannot be made: what else would become of 73 on its way? */
#define ERROR_CANNOT_CREATE_DETAIL "3.73"

/* The one table from an enhanced status to sysexits (DESIGN 6). */
enum error_kind error_kind_from_status(const char *status);

/*
 * One line of less than size bytes: "CODE text; means: ...; fix: ...; mail: ...",
 * or "text; next; mail: ..." for what has no code.  What it means gives way
 * first, then the next step, then the end of the text.
 */
void error_line(const struct error *error, char *line, size_t size);

/*
 * The other way round, of a line that was kept: code, text, means, next and
 * mail.  Without a code the next step stays in the text.
 */
void error_read_line(const char *line, struct error *error);

#endif
