/* SPDX-License-Identifier: MIT */

/*
 * replay - a main for a fuzz target: gives it each file of a folder, or each file named
 *
 * Every input lies right before an unreadable page, so that no sanitizer is
 * needed to notice who reads past its end.
 */

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/guarded.h"

enum { INPUT_LIMIT = 4 << 20 };

/* The name is told first: whoever looks at a crash wants to know. */
static int replay_file(const char *path)
{
	CLEANUP(buffer_finish) struct buffer content = { 0 };
	struct error error;

	printf("%s\n", path);
	fflush(stdout);
	buffer_init(&content, INPUT_LIMIT);
	if (file_read_whole(path, &content, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	struct span input = guarded(content.start, content.length);
	return LLVMFuzzerTestOneInput((const uint8_t *)input.start, input.length);
}

/* The number of its files, or -1. */
static int replay_folder(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	int found = 0;
	int outcome = 0;

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			char *name = memory_format("%s/%s", path, entries[i]->d_name);

			outcome |= replay_file(name);
			found++;
			free(name);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count < 0 || outcome != 0 ? -1 : found;
}

int main(int argc, char **argv)
{
	int outcome = 0;

	for (int i = 1; i < argc; i++) {
		struct stat status;
		bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
		int found = is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);

		if (found < 0 || (is_folder && found == 0)) {
			fprintf(stderr, "%s: nothing was replayed, or not all\n", argv[i]);
			outcome = 1;
		}
	}
	return outcome;
}
