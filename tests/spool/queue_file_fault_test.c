/* SPDX-License-Identifier: MIT */

/*
 * Tests spool/queue_file.c when the disk fails and when the process dies.
 *
 * This program defines the system calls of the spool itself (the linker
 * prefers them to libc's), so that the n-th of them can fail, or be the last
 * thing the process does.  n grows from 1 until a run gets by without it.
 */

/* The checked wrappers of libc would stand in the way of our own definitions. */
#undef _FORTIFY_SOURCE

#include "spool/queue_file.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "spool/listing.h"
#include "tests/spool/scratch.h"

/* What the file system pretends not to know. */
enum abilities { EVERYTHING, NO_TMPFILE, NO_TMPFILE_NO_RENAME, NO_PROC_LINK, ABILITIES };

enum fault { NO_FAULT, FAIL_ONCE, FAIL_ALWAYS, SHORT_WRITE, DIE };

static struct plan {
	enum abilities abilities;
	enum fault fault;
	int at;	    /* the call that it happens to, from 1 */
	int number; /* errno */
	int calls;
	/* What changed the disk: w write, l name, f sync a file, d a directory, t cut, u unlink. */
	char trace[64];
	/* Another process: just before the next flock, the first name comes to mean the second. */
	const char *swap_to;
	const char *swap_from;
	int swap_directory;
} plan;

static void note(char call)
{
	size_t length = strlen(plan.trace);

	/* A run of writes is one. */
	if (length + 1 < sizeof plan.trace &&
	    (call != 'w' || length == 0 || plan.trace[length - 1] != 'w'))
		plan.trace[length] = call;
}

static char sync_letter(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? 'd' : 'f';
}

/* True when this call is to fail. */
static bool fails(void)
{
	bool is_it = ++plan.calls == plan.at;

	if (plan.fault == DIE && is_it)
		(void)syscall(SYS_kill, getpid(), SIGKILL);
	if ((plan.fault == FAIL_ONCE && is_it) ||
	    (plan.fault == FAIL_ALWAYS && plan.calls >= plan.at)) {
		errno = plan.number;
		return true;
	}
	return false;
}

static int as_int(long value)
{
	return (int)value;
}

static size_t cut(size_t size)
{
	return plan.fault == SHORT_WRITE && size > 1 ? size / 2 : size;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	note('w');
	return fails() ? -1 : syscall(SYS_write, fd, bytes, cut(size));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	note('w');
	return fails() ? -1 : syscall(SYS_pwrite64, fd, bytes, cut(size), offset);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
	return fails() ? -1 : syscall(SYS_pread64, fd, bytes, cut(size), offset);
}

