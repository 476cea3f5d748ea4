/* SPDX-License-Identifier: MIT */

/* Tests import/write.c. */

#include "import/write.h"

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

#include "base/file.h"
#include "base/memory.h"
#include "config/config.h"
#include "config/secrets.h"

static struct plan_block *simple(struct plan *plan)
{
	struct plan_block *block = plan_block(plan, "smarthost", "main");

	plan_set(block, "url", "smtp+tls://a.example:587");
	return block;
}

static void blocks_stand_in_their_order(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	(void)state;
	plan_set(plan_block(&plan, "queue", NULL), "lifetime", "1d");
	plan_set(plan_block(&plan, "", NULL), "aliases_file", "/a");
	plan_add(plan_block(&plan, "alias", "root"), "to", "me@b.example");
	plan_add(plan_block(&plan, "route", "default"), "via", "main");
	plan_add(plan_block(&plan, "route", "news"), "from", "*@b.example");
	plan_add(plan_block(&plan, "route", "news"), "via", "main");
	plan_set(simple(&plan), "from", "me@b.example");
	(void)plan_block(&plan, "identity", NULL);
	buffer_init(&text, 10000);
	write_settings(&plan, "made\nby", &text);
	assert_string_equal(buffer_string(&text),
	    "# made?by\n# The logins stand in secrets.ini beside this file.\n\n"
	    "smarthost \"main\" {\n\turl  = \"smtp+tls://a.example:587\"\n"
	    "\tfrom = \"me@b.example\"\n}\n\n"
	    "route \"news\" { from = { \"*@b.example\" } via = { \"main\" } }\n"
	    "route \"default\" { via = { \"main\" } }\n\n"
	    "alias \"root\" { to = { \"me@b.example\" } }\n\n"
	    "aliases_file = \"/a\"\n\n\nqueue { lifetime = \"1d\" }\n");
}

/* Every text comes back from the parser as it went in. */
static void values_survive_the_parser(void **state)
{
	static const char *const values[] = { "/plain", "/with blank", "/a\"b", "/a'b", "/a\\b",
		"/a\\", "/${HOME}", "/$x", "/a#b", "/a'\"\\$#;{}=,b", "/'", "/\\'", "/\\\\n", "/*",
		"//x", "/\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		CLEANUP(plan_finish) struct plan plan = { 0 };
		CLEANUP(buffer_finish) struct buffer text = { 0 };
		CLEANUP(config_finish) struct config config = { 0 };
		char path[] = "/tmp/mailchute-write-XXXXXX";
		CLEANUP(file_close) int fd = mkstemp(path);
		const struct config_sources sources = { .main_file = path,
			.secrets_file = "/nonexistent",
			.run_secrets = "/nonexistent",
			.ignores_environment = true };
		struct error error;

		plan_set(simple(&plan), "ca_file", values[i]);
		buffer_init(&text, 10000);
		write_settings(&plan, "x", &text);
		assert_int_equal(file_write_all(fd, buffer_span(&text)), 0);
		if (config_load(&sources, &config, &error) < 0)
			fail_msg("%s: %s", values[i], error.text);
		assert_string_equal(config.smarthosts[0].parameters.ca_file, values[i]);
		assert_int_equal(write_check(&plan, "x", &error), 0);
		assert_int_equal(unlink(path), 0);
	}
}

