/* SPDX-License-Identifier: MIT */

/* Tests import/predecessor.c. */

#include "import/predecessor.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void files_tell_their_program(void **state)
{
	static const struct row {
		const char *path;
		const char *name; /* NULL: not clear */
	} rows[] = {
		{ "/etc/ssmtp/ssmtp.conf", "ssmtp" },
		{ "msmtprc", "msmtp" },
		{ "/root/.msmtprc", "msmtp" },
		{ "/etc/nullmailer/", "nullmailer" },
		{ "/etc/nullmailer/remotes", "nullmailer" },
		{ "/x/dma.conf", "dma" },
		{ "/x/main.cf", "postfix" },
		{ "/x/postfix", "postfix" },
		{ ".env", "variables" },
		{ "/srv/.env.local", "variables" },
		{ "prod.env", "variables" },
		{ "/etc/exim4", NULL },
		{ "/", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct predecessor *found = predecessor_of_file(rows[i].path);

		if (found == NULL ? rows[i].name != NULL
				  : rows[i].name == NULL || strcmp(found->name, rows[i].name) != 0)
			fail_msg("%s: %s", rows[i].path, found != NULL ? found->name : "none");
	}
	assert_string_equal(predecessor_find("Postfix")->name, "postfix");
	assert_null(predecessor_find("exim"));
}

static void what_was_set_up_is_found(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	const struct predecessor *found = NULL;
	struct source_room room = { "import/samples/dma/02", &plan };
	struct error error;

	(void)state;
	assert_int_equal(predecessor_detect(&room, &found, &error), 0);
	assert_string_equal(found->name, "dma");
	room.root = "/nonexistent";
	assert_int_equal(predecessor_detect(&room, &found, &error), -1);
	assert_int_equal(error.kind, ERROR_NO_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_tell_their_program),
		cmocka_unit_test(what_was_set_up_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
