/* SPDX-License-Identifier: MIT */

#include "policy/sender.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "message/address.h"
#include "message/address_list.h"
#include "policy/expand.h"
#include "policy/route.h"

/* ---- one address ---- */

/* NULL, or why no provider accepts it: it says nothing about who in the world sends. */
static const char *local_only(struct expand_host *host, const char *address)
{
	struct address parts = address_split(span_from_string(address));

	if (parts.domain.length != 0 && parts.domain.start[0] == '[')
		return NULL;
	if (parts.domain.length == 0)
		return "no smarthost takes an address without a domain";
	if (span_find_byte(parts.domain, '.') < 0)
		return "no smarthost takes a domain without a dot";
	return expand_host_is(host, parts.domain) ? "no smarthost takes this machine's own name"
						  : NULL;
}

static bool is_from(const struct smarthost *smarthost, const char *address)
{
	return smarthost->from != NULL &&
	       span_equals_string_ignoring_case(span_from_string(address), smarthost->from);
}

bool sender_is_in_from_allow(const struct smarthost *smarthost, const char *address)
{
	for (size_t i = 0; i < smarthost->from_allow_count; i++)
		if (route_matches(smarthost->from_allow[i], address))
			return true;
	return false;
}

/* Of an address that is neither from nor in from_allow. */
static enum sender_fate judge_other(const struct smarthost *smarthost, struct expand_host *host,
    const char *address, const char **reason)
{
	switch (smarthost->from_policy) {
	case SMARTHOST_FROM_AUTO:
	case SMARTHOST_FROM_REPAIR:
		*reason = local_only(host, address);
		if (*reason != NULL)
			return SENDER_BECOMES_FROM;
		*reason = "it may be an address of the world";
		return SENDER_STAYS;
	case SMARTHOST_FROM_REWRITE:
		*reason = "from_policy is \"rewrite\", and from_allow does not have it";
		return SENDER_BECOMES_FROM;
	case SMARTHOST_FROM_KEEP:
		break;
	case SMARTHOST_FROM_REJECT:
		*reason = "from_policy is \"reject\", and from_allow does not have it";
		return SENDER_IS_REFUSED;
	}
	*reason = "from_policy is \"keep\"";
	return SENDER_STAYS;
}

static enum sender_fate judge(const struct smarthost *smarthost, struct expand_host *host,
    const char *sender, const char **reason)
{
	enum sender_fate fate = SENDER_STAYS;

	if (sender[0] == '\0')
		*reason = "the null sender is never changed";
	else if (is_from(smarthost, sender))
		*reason = "it is this smarthost's from";
	else if (sender_is_in_from_allow(smarthost, sender))
		*reason = "from_allow has it";
	else
		fate = judge_other(smarthost, host, sender, reason);
	if (fate != SENDER_BECOMES_FROM || smarthost->from != NULL)
		return fate;
	*reason = "no \"from\" is configured that could take its place";
	return SENDER_STAYS;
}

enum sender_fate sender_judge(
    const struct smarthost *smarthost, const char *sender, const char **reason)
{
	CLEANUP(expand_host_finish) struct expand_host host = { 0 };

	return judge(smarthost, &host, sender, reason);
}

char *sender_outgoing(const struct smarthost *smarthost, const char *sender)
{
	const char *reason;

	return memory_copy_string(sender_judge(smarthost, sender, &reason) == SENDER_BECOMES_FROM
				      ? smarthost->from
				      : sender);
}

const char *sender_policy_name(enum smarthost_from_policy policy)
{
	static const char *const names[] = {
		[SMARTHOST_FROM_AUTO] = "auto",
		[SMARTHOST_FROM_REPAIR] = "repair",
		[SMARTHOST_FROM_REWRITE] = "rewrite",
		[SMARTHOST_FROM_KEEP] = "keep",
		[SMARTHOST_FROM_REJECT] = "reject",
	};

	return names[policy];
}

/* ---- the header ---- */

/* Whom from replaces in it. */
struct rules {
	const struct smarthost *smarthost; /* its from is set */
	struct expand_host *host;	   /* asked once for a header, however many it names */
	bool replaces_all;		   /* whoever is not from; else as the policy says */
};

