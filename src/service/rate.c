/* SPDX-License-Identifier: MIT */

#include "service/rate.h"

#include <assert.h>

static int64_t parts_limit(const struct rate *rate)
{
	return rate->burst * rate->period;
}

/* What the time has brought, without a remainder that would add up over days. */
static int64_t parts_at(const struct rate *rate, int64_t now)
{
	int64_t limit = parts_limit(rate);

	if (now <= rate->filled_at || rate->parts >= limit)
		return rate->parts;
	/* The difference of any two times fits in here. */
	uint64_t passed = (uint64_t)now - (uint64_t)rate->filled_at;
	if (passed > (uint64_t)((limit - rate->parts) / rate->count))
		return limit;
	return rate->parts + (int64_t)passed * rate->count;
}

static void fill(struct rate *rate, int64_t now)
{
	rate->parts = parts_at(rate, now);
	/* After a step back it goes on from here, or nothing would come for as long. */
	rate->filled_at = now;
}

static void set(struct rate *rate, int64_t count, int64_t period, int64_t burst)
{
	assert(count > 0 && period > 0 && burst > 0);
	assert(burst <= (INT64_MAX / 2 - count) / period);
	rate->count = count;
	rate->period = period;
	rate->burst = burst;
}

void rate_init(struct rate *rate, int64_t count, int64_t period, int64_t burst, int64_t now)
{
	*rate = (struct rate){ .filled_at = now };
	set(rate, count, period, burst);
	rate->parts = parts_limit(rate);
}

void rate_change(struct rate *rate, int64_t count, int64_t period, int64_t burst, int64_t now)
{
	fill(rate, now);
	int64_t tokens = rate->parts / rate->period;

	set(rate, count, period, burst);
	/* Reserved ones will be taken, whatever the numbers are now. */
	if (burst < rate->reserved)
		burst = rate->reserved;
	rate->parts = (tokens < burst ? tokens : burst) * period;
}

bool rate_reserve(struct rate *rate, int64_t now)
{
	fill(rate, now);
	if (rate->parts < (rate->reserved + 1) * rate->period)
		return false;
	rate->reserved++;
	return true;
}

void rate_take(struct rate *rate, int64_t now)
{
	assert(rate->reserved > 0);
	fill(rate, now);
	rate->reserved--;
	rate->parts -= rate->period;
}

void rate_release(struct rate *rate)
{
	assert(rate->reserved > 0);
	rate->reserved--;
}

/* When there are so many parts. */
static int64_t when(const struct rate *rate, int64_t parts, int64_t now)
{
	int64_t missing = parts - parts_at(rate, now);

	if (missing <= 0)
		return now;
	return now + (missing + rate->count - 1) / rate->count;
}

int64_t rate_due(const struct rate *rate, int64_t now)
{
	if (rate->reserved >= rate->burst)
		return INT64_MAX;
	return when(rate, (rate->reserved + 1) * rate->period, now);
}

int64_t rate_full(const struct rate *rate, int64_t now)
{
	return when(rate, parts_limit(rate), now);
}
