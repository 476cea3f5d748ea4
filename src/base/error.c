/* SPDX-License-Identifier: MIT */

#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Text from outside must never break the line or drive the terminal. */
static void mask_controls(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void format_limited(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void format_limited(char *text, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(text, size, format, arguments);

	if (length < 0)
		text[0] = '\0';
	else if ((size_t)length >= size)
		memcpy(text + size - 4, "...", 4);
	mask_controls(text);
}

int error_set(
    struct error *error, enum error_kind kind, const char *status, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	/* The arguments may point into *error, so it is cleared last. */
	va_start(arguments, format);
	format_limited(text, sizeof text, format, arguments);
	va_end(arguments);

	char copy[ERROR_STATUS_SIZE];
	snprintf(copy, sizeof copy, "%s", status);
	memset(error, 0, sizeof *error);
	error->kind = kind;
	memcpy(error->status, copy, sizeof copy);
	memcpy(error->text, text, sizeof text);
	return -1;
}

static const struct meaning {
	int number;
	enum error_kind kind;
	const char *status;
} meanings[] = {
	{ ENOSPC, ERROR_CANNOT_CREATE, "4.3.1" },
	{ EDQUOT, ERROR_CANNOT_CREATE, "4.3.1" },
	{ EROFS, ERROR_CANNOT_CREATE, "4.3.0" },
	{ EFBIG, ERROR_CANNOT_CREATE, "4.3.1" },
	{ EIO, ERROR_IO, "4.3.0" },
	{ EACCES, ERROR_NO_PERMISSION, "4.3.0" },
	{ EPERM, ERROR_NO_PERMISSION, "4.3.0" },
	{ ECONNREFUSED, ERROR_UNAVAILABLE, "4.4.1" },
	{ ECONNRESET, ERROR_UNAVAILABLE, "4.4.2" },
	{ EPIPE, ERROR_UNAVAILABLE, "4.4.2" },
	{ ETIMEDOUT, ERROR_UNAVAILABLE, "4.4.1" },
	{ EHOSTUNREACH, ERROR_UNAVAILABLE, "4.4.1" },
	{ ENETUNREACH, ERROR_UNAVAILABLE, "4.4.1" },
};

int error_system(struct error *error, const char *format, ...)
{
	int number = errno;
	struct meaning meaning = { number, ERROR_SYSTEM, "4.3.0" };
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (meanings[i].number == number)
			meaning = meanings[i];

	va_start(arguments, format);
	format_limited(text, sizeof text, format, arguments);
	va_end(arguments);
	return error_set(error, meaning.kind, meaning.status, "%s: %s", text, strerror(number));
}

/* The arguments may point into the part itself. */
static void set_part(char *part, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void set_part(char *part, size_t size, const char *format, va_list arguments)
{
	char text[ERROR_TEXT_SIZE] = { 0 };

	assert(size <= sizeof text);
	format_limited(text, size, format, arguments);
	memcpy(part, text, size);
}

int error_next(struct error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_part(error->next, sizeof error->next, format, arguments);
	va_end(arguments);
	return -1;
}

int error_code(struct error *error, const char *code)
{
	snprintf(error->code, sizeof error->code, "%s", code);
	return -1;
}

int error_means(struct error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_part(error->means, sizeof error->means, format, arguments);
	va_end(arguments);
	return -1;
}

int error_mail(struct error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_part(error->mail, sizeof error->mail, format, arguments);
	va_end(arguments);
	return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
	char prefix[ERROR_TEXT_SIZE];
	char text[2 * ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_limited(prefix, sizeof prefix, format, arguments);
	va_end(arguments);
	snprintf(text, sizeof text, "%s%s", prefix, error->text);
	if (strlen(text) >= ERROR_TEXT_SIZE)
		memcpy(text + ERROR_TEXT_SIZE - 4, "...", 4);
	memcpy(error->text, text, ERROR_TEXT_SIZE);
	return -1;
}

bool error_is_temporary(const struct error *error)
{
	return error->status[0] != '5';
}

static const struct translation {
	const char *tail; /* after the class; a trailing dot matches any detail */
	enum error_kind kind;
} permanent[] = {
	{ "1.1", ERROR_NO_USER },
	{ "1.3", ERROR_NO_USER },
	{ "1.2", ERROR_NO_HOST },
	{ "3.4", ERROR_DATA },
	{ "6.", ERROR_DATA },
	{ "5.", ERROR_USAGE },
	{ "7.", ERROR_NO_PERMISSION },
};

enum error_kind error_kind_from_status(const char *status)
{
	if (strlen(status) < 5)
		return ERROR_SOFTWARE;
	if (strcmp(status + 2, "3.5") == 0)
		return ERROR_CONFIG;
	/* Our own, of RFC 3463's mail systems: no server knows more than nine. */
	if (strcmp(status + 2, ERROR_CANNOT_CREATE_DETAIL) == 0)
		return ERROR_CANNOT_CREATE;
	if (status[0] == '4')
		return ERROR_UNAVAILABLE;
	for (size_t i = 0; status[0] == '5' && i < sizeof permanent / sizeof permanent[0]; i++) {
		const char *tail = permanent[i].tail;
		size_t length = strlen(tail);

		if (tail[length - 1] == '.' ? strncmp(status + 2, tail, length) == 0
					    : strcmp(status + 2, tail) == 0)
			return permanent[i].kind;
	}
	return ERROR_SOFTWARE;
}

/* Of a line; only what has a code is labelled, so that it can be read again. */
static const char means_label[] = "; means: ";
static const char next_label[] = "; fix: ";
static const char mail_label[] = "; mail: ";
static const char plain_label[] = "; ";

/* Octets of a part with its label; none of one that is empty. */
static size_t part_length(const char *label, const char *part)
{
	return part[0] != '\0' ? strlen(label) + strlen(part) : 0;
}

static size_t add_part(char *line, size_t length, size_t size, const char *label, const char *part)
{
	if (part[0] == '\0')
		return length;
	int written = snprintf(line + length, size - length, "%s%s", label, part);
	return length + (size_t)written < size ? length + (size_t)written : size - 1;
}

/* As much of code and text as there is room for. */
static size_t begin_line(const struct error *error, char *line, size_t room)
{
	int written = snprintf(
	    line, room, "%s%s%s", error->code, error->code[0] != '\0' ? " " : "", error->text);

	if ((size_t)written < room)
		return (size_t)written;
	if (room > 8)
		memcpy(line + room - 4, "...", 4);
	return room - 1;
}

void error_line(const struct error *error, char *line, size_t size)
{
	bool has_code = error->code[0] != '\0';
	const char *before_means = has_code ? means_label : plain_label;
	const char *before_next = has_code ? next_label : plain_label;
	size_t mail = part_length(mail_label, error->mail);
	size_t length = begin_line(error, line, mail < size / 2 ? size - mail : size);
	size_t next = part_length(before_next, error->next);

	if (length + part_length(before_means, error->means) + next + mail < size)
		length = add_part(line, length, size, before_means, error->means);
	if (length + next + mail < size)
		length = add_part(line, length, size, before_next, error->next);
	(void)add_part(line, length, size, mail_label, error->mail);
}

/* What stands behind the last of this label in line is cut off and copied; "" without it. */
static void take_part(char *line, const char *label, char *part, size_t size)
{
	char *found = NULL;

	for (char *p = strstr(line, label); p != NULL; p = strstr(p + 1, label))
		found = p;
	if (found == NULL)
		return;
	snprintf(part, size, "%s", found + strlen(label));
	*found = '\0';
}

void error_read_line(const char *line, struct error *error)
{
	struct error read = { 0 };
	char rest[ERROR_TEXT_SIZE + ERROR_MEANS_SIZE + ERROR_NEXT_SIZE + ERROR_MAIL_SIZE];

	snprintf(rest, sizeof rest, "%s", line);
	size_t code = strcspn(rest, " ");
	take_part(rest, mail_label, read.mail, sizeof read.mail);
	if (strncmp(rest, "MC-", 3) == 0 && rest[code] == ' ' && code < sizeof read.code) {
		memcpy(read.code, rest, code);
		memmove(rest, rest + code + 1, strlen(rest + code + 1) + 1);
		take_part(rest, next_label, read.next, sizeof read.next);
		take_part(rest, means_label, read.means, sizeof read.means);
	}
	(void)error_prefix(&read, "%s", rest);
	*error = read;
}
