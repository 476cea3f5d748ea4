/* SPDX-License-Identifier: MIT */

#include "service/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/secrets.h"
#include "message/header.h"
#include "policy/sender.h"

int outgoing_relay(const struct config *config, const struct config_smarthost *smarthost,
    struct request_relay *relay, struct error *error)
{
	*relay = (struct request_relay){ .hello = memory_copy_string(config->ehlo) };
	smarthost_copy(&smarthost->parameters, &relay->smarthost);
	if (secrets_read(config->secrets_file, smarthost->secret, &relay->smarthost, error) < 0) {
		request_finish_relay(relay);
		return -1;
	}
	return 0;
}

int outgoing_account(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *account, struct error *error)
{
	struct smarthost found CLEANUP(smarthost_finish) = { 0 };

	smarthost_copy(&smarthost->parameters, &found);
	if (secrets_read(config->secrets_file, smarthost->secret, &found, error) < 0)
		return -1;
	memory_free_secret(&found.password);
	memory_free_secret(&found.token);
	*account = found;
	found = (struct smarthost){ 0 };
	return 0;
}

/* The smarthost with the address that it may send as; a login may be one, so it is looked at. */
static int find_from(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *known, struct error *error)
{
	smarthost_copy(&smarthost->parameters, known);
	if (known->from != NULL)
		return 0;
	return secrets_read(config->secrets_file, smarthost->secret, known, error);
}

int outgoing_from(const struct config *config, const struct config_smarthost *smarthost,
    char **from, struct error *error)
{
	struct smarthost known CLEANUP(smarthost_finish) = { 0 };

	if (find_from(config, smarthost, &known, error) < 0)
		return -1;
	*from = known.from != NULL ? memory_copy_string(known.from) : NULL;
	return 0;
}

static void read_fields(struct header *fields, struct span header)
{
	struct span body;

	header_init(fields);
	header_feed(fields, header, &body);
	if (!fields->is_complete)
		header_end(fields, &body);
}

static int set_header(
    struct request_attempt *attempt, const struct header *fields, struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, 2 * HEADER_LIMIT);
	header_write(fields, &text);
	if (text.has_overflowed)
		return error_set(error, ERROR_DATA, "5.6.0", "the header is too long");
	free(attempt->header);
	attempt->header_length = text.length;
	attempt->header = buffer_take_string(&text);
	return 0;
}

int outgoing_message_as(const struct smarthost *known, const char *sender, struct span header,
    struct request_attempt *attempt, struct error *error)
{
	struct header fields CLEANUP(header_finish) = { 0 };
	char *outgoing CLEANUP(memory_free_string) = sender_outgoing(known, sender);

	if (envelope_set_sender(&attempt->envelope, span_from_string(outgoing), error) < 0)
		return -1;
	read_fields(&fields, header);
	sender_rewrite_header(known, &fields);
	return set_header(attempt, &fields, error);
}

int outgoing_replace_sender(const char *from, struct request_attempt *attempt, struct error *error)
{
	struct header fields CLEANUP(header_finish) = { 0 };
	char *copy CLEANUP(memory_free_string) = memory_copy_string(from);
	const struct smarthost known = { .from = copy };

	read_fields(&fields, span_from_bytes(attempt->header, attempt->header_length));
	sender_replace_header(&known, &fields);
	if (set_header(attempt, &fields, error) < 0)
		return -1;
	return envelope_set_sender(&attempt->envelope, span_from_string(from), error);
}

char *outgoing_identity(const struct request_attempt *attempt)
{
	struct header fields CLEANUP(header_finish) = { 0 };
	const char *sender = attempt->envelope.sender;

	read_fields(&fields, span_from_bytes(attempt->header, attempt->header_length));
	char *author CLEANUP(memory_free_string) = sender_author(&fields);
	if (author == NULL || strcmp(author, sender) == 0)
		return memory_copy_string(sender);
	return memory_format("%s %s", sender, author);
}

int outgoing_known(const struct config *config, const struct config_smarthost *smarthost,
    struct smarthost *known, struct error *error)
{
	struct smarthost found CLEANUP(smarthost_finish) = { 0 };

	if (find_from(config, smarthost, &found, error) < 0)
		return -1;
	memory_free_secret(&found.password);
	memory_free_secret(&found.token);
	*known = found;
	found = (struct smarthost){ 0 };
	return 0;
}

int outgoing_message(const struct config *config, const struct config_smarthost *smarthost,
    const char *sender, struct span header, struct request_attempt *attempt, struct error *error)
{
	struct smarthost known CLEANUP(smarthost_finish) = { 0 };

	if (outgoing_known(config, smarthost, &known, error) < 0)
		return -1;
	return outgoing_message_as(&known, sender, header, attempt, error);
}
