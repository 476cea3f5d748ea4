/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/mechanism.c. */

#include "smtp/client/mechanism.h"

#include <string.h>

#include "tests/support/cmocka.h"

enum secret { NOTHING = 0, PASSWORD = 1, TOKEN = 2, CERTIFICATE = 4 };
enum wire { CLEAR, LOOPBACK, TLS, BOUND };

#define ALL \
	"LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS " \
	"XOAUTH2 OAUTHBEARER EXTERNAL NTLM GSSAPI ANONYMOUS DIGEST-MD5"

static char password[] = "wonderland";
static char token[] = "t0ken";
static char certificate[] = "/etc/ssl/client.pem";
static char name[] = "relay";

static struct smarthost smarthost_with(enum smarthost_auth auth, unsigned secrets, enum wire wire)
{
	return (struct smarthost){
		.name = name,
		.auth = auth,
		.password = secrets & PASSWORD ? password : NULL,
		.token = secrets & TOKEN ? token : NULL,
		.client_certificate = secrets & CERTIFICATE ? certificate : NULL,
		.is_loopback = wire == LOOPBACK,
	};
}

static struct mechanism_terms terms_with(
    const struct smarthost *smarthost, const char *offered, enum wire wire)
{
	return (struct mechanism_terms){
		.smarthost = smarthost,
		.offered = offered,
		.peer = "relay.example:587",
		.is_secure = wire >= TLS,
		.has_binding = wire == BOUND,
	};
}

