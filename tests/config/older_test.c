/* SPDX-License-Identifier: MIT */

/* Tests config/older.c. */

#include "config/older.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static char root[] = "/tmp/mailchute-older-XXXXXX";

static const char *const folders[] = { "/etc", "/etc/ssmtp", "/etc/nullmailer", "/etc/dma",
	"/etc/postfix" };

enum { FOLDER_COUNT = sizeof folders / sizeof folders[0] };

static void setups_are_found_when_they_name_a_smarthost(void **state)
{
	static const struct row {
		const char *path;
		const char *text;
		bool is_found;
	} rows[] = {
		{ "/etc/ssmtp/ssmtp.conf", "root=me\nmailhub=smtp.example.com:587\n", true },
		{ "/etc/ssmtp/ssmtp.conf", "MailHub = mail\n", true },
		{ "/etc/ssmtp/ssmtp.conf", "#mailhub=mail\nroot=x\nmailhub=\n", false },
		{ "/etc/msmtprc", "account x\n  host smtp.example.com", true },
		{ "/etc/msmtprc", "hostname x\n", false },
		{ "/etc/nullmailer/remotes", "# none\n\nsmtp.example.com smtp --tls\n", true },
		{ "/etc/nullmailer/remotes", "\n# none\n", false },
		{ "/etc/dma/dma.conf", "SMARTHOST smtp.example.com\n", true },
		/* As Debian's package leaves it. */
		{ "/etc/dma/dma.conf", "#SMARTHOST\nSMARTHOST\n", false },
		{ "/etc/postfix/main.cf", "relayhost = [smtp.example.com]:587\n", true },
		{ "/etc/postfix/main.cf", "relayhost =\nrelayhosts = x\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *path = memory_format("%s%s", root, rows[i].path);
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(rows[i].text, file);
		fclose(file);
		const char *found = older_find(root);
		(void)unlink(path);
		if ((found != NULL) != rows[i].is_found ||
		    (found != NULL && strcmp(found, rows[i].path) != 0))
			fail_msg("row %zu: %s", i, found != NULL ? found : "nothing");
	}
	assert_null(older_find(root));
}

static int make_folders(void **state)
{
	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		CLEANUP(memory_free_string) char *path = memory_format("%s%s", root, folders[i]);

		if (mkdir(path, 0755) < 0)
			return -1;
	}
	return 0;
}

static int remove_folders(void **state)
{
	(void)state;
	for (size_t i = FOLDER_COUNT; i-- != 0;) {
		CLEANUP(memory_free_string) char *path = memory_format("%s%s", root, folders[i]);

		(void)rmdir(path);
	}
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setups_are_found_when_they_name_a_smarthost),
	};

	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