int fsync(int fd)
{
	note(sync_letter(fd));
	return fails() ? -1 : as_int(syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	note(sync_letter(fd));
	return fails() ? -1 : as_int(syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t length)
{
	note('t');
	return fails() ? -1 : as_int(syscall(SYS_ftruncate, fd, length));
}

int fchmod(int fd, mode_t mode)
{
	return fails() ? -1 : as_int(syscall(SYS_fchmod, fd, mode));
}

int flock(int fd, int operation)
{
	if (plan.swap_to != NULL)
		(void)syscall(SYS_renameat2, plan.swap_directory, plan.swap_from,
		    plan.swap_directory, plan.swap_to, 0);
	plan.swap_to = NULL;
	return fails() ? -1 : as_int(syscall(SYS_flock, fd, operation));
}

int unlinkat(int directory, const char *name, int flags)
{
	note('u');
	return fails() ? -1 : as_int(syscall(SYS_unlinkat, directory, name, flags));
}

int linkat(int from, const char *name, int to, const char *new_name, int flags)
{
	note('l');
	if (fails())
		return -1;
	if (plan.abilities == NO_PROC_LINK && (flags & AT_SYMLINK_FOLLOW) != 0) {
		errno = ENOENT;
		return -1;
	}
	return as_int(syscall(SYS_linkat, from, name, to, new_name, flags));
}

int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
	note('l');
	if (fails())
		return -1;
	if (plan.abilities == NO_TMPFILE_NO_RENAME) {
		errno = EINVAL;
		return -1;
	}
	return as_int(syscall(SYS_renameat2, from, name, to, new_name, flags));
}

int openat(int directory, const char *name, int flags, ...)
{
	bool is_nameless = (flags & O_TMPFILE) == O_TMPFILE;

	if (fails())
		return -1;
	if (is_nameless &&
	    (plan.abilities == NO_TMPFILE || plan.abilities == NO_TMPFILE_NO_RENAME)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	/* Every file that the spool makes is its owner's alone. */
	return as_int(syscall(SYS_openat, directory, name, flags, 0600));
}

static const int numbers[] = { ENOSPC, EIO, EDQUOT, EMFILE, EROFS, EACCES, EINTR };

static void set_plan(enum abilities abilities, enum fault fault, int at, int number)
{
	plan = (struct plan){ abilities, fault, at, number, 0, "", NULL, NULL, -1 };
}

/* The fault was reached; afterwards there is none. */
static bool end_plan(void)
{
	bool was_reached = plan.calls >= plan.at;

	plan.fault = NO_FAULT;
	return was_reached;
}

static size_t count_ids(int queue, char id[QUEUE_ID_SIZE])
{
	struct listing listing = { 0 };
	struct error error;

	assert_int_equal(listing_read(&listing, queue, &error), 0);
	size_t count = listing.count;
	if (count != 0)
		memcpy(id, listing.ids[0], QUEUE_ID_SIZE);
	listing_finish(&listing);
	return count;
}

static void assert_whole(int queue, const char *id)
{
	struct queue_file file = { 0 };
	struct error error;

	assert_int_equal(queue_file_open(&file, queue, id, &error), 0);
	assert_true(scratch_is_ours(&file));
	assert_int_equal(queue_file_remove(&file, &error), 0);
}

/* No name that counts after -1, exactly one whole file after 0.  True while there are calls left.
 */
static bool commit_with_fault(enum abilities abilities, int at, int number)
{
	struct scratch scratch = scratch_make();
	char id[QUEUE_ID_SIZE];
	char found[QUEUE_ID_SIZE];
	struct error error = { 0 };

	set_plan(abilities, FAIL_ONCE, at, number);
	int outcome = scratch_commit(scratch.fd, id, &error);
	bool was_reached = end_plan();

	size_t count = count_ids(scratch.fd, found);
	if (outcome == 0) {
		assert_int_equal(count, 1);
		assert_string_equal(found, id);
		assert_whole(scratch.fd, id);
	} else {
		assert_int_equal(outcome, -1);
		assert_int_equal(count, 0);
		assert_true(error_is_temporary(&error));
		assert_true(error.text[0] != '\0');
	}
	/* Only a draft whose own removal is what failed may stay, and the sweep takes it. */
	assert_true(draft_sweep(scratch.fd) <= 1);
	assert_int_equal(draft_sweep(scratch.fd), 0);
	scratch_remove(&scratch);
	return was_reached;
}

static void a_commit_is_whole_or_nothing_when_a_call_fails(void **state)
{
	(void)state;
	for (enum abilities abilities = EVERYTHING; abilities < ABILITIES; abilities++)
		for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
			int at = 1;

			while (commit_with_fault(abilities, at, numbers[i]))
				at++;
			assert_true(at > 8);
		}
}

/* The orders that survive a power cut were measured (security.md 4.4); this is ours. */
static void a_commit_writes_then_names_then_syncs_twice(void **state)
{
	static const char *want[ABILITIES] = { "wlfd", "wlfd", "wllufd", "wllfd" };

	(void)state;
	for (enum abilities abilities = EVERYTHING; abilities < ABILITIES; abilities++) {
		struct scratch scratch = scratch_make();
		char id[QUEUE_ID_SIZE];
		struct error error;

		set_plan(abilities, NO_FAULT, 0, 0);
		assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
		assert_string_equal(plan.trace, want[abilities]);
		scratch_remove(&scratch);
	}
}

/* After a failed sync the file is dead: cut, nameless, and that synced; no second try. */
static void a_failed_sync_takes_the_name_back(void **state)
{
	static const char *want[] = { "wlftud", "wlfdtud" };
	struct error error;
	int found = 0;

	(void)state;
	for (int at = 1; found < 2; at++) {
		struct scratch scratch = scratch_make();
		char id[QUEUE_ID_SIZE];

		set_plan(EVERYTHING, FAIL_ONCE, at, EIO);
		int outcome = scratch_commit(scratch.fd, id, &error);
		bool was_sync = strstr(error.text, "cannot sync") != NULL;
		assert_int_equal(outcome, -1);
		if (was_sync)
			assert_string_equal(plan.trace, want[found++]);
		(void)end_plan();
		scratch_remove(&scratch);
	}
}

static void a_full_disk_says_so(void **state)
{
	struct scratch scratch = scratch_make();
	char id[QUEUE_ID_SIZE];
	struct error error = { 0 };

	(void)state;
	/* The open, fchmod and flock of the draft, then its first write. */
	set_plan(EVERYTHING, FAIL_ALWAYS, 4, ENOSPC);
	assert_int_equal(scratch_commit(scratch.fd, id, &error), -1);
	(void)end_plan();
	assert_string_equal(error.status, "4.3.1");
	assert_int_equal(error.kind, ERROR_CANNOT_CREATE);
	assert_true(error.next[0] != '\0');
	assert_int_equal(count_ids(scratch.fd, id), 0);
	scratch_remove(&scratch);
}

/* Even a disk that died for good gives an answer, and never "yes". */
static void a_dead_disk_is_never_a_yes(void **state)
{
	bool is_left = true;

	(void)state;
	for (int at = 1; is_left; at++) {
		struct scratch scratch = scratch_make();
		char id[QUEUE_ID_SIZE];
		struct error error;

		set_plan(EVERYTHING, FAIL_ALWAYS, at, EIO);
		int outcome = scratch_commit(scratch.fd, id, &error);
		is_left = end_plan();
		assert_int_equal(outcome, is_left ? -1 : 0);
		scratch_remove(&scratch);
	}
}

static void short_writes_and_reads_are_gone_on_with(void **state)
{
	struct scratch scratch = scratch_make();
	struct queue_file file = { 0 };
	char id[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	set_plan(EVERYTHING, SHORT_WRITE, 0, 0);
	assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	assert_int_equal(queue_file_open(&file, scratch.fd, id, &error), 0);
	(void)end_plan();
	assert_true(scratch_is_ours(&file));
	queue_file_finish(&file);
	scratch_remove(&scratch);
}

/* What one delivery does to a file.  What was said to be done is noted in steps. */
enum { MARKED = 1, SAVED = 2, SYNCED = 4, REMOVED = 8 };

static int work_on(int queue, const char *id, bool is_removing, struct error *error)
{
	struct queue_file file = { 0 };
	int steps = 0;

	if (queue_file_open(&file, queue, id, error) != 0)
		return 0;
	if (queue_file_mark(&file, 0, RECIPIENT_DELIVERED, "250 2.0.0 ok", error) == 0)
		steps |= MARKED;
	(void)queue_file_mark(&file, 1, RECIPIENT_WAITING, "452 4.2.2 mailbox full", error);
	file.progress.attempts++;
	file.progress.next_attempt = 1763878999999;
	if (queue_file_save_progress(&file, error) == 0)
		steps |= SAVED;
	if (queue_file_sync(&file, error) == 0)
		steps |= SYNCED;
	if (is_removing && queue_file_remove(&file, error) == 0)
		steps |= REMOVED;
	queue_file_finish(&file);
	return steps;
}

/* Whatever failed, the file is there, whole, and says what it was told to say. */
static void check_worked_on(int queue, const char *id, int steps)
{
	struct queue_file file = { 0 };
	struct error error;

	if ((steps & REMOVED) != 0) {
		assert_int_equal(queue_file_open(&file, queue, id, &error), 2);
		return;
	}
	assert_int_equal(queue_file_open(&file, queue, id, &error), 0);
	assert_true(scratch_is_ours(&file));
	assert_int_equal(file.marks[1], '.');
	if ((steps & MARKED) != 0)
		assert_int_equal(file.marks[0], 'D');
	if ((steps & SAVED) != 0)
		assert_int_equal(file.progress.attempts, 1);
	/* A reply is lost whole or not at all. */
	assert_true(file.replies[0] == NULL || strcmp(file.replies[0], "250 2.0.0 ok") == 0);
	assert_true(
	    file.replies[1] == NULL || strcmp(file.replies[1], "452 4.2.2 mailbox full") == 0);
	/* And the next one finds its place. */
	assert_int_equal(queue_file_mark(&file, 1, RECIPIENT_FAILED, "550 gone", &error), 0);
	queue_file_finish(&file);
	assert_int_equal(queue_file_read(&file, queue, id, &error), 0);
	assert_string_equal(file.replies[1], "550 gone");
	queue_file_finish(&file);
}

static void work_fails_without_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		bool is_left = true;
		int at;

		for (at = 1; is_left; at++) {
			struct scratch scratch = scratch_make();
			char id[QUEUE_ID_SIZE];
			struct error error;

			assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
			set_plan(EVERYTHING, FAIL_ONCE, at, numbers[i]);
			int steps = work_on(scratch.fd, id, true, &error);
			is_left = end_plan();
			check_worked_on(scratch.fd, id, steps);
			scratch_remove(&scratch);
		}
		assert_true(at > 8);
	}
}

