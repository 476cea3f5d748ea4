/* SPDX-License-Identifier: MIT */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "smtp/server/server.h"

void server_reply_set(
    struct server_reply *reply, int code, const char *status, const char *format, ...)
{
	struct server_reply made = { .code = code, .output = reply->output };
	va_list arguments;

	snprintf(made.status, sizeof made.status, "%s", status);
	va_start(arguments, format);
	vsnprintf(made.text, sizeof made.text, format, arguments);
	va_end(arguments);
	*reply = made;
}

/* From an enhanced status (RFC 3463) to the code that fits it best; the first match counts. */
static const struct translation {
	const char *status; /* a beginning */
	int code;
} translations[] = {
	{ "4.3.1", 452 },
	{ "4.2.2", 452 },
	{ "4.5.3", 452 },
	{ "4.7.0", 454 },
	{ "4.", 451 },
	{ "5.1.3", 553 },
	{ "5.1.7", 553 },
	{ "5.1.", 550 },
	{ "5.2.2", 552 },
	{ "5.3.1", 552 },
	{ "5.3.4", 552 },
	{ "5.5.1", 503 },
	{ "5.5.2", 501 },
	{ "5.5.4", 501 },
	{ "5.7.8", 535 },
	{ "5.7.", 550 },
	{ "5.", 554 },
};

static int code_from_status(const char *status)
{
	struct span text = span_from_string(status);

	for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++)
		if (span_starts_with(text, translations[i].status))
			return translations[i].code;
	return 451;
}

/* What has a name stays in one piece, which error_read_line reads again. */
static void write_error(const struct error *error, struct buffer *text)
{
	char line[ERROR_TEXT_SIZE + ERROR_MEANS_SIZE + ERROR_NEXT_SIZE + ERROR_MAIL_SIZE];

	if (error->code[0] != '\0') {
		error_line(error, line, sizeof line);
		reply_wrap(text, span_from_string(line));
		return;
	}
	reply_wrap(text, span_from_string(error->text));
	if (error->next[0] != '\0') {
		buffer_append_byte(text, '\n');
		reply_wrap(text, span_from_string(error->next));
	}
	if (error->mail[0] != '\0') {
		buffer_append_string(text, "\nmail: ");
		reply_wrap(text, span_from_string(error->mail));
	}
}

void server_reply_from_error(struct server_reply *reply, const struct error *error)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	bool has_status = error->status[0] == '4' || error->status[0] == '5';

	buffer_init(&text, REPLY_TEXT_SIZE - 1);
	write_error(error, &text);
	server_reply_set(reply, code_from_status(error->status),
	    has_status ? error->status : "4.3.0", "%s", buffer_string(&text));
}
