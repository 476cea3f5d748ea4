/* SPDX-License-Identifier: MIT */

/* Tests smtp/smarthost.c. */

#include "smtp/smarthost.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static void urls_are_read_by_the_table(void **state)
{
	static const struct row {
		const char *url;
		const char *host;
		const char *path;
		int port;
		bool is_lmtp;
		bool is_loopback;
		enum smarthost_tls tls;
		const char *user;
		const char *password;
		const char *kept; /* url; NULL: as given */
		const char *label;
	} rows[] = {
		{ "smtps://mx.example", "mx.example", NULL, 465, false, false,
		    SMARTHOST_TLS_IMPLICIT, NULL, NULL, NULL, "mx.example:465" },
		{ "smtp+tls://mx.example", "mx.example", NULL, 587, false, false,
		    SMARTHOST_TLS_STARTTLS, NULL, NULL, NULL, "mx.example:587" },
		{ "SMTP://mx.example/", "mx.example", NULL, 25, false, false,
		    SMARTHOST_TLS_IF_OFFERED, NULL, NULL, NULL, "mx.example:25" },
		{ "smtp+notls://127.0.0.2:2525", "127.0.0.2", NULL, 2525, false, true,
		    SMARTHOST_TLS_NEVER, NULL, NULL, NULL, "127.0.0.2:2525" },
		{ "lmtp://LocalHost", "LocalHost", NULL, 24, true, true, SMARTHOST_TLS_IF_OFFERED,
		    NULL, NULL, NULL, "LocalHost:24" },
		{ "smtp://[::1]:26", "::1", NULL, 26, false, true, SMARTHOST_TLS_IF_OFFERED, NULL,
		    NULL, NULL, "[::1]:26" },
		{ "smtp://[2001:db8::1]", "2001:db8::1", NULL, 25, false, false,
		    SMARTHOST_TLS_IF_OFFERED, NULL, NULL, NULL, "[2001:db8::1]:25" },
		{ "smtp+unix:///run/x@y.sock", NULL, "/run/x@y.sock", 0, false, true,
		    SMARTHOST_TLS_NEVER, NULL, NULL, NULL, "/run/x@y.sock" },
		{ "lmtp+unix:///run/lmtp", NULL, "/run/lmtp", 0, true, true, SMARTHOST_TLS_NEVER,
		    NULL, NULL, NULL, "/run/lmtp" },
		{ "smtps://u%40a.example:p%3A%2f%25@mx.example:1", "mx.example", NULL, 1, false,
		    false, SMARTHOST_TLS_IMPLICIT, "u@a.example", "p:/%", "smtps://mx.example:1",
		    "mx.example:1" },
		{ "smtps://u@a.example:p@ss/w:d@mx.example", "mx.example", NULL, 465, false, false,
		    SMARTHOST_TLS_IMPLICIT, "u@a.example", "p@ss/w:d", "smtps://mx.example",
		    "mx.example:465" },
		{ "smtps://u@mx.example", "mx.example", NULL, 465, false, false,
		    SMARTHOST_TLS_IMPLICIT, "u", NULL, "smtps://mx.example", "mx.example:465" },
		{ "smtps://u:@mx.example", "mx.example", NULL, 465, false, false,
		    SMARTHOST_TLS_IMPLICIT, "u", "", "smtps://mx.example", "mx.example:465" },
		{ "  smtp://mx.example:65535\n", "mx.example", NULL, 65535, false, false,
		    SMARTHOST_TLS_IF_OFFERED, NULL, NULL, "smtp://mx.example:65535",
		    "mx.example:65535" },
		{ "smtp://relay", "relay", NULL, 25, false, false, SMARTHOST_TLS_IF_OFFERED, NULL,
		    NULL, NULL, "relay:25" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smarthost found;
		struct error error = { 0 };

		print_message("  %s\n", rows[i].url);
		smarthost_init(&found);
		assert_int_equal(smarthost_set_url(&found, guarded_string(rows[i].url), &error), 0);
		if (rows[i].host != NULL)
			assert_string_equal(found.host, rows[i].host);
		else
			assert_null(found.host);
		if (rows[i].path != NULL)
			assert_string_equal(found.path, rows[i].path);
		else
			assert_null(found.path);
		assert_int_equal(found.port, rows[i].port);
		assert_int_equal(found.is_lmtp, rows[i].is_lmtp);
		assert_int_equal(found.is_loopback, rows[i].is_loopback);
		assert_int_equal(found.tls, rows[i].tls);
		if (rows[i].user != NULL)
			assert_string_equal(found.user, rows[i].user);
		else
			assert_null(found.user);
		if (rows[i].password != NULL)
			assert_string_equal(found.password, rows[i].password);
		else
			assert_null(found.password);
		assert_string_equal(found.url, rows[i].kept != NULL ? rows[i].kept : rows[i].url);
		char *label = smarthost_label(&found);
		assert_string_equal(label, rows[i].label);
		free(label);
		smarthost_finish(&found);
	}
}

static void wrong_urls_change_nothing_and_show_no_password(void **state)
{
	static const char *const urls[] = { "", "mx.example", "mx.example:587",
		"u:SECRET@mx.example", "http://u:SECRET@mx.example", "smtp:/mx.example", "smtp://",
		"smtp://:25", "smtp://mx.example:", "smtp://mx.example:0",
		"smtp://mx.example:65536", "smtp://mx.example:25x", "smtp://mx.example:-1",
		"smtp://mx.example/path", "smtp://2001:db8::1", "smtp://[2001:db8::1",
		"smtp://u:SECRET", "smtp://u:SECRET%40mx.example", "smtp://u:SECRET:x", "u:SECRET",
		"smtp://[nonsense]", "smtp://[::1]25", "smtp://mx example", "smtp://-mx.example",
		"smtps://:SECRET@mx.example", "smtps://u:SECRET%@mx.example",
		"smtps://u:SECRET%zz@mx.example", "smtps://u:SECRET%00@mx.example",
		"smtps://u:SECRET%0a@mx.example", "smtps://u:SECRET@mx.example:99999",
		"smtps://u:SECRET/@", "smtps://u:SEC@RET@:1", "smtp+unix://run/x", "smtp+unix://",
		"smtp+unix:///", "smtp://mx.example\r\nX: y", "smtp://u:SECRET@mx?example",
		"u:SECRET@smtps://x@mx.example", "u:SEC://RET@mx.example" };

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct smarthost found;
		struct error error = { 0 };

		print_message("  %s\n", urls[i]);
		smarthost_init(&found);
		assert_int_equal(smarthost_set_url(&found, guarded_string(urls[i]), &error), -1);
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_string_equal(error.status, "5.3.5");
		assert_null(strstr(error.text, "SEC"));
		assert_null(strstr(error.text, "RET"));
		assert_null(strstr(error.next, "SECRET"));
		assert_null(found.url);
		assert_null(found.host);
		assert_null(found.user);
		assert_null(found.password);
		smarthost_finish(&found);
	}
}

