/* SPDX-License-Identifier: MIT */

/* The parent's half of worker.h. */

#include "worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "delivery/result.h"
#include "net/tls.h"
#include "smtp/client/session.h"

enum {
	KEPT = 3,	/* where the one descriptor lies that a parent or worker keeps */
	FAREWELL = 1000 /* milliseconds for a QUIT to leave */
};

struct parent {
	struct channel channel;
	pid_t service;
	int signals;	 /* SIGCHLD as a descriptor */
	bool is_patient; /* the end that it was told is one that workers may await */
	struct worker_trust trust;
};

/*
 * Leaves all descriptors of the forking process but this one.  Standard input
 * and output lead nowhere; stderr stays, for the last words of a fault.
 */
static void keep_only(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < KEPT || null < 0)
		_exit(1);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (fd != KEPT)
		(void)dup3(fd, KEPT, O_CLOEXEC);
	process_close_from(KEPT + 1);
}

/*
 * A key pressed at the terminal is meant for the service, which ends us in its
 * own time.  systemd says SIGTERM to the whole group.
 */
static const int endings[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

static int watch_children(void)
{
	sigset_t children;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &children, NULL);
	return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * A worker says by its channel all there is to say, unless it dies: then nobody else knows why.
 * False: none is left.
 */
static bool reap(struct parent *parent)
{
	struct signalfd_siginfo news;
	pid_t worker;
	int status;

	while (read(parent->signals, &news, sizeof news) > 0)
		continue;
	while ((worker = waitpid(-1, &status, WNOHANG)) > 0)
		if (WIFSIGNALED(status))
			dprintf(STDERR_FILENO,
			    "mailchute: worker %ld was ended by signal %d (%s)\n", (long)worker,
			    WTERMSIG(status), strsignal(WTERMSIG(status)));
	return worker == 0;
}

/* Whose channel is closed says QUIT and ends; who has not by then is ended with us. */
static void await_workers(struct parent *parent)
{
	const int64_t deadline = clock_deadline(FAREWELL);
	struct pollfd ended = { .fd = parent->signals, .events = POLLIN };

	while (reap(parent) && poll(&ended, 1, clock_poll_timeout(deadline)) > 0)
		continue;
}

/*
 * Dies with the process that forked it: the results of a delivery that goes on
 * without its service are lost, and the next service sends again.  False when
 * that process has gone already.
 */
static bool die_with(pid_t process)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == process;
}

_Noreturn static void become_worker(struct parent *parent, int fd, pid_t forker)
{
	sigset_t none;

	if (!die_with(forker))
		_exit(0);
	keep_only(fd);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
#ifndef MAILCHUTE_SANITIZED
	/* What holds stderr can write to the log; a sanitizer's report needs it. */
	(void)dup2(STDIN_FILENO, STDERR_FILENO);
#endif
	worker_run_trusting(KEPT, &parent->trust);
}

/* In the worker's stead. */
static void report_no_worker(int fd)
{
	struct result result = { .kind = RESULT_LOST, .step = SESSION_CONNECT };
	struct channel channel;
	struct buffer message;

	error_system(&result.error, "start a worker process");
	buffer_init(&message, CHANNEL_LIMIT);
	result_encode(&result, &message);
	channel_init_take_fd(&channel, fd);
	(void)channel_send(&channel, buffer_span(&message), -1);
	channel_finish(&channel);
	buffer_finish(&message);
}

static void start_worker_take_fd(struct parent *parent, int fd)
{
	pid_t forker = getpid();

	worker_trust_load(&parent->trust);
	pid_t worker = fork();
	if (worker == 0)
		become_worker(parent, fd, forker);
	if (worker < 0)
		report_no_worker(fd);
	else
		file_close(&fd);
}

/* "become UID GID": what the service is about to become.  False for any other word. */
static bool become_owner(struct parent *parent, struct span message)
{
	struct span word;
	uint64_t uid;
	uint64_t gid;

	if (!span_take_word(&message, &word) || !span_equals_string(word, "become") ||
	    !span_take_word(&message, &word) || !span_to_number(word, &uid) ||
	    !span_take_word(&message, &word) || !span_to_number(word, &gid))
		return false;
	gid_t group = (gid_t)gid;
	if (setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 ||
	    setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0)
		return false;
	/* The kernel forgets this wish with the old uid. */
	return die_with(parent->service);
}

