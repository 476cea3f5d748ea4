/* SPDX-License-Identifier: MIT */

/* Tests config/files.c, and with it settings.c, entries.c and faults.c: conf.d and include. */

#include "config/files.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static char folder[] = "/tmp/mailchute-files-XXXXXX";

static char *path_of(const char *name)
{
	return memory_format("%s/%s", folder, name);
}

/* %s in the text becomes the folder. */
static void write_file(const char *name, const char *text)
{
	CLEANUP(memory_free_string) char *path = path_of(name);
	FILE *file = fopen(path, "w");
	const char *mark = strstr(text, "%s");

	assert_non_null(file);
	if (mark != NULL)
		fprintf(file, "%.*s%s%s", (int)(mark - text), text, folder, mark + 2);
	else
		fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static void remove_all(void)
{
	CLEANUP(memory_free_string)
	char *command = memory_format("%s/conf.d", folder);
	static const char *const names[] = { "mailchute.conf", "other.conf", "a.inc", "b.inc",
		"conf.d/10.conf", "conf.d/20.conf", "conf.d/9.conf", "conf.d/.30.conf",
		"conf.d/40.conf~", "conf.d/50", "conf.d/fifo.conf" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP(memory_free_string) char *path = path_of(names[i]);

		(void)unlink(path);
	}
	(void)rmdir(command);
}

struct scene {
	struct entries entries;
	struct faults faults;
	bool is_there;
};

static void finish(struct scene *scene)
{
	entries_finish(&scene->entries);
	faults_finish(&scene->faults);
}

static void read_scene(struct scene *scene, const char *name)
{
	CLEANUP(memory_free_string) char *path = path_of(name);

	scene->is_there = files_read(path, true, &scene->entries, &scene->faults);
}

/* The one value of an option, and the file it comes from. */
static void check(const struct scene *scene, const char *block, const char *title,
    const char *option, const char *value, const char *file, int line)
{
	const struct entry *entry = entries_find(
	    entries_find_block(&scene->entries, block, title), option);

	if (entry == NULL)
		fail_msg("%s \"%s\" %s is not set", block, title != NULL ? title : "", option);
	assert_int_equal(entry->count, value[0] != '\0' ? 1 : 0);
	if (value[0] != '\0')
		assert_string_equal(entry->items[0], value);
	const char *path = scene->entries.files[entry->file].path;
	if (strcmp(path + strlen(path) - strlen(file), file) != 0 || entry->line != line)
		fail_msg("%s comes from %s line %d", option, path, entry->line);
}

static void make_drop_in_folder(void)
{
	CLEANUP(memory_free_string) char *path = path_of("conf.d");

	assert_int_equal(mkdir(path, 0755), 0);
}

static void drop_ins_count_option_by_option(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };

	(void)state;
	make_drop_in_folder();
	write_file("mailchute.conf", "smarthost \"o\" { url = \"smtp://a\"\n from = \"a@b.c\" }\n"
				     "queue { retry = { 1s, 2s } lifetime = 1d }\n");
	write_file("conf.d/10.conf", "smarthost \"o\" { rate = \"10/min\" }\n"
				     "queue { retry = { 5s } }\n");
	/* In the order of their octets: after 10 and 20, however numbers go. */
	write_file("conf.d/9.conf", "smarthost \"o\" { rate = \"9/min\" }");
	write_file("conf.d/20.conf", "smarthost \"o\" { rate = \"20/min\" }");
	write_file("conf.d/.30.conf", "smarthost \"o\" { rate = \"30/min\" }");
	write_file("conf.d/40.conf~", "smarthost \"o\" { rate = \"40/min\" }");
	write_file("conf.d/50", "smarthost \"o\" { rate = \"50/min\" }");
	read_scene(&scene, "mailchute.conf");
	assert_true(scene.is_there);
	assert_int_equal(scene.faults.count, 0);
	assert_int_equal(scene.entries.file_count, 4);
	check(&scene, "smarthost", "o", "url", "smtp://a", "/mailchute.conf", 1);
	check(&scene, "smarthost", "o", "from", "a@b.c", "/mailchute.conf", 2);
	check(&scene, "smarthost", "o", "rate", "9/min", "/9.conf", 1);
	check(&scene, "queue", NULL, "retry", "5s", "/10.conf", 2);
	check(&scene, "queue", NULL, "lifetime", "1d", "/mailchute.conf", 3);
}

