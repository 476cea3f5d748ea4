/* SPDX-License-Identifier: MIT */

/* Tests config/secrets_place.c in a folder of its own. */

#include "config/secrets_place.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static char folder[] = "/tmp/mailchute-place-XXXXXX";

static char *path_of(const char *name)
{
	return memory_format("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char *path CLEANUP(memory_free_string) = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void drop_file(const char *name)
{
	char *path CLEANUP(memory_free_string) = path_of(name);

	(void)unlink(path);
}

static void draft_and_commit(struct secrets_place *place, const char *text)
{
	char *draft CLEANUP(memory_free_string) = NULL;
	struct error error;

	assert_int_equal(
	    secrets_place_draft(place, place->name, span_from_string(text), &draft, &error), 0);
	assert_true(secrets_place_has(place, draft));
	assert_int_equal(secrets_place_check(place, &error), 0);
	assert_int_equal(secrets_place_commit(place, draft, place->name, &error), 0);
	assert_false(secrets_place_has(place, draft));
}

static void modes_are_kept_but_for_others(void **state)
{
	static const struct row {
		mode_t before;
		mode_t after;
	} rows[] = { { 0600, 0600 }, { 0640, 0640 }, { 0400, 0400 }, { 0660, 0660 }, { 0644, 0640 },
		{ 0666, 0660 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct secrets_place place CLEANUP(secrets_place_finish) = { 0 };
		char *path CLEANUP(memory_free_string) = path_of("s.ini");
		struct buffer text CLEANUP(buffer_finish) = { 0 };
		struct stat status;
		struct error error;

		(void)unlink(path);
		write_file("s.ini", "old", rows[i].before);
		buffer_init(&text, 100);
		assert_int_equal(secrets_place_open(&place, path, &text, &error), 0);
		assert_string_equal(buffer_string(&text), "old");
		draft_and_commit(&place, "new");
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, rows[i].after);
		assert_int_equal(status.st_uid, geteuid());
		/* The one that was read is no more. */
		assert_int_equal(secrets_place_check(&place, &error), -1);
		assert_non_null(strstr(error.text, "changed by somebody else"));
	}
	drop_file("s.ini");
}

/* Of one who was killed between its making and its name; a living one holds the lock. */
static void old_drafts_are_removed(void **state)
{
	static const struct row {
		const char *name;
		bool is_kept;
	} rows[] = { { ".s.ini.0123456789abcdef", false },
		{ ".a.b.password.fedcba9876543210", false }, { ".s.ini.0123456789abcdeg", true },
		{ ".s.ini.0123456789abcde", true }, { ".other.ini.0123456789abcdef", true },
		{ "s.ini.0123456789abcdef", true } };
	struct secrets_place first CLEANUP(secrets_place_finish) = { 0 };
	struct secrets_place second CLEANUP(secrets_place_finish) = { 0 };
	char *path CLEANUP(memory_free_string) = path_of("s.ini");
	char *draft CLEANUP(memory_free_string) = NULL;
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	(void)state;
	buffer_init(&text, 100);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		write_file(rows[i].name, "secret", 0600);
	assert_int_equal(secrets_place_open(&first, path, &text, &error), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (secrets_place_has(&first, rows[i].name) != rows[i].is_kept)
			fail_msg("%s", rows[i].name);
		drop_file(rows[i].name);
	}
	assert_int_equal(
	    secrets_place_draft(&first, "s.ini", span_from_string("new"), &draft, &error), 0);
	assert_int_equal(secrets_place_open(&second, path, &text, &error), 0);
	assert_int_equal(secrets_place_commit(&first, draft, "s.ini", &error), 0);
	drop_file("s.ini");
}

static void a_new_folder_is_made(void **state)
{
	struct secrets_place place CLEANUP(secrets_place_finish) = { 0 };
	struct secrets_place deep CLEANUP(secrets_place_finish) = { 0 };
	char *inner CLEANUP(memory_free_string) = path_of("new");
	char *path CLEANUP(memory_free_string) = path_of("new/s.ini");
	char *too_deep CLEANUP(memory_free_string) = path_of("no/no/s.ini");
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	(void)state;
	buffer_init(&text, 100);
	assert_int_equal(secrets_place_open(&place, path, &text, &error), 0);
	assert_false(place.exists);
	draft_and_commit(&place, "first");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(secrets_place_open(&deep, too_deep, &text, &error), -1);
	assert_non_null(strstr(error.text, "cannot open the folder"));
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
	struct secrets_place place CLEANUP(secrets_place_finish) = { 0 };
	char *path CLEANUP(memory_free_string) = path_of("s.ini");
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	(void)state;
	buffer_init(&text, 4);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(secrets_place_open(&place, path, &text, &error), -1);
	assert_non_null(strstr(error.text, "symbolic link to /etc/passwd"));
	drop_file("s.ini");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(secrets_place_open(&place, path, &text, &error), -1);
	assert_non_null(strstr(error.text, "is no file"));
	drop_file("s.ini");
	write_file("s.ini", "12345", 0600);
	assert_int_equal(secrets_place_open(&place, path, &text, &error), -1);
	assert_non_null(strstr(error.text, "larger than 4 bytes"));
	drop_file("s.ini");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

/* Nothing stays behind. */
static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_are_kept_but_for_others),
		cmocka_unit_test(old_drafts_are_removed),
		cmocka_unit_test(a_new_folder_is_made),
		cmocka_unit_test(what_is_no_file_of_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
