/* SPDX-License-Identifier: MIT */

/* Tests policy/expand.c. */

#include "policy/expand.h"

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

#include "base/buffer.h"
#include "base/memory.h"

static char domain[] = "d.example";

/* Builds aliases from "name>target,target;name>..."; names as they stand. */
static void build(struct aliases *aliases, const char *text)
{
	struct span rest = span_from_string(text);
	struct span entry;
	struct span target;

	while (span_take_until(&rest, ';', &entry)) {
		struct alias alias = { 0 };
		struct span name;

		assert_true(span_take_until(&entry, '>', &name));
		alias.name = span_copy(name);
		alias.source = memory_copy_string("test");
		while (span_take_until(&entry, ',', &target)) {
			alias.targets = memory_resize_array(
			    alias.targets, alias.target_count + 1, sizeof *alias.targets);
			alias.targets[alias.target_count++] = span_copy(target);
		}
		aliases->entries = memory_resize_array(
		    aliases->entries, aliases->count + 1, sizeof alias);
		aliases->entries[aliases->count++] = alias;
	}
}

static void give(struct envelope *envelope, const char *recipients)
{
	struct span rest = span_from_string(recipients);
	struct span recipient;
	struct error error;

	assert_int_equal(envelope_set_sender(envelope, span_from_string("s@x.example"), &error), 0);
	while (span_take_until(&rest, ',', &recipient))
		assert_int_equal(envelope_add_recipient(envelope, recipient,
				     span_first(recipient, 0), ENVELOPE_NOTIFY_FAILURE, &error),
		    0);
}

/* "address(original) ..." */
static char *show(const struct envelope *envelope)
{
	struct buffer output = { 0 };

	buffer_init(&output, 1 << 20);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];

		buffer_format(&output, "%s%s", i != 0 ? " " : "", recipient->address);
		if (recipient->original != NULL && recipient->original[0] != '\0')
			buffer_format(&output, "(%s)", recipient->original);
		assert_int_equal(recipient->notify, ENVELOPE_NOTIFY_FAILURE);
	}
	return buffer_take_string(&output);
}

