/* SPDX-License-Identifier: MIT */

/* Tests spool/spool.c. */

#include "spool/spool.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/spool/scratch.h"

static char *place(const struct scratch *scratch, const char *name)
{
	return memory_format("%s/%s", scratch->path, name);
}

static void a_new_spool_is_private(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	CLEANUP(memory_free_string) char *slashed = place(&scratch, "spool//");
	struct spool spool = { 0 };
	struct stat status;
	struct error error;
	mode_t before = umask(0777);

	(void)state;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	(void)umask(before);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(fstat(spool.queue, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_string_equal(spool.path, path);
	assert_int_equal(spool.lock, -1);
	spool_finish(&spool);
	/* Once there, it is opened without being made. */
	assert_int_equal(spool_open(&spool, slashed, false, &error), 0);
	assert_string_equal(spool.path, path);
	spool_finish(&spool);
	scratch_remove(&scratch);
}

static void what_is_missing_is_made_only_on_request(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	CLEANUP(memory_free_string) char *deep = place(&scratch, "a/b");
	struct spool spool = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(spool_open(&spool, path, false, &error), -1);
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.next, "install -d -m 700"));
	assert_int_equal(faccessat(scratch.fd, "spool", F_OK, 0), -1);
	assert_int_equal(spool_open(&spool, deep, true, &error), -1);
	assert_non_null(strstr(error.next, "install -d -m 700"));
	assert_null(spool.path);
	scratch_remove(&scratch);
}

static void one_that_others_may_write_is_refused(void **state)
{
	static const mode_t modes[] = { 0770, 0720, 0702, 0777, 01777, 02770 };
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	CLEANUP(memory_free_string) char *queue = place(&scratch, "spool/queue");
	struct spool spool = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	spool_finish(&spool);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(spool_open(&spool, path, true, &error), -1);
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		assert_non_null(strstr(error.next, "chmod 700"));
		assert_non_null(strstr(error.next, path));
		assert_int_equal(chmod(path, 0700), 0);
		assert_int_equal(chmod(queue, modes[i]), 0);
		assert_int_equal(spool_open(&spool, path, true, &error), -1);
		assert_non_null(strstr(error.next, queue));
		assert_int_equal(chmod(queue, 0700), 0);
	}
	scratch_remove(&scratch);
}

static void one_of_another_user_is_refused(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	struct spool spool = { 0 };
	struct error error;

	(void)state;
	if (geteuid() != 0) {
		scratch_remove(&scratch);
		/* Without root only one that is there anyway: the root directory. */
		assert_int_equal(spool_open(&spool, "/", false, &error), -1);
		assert_non_null(strstr(error.next, "chown"));
		assert_false(spool_is_own("/"));
		return;
	}
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	spool_finish(&spool);
	assert_true(spool_is_own(path));
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
	assert_false(spool_is_own(path));
	assert_int_equal(spool_open(&spool, path, true, &error), -1);
	assert_non_null(strstr(error.text, "12345"));
	assert_non_null(strstr(error.next, "chown -R 0 "));
	scratch_remove(&scratch);
}

