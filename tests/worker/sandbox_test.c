/* SPDX-License-Identifier: MIT */

/*
 * Tests worker/sandbox.c.  Each call is made in a child of its own, once where
 * an unknown call fails and once where it kills.
 */

#include "worker/sandbox.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a child can use, made before it shuts itself in. */
struct room {
	int pair[2]; /* connected unix sockets */
	int file;    /* readable, 8 octets "contents" */
	int unbound; /* a TCP socket that is not connected */
	char *page;  /* writable */
	size_t size;
	pid_t parent;
};

static void prepare(struct room *room)
{
	FILE *file = tmpfile();

	if (file == NULL || fputs("contents", file) < 0 || fflush(file) != 0)
		_exit(99);
	room->file = fileno(file);
	room->size = (size_t)sysconf(_SC_PAGESIZE);
	room->page = mmap(
	    NULL, room->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	room->unbound = socket(AF_INET, SOCK_STREAM, 0);
	room->parent = getppid();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, room->pair) < 0 || room->page == MAP_FAILED ||
	    room->unbound < 0)
		_exit(99);
}

static long plant_open(struct room *room)
{
	(void)room;
	return open("/etc/passwd", O_RDONLY);
}

static long plant_old_open(struct room *room)
{
	(void)room;
#ifdef SYS_open
	return syscall(SYS_open, "/etc/passwd", O_RDONLY);
#else
	return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
#endif
}

static long plant_openat2(struct room *room)
{
	(void)room;
	return syscall(437, AT_FDCWD, "/etc/passwd", NULL, 0);
}

static long plant_stat(struct room *room)
{
	struct stat status;

	(void)room;
	return stat("/etc/passwd", &status);
}

static long plant_unlink(struct room *room)
{
	(void)room;
	return unlink("/nonexistent/file");
}

static long plant_pwrite(struct room *room)
{
	return pwrite(room->file, "x", 1, 0);
}

static long plant_socket(struct room *room)
{
	(void)room;
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long plant_socketpair(struct room *room)
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, room->pair);
}

static long plant_connect(struct room *room)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/socket" };

	return connect(room->unbound, (struct sockaddr *)&address, sizeof address);
}

static long plant_bind(struct room *room)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };

	return bind(room->unbound, (struct sockaddr *)&address, 16);
}

static long plant_listen(struct room *room)
{
	return listen(room->unbound, 1);
}

static long plant_accept(struct room *room)
{
	return accept(room->unbound, NULL, NULL);
}

static long plant_execve(struct room *room)
{
	char *const none[] = { NULL };

	(void)room;
	return execve("/bin/true", none, none);
}

static long plant_execveat(struct room *room)
{
	return syscall(SYS_execveat, room->file, "", NULL, NULL, AT_EMPTY_PATH);
}

static long plant_fork(struct room *room)
{
	(void)room;
	long child = fork();
	if (child == 0)
		_exit(0);
	return child;
}

static long plant_clone3(struct room *room)
{
	(void)room;
	return syscall(SYS_clone3, NULL, 0);
}

