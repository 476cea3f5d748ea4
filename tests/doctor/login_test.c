/* SPDX-License-Identifier: MIT */

/* Tests doctor/login.c: what is told, and that a guess is made only where the evidence fits. */

#include "smtp/smarthost.h"
#include "tests/doctor/machine.h"

static void logins_are_judged_by_their_provider(void **state)
{
	static const struct row {
		const char *host;
		const char *user;
		const char *password;
		bool is_told;
	} rows[] = {
		{ "smtp.gmail.com", "me@gmail.com", "abcdefghijklmnop", false },
		{ "smtp.gmail.com", "me@gmail.com", "abcd efgh ijkl mnop", false },
		{ "SMTP.GMAIL.COM", "me@gmail.com", "abcd", true },
		{ "smtp.gmail.com", "me@gmail.com", "", true },
		{ "smtp.gmail.com", "me", "abcdefghijklmnop", true },
		{ "smtp.sendgrid.net", "apikey", "SG.x", false },
		{ "smtp.sendgrid.net", "apikey", "wrong-one", true },
		{ "smtp.sendgrid.net", "me@example.com", "SG.x", true },
		{ "smtp-relay.brevo.com", "me@example.com", "xkeysib-1", true },
		{ "smtp-relay.brevo.com", "me@example.com", "xsmtpsib-1", false },
		{ "email-smtp.eu-west-1.amazonaws.com", "AKIA", "short", true },
		{ "smtp.example.com", "me", "abcd", false },
		{ "smtp.gmail.com", NULL, "abcd", false },
		{ "smtp.gmail.com", "me@gmail.com", NULL, false },
		{ NULL, "me", "abcd", false },
	};
	struct machine *machine = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct smarthost known = {
			.name = (char *)(uintptr_t) "work",
			.host = (char *)(uintptr_t)rows[i].host,
			.user = (char *)(uintptr_t)rows[i].user,
			.password = (char *)(uintptr_t)rows[i].password,
		};

		login_check(&machine->patient, &known);
		if (rows[i].is_told && machine->findings.count == 1 && rows[i].password[0] != '\0')
			assert_null(strstr(machine->findings.items[0].text, rows[i].password));
		machine_expect(machine, rows[i].host != NULL ? rows[i].host : "a unix socket",
		    FINDING_YELLOW, rows[i].is_told ? "settings.login" : NULL);
	}
}

/* With a token the password is not what counts. */
static void a_token_is_no_password(void **state)
{
	struct machine *machine = *state;
	const struct smarthost known = {
		.name = (char *)(uintptr_t) "work",
		.host = (char *)(uintptr_t) "smtp.gmail.com",
		.user = (char *)(uintptr_t) "me@gmail.com",
		.password = (char *)(uintptr_t) "x",
		.token = (char *)(uintptr_t) "ya29.x",
	};

	login_check(&machine->patient, &known);
	machine_expect(machine, "token", FINDING_YELLOW, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    logins_are_judged_by_their_provider, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(a_token_is_no_password, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
