/* SPDX-License-Identifier: MIT */

#include "config/older.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/span.h"

enum { FILE_LIMIT = 1 << 20 };

/* A file that is there without this word at the start of a line, with a value, says nothing. */
static const struct older {
	const char *path;
	const char *word; /* NULL: any line will do that is no comment */
} olds[] = {
	{ "/etc/ssmtp/ssmtp.conf", "mailhub" },
	{ "/etc/msmtprc", "host" },
	{ "/etc/nullmailer/remotes", NULL },
	{ "/etc/dma/dma.conf", "SMARTHOST" },
	{ "/etc/postfix/main.cf", "relayhost" },
};

/* "relayhost = [smtp.example.com]:587", "mailhub=mail", "host mail". */
static bool names_smarthost(struct span line, const char *word)
{
	line = span_trim(line);
	if (line.length == 0 || line.start[0] == '#')
		return false;
	if (word == NULL)
		return true;
	struct span rest = span_after(line, span_from_string(word).length);
	if (!span_starts_with_ignoring_case(line, word) || rest.length == 0 ||
	    (rest.start[0] != '=' && rest.start[0] != ' ' && rest.start[0] != '\t'))
		return false;
	rest = span_trim(rest);
	if (span_starts_with(rest, "="))
		rest = span_trim(span_after(rest, 1));
	return rest.length != 0;
}

static bool is_set_up(const char *path, const char *word)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	struct error error;
	struct span line;

	buffer_init(&text, FILE_LIMIT);
	if (file_read_whole(path, &text, &error) < 0)
		return false;
	struct span rest = buffer_span(&text);
	while (span_take_line(&rest, &line))
		if (names_smarthost(line, word))
			return true;
	return false;
}

const char *older_find(const char *root)
{
	for (size_t i = 0; i < sizeof olds / sizeof olds[0]; i++) {
		CLEANUP(memory_free_string)
		char *path = memory_format("%s%s", root, olds[i].path);

		if (is_set_up(path, olds[i].word))
			return olds[i].path;
	}
	return NULL;
}
