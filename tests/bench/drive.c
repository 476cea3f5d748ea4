/* SPDX-License-Identifier: MIT */

#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/connect.h"
#include "net/resolve.h"
#include "net/tls.h"
#include "smtp/client/authenticate.h"
#include "smtp/client/content.h"
#include "smtp/client/session.h"
#include "smtp/client/transaction.h"
#include "smtp/client/window.h"

enum { PATIENCE = 60000 };

static const char header[] = "From: a@here.example\r\n"
			     "To: b@far.example\r\n"
			     "Subject: bench\r\n"
			     "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
			     "Message-ID: <bench@here.example>\r\n"
			     "\r\n";
static const char line[] =
    "0123456789 a line of text of the bench message, as long as mail has it\r\n";

struct span drive_header(void)
{
	return span_from_string(header);
}

int drive_make_message(uint64_t size, struct error *error)
{
	CLEANUP(memory_free_string) char *block = memory_allocate(64 * (sizeof line - 1));
	CLEANUP(file_close) int fd = memfd_create("message", MFD_CLOEXEC);
	uint64_t left = size > sizeof header - 1 ? size - (sizeof header - 1) : 0;

	for (size_t i = 0; i < 64; i++)
		memcpy(block + i * (sizeof line - 1), line, sizeof line - 1);
	while (fd >= 0 && left != 0) {
		size_t part = 64 * (sizeof line - 1);

		if (left < part)
			part = (size_t)left;
		/* The last line is cut, and ends in CRLF all the same. */
		if (left == part && part >= 2)
			memcpy(block + part - 2, "\r\n", 2);
		if (file_write_all(fd, span_from_bytes(block, part)) < 0)
			break;
		left -= part;
	}
	if (fd < 0 || left != 0)
		return error_system(
		    error, "make a message of %llu octets", (unsigned long long)size);
	int taken = fd;
	fd = -1;
	return taken;
}

void drive_envelope(struct envelope *envelope)
{
	struct error error;

	if (envelope_set_sender(envelope, span_from_string("a@here.example"), &error) < 0 ||
	    envelope_add_recipient(
		envelope, span_from_string("b@far.example"), (struct span){ 0 }, 0, &error) < 0)
		abort();
}

int drive_smarthost(const struct board_plan *plan, struct smarthost *smarthost, struct error *error)
{
	static const char *const schemes[] = {
		[BOARD_CLEAR] = "smtp+notls",
		[BOARD_STARTTLS] = "smtp+tls",
		[BOARD_IMPLICIT] = "smtps",
	};
	CLEANUP(memory_free_string)
	char *url = memory_format("%s://127.0.0.1:%d", schemes[plan->tls], plan->port);

	smarthost_init(smarthost);
	if (smarthost_set_url(smarthost, span_from_string(url), error) < 0)
		return -1;
	smarthost->name = memory_copy_string("bench");
	if (plan->window != 0)
		smarthost->window = plan->window;
	if (plan->tls == BOARD_CLEAR)
		return 0;
	smarthost->ca_file = memory_copy_string(plan->ca_file);
	smarthost->auth = SMARTHOST_AUTH_PLAIN;
	smarthost->user = memory_copy_string("user");
	smarthost->password = memory_copy_string("password");
	return 0;
}

long drive_status(long pid, const char *name)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(memory_free_string)
	char *path = pid == 0 ? memory_copy_string("/proc/self/status")
			      : memory_format("/proc/%ld/status", pid);
	struct error error;
	struct span rest;
	struct span row = { 0 };

	buffer_init(&text, 65536);
	if (file_read_whole(path, &text, &error) < 0)
		return 0;
	rest = buffer_span(&text);
	while (span_take_line(&rest, &row)) {
		struct span word;

		if (!span_starts_with(row, name) || !span_take_word(&row, &word))
			continue;
		return strtol(row.start, NULL, 10);
	}
	return 0;
}

