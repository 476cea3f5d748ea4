/* SPDX-License-Identifier: MIT */

#include "base/fingerprint.h"

#include <stdio.h>
#include <string.h>

static const char prefix[] = "sha256:";

static int digit_value(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

bool fingerprint_parse(struct span text, unsigned char octets[static FINGERPRINT_OCTETS])
{
	unsigned char found[FINGERPRINT_OCTETS] = { 0 };
	size_t count = 0;

	if (!span_starts_with_ignoring_case(text, prefix))
		return false;
	for (size_t i = sizeof prefix - 1; i < text.length; i++) {
		/* Between octets only. */
		if (text.start[i] == ':' && count % 2 == 0 && count > 0)
			continue;
		int value = digit_value(text.start[i]);
		if (value < 0 || count == sizeof found * 2)
			return false;
		found[count / 2] = (unsigned char)(found[count / 2] * 16 + value);
		count++;
	}
	if (count != sizeof found * 2)
		return false;
	memcpy(octets, found, sizeof found);
	return true;
}

void fingerprint_format(
    const unsigned char octets[static FINGERPRINT_OCTETS], char text[static FINGERPRINT_SIZE])
{
	int length = snprintf(text, FINGERPRINT_SIZE, "%s", prefix);

	for (int i = 0; i < FINGERPRINT_OCTETS; i++)
		snprintf(text + length + 2 * i, 3, "%02x", octets[i]);
}
