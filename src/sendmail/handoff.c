/* SPDX-License-Identifier: MIT */

#include "sendmail/handoff.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/connect.h"
#include "net/stream.h"
#include "sendmail/program.h"
#include "smtp/client/session.h"
#include "smtp/client/transaction.h"

enum {
	GREETING_TIMEOUT = 5000, /* connected but silent: no live service */
	BUSY_TIMEOUT = 20000,	 /* in all, while a service says that it is busy */
	ANSWER_TIMEOUT = 600000, /* the service bounds itself; this is for one that hangs */
	TRIES = 4,		 /* of a session that is lost on its way */
	FULL_LINE = 400, /* octets: a line of a reply from here on was broken for its length */
};

/* What came of one way. */
enum outcome {
	TAKEN,	  /* every recipient */
	REFUSED,  /* some recipient; error says who and why */
	NOT_HERE, /* nobody answers: the next way */
	BUSY,	  /* this way again, after a pause */
	LOST,	  /* before the content was complete: once more from the start */
};

/* The fates of the recipients, as they are reported. */
struct tally {
	const struct envelope *envelope;
	bool is_verbose;
	size_t taken;
	size_t refused;
	size_t in_doubt;
	size_t lost;
	struct error first; /* the first refusal */
	char names[400];    /* of those refused */
};

/* Such lines stand behind the words. */
static bool is_progress(struct span line)
{
	return span_starts_with(line, COMMAND_PROGRESS);
}

static void show_line(struct span line)
{
	char *text CLEANUP(memory_free_string) = memory_allocate(line.length + 2);

	if (line.length != 0)
		memcpy(text, line.start, line.length);
	text[line.length] = '\n';
	(void)file_write_all(STDERR_FILENO, span_from_bytes(text, line.length + 1));
}

/* "250-2.0.0 XTRACE   0.132 < 250 ok": what follows the word is for the caller's eyes. */
static void show_progress(void *context, char direction, struct span line)
{
	struct span rest = span_after(line, strlen("250-"));
	struct span word = { 0 };

	(void)context;
	if (direction != '<' || !span_take_word(&rest, &word))
		return;
	/* Behind the status. */
	if (!is_progress(word) && (!span_take_word(&rest, &word) || !is_progress(word)))
		return;
	ssize_t start = span_find_byte(line, COMMAND_PROGRESS[0]);
	rest = span_after(line, (size_t)start + strlen(COMMAND_PROGRESS " "));
	if (rest.length == 0)
		return;
	show_line(rest);
}

/* The service's own words are the line for the caller; its lines become sentences. */
static void note_first(struct tally *tally, const struct transaction_result *result)
{
	char words[REPLY_TEXT_SIZE] = "";
	struct span rest = span_from_string(
	    result->reply != NULL ? result->reply->text : result->text);
	struct span line;

	while (span_take_line(&rest, &line) && !is_progress(line)) {
		char *copy CLEANUP(memory_free_string) = span_copy(line);

		text_append(words, sizeof words, copy);
		if (rest.length != 0 && !is_progress(rest))
			text_append(words, sizeof words, line.length < FULL_LINE ? "; " : " ");
	}
	error_set(
	    &tally->first, error_kind_from_status(result->status), result->status, "%s", words);
}

/* "delivered as ID", or that it waits: the last of the conversation does not say which. */
static void show_taken(const struct transaction_result *result)
{
	struct span rest = span_from_string(result->reply->text);
	struct span line = { 0 };

	(void)span_take_line(&rest, &line);
	show_line(line);
}

static void report(void *context, size_t recipient, const struct transaction_result *result)
{
	struct tally *tally = context;

	if (result->outcome == TRANSACTION_DELIVERED) {
		if (tally->taken++ == 0 && tally->is_verbose)
			show_taken(result);
		return;
	}
	if (result->outcome == TRANSACTION_IN_DOUBT) {
		tally->in_doubt++;
		return;
	}
	if (result->code == 0 && result->outcome == TRANSACTION_DEFERRED) {
		tally->lost++;
		return;
	}
	if (tally->refused++ == 0)
		note_first(tally, result);
	if (tally->names[0] != '\0')
		text_append(tally->names, sizeof tally->names, ", ");
	text_append(
	    tally->names, sizeof tally->names, tally->envelope->recipients[recipient].address);
}

static enum outcome judge(const struct tally *tally, const struct error *lost, struct error *error)
{
	if (tally->in_doubt != 0) {
		error_set(error, ERROR_IO, "4.4.2",
		    "the service ended after the last octet, before its answer: the mail may have "
		    "been queued (%s)",
		    lost->text);
		(void)error_next(error, "see mailchute queue before sending it again");
		return REFUSED;
	}
	/* Who was refused will be so again; the others have not been asked to the end. */
	if (tally->lost != 0) {
		*error = *lost;
		return LOST;
	}
	if (tally->refused == 0)
		return TAKEN;
	*error = tally->first;
	if (tally->taken != 0)
		(void)error_prefix(error, "not for %s (the others were taken): ", tally->names);
	return REFUSED;
}

