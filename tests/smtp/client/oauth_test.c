/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/oauth.c. */

#include "smtp/client/oauth.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"

#define TOKEN "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

static void messages_are_as_written_down(void **state)
{
	static const struct row {
		const char *name;
		struct oauth_login login;
		const char *bearer;
		const char *xoauth2;
	} rows[] = {
		{ "RFC 7628, 4.1", { "user@example.com", TOKEN, "server.example.com", 143 },
		    "n,a=user@example.com,\001host=server.example.com\001port=143\001"
		    "auth=Bearer " TOKEN "\001\001",
		    "user=user@example.com\001auth=Bearer " TOKEN "\001\001" },
		{ "Google's example",
		    { "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", "h",
			587 },
		    "n,a=someuser@example.com,\001host=h\001port=587\001auth=Bearer "
		    "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001",
		    "user=someuser@example.com\001auth=Bearer "
		    "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001" },
		{ "a unix socket has no host", { "u", "t", NULL, 0 },
		    "n,a=u,\001auth=Bearer t\001\001", "user=u\001auth=Bearer t\001\001" },
		{ "the token says who it is", { "", "t", "h", 25 },
		    "n,,\001host=h\001port=25\001auth=Bearer t\001\001",
		    "user=\001auth=Bearer t\001\001" },
		{ "comma and equals sign in a name (RFC 5801, 4)", { "a,b=c", "t", NULL, 0 },
		    "n,a=a=2Cb=3Dc,\001auth=Bearer t\001\001",
		    "user=a,b=c\001auth=Bearer t\001\001" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer bearer = { 0 };
		CLEANUP(buffer_finish) struct buffer xoauth2 = { 0 };

		print_message("%s\n", rows[i].name);
		buffer_init(&bearer, 1000);
		buffer_init(&xoauth2, 1000);
		assert_true(oauth_is_sound(&rows[i].login));
		oauth_write_bearer(&bearer, &rows[i].login);
		oauth_write_xoauth2(&xoauth2, &rows[i].login);
		assert_string_equal(buffer_string(&bearer), rows[i].bearer);
		assert_string_equal(buffer_string(&xoauth2), rows[i].xoauth2);
	}
	assert_string_equal(oauth_bearer_acknowledgement, "\001");
}

static void nothing_can_be_smuggled_in(void **state)
{
	static const struct oauth_login rows[] = {
		{ "user", "", "h", 25 },
		{ "user", "to\001ken", "h", 25 },
		{ "user", "token\n", "h", 25 },
		{ "us\001er", "token", "h", 25 },
		{ "user\r", "token", "h", 25 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_false(oauth_is_sound(&rows[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_as_written_down),
		cmocka_unit_test(nothing_can_be_smuggled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
