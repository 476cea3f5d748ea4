/* SPDX-License-Identifier: MIT */

#include "sendmail/intake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/address.h"
#include "message/address_list.h"
#include "message/header.h"
#include "sendmail/backslash.h"

enum { BLOCK = 32768 };

static void note_malformed(struct intake *intake, struct span source, const char *why)
{
	char words[500];

	snprintf(words, sizeof words, "%s\"%.*s\" (%s)", intake->bad_count != 0 ? ", " : "",
	    span_int(span_first(source, 200)), source.start, why);
	text_append(intake->fault, sizeof intake->fault, words);
	intake->bad_count++;
}

/* One mailbox of an argument or a field. */
static int add_mailbox(void *context, const struct mailbox *mailbox)
{
	struct intake *intake = context;
	struct error error;

	if (mailbox->address == NULL) {
		note_malformed(intake, mailbox->source, mailbox->fault);
		return 0;
	}
	if (mailbox->address[0] == '\0') {
		note_malformed(intake, span_from_string("<>"), "nobody has this address");
		return 0;
	}
	if (envelope_add_recipient(&intake->envelope, span_from_string(mailbox->address),
		(struct span){ 0 }, intake->notify, &error) < 0)
		note_malformed(intake, mailbox->source, error.text);
	return 0;
}

/* A tab is a blank between addresses; the envelope refuses one within an address. */
static bool has_control_but_tab(struct span text)
{
	struct span part;

	while (span_take_until(&text, '\t', &part))
		if (span_has_control(part))
			return true;
	return false;
}

static void add_arguments(struct intake *intake, const struct options *options)
{
	for (int i = 0; i < options->recipient_count; i++) {
		CLEANUP(memory_free_string)
		char *text = backslash_remove(span_from_string(options->recipients[i]));
		struct span word = span_from_string(text);
		size_t before = intake->envelope.recipient_count + intake->bad_count;

		if (has_control_but_tab(span_trim(word)))
			note_malformed(intake, word, "it holds a control character");
		else if (span_equals_string(span_trim(word), "-"))
			note_malformed(intake, word, "it is neither an option nor an address");
		else
			(void)address_list_visit(word, add_mailbox, intake);
		if (span_trim(word).length == 0 &&
		    before == intake->envelope.recipient_count + intake->bad_count)
			note_malformed(intake, word, "it is empty");
	}
}

struct one_sender {
	struct envelope *envelope;
	size_t count;
	struct error *error;
};

static int take_sender(void *context, const struct mailbox *mailbox)
{
	struct one_sender *one = context;

	one->count++;
	if (mailbox->address == NULL)
		return error_set(one->error, ERROR_USAGE, "5.1.7",
		    "sender \"%.*s\" is malformed: %s", span_int(span_first(mailbox->source, 200)),
		    mailbox->source.start, mailbox->fault);
	return envelope_set_sender(one->envelope, span_from_string(mailbox->address), one->error);
}

/* -f takes an address in any of its forms; '' and '<>' are the null sender. */
static int set_sender(struct intake *intake, const char *given, struct error *error)
{
	struct one_sender one = { &intake->envelope, 0, error };
	struct span text = span_from_string(given);

	if (span_has_control(text))
		return error_set(error, ERROR_USAGE, "5.1.7",
		    "sender \"%s\" holds a control character, and nothing was sent", given);
	text = span_trim(text);
	if (text.length == 0 || span_equals_string(text, "<>") ||
	    span_equals_string(text, "\\<\\>"))
		return envelope_set_sender(&intake->envelope, span_from_string(""), error);
	CLEANUP(memory_free_string) char *word = backslash_remove(text);
	if (address_list_visit(span_from_string(word), take_sender, &one) != 0) {
		error->kind = ERROR_USAGE;
		return -1;
	}
	if (one.count != 1)
		return error_set(error, ERROR_USAGE, "5.1.7",
		    "sender \"%s\" is not one address, and nothing was sent", given);
	return 0;
}

