/* SPDX-License-Identifier: MIT */

/*
 * Tests smtp/client/transaction.c in the large, against a server in a child
 * process that reads a line, answers it, and reads the next: whoever sends
 * much without reading blocks for ever.  What is said in which case stands in
 * tests/dialogues.
 */

#include "smtp/client/transaction.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

/* What the child offers and how much it talks. */
struct manner {
	const char *name;
	const char *offers; /* lines of the answer to EHLO, but the last */
	size_t recipients;
	size_t content;
	bool is_stream; /* the size is not known */
	size_t chatter; /* octets in each answer to RCPT */
	bool all_refused;
	bool takes_nothing; /* MAIL is refused */
};

/* ---- the server ---- */

static void answer(FILE *out, const char *text)
{
	fputs(text, out);
	fflush(out);
}

static void answer_rcpt(FILE *out, const struct manner *manner, size_t number)
{
	bool is_refused = manner->all_refused || number % 3 == 2;

	fputs(is_refused ? "550 5.1.1 " : "250 2.1.5 ", out);
	for (size_t i = 0; i < manner->chatter; i++)
		fputc('x', out);
	answer(out, "\r\n");
}

static void take_data(FILE *in, FILE *out, const struct manner *manner)
{
	char line[2000];
	size_t total = 0;

	if (manner->all_refused || manner->takes_nothing) {
		answer(out, "554 5.5.1 nobody\r\n");
		return;
	}
	answer(out, "354 go\r\n");
	while (fgets(line, sizeof line, in) != NULL && strcmp(line, ".\r\n") != 0)
		total += strlen(line) - (line[0] == '.' ? 1 : 0);
	fprintf(out, "250 2.0.0 took %zu\r\n", total);
	fflush(out);
}

static void take_chunk(FILE *in, FILE *out, const char *line, size_t *total, bool is_refused)
{
	size_t size = strtoul(line + 5, NULL, 10);

	*total += size;
	while (size-- != 0)
		if (fgetc(in) == EOF)
			_exit(1);
	if (is_refused)
		fputs("554 5.5.1 nobody\r\n", out);
	else
		fprintf(out, "250 2.0.0 took %zu\r\n", *total);
	fflush(out);
}

/* Returns when QUIT was said (0) or the client is gone without it (1). */
static int serve(int fd, const struct manner *manner)
{
	FILE *in = fdopen(fd, "r");
	FILE *out = fdopen(dup(fd), "w");
	char line[5000];
	size_t count = 0;
	size_t total = 0;

	answer(out, "220 ready\r\n");
	while (fgets(line, sizeof line, in) != NULL) {
		if (strncmp(line, "EHLO", 4) == 0) {
			fputs("250-server\r\n", out);
			fputs(manner->offers, out);
			answer(out, "250 SIZE\r\n");
		} else if (strncmp(line, "MAIL", 4) == 0) {
			answer(out, manner->takes_nothing ? "550 5.7.1 no\r\n" : "250 ok\r\n");
		} else if (strncmp(line, "RCPT", 4) == 0) {
			answer_rcpt(out, manner, count++);
		} else if (strncmp(line, "DATA", 4) == 0) {
			take_data(in, out, manner);
		} else if (strncmp(line, "BDAT", 4) == 0) {
			take_chunk(
			    in, out, line, &total, manner->all_refused || manner->takes_nothing);
		} else if (strncmp(line, "QUIT", 4) == 0) {
			return 0;
		} else {
			return 2;
		}
	}
	return 1;
}

/* ---- the client ---- */

struct count {
	size_t calls, delivered, failed, other;
	char text[200]; /* of the last delivery */
	bool *is_reported;
};

static void count_result(void *context, size_t index, const struct transaction_result *result)
{
	struct count *count = context;

	assert_false(count->is_reported[index]);
	count->is_reported[index] = true;
	count->calls++;
	assert_int_not_equal(result->status[0], '\0');
	if (result->outcome == TRANSACTION_DELIVERED) {
		count->delivered++;
		snprintf(count->text, sizeof count->text, "%s", result->text);
	} else if (result->outcome == TRANSACTION_FAILED) {
		count->failed++;
	} else {
		count->other++;
	}
}

struct source {
	size_t left;
};

static ssize_t read_source(void *context, char *bytes, size_t size, struct error *error)
{
	struct source *source = context;
	/* Counted from the end, so that the last octets end a line. */
	static const char line[] = "..a line of the content\r\n";
	size_t count = source->left < size ? source->left : size;

	(void)error;
	for (size_t i = 0; i < count; i++)
		bytes[i] = line[24 - (source->left - i - 1) % 25];
	source->left -= count;
	return (ssize_t)count;
}

static void fill_envelope(struct envelope *envelope, size_t recipients)
{
	struct error error;

	assert_int_equal(
	    envelope_set_sender(envelope, span_from_string("a@example.org"), &error), 0);
	/* envelope_add_recipient looks for doubles; these are none. */
	envelope->recipients = memory_resize_array(NULL, recipients, sizeof *envelope->recipients);
	envelope->recipient_capacity = recipients;
	for (size_t i = 0; i < recipients; i++)
		envelope->recipients[i] = (struct recipient){
			.address = memory_format("recipient-%zu@some-domain.example.org", i),
		};
	envelope->recipient_count = recipients;
}

