/* SPDX-License-Identifier: MIT */

/*
 * mailchute.conf and secrets.ini, lint, parsers and checks together.  The
 * input, cut at its first NUL: the one, then the other.  What is taken is
 * whole, and no error shows a password.
 */

#include "config/config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "config/secrets.h"
#include "tests/fuzz/fuzz.h"

/* The names of this machine are not asked for. */
static const char names[] = "identity {\n ehlo = client.example\n domain = client.example\n}\n";

static int make_file(struct span text, char path[static 40])
{
	int fd = memfd_create("settings", MFD_CLOEXEC);

	assert(fd >= 0 && file_write_all(fd, text) == 0);
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_whole(const struct config *config)
{
	assert(config->ehlo != NULL && config->domain != NULL && config->retry_count != 0);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct smarthost *smarthost = &config->smarthosts[i].parameters;

		assert(smarthost->name != NULL && smarthost->url != NULL);
		assert((smarthost->host == NULL) != (smarthost->path == NULL));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer settings = { 0 };
	CLEANUP(config_finish) struct config config = { 0 };
	CLEANUP(file_close) int settings_fd = -1;
	CLEANUP(file_close) int secrets_fd = -1;
	struct span secrets = fuzz_input(data, size);
	struct span first = fuzz_part(&secrets);
	char settings_path[40];
	char secrets_path[40];
	struct config_sources sources = { settings_path, secrets_path, "/nowhere", true };
	struct error error = { 0 };

	if (names_file(secrets))
		return 0;
	buffer_init(&settings, size + sizeof names);
	buffer_append_string(&settings, names);
	buffer_append_span(&settings, first);
	settings_fd = make_file(buffer_span(&settings), settings_path);
	secrets_fd = make_file(secrets, secrets_path);
	if (config_load(&sources, &config, &error) == 0) {
		check_whole(&config);
	} else {
		fuzz_check_error(&error);
		assert(error.kind == ERROR_CONFIG);
	}
	read_secrets(secrets_path);
	return 0;
}