static bool is_replaced(const struct rules *rules, const char *address)
{
	const char *reason;

	if (rules->replaces_all)
		return !is_from(rules->smarthost, address);
	return judge(rules->smarthost, rules->host, address, &reason) == SENDER_BECOMES_FROM;
}

/* What names nobody is nobody who is allowed. */
static bool replaces_nobody(const struct rules *rules)
{
	return rules->replaces_all || rules->smarthost->from_policy == SMARTHOST_FROM_REWRITE;
}

/* A field's value while it is copied with other addresses in it. */
struct rewriting {
	const struct rules *rules;
	const char *copied; /* up to here */
	struct buffer output;
	size_t count;	 /* mailboxes */
	size_t from;	 /* of these that are from, now */
	size_t replaced; /* of these that have become it */
	size_t nobodies; /* malformed, or "<>" */
};

static bool names_somebody(const struct mailbox *mailbox)
{
	return mailbox->address != NULL && mailbox->address[0] != '\0';
}

static int visit_mailbox(void *context, const struct mailbox *mailbox)
{
	struct rewriting *rewriting = context;
	const struct smarthost *smarthost = rewriting->rules->smarthost;
	struct span source = mailbox->source;

	rewriting->count++;
	if (!names_somebody(mailbox)) {
		rewriting->nobodies++;
		return 0;
	}
	if (is_from(smarthost, mailbox->address))
		rewriting->from++;
	if (!is_replaced(rewriting->rules, mailbox->address))
		return 0;
	buffer_append(
	    &rewriting->output, rewriting->copied, (size_t)(source.start - rewriting->copied));
	buffer_append_string(&rewriting->output, smarthost->from);
	rewriting->copied = source.start + source.length;
	rewriting->from++;
	rewriting->replaced++;
	return 0;
}

/* The list made anew, from but once. */
struct listing {
	const struct rules *rules;
	struct buffer output;
	bool has_from;
};

static int list_mailbox(void *context, const struct mailbox *mailbox)
{
	struct listing *listing = context;
	const char *from = listing->rules->smarthost->from;
	const char *address = mailbox->address;

	if (!names_somebody(mailbox))
		return 0;
	if (is_from(listing->rules->smarthost, address) || is_replaced(listing->rules, address)) {
		if (listing->has_from)
			return 0;
		listing->has_from = true;
		address = from;
	}
	if (listing->output.length != 0)
		buffer_append_string(&listing->output, ", ");
	if (mailbox->display.length == 0) {
		buffer_append_string(&listing->output, address);
		return 0;
	}
	buffer_append_span(&listing->output, span_trim(mailbox->display));
	buffer_format(&listing->output, " <%s>", address);
	return 0;
}

/* Providers refuse two authors, and twice the same one says nothing. */
static void set_list(const struct rules *rules, struct header *header, size_t index)
{
	struct listing listing = { .rules = rules };

	buffer_init(&listing.output, SIZE_MAX / 2);
	address_list_visit(header_field(header, index).value, list_mailbox, &listing);
	header_set_value(header, index, buffer_span(&listing.output));
	buffer_finish(&listing.output);
}

/* "Backup Job": as it may stand before an address. */
static bool is_phrase(struct span words)
{
	for (size_t i = 0; i < words.length; i++)
		if (words.start[i] != ' ' && !address_is_atom_byte(words.start[i]))
			return false;
	return words.length != 0;
}

/* The field that named nobody who could send names from. */
static void set_from(const struct rules *rules, struct header *header, size_t index)
{
	struct span words = span_trim(header_field(header, index).value);
	struct buffer value CLEANUP(buffer_finish) = { 0 };

	buffer_init(&value, SIZE_MAX / 2);
	buffer_append_byte(&value, ' ');
	if (is_phrase(words)) {
		buffer_append_span(&value, words);
		buffer_format(&value, " <%s>", rules->smarthost->from);
	} else {
		buffer_append_string(&value, rules->smarthost->from);
	}
	header_set_value(header, index, buffer_span(&value));
}

