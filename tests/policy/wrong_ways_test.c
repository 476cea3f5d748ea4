/* SPDX-License-Identifier: MIT */

/* Tests policy/wrong_ways.c. */

#include "policy/wrong_ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static char path[] = "/tmp/mailchute-ways-XXXXXX";

static void write_aliases(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static void take(void *context, const struct wrong_way *way)
{
	buffer_format(context, "%s%s|%s;", way->is_local ? "local " : "", way->words, way->next);
}

static void what_is_wrong_is_told_once(void **state)
{
	static const struct row {
		const char *name;
		const char *text;
		const char *want; /* a part, # being the path; "": nothing */
		size_t count;
	} rows[] = {
		{ "nothing", "root: me@x.example\nb: root\n*: root\n", "", 0 },
		{ "its lines are told elsewhere", "a: |x\nb: a@@b, c@x.example\nno colon\n", "",
		    0 },
		{ "a name with blanks", "\"a b\": \"a b\", c@x.example\n", "", 0 },
		{ "a loop, from wherever", "x: a\na: b\nb: a\ny: b\n",
		    "alias \"a\" (# line 2) is in a loop: a -> b -> a|let one of them name an "
		    "address;",
		    1 },
		{ "a list that is missing, for all", "a: :include:/nowhere/list\nb: a\n",
		    "alias \"a\" (# line 1): cannot read /nowhere as uid", 1 },
		{ "the same beside others", "a: :include:/nowhere/list, x@x.example\n",
		    "alias \"a\" (# line 1): cannot read /nowhere as uid", 1 },
		{ "a path that is none", "a: b, :include:/etc/passwd/list\n",
		    "alias \"a\" (# line 1): cannot read /etc/passwd/list", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		CLEANUP(buffer_finish) struct buffer told = { 0 };
		CLEANUP(buffer_finish) struct buffer want = { 0 };
		static char domain[] = "d.example";
		const struct config config = { .aliases_file = path, .domain = domain };
		struct error error;
		size_t count = 0;

		buffer_init(&told, 65536);
		buffer_init(&want, 65536);
		for (const char *p = rows[i].want; *p != '\0'; p++)
			if (*p == '#')
				buffer_append_string(&want, path);
			else
				buffer_append_byte(&want, *p);
		write_aliases(rows[i].text);
		assert_int_equal(aliases_load(&aliases, &config, &error), 0);
		wrong_ways_tell(&config, &aliases, take, &told);
		for (const char *p = buffer_string(&told); *p != '\0'; p++)
			count += *p == ';';
		if (count != rows[i].count ||
		    strstr(buffer_string(&told), buffer_string(&want)) == NULL)
			fail_msg("%s: %s", rows[i].name, buffer_string(&told));
	}
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_told_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
