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

/* memchr with the length of the alphabet: strchr would find its NUL. */
static const char *find_digit(char c)
{
	return memchr(alphabet, c, 32);
}

bool queue_id_is_valid(struct span text)
{
	if (text.length != QUEUE_ID_LENGTH)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (find_digit(text.start[i]) == NULL)
			return false;
	return true;
}

int64_t queue_id_time(const char *id)
{
	int64_t time = 0;

	assert(queue_id_is_valid(span_from_string(id)));
	for (size_t i = 0; i < TIME_LENGTH; i++)
		time = time << DIGIT_BITS | (find_digit(id[i]) - alphabet);
	return time;
}
