/* SPDX-License-Identifier: MIT */

/*
 * fuzz_import - what the fuzz targets of import's readers share
 *
 * The input is the first file; behind a line "=====" stands a second one, which
 * the first may name as /proc/self/fd/200.  Whatever a reader makes of it must
 * be a configuration that loads.
 */

#ifndef TESTS_FUZZ_FUZZ_IMPORT_H
#define TESTS_FUZZ_FUZZ_IMPORT_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "import/predecessor.h"
#include "import/write.h"
#include "tests/fuzz/fuzz.h"

enum { FUZZ_IMPORT_FIRST = 199, FUZZ_IMPORT_SECOND = 200 };

static inline void fuzz_import_file(int number, struct span content)
{
	int fd = memfd_create("import", 0);

	assert(fd >= 0 && dup2(fd, number) == number && close(fd) == 0);
	assert(file_write_all(number, content) == 0);
}

static inline int fuzz_import(const char *program, const uint8_t *data, size_t size)
{
	static const char separator[] = "=====\n";
	CLEANUP(plan_finish) struct plan plan = { 0 };
	const struct source_room room = { "", &plan };
	char first[] = "/proc/self/fd/199";
	char second[] = "/proc/self/fd/200";
	char *files[] = { first, second };
	struct span input = fuzz_input(data, size);
	const char *at = memmem(input.start, input.length, separator, strlen(separator));
	size_t length = at != NULL ? (size_t)(at - input.start) : input.length;
	struct error error;

	fuzz_import_file(FUZZ_IMPORT_FIRST, span_first(input, length));
	fuzz_import_file(FUZZ_IMPORT_SECOND,
	    span_after(input, at != NULL ? length + strlen(separator) : length));
	if (predecessor_find(program)->read(&room, files, 2, &error) < 0) {
		fuzz_check_error(&error);
		return 0;
	}
	for (size_t i = 0; i < plan.note_count; i++)
		assert(!span_has_control(span_from_string(plan.notes[i].text)));
	if (write_check(&plan, "fuzz", &error) < 0) {
		(void)fprintf(stderr, "%s (%s)\n", error.text, error.next);
		abort();
	}
	return 0;
}

#endif
