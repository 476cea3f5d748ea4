/* SPDX-License-Identifier: MIT */

#include "spool/queue_id.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

enum { TIME_LENGTH = 9, DIGIT_BITS = 5 };

/* Without I, L, O and U, which people misread; in the order of ASCII, so that names sort. */
static const char alphabet[33] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void write_digits(char *digits, size_t count, uint64_t number)
{
	for (size_t i = count; i > 0; i--) {
		digits[i - 1] = alphabet[number % 32];
		number >>= DIGIT_BITS;
	}
}

void queue_id_generate(char id[static QUEUE_ID_SIZE])
{
	unsigned char chance[QUEUE_ID_LENGTH - TIME_LENGTH];

	write_digits(id, TIME_LENGTH, (uint64_t)clock_wall());
	random_fill(chance, sizeof chance);
	for (size_t i = 0; i < sizeof chance; i++)
		id[TIME_LENGTH + i] = alphabet[chance[i] % 32];
	id[QUEUE_ID_LENGTH] = '\0';
}

/* The value of each octet as a digit, and one more; 0 for what is none. */
static const unsigned char values[256] = {
	['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['A'] = 11,
	['B'] = 12,
	['C'] = 13,
	['D'] = 14,
	['E'] = 15,
	['F'] = 16,
	['G'] = 17,
	['H'] = 18,
	['J'] = 19,
	['K'] = 20,
	['M'] = 21,
	['N'] = 22,
	['P'] = 23,
	['Q'] = 24,
	['R'] = 25,
	['S'] = 26,
	['T'] = 27,
	['V'] = 28,
	['W'] = 29,
	['X'] = 30,
	['Y'] = 31,
	['Z'] = 32,
};

static unsigned value_of(char digit)
{
	return values[(unsigned char)digit] - 1U;
}

bool queue_id_is_valid(struct span text)
{
	if (text.length != QUEUE_ID_LENGTH)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (values[(unsigned char)text.start[i]] == 0)
			return false;
	return true;
}

int64_t queue_id_time(const char *id)
{
	int64_t time = 0;

	assert(queue_id_is_valid(span_from_string(id)));
	for (size_t i = 0; i < TIME_LENGTH; i++)
		time = time << DIGIT_BITS | value_of(id[i]);
	return time;
}

void queue_id_derive(const char *id, uint64_t number, char derived[static QUEUE_ID_SIZE])
{
	assert(queue_id_is_valid(span_from_string(id)) && number != 0 && number >> 60 == 0);
	memmove(derived, id, QUEUE_ID_SIZE);
	for (size_t i = QUEUE_ID_LENGTH - 1; number != 0; i--) {
		derived[i] = alphabet[(value_of(derived[i]) + number) % 32];
		number >>= DIGIT_BITS;
	}
}

/* 8 digits are 5 octets, and the last digit stands alone. */
void queue_id_pack(const char *id, unsigned char packed[static QUEUE_ID_PACKED])
{
	uint64_t bits = 0;
	size_t filled = 0;
	size_t count = 0;

	assert(queue_id_is_valid(span_from_string(id)));
	for (size_t i = 0; i < QUEUE_ID_LENGTH; i++) {
		bits = bits << DIGIT_BITS | value_of(id[i]);
		for (filled += DIGIT_BITS; filled >= 8; filled -= 8)
			packed[count++] = (unsigned char)(bits >> (filled - 8));
	}
	packed[count] = (unsigned char)(bits << (8 - filled));
}

void queue_id_unpack(
    const unsigned char packed[static QUEUE_ID_PACKED], char id[static QUEUE_ID_SIZE])
{
	uint64_t bits = 0;
	size_t filled = 0;
	size_t count = 0;

	for (size_t i = 0; i < QUEUE_ID_PACKED && count < QUEUE_ID_LENGTH; i++) {
		bits = bits << 8 | packed[i];
		for (filled += 8; filled >= DIGIT_BITS && count < QUEUE_ID_LENGTH;
		     filled -= DIGIT_BITS)
			id[count++] = alphabet[bits >> (filled - DIGIT_BITS) & 31];
	}
	id[QUEUE_ID_LENGTH] = '\0';
}