/* Beside a file of another name it may be another program's. */
static void only_mailchute_conf_has_drop_ins(void **state)
{
	CLEANUP(finish) struct scene other = { 0 };
	CLEANUP(finish) struct scene missing = { 0 };

	(void)state;
	make_drop_in_folder();
	write_file("conf.d/10.conf", "queue { lifetime = 2d }");
	write_file("other.conf", "queue { warn = 1h }");
	read_scene(&other, "other.conf");
	assert_int_equal(other.entries.file_count, 1);
	/* They count where there is no main file. */
	read_scene(&missing, "mailchute.conf");
	assert_false(missing.is_there);
	check(&missing, "queue", NULL, "lifetime", "2d", "/10.conf", 1);
}

/* The url may come from another file than the rate. */
static void a_drop_in_may_hold_a_smarthost_or_a_half(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };

	(void)state;
	make_drop_in_folder();
	write_file("mailchute.conf", "smarthost \"o\" { rate = \"1/s\" }");
	write_file("conf.d/10.conf", "smarthost \"p\" { url = \"smtp://p\" }\n"
				     "smarthost \"o\" { url = \"smtp://o\" }");
	read_scene(&scene, "mailchute.conf");
	assert_int_equal(scene.faults.count, 0);
	check(&scene, "smarthost", "o", "url", "smtp://o", "/10.conf", 2);
	/* The first one stays the first. */
	assert_string_equal(scene.entries.blocks[1].title, "o");
	assert_string_equal(scene.entries.blocks[2].title, "p");
}

static void included_files_are_read_where_they_stand(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };

	(void)state;
	write_file("mailchute.conf", "queue { warn = 1h lifetime = 1d }\n"
				     "include(\"%s/a.inc\")\n"
				     "log { to = none }\n");
	write_file("a.inc", "queue { warn = 2h }\nlog { to = syslog format = json }\n"
			    "include('%s/b.inc')");
	write_file("b.inc", "queue { failed = drop }");
	read_scene(&scene, "mailchute.conf");
	assert_int_equal(scene.faults.count, 0);
	check(&scene, "queue", NULL, "warn", "2h", "/a.inc", 1);
	check(&scene, "queue", NULL, "lifetime", "1d", "/mailchute.conf", 1);
	check(&scene, "log", NULL, "to", "none", "/mailchute.conf", 3);
	check(&scene, "log", NULL, "format", "json", "/a.inc", 2);
	check(&scene, "queue", NULL, "failed", "drop", "/b.inc", 1);
}

static void empty_variables_leave_what_was_set(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };

	(void)state;
	unsetenv("TEST_EMPTY");
	make_drop_in_folder();
	write_file("mailchute.conf", "queue { bounce = ops dir = \"/q\" retry = { 1s } }\n"
				     "submit { users = { root } }");
	write_file("conf.d/10.conf", "queue { bounce = \"\" dir = \"${TEST_EMPTY}\"\n"
				     " retry = { \"${TEST_EMPTY}\" } }\n"
				     "submit { users = { \"${TEST_EMPTY}\" } }\n"
				     "route \"r\" { from = { \"${TEST_EMPTY}\" } }");
	read_scene(&scene, "mailchute.conf");
	assert_int_equal(scene.faults.count, 0);
	check(&scene, "queue", NULL, "dir", "/q", "/mailchute.conf", 1);
	check(&scene, "queue", NULL, "retry", "1s", "/mailchute.conf", 1);
	check(&scene, "submit", NULL, "users", "root", "/mailchute.conf", 2);
	/* What is written as nothing is meant; and a list must not vanish. */
	check(&scene, "queue", NULL, "bounce", "", "/10.conf", 1);
	check(&scene, "route", "r", "from", "", "/10.conf", 4);
}

static void expect(const struct scene *scene, size_t index, const char *text, const char *next)
{
	if (index >= scene->faults.count)
		fail_msg("no fault %zu: %s", index, text);
	const struct error *error = &scene->faults.items[index].error;
	if (strstr(error->text, text) == NULL || strstr(error->next, next) == NULL)
		fail_msg("fault %zu: \"%s\" and \"%s\"", index, error->text, error->next);
	assert_int_equal(error->kind, ERROR_CONFIG);
}

