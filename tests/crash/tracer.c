/* SPDX-License-Identifier: MIT */

/*
 * tracer - plays a scene of programs and disturbs it at the Nth system call
 *
 *	tracer [OPTION...] SCENE
 *
 *	-k ROLE:N         kills the process at the entry of its Nth system call
 *	-K ROLE:N         kills all there are at that moment: the machine stops
 *	-e ROLE:N:ERRNO   makes that call fail
 *	-s ROLE:N:LENGTH  makes that call read or write less, if it may (else: "unfit")
 *	-x NUMBER,...     calls that are neither counted nor disturbed
 *	-c                counts the calls of every role, and disturbs nothing
 *	-C                counts those that may fail
 *	-t                no file system knows O_TMPFILE
 *	-r                nor RENAME_NOREPLACE
 *
 * Calls are counted over all kinds, and over all processes of the role together:
 * sendmail, caller (serve --for-caller), starter (on its way to a service),
 * service, receive, parent (of the workers), worker, admin, or any.  Faults begin
 * where a program has been loaded, so that they are not the dynamic loader's.
 *
 * A scene is a file of lines, words parted by tabs; NAME=VALUE may precede a program:
 *
 *	start OUTPUT PROGRAM ...     not waited for
 *	run TAG INPUT OUTPUT PROGRAM ...    waited for; its standard streams are files
 *	spawn TAG INPUT OUTPUT PROGRAM ...  waited for by "join"
 *	join
 *	socket PATH                  until it is there, or nobody could make it any more
 *	rest DIRECTORY               until no queue file is left but what is held, or nothing
 *	                             more becomes of them
 *	term                         SIGTERM for every service
 *	end                          until all processes have ended
 *	recover                      what still runs is killed; from here on nothing is disturbed
 *	unless DIRECTORY             that is all, where it is empty
 *
 * The report, on standard output: "hit ROLE CALL N ARGUMENTS NANOSECONDS", "exit TAG
 * STATUS", "died ROLE SIGNAL", "hang STEP", "calls ROLE COUNT TRANSFERS".  x86-64 only.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PROCESSES = 200,
	WORDS = 200,
	TICK = 1000,	       /* microseconds between looks at what is waited for */
	PATIENCE = 40000,      /* milliseconds until a step is said to hang */
	ORPHAN = 50,	       /* milliseconds until a child without a parent is let go */
	QUIET = 700,	       /* a queue that rests for so long has come to rest */
	OCTETS_MOST = 1 << 20, /* of a scene */
};

enum role { NONE, SENDMAIL, CALLER, STARTER, SERVICE, RECEIVE, PARENT, WORKER, ADMIN, ANY, ROLES };

static const char *const role_names[ROLES] = { "none", "sendmail", "caller", "starter", "service",
	"receive", "parent", "worker", "admin", "any" };

struct process {
	pid_t pid;
	enum role role;
	bool is_known; /* its role is; until then it waits */
	bool is_waiting;
	int64_t since;	/* it waits */
	bool is_loaded; /* past its loader */
	bool has_children;
	bool is_failing;    /* in a call that is made to fail */
	long result;	    /* of that call */
	bool is_shortening; /* nothing to be done at the end */
	char tag[32];
	bool is_awaited;
};

enum deed { NOTHING, KILL_ONE, KILL_ALL, FAIL, SHORTEN, COUNT, COUNT_FAULTS };

struct plan {
	enum deed deed;
	enum role role;
	long at;
	long number; /* errno, or length */
	bool no_tmpfile;
	bool no_noreplace;
};

static struct plan plan;
static struct process processes[PROCESSES];
static long calls[ROLES];
static long transfers[ROLES]; /* those of them that read or write */
static char spared[1024];     /* of calls, by their numbers */
static bool is_over;	      /* the deed is done */
static bool is_recovering;    /* nothing is traced any more */
static bool is_dead;	      /* the machine has stopped */
static bool has_children = true;
static pid_t last_started;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- processes ---- */

static struct process *find(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	return NULL;
}

static struct process *enter(pid_t pid)
{
	struct process *process = find(pid);

	if (process != NULL)
		return process;
	process = find(0);
	if (process == NULL) {
		puts("hang too many processes");
		exit(1);
	}
	*process = (struct process){ .pid = pid };
	return process;
}

