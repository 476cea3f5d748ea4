/* SPDX-License-Identifier: MIT */

/* Tests service/openness.c: what is in the log. */

#include "service/openness.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

static char secret[] = "/tmp/mailchute-open-XXXXXX";
static char log_file[] = "/tmp/mailchute-open-log-XXXXXX";

/* What has been logged so far has the word. */
static bool is_said(const char *word)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	buffer_init(&text, 65536);
	assert_int_equal(file_read_whole(log_file, &text, &error), 0);
	return strstr(buffer_string(&text), word) != NULL;
}

static void open_files_are_said(void **state)
{
	const struct config config = { 0 };

	(void)state;
	assert_int_equal(setenv("MAILCHUTE_PASSWORD_FILE", secret, 1), 0);
	assert_int_equal(chmod(secret, 0600), 0);
	openness_tell(&config);
	assert_false(is_said(secret));
	assert_int_equal(chmod(secret, 0444), 0);
	openness_tell(&config);
	assert_true(is_said(secret));
	assert_true(is_said("is 0444 "));
}

static int begin(void **state)
{
	int file = mkstemp(secret);
	int log = mkstemp(log_file);

	(void)state;
	if (file < 0 || log < 0)
		return -1;
	close(file);
	close(log);
	return log_open("test", log_file) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return unlink(secret) | unlink(log_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_files_are_said),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