static long plant_ptrace(struct room *room)
{
	(void)room;
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long plant_read_memory(struct room *room)
{
	return syscall(SYS_process_vm_readv, room->parent, NULL, 0, NULL, 0, 0);
}

static long plant_kill(struct room *room)
{
	return kill(room->parent, 0);
}

static long plant_kill_self(struct room *room)
{
	(void)room;
	return kill(getpid(), 0);
}

static long plant_tgkill(struct room *room)
{
	return syscall(SYS_tgkill, room->parent, room->parent, SIGABRT);
}

static long plant_mprotect(struct room *room)
{
	return mprotect(room->page, room->size, PROT_READ | PROT_EXEC);
}

static long plant_mmap(struct room *room)
{
	void *page = mmap(NULL, room->size, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : 0;
}

static long plant_map_file(struct room *room)
{
	void *page = mmap(NULL, room->size, PROT_READ, MAP_PRIVATE, room->file, 0);

	return page == MAP_FAILED ? -1 : 0;
}

static long plant_memfd(struct room *room)
{
	(void)room;
	return syscall(SYS_memfd_create, "x", 0);
}

static long plant_prctl(struct room *room)
{
	(void)room;
	return prctl(PR_SET_DUMPABLE, 1);
}

static long plant_setrlimit(struct room *room)
{
	struct rlimit limit = { 0, 0 };

	(void)room;
	return setrlimit(RLIMIT_CPU, &limit);
}

static long plant_setuid(struct room *room)
{
	(void)room;
	return syscall(SYS_setuid, 0);
}

static long plant_io_uring(struct room *room)
{
	(void)room;
	return syscall(425, 1, NULL);
}

static long plant_bpf(struct room *room)
{
	(void)room;
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long plant_unshare(struct room *room)
{
	(void)room;
	return unshare(CLONE_NEWUSER);
}

static const struct plant {
	const char *name;
	long (*call)(struct room *room);
} plants[] = {
	{ "open", plant_open },
	{ "open without at", plant_old_open },
	{ "openat2", plant_openat2 },
	{ "stat", plant_stat },
	{ "unlink", plant_unlink },
	{ "pwrite", plant_pwrite },
	{ "socket", plant_socket },
	{ "socketpair", plant_socketpair },
	{ "connect", plant_connect },
	{ "bind", plant_bind },
	{ "listen", plant_listen },
	{ "accept", plant_accept },
	{ "execve", plant_execve },
	{ "execveat", plant_execveat },
	{ "fork", plant_fork },
	{ "clone3", plant_clone3 },
	{ "ptrace", plant_ptrace },
	{ "process_vm_readv", plant_read_memory },
	{ "kill", plant_kill },
	{ "kill itself", plant_kill_self },
	{ "tgkill another", plant_tgkill },
	{ "mprotect exec", plant_mprotect },
	{ "mmap exec", plant_mmap },
	{ "mmap of a file", plant_map_file },
	{ "memfd_create", plant_memfd },
	{ "prctl", plant_prctl },
	{ "setrlimit", plant_setrlimit },
	{ "setuid", plant_setuid },
	{ "io_uring_setup", plant_io_uring },
	{ "bpf", plant_bpf },
	{ "unshare", plant_unshare },
};

/* The exit status of children. */
enum { PASSED = 40, DENIED = 41, OTHER_ERROR = 42, NOT_SHUT_IN = 43 };

static void enter(const char *mode)
{
	struct error error;

	if (setenv("MAILCHUTE_SANDBOX", mode, 1) < 0 || sandbox_enter(&error) < 0)
		_exit(NOT_SHUT_IN);
}

static int wait_for(pid_t child)
{
	int status = 0;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int run_plant(const struct plant *plant, const char *mode)
{
	pid_t child = fork();

	if (child != 0)
		return wait_for(child);
	struct room room;
	prepare(&room);
	enter(mode);
	if (plant->call(&room) >= 0)
		_exit(PASSED);
	_exit(errno == ENOSYS || errno == EPERM || errno == EACCES ? DENIED : OTHER_ERROR);
}

static void what_is_not_needed_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
		int status = run_plant(&plants[i], "");

		if (!WIFEXITED(status) || WEXITSTATUS(status) != DENIED)
			fail_msg("%s: status %#x", plants[i].name, (unsigned)status);
	}
}

static void what_is_not_needed_kills_where_asked_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
		int status = run_plant(&plants[i], "kill");

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status %#x", plants[i].name, (unsigned)status);
	}
}

