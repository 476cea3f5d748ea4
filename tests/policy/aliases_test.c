/* SPDX-License-Identifier: MIT */

/* Tests policy/aliases.c. */

#include "policy/aliases.h"

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

#include "base/buffer.h"
#include "base/memory.h"

static char path[] = "/tmp/mailchute-aliases-XXXXXX";

static void write_aliases(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

/* "name>target,target;name>..." */
static char *show(const struct aliases *aliases)
{
	struct buffer output = { 0 };

	buffer_init(&output, 65536);
	for (size_t i = 0; i < aliases->count; i++) {
		buffer_format(&output, "%s%s>", i != 0 ? ";" : "", aliases->entries[i].name);
		for (size_t j = 0; j < aliases->entries[i].target_count; j++)
			buffer_format(
			    &output, "%s%s", j != 0 ? "," : "", aliases->entries[i].targets[j]);
	}
	return buffer_take_string(&output);
}

static void the_file_is_read_as_it_is(void **state)
{
	static const struct row {
		const char *name;
		const char *text;
		const char *want;
		const char *fault; /* a part; NULL: none */
	} rows[] = {
		{ "nothing", "", "", NULL },
		{ "a name", "root: me@x.example\n", "root>me@x.example", NULL },
		{ "no line end", "root: me@x.example", "root>me@x.example", NULL },
		{ "CRLF", "root: me\r\nfoo: bar\r\n", "root>me;foo>bar", NULL },
		{ "case of names", "Postmaster: Root\n", "postmaster>Root", NULL },
		{ "a list", "a: b, c@d.example,e\n", "a>b,c@d.example,e", NULL },
		{ "comments and empty lines", "# a: b\n\n  # c\na: b\n", "a>b", NULL },
		{ "continuation", "a: b,\n\tc,\n  d\ne: f\n", "a>b,c,d;e>f", NULL },
		{ "a comment does not end an entry", "a: b,\n# x\n\n c\n", "a>b,c", NULL },
		{ "blanks around", "  \na \t:b\n", "a>b", NULL },
		{ "a quoted name", "\"a b\": c\n", "a b>c", NULL },
		{ "a quoted name with a colon", "\"a:b\" : c\n", "a:b>c", NULL },
		{ "display names", "a: Me <me@x.example>, \"B, C\" <b@x.example>\n",
		    "a>me@x.example,b@x.example", NULL },
		{ "comments in addresses", "a: b (c, d), e\n", "a>b,e", NULL },
		{ "the end of a way", "a: \\a, b@x.example\n", "a>\\a,b@x.example", NULL },
		{ "a program", "a: |/bin/x, b\n", "a>b", "line 1: \"|/bin/x\" is passed over" },
		{ "a quoted program", "a: \"|/bin/x y, z\", b\n", "a>b", "programs are not run" },
		{ "a program in brackets", "a: x <|/bin/x>, b\n", "a>b", "programs are not run" },
		{ "a program in a group", "a: b: |/bin/x;, c\n", "a>c", "programs are not run" },
		{ "a program behind a backslash", "a: \\|/bin/x, b\n", "a>b", "\"\\|/bin/x\"" },
		{ "the null address", "a: <>, b\n", "a>b", "it is empty" },
		{ "a file", "a: /dev/null\n", "", "files are not written to" },
		{ "a list in a file", "a: :Include: /x y , b\n", "a>:include:/x y,b", NULL },
		{ "a quoted one", "a: \":include:/x, y\", b\n", "a>:include:/x, y,b", NULL },
		{ "a list without full path", "a: :include:x, b\n", "a>b", "full path" },
		{ "a list without any path", "a: :include:, b\n", "a>b", "full path" },
		{ "a list in brackets", "a: x <:include:/x>, b\n", "a>b", "passed over" },
		{ "words of Exim", "a: :blackhole:, b\n", "a>b", "not obeyed" },
		{ "the first fault", "a: b\nb: /x\nc: |y\n", "a>b", "line 2: \"/x\"" },
		{ "no colon", "a b\nc: d\n", "c>d", "line 1: \"a b\"" },
		{ "no name", ": d\nc: d\n", "c>d", "line 1" },
		{ "an open quoted name", "\"a: d\nc: d\n", "c>d", "line 1" },
		{ "no target", "a:\nc: d\n", "c>d",
		    "line 1: \"a\" is passed over: it names nobody" },
		{ "an address as name", "a@b.example: d\n", "", "line 1" },
		{ "continues nothing", " a: b\nc: d\n", "c>d", "continues nothing" },
		{ "a malformed target", "a: b@, c\n", "a>c", "line 1" },
		{ "the first of two wins", "a: b\nA: c\n", "a>b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		const struct config config = { .aliases_file = path };
		struct error error = { 0 };

		write_aliases(rows[i].text, strlen(rows[i].text));
		assert_int_equal(aliases_load(&aliases, &config, &error), 0);
		CLEANUP(memory_free_string) char *got = show(&aliases);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
		const char *fault = aliases.fault_count != 0 ? aliases.faults[0].words
							     : aliases.fault;
		if (rows[i].fault == NULL && fault != NULL)
			fail_msg("%s: %s", rows[i].name, fault);
		if (rows[i].fault != NULL &&
		    (fault == NULL || strstr(fault, rows[i].fault) == NULL))
			fail_msg("%s: fault %s", rows[i].name, fault);
	}
}

static void note_told(void *context, const struct aliases_fault *fault)
{
	struct buffer *told = context;

	assert_string_equal(fault->path, path);
	assert_non_null(fault->reason);
	buffer_format(told, "%d %d %s %.*s;", fault->line, (int)fault->kind,
	    fault->name != NULL ? fault->name : "-", span_int(fault->text), fault->text.start);
}

static void each_fault_is_told(void **state)
{
	static const char text[] = "root: me@x.example\n"
				   "\n"
				   " # continues\n"
				   "Decode: |/bin/x, \"/file y\",\n"
				   "  :fail:no\n"
				   "list: a, <|p>, b@@c\n"
				   "ROOT: other, /x\n"
				   "nobody:\n"
				   "no colon\n"
				   "last: /y\n";
	static const char want[] = "4 0 decode |/bin/x;"
				   "4 0 decode \"/file y\";"
				   "4 0 decode :fail:no;"
				   "4 3 decode decode;"
				   "6 0 list |p;"
				   "6 1 list b@@c;"
				   "7 0 root /x;"
				   "7 4 root root;"
				   "8 3 nobody nobody;"
				   "9 2 - no colon;"
				   "10 0 last /y;"
				   "10 3 last last;";
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	CLEANUP(buffer_finish) struct buffer told = { 0 };
	const struct config config = { .aliases_file = path };
	struct error error = { 0 };

	(void)state;
	buffer_init(&told, 65536);
	write_aliases(text, strlen(text));
	assert_int_equal(aliases_load_telling(&aliases, &config, note_told, &told, &error), 0);
	assert_string_equal(buffer_string(&told), want);
	CLEANUP(memory_free_string) char *got = show(&aliases);
	assert_string_equal(got, "root>me@x.example;list>a");
}

/* An entry of the configuration has its place there, and is no fault to the service. */
static void an_earlier_one_in_the_configuration_wins(void **state)
{
	static char name[] = "root";
	static char target[] = "me@x.example";
	char *targets[] = { target };
	struct config_alias alias = { .name = name,
		.targets = targets,
		.target_count = 1,
		.place = { .file = path, .line = 17 } };
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	CLEANUP(buffer_finish) struct buffer told = { 0 };
	const struct config config = { .aliases_file = path, .aliases = &alias, .alias_count = 1 };
	struct error error = { 0 };

	(void)state;
	buffer_init(&told, 65536);
	write_aliases("Root: you\n", strlen("Root: you\n"));
	assert_int_equal(aliases_load_telling(&aliases, &config, note_told, &told, &error), 0);
	assert_string_equal(buffer_string(&told), "1 4 root root;");
	assert_null(aliases.fault);
	assert_string_equal(aliases_find(&aliases, span_from_string("root"))->targets[0], target);
}

static void any_bytes_are_survived(void **state)
{
	static const char text[] =
	    "\"a\\\": \"b\0c\", (d <e\n\xff\x80: \xff,\n\0\n x\n:\n\"\":\"\"\n";
	const struct config config = { .aliases_file = path };

	(void)state;
	for (size_t length = 0; length < sizeof text; length++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		struct error error;

		write_aliases(text, length);
		assert_int_equal(aliases_load(&aliases, &config, &error), 0);
	}
}

static void the_configuration_comes_first(void **state)
{
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	char *root[] = { (char[]){ "me@x.example" }, (char[]){ "\\root" } };
	char *star[] = { (char[]){ "root" } };
	struct config_alias blocks[] = {
		{ (char[]){ "*" }, star, 1, { (char[]){ "/c" }, 2 } },
		{ (char[]){ "Root" }, root, 2, { (char[]){ "MAILCHUTE_ROOT" }, 0 } },
	};
	const struct config config = { .aliases = blocks, .alias_count = 2, .aliases_file = path };
	struct error error = { 0 };

	(void)state;
	write_aliases("root: file\nfoo: bar\n", 21);
	assert_int_equal(aliases_load(&aliases, &config, &error), 0);
	CLEANUP(memory_free_string) char *got = show(&aliases);
	assert_string_equal(got, "*>root;root>me@x.example,\\root;foo>bar");
	const struct alias *found = aliases_find(&aliases, span_from_string("ROOT"));
	assert_string_equal(found->source, "MAILCHUTE_ROOT");
	assert_string_equal(aliases_find(&aliases, span_from_string("foo"))->targets[0], "bar");
	found = aliases_find(&aliases, span_from_string("other"));
	assert_string_equal(found->name, "*");
	assert_string_equal(found->source, "/c line 2");
}

static void a_missing_file_is_no_fault(void **state)
{
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	struct config config = { .aliases_file = (char[]){ "/nowhere/aliases" } };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(aliases_load(&aliases, &config, &error), 0);
	assert_int_equal(aliases.count, 0);
	assert_null(aliases_find(&aliases, span_from_string("root")));
	config.aliases_file = (char[]){ "/tmp" };
	assert_int_equal(aliases_load(&aliases, &config, &error), -1);
	assert_non_null(strstr(error.text, "cannot read /tmp"));
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_is_read_as_it_is),
		cmocka_unit_test(each_fault_is_told),
		cmocka_unit_test(an_earlier_one_in_the_configuration_wins),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(the_configuration_comes_first),
		cmocka_unit_test(a_missing_file_is_no_fault),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
