/* SPDX-License-Identifier: MIT */

#include "message/message_id.h"

#include <assert.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

enum { RANDOM_OCTETS = 10, RANDOM_DIGITS = RANDOM_OCTETS * 8 / 5 };

/* 80 bits as 16 digits of five bits each. */
static void random_digits(char text[static RANDOM_DIGITS + 1])
{
	static const char digits[32] = "0123456789abcdefghjkmnpqrstvwxyz";
	unsigned char octets[RANDOM_OCTETS];
	unsigned value = 0;
	unsigned bits = 0;
	size_t next = 0;

	random_fill(octets, sizeof octets);
	for (size_t i = 0; i < RANDOM_DIGITS; i++) {
		if (bits < 5) {
			value = (value << 8 | octets[next++]) & 0xffff;
			bits += 8;
		}
		bits -= 5;
		text[i] = digits[value >> bits & 31];
	}
	text[RANDOM_DIGITS] = '\0';
}

char *message_id_generate(const char *domain)
{
	time_t now = (time_t)(clock_wall() / 1000);
	char random[RANDOM_DIGITS + 1];
	struct tm tm = { .tm_mday = 1 };

	assert(domain[0] != '\0');
	/* In UTC: a Message-ID need not tell where its host stands. */
	(void)gmtime_r(&now, &tm);
	random_digits(random);
	return memory_format("<%04d%02d%02d%02d%02d%02d.%s@%s>", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, random, domain);
}
