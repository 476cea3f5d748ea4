/* SPDX-License-Identifier: MIT */

#include "policy/complete.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/address.h"
#include "message/address_list.h"
#include "message/date.h"
#include "message/envelope.h"
#include "message/fold.h"
#include "message/message_id.h"
#include "policy/expand.h"

enum {
	NAME_LIMIT = 256, /* octets of a full name that go into From */
	WORD_LIMIT =
	    39, /* octets of an encoded word: 75 with "=?utf-8?B?" and "?=" (RFC 2047, 2) */
};

char *complete_address(const struct config *config, const char *address)
{
	if (address[0] == '\0' || !address_is_bare(span_from_string(address)))
		return memory_copy_string(address);
	return memory_format("%s@%s", address, config->domain);
}

static void append_login(const char *login, struct buffer *name)
{
	bool is_small = login[0] >= 'a' && login[0] <= 'z';

	buffer_append_string(name, login);
	if (is_small && !name->has_overflowed)
		name->start[name->length - strlen(login)] = (char)(login[0] - 'a' + 'A');
}

void complete_full_name(const char *gecos, const char *login, char *full_name, size_t size)
{
	struct span rest = span_first(span_from_string(gecos), strcspn(gecos, ","));
	CLEANUP(buffer_finish) struct buffer name = { 0 };

	assert(size != 0);
	buffer_init(&name, size - 1);
	for (size_t i = 0; i < rest.length; i++) {
		if (rest.start[i] == '&')
			append_login(login, &name);
		else
			buffer_append_byte(&name, rest.start[i]);
	}
	full_name[0] = '\0';
	if (!name.has_overflowed && !span_has_control(buffer_span(&name)))
		text_copy(full_name, size, buffer_string(&name));
}

/* Names in a field: what they stand for, or the domain behind each; all else stays. */
struct completion {
	const struct config *config;
	const struct aliases *aliases; /* NULL: the domain alone */
	struct expand_host *host;
	struct span value;
	const char *copied; /* the value is copied up to here */
	struct buffer output;
	bool has_changed;
};

static const char *span_end(struct span span)
{
	return span.start + span.length;
}

static void copy_up_to(struct completion *completion, const char *end)
{
	buffer_append(&completion->output, completion->copied, (size_t)(end - completion->copied));
	completion->copied = end;
}

/* Behind the bracket that closes the mailbox: only blanks and comments stand before it. */
static const char *find_end(struct span value, const struct mailbox *mailbox)
{
	const char *p = span_end(mailbox->source);
	size_t depth = 0;

	for (; p < span_end(value) && (depth != 0 || (*p != ',' && *p != ';')); p++) {
		if (*p == '\\')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && depth != 0)
			depth--;
		else if (*p == '>' && depth == 0)
			return p + 1;
	}
	return span_end(mailbox->source);
}

/* The display name stays with the first of them. */
static void put_addresses(
    struct completion *completion, const struct mailbox *mailbox, const struct envelope *addresses)
{
	copy_up_to(completion, mailbox->source.start);
	buffer_append_string(&completion->output, addresses->recipients[0].address);
	completion->copied = span_end(mailbox->source);
	if (addresses->recipient_count > 1)
		copy_up_to(completion, find_end(completion->value, mailbox));
	for (size_t i = 1; i < addresses->recipient_count; i++)
		buffer_format(&completion->output, ", %s", addresses->recipients[i].address);
	completion->has_changed = true;
}

static int visit_mailbox(void *context, const struct mailbox *mailbox)
{
	struct completion *completion = context;
	CLEANUP(envelope_finish) struct envelope found = { 0 };

	if (mailbox->address == NULL || mailbox->address[0] == '\0')
		return 0;
	if (completion->aliases != NULL &&
	    expand_for_header(completion->config, completion->aliases, completion->host,
		mailbox->address, &found)) {
		put_addresses(completion, mailbox, &found);
		return 0;
	}
	if (!address_is_bare(span_from_string(mailbox->address)))
		return 0;
	copy_up_to(completion, span_end(mailbox->source));
	buffer_append_byte(&completion->output, '@');
	buffer_append_string(&completion->output, completion->config->domain);
	completion->has_changed = true;
	return 0;
}

