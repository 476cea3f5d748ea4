/* SPDX-License-Identifier: MIT */

/* Tests net/tls_error.c. */

#include "net/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/cmocka.h"

static void the_oldest_error_is_the_cause(void **state)
{
	(void)state;
	ERR_clear_error();
	ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
	ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR);
	assert_string_equal(tls_error_words(), "no shared cipher");
	/* Asking takes nothing away. */
	assert_string_equal(tls_error_words(), "no shared cipher");
	ERR_clear_error();
	assert_string_equal(tls_error_words(), "no reason is known");
}

static void a_set_up_that_failed_is_told_once(void **state)
{
	struct error error = { 0 };

	(void)state;
	ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
	assert_int_equal(tls_error_setup(&error, "/etc/key.pem"), -1);
	assert_string_equal(error.text, "/etc/key.pem: no shared cipher");
	assert_string_equal(error.status, "4.3.5");
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_int_equal(ERR_peek_error(), 0);
}

/* As making a context does. */
static int load_words(void **state)
{
	(void)state;
	return OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) == 1 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_error_is_the_cause),
		cmocka_unit_test(a_set_up_that_failed_is_told_once),
	};

	return cmocka_run_group_tests(tests, load_words, NULL);
}
