/* SPDX-License-Identifier: MIT */

/* Tests import/providers.c. */

#include "import/providers.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/span.h"
#include "smtp/smarthost.h"

static void every_row_is_whole(void **state)
{
	(void)state;
	for (const struct provider *provider = providers; provider->name != NULL; provider++) {
		CLEANUP(memory_free_string)
		char *url = providers_url(provider, provider->region);
		CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
		struct error error;

		smarthost_init(&smarthost);
		if (smarthost_set_url(&smarthost, span_from_string(url), &error) < 0)
			fail_msg("%s: %s", provider->name, error.text);
		assert_true(smarthost.tls == SMARTHOST_TLS_IMPLICIT ||
			    smarthost.tls == SMARTHOST_TLS_STARTTLS);
		assert_int_equal(smarthost.port == 465, smarthost.tls == SMARTHOST_TLS_IMPLICIT);
		assert_ptr_equal(providers_find_host(smarthost.host), provider);
		assert_ptr_equal(providers_find(provider->name), provider);
		assert_true(provider->title[0] != '\0' && provider->login[0] != '\0');
		assert_true(strncmp(provider->page, "https://", 8) == 0);
		/* One sentence, fit for an error's next step. */
		assert_in_range(strlen(provider->peculiarity), 20, 240);
		assert_int_equal(provider->peculiarity[strlen(provider->peculiarity) - 1], '.');
		assert_null(strstr(provider->peculiarity, ". "));
	}
}

static void names_lead_to_rows(void **state)
{
	(void)state;
	assert_string_equal(providers_find("GMail")->name, "gmail");
	assert_null(providers_find("gmai"));
	assert_null(providers_find(""));
	assert_string_equal(providers_find_host("email-smtp.us-east-1.amazonaws.com")->name, "ses");
	assert_string_equal(providers_find_host("SMTP.Gmail.com")->name, "gmail");
	assert_string_equal(providers_find_host("smtp-relay.gmail.com")->name, "google-relay");
	assert_string_equal(providers_find_host("smtp.eu.mailgun.org")->name, "mailgun-eu");
	assert_null(providers_find_host("smtp.example.com"));
	assert_null(providers_find_host("xsmtp.gmail.com"));
	assert_string_equal(providers_find_address("me@gmail.com")->name, "gmail");
	assert_string_equal(providers_find_address("me@ME.com")->name, "icloud");
	assert_null(providers_find_address("me@example.com"));
	assert_null(providers_find_address("gmail.com"));
	assert_null(providers_find_address(""));
}

static void regions_are_put_in(void **state)
{
	CLEANUP(memory_free_string)
	char *url = providers_url(providers_find("ses"), "eu-central-1");

	(void)state;
	assert_string_equal(url, "smtp+tls://email-smtp.eu-central-1.amazonaws.com:587");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(names_lead_to_rows),
		cmocka_unit_test(regions_are_put_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
