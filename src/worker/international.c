/* SPDX-License-Identifier: MIT */

#include "worker/international.h"

#include <stdlib.h>

#include "base/span.h"
#include "smtp/client/idn.h"

static void adapt(char **address)
{
	struct span text = span_from_string(*address);
	struct error error;

	if (!span_has_8bit(text))
		return;
	char *ascii = idn_library.to_ascii(text, &error);
	if (ascii == NULL)
		return;
	free(*address);
	*address = ascii;
}

void international_adapt(struct envelope *envelope, const struct extensions *offered)
{
	if (offered->smtputf8)
		return;
	adapt(&envelope->sender);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		adapt(&envelope->recipients[i].address);
}
