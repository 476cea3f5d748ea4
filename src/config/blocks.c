/* SPDX-License-Identifier: MIT */

#include "config/blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/alias_list.h"
#include "config/block.h"
#include "config/limits_block.h"
#include "config/log_block.h"
#include "config/options.h"
#include "config/route_block.h"
#include "config/smarthost_block.h"

static int check_plain_domain(
    const struct check_place *place, const char *text, struct error *error)
{
	return check_domain(place, text, false, error);
}

static void read_identity(const struct block *block, struct config *config)
{
	block_take_string(block, "ehlo", check_ehlo, &config->ehlo);
	block_take_string(block, "domain", check_plain_domain, &config->domain);
	if (config->domain != NULL)
		config->domain_source = block_where(block, "domain");
}

/* ---- queue ---- */

static int add_step(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	struct config *config = target;
	int64_t step;

	if (check_duration(place, text, &step, error) < 0)
		return -1;
	config->retry = memory_resize_array(
	    config->retry, config->retry_count + 1, sizeof *config->retry);
	config->retry[config->retry_count++] = step;
	return 0;
}

/* A name or an address; "" is a value of its own. */
static int check_bounce(const struct check_place *place, const char *text, struct error *error)
{
	return check_address(place, text, true, error);
}

static int read_failed(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	bool *keeps = target;

	*keeps = strcmp(text, "keep") == 0;
	if (*keeps || strcmp(text, "drop") == 0)
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s: failed = \"%s\" is neither \"keep\" nor \"drop\"", place->where, text);
	return error_next(error, "write: failed = \"keep\"");
}

static void read_queue(const struct block *block, struct config *config)
{
	block_take_string(block, "dir", check_path, &config->spool);
	block_take_each(block, "retry", add_step, config);
	block_take_duration(block, "lifetime", &config->lifetime);
	block_take_duration(block, "warn", &config->warn);
	if (block_is_empty(block, "bounce"))
		config->bounce = memory_copy_string("");
	else
		block_take_string(block, "bounce", check_bounce, &config->bounce);
	block_take(block, "failed", read_failed, &config->keeps_failed);
	block_take_duration(block, "failed_limit", &config->failed_limit);
}

/* ---- submit ---- */

/* Both stand in the settings as what is done, and in config as what is left out. */
static void read_switches(const struct block *block, struct config *config)
{
	bool is_received = true;
	bool is_rewritten = true;

	block_take_switch(block, "received", &is_received);
	block_take_switch(block, "rewrite_to", &is_rewritten);
	config->omits_received = !is_received;
	config->keeps_to = !is_rewritten;
}

static int read_mode(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_mode(place, text, target, error);
}

static int read_wait(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_wait(place, text, target, error);
}

/* An empty list, by an unset variable, must not open the door to all. */
static void refuse_no_users(const struct block *block)
{
	struct error error;

	if (!block_is_empty(block, "users"))
		return;
	CLEANUP(memory_free_string) char *where = block_where(block, "users");
	error_set(&error, ERROR_CONFIG, "5.3.5", "%s: users names nobody", where);
	error_next(&error, "write: users = { \"*\" } for everybody, or logins");
	block_fault(block, "users", &error);
}

static void read_submit(const struct block *block, struct config *config)
{
	block_take(block, "mode", read_mode, &config->mode);
	block_take(block, "wait", read_wait, &config->wait);
	block_take_duration(block, "wait_limit", &config->wait_limit);
	block_take_duration(block, "timeout", &config->timeout);
	block_take_duration(block, "idle", &config->idle);
	block_take_size(block, "max_size", &config->max_size);
	block_take_list(block, "users", check_user, &config->users);
	refuse_no_users(block);
	read_switches(block, config);
}

/* ---- alias ---- */

static bool check_alias_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	const struct config_alias *twin = alias_list_find(config, block->title);
	struct error error;

	if (strchr(block->title, '@') != NULL) {
		error_set(&error, ERROR_CONFIG, "5.3.5",
		    "%s: alias \"%s\": an alias is for a name without @", where, block->title);
		error_next(
		    &error, "write: alias \"%.*s\"", (int)strcspn(block->title, "@"), block->title);
	} else if (twin != NULL)
		error_set(&error, ERROR_CONFIG, "5.3.5",
		    "%s: there is an alias \"%s\" in line %d already", where, twin->name,
		    twin->place.line);
	else if (check_address(
		     &(struct check_place){ where, "alias" }, block->title, true, &error) == 0)
		return true;
	block_fault(block, NULL, &error);
	return false;
}

static void read_alias(const struct block *block, struct config *config)
{
	CLEANUP(alias_list_finish) struct config_alias alias = { 0 };
	const struct entry *entry = entries_find(block->found, "to");
	struct error error;

	if (!check_alias_title(block, config))
		return;
	for (size_t i = 0; entry != NULL && i < entry->count; i++)
		alias_list_add_targets(&alias, entry->items[i]);
	CLEANUP(memory_free_string) char *where = block_where(block, "to");
	if (alias_list_check(&(struct check_place){ where, "to" }, &alias, &error) < 0) {
		if (block->is_whole || alias.target_count != 0)
			block_fault(block, "to", &error);
		return;
	}
	alias.name = memory_copy_string(block->title);
	alias.place.file = memory_copy_string(block->entries->files[block->found->file].path);
	alias.place.line = block->found->line;
	alias_list_put(config, &alias);
}

/* ---- all ---- */

static void read_outside(const struct block *block, struct config *config)
{
	block_take_string(block, "capture", check_path, &config->capture);
	block_take_string(block, "aliases_file", check_path, &config->aliases_file);
}

typedef void block_reader(const struct block *block, struct config *config);

static void read_titled(struct block *block, block_reader *read, struct config *config)
{
	const struct entries *entries = block->entries;

	for (size_t i = 0; i < entries->block_count; i++) {
		block->found = &entries->blocks[i];
		block->title = block->found->title;
		if (strcmp(block->found->name, block->name) == 0)
			read(block, config);
	}
}

void blocks_read(const struct entries *entries, struct faults *faults, struct config *config)
{
	/* A route wants to know the smarthosts. */
	static const struct {
		const char *name;
		block_reader *read;
	} readers[] = {
		{ "", read_outside },
		{ "identity", read_identity },
		{ "smarthost", smarthost_block_read },
		{ "route", route_block_read },
		{ "alias", read_alias },
		{ "submit", read_submit },
		{ "queue", read_queue },
		{ "limits", limits_block_read },
		{ "log", log_block_read },
	};
	bool is_whole = faults->count == 0;

	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
		const struct option_block *known = options_find_block(
		    span_from_string(readers[i].name));
		struct block block = {
			.entries = entries,
			.found = entries_find_block(entries, readers[i].name, NULL),
			.name = readers[i].name,
			.faults = faults,
			.is_whole = is_whole,
		};

		if (known != NULL && known->title != NULL)
			read_titled(&block, readers[i].read, config);
		else
			readers[i].read(&block, config);
	}
}