static void run_client(int fd, const struct manner *manner, struct count *count, size_t *flights)
{
	struct stream stream;
	struct smarthost smarthost = { .tls = SMARTHOST_TLS_NEVER };
	struct session_settings settings = {
		.smarthost = &smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts,
	};
	struct session session;
	struct envelope envelope = { 0 };
	struct source source = { manner->content };
	struct error error = { 0 };
	struct transaction transaction = {
		.envelope = &envelope,
		.content = { { "", 0 }, read_source, &source,
		    manner->is_stream ? -1 : (int64_t)manner->content },
		.report = count_result,
		.context = count,
	};

	fill_envelope(&envelope, manner->recipients);
	stream_init_take_fd(&stream, fd, fd, "server");
	assert_int_equal(session_open(&session, &stream, &settings, &error), 0);
	uint64_t before = stream.flights;
	int outcome = transaction_run(&session, &transaction, &error);
	if (outcome != 0)
		print_error("%s\n", error.text);
	assert_int_equal(outcome, 0);
	*flights = (size_t)(stream.flights - before);
	session_quit(&session);
	session_finish(&session);
	stream_finish(&stream);
	envelope_finish(&envelope);
}

static void check_count(const struct manner *manner, const struct count *count)
{
	size_t refused = manner->all_refused || manner->takes_nothing ? manner->recipients
								      : manner->recipients / 3;
	char took[40];

	assert_int_equal(count->calls, manner->recipients);
	assert_int_equal(count->other, 0);
	assert_int_equal(count->failed, refused);
	assert_int_equal(count->delivered, manner->recipients - refused);
	snprintf(took, sizeof took, "took %zu", manner->content);
	if (count->delivered != 0)
		assert_non_null(strstr(count->text, took));
}

static size_t run_manner(const struct manner *manner)
{
	struct count count = { .is_reported = memory_allocate(manner->recipients) };
	size_t flights = 0;
	int ends[2];
	int status;

	print_message("%s\n", manner->name);
	fflush(NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	/* Small enough that neither side can say everything before the other listens. */
	for (size_t i = 0; i < 2 && manner->chatter != 0; i++)
		assert_int_equal(
		    setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)), 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(serve(ends[1], manner));
	}
	assert_true(child > 0);
	close(ends[1]);
	run_client(ends[0], manner, &count, &flights);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	check_count(manner, &count);
	free(count.is_reported);
	return flights;
}

#define PIPELINING "250-PIPELINING\r\n"
#define CHUNKING PIPELINING "250-CHUNKING\r\n"
#define SERVICE CHUNKING "250-XMAILCHUTE\r\n"

static void large_transactions_do_not_block(void **state)
{
	static const struct manner manners[] = {
		{ .name = "DATA, 10,000 recipients",
		    .offers = PIPELINING,
		    .recipients = 10000,
		    .content = 2500 },
		{ .name = "BDAT, 10,000 recipients",
		    .offers = CHUNKING,
		    .recipients = 10000,
		    .content = 2500 },
		{ .name = "service, 10,000 recipients",
		    .offers = SERVICE,
		    .recipients = 10000,
		    .content = 2500 },
		{ .name = "step by step", .offers = "", .recipients = 500, .content = 2500 },
		{ .name = "long answers",
		    .offers = PIPELINING,
		    .recipients = 2000,
		    .content = 2500,
		    .chatter = 490 },
		{ .name = "long answers, service",
		    .offers = SERVICE,
		    .recipients = 2000,
		    .content = 2500,
		    .chatter = 490 },
		{ .name = "large, DATA",
		    .offers = PIPELINING,
		    .recipients = 1,
		    .content = 5000000 },
		{ .name = "large, BDAT", .offers = CHUNKING, .recipients = 1, .content = 5000000 },
		{ .name = "large, service",
		    .offers = SERVICE,
		    .recipients = 1,
		    .content = 5000000 },
		{ .name = "stream, BDAT",
		    .offers = CHUNKING,
		    .recipients = 1,
		    .content = 5000000,
		    .is_stream = true },
		{ .name = "stream, service",
		    .offers = SERVICE,
		    .recipients = 300,
		    .content = 5000000,
		    .is_stream = true },
		{ .name = "all refused, service",
		    .offers = SERVICE,
		    .recipients = 300,
		    .content = 5000000,
		    .is_stream = true,
		    .all_refused = true },
		{ .name = "all refused, DATA",
		    .offers = PIPELINING,
		    .recipients = 3000,
		    .content = 2500,
		    .all_refused = true },
		{ .name = "MAIL refused, service",
		    .offers = SERVICE,
		    .recipients = 3000,
		    .content = 2500,
		    .takes_nothing = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++)
		(void)run_manner(&manners[i]);
}

/* performance.md: the wire is paid for by the flight. */
static void flights_are_few(void **state)
{
	static const struct row {
		struct manner manner;
		size_t flights;
	} rows[] = {
		{ { .name = "step by step", .offers = "", .recipients = 3, .content = 250 }, 6 },
		{ { .name = "DATA", .offers = PIPELINING, .recipients = 3, .content = 250 }, 2 },
		{ { .name = "BDAT", .offers = CHUNKING, .recipients = 3, .content = 250 }, 2 },
		{ { .name = "service", .offers = SERVICE, .recipients = 3, .content = 250 }, 1 },
		{ { .name = "service, 100 recipients",
		      .offers = SERVICE,
		      .recipients = 100,
		      .content = 25000 },
		    1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(run_manner(&rows[i].manner), rows[i].flights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_transactions_do_not_block),
		cmocka_unit_test(flights_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
