/* SPDX-License-Identifier: MIT */

#include "config/blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/alias_list.h"
#include "config/block.h"
#include "config/limits_block.h"
#include "config/lint.h"
#include "config/log_block.h"
#include "config/route_block.h"
#include "config/smarthost_block.h"

static int check_ehlo(const struct check_place *place, const char *text, struct error *error)
{
	return strcmp(text, "auto") == 0 ? 0 : check_domain(place, text, true, error);
}

static int check_plain_domain(
    const struct check_place *place, const char *text, struct error *error)
{
	return check_domain(place, text, false, error);
}

static int read_identity(const struct block *block, struct config *config)
{
	if (block_take_string(block, "ehlo", check_ehlo, &config->ehlo) < 0)
		return -1;
	if (block_take_string(block, "domain", check_plain_domain, &config->domain) < 0)
		return -1;
	if (settings_text(block, "domain") != NULL) {
		free(config->domain_source);
		config->domain_source = block_where(block, "domain");
	}
	return 0;
}

static int read_retry(const struct block *block, struct config *config)
{
	struct config_alias list = { 0 };
	CLEANUP(memory_free_string) char *where = block_where(block, "retry");
	int outcome = 0;

	for (unsigned i = 0; i < settings_count(block, "retry"); i++)
		alias_list_add_targets(&list, settings_item(block, "retry", i));
	int64_t *retry = memory_allocate((list.target_count + 1) * sizeof *retry);
	for (size_t i = 0; i < list.target_count && outcome == 0; i++)
		outcome = check_duration(&(struct check_place){ where, "retry" }, list.targets[i],
		    &retry[i], block->settings->error);
	if (outcome == 0 && list.target_count != 0) {
		int64_t *old = config->retry;

		config->retry = retry;
		config->retry_count = list.target_count;
		retry = old;
	}
	free(retry);
	alias_list_finish(&list);
	return outcome;
}

/* A name or an address; "" is a value of its own. */
static int check_bounce(const struct check_place *place, const char *text, struct error *error)
{
	return check_address(place, text, true, error);
}

static int read_failed(const struct block *block, struct config *config)
{
	const char *text = settings_text(block, "failed");

	if (settings_is_empty(block, "bounce")) {
		free(config->bounce);
		config->bounce = memory_copy_string("");
	}
	if (text == NULL)
		return 0;
	config->keeps_failed = strcmp(text, "keep") == 0;
	if (config->keeps_failed || strcmp(text, "drop") == 0)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, "failed");
	error_set(block->settings->error, ERROR_CONFIG, "5.3.5",
	    "%s: failed = \"%s\" is neither \"keep\" nor \"drop\"", where, text);
	return error_next(block->settings->error, "write: failed = \"keep\"");
}

static int read_queue(const struct block *block, struct config *config)
{
	if (block_take_string(block, "dir", check_path, &config->spool) < 0 ||
	    block_take_duration(block, "lifetime", &config->lifetime) < 0 ||
	    block_take_duration(block, "warn", &config->warn) < 0 ||
	    block_take_string(block, "bounce", check_bounce, &config->bounce) < 0 ||
	    block_take_duration(block, "failed_limit", &config->failed_limit) < 0 ||
	    read_failed(block, config) < 0)
		return -1;
	return read_retry(block, config);
}

/* Both stand in the settings as what is done, and in config as what is left out. */
static int read_switches(const struct block *block, struct config *config)
{
	bool is_received = !config->omits_received;
	bool is_rewritten = !config->keeps_to;

	if (block_take_switch(block, "received", &is_received) < 0 ||
	    block_take_switch(block, "rewrite_to", &is_rewritten) < 0)
		return -1;
	config->omits_received = !is_received;
	config->keeps_to = !is_rewritten;
	return 0;
}

static int read_submit(const struct block *block, struct config *config)
{
	const char *mode = settings_text(block, "mode");
	const char *wait = settings_text(block, "wait");

	if (mode != NULL) {
		CLEANUP(memory_free_string) char *where = block_where(block, "mode");
		if (check_mode(&(struct check_place){ where, "mode" }, mode, &config->mode,
			block->settings->error) < 0)
			return -1;
	}
	if (wait != NULL) {
		CLEANUP(memory_free_string) char *where = block_where(block, "wait");
		if (check_wait(&(struct check_place){ where, "wait" }, wait, &config->wait,
			block->settings->error) < 0)
			return -1;
	}
	if (block_take_duration(block, "wait_limit", &config->wait_limit) < 0 ||
	    block_take_duration(block, "timeout", &config->timeout) < 0 ||
	    block_take_duration(block, "idle", &config->idle) < 0 ||
	    block_take_size(block, "max_size", &config->max_size) < 0 ||
	    block_take_list(block, "users", check_user, &config->users) < 0)
		return -1;
	return read_switches(block, config);
}

static int check_alias_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	struct error *error = block->settings->error;
	const struct config_alias *twin = alias_list_find(config, block->title);

	if (strchr(block->title, '@') != NULL) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s: alias \"%s\": an alias is for a name without @", where, block->title);
		return error_next(
		    error, "write: alias \"%.*s\"", (int)strcspn(block->title, "@"), block->title);
	}
	if (twin != NULL)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s: there is an alias \"%s\" in line %d already", where, twin->name,
		    twin->place.line);
	return check_address(&(struct check_place){ where, "alias" }, block->title, true, error);
}

static int read_alias(const struct block *block, struct config *config)
{
	CLEANUP(alias_list_finish) struct config_alias alias = { 0 };
	CLEANUP(memory_free_string) char *where = NULL;
	int line = lint_find_line(block->settings->text, block->name, block->title, "to");

	if (check_alias_title(block, config) < 0)
		return -1;
	for (unsigned i = 0; i < settings_count(block, "to"); i++)
		alias_list_add_targets(&alias, settings_item(block, "to", i));
	where = block_where(block, line != 0 ? "to" : NULL);
	if (alias_list_check(&(struct check_place){ where, "to" }, &alias, block->settings->error) <
	    0)
		return -1;
	alias.name = memory_copy_string(block->title);
	alias.place.file = memory_copy_string(block->settings->path);
	alias.place.line = lint_find_line(block->settings->text, block->name, block->title, NULL);
	alias_list_put(config, &alias);
	return 0;
}

static int read_outside(const struct block *block, struct config *config)
{
	if (block_take_string(block, "capture", check_path, &config->capture) < 0)
		return -1;
	return block_take_string(block, "aliases_file", check_path, &config->aliases_file);
}

int blocks_read(const struct block *block, struct config *config)
{
	static const struct {
		const char *name;
		int (*read)(const struct block *block, struct config *config);
	} readers[] = {
		{ "identity", read_identity },
		{ "smarthost", smarthost_block_read },
		{ "route", route_block_read },
		{ "alias", read_alias },
		{ "submit", read_submit },
		{ "queue", read_queue },
		{ "limits", limits_block_read },
		{ "log", log_block_read },
	};
	size_t i = 0;

	if (block->name == NULL)
		return read_outside(block, config);
	while (strcmp(readers[i].name, block->name) != 0) {
		i++;
		assert(i < sizeof readers / sizeof readers[0]);
	}
	return readers[i].read(block, config);
}