static void all_faults_are_told_in_their_order(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };

	(void)state;
	make_drop_in_folder();
	write_file("mailchute.conf", "smarthsot \"a\" { whatever = 1 }\n"
				     "smarthost \"b\" { uri = 1; rate = *\n tls_nmae = x }\n"
				     "from = x\n"
				     "include(\"%s/a.inc\")\n"
				     "submit { mode \"auto\" wait }\n"
				     "submit \"t\" { } route { }\n"
				     "log { to = { a } \"b\" = 1 , }\n"
				     "route \"r\" { aliases_file = x }\n");
	write_file("a.inc", "x = 1\n\ny = 2");
	write_file("conf.d/10.conf", "queue { lifetime = 1d\n lifetime = 2d }\nlimits {\n");
	write_file("conf.d/20.conf", "capture = \"/c\" captur = 2");
	read_scene(&scene, "mailchute.conf");
	expect(&scene, 0, "mailchute.conf line 1: there is no block \"smarthsot\"", "smarthost");
	expect(&scene, 1, "conf line 2: there is no option \"uri\"", "\"url\"");
	expect(&scene, 2, "conf line 2: there are no semicolons", "uri = 1 rate");
	expect(&scene, 3, "conf line 2: \"*\" must be in double quotes", "rate = \"*\"");
	expect(&scene, 4, "conf line 3: there is no option \"tls_nmae\"", "tls_name");
	expect(&scene, 5, "conf line 4: there is no option \"from\" outside of blocks",
	    "belongs into a block: smarthost \"TITLE\" { from");
	expect(&scene, 6, "conf line 6: there is no = after \"mode\"", "mode = \"auto\"");
	expect(&scene, 7, "conf line 6: there is no = after \"wait\"", "");
	expect(&scene, 8, "conf line 7: submit takes no title", "submit {");
	expect(&scene, 9, "conf line 7: route has no title", "route \"news\" {");
	expect(&scene, 10, "conf line 8: to takes one value, not a list", "to = \"auto\"");
	expect(&scene, 11, "conf line 8: \"b\" ", "");
	expect(&scene, 12, "conf line 8: there are no commas", "");
	expect(&scene, 13, "conf line 9: there is no option \"aliases_file\" in route",
	    "outside of blocks");
	expect(&scene, 14, "a.inc line 1: there is no option \"x\"", "");
	expect(&scene, 15, "a.inc line 3: there is no option \"y\"", "");
	expect(&scene, 16, "10.conf line 2: lifetime is set in line 1 already", "one of the two");
	expect(&scene, 17, "10.conf line 3: the block \"limits\" that begins here has no", "");
	expect(&scene, 18, "20.conf line 1: there is no option \"captur\"", "\"capture\"");
	assert_int_equal(scene.faults.count, 19);
	/* What is sound in them was read all the same. */
	check(&scene, "", NULL, "capture", "/c", "/20.conf", 1);
}

static void includes_at_fault_are_named(void **state)
{
	static const struct row {
		const char *text;  /* of mailchute.conf */
		const char *inner; /* of a.inc */
		const char *want;
		const char *next;
	} rows[] = {
		{ "include(\"/nowhere/x\")", "",
		    "line 1: include(\"/nowhere/x\") names a file that", "conf.d" },
		{ "include(\"x.inc\")", "", "line 1: include(\"x.inc\") is no absolute path",
		    "\"/etc/mailchute/x.inc\"" },
		{ "include(\"%s/*.inc\")", "", "it takes one, and no pattern", "conf.d" },
		{ "include(\"%s/a.inc\")", "include(\"%s/a.inc\")", "would be included by itself",
		    "" },
		{ "include(\"%s/a.inc\")", "include(\"%s/mailchute.conf\")", "a.inc line 1: ", "" },
		{ "include(\"%s\")", "", "is no regular file", "" },
		{ "include(\"/dev/zero\")", "", "is no regular file", "" },
		{ "queue {\n include(\"%s/a.inc\")\n}", "",
		    "line 2: include stands inside of the block \"queue\"", "outside" },
		{ "include()", "", "line 1: include names no file", "include(\"/etc/" },
		{ "include(\"%s/a.inc\"", "", "line 1: include names no file", "" },
		{ "include = \"%s/a.inc\"", "", "line 1: there is no option \"include\"", "" },
		{ "include(\"%s/a.inc\")", "queue {", "a.inc line 1: the block \"queue\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(finish) struct scene scene = { 0 };

		write_file("mailchute.conf", rows[i].text);
		write_file("a.inc", rows[i].inner);
		read_scene(&scene, "mailchute.conf");
		expect(&scene, 0, rows[i].want, rows[i].next);
		assert_int_equal(scene.faults.count, 1);
	}
}

/* 20 files, each including the next one: 8 deep is enough. */
static void depth_has_an_end(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++) {
		CLEANUP(memory_free_string) char *name = memory_format("%02d.inc", i);
		CLEANUP(memory_free_string)
		char *text = memory_format("include(\"%s/%02d.inc\")", folder, i + 1);

		write_file(name, text);
	}
	read_scene(&scene, "00.inc");
	for (int i = 0; i < 20; i++) {
		CLEANUP(memory_free_string) char *name = memory_format("%s/%02d.inc", folder, i);

		(void)unlink(name);
	}
	assert_int_equal(scene.faults.count, 1);
	expect(&scene, 0, "08.inc line 1: include(", "");
	expect(&scene, 0, "is the 9th file inside of another", "");
}

