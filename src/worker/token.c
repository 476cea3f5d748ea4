/* SPDX-License-Identifier: MIT */

#include "worker/token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "smtp/token_command.h"

enum {
	OUTPUT_LIMIT = 65536,
	COMPLAINT_LIMIT = 4096,
	PIECE = 4096,
	TICK = 20,
	TOKEN_BEGINNING = 16
};

struct run {
	struct token_command command;
	pid_t pid; /* also its group */
	int ended; /* a descriptor that tells of its end; -1: this kernel has none */
	int output_fd;
	int complaint_fd;
	struct buffer output;
	struct buffer complaint; /* what does not fit is left out */
	int status;
	bool is_reaped;
};

static void finish(struct run *run)
{
	token_command_finish(&run->command);
	file_close(&run->ended);
	file_close(&run->output_fd);
	file_close(&run->complaint_fd);
	buffer_finish_secret(&run->output);
	buffer_finish_secret(&run->complaint);
}

/* ---- the command's process ---- */

static void reset_signals(void)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };

	process_reset_signals();
	(void)sigaction(SIGPIPE, &usual, NULL);
	(void)sigaction(SIGXFSZ, &usual, NULL);
}

/* failure_fd takes the reason when there is no such program; it closes with its start. */
_Noreturn static void become_command(
    const struct run *run, int output, int complaint, int failure_fd, pid_t worker)
{
	const struct passwd *user = getpwuid(geteuid());
	char *home = memory_format("HOME=%s", user != NULL ? user->pw_dir : "/");
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char language[] = "LANG=C.UTF-8";
	char *const variables[] = { path, home, language, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	reset_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != worker)
		_exit(127);
	(void)setpgid(0, 0);
	(void)umask(077);
	if (null >= 0 && chdir("/") == 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 && dup2(complaint, STDERR_FILENO) >= 0) {
		process_close_all_but(&failure_fd, 1);
		execve(run->command.words[0], run->command.words, variables);
	}
	int number = errno;
	(void)file_write_all(failure_fd, span_from_bytes((const char *)&number, sizeof number));
	_exit(127);
}

static int make_pipe(int *reader, int *writer)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*reader = ends[0];
	*writer = ends[1];
	return 0;
}

/* The errno that kept the program from its start, or 0. */
static int start(struct run *run)
{
	int failure_reader CLEANUP(file_close) = -1;
	int failure CLEANUP(file_close) = -1;
	int output CLEANUP(file_close) = -1;
	int complaint CLEANUP(file_close) = -1;
	pid_t worker = getpid();
	int number = 0;

	if (make_pipe(&failure_reader, &failure) < 0 || make_pipe(&run->output_fd, &output) < 0 ||
	    make_pipe(&run->complaint_fd, &complaint) < 0)
		return errno;
	run->pid = fork();
	if (run->pid < 0)
		return errno;
	if (run->pid == 0)
		become_command(run, output, complaint, failure, worker);
	/* Here too, so that there is a group whoever is first. */
	(void)setpgid(run->pid, run->pid);
	file_close(&failure);
	if (file_read_full(failure_reader, (char *)&number, sizeof number) != sizeof number)
		number = 0;
	run->ended = (int)syscall(SYS_pidfd_open, run->pid, 0);
	return number;
}

/* ---- what it says ---- */

/* False at the end of it. */
static bool read_piece(int fd, struct buffer *text)
{
	char piece[PIECE];
	ssize_t count = read(fd, piece, sizeof piece);

	if (count > 0) {
		size_t room = text->limit - text->length;

		/* One octet more than fits shows that it was too much. */
		buffer_append(text, piece, (size_t)count < room ? (size_t)count : room);
	}
	explicit_bzero(piece, sizeof piece);
	return count > 0 || (count < 0 && errno == EINTR);
}

static void read_ready(int *fd, const struct pollfd *ready, struct buffer *text)
{
	if (*fd >= 0 && ready->revents != 0 && !read_piece(*fd, text))
		file_close(fd);
}

/* A grandchild may hold the pipes for ever: what there is once the command has ended is all. */
static void drain(int *fd, struct buffer *text)
{
	struct pollfd ready = { *fd, POLLIN, 0 };

	while (*fd >= 0 && text->length < text->limit && poll(&ready, 1, 0) > 0)
		read_ready(fd, &ready, text);
}

enum ending { ENDED, TOO_LONG, TOO_MUCH };

static enum ending listen_to(struct run *run, int64_t deadline)
{
	while (run->output_fd >= 0 || run->complaint_fd >= 0) {
		struct pollfd ready[] = {
			{ run->output_fd, POLLIN, 0 },
			{ run->complaint_fd, POLLIN, 0 },
			{ run->ended, POLLIN, 0 },
		};
		int64_t rest = deadline - clock_monotonic();

		if (rest <= 0)
			return TOO_LONG;
		if (poll(ready, 3, (int)rest) <= 0)
			continue;
		read_ready(&run->output_fd, &ready[0], &run->output);
		read_ready(&run->complaint_fd, &ready[1], &run->complaint);
		if (run->output.length == run->output.limit)
			return TOO_MUCH;
		if (ready[2].revents != 0)
			break;
	}
	drain(&run->output_fd, &run->output);
	drain(&run->complaint_fd, &run->complaint);
	return ENDED;
}