static void kill_all(void)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid != 0)
			kill(processes[i].pid, SIGKILL);
}

static bool is_meant(const struct process *process)
{
	return plan.role == ANY || process->role == plan.role;
}

static bool is_followed(const struct process *process)
{
	if (plan.no_tmpfile && (process->role == RECEIVE || process->role == SERVICE))
		return true;
	return plan.deed >= COUNT || (plan.deed != NOTHING && !is_over && is_meant(process));
}

static void go_on(struct process *process, int number)
{
	bool stops = process->is_failing || is_followed(process);

	ptrace(stops ? PTRACE_SYSCALL : PTRACE_CONT, process->pid, NULL, (void *)(intptr_t)number);
}

/* ---- who is who ---- */

static enum role child_of(struct process *process)
{
	bool is_first = !process->has_children;

	process->has_children = true;
	switch (process->role) {
	case SENDMAIL:
		return CALLER;
	case CALLER:
		return is_first ? PARENT : STARTER;
	case SERVICE:
		return is_first ? PARENT : RECEIVE;
	case PARENT:
		return WORKER;
	default:
		return process->role;
	}
}

static enum role role_of_program(pid_t pid)
{
	char path[64];
	char line[1024] = "";
	bool is_sendmail, is_serving;

	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, line, sizeof line - 1);
	close(fd);
	if (length <= 0)
		return NONE;
	is_sendmail = strstr(line, "sendmail") != NULL;
	for (ssize_t i = 0; i < length - 1; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	is_serving = strstr(line, " serve") != NULL;
	if (is_serving)
		return strstr(line, "--for-caller") != NULL ? CALLER : SERVICE;
	return is_sendmail ? SENDMAIL : ADMIN;
}

static void born(struct process *process, const struct process *parent, enum role role)
{
	process->role = role;
	process->is_known = true;
	process->is_loaded = parent->is_loaded;
	if (process->is_waiting)
		go_on(process, 0);
	process->is_waiting = false;
}

static void forked(struct process *process)
{
	unsigned long pid = 0;

	ptrace(PTRACE_GETEVENTMSG, process->pid, NULL, &pid);
	enum role role = child_of(process);
	born(enter((pid_t)pid), process, role);
}

/* ---- the deed ---- */

static long call_of(const struct user_regs_struct *registers)
{
	return (long)registers->orig_rax;
}

static bool is_transfer(long call)
{
	return call == SYS_read || call == SYS_write || call == SYS_pread64 ||
	       call == SYS_pwrite64 || call == SYS_sendto || call == SYS_recvfrom;
}

static bool may_be_shorter(pid_t pid, int fd)
{
	char path[64];
	char target[64] = "";
	int type = 0;
	socklen_t size = sizeof type;

	snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
	if (readlink(path, target, sizeof target - 1) < 0)
		return false;
	if (strncmp(target, "/dev/", 5) == 0 && strncmp(target, "/dev/shm", 8) != 0)
		return false;
	if (target[0] == '/' || strncmp(target, "pipe:", 5) == 0)
		return true;
	if (strncmp(target, "socket:", 7) != 0)
		return false;
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	bool is_stream = copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			 type == SOCK_STREAM;
	close(copy);
	close(process);
	return is_stream;
}

/* A close takes the descriptor away whatever it says. */
static void fail(struct process *process, struct user_regs_struct *registers, long number)
{
	process->is_failing = true;
	process->result = -number;
	if (call_of(registers) == SYS_close)
		return;
	registers->orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, process->pid, NULL, registers);
}

static void tell_hit(const struct process *process, const struct user_regs_struct *registers)
{
	printf("hit %s %ld %ld %llx,%llx,%llx %" PRId64 "\n", role_names[process->role],
	    call_of(registers), calls[plan.role], registers->rdi, registers->rsi, registers->rdx,
	    now());
}

static bool is_beyond_faults(long call)
{
	return (call >= 0 && call < (long)sizeof spared && spared[call] != 0) || call == SYS_exit ||
	       call == SYS_exit_group || call == SYS_rt_sigreturn || call == SYS_restart_syscall;
}

