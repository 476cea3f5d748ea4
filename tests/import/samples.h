/* SPDX-License-Identifier: MIT */

/*
 * samples - configurations as they are found in the world, and what must become of them
 *
 * samples/PROGRAM/NN holds the files below it as below /, and "expected": one
 * fact a line.  The facts are those of mailchute itself: the plan is written,
 * loaded by config_load and secrets_read, and what these say is compared.
 * Notes follow, with file and line.  A sample without a smarthost has
 * "error: ..." instead.
 *
 * SAMPLES_WRITE=1 in the environment writes what was found; read it before
 * you keep it.
 */

#ifndef TESTS_IMPORT_SAMPLES_H
#define TESTS_IMPORT_SAMPLES_H

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/config.h"
#include "config/secrets.h"
#include "import/predecessor.h"
#include "import/write.h"

static inline const char *samples_or_dash(const char *text)
{
	return text != NULL ? text : "-";
}

static inline void samples_add_smarthost(
    const struct config *config, const struct config_smarthost *one, struct buffer *facts)
{
	static const char *const levels[] = { "never", "if-offered", "starttls", "at-once" };
	static const char *const policies[] = { "auto", "repair", "rewrite", "keep", "reject" };
	static const char *const auths[] = { "auto", "plain", "login", "cram-md5", "scram",
		"xoauth2", "oauthbearer", "external", "none" };
	struct smarthost copy;
	struct error error;

	smarthost_copy(&one->parameters, &copy);
	int outcome = secrets_read(config->secrets_file, one->secret, &copy, &error);
	buffer_format(facts, "smarthost %s: %shost=%s port=%u tls=%s\n", copy.name,
	    copy.is_lmtp ? "lmtp " : "", samples_or_dash(copy.host != NULL ? copy.host : copy.path),
	    (unsigned)copy.port, levels[copy.tls]);
	if (outcome < 0)
		buffer_format(facts, "\tno login: %s\n",
		    strstr(error.text, ": [") != NULL ? strstr(error.text, ": [")
						      : strstr(error.text, "names"));
	else if (copy.user != NULL)
		buffer_format(
		    facts, "\tuser=%s password=%s\n", copy.user, samples_or_dash(copy.password));
	buffer_format(facts, "\tfrom=%s policy=%s auth=%s\n", samples_or_dash(copy.from),
	    policies[copy.from_policy], auths[copy.auth]);
	for (size_t i = 0; i < copy.from_allow_count; i++)
		buffer_format(facts, "\tallow=%s\n", copy.from_allow[i]);
	if (copy.ca_file != NULL)
		buffer_format(facts, "\tca_file=%s\n", copy.ca_file);
	if (copy.client_certificate != NULL)
		buffer_format(facts, "\tclient_cert=%s client_key=%s\n", copy.client_certificate,
		    samples_or_dash(copy.client_key));
	if (copy.tls_name != NULL)
		buffer_format(facts, "\ttls_name=%s\n", copy.tls_name);
	if (copy.tls_fingerprint != NULL)
		buffer_format(facts, "\ttls_fingerprint=%s\n", copy.tls_fingerprint);
	if (copy.family != 0 || copy.source != NULL)
		buffer_format(
		    facts, "\tip=%d source=%s\n", copy.family, samples_or_dash(copy.source));
	if (copy.rate != 0)
		buffer_format(
		    facts, "\trate=%u in %lld ms\n", copy.rate, (long long)copy.rate_period);
	if (copy.connections != SMARTHOST_CONNECTIONS)
		buffer_format(facts, "\tconnections=%u\n", copy.connections);
	if (copy.connect_timeout != 30000)
		buffer_format(facts, "\ttimeout=%lld ms\n", (long long)copy.connect_timeout);
	smarthost_finish(&copy);
}

static inline void samples_add_list(
    const char *name, const struct config_list *list, struct buffer *facts)
{
	for (size_t i = 0; i < list->count; i++)
		buffer_format(facts, " %s=%s", name, list->items[i]);
}

static inline void samples_add_routes(const struct config *config, struct buffer *facts)
{
	for (size_t i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];

		buffer_format(facts, "route %s:", route->title);
		samples_add_list("from", &route->from, facts);
		samples_add_list("to", &route->to, facts);
		for (size_t j = 0; j < route->uid_count; j++)
			buffer_format(facts, " uid=%lld", (long long)route->uids[j]);
		for (size_t j = 0; j < route->via_count; j++)
			buffer_format(facts, " via=%s", route->via[j].smarthost);
		buffer_append_byte(facts, '\n');
	}
	for (size_t i = 0; i < config->alias_count; i++) {
		buffer_format(facts, "alias %s:", config->aliases[i].name);
		for (size_t j = 0; j < config->aliases[i].target_count; j++)
			buffer_format(facts, " %s", config->aliases[i].targets[j]);
		buffer_append_byte(facts, '\n');
	}
}