static const struct session_timeouts timeouts = {
	.greeting = GREETING_TIMEOUT,
	.hello = ANSWER_TIMEOUT,
	.starttls = ANSWER_TIMEOUT,
	.handshake = ANSWER_TIMEOUT,
	.auth = ANSWER_TIMEOUT,
	.mail = ANSWER_TIMEOUT,
	.rcpt = ANSWER_TIMEOUT,
	.data = ANSWER_TIMEOUT,
	.content = ANSWER_TIMEOUT,
	.end = ANSWER_TIMEOUT,
	.quit = 1000,
};

/* One line of text, cut between two characters (UTF-8). */
static void copy_name(const char *name, char copy[static COMMAND_NAME_LIMIT + 1])
{
	size_t length = strnlen(name, COMMAND_NAME_LIMIT + 1);

	if (length > COMMAND_NAME_LIMIT)
		for (length = COMMAND_NAME_LIMIT; length != 0 && (name[length] & 0xc0) == 0x80;)
			length--;
	for (size_t i = 0; i < length; i++)
		copy[i] = span_has_control(span_from_bytes(name + i, 1)) ? ' ' : name[i];
	copy[length] = '\0';
}

static enum outcome send_message(struct session *session, struct intake *intake,
    const struct options *options, struct error *error)
{
	struct tally tally = { .envelope = &intake->envelope, .is_verbose = options->is_verbose };
	struct error lost = { 0 };
	bool was_whole = intake->is_whole;
	struct transaction transaction = {
		.envelope = &intake->envelope,
		.parameters = { .is_8bit = intake->body.has_8bit,
		    .smtputf8 = envelope_needs_smtputf8(&intake->envelope),
		    .sender_is_self = intake->sender_is_self,
		    .wait = options->wait,
		    .trace = options->is_verbose },
		.content = { .front = buffer_span(&intake->front),
		    .read = was_whole ? NULL : intake_read_more,
		    .context = intake,
		    .size = was_whole ? (int64_t)intake->front.length : -1 },
		.report = report,
		.context = &tally,
	};

	const char *name = options->full_name != NULL ? options->full_name : getenv("NAME");
	if (name != NULL)
		copy_name(name, transaction.parameters.full_name);
	if (transaction_run(session, &transaction, &lost) == 0)
		session_quit(session);
	enum outcome outcome = judge(&tally, &lost, error);
	/* What was streamed is gone: there is nothing to begin again with. */
	return outcome == LOST && !was_whole ? REFUSED : outcome;
}

/* One session on a connected socket, which it takes over. */
static enum outcome run_session(int fd, const char *label, struct intake *intake,
    const struct options *options, struct error *error)
{
	struct stream stream CLEANUP(stream_finish) = { 0 };
	struct session session CLEANUP(session_finish) = { 0 };
	struct smarthost service = { .name = (char *)(uintptr_t)label, .is_loopback = true };
	struct session_settings settings = {
		.smarthost = &service,
		.hello = "localhost",
		.timeouts = timeouts,
		.trace = options->is_verbose ? show_progress : NULL,
	};

	stream_init_take_fd(&stream, fd, fd, label);
	if (session_open(&session, &stream, &settings, error) == 0) {
		/* The service says how long it may take; it bounds itself, we bound one that hangs.
		 */
		if (session.extensions.mailchute_limit != 0 &&
		    session.extensions.mailchute_limit < ANSWER_TIMEOUT / 1000)
			settings.timeouts.end = (int64_t)session.extensions.mailchute_limit * 1000;
		return send_message(&session, intake, options, error);
	}
	if (strcmp(error->status, "4.4.2") == 0 || strcmp(error->status, "4.4.1") == 0)
		return session.step == SESSION_GREETING ? NOT_HERE : LOST;
	/* A refusal in words means that somebody is there. */
	return error_is_temporary(error) ? BUSY : REFUSED;
}

static void pause_milliseconds(int64_t milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	(void)nanosleep(&time, NULL);
}

static enum outcome try_socket_once(
    const char *path, struct intake *intake, const struct options *options, struct error *error)
{
	int fd = connect_unix(path, error);

	if (fd >= 0)
		return run_session(fd, path, intake, options, error);
	if (errno == EAGAIN)
		return BUSY;
	/* Other trouble would come again with every mail: it is told, not hidden. */
	return errno == ENOENT || errno == ECONNREFUSED || errno == EACCES ? NOT_HERE : REFUSED;
}

