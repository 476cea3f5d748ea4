/* SPDX-License-Identifier: MIT */

#include "sendmail/verify.h"

#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "sendmail/intake.h"
#include "sendmail/query.h"

struct verify {
	const struct options *options;
	const struct intake *intake;
	enum error_kind status; /* of the first recipient that cannot be sent to */
	bool is_unheard;	/* stdout takes no more */
};

static bool print_line(void *context, struct span line)
{
	struct verify *verify = context;
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, line.length + 1);
	buffer_append_span(&text, line);
	buffer_append_byte(&text, '\n');
	if (file_write_all(STDOUT_FILENO, buffer_span(&text)) < 0)
		verify->is_unheard = true;
	return !verify->is_unheard;
}

/* "foo@... the reason": the form in which sendmail says it. */
static void print_failure(struct verify *verify, const char *address, const struct error *error)
{
	char *line CLEANUP(memory_free_string) = memory_format("%s... %s", address, error->text);

	(void)print_line(verify, span_from_string(line));
	if (verify->status == ERROR_NONE)
		verify->status = error->kind;
}

static char *question_about(const struct verify *verify, const char *address)
{
	const char *end = verify->options->is_verbose ? " ONLINE" : "";

	if (verify->intake->sender_is_self)
		return memory_format("XEXPLAIN self <%s>%s", address, end);
	return memory_format("XEXPLAIN <%s> <%s>%s", verify->intake->envelope.sender, address, end);
}

/* What the smarthost itself refused was said in the lines. */
static void note_exit(struct verify *verify, const struct reply *reply)
{
	struct span text = span_from_string(reply->text);
	uint64_t status = 0;

	if (verify->status == ERROR_NONE && span_starts_with(text, COMMAND_EXIT) &&
	    span_to_number(span_after(text, strlen(COMMAND_EXIT)), &status) &&
	    status <= ERROR_CONFIG)
		verify->status = (enum error_kind)status;
}

static int ask(struct verify *verify, const char *address, struct error *error)
{
	char *question CLEANUP(memory_free_string) = question_about(verify, address);
	struct reply reply = { 0 };

	if (query_run_at_rest(question, print_line, verify, &reply, error) < 0)
		return -1;
	if (verify->is_unheard)
		return error_system(error, "cannot write to standard output");
	if (reply.code == 250) {
		note_exit(verify, &reply);
		return 0;
	}
	(void)query_refused(&reply, error);
	print_failure(verify, address, error);
	return 0;
}

static void print_malformed(struct verify *verify)
{
	struct error error;

	if (verify->intake->bad_count == 0)
		return;
	error_set(&error, ERROR_DATA, "5.1.3", "not an address: %s", verify->intake->fault);
	(void)print_line(verify, span_from_string(error.text));
	if (verify->status == ERROR_NONE)
		verify->status = error.kind;
}

int verify_run(const struct options *options, enum error_kind *status, struct error *error)
{
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct verify verify = { .options = options, .intake = &intake };
	int outcome = options->reads_header ? intake_read(&intake, options, error)
					    : intake_read_arguments(&intake, options, error);

	if (outcome < 0)
		return -1;
	for (size_t i = 0; i < intake.envelope.recipient_count; i++)
		if (ask(&verify, intake.envelope.recipients[i].address, error) < 0)
			return -1;
	print_malformed(&verify);
	*status = verify.status;
	return 0;
}
