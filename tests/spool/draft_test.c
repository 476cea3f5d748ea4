/* SPDX-License-Identifier: MIT */

/* Tests spool/draft.c. */

#include "spool/draft.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>

#include "tests/spool/scratch.h"

static void a_draft_is_private_and_locked(void **state)
{
	struct scratch scratch = scratch_make();
	char name[DRAFT_NAME_SIZE];
	struct stat status;
	mode_t before = umask(0777);

	(void)state;
	int fd = draft_create(scratch.fd, name);
	(void)umask(before);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);

	assert_int_equal(draft_name(scratch.fd, fd, name, "first"), 0);
	int other = openat(scratch.fd, "first", O_RDWR | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	(void)close(fd);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	(void)close(other);
	scratch_remove(&scratch);
}

static void a_name_that_is_taken_is_left_alone(void **state)
{
	struct scratch scratch = scratch_make();
	char name[DRAFT_NAME_SIZE];
	struct stat before;
	struct stat after;

	(void)state;
	int fd = draft_create(scratch.fd, name);
	assert_int_equal(draft_name(scratch.fd, fd, name, "taken"), 0);
	assert_int_equal(fstatat(scratch.fd, "taken", &before, 0), 0);
	int other = draft_create(scratch.fd, name);
	assert_int_equal(draft_name(scratch.fd, other, name, "taken"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(fstatat(scratch.fd, "taken", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	draft_forget(scratch.fd, name);
	(void)close(fd);
	(void)close(other);
	scratch_remove(&scratch);
}

/* Only what looks like a draft is swept; what cannot be opened, is not. */
static void the_sweep_takes_drafts_only(void **state)
{
	struct scratch scratch = scratch_make();
	static const char *names[] = { "t.1", "t", "x.1", "0000000000000000000000000" };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		(void)close(openat(scratch.fd, names[i], O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_int_equal(symlinkat("x.1", scratch.fd, "t.link"), 0);
	assert_int_equal(mkdirat(scratch.fd, "t.directory", 0700), 0);
	assert_int_equal(draft_sweep(scratch.fd), 1);
	assert_int_equal(faccessat(scratch.fd, "t.1", F_OK, 0), -1);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(faccessat(scratch.fd, names[i], F_OK, 0), 0);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_draft_is_private_and_locked),
		cmocka_unit_test(a_name_that_is_taken_is_left_alone),
		cmocka_unit_test(the_sweep_takes_drafts_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
