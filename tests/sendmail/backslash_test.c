/* SPDX-License-Identifier: MIT */

/* Tests sendmail/backslash.c. */

#include "sendmail/backslash.h"

#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void what_goes_and_what_stays(void **state)
{
	static const struct row {
		const char *word;
		const char *left; /* NULL: the same */
	} rows[] = {
		{ "", NULL },
		{ "a@b.c", NULL },
		{ "a\\=b@c.d", "a=b@c.d" },
		{ "-a\\=b\\=c@d.e", "-a=b=c@d.e" },
		{ "a\\!\\#\\$\\%\\&\\'\\*\\/\\?\\^\\`\\{\\|\\}\\~\\_@c", "a!#$%&'*/?^`{|}~_@c" },
		{ "gr\\\xc3\\\xbcn@c", "gr\xc3\xbcn@c" },
		{ "\\root", "root" },
		{ "a@b, \\root", "a@b, root" },
		{ "a@b,\\root", "a@b,root" },
		{ "A <\\root>", "A <root>" },
		/* These are faults, and stay so. */
		{ "a\\nb@c", NULL },
		{ "a\\0b@c", NULL },
		{ "a\\ b@c", NULL },
		{ "a\\\tb@c", NULL },
		{ "a\\\nb@c", NULL },
		{ "a\\\rb@c", NULL },
		{ "a\\\x7f@c", NULL },
		{ "a\\@b@c", NULL },
		{ "a\\,b@c", NULL },
		{ "a\\<b@c", NULL },
		{ "a\\>b@c", NULL },
		{ "a\\:b@c", NULL },
		{ "a\\;b@c", NULL },
		{ "a\\(b@c", NULL },
		{ "a\\)b@c", NULL },
		{ "a\\[b@c", NULL },
		{ "a\\\"b@c", NULL },
		{ "a\\\\b@c", NULL },
		{ "a\\\\=b@c", NULL },
		{ "a\\", NULL },
		{ "\\", NULL },
		/* There it means something. */
		{ "\"a\\=b\"@c", NULL },
		{ "\"a\\\"\\=b\"@c", NULL },
		{ "\"a\\\"b\"\\=@c", "\"a\\\"b\"=@c" },
		{ "a@c (x\\=y)", NULL },
		{ "a@c (x(y)\\=z)", NULL },
		{ "a@c (x\\)\\=y) b\\=", "a@c (x\\)\\=y) b=" },
		{ "\"open\\=", NULL },
		{ "(open\\=", NULL },
		{ "\"open\\", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *want = rows[i].left != NULL ? rows[i].left : rows[i].word;
		CLEANUP(memory_free_string)
		char *have = backslash_remove(guarded_string(rows[i].word));

		if (strcmp(have, want) != 0)
			fail_msg("\"%s\": \"%s\" instead of \"%s\"", rows[i].word, have, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_and_what_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
