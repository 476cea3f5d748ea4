/* SPDX-License-Identifier: MIT */

/*
 * An aliases file, and after a NUL a list that it may include: the octet 0x01
 * stands for ":include:" and the path of that list in both.
 */

#include "policy/aliases.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "message/address.h"
#include "policy/expand.h"
#include "policy/targets.h"
#include "tests/fuzz/fuzz.h"

enum { NAMES = 20 }; /* looked up of one file */

static char folder[] = "/tmp/mailchute-fuzz-XXXXXX";
static char aliases_path[64];
static char list_path[64];

static void remove_files(void)
{
	(void)unlink(aliases_path);
	(void)unlink(list_path);
	(void)rmdir(folder);
}

static void make_files(void)
{
	if (aliases_path[0] != '\0')
		return;
	(void)umask(022);
	assert(mkdtemp(folder) != NULL);
	snprintf(aliases_path, sizeof aliases_path, "%s/aliases", folder);
	snprintf(list_path, sizeof list_path, "%s/list", folder);
	assert(atexit(remove_files) == 0);
}

static void write_part(const char *path, struct span part)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	FILE *file = fopen(path, "w");

	buffer_init(&text, 8 << 20);
	for (size_t i = 0; i < part.length; i++)
		if (part.start[i] == '\x01')
			buffer_format(&text, ":include:%s", list_path);
		else
			buffer_append_byte(&text, part.start[i]);
	assert(file != NULL);
	assert(fwrite(buffer_string(&text), 1, text.length, file) == text.length);
	fclose(file);
}

static void check_target(const char *target)
{
	const char *path = targets_list_path(target);
	struct error error;

	if (path != NULL) {
		assert(path[0] == '/' && !span_has_control(span_from_string(path)));
		return;
	}
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

static void see_step(void *context, const struct expand_step *step)
{
	(void)context;
	assert(step->alias == NULL || (step->result == NULL && step->words == NULL));
	assert(step->words == NULL || !span_has_control(span_from_string(step->words)));
}

static void look_up(const struct config *config, const struct aliases *aliases, const char *name)
{
	struct envelope given CLEANUP(envelope_finish) = { 0 };
	struct envelope expanded CLEANUP(envelope_finish) = { 0 };
	struct envelope shown CLEANUP(envelope_finish) = { 0 };
	struct expand_host host CLEANUP(expand_host_finish) = { 0 };
	const struct expand_witness witness = { see_step, NULL };
	struct error error;

	assert(envelope_set_sender(&given, span_from_string("s@x.example"), &error) == 0);
	if (envelope_add_recipient(&given, span_from_string(name), (struct span){ 0 }, 0, &error) <
	    0)
		return;
	if (expand_envelope_before(config, aliases, &given, &witness, &expanded, &error) < 0) {
		fuzz_check_error(&error);
		return;
	}
	/* Nobody's mail is lost. */
	assert(expanded.recipient_count != 0 && expanded.sender[0] != '\0');
	for (size_t i = 0; i < expanded.recipient_count; i++)
		assert(!address_is_bare(span_from_string(expanded.recipients[i].address)));
	if (expand_for_header(config, aliases, &host, name, &shown))
		assert(shown.recipient_count == expanded.recipient_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char domain[] = "d.example";
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	struct config config = { .domain = domain };
	struct span input = fuzz_input(data, size);
	struct error error;

	make_files();
	config.aliases_file = aliases_path;
	write_part(aliases_path, fuzz_part(&input));
	write_part(list_path, input);
	assert(aliases_load(&aliases, &config, &error) == 0);
	check_entries(&aliases);
	for (size_t i = 0; i < aliases.count && i < NAMES; i++)
		look_up(&config, &aliases, aliases.entries[i].name);
	return 0;
}
