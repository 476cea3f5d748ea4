/* SPDX-License-Identifier: MIT */

#include "worker/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"

/*
 * Landlock as of its version 7.  Debian 12's headers know version 2, and the
 * kernel is asked at run time anyway, so the names are ours.
 */
struct landlock_rules {
	uint64_t files;
	uint64_t network; /* from version 4 */
	uint64_t scopes;  /* from version 6 */
};

enum {
	CALL_CREATE_RULESET = 444, /* the same on every architecture */
	CALL_RESTRICT_SELF = 446,
	CREATE_RULESET_VERSION = 1,
};

/* What each version made it possible to deny; all of it is denied. */
static const struct landlock_version {
	int version;
	struct landlock_rules adds;
	size_t size; /* of the struct as that version knows it */
} landlock_versions[] = {
	{ 1, { .files = 0x1fff }, 8 },	/* execute, read, write, make and remove */
	{ 2, { .files = 0x2000 }, 8 },	/* refer */
	{ 3, { .files = 0x4000 }, 8 },	/* truncate */
	{ 4, { .network = 0x3 }, 16 },	/* bind and connect by TCP */
	{ 5, { .files = 0x8000 }, 16 }, /* ioctl on devices */
	{ 6, { .scopes = 0x3 }, 24 },	/* abstract unix sockets, signals */
	{ 7, { 0 }, 24 },		/* audit only */
};

int sandbox_landlock_version(void)
{
	long version = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* Rules without a single exception: whatever this kernel can deny is denied. */
static int deny_paths_and_network(struct error *error)
{
	struct landlock_rules rules = { 0 };
	int kernel = sandbox_landlock_version();
	size_t size = 0;

	if (kernel == 0)
		return 1;
	for (size_t i = 0; i < sizeof landlock_versions / sizeof landlock_versions[0]; i++) {
		const struct landlock_version *version = &landlock_versions[i];

		if (version->version > kernel)
			break;
		rules.files |= version->adds.files;
		rules.network |= version->adds.network;
		rules.scopes |= version->adds.scopes;
		size = version->size;
	}
	CLEANUP(file_close) int ruleset = (int)syscall(CALL_CREATE_RULESET, &rules, size, 0);
	if (ruleset < 0)
		return error_system(error, "sandbox: Landlock %d: make rules", kernel);
	if (syscall(CALL_RESTRICT_SELF, ruleset, 0) < 0)
		return error_system(error, "sandbox: Landlock %d: enter", kernel);
	return 0;
}

static const struct limit {
	const char *name;
#ifdef __GLIBC__
	__rlimit_resource_t resource;
#else
	int resource;
#endif
	rlim_t value;
} limits[] = {
	{ "files", RLIMIT_NOFILE, SANDBOX_DESCRIPTORS },
	{ "file size", RLIMIT_FSIZE, 0 },
	{ "processes", RLIMIT_NPROC, 0 },
#ifndef MAILCHUTE_SANITIZED
	/* AddressSanitizer reserves terabytes of addresses for its shadow. */
	{ "memory", RLIMIT_AS, (rlim_t)512 << 20 },
#endif
};

static int set_limits(struct error *error)
{
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct rlimit limit = { 0 };

		/* A lower one that is there already stays, and cannot be raised anyway. */
		if (getrlimit(limits[i].resource, &limit) < 0 || limit.rlim_max > limits[i].value)
			limit.rlim_max = limits[i].value;
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(limits[i].resource, &limit) < 0)
			return error_system(error, "sandbox: limit %s", limits[i].name);
	}
	return 0;
}

/* Without conditions.  A call that an architecture does not have is passed over. */
static const int allowed_calls[] = {
	/* the connection, the channel, the message */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(close),
	/* memory; mmap and mprotect have conditions */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* OpenSSL: random octets, the clock for certificates, a look whether it was forked */
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	/* the kernel's own way to go on after a signal, and the way out */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(gettid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#ifdef MAILCHUTE_SANITIZED
	/* The sanitizers' allocator and locks; their reports want more and do without. */
	SCMP_SYS(sched_yield),
	SCMP_SYS(sigaltstack),
#endif
};

/* Memory may be had, but none that runs; files cannot be mapped. */
static int allow_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp anonymous = SCMP_A3(
	    SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS);
	int outcome;

	outcome = seccomp_rule_add(
	    filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, not_executable, anonymous);
	if (outcome == 0)
		outcome = seccomp_rule_add(
		    filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), 2, not_executable, anonymous);
	/* musl's malloc opens its reserved pages so. */
	if (outcome == 0)
		outcome = seccomp_rule_add(
		    filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
	return outcome;
}

/* A failed assert ends by SIGABRT and not by whatever comes after it: signals to itself only. */
static int allow_abort(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0), SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
}

/* How a connection ends: no other option of a socket may be set. */
static int allow_linger(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
	    SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0), SCMP_A2(SCMP_CMP_EQ, SO_LINGER, 0));
}

static int load_filter(scmp_filter_ctx filter)
{
	/* x32 counts as foreign too. */
	int outcome = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; i < sizeof allowed_calls / sizeof allowed_calls[0] && outcome == 0; i++)
		outcome = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
	if (outcome == 0)
		outcome = allow_linger(filter);
	if (outcome == 0)
		outcome = allow_memory(filter);
	if (outcome == 0)
		outcome = allow_abort(filter);
	if (outcome == 0)
		outcome = seccomp_load(filter);
	return outcome;
}

static bool is_deadly(void)
{
	const char *wish = getenv("MAILCHUTE_SANDBOX");

	return wish != NULL && strcmp(wish, "kill") == 0;
}

static int deny_calls(struct error *error)
{
	uint32_t unknown = is_deadly() ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS);
	scmp_filter_ctx filter = seccomp_init(unknown);

	if (filter == NULL)
		return error_set(
		    error, ERROR_SYSTEM, "4.3.0", "sandbox: seccomp: no filter to be had");
	int outcome = load_filter(filter);
	seccomp_release(filter);
	if (outcome == 0)
		return 0;
	errno = -outcome;
	error_system(error, "sandbox: seccomp");
	return error_next(error, "this kernel or container must allow seccomp filters "
				 "(CONFIG_SECCOMP_FILTER; mail is not sent without)");
}

int sandbox_enter(struct error *error)
{
	process_protect_memory();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_system(error, "sandbox: no_new_privs");
	int without_landlock = deny_paths_and_network(error);
	if (without_landlock < 0 || set_limits(error) < 0 || deny_calls(error) < 0)
		return -1;
	return without_landlock;
}
