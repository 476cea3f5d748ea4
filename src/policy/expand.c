/* SPDX-License-Identifier: MIT */

#include "policy/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/host.h"
#include "message/address.h"
#include "policy/complete.h"

/* Steps from a name to an address; more is a mistake in the aliases. */
enum { DEPTH_LIMIT = 20 };

/* One recipient on its way through the aliases. */
struct expansion {
	const struct config *config;
	const struct aliases *aliases;
	const struct recipient *given;
	struct envelope *expanded;
	const struct alias *chain[DEPTH_LIMIT]; /* the aliases that led here */
	size_t depth;
	/*
	 * The aliases that this envelope has been through: what they stand for
	 * is among the recipients already.  This bounds the work, too.
	 */
	bool *is_done;			      /* owned; one an entry of aliases */
	const struct expand_witness *witness; /* may be NULL */
	struct error *error;
};

static void note(const struct expansion *expansion, const char *address, const struct alias *alias,
    const char *result)
{
	const struct expand_witness *witness = expansion->witness;
	const struct expand_step step = { address, alias, result };

	if (witness != NULL)
		witness->see(witness->context, &step);
}

bool expand_is_this_host(struct span domain)
{
	CLEANUP(memory_free_string) char *name = NULL;
	CLEANUP(memory_free_string) char *full = NULL;

	if (span_equals_string_ignoring_case(domain, "localhost") ||
	    span_equals_string_ignoring_case(domain, "localhost.localdomain"))
		return true;
	name = host_name();
	if (span_equals_string_ignoring_case(domain, name))
		return true;
	/* The FQDN may cost a look-up; it begins with the host name, so others cost none. */
	if (strchr(name, '.') != NULL || !span_starts_with_ignoring_case(domain, name) ||
	    domain.length <= strlen(name) || domain.start[strlen(name)] != '.')
		return false;
	full = host_fully_qualified();
	return full != NULL && span_equals_string_ignoring_case(domain, full);
}

/* The bare name that aliases are asked for, unquoted; NULL when the address is no local one. */
static char *local_name(const char *address)
{
	struct address parts = address_split(span_from_string(address));
	char *name;
	size_t length = 0;

	if (parts.domain.length != 0 && !expand_is_this_host(parts.domain))
		return NULL;
	name = span_copy(parts.local);
	if (name[0] != '"')
		return name;
	for (size_t i = 1; i + 1 < parts.local.length; i++) {
		if (parts.local.start[i] == '\\' && i + 2 < parts.local.length)
			i++;
		name[length++] = parts.local.start[i];
	}
	name[length] = '\0';
	return name;
}

/* The end of a way: a full address as it is, what is of this host with the domain. */
static int add_address(struct expansion *expansion, const char *address)
{
	struct address parts = address_split(span_from_string(address));
	CLEANUP(memory_free_string)
	char *local = parts.domain.length == 0 || expand_is_this_host(parts.domain)
			  ? span_copy(parts.local)
			  : NULL;
	CLEANUP(memory_free_string)
	char *full = local != NULL ? complete_address(expansion->config, local)
				   : memory_copy_string(address);
	const struct recipient *given = expansion->given;
	const char *original = given->original;

	if (original == NULL && strcmp(full, given->address) != 0)
		original = given->address;
	note(expansion, address, NULL, full);
	int outcome = envelope_add_recipient(expansion->expanded, span_from_string(full),
	    span_from_string(original != NULL ? original : ""), given->notify, expansion->error);
	return outcome < 0 ? -1 : 0;
}

static bool is_in_chain(const struct expansion *expansion, const struct alias *alias)
{
	for (size_t i = 0; i < expansion->depth; i++)
		if (expansion->chain[i] == alias)
			return true;
	return false;
}

static int expand_address(struct expansion *expansion, const char *address);

/* What target of alias stands for; name is what was looked up, its way's last step. */
static int expand_target(
    struct expansion *expansion, const char *address, const char *name, const char *target)
{
	CLEANUP(memory_free_string) char *target_name = NULL;
	const struct alias *next;

	if (target[0] == '\\')
		return add_address(expansion, target + 1);
	target_name = local_name(target);
	if (target_name == NULL)
		return add_address(expansion, target);
	/* "root: root, me@example.com" keeps a copy for the name itself. */
	if (span_equals_string_ignoring_case(span_from_string(name), target_name))
		return add_address(expansion, target);
	next = aliases_find(expansion->aliases, span_from_string(target_name));
	if (next == NULL || !is_in_chain(expansion, next))
		return expand_address(expansion, target);
	/* "*" does not catch what it stands for itself; a loop of names ends before it closes. */
	return add_address(expansion, strcmp(next->name, "*") == 0 ? target : address);
}

static int expand_alias(
    struct expansion *expansion, const char *address, const char *name, const struct alias *alias)
{
	bool *is_done = &expansion->is_done[alias - expansion->aliases->entries];

	if (*is_done)
		return 0;
	if (expansion->depth == DEPTH_LIMIT) {
		error_set(expansion->error, ERROR_CONFIG, "5.3.5",
		    "alias \"%s\" (%s) stands at the end of more than %d steps from %s",
		    alias->name, alias->source, DEPTH_LIMIT, expansion->given->address);
		return error_next(expansion->error, "let it name the addresses themselves");
	}
	note(expansion, address, alias, NULL);
	expansion->chain[expansion->depth++] = alias;
	for (size_t i = 0; i < alias->target_count; i++)
		if (expand_target(expansion, address, name, alias->targets[i]) < 0)
			return -1;
	expansion->depth--;
	*is_done = true;
	return 0;
}

static int expand_address(struct expansion *expansion, const char *address)
{
	CLEANUP(memory_free_string) char *name = local_name(address);
	const struct alias *alias = name != NULL
					? aliases_find(expansion->aliases, span_from_string(name))
					: NULL;

	if (alias == NULL)
		return add_address(expansion, address);
	return expand_alias(expansion, address, name, alias);
}

static void finish_expansion(struct expansion *expansion)
{
	free(expansion->is_done);
}

int expand_envelope_before(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, const struct expand_witness *witness, struct envelope *expanded,
    struct error *error)
{
	CLEANUP(finish_expansion)
	struct expansion expansion = {
		.config = config,
		.aliases = aliases,
		.expanded = expanded,
		.is_done = memory_allocate(aliases->count + 1),
		.witness = witness,
		.error = error,
	};

	if (given->sender != NULL &&
	    envelope_set_sender(expanded, span_from_string(given->sender), error) < 0)
		return -1;
	if (given->envid != NULL &&
	    envelope_set_envid(expanded, span_from_string(given->envid), error) < 0)
		return -1;
	expanded->return_content = given->return_content;
	for (size_t i = 0; i < given->recipient_count; i++) {
		expansion.given = &given->recipients[i];
		if (expand_address(&expansion, expansion.given->address) < 0)
			return -1;
	}
	return 0;
}

int expand_envelope(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, struct envelope *expanded, struct error *error)
{
	return expand_envelope_before(config, aliases, given, NULL, expanded, error);
}