static void spare(const char *numbers)
{
	char *rest;

	for (long call = strtol(numbers, &rest, 10); rest != numbers;
	     call = strtol(numbers, &rest, 10)) {
		if (call >= 0 && call < (long)sizeof spared)
			spared[call] = 1;
		numbers = *rest == ',' ? rest + 1 : rest;
	}
}

static void shorten(struct process *process, struct user_regs_struct *registers)
{
	if ((long)registers->rdx <= plan.number ||
	    !may_be_shorter(process->pid, (int)registers->rdi)) {
		puts("unfit");
		return;
	}
	tell_hit(process, registers);
	registers->rdx = (unsigned long long)plan.number;
	ptrace(PTRACE_SETREGS, process->pid, NULL, registers);
}

static void strike(struct process *process, struct user_regs_struct *registers)
{
	is_over = true;
	switch (plan.deed) {
	case KILL_ONE:
		tell_hit(process, registers);
		kill(process->pid, SIGKILL);
		break;
	case KILL_ALL:
		tell_hit(process, registers);
		kill_all();
		is_dead = true;
		break;
	case FAIL:
		tell_hit(process, registers);
		fail(process, registers, plan.number);
		break;
	case SHORTEN:
		shorten(process, registers);
		break;
	default:
		break;
	}
}

static void deny_old(struct process *process, struct user_regs_struct *registers)
{
	bool is_tmpfile = call_of(registers) == SYS_openat &&
			  (registers->rdx & O_TMPFILE) == O_TMPFILE;

	if (plan.no_tmpfile && is_tmpfile)
		fail(process, registers, EOPNOTSUPP);
	if (plan.no_noreplace && call_of(registers) == SYS_renameat2)
		fail(process, registers, EINVAL);
}

static bool is_counted(long call, bool is_loaded)
{
	if (plan.deed == SHORTEN)
		return is_loaded && is_transfer(call);
	if (plan.deed == FAIL || plan.deed == COUNT_FAULTS)
		return is_loaded && !is_beyond_faults(call);
	return true;
}

static void enter_call(struct process *process)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, process->pid, NULL, &registers) < 0)
		return;
	/* The last act of the loader is to let go of its cache. */
	bool was_loaded = process->is_loaded;
	if (call_of(&registers) == SYS_munmap)
		process->is_loaded = true;
	deny_old(process, &registers);
	if (process->is_failing || !is_counted(call_of(&registers), was_loaded))
		return;
	calls[process->role]++;
	transfers[process->role] += is_transfer(call_of(&registers));
	if (plan.role == ANY)
		calls[ANY]++;
	if (plan.deed < COUNT && !is_over && is_meant(process) && calls[plan.role] == plan.at)
		strike(process, &registers);
}

static void leave_call(struct process *process)
{
	if (!process->is_failing)
		return;
	process->is_failing = false;
	ptrace(PTRACE_POKEUSER, process->pid, offsetof(struct user, regs.rax), process->result);
}

static void at_call(struct process *process)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter_call(process);
	else
		leave_call(process);
}

/* ---- what happens ---- */

static void ended(struct process *process, int status)
{
	if (process->tag[0] != '\0')
		printf("exit %s %d\n", process->tag,
		    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM)
		printf("died %s %d\n", role_names[process->role], WTERMSIG(status));
	process->pid = 0;
}

static void stopped(struct process *process, int status)
{
	int number = WSTOPSIG(status);
	int event = status >> 16;

	if (number == (SIGTRAP | 0x80)) {
		at_call(process);
		number = 0;
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		   event == PTRACE_EVENT_CLONE) {
		forked(process);
		number = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		process->role = role_of_program(process->pid);
		process->is_loaded = false;
		process->has_children = false;
		number = 0;
	} else if (event != 0) {
		number = 0;
	}
	go_on(process, number);
}

static void happened(pid_t pid, int status)
{
	struct process *process = find(pid);
	bool is_new = process == NULL;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (!is_new)
			ended(process, status);
		return;
	}
	/* Born in the moment in which all were killed. */
	if (is_recovering && WIFSTOPPED(status))
		kill(pid, SIGKILL);
	if (is_recovering || !WIFSTOPPED(status))
		return;
	process = enter(pid);
	if (is_new && is_dead)
		kill(pid, SIGKILL);
	/* The first stop of a child may come before its parent's word of it. */
	if (is_new) {
		process->is_waiting = true;
		process->since = now();
	} else if (WSTOPSIG(status) == SIGSTOP) {
		go_on(process, 0);
	} else {
		stopped(process, status);
	}
}