static void a_symbolic_link_or_a_file_is_refused(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	CLEANUP(memory_free_string) char *link = place(&scratch, "link");
	CLEANUP(memory_free_string) char *slashed = place(&scratch, "link/");
	CLEANUP(memory_free_string) char *file = place(&scratch, "file");
	const char *refused[] = { link, slashed, file };
	struct spool spool = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	spool_finish(&spool);
	assert_int_equal(symlink(path, link), 0);
	(void)close(openat(scratch.fd, "file", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(spool_open(&spool, refused[i], true, &error), -1);
		assert_non_null(strstr(error.next, "no symbolic link"));
		assert_false(spool_is_own(refused[i]));
	}
	assert_true(spool_is_own(path));
	scratch_remove(&scratch);
}

static void a_queue_that_leads_elsewhere_is_refused(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	CLEANUP(memory_free_string) char *queue = place(&scratch, "spool/queue");
	struct spool spool = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(symlink("/tmp", queue), 0);
	assert_int_equal(spool_open(&spool, path, true, &error), -1);
	assert_non_null(strstr(error.text, queue));
	scratch_remove(&scratch);
}

static void one_process_owns_it(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	struct spool spool = { 0 };
	struct spool other = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	assert_int_equal(spool_open(&other, path, false, &error), 0);
	assert_int_equal(spool_lock(&spool, &error), 0);
	assert_int_equal(spool_lock(&other, &error), 1);
	assert_int_equal(other.lock, -1);
	char holder[SPOOL_HOLDER_SIZE];
	char *mine CLEANUP(memory_free_string) = memory_format("process %ld on ", (long)getpid());
	spool_holder(&other, holder);
	assert_memory_equal(holder, mine, strlen(mine));
	assert_int_equal(ftruncate(spool.lock, 0), 0);
	spool_holder(&other, holder);
	assert_string_equal(holder, "somebody");
	assert_int_equal(pwrite(spool.lock, "a\nb\n", 4, 0), 4);
	spool_holder(&other, holder);
	assert_string_equal(holder, "somebody");

	/* A child that has the descriptor does not keep what was unlocked. */
	int inherited = dup(spool.lock);
	spool_unlock(&spool);
	assert_int_equal(spool_lock(&other, &error), 0);
	assert_int_equal(spool_lock(&spool, &error), 1);
	spool_finish(&other);
	assert_int_equal(spool_lock(&spool, &error), 0);
	(void)close(inherited);
	spool_finish(&spool);
	spool_unlock(&spool);
	scratch_remove(&scratch);
}

static void damaged_files_are_put_aside_and_kept(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	struct spool spool = { 0 };
	struct error error;
	char id[QUEUE_ID_SIZE];
	char text[256];

	(void)state;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	assert_int_equal(scratch_commit(spool.queue, id, &error), 0);
	assert_int_equal(spool_put_aside(&spool, id, &error), 0);
	assert_int_equal(faccessat(spool.queue, id, F_OK, 0), -1);
	snprintf(text, sizeof text, "corrupt/%s", id);
	assert_int_equal(faccessat(spool.directory, text, F_OK, 0), 0);

	/* Another of the same name does not replace it. */
	assert_int_equal(symlinkat("/etc/passwd", spool.queue, id), 0);
	assert_int_equal(spool_put_aside(&spool, id, &error), -1);
	assert_int_equal(unlinkat(spool.directory, text, 0), 0);
	assert_int_equal(spool_put_aside(&spool, id, &error), 0);
	assert_int_equal(spool_put_aside(&spool, id, &error), -1);
	spool_finish(&spool);
	scratch_remove(&scratch);
}

static size_t removed_count;

static void count_removed(const char *id)
{
	assert_true(queue_id_is_valid(span_from_string(id)));
	removed_count++;
}

static void what_nobody_could_be_told_of_is_kept_for_a_while(void **state)
{
	static const struct row {
		int64_t age;
		uint64_t limit; /* in files */
		size_t removed;
	} rows[] = {
		{ 1000000, 100, 0 },
		{ 1000000, 3, 0 },
		{ 1000000, 2, 1 },
		{ 1000000, 0, 3 },
		{ -1000000, 100, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scratch scratch = scratch_make();
		CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
		struct spool spool = { 0 };
		struct stat status;
		struct error error;
		char ids[3][QUEUE_ID_SIZE];
		char text[256];

		removed_count = 0;
		assert_int_equal(spool_open(&spool, path, true, &error), 0);
		assert_int_equal(spool_count_failed(&spool), 0);
		assert_int_equal(spool_trim_failed(&spool, 0, 0, count_removed, &error), 0);
		for (size_t j = 0; j < 3; j++) {
			assert_int_equal(scratch_commit(spool.queue, ids[j], &error), 0);
			assert_int_equal(fstatat(spool.queue, ids[j], &status, 0), 0);
			assert_int_equal(spool_keep_failed(&spool, ids[j], &error), 0);
		}
		assert_int_equal(spool_count_failed(&spool), 3);
		assert_int_equal(
		    spool_trim_failed(&spool, rows[i].age, rows[i].limit * (uint64_t)status.st_size,
			count_removed, &error),
		    0);
		if (removed_count != rows[i].removed ||
		    spool_count_failed(&spool) != 3 - rows[i].removed)
			fail_msg("row %zu: %zu", i, removed_count);
		/* The oldest goes first. */
		snprintf(text, sizeof text, "failed/%s",
		    strcmp(ids[0], ids[1]) < 0 && strcmp(ids[0], ids[2]) < 0 ? ids[0] : "x");
		if (rows[i].removed == 1)
			assert_int_equal(faccessat(spool.directory, text, F_OK, 0), -1);
		spool_finish(&spool);
		scratch_remove(&scratch);
	}
}

/* A message may have been held for longer than it is kept afterwards. */
static void the_time_in_failed_counts_and_not_the_age(void **state)
{
	static const char id[QUEUE_ID_SIZE] = "0000000010000000000000000";
	static const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	struct spool spool = { 0 };
	struct error error;
	char made[QUEUE_ID_SIZE];

	(void)state;
	removed_count = 0;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	assert_int_equal(scratch_commit(spool.queue, made, &error), 0);
	assert_int_equal(renameat(spool.queue, made, spool.queue, id), 0);
	assert_int_equal(utimensat(spool.queue, id, long_ago, 0), 0);
	assert_int_equal(spool_keep_failed(&spool, id, &error), 0);
	assert_int_equal(spool_trim_failed(&spool, 1000000, UINT64_MAX, count_removed, &error), 0);
	assert_int_equal(removed_count, 0);
	int folder = openat(spool.directory, "failed", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(utimensat(folder, id, long_ago, 0), 0);
	(void)close(folder);
	assert_int_equal(spool_trim_failed(&spool, 1000000, UINT64_MAX, count_removed, &error), 0);
	assert_int_equal(removed_count, 1);
	spool_finish(&spool);
	scratch_remove(&scratch);
}

static void the_owner_sweeps(void **state)
{
	struct scratch scratch = scratch_make();
	CLEANUP(memory_free_string) char *path = place(&scratch, "spool");
	struct spool spool = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	assert_int_equal(spool_lock(&spool, &error), 0);
	(void)close(openat(spool.queue, "t.0", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_int_equal(spool_sweep(&spool, &error), 0);
	assert_int_equal(faccessat(spool.queue, "t.0", F_OK, 0), -1);
	spool_finish(&spool);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_spool_is_private),
		cmocka_unit_test(what_is_missing_is_made_only_on_request),
		cmocka_unit_test(one_that_others_may_write_is_refused),
		cmocka_unit_test(one_of_another_user_is_refused),
		cmocka_unit_test(a_symbolic_link_or_a_file_is_refused),
		cmocka_unit_test(a_queue_that_leads_elsewhere_is_refused),
		cmocka_unit_test(one_process_owns_it),
		cmocka_unit_test(damaged_files_are_put_aside_and_kept),
		cmocka_unit_test(what_nobody_could_be_told_of_is_kept_for_a_while),
		cmocka_unit_test(the_time_in_failed_counts_and_not_the_age),
		cmocka_unit_test(the_owner_sweeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
