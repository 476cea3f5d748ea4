/* SPDX-License-Identifier: MIT */

/*
 * Command lines, both ways.
 *
 * First octet even: the rest is a line; what it said is written again and must
 * say the same.  Odd: the rest, cut at NULs, is what a caller hands to the
 * envelope's door (sender, envid, full name, recipient, original); what
 * passes must arrive as it is, in one line.
 */

#include "smtp/command.h"

#include "message/address.h"
#include "tests/fuzz/fuzz.h"

static const struct extensions everything = {
	.is_extended = true,
	.pipelining = true,
	.chunking = true,
	.eight_bit_mime = true,
	.smtputf8 = true,
	.dsn = true,
	.enhanced_status_codes = true,
	.size = true,
	.mailchute = true,
};

/* What was written, which must be one line that the server's end takes. */
static void parse_written(const struct buffer *output, struct command *command)
{
	struct span rest = buffer_span(output);
	struct span line;
	struct error error;

	assert(!output->has_overflowed && output->length <= COMMAND_LINE_LIMIT);
	assert(span_ends_with_ignoring_case(rest, "\r\n"));
	assert(span_take_line(&rest, &line) && rest.length == 0);
	assert(line.length == output->length - 2 && !span_has_control(line));
	assert(command_parse(line, command, &error) == 0);
}

static void check_mail(const char *sender, const struct mail_parameters *mail)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct command again;

	buffer_init(&output, 1 << 16);
	command_write_mail(&output, sender, mail, &everything);
	parse_written(&output, &again);
	assert(again.verb == COMMAND_MAIL && span_equals_string(again.address, sender));
	assert(again.mail.has_size == mail->has_size && again.mail.size == mail->size);
	assert(again.mail.is_8bit == mail->is_8bit && again.mail.smtputf8 == mail->smtputf8);
	assert(again.mail.return_content == mail->return_content);
	assert(strcmp(again.mail.envid, mail->envid) == 0);
	assert(strcmp(again.mail.full_name, mail->full_name) == 0);
	assert(again.mail.sender_is_self == mail->sender_is_self);
	assert(again.mail.wait == mail->wait && again.mail.trace == mail->trace);
}

/* An original without a type is one of Internet mail; one that is too long stays out. */
static bool is_same_original(const char *sent, const char *received)
{
	if (sent == NULL || sent[0] == '\0')
		return received[0] == '\0';
	if (received[0] == '\0')
		return 3 * strlen(sent) + strlen(" ORCPT=rfc822;") > ENVELOPE_ORIGINAL_LIMIT;
	return strcmp(sent, received) == 0 ||
	       (strncmp(received, "rfc822;", 7) == 0 && strcmp(sent, received + 7) == 0);
}

static void check_rcpt(const struct recipient *recipient)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct command again;

	buffer_init(&output, 1 << 16);
	command_write_rcpt(&output, recipient, &everything);
	parse_written(&output, &again);
	assert(again.verb == COMMAND_RCPT);
	assert(span_equals_string(again.address, recipient->address));
	assert(again.rcpt.notify == recipient->notify);
	assert(is_same_original(recipient->original, again.rcpt.original));
}

static void check_others(const struct command *command)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	CLEANUP(memory_free_string) char *argument = span_copy(command->argument);
	struct command again;

	buffer_init(&output, 1 << 16);
	switch (command->verb) {
	case COMMAND_HELO:
	case COMMAND_EHLO:
	case COMMAND_LHLO:
		if (span_has_control(command->argument) || command->argument.length > 1000)
			return;
		command_write_hello(&output, command->verb, argument);
		break;
	case COMMAND_DATA:
	case COMMAND_RSET:
	case COMMAND_NOOP:
	case COMMAND_QUIT:
	case COMMAND_STARTTLS:
		command_write_plain(&output, command->verb);
		break;
	case COMMAND_BDAT:
		command_write_bdat(&output, command->chunk_size, command->is_last);
		break;
	default:
		return;
	}
	parse_written(&output, &again);
	assert(again.verb == command->verb && again.chunk_size == command->chunk_size);
	assert(again.is_last == command->is_last);
}

/* Both paths passed the door, so that what is made of them needs no other look. */
static void check_explain(const struct command *command)
{
	struct error fault;

	assert(command->recipient.length != 0);
	assert(address_check(command->recipient, &fault) == 0);
	assert(address_check(command->address, &fault) == 0);
	assert(!command->mail.sender_is_self || command->address.length == 0);
}

static bool is_within(struct span part, struct span whole)
{
	return part.length == 0 || (part.start >= whole.start &&
				       part.start + part.length <= whole.start + whole.length);
}

static void check_line(struct span line)
{
	struct command command;
	struct error error = { 0 };
	struct error fault;

	if (command_parse(line, &command, &error) < 0) {
		fuzz_check_error(&error);
		assert(command_error_code(&error) >= 500 && command_error_code(&error) <= 555);
		return;
	}
	assert(is_within(command.argument, line) && is_within(command.address, line));
	assert(is_within(command.recipient, line));
	assert(command_verb_name(command.verb) != NULL);
	if (command.verb == COMMAND_XEXPLAIN)
		check_explain(&command);
	if (command.verb != COMMAND_MAIL && command.verb != COMMAND_RCPT) {
		check_others(&command);
		return;
	}
	assert(address_check(command.address, &fault) == 0);
	CLEANUP(memory_free_string) char *address = span_copy(command.address);
	if (command.verb == COMMAND_MAIL) {
		check_mail(address, &command.mail);
		return;
	}
	check_rcpt(&(struct recipient){
	    .address = address, .original = command.rcpt.original, .notify = command.rcpt.notify });
}

static void take_string(struct span *input, char *string, size_t size)
{
	struct span part = fuzz_part(input);

	if (part.length >= size || span_has_control(part))
		return;
	memcpy(string, part.start, part.length);
	string[part.length] = '\0';
}

static void check_envelope(struct span input)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct error error;
	struct mail_parameters mail = { .has_size = true, .size = input.length, .is_8bit = true };
	unsigned flags = fuzz_take(&input);

	mail.return_content = (enum envelope_return)(flags % 3);
	mail.wait = (enum command_wait)(flags / 3 % 3);
	mail.trace = (flags & 0x40) != 0;
	mail.sender_is_self = (flags & 0x80) != 0;
	if (envelope_set_sender(&envelope, fuzz_part(&input), &error) < 0)
		fuzz_check_error(&error);
	if (envelope_set_envid(&envelope, fuzz_part(&input), &error) == 0 && envelope.envid != NULL)
		memcpy(mail.envid, envelope.envid, strlen(envelope.envid) + 1);
	take_string(&input, mail.full_name, sizeof mail.full_name);
	mail.smtputf8 = envelope_needs_smtputf8(&envelope);
	if (envelope.sender != NULL)
		check_mail(envelope.sender, &mail);
	while (input.length != 0) {
		struct span address = fuzz_part(&input);
		struct span original = fuzz_part(&input);

		if (envelope_add_recipient(
			&envelope, address, original, fuzz_take(&input) % 16, &error) < 0)
			fuzz_check_error(&error);
	}
	for (size_t i = 0; i < envelope.recipient_count; i++)
		check_rcpt(&envelope.recipients[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);

	if (fuzz_take(&input) % 2 == 0)
		check_line(input);
	else
		check_envelope(input);
	return 0;
}
