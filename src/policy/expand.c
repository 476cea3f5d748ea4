/* SPDX-License-Identifier: MIT */

#include "policy/expand.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "config/host.h"
#include "message/address.h"
#include "policy/complete.h"
#include "policy/included.h"
#include "policy/targets.h"

enum {
	DEPTH_LIMIT = 20, /* steps from a name to an address; more is a mistake in the aliases */
	LIST_DEPTH_LIMIT = 10, /* lists in lists */
	SHOWN_LIMIT = 5,       /* addresses that a name in a header field may stand for */
};

/* The lists that an envelope has been through. */
struct lists {
	struct seen_list {
		char *path;    /* owned */
		bool is_empty; /* it has led to nobody */
	} * items;
	size_t count;
};

/* What has become of an alias of this envelope. */
enum done {
	DONE_NOT,
	DONE_REACHED, /* what it stands for is among the recipients already */
	DONE_IN_VAIN, /* it has led to nobody */
};

/* The envelope on its way through the aliases, and one recipient of it. */
struct expansion {
	const struct config *config;
	struct expand_host *host;
	const struct aliases *aliases;
	const struct recipient *given;
	struct envelope *expanded;
	const struct alias *chain[DEPTH_LIMIT]; /* the aliases that led here */
	size_t depth;
	const char *list_chain[LIST_DEPTH_LIMIT]; /* likewise the lists */
	size_t list_depth;
	uid_t list_owner; /* whom a list that is named here may belong to */
	/*
	 * The aliases that this envelope has been through: none is gone through
	 * again.  This bounds the work, too.
	 */
	unsigned char *done;	    /* owned; enum done of each entry of aliases */
	struct lists lists;	    /* the same for lists; those in list_chain among them */
	size_t reached;		    /* recipients that the given one has led to */
	struct error missing;	    /* why it has led to no more; kind is 0 when it has to all */
	const struct alias *owner;  /* of the list whose members come now, or NULL */
	const struct alias *sender; /* the owner that all recipients so far have */
	bool has_mixed_owners;
	bool has_list;			      /* members of lists are among them */
	bool is_for_header;		      /* which shows few addresses, and no lists */
	const struct expand_witness *witness; /* may be NULL */
	struct error *error;
};

static void note(const struct expansion *expansion, const struct expand_step *step)
{
	const struct expand_witness *witness = expansion->witness;

	if (witness != NULL)
		witness->see(witness->context, step);
}

/* Control characters would speak to a terminal, or end a line of the log. */
static void mask_controls(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if (span_has_control(span_from_bytes(p, 1)))
			*p = '?';
}

/* Of the entry that name has, or would have, or that of name without its detail. */
static void note_entry_faults(const struct expansion *expansion, const char *name)
{
	const struct aliases *aliases = expansion->aliases;
	const char *address = expansion->given->address;
	struct span whole = span_from_string(name);
	struct span base = span_first(whole, strcspn(name, "+"));

	for (size_t i = 0; i < aliases->fault_count; i++) {
		const struct alias_fault *fault = &aliases->faults[i];

		if (!span_equals_string_ignoring_case(whole, fault->name) &&
		    !span_equals_string_ignoring_case(base, fault->name))
			continue;
		CLEANUP(memory_free_string) char *words = memory_copy_string(fault->words);
		mask_controls(words);
		note(expansion, &(struct expand_step){ .address = address,
				    .result = address,
				    .words = words,
				    .is_fault = true,
				    .is_local = fault->is_local,
				    .is_of_entry = true });
	}
}

/* Takes over words; next may be NULL. */
static void note_words(
    const struct expansion *expansion, const struct expand_step *given, char *words)
{
	const char *address = expansion->given->address;
	struct expand_step step = *given;

	mask_controls(words);
	step.address = step.result = address;
	step.words = words;
	note(expansion, &step);
	free(words);
}

void expand_host_finish(struct expand_host *host)
{
	free(host->full);
	*host = (struct expand_host){ 0 };
}

/* Asked once: where no name server answers, it takes long. */
static const char *find_full(struct expand_host *host)
{
	if (!host->is_known)
		host->full = host_fully_qualified();
	host->is_known = true;
	return host->full;
}