/* A child does it and is killed at this call.  What it said to be done is the answer, or -1. */
static int run_and_kill(enum abilities abilities, int at, int (*run)(int queue, char *id),
    int queue, char *id, bool *was_killed)
{
	int ends[2];
	int answer = -1;
	int status;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		set_plan(abilities, DIE, at, 0);
		answer = run(queue, id);
		(void)syscall(SYS_write, ends[1], &answer, sizeof answer);
		(void)syscall(SYS_write, ends[1], id, QUEUE_ID_SIZE);
		_exit(0);
	}
	(void)close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	*was_killed = WIFSIGNALED(status);
	if (read(ends[0], &answer, sizeof answer) == (ssize_t)sizeof answer)
		assert_int_equal(read(ends[0], id, QUEUE_ID_SIZE), QUEUE_ID_SIZE);
	(void)close(ends[0]);
	return answer;
}

static int run_commit(int queue, char *id)
{
	struct error error;

	return scratch_commit(queue, id, &error);
}

static void a_killed_commit_leaves_a_whole_file_or_none(void **state)
{
	(void)state;
	for (enum abilities abilities = EVERYTHING; abilities < ABILITIES; abilities++) {
		bool was_killed = true;
		int at;

		for (at = 1; was_killed; at++) {
			struct scratch scratch = scratch_make();
			char id[QUEUE_ID_SIZE] = "";
			char found[QUEUE_ID_SIZE] = "";
			int answer = run_and_kill(
			    abilities, at, run_commit, scratch.fd, id, &was_killed);

			assert_true(draft_sweep(scratch.fd) <= 1);
			size_t count = count_ids(scratch.fd, found);
			assert_true(count <= 1);
			if (!was_killed) {
				assert_int_equal(answer, 0);
				assert_int_equal(count, 1);
				assert_string_equal(found, id);
			}
			if (count != 0)
				assert_whole(scratch.fd, found);
			assert_int_equal(count_ids(scratch.fd, found), 0);
			scratch_remove(&scratch);
		}
		assert_true(at > 8);
	}
}