static void names_become_addresses(void **state)
{
	static const struct row {
		const char *name;
		const char *aliases;
		const char *given;
		const char *want;
	} rows[] = {
		{ "a full address stays", "root>x@y.example", "A@b.example", "A@b.example" },
		{ "no alias: the domain", "", "Bob", "Bob@d.example(Bob)" },
		{ "an alias", "root>me@y.example", "root", "me@y.example(root)" },
		{ "any case", "root>me@y.example", "ROOT", "me@y.example(ROOT)" },
		{ "steps", "a>b;b>c;c>me@y.example", "a", "me@y.example(a)" },
		{ "a list, in order", "a>b,c@y.example;b>b1@y.example,b2@y.example", "a",
		    "b1@y.example(a) b2@y.example(a) c@y.example(a)" },
		{ "this host", "root>me@y.example", "root@localhost",
		    "me@y.example(root@localhost)" },
		{ "this host, no alias", "", "bob@LOCALHOST.localdomain",
		    "bob@d.example(bob@LOCALHOST.localdomain)" },
		{ "the domain is not this host", "root>me@y.example", "root@d.example",
		    "root@d.example" },
		{ "duplicates", "a>x@y.example;b>x@Y.example", "a,b,x@y.example",
		    "x@y.example(a)" },
		{ "the rest of names", "*>me@y.example;a>a@y.example", "a,foo",
		    "a@y.example(a) me@y.example(foo)" },
		{ "the rest, by a name", "*>root;root>me@y.example", "foo,bar",
		    "me@y.example(foo)" },
		{ "the rest, by a name without alias", "*>root", "foo,root",
		    "root@d.example(foo)" },
		{ "the rest, given that name first", "*>root", "root,foo", "root@d.example(root)" },
		{ "the name itself", "root>root,me@y.example", "root",
		    "root@d.example(root) me@y.example(root)" },
		{ "the name itself at this host", "root>root@localhost", "root",
		    "root@d.example(root)" },
		{ "the end of a way", "root>\\root;foo>\\root", "foo,root", "root@d.example(foo)" },
		{ "a loop of two", "a>b;b>a", "a", "b@d.example(a)" },
		{ "a loop with a way out", "a>b;b>a,x@y.example", "a",
		    "b@d.example(a) x@y.example(a)" },
		{ "a loop through the rest", "root>bob;*>root", "carol,root",
		    "bob@d.example(carol)" },
		{ "a name through the rest", "root>bob;*>root", "root", "bob@d.example(root)" },
		{ "a detail", "bob>x@y.example;bob+z>z@y.example", "bob+a,Bob+Z,bob+a@localhost",
		    "x@y.example(bob+a) z@y.example(Bob+Z)" },
		{ "a detail before the rest", "bob>x@y.example;*>r@y.example", "bob+a,eve+a",
		    "x@y.example(bob+a) r@y.example(eve+a)" },
		{ "a detail without alias", "root>x@y.example", "bob+a", "bob+a@d.example(bob+a)" },
		{ "a detail of nobody", "root>x@y.example", "+a", "+a@d.example(+a)" },
		{ "a detail for the name itself", "bob>bob,x@y.example", "bob+a",
		    "bob+a@d.example(bob+a) x@y.example(bob+a)" },
		{ "a quoted name", "a b>x@y.example", "\"a b\"", "x@y.example(\"a b\")" },
		{ "a quoted name without alias", "", "\"a b\"", "\"a b\"@d.example(\"a b\")" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		CLEANUP(envelope_finish) struct envelope given = { 0 };
		CLEANUP(envelope_finish) struct envelope expanded = { 0 };
		const struct config config = { .domain = domain };
		struct error error = { 0 };

		build(&aliases, rows[i].aliases);
		give(&given, rows[i].given);
		if (expand_envelope(&config, &aliases, &given, &expanded, &error) != 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		CLEANUP(memory_free_string) char *got = show(&expanded);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
		assert_string_equal(expanded.sender, "s@x.example");
	}
}

/* n names in a row, then an address. */
static int expand_chain(int steps, struct envelope *expanded, struct error *error)
{
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	CLEANUP(envelope_finish) struct envelope given = { 0 };
	const struct config config = { .domain = domain };

	for (int i = 0; i < steps; i++) {
		CLEANUP(memory_free_string)
		char *entry = i + 1 < steps ? memory_format("n%d>n%d", i, i + 1)
					    : memory_format("n%d>x@y.example", i);

		build(&aliases, entry);
	}
	give(&given, "n0");
	return expand_envelope(&config, &aliases, &given, expanded, error);
}

static void the_way_has_an_end(void **state)
{
	CLEANUP(envelope_finish) struct envelope expanded = { 0 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(expand_chain(20, &expanded, &error), 0);
	assert_string_equal(expanded.recipients[0].address, "x@y.example");
	envelope_clear(&expanded);
	assert_int_equal(expand_chain(21, &expanded, &error), -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_non_null(strstr(error.text, "more than 20 steps from n0"));
}

/* Each name twice the next: 2^19 ways to one address. */
static void the_work_is_bounded(void **state)
{
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	CLEANUP(envelope_finish) struct envelope given = { 0 };
	CLEANUP(envelope_finish) struct envelope expanded = { 0 };
	const struct config config = { .domain = domain };
	struct error error = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++) {
		CLEANUP(memory_free_string)
		char *entry = i < 19 ? memory_format("n%d>n%d,n%d,n%d", i, i + 1, i + 1, i + 1)
				     : memory_format("n%d>x@y.example", i);

		build(&aliases, entry);
	}
	give(&given, "n0,n1");
	assert_int_equal(expand_envelope(&config, &aliases, &given, &expanded, &error), 0);
	assert_int_equal(expanded.recipient_count, 1);
}

static void the_original_and_parameters_stay(void **state)
{
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	CLEANUP(envelope_finish) struct envelope given = { 0 };
	CLEANUP(envelope_finish) struct envelope expanded = { 0 };
	const struct config config = { .domain = domain };
	struct error error = { 0 };

	(void)state;
	build(&aliases, "root>me@y.example");
	assert_int_equal(envelope_set_sender(&given, span_from_string(""), &error), 0);
	assert_int_equal(envelope_set_envid(&given, span_from_string("id7"), &error), 0);
	given.return_content = ENVELOPE_RETURN_HEADER;
	assert_int_equal(
	    envelope_add_recipient(&given, span_from_string("root"),
		span_from_string("rfc822;boss@z.example"), ENVELOPE_NOTIFY_NEVER, &error),
	    0);
	assert_int_equal(expand_envelope(&config, &aliases, &given, &expanded, &error), 0);
	assert_string_equal(expanded.sender, "");
	assert_string_equal(expanded.envid, "id7");
	assert_int_equal(expanded.return_content, ENVELOPE_RETURN_HEADER);
	assert_string_equal(expanded.recipients[0].address, "me@y.example");
	assert_string_equal(expanded.recipients[0].original, "rfc822;boss@z.example");
	assert_int_equal(expanded.recipients[0].notify, ENVELOPE_NOTIFY_NEVER);
}

static void this_host_is_known(void **state)
{
	char name[256] = { 0 };

	(void)state;
	assert_true(expand_is_this_host(span_from_string("LocalHost")));
	assert_true(expand_is_this_host(span_from_string("localhost.localdomain")));
	assert_int_equal(gethostname(name, sizeof name - 1), 0);
	assert_true(expand_is_this_host(span_from_string(name)));
	assert_false(expand_is_this_host(span_from_string("example.com")));
	assert_false(expand_is_this_host(span_from_string("localhost.example.com")));
	assert_false(expand_is_this_host(span_from_string("")));
}

/* ---- what is said of it ---- */

static void see_words(void *context, const struct expand_step *step)
{
	if (step->words == NULL)
		return;
	assert_null(step->alias);
	assert_string_equal(step->address, step->result);
	buffer_format(context, "%s%s;",
	    !step->is_fault  ? "remark: "
	    : step->is_local ? "local: "
			     : "",
	    step->words);
}

/* One message; the recipients, or the error; the sender in brackets; the words. */
static char *expand_all(
    const struct aliases *aliases, const char *sender, const char *recipients, char **words)
{
	CLEANUP(envelope_finish) struct envelope given = { 0 };
	CLEANUP(envelope_finish) struct envelope expanded = { 0 };
	struct buffer told = { 0 };
	const struct expand_witness witness = { see_words, &told };
	const struct config config = { .domain = domain };
	struct error error = { 0 };

	buffer_init(&told, 65536);
	give(&given, recipients);
	assert_int_equal(envelope_set_sender(&given, span_from_string(sender), &error), 0);
	int outcome = expand_envelope_before(&config, aliases, &given, &witness, &expanded, &error);
	*words = buffer_take_string(&told);
	if (outcome < 0)
		return memory_format("%s %s", error.status, error.text);
	CLEANUP(memory_free_string) char *shown = show(&expanded);
	return memory_format("%s [%s]", shown, expanded.sender);
}

static void loops_are_named(void **state)
{
	static const struct row {
		const char *aliases;
		const char *given;
		const char *want; /* a part of the words; NULL: none */
	} rows[] = {
		{ "a>b;b>a", "a", "alias \"a\" (test) is in a loop: a -> b -> a;" },
		{ "a>b;b>c;c>d@y.example,b", "a", "alias \"b\" (test) is in a loop: b -> c -> b;" },
		{ "a>a,b@y.example", "a", NULL },
		{ "a>a,b@y.example", "a+x", NULL },
		{ "*>root", "foo", NULL },
		{ "root>bob;*>root", "carol", NULL },
		{ "a>b,c;b>d;c>d", "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		CLEANUP(memory_free_string) char *words = NULL;

		build(&aliases, rows[i].aliases);
		CLEANUP(memory_free_string)
		char *got = expand_all(&aliases, "s@x.example", rows[i].given, &words);
		assert_true(got[0] != '\0');
		if (rows[i].want == NULL ? words[0] != '\0' : strstr(words, rows[i].want) == NULL)
			fail_msg("%s: %s", rows[i].aliases, words);
	}
}

static void the_owner_of_a_list_is_its_sender(void **state)
{
	static const struct row {
		const char *name;
		const char *aliases;
		const char *sender;
		const char *given;
		const char *want;
	} rows[] = {
		{ "one address", "l>a@y.example,b@y.example;owner-l>o@z.example", "s@x.example",
		    "l", "a@y.example(l) b@y.example(l) [o@z.example]" },
		{ "by names", "l>a@y.example;owner-l>bob;bob>o@z.example", "s@x.example", "L",
		    "a@y.example(L) [o@z.example]" },
		{ "several", "l>a@y.example;owner-l>o@z.example,p@z.example", "s@x.example", "l",
		    "a@y.example(l) [owner-l@d.example]" },
		{ "no owner", "l>a@y.example;owner-m>o@z.example", "s@x.example", "l",
		    "a@y.example(l) [s@x.example]" },
		{ "not of all", "l>a@y.example;owner-l>o@z.example", "s@x.example", "l,b@y.example",
		    "a@y.example(l) b@y.example [s@x.example]" },
		{ "not of the first", "l>a@y.example;owner-l>o@z.example", "s@x.example",
		    "b@y.example,l", "b@y.example a@y.example(l) [s@x.example]" },
		{ "not of all again", "l>a@y.example;owner-l>o@z.example;k>l", "s@x.example",
		    "l,b@y.example,c@y.example,k",
		    "a@y.example(l) b@y.example c@y.example [s@x.example]" },
		{ "two lists of one owner",
		    "l>a@y.example;m>b@y.example;owner-l>o@z.example;"
		    "owner-m>o@z.example",
		    "s@x.example", "l,m", "a@y.example(l) b@y.example(m) [s@x.example]" },
		{ "a list in a list", "l>m,a@y.example;m>b@y.example;owner-l>o@z.example",
		    "s@x.example", "l", "b@y.example(l) a@y.example(l) [o@z.example]" },
		{ "the inner one's", "l>m;m>b@y.example;owner-l>o@z.example;owner-m>i@z.example",
		    "s@x.example", "l", "b@y.example(l) [i@z.example]" },
		{ "the null sender", "l>a@y.example;owner-l>o@z.example", "", "l",
		    "a@y.example(l) []" },
		{ "to the owner", "l>a@y.example;owner-l>o@z.example", "s@x.example", "owner-l",
		    "o@z.example(owner-l) [s@x.example]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		CLEANUP(memory_free_string) char *words = NULL;

		build(&aliases, rows[i].aliases);
		CLEANUP(memory_free_string)
		char *got = expand_all(&aliases, rows[i].sender, rows[i].given, &words);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
		bool is_same = strstr(got, rows[i].sender[0] != '\0' ? rows[i].sender : "[]") !=
			       NULL;
		assert_int_equal(is_same, strstr(words, "remark: the sender becomes") == NULL);
	}
}

/* ---- lists in files ---- */

/* Each @ that is followed by no domain stands for path. */
static char *replace(const char *text, const char *path)
{
	struct buffer output = { 0 };

	buffer_init(&output, 65536);
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '@' && (p == text || strchr(": ", p[-1]) != NULL))
			buffer_append_string(&output, path);
		else
			buffer_append_byte(&output, *p);
	return buffer_take_string(&output);
}

static void write_list(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static void lists_are_read(void **state)
{
	static const struct row {
		const char *name;
		const char *text; /* of the list @, which stands for its path in all of these */
		const char *aliases;
		const char *given;
		const char *want;
		const char *words;
	} rows[] = {
		{ "members", "a@y.example\nbob\n", "l>:include:@,c@y.example;bob>b@y.example", "l",
		    "a@y.example(l) b@y.example(l) c@y.example(l) [s@x.example]", "" },
		{ "once", "a@y.example\n", "l>:include:@;m>:include:@", "l,m",
		    "a@y.example(l) [s@x.example]", "" },
		{ "the name itself", "l\na@y.example\n", "l>:include:@", "l",
		    "l@d.example(l) a@y.example(l) [s@x.example]", "" },
		{ "an owner", "a@y.example\n", "l>:include:@;owner-l>o@z.example", "l",
		    "a@y.example(l) [o@z.example]",
		    "the sender becomes o@z.example, for \"owner-l\"" },
		{ "in itself", ":include:@\na@y.example\n", "l>:include:@", "l",
		    "a@y.example(l) [s@x.example]",
		    "alias \"l\" (test): the list @ includes itself;" },
		{ "nothing but itself", ":include:@\n", "l>:include:@", "l",
		    "4.3.5 nobody can be found for l now: alias \"l\" (test): the list @ includes "
		    "itself",
		    "" },
		{ "nothing but itself, twice", ":include:@\n", "l>:include:@,m,m;m>:include:@", "l",
		    "4.3.5 nobody can be found for l now: alias \"l\" (test): the list @ includes "
		    "itself",
		    "remark: alias \"m\" (test): the list @ names nobody" },
		{ "in itself by a name", "m\na@y.example\n", "l>:include:@;m>:include:@", "l",
		    "a@y.example(l) [s@x.example]",
		    "alias \"m\" (test): the list @ includes itself" },
		{ "a loop by a list", "l\n", "l>m;m>:include:@", "l",
		    "m@d.example(l) [s@x.example]", "is in a loop: l -> m -> l" },
		{ "a program in it", "|p\x1b\na@y.example\n", "l>:include:@", "l",
		    "a@y.example(l) [s@x.example]",
		    "local: @ line 1: \"|p?\" is passed over: programs are not run;" },
		{ "empty", "", "l>:include:@", "l",
		    "4.3.5 nobody can be found for l now: alias \"l\" (test): the list @ names "
		    "nobody",
		    "remark: " },
		{ "empty, and others", "", "l>:include:@,a@y.example", "l",
		    "a@y.example(l) [s@x.example]",
		    "remark: alias \"l\" (test): the list @ names" },
		{ "missing", "", "l>:include:@no", "l",
		    "4.3.5 nobody can be found for l now: alias \"l\" (test): cannot read @no as "
		    "uid",
		    "cannot read @no" },
		{ "missing, and others", "", "l>:include:@no,a@y.example", "l",
		    "a@y.example(l) [s@x.example]", "alias \"l\" (test): cannot read @no as uid" },
		{ "missing, after others had the same", "",
		    "l>:include:@no,a@y.example;m>:include:@no", "l,m",
		    "4.3.5 nobody can be found for m", "" },
		{ "missing, after others had the alias", "", "l>m,a@y.example;m>:include:@no",
		    "l,m", "4.3.5 nobody can be found for m", "" },
		{ "missing, and others who have theirs", "", "l>a@y.example;m>l,:include:@no",
		    "l,m", "a@y.example(l) [s@x.example]", "cannot read @no" },
		{ "one of several recipients", "", "l>:include:@no", "b@y.example,l",
		    "4.3.5 nobody can be found for l", "" },
	};
	static char path[] = "/tmp/mailchute-expand-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { .owner = geteuid() };
		CLEANUP(memory_free_string) char *text = replace(rows[i].text, path);
		CLEANUP(memory_free_string) char *entries = replace(rows[i].aliases, path);
		CLEANUP(memory_free_string) char *want = replace(rows[i].want, path);
		CLEANUP(memory_free_string) char *want_words = replace(rows[i].words, path);
		CLEANUP(memory_free_string) char *words = NULL;

		write_list(path, text);
		build(&aliases, entries);
		CLEANUP(memory_free_string)
		char *got = expand_all(&aliases, "s@x.example", rows[i].given, &words);
		if (want[0] == '4' ? strncmp(got, want, strlen(want)) != 0 : strcmp(got, want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
		if (strstr(words, want_words) == NULL)
			fail_msg("%s: %s", rows[i].name, words);
	}
	(void)unlink(path);
}

/* Whoever may write a list says whose lists it may name. */
static void a_list_of_root_names_those_of_root(void **state)
{
	static char base[] = "/tmp/mailchute-expand-XXXXXX";

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(base));
	CLEANUP(memory_free_string) char *outer = memory_format("%s/outer", base);
	CLEANUP(memory_free_string) char *inner = memory_format("%s/inner", base);
	CLEANUP(memory_free_string) char *entry = memory_format("l>:include:%s", outer);
	CLEANUP(memory_free_string) char *text = memory_format("a@y.example, :include:%s\n", inner);
	write_list(outer, text);
	write_list(inner, "b@y.example\n");
	assert_int_equal(chmod(base, 0755) | chown(inner, 4000, 4000), 0);
	for (int i = 0; i < 2; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { .owner = 4000 };
		CLEANUP(memory_free_string) char *words = NULL;

		build(&aliases, entry);
		assert_int_equal(chown(outer, i == 0 ? 0 : 4000, 4000), 0);
		CLEANUP(memory_free_string)
		char *got = expand_all(&aliases, "s@x.example", "l", &words);
		assert_string_equal(got, i == 0 ? "a@y.example(l) [s@x.example]"
						: "a@y.example(l) b@y.example(l) [s@x.example]");
		assert_int_equal(strstr(words, "belongs to uid 4000") != NULL, i == 0);
	}
	(void)unlink(outer);
	(void)unlink(inner);
	(void)rmdir(base);
}

/* Each includes the next. */
static void lists_in_lists_have_an_end(void **state)
{
	static char base[] = "/tmp/mailchute-expand-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(base));
	for (int last = 9; last <= 10; last++) {
		CLEANUP(aliases_finish) struct aliases aliases = { .owner = geteuid() };
		CLEANUP(memory_free_string) char *words = NULL;
		CLEANUP(memory_free_string) char *entry = memory_format("l>:include:%s/0", base);

		for (int i = 0; i <= last; i++) {
			CLEANUP(memory_free_string) char *path = memory_format("%s/%d", base, i);
			CLEANUP(memory_free_string)
			char *text = i < last ? memory_format(":include:%s/%d\n", base, i + 1)
					      : memory_copy_string("a@y.example\n");

			write_list(path, text);
		}
		build(&aliases, entry);
		CLEANUP(memory_free_string)
		char *got = expand_all(&aliases, "s@x.example", "l", &words);
		if (last == 9)
			assert_string_equal(got, "a@y.example(l) [s@x.example]");
		else
			assert_non_null(strstr(got, "/10 stands in more than 10 others"));
	}
	for (int i = 0; i <= 10; i++) {
		CLEANUP(memory_free_string) char *path = memory_format("%s/%d", base, i);

		(void)unlink(path);
	}
	(void)rmdir(base);
}

static void what_a_header_may_show(void **state)
{
	static const struct row {
		const char *aliases;
		const char *address;
		const char *want; /* NULL: nothing */
	} rows[] = {
		{ "root>me@y.example", "Root", "me@y.example" },
		{ "root>me@y.example", "root@localhost", "me@y.example" },
		{ "root>me@y.example", "root@y.example", NULL },
		{ "root>me@y.example", "bob", NULL },
		{ "*>me@y.example", "bob", "me@y.example" },
		{ "root>a@b.c,b@b.c,c@b.c,d@b.c,e@b.c", "root", "a@b.c b@b.c c@b.c d@b.c e@b.c" },
		{ "root>a@b.c,b@b.c,c@b.c,d@b.c,e@b.c,f@b.c", "root", NULL },
		{ "l>a@b.c;owner-l>o@b.c", "l", NULL },
		{ "l>a@b.c,:include:/missing", "l", NULL },
		{ "l>:include:/missing,a@b.c,b@b.c", "l", NULL },
		{ "root>a@b.c,b@b.c,c@b.c,d@b.c,e@b.c,f@b.c,g@b.c,h@b.c", "root", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(aliases_finish) struct aliases aliases = { 0 };
		CLEANUP(envelope_finish) struct envelope found = { 0 };
		CLEANUP(buffer_finish) struct buffer got = { 0 };
		CLEANUP(expand_host_finish) struct expand_host host = { 0 };
		const struct config config = { .domain = domain };

		buffer_init(&got, 1000);
		build(&aliases, rows[i].aliases);
		bool is_shown = expand_for_header(
		    &config, &aliases, &host, rows[i].address, &found);
		assert_int_equal(is_shown, rows[i].want != NULL);
		/* What is not shown is not looked for any further: there may be many. */
		assert_true(found.recipient_count <= 6);
		if (strncmp(rows[i].aliases, "l>:include:", 11) == 0)
			assert_int_equal(found.recipient_count, 0);
		for (size_t j = 0; is_shown && j < found.recipient_count; j++)
			buffer_format(&got, "%s%s", j != 0 ? " " : "", found.recipients[j].address);
		if (is_shown)
			assert_string_equal(buffer_string(&got), rows[i].want);
	}
}

/* A name server that does not answer is waited for once a message, and not once an address. */
static void what_is_known_of_the_host_is_not_asked_again(void **state)
{
	CLEANUP(aliases_finish) struct aliases aliases = { 0 };
	CLEANUP(envelope_finish) struct envelope found = { 0 };
	const struct config config = { .domain = domain };
	char name[256] = { 0 };

	(void)state;
	assert_int_equal(gethostname(name, sizeof name - 1), 0);
	if (strchr(name, '.') != NULL)
		skip();
	build(&aliases, "root>me@y.example");
	CLEANUP(expand_host_finish)
	struct expand_host host = { memory_format("%s.never.example", name), true };
	CLEANUP(memory_free_string) char *address = memory_format("root@%s.never.example", name);
	CLEANUP(memory_free_string) char *other = memory_format("root@%s.other.example", name);
	assert_false(expand_for_header(&config, &aliases, &host, other, &found));
	assert_true(expand_for_header(&config, &aliases, &host, address, &found));
	host.full[0] = '\0';
	assert_false(expand_for_header(&config, &aliases, &host, address, &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_addresses),
		cmocka_unit_test(the_way_has_an_end),
		cmocka_unit_test(the_work_is_bounded),
		cmocka_unit_test(the_original_and_parameters_stay),
		cmocka_unit_test(this_host_is_known),
		cmocka_unit_test(loops_are_named),
		cmocka_unit_test(the_owner_of_a_list_is_its_sender),
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(a_list_of_root_names_those_of_root),
		cmocka_unit_test(lists_in_lists_have_an_end),
		cmocka_unit_test(what_a_header_may_show),
		cmocka_unit_test(what_is_known_of_the_host_is_not_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