static void rewrite_field(const struct rules *rules, struct header *header, size_t index)
{
	struct span value = header_field(header, index).value;
	struct rewriting rewriting = { .rules = rules, .copied = value.start };

	buffer_init(&rewriting.output, SIZE_MAX / 2);
	address_list_visit(value, visit_mailbox, &rewriting);
	if (replaces_nobody(rules) &&
	    (rewriting.count == 0 || rewriting.count == rewriting.nobodies)) {
		set_from(rules, header, index);
	} else if (rewriting.replaced != 0 && rewriting.from > 1) {
		set_list(rules, header, index);
	} else if (rewriting.replaced != 0) {
		buffer_append(&rewriting.output, rewriting.copied,
		    (size_t)(value.start + value.length - rewriting.copied));
		header_set_value(header, index, buffer_span(&rewriting.output));
	}
	buffer_finish(&rewriting.output);
}

/* Those in From to whom an answer may go. */
struct authors {
	const struct rules *rules;
	struct buffer list;
	bool has_replaced;
};

static int visit_author(void *context, const struct mailbox *mailbox)
{
	struct authors *authors = context;

	if (!names_somebody(mailbox) || local_only(authors->rules->host, mailbox->address) != NULL)
		return 0;
	authors->has_replaced = authors->has_replaced ||
				is_replaced(authors->rules, mailbox->address);
	if (authors->list.length != 0)
		buffer_append_string(&authors->list, ", ");
	buffer_append_string(&authors->list, mailbox->address);
	return 0;
}

static void add_reply_to(const struct rules *rules, struct header *header)
{
	struct authors authors = { .rules = rules };
	ssize_t index = header_find(header, "From", 0);

	if (index < 0 || header_has(header, "Reply-To"))
		return;
	buffer_init(&authors.list, SIZE_MAX / 2);
	address_list_visit(header_field(header, (size_t)index).value, visit_author, &authors);
	if (authors.has_replaced)
		header_append(header, "Reply-To", buffer_span(&authors.list));
	buffer_finish(&authors.list);
}

/* Each field of this name, or the first alone. */
static void rewrite_fields(
    const struct rules *rules, struct header *header, const char *name, bool is_first_alone)
{
	ssize_t index = header_find(header, name, 0);

	while (index >= 0) {
		rewrite_field(rules, header, (size_t)index);
		if (is_first_alone)
			return;
		index = header_find(header, name, (size_t)index + 1);
	}
}

static void rewrite_header(
    const struct smarthost *smarthost, bool replaces_all, struct header *header)
{
	CLEANUP(expand_host_finish) struct expand_host host = { 0 };
	const struct rules rules = { smarthost, &host, replaces_all };

	if (smarthost->from == NULL)
		return;
	add_reply_to(&rules, header);
	rewrite_fields(&rules, header, "From", false);
	rewrite_fields(&rules, header, "Sender", false);
	rewrite_fields(&rules, header, "Resent-From", true);
	/* from may be longer than who stood there; what is short enough stays as it is. */
	header_fold(header);
}

void sender_rewrite_header(const struct smarthost *smarthost, struct header *header)
{
	rewrite_header(smarthost, false, header);
}

void sender_replace_header(const struct smarthost *smarthost, struct header *header)
{
	rewrite_header(smarthost, true, header);
}

static int copy_address(void *context, const struct mailbox *mailbox)
{
	char **address = context;

	if (!names_somebody(mailbox))
		return 0;
	*address = memory_copy_string(mailbox->address);
	return 1;
}

char *sender_author(const struct header *header)
{
	ssize_t index = header_find(header, "From", 0);
	char *address = NULL;

	if (index >= 0)
		(void)address_list_visit(
		    header_field(header, (size_t)index).value, copy_address, &address);
	return address;
}

/* ---- reject ---- */

struct search {
	const struct smarthost *smarthost;
	char *refused; /* the first; owned */
	size_t count;
};

static int find_refused(void *context, const struct mailbox *mailbox)
{
	struct search *search = context;
	const char *reason;

	search->count++;
	if (names_somebody(mailbox) &&
	    sender_judge(search->smarthost, mailbox->address, &reason) != SENDER_IS_REFUSED)
		return 0;
	search->refused = names_somebody(mailbox) ? memory_copy_string(mailbox->address)
						  : span_copy(span_trim(mailbox->source));
	return 1;
}

/* In the fields of this name; the caller frees it.  NULL: all may send. */
static char *refused_in(const struct smarthost *smarthost, const struct header *header,
    const char *name, bool is_first_alone)
{
	struct search search = { .smarthost = smarthost };
	ssize_t index = header_find(header, name, 0);

	while (index >= 0 && search.refused == NULL) {
		search.count = 0;
		(void)address_list_visit(
		    header_field(header, (size_t)index).value, find_refused, &search);
		if (search.count == 0)
			search.refused = memory_copy_string("");
		index = is_first_alone ? -1 : header_find(header, name, (size_t)index + 1);
	}
	return search.refused;
}

