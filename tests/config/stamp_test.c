/* SPDX-License-Identifier: MIT */

/* Tests config/stamp.c: what changes in the files of the settings shows. */

#include "config/stamp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

struct scene {
	char folder[32];
	char *paths[2];
	struct config config;
};

static void put(const char *path, const char *text)
{
	int fd CLEANUP(file_close) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_string(text)), 0);
}

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){ .folder = "/tmp/mailchute-stamp-XXXXXX" };
	assert_non_null(mkdtemp(scene->folder));
	scene->paths[0] = memory_format("%s/mailchute.conf", scene->folder);
	scene->paths[1] = memory_format("%s/missing", scene->folder);
	scene->config.sources = (struct config_list){ scene->paths, 2 };
}

static void scene_finish(struct scene *scene)
{
	for (size_t i = 0; i < 2; i++) {
		(void)unlink(scene->paths[i]);
		free(scene->paths[i]);
	}
	(void)rmdir(scene->folder);
}

static void what_has_just_changed_may_change_again(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	put(scene.paths[0], "x");
	assert_int_equal(stamp_of(&scene.config), 0);
}

static void what_is_old_has_one_stamp(void **state)
{
	char *old[] = { (char[]){ "/usr" }, (char[]){ "/nowhere" } };
	char *other[] = { (char[]){ "/usr" }, (char[]){ "/usr/bin" } };
	struct config config = { .sources = { old, 2 } };
	uint64_t stamp = stamp_of(&config);

	(void)state;
	assert_int_not_equal(stamp, 0);
	assert_int_equal(stamp_of(&config), stamp);
	config.sources.items = other;
	assert_int_not_equal(stamp_of(&config), stamp);
	config.sources.count = 1;
	assert_int_not_equal(stamp_of(&config), stamp);
}

/* What has come since counts as a change, whatever it holds. */
static void what_was_missing_shows(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	uint64_t without = stamp_of(&scene.config);
	assert_int_not_equal(without, 0);
	put(scene.paths[1], "");
	assert_int_not_equal(stamp_of(&scene.config), without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_just_changed_may_change_again),
		cmocka_unit_test(what_is_old_has_one_stamp),
		cmocka_unit_test(what_was_missing_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