/*
 * An mbox separator, "From alice Mon Jan ..."; but "From : x" is a field with a
 * blank before its colon.
 */
static bool is_separator(struct span line)
{
	return span_starts_with(line, "From ") &&
	       !span_starts_with(span_trim(span_after(line, 4)), ":");
}

/* Takes the From_ line off the front.  False while its end is not there yet. */
static bool drop_separator(struct intake *intake)
{
	struct span line = buffer_span(&intake->front);
	ssize_t end = span_find_byte(line, '\n');

	if (end < 0)
		return false;
	if (is_separator(span_first(line, (size_t)end)))
		buffer_consume(&intake->front, (size_t)end + 1);
	return true;
}

/* A descriptor that somebody else has made non-blocking. */
static bool has_to_wait(int fd)
{
	struct pollfd input = { .fd = fd, .events = POLLIN };

	return (errno == EAGAIN || errno == EWOULDBLOCK) &&
	       (poll(&input, 1, -1) > 0 || errno == EINTR);
}

/* One block of stdin, in wire form.  Returns 0 at the end of the message. */
static int read_block(struct intake *intake, struct buffer *output, struct error *error)
{
	char block[BLOCK];
	ssize_t count;

	do
		count = read(intake->fd, block, sizeof block);
	while (count < 0 && (errno == EINTR || has_to_wait(intake->fd)));
	if (count < 0) {
		error_system(error, "cannot read the message from standard input");
		error->kind = ERROR_IO;
		return error_next(error, "nothing was sent");
	}
	intake->taken += (uint64_t)count;
	if (count > 0)
		(void)body_convert(&intake->body, span_from_bytes(block, (size_t)count), output);
	if (count > 0 && !intake->body.is_ended)
		return 1;
	body_finish(&intake->body, output);
	intake->is_whole = true;
	return 0;
}

void intake_give_back(const struct intake *intake)
{
	/* A pipe cannot, and need not: nobody else reads it. */
	if (intake->taken != 0)
		(void)lseek(intake->fd, -(off_t)intake->taken, SEEK_CUR);
}

/* What the sender wants to be told (RFC 3461). */
static void set_reports(struct intake *intake, const struct options *options)
{
	struct error error;

	intake->notify = options->notify;
	intake->envelope.return_content = options->return_content;
	/* Looked at by options. */
	if (options->envid != NULL)
		(void)envelope_set_envid(
		    &intake->envelope, span_from_string(options->envid), &error);
}

static int read_ahead(struct intake *intake, size_t limit, struct error *error)
{
	bool has_first_line = false;

	while (!intake->is_whole && intake->front.length < limit) {
		if (read_block(intake, &intake->front, error) < 0)
			return -1;
		has_first_line = has_first_line || drop_separator(intake);
	}
	return 0;
}

/*
 * What the recipients of -t are read from: of a message that is resent, the
 * Resent- fields alone; who got it the first time gets it no second one.
 */
static void add_fields(struct intake *intake, const struct header *header)
{
	static const char *const names[2][3] = {
		{ "To", "Cc", "Bcc" },
		{ "Resent-To", "Resent-Cc", "Resent-Bcc" },
	};

	intake->is_resent = header_has_prefix(header, "Resent-");
	for (size_t i = 0; i < 3; i++) {
		const char *name = names[intake->is_resent][i];

		for (ssize_t at = header_find(header, name, 0); at >= 0;
		     at = header_find(header, name, (size_t)at + 1))
			(void)address_list_visit(
			    header_field(header, (size_t)at).value, add_mailbox, intake);
	}
}

