/* SPDX-License-Identifier: MIT */

#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

void process_open_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest free number is fd itself, since those below are open. */
		if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
			(void)!open("/", O_PATH);
	}
}

void process_close_from(int first)
{
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
	struct rlimit limit = { 1024, 1024 };
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = first; (rlim_t)fd < limit.rlim_cur && fd < 65536; fd++)
		(void)close(fd);
}

static bool is_among(int fd, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == fd)
			return true;
	return false;
}

void process_close_all_but(const int *kept, size_t count)
{
	int highest = STDERR_FILENO;

	for (size_t i = 0; i < count; i++)
		if (kept[i] > highest)
			highest = kept[i];
	for (int fd = STDERR_FILENO + 1; fd < highest; fd++)
		if (!is_among(fd, kept, count))
			(void)close(fd);
	process_close_from(highest + 1);
}

void process_reset_signals(void)
{
	process_reset_signals_ignoring(NULL, 0);
}

void process_reset_signals_ignoring(const int *ignored, size_t count)
{
	struct itimerval off = { 0 };
	sigset_t none;

	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)setitimer(ITIMER_VIRTUAL, &off, NULL);
	(void)setitimer(ITIMER_PROF, &off, NULL);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action = { .sa_handler = SIG_DFL };

		if (number == SIGPIPE || number == SIGXFSZ || is_among(number, ignored, count))
			action.sa_handler = SIG_IGN;
		(void)sigaction(number, &action, NULL);
	}
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A name that ends in '*' stands for all that begin so. */
static const char *const steering[] = {
	"LD_*",
	"OPENSSL_*",
	"SSL_CERT_DIR",
	"TZ",
	"TZDIR",
	"RES_OPTIONS",
	"HOSTALIASES",
	"LOCALDOMAIN",
	"RESOLV_*",
	"GCONV_PATH",
	"GETCONF_DIR",
	"LOCPATH",
	"MALLOC_*",
	"GLIBC_TUNABLES",
	"NLSPATH",
	"NIS_PATH",
	"TMPDIR",
	"BASH_ENV",
	"ENV",
	"IFS",
	"CDPATH",
	"PERL5LIB",
	"PYTHONPATH",
};

static bool is_steering(const char *variable)
{
	for (size_t i = 0; i < sizeof steering / sizeof steering[0]; i++) {
		size_t length = strcspn(steering[i], "*");
		bool is_prefix = steering[i][length] == '*';

		if (strncmp(variable, steering[i], length) == 0 &&
		    (is_prefix || variable[length] == '='))
			return true;
	}
	return false;
}

void process_clean_environment(void)
{
	char **to = environ;

	if (environ == NULL)
		return;
	for (char **from = environ; *from != NULL; from++)
		if (!is_steering(*from))
			*to++ = *from;
	*to = NULL;
}

void process_wipe_environment(const char *prefix)
{
	size_t length = strlen(prefix);

	for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
		char *value = strchr(*variable, '=');

		if (value != NULL && strncmp(*variable, prefix, length) == 0)
			explicit_bzero(value + 1, strlen(value + 1));
	}
}

static const struct floor_row {
#ifdef __GLIBC__
	unsigned resource; /* an enum of its own */
#else
	int resource;
#endif
	rlim_t least;
	const char *words;
} floors[] = {
	{ RLIMIT_FSIZE, (rlim_t)1 << 30, "the size of files (ulimit -f)" },
	{ RLIMIT_NOFILE, 256, "open files (ulimit -n)" },
	{ RLIMIT_AS, (rlim_t)512 << 20, "memory (ulimit -v)" },
	{ RLIMIT_DATA, (rlim_t)256 << 20, "memory (ulimit -d)" },
	{ RLIMIT_CPU, RLIM_INFINITY, "processor time (ulimit -t)" },
};

bool process_raise_limits(const char **too_small)
{
	bool is_enough = true;

	for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
		struct rlimit limit;

		if (getrlimit(floors[i].resource, &limit) < 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(floors[i].resource, &limit);
		if (limit.rlim_max < floors[i].least && is_enough) {
			*too_small = floors[i].words;
			is_enough = false;
		}
	}
	return is_enough;
}

void process_protect_memory(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

static void leave_caller(int keep)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	/* keep moves to 3, so that one call closes all the rest. */
	if (keep > 3)
		(void)dup2(keep, 3);
	process_close_from(keep < 0 ? 3 : 4);
	process_reset_signals();
	(void)umask(077);
	/* These are for the caller's own process. */
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	(void)!chdir("/");
	(void)prctl(PR_SET_PDEATHSIG, 0);
}

int process_detach(int keep)
{
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		return -1;
	if (child > 0) {
		/* A caller that ignores SIGCHLD leaves us ECHILD here: then it worked. */
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			continue;
		errno = EAGAIN;
		return status == 0 ? 0 : -1;
	}
	(void)setsid();
	pid_t grandchild = fork();
	if (grandchild != 0)
		_exit(grandchild < 0);
	leave_caller(keep);
	return 1;
}

int process_own_path(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length < 0)
		return -1;
	path[length] = '\0';
	return 0;
}