/* A service that is busy, or was lost on the way, is asked again. */
static enum outcome try_socket(
    const char *path, struct intake *intake, const struct options *options, struct error *error)
{
	int64_t deadline = clock_deadline(BUSY_TIMEOUT);
	int64_t pause = 20;
	int losses = 0;

	for (;;) {
		enum outcome outcome = try_socket_once(path, intake, options, error);

		if (outcome == LOST && ++losses >= TRIES)
			return REFUSED;
		if (outcome != BUSY && outcome != LOST)
			return outcome;
		if (clock_monotonic() + pause >= deadline) {
			error->kind = ERROR_UNAVAILABLE;
			return REFUSED;
		}
		pause_milliseconds(pause);
		pause = pause < 1000 ? 2 * pause : pause;
	}
}

/* A child of our own on a socket pair. */
static enum outcome try_child(
    struct intake *intake, const struct options *options, struct error *error)
{
	static const char *const arguments[] = { "mailchute", "serve", "--for-caller", NULL };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		error_system(error, "cannot make a socket pair");
		return REFUSED;
	}
	pid_t pid = program_start(arguments, ends[1], error);
	file_close(&ends[1]);
	if (pid < 0) {
		file_close(&ends[0]);
		return REFUSED;
	}
	enum outcome outcome = run_session(
	    ends[0], "mailchute serve --for-caller", intake, options, error);
	/* One that did not greet is not left behind; the others end with the session. */
	if (outcome == NOT_HERE)
		(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, outcome == NOT_HERE ? 0 : WNOHANG);
	return outcome;
}

/* A few times, with pauses: it may be busy, or lost to a signal that was meant for our group. */
static enum outcome try_children(
    struct intake *intake, const struct options *options, struct error *error)
{
	enum outcome outcome = NOT_HERE;
	int64_t pause = 20;

	for (int i = 0; i < TRIES && outcome != TAKEN && outcome != REFUSED; i++) {
		if (i != 0)
			pause_milliseconds(pause);
		outcome = try_child(intake, options, error);
		pause *= 4;
	}
	return outcome;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

/*
 * The caller brings its own settings, so no service with other settings may
 * take the mail (DESIGN 2).  For root they count only on a machine that has no
 * configuration of its own, and nowhere across a change of privilege.
 */
static bool has_own_settings(void)
{
	static const char *const names[] = { "MAILCHUTE_URL", "MAILCHUTE_CONFIG",
		"MAILCHUTE_CAPTURE", "MAILCHUTE_URL_FILE", "MAILCHUTE_CONFIG_FILE",
		"MAILCHUTE_CAPTURE_FILE" };
	bool is_any_set = false;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		is_any_set = is_any_set || is_set(names[i]);
	if (!is_any_set || getauxval(AT_SECURE) != 0)
		return false;
	return geteuid() != 0 || access(MAILCHUTE_SYSCONFDIR "/mailchute.conf", F_OK) != 0;
}

/* submit.sock in the spool, where that belongs to this uid. */
static bool find_own_socket(char *path, size_t size)
{
	const char *spool = is_set("MAILCHUTE_SPOOL") ? getenv("MAILCHUTE_SPOOL")
						      : MAILCHUTE_SPOOL_DIR;
	struct stat status;

	if (stat(spool, &status) < 0 || status.st_uid != geteuid())
		return false;
	return snprintf(path, size, "%s/submit.sock", spool) < (int)size;
}

/* By the sockets of services.  *silent is set when one is there and says nothing. */
static enum outcome try_services(
    struct intake *intake, const struct options *options, bool *silent, struct error *error)
{
	const char *named = is_set("MAILCHUTE_SOCKET") ? getenv("MAILCHUTE_SOCKET")
						       : MAILCHUTE_SOCKET_PATH;
	char own[4096];

	enum outcome outcome = try_socket(named, intake, options, error);
	*silent = outcome == NOT_HERE && strcmp(error->status, "4.4.2") == 0;
	if (outcome == NOT_HERE && find_own_socket(own, sizeof own))
		outcome = try_socket(own, intake, options, error);
	return outcome;
}

int handoff_send(struct intake *intake, const struct options *options, struct error *error)
{
	enum outcome outcome = NOT_HERE;
	struct error first = { 0 };
	bool silent = false;

	if (!has_own_settings())
		outcome = try_services(intake, options, &silent, &first);
	*error = first;
	if (outcome == NOT_HERE || outcome == LOST || outcome == BUSY)
		outcome = try_children(intake, options, error);
	if (outcome == TAKEN)
		return 0;
	/* That nothing is configured for us is no news where a service should have answered. */
	if (silent && error->kind == ERROR_CONFIG) {
		*error = first;
		(void)error_next(error, "restart the service, its log says more; nothing was sent");
	}
	return -1;
}
