/* SPDX-License-Identifier: MIT */

#include "sendmail/way.h"

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
#include "base/log.h"
#include "base/process.h"
#include "net/connect.h"
#include "sendmail/program.h"

enum {
	/*
	 * Connected but silent: no live service.  A live one lets a client wait
	 * for a place for 10 s, and then says 421 (service/admission.h).
	 */
	GREETING_TIMEOUT = 12000,
	BUSY_TIMEOUT = 20000, /* in all, while a service says that it is busy */
	TRIES = 4,	      /* of a session that is lost on its way */
};

static const struct session_timeouts timeouts = {
	.greeting = GREETING_TIMEOUT,
	/* Whoever has greeted answers this without asking a disk. */
	.hello = BUSY_TIMEOUT,
	.starttls = WAY_ANSWER_TIMEOUT,
	.handshake = WAY_ANSWER_TIMEOUT,
	.auth = WAY_ANSWER_TIMEOUT,
	.mail = WAY_ANSWER_TIMEOUT,
	.rcpt = WAY_ANSWER_TIMEOUT,
	.data = WAY_ANSWER_TIMEOUT,
	.content = WAY_ANSWER_TIMEOUT,
	.end = WAY_ANSWER_TIMEOUT,
	.quit = 1000,
};

static const char child_label[] = "mailchute serve --for-caller";

enum way_outcome way_visit_open(
    struct way_visit *visit, int fd, const char *label, struct error *error)
{
	visit->service.name = (char *)(uintptr_t)label;
	visit->service.is_loopback = true;
	visit->settings.smarthost = &visit->service;
	visit->settings.hello = "localhost";
	visit->settings.timeouts = timeouts;
	/* Ours lives, or its end is seen: it may have to wait for a service to start. */
	if (label == child_label)
		visit->settings.timeouts.greeting = WAY_ANSWER_TIMEOUT;
	stream_init_take_fd(&visit->stream, fd, fd, label);
	if (session_open(&visit->session, &visit->stream, &visit->settings, error) == 0)
		return WAY_DONE;
	if (strcmp(error->status, "4.4.2") == 0 || strcmp(error->status, "4.4.1") == 0)
		return visit->session.step == SESSION_GREETING ? WAY_NOT_HERE : WAY_LOST;
	/* A refusal in words means that somebody is there. */
	return error_is_temporary(error) ? WAY_BUSY : WAY_REFUSED;
}

void way_visit_bound(struct way_visit *visit, int64_t limit)
{
	struct session_timeouts *steps = &visit->settings.timeouts;

	steps->mail = steps->rcpt = steps->data = limit;
	/* It is about the service, which reads what there is, not about who writes to us. */
	steps->content = steps->end = limit;
}

void way_visit_finish(struct way_visit *visit)
{
	session_finish(&visit->session);
	stream_finish(&visit->stream);
}

/* What a socket that answers is for. */
struct journey {
	way_attempt *attempt;
	void *context;
	bool is_question; /* a child must start no service for it */
};

static void pause_milliseconds(int64_t milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	(void)nanosleep(&time, NULL);
}

/*
 * A caller that leaks all the descriptors that it may have leaves none for a
 * socket.  True: there was none (errno), and now there is.
 */
static bool has_made_room(void)
{
	const char *too_small;

	if (errno != EMFILE)
		return false;
	int log = log_keep_descriptor();
	(void)process_raise_limits(&too_small);
	process_close_all_but(&log, 1);
	return true;
}

static enum way_outcome try_socket_once(
    const char *path, const struct journey *journey, struct error *error)
{
	int fd = connect_unix(path, error);

	if (fd < 0 && has_made_room())
		fd = connect_unix(path, error);
	if (fd >= 0)
		return journey->attempt(journey->context, fd, path, error);
	if (errno == EAGAIN)
		return WAY_BUSY;
	/* Other trouble would come again with every mail: it is told, not hidden. */
	return errno == ENOENT || errno == ECONNREFUSED || errno == EACCES ? WAY_NOT_HERE
									   : WAY_REFUSED;
}

/* A service that is busy, or was lost on the way, is asked again. */
static enum way_outcome try_socket(
    const char *path, const struct journey *journey, struct error *error)
{
	int64_t deadline = clock_deadline(BUSY_TIMEOUT);
	int64_t pause = 20;
	int losses = 0;

	for (;;) {
		enum way_outcome outcome = try_socket_once(path, journey, error);

		if (outcome == WAY_LOST && ++losses >= TRIES)
			return WAY_REFUSED;
		if (outcome != WAY_BUSY && outcome != WAY_LOST)
			return outcome;
		if (clock_monotonic() + pause >= deadline) {
			error->kind = ERROR_UNAVAILABLE;
			return WAY_REFUSED;
		}
		pause_milliseconds(pause);
		pause = pause < 1000 ? 2 * pause : pause;
	}
}