/*
 * A message with a descriptor asks for a worker; one without is "become", or
 * the end.  False at the end.
 */
static bool serve_requests(struct parent *parent)
{
	int descriptor;

	if (channel_fill(&parent->channel) <= 0)
		return false;
	for (;;) {
		CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
		int taken = channel_take(&parent->channel, &message, &descriptor);

		if (taken == 0)
			return true;
		if (taken < 0)
			return false;
		if (descriptor >= 0)
			start_worker_take_fd(parent, descriptor);
		else if (!become_owner(parent, buffer_span(&message))) {
			parent->is_patient = span_equals_string(buffer_span(&message), "end");
			return false;
		}
	}
}

_Noreturn static void run_parent(int channel_fd, pid_t service)
{
	struct parent parent = { .service = service };

	process_reset_signals_ignoring(endings, sizeof endings / sizeof endings[0]);
	if (!die_with(service))
		_exit(0);
	process_wipe_environment("MAILCHUTE_");
	keep_only(channel_fd);
	channel_init_take_fd(&parent.channel, KEPT);
	parent.signals = watch_children();
	for (;;) {
		struct pollfd ready[] = {
			{ parent.channel.fd, POLLIN, 0 },
			{ parent.signals, POLLIN, 0 },
		};

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (ready[1].revents != 0)
			(void)reap(&parent);
		if (ready[0].revents != 0 && !serve_requests(&parent))
			break;
	}
	if (parent.is_patient)
		await_workers(&parent);
	_exit(0);
}

/* Until the child has said which signals it ignores, none may come: it would be ended by it. */
static pid_t fork_parent(int channel_fd)
{
	pid_t service = getpid();
	sigset_t all;
	sigset_t old;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	if (pid == 0)
		run_parent(channel_fd, service);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

int worker_parent_start(struct worker_parent *parent, struct error *error)
{
	int ends[2];

	if (channel_pair(ends) < 0)
		return error_system(error, "start the parent of the workers");
	pid_t pid = fork_parent(ends[1]);
	if (pid < 0)
		error_system(error, "start the parent of the workers");
	file_close(&ends[1]);
	if (pid < 0) {
		file_close(&ends[0]);
		return -1;
	}
	channel_init_take_fd(&parent->channel, ends[0]);
	parent->pid = pid;
	return 0;
}

int worker_parent_become(struct worker_parent *parent, uid_t uid, gid_t gid, struct error *error)
{
	char message[64];

	snprintf(message, sizeof message, "become %u %u", uid, gid);
	if (channel_send(&parent->channel, span_from_string(message), -1) < 0)
		return error_system(error, "have the parent of the workers become uid %u", uid);
	return 0;
}

int worker_start(struct worker_parent *parent, struct channel *channel, struct error *error)
{
	int ends[2];

	assert(parent->pid != 0);
	if (channel_pair(ends) < 0)
		return error_system(error, "start a worker");
	int outcome = channel_send(&parent->channel, span_from_string("worker"), ends[1]);
	if (outcome < 0) {
		error_system(
		    error, "start a worker: process %ld, which would fork it", (long)parent->pid);
		error_next(error, "restart the service; its log says why that process is gone");
	}
	file_close(&ends[1]);
	if (outcome < 0) {
		file_close(&ends[0]);
		return -1;
	}
	channel_init_take_fd(channel, ends[0]);
	return 0;
}

static void dismiss(struct worker_parent *parent, const char *word)
{
	if (parent->pid == 0)
		return;
	/* Said aloud: another child of the service may hold our end of the channel open. */
	(void)channel_send(&parent->channel, span_from_string(word), -1);
	channel_finish(&parent->channel);
	while (parent->pid > 0 && waitpid(parent->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*parent = (struct worker_parent){ 0 };
}

void worker_parent_finish(struct worker_parent *parent)
{
	dismiss(parent, "end");
}

void worker_parent_kill(struct worker_parent *parent)
{
	dismiss(parent, "kill");
}
