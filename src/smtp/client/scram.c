/* SPDX-License-Identifier: MIT */

#include "smtp/client/scram.h"

/* Whatever is no number is not ours to guess: another reader might take it for one. */
bool scram_is_bearable(struct span server_first)
{
	struct span part;
	uint64_t rounds;

	while (span_take_until(&server_first, ',', &part))
		if (span_starts_with(part, "i=") &&
		    (!span_to_number(span_after(part, 2), &rounds) || rounds > SCRAM_ROUNDS_LIMIT))
			return false;
	return true;
}

bool scram_is_refusal(struct span message, struct span *reason)
{
	if (!span_starts_with(message, "e="))
		return false;
	*reason = span_after(message, 2);
	return true;
}