uint64_t drive_cpu(int who)
{
	struct rusage usage;

	if (getrusage(who, &usage) < 0)
		return 0;
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

bool drive_is_late(const struct board *board)
{
	return board_microseconds() - board->figures.start.microseconds > board->plan.limit * 1000;
}

/* What one run has in its hands. */
struct drive {
	struct board *board;
	struct smarthost smarthost;
	struct envelope envelope;
	struct tls *tls;
	struct stream_security security;
	struct session_settings settings;
	struct stream stream;
	struct session session;
	int message; /* its descriptor */
	uint32_t failed;
	char failure[500];
};

static void drive_finish(struct drive *drive)
{
	session_finish(&drive->session);
	stream_finish(&drive->stream);
	smarthost_finish(&drive->smarthost);
	envelope_finish(&drive->envelope);
	tls_free(drive->tls);
	if (drive->message > 0)
		(void)close(drive->message);
}

static void show(void *context, char direction, struct span words)
{
	(void)context;
	fprintf(stderr, "%9.3f %c %.*s\n", (double)board_microseconds() / 1000, direction,
	    span_int(words), words.start);
}

static int prepare(struct drive *drive, struct error *error)
{
	const struct board_plan *plan = &drive->board->plan;

	if (drive_smarthost(plan, &drive->smarthost, error) < 0)
		return -1;
	drive_envelope(&drive->envelope);
	drive->message = drive_make_message(plan->size, error);
	/* Without TLS too: what is measured is beyond the bundle. */
	drive->tls = tls_client_new(plan->ca_file, error);
	if (drive->message < 0 || drive->tls == NULL)
		return -1;
	drive->security = tls_security(drive->tls);
	drive->settings = (struct session_settings){
		.smarthost = &drive->smarthost,
		.hello = "client.bench",
		.security = &drive->security,
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts,
		.trace = plan->trace != '\0' ? show : NULL,
	};
	drive->board->figures.before = drive_status(0, "VmHWM");
	return 0;
}

static int open_stream(struct drive *drive, struct error *error)
{
	struct resolve_result addresses;
	size_t winner;

	if (resolve_host(drive->smarthost.host, drive->smarthost.port, &addresses, error) < 0)
		return -1;
	int fd = connect_race(&addresses, clock_deadline(PATIENCE), &winner, error);
	if (fd < 0)
		return -1;
	stream_init_take_fd(&drive->stream, fd, fd, "the sink");
	return 0;
}

static void take_result(void *context, size_t recipient, const struct transaction_result *result)
{
	struct drive *drive = context;
	struct board_figures *figures = &drive->board->figures;

	(void)recipient;
	if (result->outcome != TRANSACTION_DELIVERED) {
		if (drive->failed++ == 0)
			text_copy(drive->failure, sizeof drive->failure, result->text);
		return;
	}
	figures->previous = figures->end;
	figures->end = board_look(drive->board);
	if (figures->done++ == 0)
		figures->first = figures->end;
}

static struct content content_of(const struct drive *drive, struct content_file *file)
{
	uint64_t size = drive->board->plan.size;
	uint64_t front = drive_header().length;

	*file = (struct content_file){
		.fd = drive->message,
		.left = size > front ? size - front : 0,
	};
	return (struct content){
		.front = drive_header(),
		.read = content_read_file,
		.context = file,
		.size = (int64_t)(front + file->left),
	};
}

static int run_one_by_one(struct drive *drive, struct error *error)
{
	for (uint32_t i = 0; i < drive->board->plan.messages; i++) {
		struct content_file file;
		struct transaction transaction = {
			.envelope = &drive->envelope,
			.content = content_of(drive, &file),
			.report = take_result,
			.context = drive,
		};

		if (drive_is_late(drive->board))
			return 0;
		if (transaction_run(&drive->session, &transaction, error) < 0)
			return -1;
	}
	return 0;
}

/* A transaction on its way through the window. */
struct slot {
	struct transaction transaction; /* first: a pointer to it is one to the slot */
	struct content_file file;
};

struct supply {
	struct drive *drive;
	uint32_t given;
	uint32_t finished;
	int readable; /* a descriptor that always is */
};

static bool is_exhausted(const struct supply *supply)
{
	return supply->given == supply->drive->board->plan.messages ||
	       drive_is_late(supply->drive->board);
}

/* How many may be given now. */
static size_t waiting_of_supply(void *context)
{
	const struct supply *supply = context;
	const struct board_plan *plan = &supply->drive->board->plan;

	if (is_exhausted(supply))
		return 0;
	if (plan->together == 0)
		return plan->messages - supply->given;
	if (supply->given < plan->together)
		return plan->together - supply->given;
	return supply->given == supply->finished ? 1 : 0;
}

static const struct transaction *next_of_supply(void *context)
{
	struct supply *supply = context;

	if (waiting_of_supply(context) == 0)
		return NULL;
	struct slot *slot = memory_allocate(sizeof *slot);
	slot->transaction = (struct transaction){
		.envelope = &supply->drive->envelope,
		.content = content_of(supply->drive, &slot->file),
		.report = take_result,
		.context = supply->drive,
	};
	supply->given++;
	return &slot->transaction;
}

static void finish_of_supply(
    void *context, const struct transaction *transaction, enum window_end end)
{
	struct supply *supply = context;

	supply->finished++;
	if (end != WINDOW_DONE)
		supply->drive->failed++;
	free((void *)(uintptr_t)transaction);
}

/* As with the service's channel: it becomes readable by its end. */
static int descriptor_of_supply(void *context)
{
	const struct supply *supply = context;

	return is_exhausted(supply) ? supply->readable : -1;
}

static bool attend_supply(void *context)
{
	(void)context;
	return false;
}

static int run_window(struct drive *drive, struct error *error)
{
	CLEANUP(file_close) int readable = memfd_create("end", MFD_CLOEXEC);
	struct supply supply = { .drive = drive, .readable = readable };
	struct window_source source = {
		.next = next_of_supply,
		.waiting = waiting_of_supply,
		.finished = finish_of_supply,
		.descriptor = descriptor_of_supply,
		.attend = attend_supply,
		.context = &supply,
	};

	return window_run(&drive->session, &source, error);
}

static int run_messages(struct drive *drive, struct error *error)
{
	return drive->board->plan.way == BOARD_WINDOW ? run_window(drive, error)
						      : run_one_by_one(drive, error);
}

static int run_session(struct drive *drive, struct error *error)
{
	struct board_figures *figures = &drive->board->figures;
	uint64_t cpu = drive_cpu(RUSAGE_SELF);

	figures->start = board_look(drive->board);
	if (open_stream(drive, error) < 0)
		return -1;
	if (drive->board->plan.way == BOARD_COPY) {
		if (drive_copy(drive->board, drive->stream.input_fd, drive->message, error) < 0)
			return -1;
	} else {
		if (session_open(&drive->session, &drive->stream, &drive->settings, error) < 0)
			return -1;
		figures->open = board_look(drive->board);
		if (run_messages(drive, error) < 0)
			return -1;
	}
	figures->cpu = drive_cpu(RUSAGE_SELF) - cpu;
	figures->writes = drive->stream.flights;
	figures->peak = drive_status(0, "VmHWM");
	if (drive->board->plan.way != BOARD_COPY)
		session_quit(&drive->session);
	if (drive->failed != 0)
		return error_set(error, ERROR_UNAVAILABLE, "4.0.0",
		    "%u messages were not taken: %s", drive->failed, drive->failure);
	return 0;
}

static int run_engine(struct board *board, struct error *error)
{
	CLEANUP(drive_finish) struct drive drive = { .board = board, .message = -1 };

	return prepare(&drive, error) < 0 ? -1 : run_session(&drive, error);
}

void drive_run(struct board *board)
{
	struct error error = { 0 };
	int outcome = board->plan.way == BOARD_WORKER ? drive_worker(board, &error)
						      : run_engine(board, &error);

	if (outcome < 0)
		text_copy(board->figures.failure, sizeof board->figures.failure, error.text);
}