static void complete_field(struct header *header, size_t index, const struct config *config,
    const struct aliases *aliases, struct expand_host *host)
{
	struct span value = header_field(header, index).value;
	struct completion completion = { .config = config,
		.aliases = aliases,
		.host = host,
		.value = value,
		.copied = value.start };

	buffer_init(&completion.output, SIZE_MAX / 2);
	address_list_visit(value, visit_mailbox, &completion);
	if (completion.has_changed) {
		copy_up_to(&completion, span_end(value));
		header_set_value(header, index, buffer_span(&completion.output));
	}
	buffer_finish(&completion.output);
}

/* "a@b,c@d" and so on for more than a line may hold: header_fold needs blanks. */
static void part_long_field(struct header *header, size_t index)
{
	struct field field = header_field(header, index);
	CLEANUP(buffer_finish) struct buffer value = { 0 };

	if (!fold_is_needed(&field))
		return;
	buffer_init(&value, 2 * field.value.length);
	fold_part_addresses(field.value, &value);
	header_set_value(header, index, buffer_span(&value));
}

static void complete_fields(
    struct header *header, const struct config *config, const struct aliases *aliases)
{
	static const struct {
		const char *name;
		bool is_of_recipients;
	} fields[] = { { "From", false }, { "Sender", false }, { "Reply-To", false },
		{ "To", true }, { "Cc", true }, { "Resent-From", false },
		{ "Resent-Sender", false }, { "Resent-Reply-To", false }, { "Resent-To", true },
		{ "Resent-Cc", true } };

	CLEANUP(expand_host_finish) struct expand_host host = { 0 };

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		bool rewrites = fields[i].is_of_recipients && !config->keeps_to;
		ssize_t index = header_find(header, fields[i].name, 0);

		while (index >= 0) {
			complete_field(
			    header, (size_t)index, config, rewrites ? aliases : NULL, &host);
			part_long_field(header, (size_t)index);
			index = header_find(header, fields[i].name, (size_t)index + 1);
		}
	}
}

