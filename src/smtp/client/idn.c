/* SPDX-License-Identifier: MIT */

#include "smtp/client/idn.h"

#include <idn2.h>
#include <string.h>

#include "base/memory.h"
#include "message/address.h"

/* What libidn2 gave is freed by libidn2. */
static void free_label(char **label)
{
	idn2_free(*label);
}

static char *to_ascii(struct span address, struct error *error)
{
	struct address parts = address_split(address);
	char *domain CLEANUP(memory_free_string) = span_copy(parts.domain);
	char *ascii CLEANUP(free_label) = NULL;

	if (span_has_8bit(parts.local)) {
		error_set(error, ERROR_NO_USER, "5.6.7",
		    "the local part of <%.*s> cannot be written without SMTPUTF8",
		    span_int(address), address.start);
		return NULL;
	}
	/* UTS 46 without its transitional exceptions, as browsers and Postfix look names up. */
	int code = idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (code != IDN2_OK) {
		error_set(error, ERROR_NO_HOST, "5.6.7", "the domain of <%.*s> is none: %s",
		    span_int(address), address.start, idn2_strerror(code));
		return NULL;
	}
	char *result = memory_format("%.*s@%s", span_int(parts.local), parts.local.start, ascii);
	/* Mapping may leave an empty label behind. */
	if (address_check(span_from_string(result), error) == 0)
		return result;
	memory_free_string(&result);
	memcpy(error->status, "5.6.7", sizeof "5.6.7");
	return NULL;
}

const struct session_idn idn_library = { to_ascii };