static void what_would_not_load_is_not_written(void **state)
{
	char directory[] = "/tmp/mailchute-write-XXXXXX";
	CLEANUP(plan_finish) struct plan plan = { 0 };
	struct write_outcome outcome;
	struct error error;

	(void)state;
	assert_non_null(mkdtemp(directory));
	CLEANUP(memory_free_string) char *settings = memory_format("%s/c", directory);
	CLEANUP(memory_free_string) char *secrets = memory_format("%s/s", directory);
	const struct write_request request = { settings, secrets, "x", false };

	plan_set(simple(&plan), "ca_file", "relative");
	plan_login(&plan, "main")->user = memory_copy_string("u");
	plan_login(&plan, "main")->password = memory_copy_string("p");
	assert_int_equal(write_files(&plan, &request, &outcome, &error), -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	/* Nothing is left of it. */
	assert_int_equal(rmdir(directory), 0);
}

static char *content(const char *path)
{
	struct buffer text = { 0 };
	struct error error;

	buffer_init(&text, 10000);
	if (file_read_whole(path, &text, &error) < 0)
		fail_msg("%s", error.text);
	return buffer_take_string(&text);
}

/* Each old file under a name of its own. */
static void what_was_there_is_kept(void **state)
{
	char directory[] = "/tmp/mailchute-write-XXXXXX";
	CLEANUP(plan_finish) struct plan plan = { 0 };
	struct error error;

	(void)state;
	assert_non_null(mkdtemp(directory));
	CLEANUP(memory_free_string) char *settings = memory_format("%s/deep/c", directory);
	CLEANUP(memory_free_string) char *deep = memory_format("%s/deep", directory);
	struct write_request request = { settings, "/nonexistent/s", "x", false };

	(void)simple(&plan);
	for (int i = 0; i < 3; i++) {
		CLEANUP(write_finish) struct write_outcome outcome = { 0 };
		CLEANUP(memory_free_string)
		char *backup = memory_format("%s.old%s", settings, i == 2 ? "1" : "");
		CLEANUP(memory_free_string) char *about = memory_format("%d", i);
		struct stat status;

		request.about = about;
		assert_int_equal(write_may(&plan, &request, &error), i == 0 ? 0 : -1);
		request.is_forced = i != 0;
		assert_int_equal(write_files(&plan, &request, &outcome, &error), 0);
		request.is_forced = false;
		assert_int_equal(stat(settings, &status), 0);
		assert_int_equal(status.st_mode & 07777, 0644);
		if (i == 0) {
			assert_null(outcome.backup);
			continue;
		}
		assert_string_equal(outcome.backup, backup);
		CLEANUP(memory_free_string) char *old = content(backup);
		assert_int_equal(old[2], '0' + i - 1);
	}
	CLEANUP(memory_free_string) char *first = memory_format("%s.old", settings);
	CLEANUP(memory_free_string) char *second = memory_format("%s.old1", settings);
	assert_int_equal(unlink(first) + unlink(second) + unlink(settings), 0);
	assert_int_equal(rmdir(deep) + rmdir(directory), 0);
}

/* Of 300 passwords of odd characters each comes back octet for octet, in a line or a file. */
static void passwords_come_back_whole(void **state)
{
	static const char odd[] = "#;:=%$\"'\\& |@/aZ09~`{}()*<>?![]\xc3\xa4";
	uint32_t chance = 2463534242u;

	(void)state;
	for (int i = 0; i < 300; i++) {
		char directory[] = "/tmp/mailchute-write-XXXXXX";
		CLEANUP(plan_finish) struct plan plan = { 0 };
		CLEANUP(write_finish) struct write_outcome outcome = { 0 };
		CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
		char password[32] = { 0 };
		struct error error;

		for (int j = 0; j <= i % 24; j++) {
			chance ^= chance << 13;
			chance ^= chance >> 17;
			chance ^= chance << 5;
			password[j] = odd[chance % (sizeof odd - 1)];
		}
		assert_non_null(mkdtemp(directory));
		CLEANUP(memory_free_string) char *settings = memory_format("%s/c", directory);
		CLEANUP(memory_free_string) char *secrets = memory_format("%s/s", directory);
		CLEANUP(memory_free_string)
		char *own = memory_format("%s/main.password", directory);
		const struct write_request request = { settings, secrets, "x", false };

		(void)simple(&plan);
		plan_login(&plan, "main")->user = memory_copy_string("me");
		plan_login(&plan, "main")->password = memory_copy_string(password);
		if (write_files(&plan, &request, &outcome, &error) < 0)
			fail_msg("<%s>: %s", password, error.text);
		smarthost_init(&smarthost);
		assert_int_equal(secrets_read(secrets, "main", &smarthost, &error), 0);
		assert_string_equal(smarthost.password, password);
		(void)unlink(own);
		assert_int_equal(unlink(settings) + unlink(secrets) + rmdir(directory), 0);
	}
}

static void no_secret_is_shown(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	(void)state;
	plan_login(&plan, "a")->user = memory_copy_string("me");
	plan_login(&plan, "a")->password = memory_copy_string("geheim");
	plan_login(&plan, "b")->user = memory_copy_string("you");
	plan_login(&plan, "b")->password_file = memory_copy_string("/run/secrets/b");
	buffer_init(&text, 10000);
	write_shown_secrets(&plan, &text);
	assert_string_equal(buffer_string(&text),
	    "[a]\nuser = \"me\"\npassword = \"...\"\n\n"
	    "[b]\nuser = \"you\"\npassword_file = \"/run/secrets/b\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_stand_in_their_order),
		cmocka_unit_test(values_survive_the_parser),
		cmocka_unit_test(what_would_not_load_is_not_written),
		cmocka_unit_test(what_was_there_is_kept),
		cmocka_unit_test(passwords_come_back_whole),
		cmocka_unit_test(no_secret_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
