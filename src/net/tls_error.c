/* SPDX-License-Identifier: MIT */

#include "net/tls_error.h"

#include <openssl/err.h>

const char *tls_error_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_error());

	return words != NULL ? words : "no reason is known";
}

int tls_error_setup(struct error *error, const char *what)
{
	error_set(error, ERROR_CONFIG, "4.3.5", "%s: %s", what, tls_error_words());
	ERR_clear_error();
	return -1;
}