static int read_header(struct intake *intake, struct error *error)
{
	struct header header CLEANUP(header_finish);
	struct span body;
	size_t fed = 0;

	header_init(&header);
	for (;;) {
		header_feed(&header, span_after(buffer_span(&intake->front), fed), &body);
		fed = intake->front.length;
		if (header.is_complete || header.has_overflowed || intake->is_whole)
			break;
		if (read_block(intake, &intake->front, error) < 0)
			return -1;
	}
	if (header.has_overflowed)
		return error_set(error, ERROR_DATA, "5.6.0",
		    "the header is longer than 1 MiB, and nothing was sent");
	if (!header.is_complete)
		header_end(&header, &body);
	add_fields(intake, &header);
	return 0;
}

static int no_recipients(
    const struct intake *intake, const struct options *options, struct error *error)
{
	if (intake->bad_count != 0)
		return error_set(error, ERROR_DATA, "5.1.3",
		    "no usable recipient: %s; nothing was sent", intake->fault);
	if (options->reads_header)
		return error_set(error, ERROR_DATA, "5.1.3",
		    "the message names no recipient in %s, and nothing was sent",
		    intake->is_resent ? "Resent-To, Resent-Cc or Resent-Bcc" : "To, Cc or Bcc");
	error_set(error, ERROR_USAGE, "5.5.4", "no recipients were given, and nothing was sent");
	return error_next(error, "name them as arguments, or use -t to take them from the header");
}

static int name_no_recipients(
    const struct intake *intake, const struct options *options, struct error *error)
{
	(void)no_recipients(intake, options, error);
	return error_code(error, "MC-ADDR-25");
}

int intake_read_arguments(struct intake *intake, const struct options *options, struct error *error)
{
	*intake = (struct intake){ .fd = STDIN_FILENO, .sender_is_self = options->sender == NULL };
	/* The header may pass what is read ahead; a block may double on its way in. */
	buffer_init(&intake->front, INTAKE_AHEAD + HEADER_LIMIT + 4 * BLOCK);
	buffer_init(&intake->rest, 4 * BLOCK);
	body_init(&intake->body, !options->ignores_dots);
	set_reports(intake, options);

	if (set_sender(intake, options->sender != NULL ? options->sender : "", error) < 0)
		return error_code(error, "MC-ADDR-25");
	add_arguments(intake, options);
	if (!options->reads_header && intake->envelope.recipient_count == 0)
		return name_no_recipients(intake, options, error);
	return 0;
}

/* Who waits for us would not see that we wait for him. */
static void tell_terminal(const struct intake *intake, const struct options *options)
{
	static const char with_dot[] =
	    "sendmail: reading the message from the terminal, end it with . or ^D\n";
	static const char without[] =
	    "sendmail: reading the message from the terminal, end it with ^D\n";

	if (isatty(intake->fd) && isatty(STDERR_FILENO))
		(void)file_write_all(
		    STDERR_FILENO, span_from_string(options->ignores_dots ? without : with_dot));
}

int intake_read(struct intake *intake, const struct options *options, struct error *error)
{
	if (intake_read_arguments(intake, options, error) < 0)
		return -1;
	tell_terminal(intake, options);
	if (read_ahead(intake, INTAKE_AHEAD, error) < 0)
		return -1;
	if (options->reads_header && read_header(intake, error) < 0)
		return -1;
	if (intake->envelope.recipient_count == 0)
		return name_no_recipients(intake, options, error);
	return 0;
}

ssize_t intake_read_more(void *context, char *bytes, size_t size, struct error *error)
{
	struct intake *intake = context;

	while (intake->rest.length == 0 && !intake->is_whole)
		if (read_block(intake, &intake->rest, error) < 0)
			return -1;
	struct span part = span_first(buffer_span(&intake->rest), size);
	if (part.length != 0)
		memcpy(bytes, part.start, part.length);
	buffer_consume(&intake->rest, part.length);
	return (ssize_t)part.length;
}

void intake_finish(struct intake *intake)
{
	envelope_finish(&intake->envelope);
	buffer_finish(&intake->front);
	buffer_finish(&intake->rest);
}