/* What is not of a smarthost, a route or an alias, as the plan has it. */
static inline void samples_add_rest(const struct plan *plan, struct buffer *facts)
{
	for (size_t i = 0; i < plan->block_count; i++) {
		const struct plan_block *block = plan->blocks[i];

		if (block->title != NULL)
			continue;
		for (size_t j = 0; j < block->count; j++)
			buffer_format(facts, "%s%s%s=%s\n", block->kind,
			    block->kind[0] != '\0' ? "." : "", block->options[j].name,
			    block->options[j].values[0]);
	}
	for (size_t i = 0; i < plan->note_count; i++)
		buffer_format(facts, "%s %s:%d: %s\n",
		    plan->notes[i].kind == PLAN_LOST ? "lost" : "changed", plan->notes[i].file,
		    plan->notes[i].line, plan->notes[i].text);
}

/* No password in what people see. */
static inline void samples_check_shown(const struct plan *plan)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, 1 << 20);
	write_settings(plan, "about", &text);
	write_shown_secrets(plan, &text);
	for (size_t i = 0; i < plan->note_count; i++)
		buffer_append_string(&text, plan->notes[i].text);
	for (size_t i = 0; i < plan->login_count; i++) {
		const char *password = plan->logins[i]->password;

		/* Postmark's is the user, too. */
		if (password != NULL && strcmp(password, plan->logins[i]->user) != 0 &&
		    strstr(buffer_string(&text), password) != NULL)
			fail_msg("the password \"%s\" is shown", password);
	}
}

static inline void samples_remove(const char *directory)
{
	DIR *open = opendir(directory);

	assert_non_null(open);
	for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
		CLEANUP(memory_free_string)
		char *path = memory_format("%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			(void)unlink(path);
	}
	closedir(open);
	assert_int_equal(rmdir(directory), 0);
}

/* Writes the plan, loads it, and says what was loaded. */
static inline void samples_load(const struct plan *plan, struct buffer *facts)
{
	char directory[] = "/tmp/mailchute-samples-XXXXXX";
	struct write_outcome outcome CLEANUP(write_finish) = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	struct error error;

	assert_non_null(mkdtemp(directory));
	CLEANUP(memory_free_string)
	char *settings = memory_format("%s/mailchute.conf", directory);
	CLEANUP(memory_free_string) char *secrets = memory_format("%s/secrets.ini", directory);
	const struct write_request request = { settings, secrets, "about", false };
	const struct config_sources sources = { .main_file = settings,
		.secrets_file = secrets,
		.run_secrets = "/nonexistent",
		.ignores_environment = true };

	if (write_files(plan, &request, &outcome, &error) < 0)
		fail_msg("%s (%s)", error.text, error.next);
	if (config_load(&sources, &config, &error) < 0)
		fail_msg("%s (%s)", error.text, error.next);
	for (size_t i = 0; i < config.smarthost_count; i++)
		samples_add_smarthost(&config, &config.smarthosts[i], facts);
	samples_add_routes(&config, facts);
	samples_remove(directory);
}

static inline void samples_check_one(const char *program, const char *number)
{
	CLEANUP(memory_free_string)
	char *root = memory_format("import/samples/%s/%s", program, number);
	CLEANUP(memory_free_string) char *path = memory_format("%s/expected", root);
	CLEANUP(memory_free_string) char *variables = memory_format("%s/.env", root);
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(buffer_finish) struct buffer facts = { 0 };
	CLEANUP(buffer_finish) struct buffer expected = { 0 };
	const struct source_room room = { root, &plan };
	char *file = memory_copy_string("/.env");
	struct error error;
	bool has_variables = access(variables, F_OK) == 0;

	buffer_init(&facts, 1 << 20);
	buffer_init(&expected, 1 << 20);
	if (predecessor_find(program)->read(&room, &file, has_variables ? 1 : 0, &error) < 0) {
		buffer_format(&facts, "error: %s\n", error.text);
	} else {
		samples_check_shown(&plan);
		if (plan_count(&plan, "smarthost") != 0)
			samples_load(&plan, &facts);
	}
	samples_add_rest(&plan, &facts);
	free(file);
	if (getenv("SAMPLES_WRITE") != NULL) {
		FILE *out = fopen(path, "w");
		assert_non_null(out);
		fputs(buffer_string(&facts), out);
		fclose(out);
	}
	if (file_read_whole(path, &expected, &error) < 0)
		fail_msg("%s", error.text);
	if (strcmp(buffer_string(&facts), buffer_string(&expected)) != 0)
		fail_msg("%s/%s\n--- expected\n%s--- found\n%s", program, number,
		    buffer_string(&expected), buffer_string(&facts));
}

static inline int samples_is_number(const struct dirent *entry)
{
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
}

/* Every sample of a program, and there are at least so many. */
static inline void samples_check(const char *program, int least)
{
	CLEANUP(memory_free_string) char *directory = memory_format("import/samples/%s", program);
	struct dirent **entries;
	int count = scandir(directory, &entries, samples_is_number, alphasort);

	setenv("HOME", "/home/me", 1);
	assert_true(count >= least);
	for (int i = 0; i < count; i++) {
		samples_check_one(program, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

#endif
