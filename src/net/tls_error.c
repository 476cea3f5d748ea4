/* SPDX-License-Identifier: MIT */

#include "net/tls_error.h"

#include <openssl/err.h>
#include <string.h>

const char *tls_error_words(void)
{
	unsigned long code = ERR_peek_error();
	const char *words = ERR_reason_error_string(code);

	/* OpenSSL has no words for what the system said. */
	if (words == NULL && ERR_SYSTEM_ERROR(code))
		words = strerror(ERR_GET_REASON(code));
	return words != NULL ? words : "no reason is known";
}

int tls_error_setup(struct error *error, const char *what)
{
	error_set(error, ERROR_CONFIG, "4.3.5", "%s: %s", what, tls_error_words());
	ERR_clear_error();
	return -1;
}
