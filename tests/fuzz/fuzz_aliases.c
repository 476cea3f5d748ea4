/* SPDX-License-Identifier: MIT */

/* An aliases file. */

#include "policy/aliases.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "message/address.h"
#include "tests/fuzz/fuzz.h"

static void check_target(const char *target)
{
	struct error error;

	/* "\name" ends: no alias is asked for it. */
	if (target[0] == '\\')
		target++;
	assert(target[0] != '\0' && target[0] != '|' && target[0] != '/' && target[0] != ':');
	assert(address_check(span_from_string(target), &error) == 0);
}

static void check_entries(const struct aliases *aliases)
{
	for (size_t i = 0; i < aliases->count; i++) {
		const struct alias *entry = &aliases->entries[i];

		assert(entry->name[0] != '\0' && entry->target_count != 0);
		assert(!span_has_control(span_from_string(entry->name)));
		assert(aliases_find(aliases, span_from_string(entry->name)) == entry);
		for (size_t j = 0; j < entry->target_count; j++)
			check_target(entry->targets[j]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(file_close) int fd = memfd_create("aliases", MFD_CLOEXEC);
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	struct config config = { 0 };
	struct error error;
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	config.aliases_file = path;
	assert(fd >= 0 && file_write_all(fd, fuzz_input(data, size)) == 0);
	assert(aliases_load(&aliases, &config, &error) == 0);
	check_entries(&aliases);
	return 0;
}
