/* SPDX-License-Identifier: MIT */

/* Tests service/maildir.c: a reader never sees half a message. */

#include "service/maildir.h"

#include <dirent.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

struct scene {
	struct scratch scratch;
	char path[96];
	struct maildir maildir;
	struct maildir_file file;
};

static void scene_init(struct scene *scene)
{
	struct error error = { 0 };

	*scene = (struct scene){ .scratch = scratch_make(), .file = { .fd = -1 } };
	snprintf(scene->path, sizeof scene->path, "%s/Maildir", scene->scratch.path);
	if (maildir_open(&scene->maildir, scene->path, &error) < 0)
		fail_msg("%s", error.text);
}

static void scene_finish(struct scene *scene)
{
	maildir_drop(&scene->maildir, &scene->file);
	maildir_finish(&scene->maildir);
	scratch_remove(&scene->scratch);
}

/* How many files there are; the path of one of them. */
static size_t list(const struct scene *scene, const char *part, char path[static 512])
{
	size_t count = 0;
	char folder[160];

	snprintf(folder, sizeof folder, "%s/%s", scene->path, part);
	DIR *stream = opendir(folder);
	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, 512, "%s/%s", folder, entry->d_name);
		count++;
	}
	(void)closedir(stream);
	return count;
}

static void a_folder_is_made_as_it_must_be(void **state)
{
	static const char *const parts[] = { "", "/tmp", "/new", "/cur" };
	struct scene scene CLEANUP(scene_finish);
	struct maildir again = { .directory = -1 };
	struct error error;

	(void)state;
	scene_init(&scene);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		struct stat status;
		char path[160];

		snprintf(path, sizeof path, "%s%s", scene.path, parts[i]);
		assert_int_equal(stat(path, &status), 0);
		assert_true(S_ISDIR(status.st_mode));
		assert_int_equal(status.st_mode & 077, 0);
	}
	/* One that is there is taken as it is. */
	assert_int_equal(maildir_open(&again, scene.path, &error), 0);
	maildir_finish(&again);
}

static void a_message_is_in_tmp_until_it_is_whole(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };
	struct error error = { 0 };
	char path[512] = "";

	(void)state;
	scene_init(&scene);
	assert_int_equal(maildir_create(&scene.maildir, &scene.file, &error), 0);
	writer_append_string(&scene.file.writer, "Subject: hello\n\nworld\n");
	assert_int_equal(list(&scene, "tmp", path), 1);
	assert_int_equal(list(&scene, "new", path), 0);
	assert_int_equal(maildir_deliver(&scene.maildir, &scene.file, &error), 0);
	assert_int_equal(list(&scene, "tmp", path), 0);
	assert_int_equal(list(&scene, "new", path), 1);
	buffer_init(&content, 1000);
	assert_int_equal(file_read_whole(path, &content, &error), 0);
	assert_string_equal(buffer_string(&content), "Subject: hello\n\nworld\n");
	/* To drop what was delivered does nothing. */
	maildir_drop(&scene.maildir, &scene.file);
	assert_int_equal(list(&scene, "new", path), 1);
}

static void what_is_dropped_leaves_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error;
	char path[512];

	(void)state;
	scene_init(&scene);
	assert_int_equal(maildir_create(&scene.maildir, &scene.file, &error), 0);
	writer_append_string(&scene.file.writer, "half");
	maildir_drop(&scene.maildir, &scene.file);
	assert_int_equal(list(&scene, "tmp", path), 0);
	assert_int_equal(list(&scene, "new", path), 0);
	maildir_drop(&scene.maildir, &scene.file);
}

static void what_cannot_be_written_is_an_error_and_leaves_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	char path[512];

	(void)state;
	scene_init(&scene);
	assert_int_equal(maildir_create(&scene.maildir, &scene.file, &error), 0);
	/* A descriptor that nothing can be written to. */
	int null = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(null >= 0);
	assert_true(dup2(null, scene.file.fd) >= 0);
	(void)close(null);
	writer_append_string(&scene.file.writer, "text");
	assert_int_equal(maildir_deliver(&scene.maildir, &scene.file, &error), -1);
	assert_int_not_equal(error.kind, ERROR_NONE);
	assert_int_equal(list(&scene, "tmp", path), 0);
	assert_int_equal(list(&scene, "new", path), 0);
}

static void names_differ(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error;
	char path[512];

	(void)state;
	scene_init(&scene);
	for (size_t i = 1; i <= 200; i++) {
		assert_int_equal(maildir_create(&scene.maildir, &scene.file, &error), 0);
		assert_int_equal(maildir_deliver(&scene.maildir, &scene.file, &error), 0);
	}
	assert_int_equal(list(&scene, "new", path), 200);
}

static void a_name_given_again_is_there_once(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };
	struct error error = { 0 };
	char path[512];

	(void)state;
	scene_init(&scene);
	/* One that a crash has left half, and one that was whole before it. */
	for (int i = 0; i < 3; i++) {
		if (maildir_create_as(&scene.maildir, "one", &scene.file, &error) < 0)
			fail_msg("%s", error.text);
		writer_append_string(&scene.file.writer, i == 0 ? "a long first text" : "text");
		if (i == 0) {
			assert_int_equal(writer_flush(&scene.file.writer), 0);
			file_close(&scene.file.fd);
			continue;
		}
		assert_int_equal(maildir_deliver(&scene.maildir, &scene.file, &error), 0);
	}
	assert_int_equal(list(&scene, "tmp", path), 0);
	assert_int_equal(list(&scene, "new", path), 1);
	buffer_init(&content, 1000);
	assert_int_equal(file_read_whole(path, &content, &error), 0);
	assert_string_equal(buffer_string(&content), "text");
}

static void a_path_that_is_no_folder_is_an_error(void **state)
{
	static const char *const paths[] = { "/dev/null", "/nonexistent/folder/Maildir" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct maildir maildir = { .directory = -1 };
		struct error error = { 0 };

		assert_int_equal(maildir_open(&maildir, paths[i], &error), -1);
		assert_non_null(strstr(error.text, paths[i]));
		maildir_finish(&maildir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_is_made_as_it_must_be),
		cmocka_unit_test(a_message_is_in_tmp_until_it_is_whole),
		cmocka_unit_test(what_is_dropped_leaves_nothing),
		cmocka_unit_test(what_cannot_be_written_is_an_error_and_leaves_nothing),
		cmocka_unit_test(names_differ),
		cmocka_unit_test(a_name_given_again_is_there_once),
		cmocka_unit_test(a_path_that_is_no_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