static char *place_words(const struct config_place *place)
{
	const char *file = place->file != NULL ? place->file : "the configuration";

	return place->line != 0 ? memory_format("%s line %d", file, place->line)
				: memory_copy_string(file);
}

static int refuse(const struct smarthost *smarthost, const struct config_place *place,
    const char *where, const char *who, struct error *error)
{
	CLEANUP(memory_free_string) char *words = place_words(place);
	const char *at = span_from_string(who).length != 0 ? strrchr(who, '@') : NULL;

	error_set(error, ERROR_NO_PERMISSION, "5.7.1",
	    "smarthost \"%s\" is not to be used by %s%s%s: from_policy is \"reject\", and neither "
	    "from nor from_allow has it",
	    smarthost->name, who[0] != '\0' ? who : "nobody", where[0] != '\0' ? " in " : "",
	    where);
	(void)error_code(error, "MC-FROM-05");
	const char *own = smarthost->from != NULL ? smarthost->from : "an address that is allowed";
	/* Without a file there is a variable for the policy, and none for from_allow. */
	if (place->line == 0)
		return error_next(error,
		    "send as %s, or set MAILCHUTE_FROM_POLICY=rewrite (the smarthost is from %s)",
		    own, words);
	return error_next(error,
	    "send as %s, or in %s write from_allow = { \"*@%s\" }, or from_policy = "
	    "\"rewrite\"",
	    own, words, at != NULL && at[1] != '\0' ? at + 1 : "example.com");
}

int sender_check(const struct smarthost *smarthost, const struct config_place *place,
    const char *sender, const struct header *header, struct error *error)
{
	static const struct {
		const char *name;
		bool is_first_alone;
	} fields[] = { { "From", false }, { "Sender", false }, { "Resent-From", true } };
	const char *reason;

	if (smarthost->from_policy != SMARTHOST_FROM_REJECT)
		return 0;
	if (sender_judge(smarthost, sender, &reason) == SENDER_IS_REFUSED)
		return refuse(smarthost, place, "the envelope", sender, error);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		CLEANUP(memory_free_string)
		char *who = refused_in(smarthost, header, fields[i].name, fields[i].is_first_alone);

		if (who != NULL)
			return refuse(smarthost, place, fields[i].name, who, error);
	}
	return 0;
}

/* ---- refused by the smarthost ---- */

/* It says to write what stands there, and is of no help. */
static bool says_from_itself(const struct smarthost *smarthost, const char *known)
{
	if (smarthost->from == NULL)
		return false;
	CLEANUP(memory_free_string)
	char *words = memory_format("from = \"%s\"", smarthost->from);
	return strstr(known, words) != NULL;
}

char *sender_advice(const struct config_smarthost *smarthost, const char *sender, bool is_replaced,
    const char *known)
{
	const struct smarthost *parameters = &smarthost->parameters;
	CLEANUP(memory_free_string) char *place = place_words(&smarthost->place);
	CLEANUP(memory_free_string)
	char *first = span_copy(span_first(span_from_string(sender), strcspn(sender, " ")));
	bool is_own = is_replaced || is_from(parameters, first);

	if (!is_own && sender_is_in_from_allow(parameters, first))
		return memory_format("in smarthost \"%s\" take %s out of from_allow, or let the "
				     "account send as it (%s)",
		    parameters->name, first, place);
	if (known[0] != '\0' && !(is_own && says_from_itself(parameters, known)))
		return memory_format("%s (%s)", known, place);
	if (!is_own && parameters->from != NULL)
		return memory_format("in smarthost \"%s\" write from_policy = \"rewrite\" "
				     "instead of \"%s\", or let the account send as %s (%s)",
		    parameters->name, sender_policy_name(parameters->from_policy), sender, place);
	return memory_format("in smarthost \"%s\" write from = \"an address that this account may "
			     "send as\"%s, or let the account send as %s (%s)",
	    parameters->name,
	    is_own ? " instead of the one there" : " and from_policy = \"rewrite\"",
	    is_replaced ? parameters->from : sender, place);
}