#ifdef __x86_64__
static void x32_and_i386_calls_kill_in_every_mode(void **state)
{
	static const char *const modes[] = { "", "kill" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		pid_t child = fork();

		if (child == 0) {
			enter(modes[i / 2]);
			if (i % 2 == 0) {
				/* getpid is allowed by its own number. */
				(void)syscall(0x40000000 | SYS_getpid);
			} else {
				long number = 20; /* getpid of i386 */

				__asm__ volatile("int $0x80" : "+a"(number) : : "memory");
			}
			_exit(PASSED);
		}
		int status = wait_for(child);
		/* A kernel without i386 answers its interrupt with SIGSEGV. */
		assert_true(WIFSIGNALED(status));
		if (i % 2 == 0)
			assert_int_equal(WTERMSIG(status), SIGSYS);
		else
			assert_true(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
	}
}
#endif

/* Sends the file over the pair, as the service does, and reads from what arrives. */
static bool descriptor_arrives(const struct room *room)
{
	union {
		struct cmsghdr alignment;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 'x';
	char content[9] = "";
	struct iovec vector = { &byte, 1 };
	struct msghdr header = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *item = CMSG_FIRSTHDR(&header);
	int fd;

	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = SCM_RIGHTS;
	item->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(item), &room->file, sizeof(int));
	if (sendmsg(room->pair[0], &header, MSG_NOSIGNAL) != 1)
		return false;
	memset(&control, 0, sizeof control);
	if (recvmsg(room->pair[1], &header, MSG_CMSG_CLOEXEC) != 1)
		return false;
	item = CMSG_FIRSTHDR(&header);
	if (item == NULL)
		return false;
	memcpy(&fd, CMSG_DATA(item), sizeof fd);
	return pread(fd, content, 8, 0) == 8 && strcmp(content, "contents") == 0 && close(fd) == 0;
}

static bool sockets_work(const struct room *room)
{
	char bytes[8];
	struct pollfd ready = { room->pair[1], POLLIN, 0 };

	return write(room->pair[0], "ab", 2) == 2 && send(room->pair[0], "cd", 2, 0) == 2 &&
	       poll(&ready, 1, -1) == 1 && read(room->pair[1], bytes, 2) == 2 &&
	       recv(room->pair[1], bytes, 2, 0) == 2 && bytes[0] == 'c' &&
	       shutdown(room->pair[0], SHUT_WR) == 0;
}

static bool memory_works(void)
{
	for (size_t size = 16; size <= (size_t)64 << 20; size *= 8) {
		char *block = malloc(size);

		if (block == NULL)
			return false;
		memset(block, 1, size);
		block = realloc(block, size * 2);
		if (block == NULL)
			return false;
		free(block);
	}
	return true;
}

static bool clocks_and_chance_work(void)
{
	struct timespec now;
	char bytes[16];

	return clock_gettime(CLOCK_BOOTTIME, &now) == 0 && time(NULL) != (time_t)-1 &&
	       syscall(SYS_getrandom, bytes, sizeof bytes, 0) == (long)sizeof bytes;
}

static void what_a_session_needs_works(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		struct room room;

		prepare(&room);
		enter("kill");
		_exit(!descriptor_arrives(&room)  ? 1
		      : !sockets_work(&room)	  ? 2
		      : !memory_works()		  ? 3
		      : !clocks_and_chance_work() ? 4
						  : PASSED);
	}
	int status = wait_for(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), PASSED);
}

static void a_failed_assertion_is_an_abort(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		enter("kill");
		abort();
	}
	int status = wait_for(child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static rlim_t only_limit(const struct rlimit *limit)
{
	assert_true(limit->rlim_cur == limit->rlim_max);
	return limit->rlim_max;
}

/* Looked at from outside, since the child itself may no longer ask. */
static void limits_are_set(void **state)
{
	struct rlimit limit = { 1, 2 };
	int pair[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid_t child = fork();
	if (child == 0) {
		enter("kill");
		_exit(write(pair[1], "x", 1) == 1 && read(pair[1], &byte, 1) == 1 ? PASSED : 1);
	}
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	assert_int_equal(prlimit(child, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_true(only_limit(&limit) == SANDBOX_DESCRIPTORS);
	assert_int_equal(prlimit(child, RLIMIT_FSIZE, NULL, &limit), 0);
	assert_true(only_limit(&limit) == 0);
	assert_int_equal(prlimit(child, RLIMIT_NPROC, NULL, &limit), 0);
	assert_true(only_limit(&limit) == 0);
	assert_int_equal(prlimit(child, RLIMIT_CORE, NULL, &limit), 0);
	assert_true(only_limit(&limit) == 0);
#ifndef MAILCHUTE_SANITIZED
	assert_int_equal(prlimit(child, RLIMIT_AS, NULL, &limit), 0);
	assert_true(only_limit(&limit) == (rlim_t)512 << 20);
#endif
	assert_int_equal(write(pair[0], "x", 1), 1);
	int status = wait_for(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), PASSED);
	close(pair[0]);
}

static void the_kernel_is_asked_for_landlock(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		struct error error;

		_exit(sandbox_enter(&error) + PASSED);
	}
	int status = wait_for(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), sandbox_landlock_version() > 0 ? PASSED : PASSED + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_needed_fails),
		cmocka_unit_test(what_is_not_needed_kills_where_asked_to),
#ifdef __x86_64__
		cmocka_unit_test(x32_and_i386_calls_kill_in_every_mode),
#endif
		cmocka_unit_test(what_a_session_needs_works),
		cmocka_unit_test(a_failed_assertion_is_an_abort),
		cmocka_unit_test(limits_are_set),
		cmocka_unit_test(the_kernel_is_asked_for_landlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