/* It has closed its output and may go on for a while. */
static enum ending await_end(struct run *run, int64_t deadline)
{
	struct pollfd ended = { run->ended, POLLIN, 0 };

	for (;;) {
		int64_t rest = deadline - clock_monotonic();

		if (waitpid(run->pid, &run->status, WNOHANG) == run->pid) {
			run->is_reaped = true;
			return ENDED;
		}
		if (rest <= 0)
			return TOO_LONG;
		/* Before Linux 5.3 there is nothing to wait for but time. */
		(void)poll(&ended, 1, (int)(run->ended < 0 && rest > TICK ? TICK : rest));
	}
}

/* With all that it has started. */
static void reap(struct run *run)
{
	(void)kill(-run->pid, SIGKILL);
	while (!run->is_reaped && waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR)
		continue;
}

/* ---- what became of it ---- */

static int refuse(const struct smarthost *smarthost, const struct run *run, enum error_kind kind,
    const char *what, struct error *error)
{
	error_set(error, kind, kind == ERROR_CONFIG ? "4.3.5" : "4.3.0",
	    "the token_command of smarthost \"%s\" %s: %s", smarthost->name, what,
	    run->command.words[0]);
	return error_next(error,
	    "run it by hand as the service's user; secrets.ini names it (mailchute secret list)");
}

static struct span first_line(const struct buffer *text)
{
	struct span rest = buffer_span(text);
	struct span line = { 0 };

	(void)span_take_line(&rest, &line);
	return line;
}

static bool holds(struct span text, struct span part)
{
	return part.length != 0 && text.length != 0 &&
	       memmem(text.start, text.length, part.start, part.length) != NULL;
}

static int refuse_failure(
    const struct smarthost *smarthost, const struct run *run, struct error *error)
{
	struct span line = first_line(&run->complaint);
	struct span words = span_first(line, 300);
	struct span token = span_trim(first_line(&run->output));
	char *how CLEANUP(memory_free_string) = NULL;

	/* One that shows its work may show the token, whose beginning is enough to know it by. */
	if (holds(line, span_first(token, TOKEN_BEGINNING)))
		words = span_from_string("(its message holds what it printed, and is not shown)");
	how = WIFSIGNALED(run->status)
		  ? memory_format("was ended by signal %d", WTERMSIG(run->status))
		  : memory_format("ended with status %d", WEXITSTATUS(run->status));
	char *all CLEANUP(memory_free_string) = words.length != 0
						    ? memory_format("%s (\"%.*s\")", how,
							  span_int(words), words.start)
						    : memory_copy_string(how);
	return refuse(smarthost, run, ERROR_UNAVAILABLE, all, error);
}

static int take_token(struct smarthost *smarthost, const struct run *run, struct error *error)
{
	struct span token = span_trim(first_line(&run->output));

	if (!WIFEXITED(run->status) || WEXITSTATUS(run->status) != 0)
		return refuse_failure(smarthost, run, error);
	if (token.length == 0)
		return refuse(smarthost, run, ERROR_UNAVAILABLE, "printed no token", error);
	if (span_has_control(token))
		return refuse(smarthost, run, ERROR_UNAVAILABLE,
		    "printed control characters in its first line, which is no token", error);
	memory_free_secret(&smarthost->token);
	smarthost->token = span_copy(token);
	return 0;
}

static int run_command(
    struct smarthost *smarthost, struct run *run, int64_t limit, struct error *error)
{
	int64_t deadline = clock_deadline(limit);
	int number = start(run);

	if (run->pid <= 0 || number != 0) {
		if (run->pid > 0)
			reap(run);
		errno = number;
		char *why CLEANUP(memory_free_string) = memory_format(
		    "cannot be started (%s)", strerror(number));
		return refuse(smarthost, run, ERROR_CONFIG, why, error);
	}
	enum ending ending = listen_to(run, deadline);
	if (ending == ENDED)
		ending = await_end(run, deadline);
	reap(run);
	if (ending == TOO_LONG) {
		char *why CLEANUP(memory_free_string) = memory_format(
		    "took longer than %lld s and was ended", (long long)limit / 1000);
		return refuse(smarthost, run, ERROR_UNAVAILABLE, why, error);
	}
	if (ending == TOO_MUCH)
		return refuse(smarthost, run, ERROR_UNAVAILABLE,
		    "printed more than 64 KiB, and was ended", error);
	return take_token(smarthost, run, error);
}

int token_fetch_within(struct smarthost *smarthost, int64_t limit, struct error *error)
{
	struct run run CLEANUP(
	    finish) = { .pid = -1, .ended = -1, .output_fd = -1, .complaint_fd = -1 };

	if (smarthost->token_command == NULL || smarthost->token != NULL)
		return 0;
	if (token_command_split(smarthost->token_command, &run.command, error) < 0)
		return -1;
	buffer_init(&run.output, OUTPUT_LIMIT);
	(void)buffer_reserve(&run.output, OUTPUT_LIMIT);
	buffer_init(&run.complaint, COMPLAINT_LIMIT);
	return run_command(smarthost, &run, limit, error);
}

int token_fetch(struct smarthost *smarthost, struct error *error)
{
	return token_fetch_within(smarthost, TOKEN_TIME, error);
}
