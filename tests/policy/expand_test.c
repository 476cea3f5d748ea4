/* SPDX-License-Identifier: MIT */

/* Tests policy/expand.c. */

#include "policy/expand.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_addresses),
		cmocka_unit_test(the_way_has_an_end),
		cmocka_unit_test(the_work_is_bounded),
		cmocka_unit_test(the_original_and_parameters_stay),
		cmocka_unit_test(this_host_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
