/* SPDX-License-Identifier: MIT */

#include "policy/targets.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "message/address.h"
#include "message/address_list.h"

static const char list_word[] = ":include:";

const char *targets_list_path(const char *target)
{
	size_t length = strlen(list_word);

	return strncmp(target, list_word, length) == 0 ? target + length : NULL;
}

static struct span without_quote(struct span target)
{
	if (span_starts_with(target, "\"") && target.length > 1)
		return span_trim(span_after(target, 1));
	return target;
}

/* NULL, or why this is no mail address but something to be done on this machine. */
static const char *local_delivery(struct span target)
{
	target = without_quote(target);
	if (span_starts_with(target, "|"))
		return "programs are not run";
	if (span_starts_with(target, "/"))
		return "files are not written to";
	if (span_starts_with_ignoring_case(target, list_word))
		return "a list in a file must stand in the aliases file, by itself";
	if (span_starts_with(target, ":"))
		return ":fail: and its like are not obeyed";
	return NULL;
}

static int visit_mailbox(void *context, const struct mailbox *mailbox)
{
	const struct targets_reader *reader = context;
	const char *reason = mailbox->fault;
	/* In brackets or in a group, too: "<|program>" is no address of anybody. */
	const char *local = reason == NULL ? local_delivery(span_from_string(mailbox->address))
					   : NULL;

	if (reason == NULL && mailbox->address[0] == '\0')
		reason = "it is empty";
	if (local != NULL || reason != NULL)
		reader->pass_over(reader->context, local != NULL, mailbox->source,
		    local != NULL ? local : reason);
	else
		reader->take(reader->context, span_from_string(mailbox->address));
	return 0;
}

/* "\\name": no alias is asked for it. */
static bool is_final_name(struct span target)
{
	struct span name = span_after(target, 1);
	struct error error;

	return target.start[0] == '\\' && name.length != 0 && local_delivery(name) == NULL &&
	       address_is_bare(name) && address_check(name, &error) == 0;
}

/* :include:/path, or ":include:/path with blanks".  False when it is no list. */
static bool read_list(const struct targets_reader *reader, struct span target)
{
	struct span text = without_quote(target);

	if (!reader->allows_lists || !span_starts_with_ignoring_case(text, list_word))
		return false;
	text = span_after(text, strlen(list_word));
	if (span_starts_with(target, "\"") && span_ends_with_ignoring_case(text, "\""))
		text.length--;
	text = span_trim(text);
	if (!span_starts_with(text, "/") || span_has_control(text)) {
		reader->pass_over(
		    reader->context, false, target, "the list is not named by its full path");
		return true;
	}
	CLEANUP(memory_free_string)
	char *whole = memory_format("%s%.*s", list_word, span_int(text), text.start);
	reader->take(reader->context, span_from_string(whole));
	return true;
}

static void read_target(const struct targets_reader *reader, struct span target)
{
	if (target.length == 0 || read_list(reader, target))
		return;
	const char *reason = local_delivery(target);
	if (reason != NULL)
		reader->pass_over(reader->context, true, target, reason);
	else if (is_final_name(target))
		reader->take(reader->context, target);
	else
		address_list_visit(target, visit_mailbox, (void *)(uintptr_t)reader);
}

/* The length of the target that text begins with: to a comma outside quotes, comments, <>. */
static size_t target_length(struct span text)
{
	bool is_quoted = false;
	size_t depth = 0;
	size_t i;

	for (i = 0; i < text.length; i++) {
		char c = text.start[i];

		if (c == '\\')
			i++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && (c == '(' || c == '<'))
			depth++;
		else if (!is_quoted && (c == ')' || c == '>') && depth > 0)
			depth--;
		else if (!is_quoted && depth == 0 && c == ',')
			break;
	}
	return i < text.length ? i : text.length;
}

void targets_read(const struct targets_reader *reader, struct span text)
{
	while (text.length != 0) {
		size_t length = target_length(text);

		read_target(reader, span_trim(span_first(text, length)));
		text = span_after(text, length + 1);
	}
}
