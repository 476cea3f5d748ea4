/* SPDX-License-Identifier: MIT */

/* Tests policy/included.c. */

#include "policy/included.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static char folder[64];

static char *path_of(const char *name)
{
	return memory_format("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	CLEANUP(memory_free_string) char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void make_folder(const char *name, mode_t mode)
{
	CLEANUP(memory_free_string) char *path = path_of(name);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void make_link(const char *target, const char *name)
{
	CLEANUP(memory_free_string) char *path = path_of(name);

	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	(void)state;
	(void)umask(022);
	snprintf(folder, sizeof folder, "/tmp/mailchute-included-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status;
	(void)flag;
	(void)walk;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 10, FTW_DEPTH | FTW_PHYS);
}

static void tell(void *context, int line, bool is_local, struct span text, const char *reason)
{
	assert_non_null(reason);
	buffer_format(context, "%d %d %.*s;", line, (int)is_local, span_int(text), text.start);
}

/* "target,target|faults", or the error with its next step. */
static char *read_as(const char *name, uid_t owner)
{
	CLEANUP(included_finish) struct included list = { 0 };
	CLEANUP(buffer_finish) struct buffer told = { 0 };
	CLEANUP(memory_free_string) char *path = path_of(name);
	struct buffer output = { 0 };
	struct error error = { 0 };

	buffer_init(&told, 65536);
	buffer_init(&output, 65536);
	if (included_read(path, owner, tell, &told, &list, &error) < 0) {
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_string_equal(error.status, "4.3.5");
		buffer_format(&output, "%s; %s", error.text, error.next);
		return buffer_take_string(&output);
	}
	for (size_t i = 0; i < list.count; i++)
		buffer_format(&output, "%s%s", i != 0 ? "," : "", list.targets[i]);
	buffer_format(&output, "|%s", buffer_string(&told));
	return buffer_take_string(&output);
}

static void each_line_is_a_list(void **state)
{
	static const struct row {
		const char *name;
		const char *text;
		const char *want;
	} rows[] = {
		{ "nobody", "", "|" },
		{ "comments", "# a@b.example\n\n  # c\n", "|" },
		{ "one a line", "a@b.example\r\nc\n", "a@b.example,c|" },
		{ "several", "a, b (c, d)\n\te <f@g.example>,\nh", "a,b,f@g.example,h|" },
		{ "no alias for it", "\\root\n", "\\root|" },
		{ "another list", ":include:/etc/more\n", ":include:/etc/more|" },
		{ "a program", "a\n|/bin/x\n/y, b\n", "a,b|2 1 |/bin/x;3 1 /y;" },
		{ "no address", "a@@b\nc d\n", "|1 0 a@@b;2 0 c d;" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		write_file("list", rows[i].text, 0644);
		CLEANUP(memory_free_string) char *got = read_as("list", geteuid());
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
	}
}

static void what_others_could_change_is_not_read(void **state)
{
	static const struct row {
		const char *name;
		const char *path;
		const char *want; /* a part of the error; NULL: it is read */
	} rows[] = {
		{ "a plain one", "plain", NULL },
		{ "writable by its group", "group", "/group may be written by others (mode 0664)" },
		{ "the command", "group", "chmod go-w /tmp" },
		{ "writable by all", "all", "/all may be written by others (mode 0646)" },
		{ "in an open folder", "open/list", "/open may be written by others (mode 0777)" },
		{ "the command for the folder", "open/list", "/open" },
		{ "deeper in one", "open/deep/list", "/open may be written by others" },
		{ "in one like /tmp", "sticky/list", NULL },
		{ "by a link", "link", NULL },
		{ "by a link to a folder", "way/list", NULL },
		{ "by a relative link with ..", "sticky/up", NULL },
		{ "by a link in an open folder", "open/link", "/open may be" },
		{ "by a link with its full path", "absolute", NULL },
		{ "by a link into an open folder", "sly", "/open may be" },
		{ "by a link by way of an open folder", "slyer", "/open may be" },
		{ "by a loop of links", "loop", "cannot read" },
		{ "with dots", "./sticky/.././plain", NULL },
		{ "missing", "missing", "/missing as uid" },
		{ "a folder", "sticky", "is no plain file" },
		{ "in no folder", "plain/list", "cannot read" },
		{ "a device", "null", "" },
	};

	(void)state;
	write_file("plain", "a\n", 0644);
	write_file("group", "a\n", 0664);
	write_file("all", "a\n", 0646);
	make_folder("open", 0777);
	write_file("open/list", "a\n", 0644);
	make_folder("open/deep", 0755);
	write_file("open/deep/list", "a\n", 0644);
	make_folder("sticky", 01777);
	write_file("sticky/list", "a\n", 0644);
	make_link("plain", "link");
	make_link("sticky", "way");
	make_link("../plain", "sticky/up");
	make_link("../plain", "open/link");
	make_link("open/list", "sly");
	make_link("open/link", "slyer");
	make_link("loop", "loop");
	CLEANUP(memory_free_string) char *whole = path_of("way/list");
	make_link(whole, "absolute");
	make_link("/dev/null", "null");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *got = read_as(rows[i].path, geteuid());
		bool is_read = strcmp(got, "a|") == 0;

		if (is_read != (rows[i].want == NULL) ||
		    (!is_read && strstr(got, rows[i].want) == NULL))
			fail_msg("%s: %s", rows[i].name, got);
	}
}

static void whose_it_is_matters(void **state)
{
	CLEANUP(memory_free_string) char *path = path_of("plain");

	(void)state;
	if (geteuid() != 0)
		skip();
	write_file("plain", "a\n", 0644);
	assert_int_equal(chown(path, 4000, 4000), 0);
	CLEANUP(memory_free_string) char *others = read_as("plain", 0);
	assert_non_null(strstr(others, "/plain belongs to uid 4000, who could put anybody into"));
	assert_non_null(strstr(others, "; chown root /tmp/"));
	CLEANUP(memory_free_string) char *own = read_as("plain", 4000);
	assert_string_equal(own, "a|");
	CLEANUP(memory_free_string) char *link = path_of("strange");
	make_link("plain", "strange");
	assert_int_equal(lchown(link, 4000, 4000), 0);
	CLEANUP(memory_free_string) char *linked = read_as("strange", 0);
	assert_non_null(strstr(linked, "/strange belongs to uid 4000, who could put anybody into"));
	assert_non_null(strstr(linked, "; chown -h root /tmp/"));
	CLEANUP(memory_free_string) char *strangers = path_of("strangers");
	make_folder("strangers", 01777);
	write_file("strangers/list", "a\n", 0644);
	assert_int_equal(chown(strangers, 4000, 4000), 0);
	CLEANUP(memory_free_string) char *inside = read_as("strangers/list", 0);
	assert_non_null(strstr(inside, "/strangers belongs to uid 4000, who could put anybody"));
	assert_int_equal(chown(path, 0, 0), 0);
	CLEANUP(memory_free_string) char *root = read_as("plain", 4000);
	assert_string_equal(root, "a|");
}

static void what_this_user_may_not_read_is_told(void **state)
{
	static const struct {
		mode_t folder;
		mode_t file;
		const char *want;
	} rows[] = {
		{ 0755, 0600, "/plain as uid 4000: Permission denied; chmod a+r /tmp/" },
		{ 0700, 0644, "/plain as uid 4000: Permission denied; chmod a+r /tmp/" },
		{ 0711, 0644, "a|" },
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		write_file("plain", "a\n", rows[i].file);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		assert_int_equal(seteuid(4000), 0);
		CLEANUP(memory_free_string) char *got = read_as("plain", 0);
		assert_int_equal(seteuid(0), 0);
		if (strstr(got, rows[i].want) == NULL)
			fail_msg("%o %o: %s", rows[i].folder, rows[i].file, got);
	}
}

static void it_has_a_limit(void **state)
{
	CLEANUP(memory_free_string) char *path = path_of("large");

	(void)state;
	write_file("large", "a\n", 0644);
	assert_int_equal(truncate(path, (4 << 20) + 1), 0);
	CLEANUP(memory_free_string) char *got = read_as("large", geteuid());
	assert_non_null(strstr(got, "is larger than 4194304 bytes"));
	assert_int_equal(truncate(path, 4 << 20), 0);
	CLEANUP(memory_free_string) char *most = read_as("large", geteuid());
	assert_string_equal(most, "a|2 0 ...;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_line_is_a_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_others_could_change_is_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whose_it_is_matters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_this_user_may_not_read_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_has_a_limit, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
