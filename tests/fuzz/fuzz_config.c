/* SPDX-License-Identifier: MIT */

/*
 * mailchute.conf and secrets.ini, lint, parsers and checks together.  The
 * input, cut at its NULs: the one, the other, a drop-in, and a file that the
 * first includes.  What is taken is whole, every setting in it says where it
 * came from, and no error shows a password.
 */

#include "config/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/origins.h"
#include "config/secrets.h"
#include "tests/fuzz/fuzz.h"

/* The names of this machine are not asked for. */
static const char machine[] = "identity {\n ehlo = client.example\n domain = client.example\n}\n";

static char folder[] = "/dev/shm/mailchute-fuzz-XXXXXX";

static void remove_files(void)
{
	static const char *const names[] = { "mailchute.conf", "included", "secrets.ini",
		"conf.d/10.conf" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[80];

		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	char path[80];
	snprintf(path, sizeof path, "%s/conf.d", folder);
	(void)rmdir(path);
	(void)rmdir(folder);
}

static void make_folder(void)
{
	static bool is_made;
	char path[80];

	if (is_made)
		return;
	is_made = mkdtemp(folder) != NULL;
	snprintf(path, sizeof path, "%s/conf.d", folder);
	assert(is_made && mkdir(path, 0755) == 0);
	atexit(remove_files);
}

static void make_file(const char *name, struct span text, char path[static 80])
{
	snprintf(path, 80, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && file_write_all(fd, text) == 0);
	close(fd);
}

static void check_whole(const struct config *config)
{
	assert(config->ehlo != NULL && config->domain != NULL && config->retry_count != 0);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct smarthost *smarthost = &config->smarthosts[i].parameters;

		assert(smarthost->name != NULL && smarthost->url != NULL);
		assert((smarthost->host == NULL) != (smarthost->path == NULL));
	}
	for (size_t i = 0; i < config->origin_count; i++) {
		const struct config_origin *origin = &config->origins[i];

		assert(origin->where != NULL && origin->option != NULL);
		assert(config_find_origin(config, origin->block, origin->title, origin->option) !=
		       NULL);
		assert(!origin->is_set || strstr(origin->where, " line ") != NULL);
	}
	for (size_t i = 0; i < config->alias_count; i++)
		assert(config->aliases[i].name != NULL && config->aliases[i].target_count != 0);
}

static void read_secrets(const char *path)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost;
	struct error error = { 0 };

	smarthost_init(&smarthost);
	if (secrets_read(path, "main", &smarthost, &error) < 0) {
		fuzz_check_error(&error);
		assert(smarthost.password == NULL);
	}
}

/* password_file and token_file, which would be read, whatever they are. */
static bool names_file(struct span secrets)
{
	for (; secrets.length != 0; secrets = span_after(secrets, 1))
		if (span_starts_with_ignoring_case(secrets, "_file"))
			return true;
	return false;
}

struct told {
	size_t count;
	struct error first;
};

static void hear(void *context, const struct error *fault)
{
	struct told *told = context;

	fuzz_check_error(fault);
	assert(fault->kind == ERROR_CONFIG);
	if (told->count++ == 0)
		told->first = *fault;
}

static void load(const struct config_sources *sources)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct told told = { 0 };
	struct error error = { 0 };

	if (config_load_telling(sources, &config, hear, &told, &error) == 0) {
		assert(told.count == 0);
		check_whole(&config);
		return;
	}
	assert(told.count != 0 && strcmp(told.first.text, error.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer settings = { 0 };
	struct span included = fuzz_input(data, size);
	struct span first = fuzz_part(&included);
	struct span secrets = fuzz_part(&included);
	struct span drop_in = fuzz_part(&included);
	char settings_path[80];
	char secrets_path[80];
	char path[80];
	const struct config_sources sources = { settings_path, secrets_path, "/nowhere", true };

	if (names_file(secrets))
		return 0;
	make_folder();
	make_file("included", included, path);
	buffer_init(&settings, size + sizeof machine + 100);
	buffer_append_string(&settings, machine);
	buffer_format(&settings, "include(\"%s\")\n", path);
	buffer_append_span(&settings, first);
	make_file("mailchute.conf", buffer_span(&settings), settings_path);
	make_file("conf.d/10.conf", drop_in, path);
	make_file("secrets.ini", secrets, secrets_path);
	load(&sources);
	read_secrets(secrets_path);
	return 0;
}
