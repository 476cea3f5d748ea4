/* SPDX-License-Identifier: MIT */

/* Tests import/account.c. */

#include "import/account.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void hosts_are_taken_apart(void **state)
{
	static const struct row {
		const char *text;
		const char *host; /* NULL: refused */
		unsigned port;
	} rows[] = {
		{ "smtp.example.com", "smtp.example.com", 0 },
		{ "smtp.example.com:587", "smtp.example.com", 587 },
		{ "[smtp.example.com]:submission", "smtp.example.com", 587 },
		{ "[smtp.example.com]", "smtp.example.com", 0 },
		{ " [2001:db8::1]:465 ", "2001:db8::1", 465 },
		{ "[IPv6:2001:db8::1]", "2001:db8::1", 0 },
		{ "2001:db8::1", "2001:db8::1", 0 },
		{ "h:smtps", "h", 465 },
		{ "h:", "h", 0 },
		{ "", NULL, 0 },
		{ ":25", NULL, 0 },
		{ "[]", NULL, 0 },
		{ "[h]x", NULL, 0 },
		{ "h:99999", NULL, 0 },
		{ "h:nowhere", NULL, 0 },
		{ "a b", NULL, 0 },
		{ "http://x", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(account_finish) struct account account = { 0 };
		struct span text = span_from_string(rows[i].text);
		bool is_host = account_set_host(&account, text);

		if (is_host != (rows[i].host != NULL))
			fail_msg("%s", rows[i].text);
		if (!is_host) {
			assert_null(account.host);
			continue;
		}
		assert_string_equal(account.host, rows[i].host);
		assert_int_equal(account.port, rows[i].port);
	}
}

static void the_url_says_what_must_be(void **state)
{
	static const struct row {
		const char *host;
		unsigned port;
		enum account_tls tls;
		const char *user;
		const char *url;
		size_t notes;
	} rows[] = {
		{ "a.example", 25, ACCOUNT_TLS_NEVER, NULL, "smtp+notls://a.example:25", 0 },
		{ "a.example", 0, ACCOUNT_TLS_MAY, NULL, "smtp://a.example:25", 0 },
		{ "a.example", 0, ACCOUNT_TLS_MUST, NULL, "smtp+tls://a.example:587", 0 },
		{ "a.example", 0, ACCOUNT_TLS_AT_ONCE, "u@b.example", "smtps://a.example:465", 0 },
		/* A password wants TLS. */
		{ "a.example", 25, ACCOUNT_TLS_MAY, "u@b.example", "smtp+tls://a.example:25", 0 },
		{ "a.example", 25, ACCOUNT_TLS_NEVER, "u@b.example", "smtp+tls://a.example:25", 1 },
		{ "localhost", 25, ACCOUNT_TLS_NEVER, "u@b.example", "smtp+notls://localhost:25",
		    0 },
		{ "::1", 25, ACCOUNT_TLS_NEVER, "u@b.example", "smtp+notls://[::1]:25", 0 },
		/* 465 speaks nothing else. */
		{ "a.example", 465, ACCOUNT_TLS_MUST, NULL, "smtps://a.example:465", 1 },
		{ "a.example", 465, ACCOUNT_TLS_NEVER, NULL, "smtps://a.example:465", 1 },
		/* No host. */
		{ "u:p@a.example", 0, ACCOUNT_TLS_MUST, NULL, NULL, 1 },
		{ "a,b", 0, ACCOUNT_TLS_MUST, NULL, NULL, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(plan_finish) struct plan plan = { 0 };
		CLEANUP(account_finish)
		struct account account = { .port = rows[i].port, .tls = rows[i].tls };

		account.place.file = "f";
		account.host = memory_copy_string(rows[i].host);
		if (rows[i].user != NULL) {
			account.user = memory_copy_string(rows[i].user);
			account.password = memory_copy_string("p");
		}
		const char *title = account_add(&plan, &account);

		assert_int_equal(title != NULL, rows[i].url != NULL);
		assert_int_equal(plan.note_count, rows[i].notes);
		if (title != NULL)
			assert_string_equal(
			    plan_get(plan_find(&plan, "smarthost", title), "url"), rows[i].url);
	}
}

static void titles_are_free_and_sound(void **state)
{
	static const struct row {
		const char *host;
		const char *wish;
		const char *title;
	} rows[] = {
		{ "smtp.gmail.com", NULL, "gmail" },
		{ "smtp.gmail.com", NULL, "gmail-2" },
		{ "smtp.gmail.com", "default", "gmail-3" },
		{ "a.example", NULL, "main" },
		{ "a.example", "me@work place", "me-work-place" },
		{ "a.example", "ME-work-place", "ME-work-place-2" },
		{ "a.example", "", "main-2" },
	};
	CLEANUP(plan_finish) struct plan plan = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(account_finish) struct account account = { .tls = ACCOUNT_TLS_MUST };

		account.place.file = "f";
		account.host = memory_copy_string(rows[i].host);
		if (rows[i].wish != NULL)
			account.title = memory_copy_string(rows[i].wish);
		assert_string_equal(account_add(&plan, &account), rows[i].title);
	}
}

static void what_no_option_takes_is_noted(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(account_finish) struct account account = { .tls = ACCOUNT_TLS_MUST };

	(void)state;
	account.place = (struct account_place){ "f", 7 };
	account.host = memory_copy_string("a.example");
	account.from = memory_copy_string("me@localhost");
	account.ca_file = memory_copy_string("relative.pem");
	account.client_key = memory_copy_string("/key/alone");
	account.auth = memory_copy_string("external");
	account.tls_fingerprint = memory_copy_string("01:02");
	account.source = memory_copy_string("eth0");
	struct plan_block *block = plan_find(&plan, "smarthost", account_add(&plan, &account));
	assert_int_equal(block->count, 1);
	assert_int_equal(plan.note_count, 5);
	for (size_t i = 0; i < plan.note_count; i++)
		assert_int_equal(plan.notes[i].line, 7);
}

static void aliases_have_targets_that_get_mail(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	const struct account_place place = { "f", 1 };

	(void)state;
	account_alias(
	    &plan, "root", span_from_string("Me <me@b.example>, root, you, |x, ${A}"), &place);
	struct plan_block *root = plan_find(&plan, "alias", "root");
	assert_int_equal(root->options[0].count, 2);
	assert_string_equal(root->options[0].values[0], "me@b.example");
	assert_string_equal(root->options[0].values[1], "you");
	assert_int_equal(plan.note_count, 2);
	account_alias(&plan, "a@b", span_from_string("x"), &place);
	assert_null(plan_find(&plan, "alias", "a@b"));
}

static void identities_have_a_domain(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	const struct account_place place = { "f", 1 };

	(void)state;
	account_identity(&plan, "domain", NULL, &place);
	account_identity(&plan, "domain", "", &place);
	assert_int_equal(plan.note_count, 0);
	account_identity(&plan, "domain", "box", &place);
	account_identity(&plan, "ehlo", "localhost", &place);
	account_identity(&plan, "domain", "a b.example", &place);
	assert_int_equal(plan.note_count, 3);
	assert_null(plan_find(&plan, "identity", NULL));
	account_identity(&plan, "ehlo", "[192.0.2.1]", &place);
	account_identity(&plan, "domain", "b.example", &place);
	assert_string_equal(plan_get(plan_find(&plan, "identity", NULL), "ehlo"), "[192.0.2.1]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_taken_apart),
		cmocka_unit_test(the_url_says_what_must_be),
		cmocka_unit_test(titles_are_free_and_sound),
		cmocka_unit_test(what_no_option_takes_is_noted),
		cmocka_unit_test(aliases_have_targets_that_get_mail),
		cmocka_unit_test(identities_have_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