static void a_copy_stands_alone(void **state)
{
	struct smarthost first;
	struct smarthost copy;
	struct error error;

	(void)state;
	smarthost_init(&first);
	assert_int_equal(
	    smarthost_set_url(&first, guarded_string("smtps://u:p@mx.example"), &error), 0);
	first.connect_timeout = 77;
	first.token_command = memory_copy_string("/bin/token");
	smarthost_copy(&first, &copy);
	smarthost_finish(&first);
	assert_null(first.password);
	assert_string_equal(copy.host, "mx.example");
	assert_string_equal(copy.password, "p");
	assert_string_equal(copy.token_command, "/bin/token");
	assert_null(copy.from);
	assert_int_equal(copy.connect_timeout, 77);
	smarthost_finish(&copy);
	smarthost_finish(&copy);
}

static void a_url_without_login_keeps_the_one_that_was_set(void **state)
{
	struct smarthost found;
	struct error error;

	(void)state;
	smarthost_init(&found);
	assert_int_equal(
	    smarthost_set_url(&found, guarded_string("smtps://u:p@mx.example"), &error), 0);
	assert_int_equal(
	    smarthost_set_url(&found, guarded_string("smtp+unix:///run/x"), &error), 0);
	assert_null(found.host);
	assert_string_equal(found.path, "/run/x");
	assert_string_equal(found.user, "u");
	assert_string_equal(found.password, "p");
	smarthost_finish(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read_by_the_table),
		cmocka_unit_test(wrong_urls_change_nothing_and_show_no_password),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(a_url_without_login_keeps_the_one_that_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
