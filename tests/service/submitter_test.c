/* SPDX-License-Identifier: MIT */

/* Tests service/submitter.c. */

#include "service/submitter.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static char domain[] = "d.example";
static const struct config config = { .domain = domain };

/* No passwd line has this one. */
enum { NAMELESS = 3999999 };

static void a_uid_has_an_address(void **state)
{
	static const struct row {
		int64_t uid;
		const char *address;
	} rows[] = {
		{ 0, "root@d.example" },
		{ NAMELESS, "uid-3999999@d.example" },
		{ -1, "nobody@d.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char name[64] = "";
		CLEANUP(memory_free_string)
		char *address = submitter_address(&config, rows[i].uid, name, sizeof name);
		CLEANUP(memory_free_string)
		char *without = submitter_address(&config, rows[i].uid, NULL, 0);

		assert_string_equal(address, rows[i].address);
		assert_string_equal(without, rows[i].address);
		if (rows[i].uid != 0)
			assert_string_equal(name, "");
	}
}

static void the_full_name_is_that_of_gecos(void **state)
{
	const struct passwd *root = getpwuid(0);
	char name[64] = "";
	char given[64] = "Given";
	char small[2] = "";

	(void)state;
	assert_non_null(root);
	size_t length = strcspn(root->pw_gecos, ",");
	assert_true(length > 1);
	free(submitter_address(&config, 0, name, sizeof name));
	assert_int_equal(strlen(name), length);
	assert_memory_equal(name, root->pw_gecos, length);
	/* What was given counts, and what does not fit is left out. */
	free(submitter_address(&config, 0, given, sizeof given));
	assert_string_equal(given, "Given");
	free(submitter_address(&config, 0, small, sizeof small));
	assert_string_equal(small, "");
}

static void who_may_submit(void **state)
{
	static const struct row {
		const char *name;
		const char *users; /* between commas */
		int64_t uid;
		bool is_owner;
		const char *next; /* NULL: he may */
	} rows[] = {
		{ "without the option", "", NAMELESS, false, NULL },
		{ "unknown without the option", "", -1, false, NULL },
		{ "root always", "bin", 0, false, NULL },
		{ "the owner always", "bin", NAMELESS, true, NULL },
		{ "his number", "bin,3999999", NAMELESS, false, NULL },
		{ "his login", "3999999,bin", 2, false, NULL },
		{ "the number of a login", "2", 2, false, NULL },
		{ "everybody", "bin,*", NAMELESS, false, NULL },
		{ "everybody unknown", "*", -1, false, NULL },
		{ "another", "bin", NAMELESS, false,
		    "write: submit { users = { \"bin\", \"3999999\" } }" },
		{ "another with a login", "3999999", 2, false,
		    "write: submit { users = { \"3999999\", \"bin\" } }" },
		{ "no login of another case", "BIN", 2, false,
		    "write: submit { users = { \"BIN\", \"bin\" } }" },
		{ "no beginning of one", "bi,binn,39999", 2, false, "\"bin\" } }" },
		{ "who is not known", "-1,nobody", -1, false, "\"*\" } }" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span rest = span_from_string(rows[i].users);
		struct span part;
		struct config given = { 0 };
		struct error error = { 0 };
		char *items[8];

		while (span_take_until(&rest, ',', &part))
			items[given.users.count++] = span_copy(part);
		given.users.items = items;
		int outcome = submitter_check(&given, rows[i].uid, rows[i].is_owner, &error);
		if ((outcome == 0) != (rows[i].next == NULL))
			fail_msg("%s: %d %s", rows[i].name, outcome, error.text);
		if (outcome < 0 && strstr(error.next, rows[i].next) == NULL)
			fail_msg("%s: %s", rows[i].name, error.next);
		if (outcome < 0) {
			assert_string_equal(error.status, "5.7.1");
			assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		}
		while (given.users.count != 0)
			free(items[--given.users.count]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uid_has_an_address),
		cmocka_unit_test(the_full_name_is_that_of_gecos),
		cmocka_unit_test(who_may_submit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
