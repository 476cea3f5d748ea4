/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/idn.c. */

#include "smtp/client/idn.h"

#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void domains_become_a_labels(void **state)
{
	static const struct row {
		const char *address;
		const char *ascii; /* NULL: cannot be */
	} rows[] = {
		{ "a@b\xc3\xbc"
		  "cher.example",
		    "a@xn--bcher-kva.example" },
		{ "a@B\xc3\x9c"
		  "CHER.example",
		    "a@xn--bcher-kva.example" },
		{ "a@stra\xc3\x9f"
		  "e.example",
		    "a@xn--strae-oqa.example" },
		{ "a@\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
		    "a@xn--r8jz45g.xn--zckzah" },
		{ "\"a@b\"@\xc3\xbc.example", "\"a@b\"@xn--tda.example" },
		{ "a@plain.example", "a@plain.example" },
		/* A decomposed form names the same domain. */
		{ "a@bu\xcc\x88"
		  "cher.example",
		    "a@xn--bcher-kva.example" },
		{ "\xc3\xa4@b.example", NULL },
		{ "a@\xc3\xbc\xe2\x80\x8b..example", NULL },
		{ "a@-\xc3\xbc.example", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		char *ascii CLEANUP(memory_free_string) = idn_library.to_ascii(
		    guarded_string(rows[i].address), &error);

		if (rows[i].ascii == NULL) {
			assert_null(ascii);
			assert_string_equal(error.status, "5.6.7");
		} else {
			assert_non_null(ascii);
			assert_string_equal(ascii, rows[i].ascii);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_become_a_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
