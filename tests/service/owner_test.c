/* SPDX-License-Identifier: MIT */

/* Tests service/owner.c in processes of their own; as root it needs root. */

#include "service/owner.h"

#include <grp.h>
#include <sys/wait.h>

#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

enum { NOBODY = 65534, SOMEBODY = 4242 };

/* What became of a process that called owner_become: 0 when all ids are these, groups too. */
static int run(const char *path, uid_t uid, gid_t gid, int groups)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct error error;
		uid_t uids[3];
		gid_t gids[3];

		if (owner_become(path, &error) < 0)
			_exit(1);
		if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
		    getresgid(&gids[0], &gids[1], &gids[2]) < 0)
			_exit(2);
		for (int i = 0; i < 3; i++)
			if (uids[i] != uid || gids[i] != gid)
				_exit(3);
		_exit(groups >= 0 && getgroups(0, NULL) != groups ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void root_becomes_the_owner_with_all_ids(void **state)
{
	struct scratch scratch;

	(void)state;
	if (geteuid() != 0)
		skip();
	scratch = scratch_make();
	assert_int_equal(chown(scratch.path, SOMEBODY, NOBODY), 0);
	assert_int_equal(run(scratch.path, SOMEBODY, NOBODY, 1), 0);
	scratch_remove(&scratch);
}

static void a_link_is_not_followed_to_its_owner(void **state)
{
	struct scratch scratch = scratch_make();
	char target[96];
	char link[96];

	(void)state;
	snprintf(target, sizeof target, "%s/target", scratch.path);
	snprintf(link, sizeof link, "%s/link", scratch.path);
	assert_int_equal(mkdir(target, 0700), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(target, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(run(link, geteuid(), getegid(), -1), 0);
	scratch_remove(&scratch);
}

static void without_a_spool_nothing_changes(void **state)
{
	struct scratch scratch = scratch_make();
	char path[96];

	(void)state;
	snprintf(path, sizeof path, "%s/none", scratch.path);
	assert_int_equal(run(path, geteuid(), getegid(), -1), 0);
	/* Nor with one's own. */
	assert_int_equal(run(scratch.path, geteuid(), getegid(), -1), 0);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_becomes_the_owner_with_all_ids),
		cmocka_unit_test(a_link_is_not_followed_to_its_owner),
		cmocka_unit_test(without_a_spool_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
