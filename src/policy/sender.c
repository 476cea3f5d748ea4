/* SPDX-License-Identifier: MIT */

#include "policy/sender.h"

#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "message/address.h"
#include "message/address_list.h"
#include "policy/expand.h"

/* NULL, or why no provider accepts it: it says nothing about who in the world sends. */
static const char *local_only(struct span address)
{
	struct address parts = address_split(address);

	if (parts.domain.length != 0 && parts.domain.start[0] == '[')
		return NULL;
	if (parts.domain.length == 0)
		return "no smarthost takes an address without a domain";
	if (span_find_byte(parts.domain, '.') < 0)
		return "no smarthost takes a domain without a dot";
	return expand_is_this_host(parts.domain) ? "no smarthost takes this machine's own name"
						 : NULL;
}

static bool is_local_only(struct span address)
{
	return local_only(address) != NULL;
}

/* True: from takes its place. */
static bool judge(const struct smarthost *smarthost, const char *sender, const char **reason)
{
	const char *fault = sender[0] != '\0' ? local_only(span_from_string(sender)) : NULL;

	*reason = fault;
	if (sender[0] == '\0')
		*reason = "the null sender is never changed";
	else if (fault == NULL)
		*reason = "it may be an address of the world";
	else if (smarthost->from == NULL)
		*reason = "no \"from\" is configured that could take its place";
	return fault != NULL && smarthost->from != NULL;
}

char *sender_outgoing(const struct smarthost *smarthost, const char *sender)
{
	const char *reason;

	return memory_copy_string(judge(smarthost, sender, &reason) ? smarthost->from : sender);
}

const char *sender_reason(const struct smarthost *smarthost, const char *sender)
{
	const char *reason;

	(void)judge(smarthost, sender, &reason);
	return reason;
}

/* A field's value while it is copied with other addresses in it. */
struct rewriting {
	const char *from;
	bool replaces_all; /* else only what no smarthost takes */
	struct span value;
	const char *copied; /* up to here */
	struct buffer output;
	bool has_changed;
};

static int visit_mailbox(void *context, const struct mailbox *mailbox)
{
	struct rewriting *rewriting = context;
	struct span source = mailbox->source;

	if (mailbox->address == NULL || mailbox->address[0] == '\0' ||
	    strcmp(mailbox->address, rewriting->from) == 0 ||
	    (!rewriting->replaces_all && !is_local_only(span_from_string(mailbox->address))))
		return 0;
	buffer_append(
	    &rewriting->output, rewriting->copied, (size_t)(source.start - rewriting->copied));
	buffer_append_string(&rewriting->output, rewriting->from);
	rewriting->copied = source.start + source.length;
	rewriting->has_changed = true;
	return 0;
}

static void rewrite_field(struct header *header, size_t index, const char *from, bool replaces_all)
{
	struct span value = header_field(header, index).value;
	struct rewriting rewriting = {
		.from = from,
		.replaces_all = replaces_all,
		.value = value,
		.copied = value.start,
	};

	buffer_init(&rewriting.output, SIZE_MAX / 2);
	address_list_visit(value, visit_mailbox, &rewriting);
	if (rewriting.has_changed) {
		buffer_append(&rewriting.output, rewriting.copied,
		    (size_t)(value.start + value.length - rewriting.copied));
		header_set_value(header, index, buffer_span(&rewriting.output));
	}
	buffer_finish(&rewriting.output);
}

static void rewrite_header(
    const struct smarthost *smarthost, struct header *header, bool replaces_all)
{
	static const char *const names[] = { "From", "Sender", "Resent-From" };

	if (smarthost->from == NULL)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		ssize_t index = header_find(header, names[i], 0);

		while (index >= 0) {
			rewrite_field(header, (size_t)index, smarthost->from, replaces_all);
			index = header_find(header, names[i], (size_t)index + 1);
		}
	}
}

void sender_rewrite_header(const struct smarthost *smarthost, struct header *header)
{
	rewrite_header(smarthost, header, false);
}

static int copy_address(void *context, const struct mailbox *mailbox)
{
	char **address = context;

	if (mailbox->address == NULL || mailbox->address[0] == '\0')
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

void sender_replace_header(const struct smarthost *smarthost, struct header *header)
{
	char *author CLEANUP(memory_free_string) = sender_author(header);

	if (smarthost->from == NULL)
		return;
	if (author != NULL && strcmp(author, smarthost->from) != 0 &&
	    !is_local_only(span_from_string(author)) && !header_has(header, "Reply-To"))
		header_append(header, "Reply-To", span_from_string(author));
	rewrite_header(smarthost, header, true);
}