/* Whoever was born while its parent was killed: nobody says whose child it is. */
static void adopt(void)
{
	for (size_t i = 0; i < PROCESSES; i++) {
		struct process *process = &processes[i];

		if (process->pid == 0 || !process->is_waiting ||
		    now() - process->since < (int64_t)ORPHAN * 1000000)
			continue;
		process->is_waiting = false;
		process->is_known = true;
		go_on(process, 0);
	}
}

/* One piece of news, or a tick. */
static void look(void)
{
	adopt();
	int status;
	pid_t pid = waitpid(-1, &status, __WALL);

	if (pid > 0)
		happened(pid, status);
	else if (errno == ECHILD)
		has_children = false;
	if (!has_children)
		memset(processes, 0, sizeof processes);
}

static void ignore(int number)
{
	(void)number;
}

static void tick(void)
{
	const struct sigaction action = { .sa_handler = ignore };
	const struct itimerval timer = { { 0, TICK }, { 0, TICK } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- the scene ---- */

static void redirect(const char *path, int flags, int fd)
{
	int file = open(path, flags, 0600);

	if (file < 0)
		_exit(127);
	dup2(file, fd);
	close(file);
}

static struct process *launch(char **words, const char *input, const char *output)
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		redirect(input, O_RDONLY, 0);
		redirect(output, O_WRONLY | O_CREAT | O_APPEND, 1);
		redirect(output, O_WRONLY | O_CREAT | O_APPEND, 2);
		for (int fd = 3; fd < 20; fd++)
			close(fd);
		if (!is_recovering) {
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
			raise(SIGSTOP);
		}
		while (words[0] != NULL && words[0][0] != '/')
			putenv(*words++);
		execv(words[0], words);
		_exit(127);
	}
	has_children = true;
	struct process *process = enter(pid);
	process->is_known = true;
	if (is_recovering)
		return process;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	return process;
}

static bool is_awaiting(const char *tag)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid != 0 && processes[i].is_awaited &&
		    (tag == NULL || strcmp(processes[i].tag, tag) == 0))
			return true;
	return false;
}

static bool has_service(void)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid != 0 &&
		    (processes[i].pid == last_started || processes[i].role == SERVICE ||
			processes[i].role == STARTER || processes[i].role == CALLER))
			return true;
	return false;
}

static void terminate(void)
{
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid != 0 &&
		    (processes[i].role == SERVICE || processes[i].pid == last_started))
			kill(processes[i].pid, SIGTERM);
}

/* An administrator has said that it is to stay. */
static bool is_held(int directory, const char *name)
{
	char text[600] = "";
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, text, sizeof text - 1);

	close(fd);
	return length > 0 && strstr(text, "\nheld H\n") != NULL;
}

/* Those that are not held; and a number that changes whenever the directory does. */
static long count_files(const char *path, uint64_t *state)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	struct stat status;
	long count = 0;

	*state = 0;
	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		count += !is_held(dirfd(directory), entry->d_name);
		if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			*state = *state * 31 + status.st_ino * 7 +
				 (uint64_t)status.st_mtim.tv_nsec + (uint64_t)status.st_mtim.tv_sec;
	}
	closedir(directory);
	return count;
}

static bool is_late(int64_t since, const char *step)
{
	if (now() - since < (int64_t)PATIENCE * 1000000)
		return false;
	printf("hang %s\n", step);
	for (size_t i = 0; i < PROCESSES; i++)
		if (processes[i].pid != 0)
			printf("there %s %d\n", role_names[processes[i].role], processes[i].pid);
	fflush(stdout);
	kill_all();
	return true;
}

static void wait_until_gone(const char *step)
{
	int64_t since = now();

	while (has_children && !is_late(since, step))
		look();
	while (has_children)
		look();
}

static void await_socket(const char *path)
{
	int64_t since = now();

	while (!is_dead && access(path, F_OK) < 0 && find(last_started) != NULL &&
	       !is_late(since, "socket"))
		look();
}