/* The octets of the UTF-8 character that text begins with; 0 when it is none (RFC 3629). */
static size_t character_length(struct span text)
{
	unsigned char first = (unsigned char)text.start[0];
	size_t length = first < 0x80   ? 1
			: first < 0xc2 ? 0
			: first < 0xe0 ? 2
			: first < 0xf0 ? 3
			: first < 0xf5 ? 4
				       : 0;

	if (length > text.length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text.start[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static bool is_utf8(struct span text)
{
	while (text.length != 0) {
		size_t length = character_length(text);

		if (length == 0)
			return false;
		text = span_after(text, length);
	}
	return true;
}

/* No character is cut in two, nor an encoded word longer than allowed (RFC 2047, 2 and 5). */
static void append_encoded(struct span name, struct buffer *output)
{
	bool is_known = is_utf8(name);
	bool is_first = true;

	while (name.length != 0) {
		size_t length = 0;

		while (length < name.length) {
			size_t step = is_known ? character_length(span_after(name, length)) : 1;

			if (length + step > WORD_LIMIT)
				break;
			length += step;
		}
		if (!is_first)
			buffer_append_string(output, "\r\n ");
		buffer_append_string(output, is_known ? "=?utf-8?B?" : "=?unknown-8bit?B?");
		base64_encode(span_first(name, length), output);
		buffer_append_string(output, "?=");
		name = span_after(name, length);
		is_first = false;
	}
}

static bool is_phrase_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr(" !#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static void append_quoted(struct span name, struct buffer *output)
{
	bool needs_quotes = false;

	for (size_t i = 0; i < name.length; i++)
		needs_quotes = needs_quotes || !is_phrase_byte(name.start[i]);
	/* What looks like an encoded word is none. */
	needs_quotes = needs_quotes || memmem(name.start, name.length, "=?", 2) != NULL;
	if (!needs_quotes) {
		buffer_append_span(output, name);
		return;
	}
	buffer_append_byte(output, '"');
	for (size_t i = 0; i < name.length; i++) {
		if (name.start[i] == '"' || name.start[i] == '\\')
			buffer_append_byte(output, '\\');
		buffer_append_byte(output, name.start[i]);
	}
	buffer_append_byte(output, '"');
}

/* Controls become blanks: a line end in -F must not begin a field of its own. */
static char *tidy_name(const char *full_name)
{
	struct span span = span_first(span_from_string(full_name), NAME_LIMIT);

	/* Not in the middle of a character. */
	while (span.length == NAME_LIMIT && span.length != 0 &&
	       ((unsigned char)full_name[span.length] & 0xc0) == 0x80)
		span.length--;
	char *copy = span_copy(span);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	char *tidy = span_copy(span_trim(span_from_string(copy)));
	free(copy);
	return tidy;
}

/* Full Name <sender> */
static void add_from(struct header *header, const char *field, const struct config *config,
    const struct complete_submitter *submitter)
{
	CLEANUP(buffer_finish) struct buffer value = { 0 };
	CLEANUP(memory_free_string)
	char *sender = complete_address(
	    config, submitter->sender[0] != '\0' ? submitter->sender : "MAILER-DAEMON");
	CLEANUP(memory_free_string) char *tidy = tidy_name(submitter->full_name);
	struct span name = span_from_string(tidy);

	buffer_init(&value, 65536);
	if (name.length == 0)
		buffer_append_string(&value, sender);
	else {
		if (span_has_8bit(name))
			append_encoded(name, &value);
		else
			append_quoted(name, &value);
		buffer_format(&value, " <%s>", sender);
	}
	assert(!value.has_overflowed);
	header_append(header, field, buffer_span(&value));
}

static void add_resent(
    struct header *header, const struct config *config, const struct complete_submitter *submitter)
{
	char date[DATE_SIZE];

	/* A block of its own at the top (RFC 5322, 3.6.6). */
	if (!header_has(header, "Resent-From")) {
		struct header scratch = { 0 };

		header_init(&scratch);
		add_from(&scratch, "Resent-From", config, submitter);
		header_prepend(header, "Resent-From", span_trim(header_field(&scratch, 0).value));
		header_finish(&scratch);
	}
	if (!header_has(header, "Resent-Message-ID")) {
		CLEANUP(memory_free_string) char *id = message_id_generate(config->domain);

		header_prepend(header, "Resent-Message-ID", span_from_string(id));
	}
	if (!header_has(header, "Resent-Date")) {
		date_format(submitter->wall, date);
		header_prepend(header, "Resent-Date", span_from_string(date));
	}
}

static void add_missing(
    struct header *header, const struct config *config, const struct complete_submitter *submitter)
{
	char date[DATE_SIZE];

	if (!header_has(header, "Date")) {
		date_format(submitter->wall, date);
		header_append(header, "Date", span_from_string(date));
	}
	if (!header_has(header, "Message-ID")) {
		CLEANUP(memory_free_string) char *id = message_id_generate(config->domain);

		header_append(header, "Message-ID", span_from_string(id));
	}
	if (!header_has(header, "From"))
		add_from(header, "From", config, submitter);
}

void complete_header(
    struct header *header, const struct config *config, const struct complete_submitter *submitter)
{
	/* Blind copies in sight would be the worst of faults, whatever else is wrong. */
	static const char *const unwanted[] = { "Bcc", "Resent-Bcc", "Return-Path",
		"Content-Length" };
	bool is_resent = header_has_prefix(header, "Resent-");

	for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
		header_remove_all(header, unwanted[i]);
	header_mask_nul(header);
	complete_fields(header, config, submitter->aliases);
	if (is_resent)
		add_resent(header, config, submitter);
	add_missing(header, config, submitter);
	header_fold(header);
}