bool expand_host_is(struct expand_host *host, struct span domain)
{
	CLEANUP(memory_free_string) char *name = NULL;

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
	const char *full = find_full(host);
	return full != NULL && span_equals_string_ignoring_case(domain, full);
}

bool expand_is_this_host(struct span domain)
{
	CLEANUP(expand_host_finish) struct expand_host host = { 0 };

	return expand_host_is(&host, domain);
}

/* The bare name that aliases are asked for, unquoted; NULL when the address is no local one. */
static char *local_name(struct expand_host *host, const char *address)
{
	struct address parts = address_split(span_from_string(address));
	char *name;
	size_t length = 0;

	if (parts.domain.length != 0 && !expand_host_is(host, parts.domain))
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

/* A message has one sender: whose lists are all of its recipients of? */
static void note_owner(struct expansion *expansion)
{
	if (expansion->expanded->recipient_count == 1)
		expansion->sender = expansion->owner;
	else if (expansion->sender != expansion->owner)
		expansion->has_mixed_owners = true;
	expansion->has_list = expansion->has_list || expansion->owner != NULL;
}

static int refuse_to_show(struct expansion *expansion)
{
	return error_set(
	    expansion->error, ERROR_DATA, "5.1.3", "it stands for more than a header shows");
}

/* The end of a way: a full address as it is, what is of this host with the domain. */
static int add_address(struct expansion *expansion, const char *address)
{
	struct address parts = address_split(span_from_string(address));
	CLEANUP(memory_free_string)
	char *local = parts.domain.length == 0 || expand_host_is(expansion->host, parts.domain)
			  ? span_copy(parts.local)
			  : NULL;
	CLEANUP(memory_free_string)
	char *full = local != NULL ? complete_address(expansion->config, local)
				   : memory_copy_string(address);
	const struct recipient *given = expansion->given;
	const char *original = given->original;

	if (original == NULL && strcmp(full, given->address) != 0)
		original = given->address;
	note(expansion, &(struct expand_step){ .address = address, .result = full });
	int outcome = envelope_add_recipient(expansion->expanded, span_from_string(full),
	    span_from_string(original != NULL ? original : ""), given->notify, expansion->error);
	if (outcome < 0)
		return -1;
	expansion->reached++;
	if (outcome == 0)
		note_owner(expansion);
	if (expansion->is_for_header && expansion->expanded->recipient_count > SHOWN_LIMIT)
		return refuse_to_show(expansion);
	return 0;
}

static bool is_in_chain(const struct expansion *expansion, const struct alias *alias)
{
	for (size_t i = 0; i < expansion->depth; i++)
		if (expansion->chain[i] == alias)
			return true;
	return false;
}

static int expand_address(struct expansion *expansion, const char *address);
static int expand_list(
    struct expansion *expansion, const char *address, const char *name, const char *path);

/* "a -> b -> a", for whoever wrote them; it begins with the first of them, from wherever. */
static void note_loop(const struct expansion *expansion, const struct alias *closing)
{
	CLEANUP(buffer_finish) struct buffer way = { 0 };
	const struct alias *const *loop = expansion->chain;
	size_t first = 0;

	buffer_init(&way, SIZE_MAX / 2);
	while (*loop != closing)
		loop++;
	size_t length = expansion->depth - (size_t)(loop - expansion->chain);
	for (size_t i = 1; i < length; i++)
		if (loop[i] < loop[first])
			first = i;
	for (size_t i = 0; i < length; i++)
		buffer_format(&way, "%s -> ", loop[(first + i) % length]->name);
	const struct alias *alias = loop[first];
	const struct expand_step step = { .is_fault = true,
		.next = "let one of them name an address" };
	note_words(expansion, &step,
	    memory_format("alias \"%s\" (%s) is in a loop: %s%s", alias->name, alias->source,
		buffer_string(&way), alias->name));
}

/* What target of alias stands for; name is what was looked up, its way's last step. */
static int expand_target(
    struct expansion *expansion, const char *address, const char *name, const char *target)
{
	CLEANUP(memory_free_string) char *target_name = NULL;
	const char *path = targets_list_path(target);
	const struct alias *next;

	if (path != NULL)
		return expand_list(expansion, address, name, path);
	if (target[0] == '\\')
		return add_address(expansion, target + 1);
	target_name = local_name(expansion->host, target);
	if (target_name == NULL)
		return add_address(expansion, target);
	/* "root: root, me@example.com" keeps a copy for the name itself. */
	if (span_equals_string_ignoring_case(span_from_string(name), target_name))
		return add_address(expansion, target);
	next = aliases_find(expansion->aliases, span_from_string(target_name));
	if (next == NULL || !is_in_chain(expansion, next))
		return expand_address(expansion, target);
	/* "*" does not catch what it stands for itself. */
	if (strcmp(next->name, "*") == 0)
		return add_address(expansion, target);
	/* The same for root+detail, with its detail.  Other loops end before they close. */
	if (next != expansion->chain[expansion->depth - 1])
		note_loop(expansion, next);
	return add_address(expansion, address);
}

/* What is wrong with a list of this alias: the others get the mail, if there are any. */
static void miss_list(struct expansion *expansion, bool is_fault, const struct error *error)
{
	const struct alias *alias = expansion->chain[expansion->depth - 1];

	if (expansion->missing.kind == ERROR_NONE) {
		expansion->missing = *error;
		(void)error_prefix(
		    &expansion->missing, "alias \"%s\" (%s): ", alias->name, alias->source);
	}
	const struct expand_step step = { .is_fault = is_fault, .next = error->next };
	note_words(expansion, &step,
	    memory_format("alias \"%s\" (%s): %s", alias->name, alias->source, error->text));
}

/* Where a list is read. */
struct list_reading {
	const struct expansion *expansion;
	const char *path;
};

static void tell_line(void *context, int line, bool is_local, struct span text, const char *reason)
{
	const struct list_reading *reading = context;

	const struct expand_step step = { .is_fault = true, .is_local = is_local };
	note_words(reading->expansion, &step,
	    memory_format("%s line %d: \"%.*s\" is passed over: %s", reading->path, line,
		span_int(span_first(text, 200)), text.start, reason));
}

static bool is_among(const char *const *paths, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return false;
}

/* The members of one list, which is read and in the chain. */
static int expand_members(
    struct expansion *expansion, const char *address, const char *name, const struct included *list)
{
	uid_t owner = expansion->list_owner;
	int outcome = 0;

	expansion->list_owner = list->owner;
	for (size_t i = 0; i < list->count && outcome == 0; i++)
		outcome = expand_target(expansion, address, name, list->targets[i]);
	expansion->list_owner = owner;
	return outcome;
}

static struct seen_list *find_seen(const struct lists *lists, const char *path)
{
	for (size_t i = 0; i < lists->count; i++)
		if (strcmp(lists->items[i].path, path) == 0)
			return &lists->items[i];
	return NULL;
}

static void miss_empty(struct expansion *expansion, const char *path)
{
	struct error error;

	error_set(&error, ERROR_CONFIG, "4.3.5", "the list %s names nobody", path);
	miss_list(expansion, false, &error);
}

/* True: it has been read before, and what came of it counts again, or it stands in itself. */
static bool is_seen(struct expansion *expansion, const char *path)
{
	const struct seen_list *seen = find_seen(&expansion->lists, path);
	struct error error;

	if (is_among(expansion->list_chain, expansion->list_depth, path)) {
		error_set(&error, ERROR_CONFIG, "4.3.5", "the list %s includes itself", path);
		miss_list(expansion, true, &error);
		return true;
	}
	if (seen != NULL && seen->is_empty)
		miss_empty(expansion, path);
	else if (seen != NULL)
		expansion->reached++;
	return seen != NULL;
}

static void keep_seen(struct lists *lists, const char *path, bool is_empty)
{
	lists->items = memory_resize_array(lists->items, lists->count + 1, sizeof *lists->items);
	lists->items[lists->count++] = (struct seen_list){ memory_copy_string(path), is_empty };
}

static int expand_list(
    struct expansion *expansion, const char *address, const char *name, const char *path)
{
	CLEANUP(included_finish) struct included list = { 0 };
	struct list_reading reading = { expansion, path };
	size_t reached = expansion->reached;
	struct error error;

	/* A header may name it a hundred thousand times. */
	if (expansion->is_for_header)
		return refuse_to_show(expansion);
	expansion->has_list = true;
	if (is_seen(expansion, path))
		return 0;
	if (included_read(path, expansion->list_owner, tell_line, &reading, &list, &error) < 0) {
		miss_list(expansion, true, &error);
		return 0;
	}
	if (list.count == 0)
		miss_empty(expansion, path);
	if (expansion->list_depth == LIST_DEPTH_LIMIT)
		return error_set(expansion->error, ERROR_CONFIG, "4.3.5",
		    "the list %s stands in more than %d others", path, LIST_DEPTH_LIMIT);
	expansion->list_chain[expansion->list_depth++] = path;
	int outcome = expand_members(expansion, address, name, &list);
	expansion->list_depth--;
	keep_seen(&expansion->lists, path, expansion->reached == reached);
	return outcome;
}

/* The alias of the owner of a list, NULL when it has none. */
static const struct alias *find_owner(const struct expansion *expansion, const struct alias *alias)
{
	CLEANUP(memory_free_string) char *name = memory_format("owner-%s", alias->name);

	return aliases_find_exact(expansion->aliases, span_from_string(name));
}

static int expand_targets(
    struct expansion *expansion, const char *address, const char *name, const struct alias *alias)
{
	const struct alias *outer = expansion->owner;
	const struct alias *owner = find_owner(expansion, alias);
	uid_t list_owner = expansion->list_owner;
	int outcome = 0;

	if (owner != NULL)
		expansion->owner = owner;
	expansion->list_owner = expansion->aliases->owner;
	expansion->chain[expansion->depth++] = alias;
	for (size_t i = 0; i < alias->target_count && outcome == 0; i++)
		outcome = expand_target(expansion, address, name, alias->targets[i]);
	expansion->depth--;
	expansion->list_owner = list_owner;
	expansion->owner = outer;
	return outcome;
}

/* Somebody may have asked for more than this alias, and got his mail. */
static void miss_alias(struct expansion *expansion, const struct alias *alias)
{
	if (expansion->missing.kind == ERROR_NONE)
		error_set(&expansion->missing, ERROR_CONFIG, "4.3.5",
		    "alias \"%s\" (%s) leads to nobody", alias->name, alias->source);
}

static int expand_alias(
    struct expansion *expansion, const char *address, const char *name, const struct alias *alias)
{
	unsigned char *done = &expansion->done[alias - expansion->aliases->entries];
	size_t reached = expansion->reached;

	if (*done == DONE_REACHED)
		expansion->reached++;
	if (*done == DONE_IN_VAIN)
		miss_alias(expansion, alias);
	if (*done != DONE_NOT)
		return 0;
	if (expansion->depth == DEPTH_LIMIT) {
		error_set(expansion->error, ERROR_CONFIG, "5.3.5",
		    "alias \"%s\" (%s) stands at the end of more than %d steps from %s",
		    alias->name, alias->source, DEPTH_LIMIT, expansion->given->address);
		return error_next(expansion->error, "let it name the addresses themselves");
	}
	note(expansion, &(struct expand_step){ .address = address, .alias = alias });
	if (expand_targets(expansion, address, name, alias) < 0)
		return -1;
	*done = expansion->reached != reached ? DONE_REACHED : DONE_IN_VAIN;
	return 0;
}

static int expand_address(struct expansion *expansion, const char *address)
{
	CLEANUP(memory_free_string) char *name = local_name(expansion->host, address);
	const struct alias *alias = name != NULL
					? aliases_find(expansion->aliases, span_from_string(name))
					: NULL;

	if (name != NULL)
		note_entry_faults(expansion, name);
	if (alias == NULL)
		return add_address(expansion, address);
	return expand_alias(expansion, address, name, alias);
}

/* All that one recipient stands for; somebody must remain. */
static int expand_recipient(struct expansion *expansion, const struct recipient *given)
{
	expansion->given = given;
	expansion->reached = 0;
	expansion->missing = (struct error){ 0 };
	if (expand_address(expansion, given->address) < 0)
		return -1;
	if (expansion->reached != 0)
		return 0;
	assert(expansion->missing.kind != ERROR_NONE);
	*expansion->error = expansion->missing;
	return error_prefix(
	    expansion->error, "nobody can be found for %s" EXPAND_NOBODY_NOW, given->address);
}

static int expand_recipients(struct expansion *expansion, const struct envelope *given)
{
	for (size_t i = 0; i < given->recipient_count; i++)
		if (expand_recipient(expansion, &given->recipients[i]) < 0)
			return -1;
	return 0;
}

static void init_expansion(struct expansion *expansion, struct expand_host *host,
    const struct config *config, const struct aliases *aliases, struct envelope *expanded,
    struct error *error)
{
	*expansion = (struct expansion){
		.config = config,
		.host = host,
		.aliases = aliases,
		.expanded = expanded,
		.done = memory_allocate(aliases->count + 1),
		.error = error,
	};
}

static void finish_expansion(struct expansion *expansion)
{
	for (size_t i = 0; i < expansion->lists.count; i++)
		free(expansion->lists.items[i].path);
	free(expansion->lists.items);
	free(expansion->done);
}

/* ---- owner-list ---- */

/* Where reports for the owner go: to the one address that it stands for, else to its name. */
static char *owner_address(struct expand_host *host, const struct config *config,
    const struct aliases *aliases, const struct alias *owner)
{
	CLEANUP(finish_expansion) struct expansion expansion;
	CLEANUP(envelope_finish) struct envelope found = { 0 };
	struct recipient given = { .address = owner->name };
	struct error error;

	init_expansion(&expansion, host, config, aliases, &found, &error);
	if (address_check(span_from_string(owner->name), &error) < 0)
		return NULL;
	if (expand_recipient(&expansion, &given) < 0 || found.recipient_count != 1)
		return complete_address(config, owner->name);
	return memory_copy_string(found.recipients[0].address);
}

static int set_owner_as_sender(struct expansion *expansion)
{
	const struct alias *owner = expansion->sender;
	struct envelope *expanded = expansion->expanded;
	const char *sender = expanded->sender;

	/* The null sender is never another. */
	if (owner == NULL || expansion->has_mixed_owners || sender == NULL || sender[0] == '\0')
		return 0;
	CLEANUP(memory_free_string)
	char *address = owner_address(
	    expansion->host, expansion->config, expansion->aliases, owner);
	if (address == NULL)
		return 0;
	note_words(expansion, &(struct expand_step){ 0 },
	    memory_format(
		"the sender becomes %s, for \"%s\" (%s)", address, owner->name, owner->source));
	return envelope_set_sender(expanded, span_from_string(address), expansion->error);
}

/* ---- the whole ---- */

int expand_envelope_before(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, const struct expand_witness *witness, struct envelope *expanded,
    struct error *error)
{
	CLEANUP(expand_host_finish) struct expand_host host = { 0 };
	CLEANUP(finish_expansion) struct expansion expansion;

	init_expansion(&expansion, &host, config, aliases, expanded, error);
	expansion.witness = witness;
	if (given->sender != NULL &&
	    envelope_set_sender(expanded, span_from_string(given->sender), error) < 0)
		return -1;
	if (given->envid != NULL &&
	    envelope_set_envid(expanded, span_from_string(given->envid), error) < 0)
		return -1;
	expanded->return_content = given->return_content;
	if (expand_recipients(&expansion, given) < 0)
		return -1;
	return set_owner_as_sender(&expansion);
}

int expand_envelope(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, struct envelope *expanded, struct error *error)
{
	return expand_envelope_before(config, aliases, given, NULL, expanded, error);
}

bool expand_for_header(const struct config *config, const struct aliases *aliases,
    struct expand_host *host, const char *address, struct envelope *expanded)
{
	CLEANUP(finish_expansion) struct expansion expansion;
	CLEANUP(memory_free_string) char *name = local_name(host, address);
	struct recipient given = { .address = (char *)(uintptr_t)address };
	struct error error;

	init_expansion(&expansion, host, config, aliases, expanded, &error);
	expansion.is_for_header = true;
	if (name == NULL || aliases_find(aliases, span_from_string(name)) == NULL)
		return false;
	return expand_recipient(&expansion, &given) == 0 && !expansion.has_list;
}