static void the_strongest_that_fits_is_chosen(void **state)
{
	static const struct row {
		enum smarthost_auth auth;
		unsigned secrets;
		enum wire wire;
		const char *offered;
		const char *want;
	} rows[] = {
		{ SMARTHOST_AUTH_AUTO, PASSWORD, BOUND, ALL, "SCRAM-SHA-256-PLUS" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, BOUND, "SCRAM-SHA-256 SCRAM-SHA-1-PLUS",
		    "SCRAM-SHA-1-PLUS" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, ALL, "SCRAM-SHA-256" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, CLEAR, ALL, "SCRAM-SHA-256" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "LOGIN PLAIN SCRAM-SHA-1", "SCRAM-SHA-1" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "LOGIN PLAIN CRAM-MD5", "CRAM-MD5" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "LOGIN PLAIN", "PLAIN" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "login", "LOGIN" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, LOOPBACK, "LOGIN PLAIN", "PLAIN" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "EXTERNAL XOAUTH2 PLAIN", "PLAIN" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD | CERTIFICATE, TLS, "EXTERNAL PLAIN", "PLAIN" },
		{ SMARTHOST_AUTH_AUTO, CERTIFICATE, TLS, "EXTERNAL PLAIN", "EXTERNAL" },
		{ SMARTHOST_AUTH_AUTO, TOKEN, TLS, ALL, "OAUTHBEARER" },
		{ SMARTHOST_AUTH_AUTO, TOKEN, TLS, "PLAIN XOAUTH2", "XOAUTH2" },
		{ SMARTHOST_AUTH_AUTO, TOKEN | PASSWORD, TLS, "PLAIN XOAUTH2", "XOAUTH2" },
		{ SMARTHOST_AUTH_AUTO, TOKEN | PASSWORD, TLS, "PLAIN", "PLAIN" },
		{ SMARTHOST_AUTH_PLAIN, PASSWORD, BOUND, ALL, "PLAIN" },
		{ SMARTHOST_AUTH_LOGIN, PASSWORD, BOUND, ALL, "LOGIN" },
		{ SMARTHOST_AUTH_CRAM_MD5, PASSWORD, CLEAR, ALL, "CRAM-MD5" },
		{ SMARTHOST_AUTH_SCRAM, PASSWORD, BOUND, ALL, "SCRAM-SHA-256-PLUS" },
		{ SMARTHOST_AUTH_SCRAM, PASSWORD, CLEAR, ALL, "SCRAM-SHA-256" },
		{ SMARTHOST_AUTH_SCRAM, PASSWORD, TLS, "SCRAM-SHA-256-PLUS SCRAM-SHA-1",
		    "SCRAM-SHA-1" },
		{ SMARTHOST_AUTH_XOAUTH2, TOKEN, TLS, ALL, "XOAUTH2" },
		{ SMARTHOST_AUTH_XOAUTH2, PASSWORD, TLS, ALL, "XOAUTH2" },
		{ SMARTHOST_AUTH_OAUTHBEARER, TOKEN, TLS, ALL, "OAUTHBEARER" },
		{ SMARTHOST_AUTH_EXTERNAL, CERTIFICATE | PASSWORD, TLS, ALL, "EXTERNAL" },
		{ SMARTHOST_AUTH_EXTERNAL, NOTHING, LOOPBACK, ALL, "EXTERNAL" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smarthost smarthost = smarthost_with(
		    rows[i].auth, rows[i].secrets, rows[i].wire);
		struct mechanism_terms terms = terms_with(
		    &smarthost, rows[i].offered, rows[i].wire);
		struct error error = { 0 };
		const struct mechanism *found = mechanism_choose(&terms, &error);

		if (found == NULL || strcmp(found->name, rows[i].want) != 0)
			fail_msg("row %zu: %s instead of %s (%s)", i,
			    found != NULL ? found->name : "none", rows[i].want, error.text);
	}
}

static void none_is_explained(void **state)
{
	static const struct row {
		enum smarthost_auth auth;
		unsigned secrets;
		enum wire wire;
		const char *offered;
		const char *status;
		const char *text;
		const char *next;
	} rows[] = {
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "NTLM GSSAPI", "5.7.4",
		    "it has AUTH NTLM GSSAPI, we have SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, "
		    "LOGIN",
		    "ask the operator" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, BOUND, "NTLM", "5.7.4",
		    "we have SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, SCRAM-SHA-256", "" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "PLAINER XPLAIN", "5.7.4", "PLAINER", "" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "SCRAM-SHA-256-PLUS", "5.7.4", "we have",
		    "" },
		/* Never in the clear, whatever the server says. */
		{ SMARTHOST_AUTH_AUTO, PASSWORD, CLEAR, "PLAIN LOGIN", "5.7.4",
		    "we have SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5", "" },
		{ SMARTHOST_AUTH_PLAIN, PASSWORD, CLEAR, "PLAIN", "5.3.5", "in the clear",
		    "smtp+tls://" },
		{ SMARTHOST_AUTH_LOGIN, PASSWORD, CLEAR, "LOGIN", "5.3.5", "in the clear", "" },
		{ SMARTHOST_AUTH_XOAUTH2, TOKEN, CLEAR, "XOAUTH2", "5.3.5", "in the clear", "" },
		{ SMARTHOST_AUTH_OAUTHBEARER, TOKEN, CLEAR, "OAUTHBEARER", "5.3.5", "in the clear",
		    "" },
		{ SMARTHOST_AUTH_PLAIN, PASSWORD, TLS, "LOGIN", "5.7.4", "we have PLAIN",
		    "auth = \"auto\"" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "XOAUTH2", "5.7.4", "it has AUTH XOAUTH2",
		    "token_file" },
		{ SMARTHOST_AUTH_AUTO, TOKEN, TLS, "PLAIN", "5.7.4",
		    "it has AUTH PLAIN, we have OAUTHBEARER, XOAUTH2", "password = " },
		{ SMARTHOST_AUTH_SCRAM, TOKEN, TLS, ALL, "5.3.5", "does not fit",
		    "auth = \"auto\"" },
		{ SMARTHOST_AUTH_EXTERNAL, PASSWORD, TLS, ALL, "5.3.5", "has none", "client_cert" },
		{ SMARTHOST_AUTH_EXTERNAL, CERTIFICATE, TLS, "PLAIN", "5.7.4", "we have EXTERNAL",
		    "" },
		{ SMARTHOST_AUTH_AUTO, NOTHING, TLS, ALL, "5.3.5", "no password and no token",
		    "[relay]" },
		{ SMARTHOST_AUTH_AUTO, PASSWORD, TLS, "", "5.7.4", "offers no login", "[relay]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smarthost smarthost = smarthost_with(
		    rows[i].auth, rows[i].secrets, rows[i].wire);
		struct mechanism_terms terms = terms_with(
		    &smarthost, rows[i].offered, rows[i].wire);
		struct error error = { 0 };

		print_message("row %zu\n", i);
		assert_null(mechanism_choose(&terms, &error));
		assert_string_equal(error.status, rows[i].status);
		if (strstr(error.text, rows[i].text) == NULL)
			fail_msg("\"%s\" is not in: %s", rows[i].text, error.text);
		if (strstr(error.next, rows[i].next) == NULL || error.next[0] == '\0')
			fail_msg("\"%s\" is not in: %s", rows[i].next, error.next);
		assert_non_null(strstr(error.text, "relay"));
		assert_null(strstr(error.text, password));
		assert_null(strstr(error.text, token));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strongest_that_fits_is_chosen),
		cmocka_unit_test(none_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
