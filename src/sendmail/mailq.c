/* SPDX-License-Identifier: MIT */

#include "sendmail/mailq.h"

#include <errno.h>
#include <unistd.h>

#include "base/writer.h"
#include "sendmail/program.h"
#include "sendmail/query.h"

struct printer {
	struct writer writer;
	bool is_json;
	bool has_begun;
};

/* An object of JSON comes in pieces when it is long; only its first begins with '{'. */
static bool print_line(void *context, struct span line)
{
	struct printer *printer = context;

	if (printer->has_begun && (!printer->is_json || span_starts_with(line, "{")))
		writer_append_string(&printer->writer, "\n");
	printer->has_begun = true;
	writer_append(&printer->writer, line);
	return printer->writer.number == 0;
}

static int finish(struct printer *printer, struct error *error)
{
	if (printer->has_begun)
		writer_append_string(&printer->writer, "\n");
	/* Whoever reads may have seen enough. */
	if (writer_flush(&printer->writer) == 0 || errno == EPIPE)
		return 0;
	return error_system(error, "cannot write the list");
}

/* By its own reading of the spool; returns only to fail. */
static int become_mailchute(bool is_json, struct error *error)
{
	static const char *const text[] = { "mailchute", "queue", "--for-mailq", NULL };
	static const char *const json[] = { "mailchute", "queue", "--for-mailq", "--json", NULL };

	return program_become(is_json ? json : text, error);
}

int mailq_list(const struct options *options, struct error *error)
{
	struct printer printer = { .is_json = options->as_json };
	struct reply reply = { 0 };

	writer_init(&printer.writer, STDOUT_FILENO);
	int outcome = query_run_listening(options->as_json ? "XQUEUE LIST JSON" : "XQUEUE LIST",
	    print_line, &printer, &reply, error);
	if (outcome == QUERY_NOBODY)
		return become_mailchute(options->as_json, error);
	if (finish(&printer, error) < 0 || outcome < 0)
		return -1;
	return reply.code / 100 == 2 ? 0 : query_refused(&reply, error);
}

static bool pass_over(void *context, struct span line)
{
	(void)context;
	(void)line;
	return true;
}

int mailq_run(struct error *error)
{
	struct reply reply = { 0 };

	if (query_run("XQUEUE FLUSH", pass_over, NULL, &reply, error) < 0)
		return -1;
	return reply.code / 100 == 2 ? 0 : query_refused(&reply, error);
}
