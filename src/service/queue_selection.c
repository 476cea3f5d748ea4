/* SPDX-License-Identifier: MIT */

#include "service/queue_selection.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "smtp/xtext.h"

int queue_selection_add(struct queue_selection *selection, struct span id, struct error *error)
{
	if (!queue_id_is_valid(id))
		return error_set(error, ERROR_USAGE, "5.5.4", "%.*s is no queue ID",
		    span_int(span_first(id, 100)), id.start);
	selection->ids = memory_resize_array(
	    selection->ids, selection->id_count + 1, sizeof selection->ids[0]);
	memcpy(selection->ids[selection->id_count], id.start, QUEUE_ID_LENGTH);
	selection->ids[selection->id_count++][QUEUE_ID_LENGTH] = '\0';
	return 0;
}

static int take_value(char **target, struct span value, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	buffer_init(&text, value.length + 1);
	if (*target != NULL || xtext_decode(value, &text) < 0)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "a condition stands there twice, or is no xtext (RFC 3461)");
	*target = buffer_take_string(&text);
	return 0;
}

static int take_word(struct queue_selection *selection, struct span word, struct error *error)
{
	if (span_equals_string_ignoring_case(word, "ALL")) {
		selection->is_all = true;
		return 0;
	}
	if (span_starts_with_ignoring_case(word, "FROM="))
		return take_value(&selection->from, span_after(word, 5), error);
	if (span_starts_with_ignoring_case(word, "TO="))
		return take_value(&selection->to, span_after(word, 3), error);
	if (span_starts_with_ignoring_case(word, "SMARTHOST="))
		return take_value(&selection->smarthost, span_after(word, 10), error);
	return queue_selection_add(selection, word, error);
}

int queue_selection_parse(struct queue_selection *selection, struct span words, struct error *error)
{
	struct span word = { 0 };

	while (span_take_word(&words, &word))
		if (take_word(selection, word, error) < 0)
			return -1;
	if (selection->is_all &&
	    (selection->id_count != 0 || queue_selection_has_conditions(selection)))
		return error_set(error, ERROR_USAGE, "5.5.4", "ALL stands alone");
	return 0;
}

static void write_condition(const char *name, const char *value, struct buffer *words)
{
	if (value == NULL)
		return;
	buffer_append_byte(words, ' ');
	buffer_append_string(words, name);
	xtext_encode(span_from_string(value), words);
}

void queue_selection_write(const struct queue_selection *selection, struct buffer *words)
{
	if (selection->is_all)
		buffer_append_string(words, " ALL");
	write_condition("FROM=", selection->from, words);
	write_condition("TO=", selection->to, words);
	write_condition("SMARTHOST=", selection->smarthost, words);
}

bool queue_selection_has_conditions(const struct queue_selection *selection)
{
	return selection->from != NULL || selection->to != NULL || selection->smarthost != NULL;
}

bool queue_selection_is_empty(const struct queue_selection *selection)
{
	return !selection->is_all && selection->id_count == 0 &&
	       !queue_selection_has_conditions(selection);
}

/* Who writes Bob@There.Example means bob, and no server tells them apart. */
static bool is_like(const char *pattern, const char *address)
{
	size_t length = strlen(address);
	size_t tail = strlen(pattern);

	if (pattern[0] == '@')
		return tail <= length && strcasecmp(address + length - tail, pattern) == 0;
	return strcasecmp(address, pattern) == 0;
}

static bool is_to(const struct queue_file *file, const char *pattern)
{
	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		if (file->marks[i] != RECIPIENT_DELIVERED && file->marks[i] != RECIPIENT_UNTOLD &&
		    file->marks[i] != RECIPIENT_REPORTED &&
		    is_like(pattern, file->envelope.recipients[i].address))
			return true;
	return false;
}

bool queue_selection_matches(
    const struct queue_selection *selection, const struct queue_file *file, const char *smarthost)
{
	if (!queue_selection_has_conditions(selection))
		return true;
	if (file == NULL)
		return false;
	if (selection->from != NULL && !is_like(selection->from, file->envelope.sender))
		return false;
	if (selection->to != NULL && !is_to(file, selection->to))
		return false;
	return selection->smarthost == NULL ||
	       (smarthost != NULL && strcmp(smarthost, selection->smarthost) == 0);
}

void queue_selection_finish(struct queue_selection *selection)
{
	free(selection->ids);
	free(selection->from);
	free(selection->to);
	free(selection->smarthost);
	*selection = (struct queue_selection){ 0 };
}