static void files_have_an_end(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };
	CLEANUP(memory_free_string) char *path = path_of("mailchute.conf");

	(void)state;
	write_file("a.inc", "");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 300; i++)
		fprintf(file, "include(\"%s/a.inc\")\n", folder);
	fclose(file);
	read_scene(&scene, "mailchute.conf");
	assert_int_equal(scene.entries.file_count, FILES_LIMIT);
	expect(&scene, 0, "line 256: ", "");
	expect(&scene, 0, "is one file too many: settings may come from 256", "");
}

/* Whoever writes one says where all mail goes. */
static void unsafe_drop_ins_are_refused(void **state)
{
	CLEANUP(memory_free_string) char *file = path_of("conf.d/10.conf");
	CLEANUP(memory_free_string) char *main_file = path_of("mailchute.conf");
	CLEANUP(memory_free_string) char *directory = path_of("conf.d");
	CLEANUP(memory_free_string) char *mend_file = memory_format("chmod o-w %s", file);
	CLEANUP(memory_free_string) char *mend_directory = memory_format("chmod o-w %s", directory);
	CLEANUP(memory_free_string) char *mend_owner = memory_format("chown root %s", file);
	CLEANUP(finish) struct scene open_file = { 0 };
	CLEANUP(finish) struct scene open_directory = { 0 };
	CLEANUP(finish) struct scene strange = { 0 };
	CLEANUP(finish) struct scene same_owner = { 0 };

	(void)state;
	make_drop_in_folder();
	write_file("mailchute.conf", "");
	write_file("conf.d/10.conf", "queue { lifetime = 2d }");
	write_file("conf.d/20.conf", "queue { warn = 1h }");
	assert_int_equal(chmod(file, 0666), 0);
	read_scene(&open_file, "mailchute.conf");
	expect(&open_file, 0, "everyone on this machine may write", mend_file);
	/* It hides no other. */
	check(&open_file, "queue", NULL, "warn", "1h", "/20.conf", 1);
	assert_null(
	    entries_find(entries_find_block(&open_file.entries, "queue", NULL), "lifetime"));
	assert_int_equal(chmod(file, 0664), 0);
	assert_int_equal(chmod(directory, 0777), 0);
	read_scene(&open_directory, "mailchute.conf");
	expect(&open_directory, 0, "everyone on this machine may write", mend_directory);
	assert_int_equal(chmod(directory, 01777), 0);
	if (geteuid() != 0) {
		print_message("not root: nobody else's file to be had\n");
		return;
	}
	assert_int_equal(chown(file, 1234, 0), 0);
	read_scene(&strange, "mailchute.conf");
	expect(&strange, 0, "belongs to uid 1234, who could send all mail elsewhere", mend_owner);
	assert_int_equal(strange.faults.count, 1);
	/* Who may write the main file gains nothing by a drop-in. */
	assert_int_equal(chown(main_file, 1234, 0), 0);
	read_scene(&same_owner, "mailchute.conf");
	assert_int_equal(same_owner.faults.count, 0);
}

/* Opening a pipe would wait for its writer. */
static void a_pipe_is_no_drop_in(void **state)
{
	CLEANUP(finish) struct scene scene = { 0 };
	CLEANUP(memory_free_string) char *path = path_of("conf.d/fifo.conf");

	(void)state;
	make_drop_in_folder();
	assert_int_equal(mkfifo(path, 0644), 0);
	read_scene(&scene, "mailchute.conf");
	expect(&scene, 0, "fifo.conf is no regular file", "");
}

static int clean(void **state)
{
	(void)state;
	remove_all();
	return 0;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(drop_ins_count_option_by_option, clean),
		cmocka_unit_test_teardown(only_mailchute_conf_has_drop_ins, clean),
		cmocka_unit_test_teardown(a_drop_in_may_hold_a_smarthost_or_a_half, clean),
		cmocka_unit_test_teardown(included_files_are_read_where_they_stand, clean),
		cmocka_unit_test_teardown(empty_variables_leave_what_was_set, clean),
		cmocka_unit_test_teardown(all_faults_are_told_in_their_order, clean),
		cmocka_unit_test_teardown(includes_at_fault_are_named, clean),
		cmocka_unit_test_teardown(depth_has_an_end, clean),
		cmocka_unit_test_teardown(files_have_an_end, clean),
		cmocka_unit_test_teardown(unsafe_drop_ins_are_refused, clean),
		cmocka_unit_test_teardown(a_pipe_is_no_drop_in, clean),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