static void await_rest(const char *path)
{
	uint64_t before = 0;
	int64_t since = now();
	int64_t quiet_since = since;

	while (!is_dead && has_service() && !is_late(since, "rest")) {
		uint64_t state;

		if (count_files(path, &state) == 0)
			return;
		if (state != before)
			quiet_since = now();
		before = state;
		if (now() - quiet_since > (int64_t)QUIET * (is_recovering ? 10 : 1) * 1000000)
			return;
		look();
	}
}

static void await(const char *tag)
{
	int64_t since = now();

	while (is_awaiting(tag) && !is_late(since, tag != NULL ? tag : "join"))
		look();
	while (is_awaiting(tag))
		look();
}

static void recover(void)
{
	kill_all();
	wait_until_gone("recover");
	is_recovering = true;
	is_dead = false;
	is_over = true;
	printf("recover %" PRId64 "\n", now());
}

static void run(char **words)
{
	struct process *process = launch(words + 4, words[2], words[3]);

	process->is_awaited = true;
	snprintf(process->tag, sizeof process->tag, "%s", words[1]);
	if (strcmp(words[0], "run") == 0)
		await(words[1]);
}

/* False when the scene is over. */
static bool play(char **words)
{
	uint64_t state;

	if (strcmp(words[0], "recover") == 0)
		recover();
	else if (strcmp(words[0], "unless") == 0)
		return count_files(words[1], &state) != 0;
	else if (strcmp(words[0], "end") == 0)
		wait_until_gone("end");
	else if (is_dead)
		return true;
	else if (strcmp(words[0], "start") == 0)
		last_started = launch(words + 2, "/dev/null", words[1])->pid;
	else if (strcmp(words[0], "run") == 0 || strcmp(words[0], "spawn") == 0)
		run(words);
	else if (strcmp(words[0], "join") == 0)
		await(NULL);
	else if (strcmp(words[0], "socket") == 0)
		await_socket(words[1]);
	else if (strcmp(words[0], "rest") == 0)
		await_rest(words[1]);
	else if (strcmp(words[0], "term") == 0)
		terminate();
	else
		exit(2);
	return true;
}

static bool play_line(char *line)
{
	char *words[WORDS + 1] = { NULL };
	size_t count = 0;
	char *rest = line;

	for (char *word = strsep(&rest, "\t"); word != NULL && count < WORDS;
	     word = strsep(&rest, "\t"))
		words[count++] = word;
	return words[0][0] == '\0' || play(words);
}

/* ---- the command line ---- */

static void read_target(const char *text, enum deed deed)
{
	char role[32];

	plan.deed = deed;
	if (sscanf(text, "%31[a-z]:%ld:%ld", role, &plan.at, &plan.number) < 2)
		exit(2);
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(role, role_names[i]) == 0)
			plan.role = (enum role)i;
	if (plan.role == NONE)
		exit(2);
}

static void read_options(int argc, char **argv)
{
	for (int option; (option = getopt(argc, argv, "k:K:e:s:x:cCtr")) != -1;) {
		switch (option) {
		case 'k':
			read_target(optarg, KILL_ONE);
			break;
		case 'K':
			read_target(optarg, KILL_ALL);
			break;
		case 'e':
			read_target(optarg, FAIL);
			break;
		case 's':
			read_target(optarg, SHORTEN);
			break;
		case 'x':
			spare(optarg);
			break;
		case 'c':
			plan.deed = COUNT;
			break;
		case 'C':
			plan.deed = COUNT_FAULTS;
			break;
		case 't':
			plan.no_tmpfile = true;
			break;
		case 'r':
			plan.no_noreplace = true;
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	static char scene[OCTETS_MOST];
	char *rest = scene;

	read_options(argc, argv);
	int fd = open(argv[optind] != NULL ? argv[optind] : "", O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, scene, sizeof scene - 1);
	if (length <= 0) {
		perror("tracer: the scene");
		return 2;
	}
	close(fd);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	tick();
	for (char *line = strsep(&rest, "\n"); line != NULL && play_line(line);)
		line = strsep(&rest, "\n");
	for (size_t i = 0; i < ROLES; i++)
		if (calls[i] != 0)
			printf("calls %s %ld %ld\n", role_names[i], calls[i], transfers[i]);
	kill_all();
	wait_until_gone("last");
	return 0;
}