/* A child of our own on a socket pair. */
static enum way_outcome try_child(const struct journey *journey, struct error *error)
{
	const char *const arguments[] = { "mailchute", "serve", "--for-caller",
		journey->is_question ? "--question" : NULL, NULL };
	int ends[2];

	int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
	if (made < 0 && has_made_room())
		made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
	if (made < 0) {
		error_system(error, "cannot make a socket pair");
		return WAY_REFUSED;
	}
	pid_t pid = program_start(arguments, ends[1], error);
	file_close(&ends[1]);
	if (pid < 0) {
		file_close(&ends[0]);
		return WAY_REFUSED;
	}
	enum way_outcome outcome = journey->attempt(journey->context, ends[0], child_label, error);
	/* One that did not greet is not left behind; the others end with the session. */
	if (outcome == WAY_NOT_HERE)
		(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, outcome == WAY_NOT_HERE ? 0 : WNOHANG);
	return outcome;
}

/* A few times, with pauses: it may be busy, or lost to a signal that was meant for our group. */
static enum way_outcome try_children(const struct journey *journey, struct error *error)
{
	enum way_outcome outcome = WAY_NOT_HERE;
	int64_t deadline = clock_deadline(WAY_ANSWER_TIMEOUT);
	int64_t pause = 20;

	for (int i = 0; i < TRIES && outcome != WAY_DONE && outcome != WAY_REFUSED; i++) {
		if (i != 0)
			pause_milliseconds(pause);
		outcome = try_child(journey, error);
		if (clock_monotonic() >= deadline)
			break;
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

/*
 * Root's variables do not count where a configuration is installed.  Whoever
 * has set this one must not see the mail leave, though.
 */
static int check_capture(struct error *error)
{
	if (has_own_settings() || geteuid() != 0 ||
	    (!is_set("MAILCHUTE_CAPTURE") && !is_set("MAILCHUTE_CAPTURE_FILE")))
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "MAILCHUTE_CAPTURE is set, and of root it does not count where "
	    "%s/mailchute.conf is installed, so this mail would leave; nothing was sent",
	    MAILCHUTE_SYSCONFDIR);
	(void)error_code(error, "MC-CAPTURE-16");
	return error_next(
	    error, "unset it, or write into that file: capture = \"/path/of/a/maildir\"");
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
static enum way_outcome try_services(
    const struct journey *journey, bool *silent, struct error *error)
{
	const char *named = is_set("MAILCHUTE_SOCKET") ? getenv("MAILCHUTE_SOCKET")
						       : MAILCHUTE_SOCKET_PATH;
	char own[4096];

	enum way_outcome outcome = try_socket(named, journey, error);
	*silent = outcome == WAY_NOT_HERE && strcmp(error->status, "4.4.2") == 0;
	if (outcome != WAY_NOT_HERE || !find_own_socket(own, sizeof own))
		return outcome;
	struct error second = { 0 };
	outcome = try_socket(own, journey, &second);
	/* That one is silent is better to know than that there is no other. */
	if (!*silent || outcome != WAY_NOT_HERE)
		*error = second;
	return outcome;
}

static int find(const struct journey *journey, struct error *error)
{
	enum way_outcome outcome = WAY_NOT_HERE;
	struct error first = { 0 };
	bool silent = false;

	if (!has_own_settings())
		outcome = try_services(journey, &silent, &first);
	*error = first;
	if (outcome == WAY_NOT_HERE || outcome == WAY_LOST || outcome == WAY_BUSY)
		outcome = try_children(journey, error);
	if (outcome == WAY_DONE)
		return 0;
	/* That nothing is configured for us is no news where a service should have answered. */
	if (silent && error->kind == ERROR_CONFIG) {
		*error = first;
		(void)error_next(error, "restart the service, its log says more; nothing was sent");
	}
	return -1;
}

int way_find(way_attempt *attempt, void *context, struct error *error)
{
	const struct journey journey = { attempt, context, false };

	return check_capture(error) < 0 ? -1 : find(&journey, error);
}

int way_find_for_question(way_attempt *attempt, void *context, struct error *error)
{
	const struct journey journey = { attempt, context, true };

	return find(&journey, error);
}

int way_find_listening(way_attempt *attempt, void *context, struct error *error)
{
	const struct journey journey = { attempt, context, false };
	enum way_outcome outcome = WAY_NOT_HERE;
	bool silent = false;

	if (!has_own_settings())
		outcome = try_services(&journey, &silent, error);
	if (outcome == WAY_DONE)
		return 0;
	return outcome == WAY_NOT_HERE ? WAY_NOBODY : -1;
}