static int run_work(int queue, char *id)
{
	struct error error;

	return work_on(queue, id, false, &error);
}

static void killed_work_leaves_the_file_whole(void **state)
{
	bool was_killed = true;
	int at;

	(void)state;
	for (at = 1; was_killed; at++) {
		struct scratch scratch = scratch_make();
		char id[QUEUE_ID_SIZE];
		struct error error;

		assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
		int steps = run_and_kill(EVERYTHING, at, run_work, scratch.fd, id, &was_killed);
		check_worked_on(scratch.fd, id, steps < 0 ? 0 : steps);
		scratch_remove(&scratch);
	}
	assert_true(at > 8);
}

/* The name was given to another file between our open and our lock. */
static void a_file_that_was_exchanged_is_not_worked_on(void **state)
{
	struct scratch scratch = scratch_make();
	struct queue_file file = { 0 };
	char first[QUEUE_ID_SIZE];
	char second[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	set_plan(EVERYTHING, NO_FAULT, 0, 0);
	assert_int_equal(scratch_commit(scratch.fd, first, &error), 0);
	assert_int_equal(scratch_commit(scratch.fd, second, &error), 0);
	plan.swap_directory = scratch.fd;
	plan.swap_from = second;
	plan.swap_to = first;
	assert_int_equal(queue_file_open(&file, scratch.fd, first, &error), 1);
	assert_int_equal(file.state, QUEUE_FILE_NONE);

	/* And when the name is gone, there is none. */
	plan.swap_from = first;
	plan.swap_to = "elsewhere";
	assert_int_equal(queue_file_open(&file, scratch.fd, first, &error), 2);
	scratch_remove(&scratch);
}

/* Whichever way a draft gets its name, it never takes one that is taken. */
static void a_name_that_is_taken_is_left_alone(void **state)
{
	(void)state;
	for (enum abilities abilities = EVERYTHING; abilities < ABILITIES; abilities++) {
		struct scratch scratch = scratch_make();
		struct queue_attributes attributes = { .uid = 7 };
		struct envelope envelope = { 0 };
		struct queue_file file = { 0 };
		char id[QUEUE_ID_SIZE];
		struct error error;

		set_plan(abilities, NO_FAULT, 0, 0);
		assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
		scratch_envelope(&envelope);
		memcpy(file.id, id, sizeof id);
		assert_int_equal(
		    queue_file_create(&file, scratch.fd, &envelope, &attributes, &error), 0);
		assert_int_equal(queue_file_commit(&file, &error), -1);
		queue_file_finish(&file);
		envelope_finish(&envelope);
		assert_int_equal(draft_sweep(scratch.fd), 0);
		assert_whole(scratch.fd, id);
		scratch_remove(&scratch);
	}
}

/* A draft that somebody still writes is not swept away. */
static void the_sweep_spares_drafts_that_are_held(void **state)
{
	struct scratch scratch = scratch_make();
	char name[DRAFT_NAME_SIZE];

	(void)state;
	set_plan(NO_TMPFILE, NO_FAULT, 0, 0);
	int fd = draft_create(scratch.fd, name);
	assert_true(fd >= 0);
	assert_true(name[0] != '\0');
	assert_int_equal(draft_sweep(scratch.fd), 0);
	(void)close(fd);
	assert_int_equal(draft_sweep(scratch.fd), 1);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_is_whole_or_nothing_when_a_call_fails),
		cmocka_unit_test(a_commit_writes_then_names_then_syncs_twice),
		cmocka_unit_test(a_failed_sync_takes_the_name_back),
		cmocka_unit_test(a_full_disk_says_so),
		cmocka_unit_test(a_dead_disk_is_never_a_yes),
		cmocka_unit_test(short_writes_and_reads_are_gone_on_with),
		cmocka_unit_test(work_fails_without_harm),
		cmocka_unit_test(a_killed_commit_leaves_a_whole_file_or_none),
		cmocka_unit_test(killed_work_leaves_the_file_whole),
		cmocka_unit_test(a_file_that_was_exchanged_is_not_worked_on),
		cmocka_unit_test(a_name_that_is_taken_is_left_alone),
		cmocka_unit_test(the_sweep_spares_drafts_that_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
