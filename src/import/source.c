/* SPDX-License-Identifier: MIT */

#include "import/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

enum { SOURCE_LIMIT = 4 << 20 };

static char *place_of(const struct source_room *room, const char *path)
{
	return memory_format("%s%s", room->root != NULL ? room->root : "", path);
}

bool source_exists(const struct source_room *room, const char *path)
{
	CLEANUP(memory_free_string) char *place = place_of(room, path);

	return access(place, F_OK) == 0;
}

static void begin(struct source *source, const char *path)
{
	static const char mark[] = "\xef\xbb\xbf";

	source->path = memory_copy_string(path);
	source->rest = buffer_span(&source->text);
	if (span_starts_with(source->rest, mark))
		source->rest = span_after(source->rest, strlen(mark));
	source->line = 0;
}

int source_open(
    const struct source_room *room, const char *path, struct source *source, struct error *error)
{
	CLEANUP(memory_free_string) char *place = place_of(room, path);
	/* A FIFO must not hold us up. */
	CLEANUP(file_close) int fd = open(place, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	buffer_init(&text, SOURCE_LIMIT);
	int outcome = fd < 0 ? -1 : file_read_to_end(fd, &text);
	if (outcome < 0) {
		bool is_refused = errno == EACCES;

		error_system(error, "cannot read %s", place);
		return is_refused ? error_next(error, "run mailchute import as root") : -1;
	}
	if (outcome > 0)
		return error_set(error, ERROR_DATA, "5.3.4",
		    "%s is larger than %d octets, so it is no configuration", place, SOURCE_LIMIT);
	*source = (struct source){ .text = text };
	text = (struct buffer){ 0 };
	begin(source, path);
	plan_read(room->plan, path);
	return 0;
}

void source_open_text(struct source *source, const char *path, struct span text)
{
	*source = (struct source){ 0 };
	buffer_init(&source->text, SOURCE_LIMIT);
	buffer_append_span(&source->text, text);
	begin(source, path);
}

bool source_next(struct source *source, struct span *line)
{
	if (!span_take_line(&source->rest, line))
		return false;
	ssize_t nul = span_find_byte(*line, '\0');

	if (nul >= 0)
		*line = span_first(*line, (size_t)nul);
	while (line->length != 0 && line->start[line->length - 1] == '\r')
		line->length--;
	source->line++;
	return true;
}

char *source_first_line(const struct source_room *room, const char *path)
{
	CLEANUP(source_finish) struct source source = { 0 };
	struct error error;
	struct span line;

	if (source_open(room, path, &source, &error) != 0)
		return NULL;
	while (source_next(&source, &line)) {
		line = span_trim(line);
		if (line.length != 0 && line.start[0] != '#')
			return span_copy(line);
	}
	return NULL;
}

void source_finish(struct source *source)
{
	memory_free_string(&source->path);
	buffer_finish_secret(&source->text);
	*source = (struct source){ 0 };
}
