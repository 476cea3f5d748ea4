/* SPDX-License-Identifier: MIT */

#include "service/relay.h"

#include <stdlib.h>

#include "base/memory.h"

void relay_finish(struct relay *relay)
{
	free(relay->name);
	free(relay->security);
	*relay = (struct relay){ 0 };
}

void relay_connected(struct relay *relay, const char *name, const char *security, int64_t now)
{
	free(relay->name);
	free(relay->security);
	relay->name = memory_copy_string(name);
	relay->security = memory_copy_string(security);
	relay->ready = now;
}

void relay_used(struct relay *relay, int64_t now)
{
	relay->freed = now;
	relay->uses++;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* So long the attempt has waited for the session; nothing where that stood. */
static int64_t connecting(const struct relay *relay, const struct relay_times *times, int64_t now)
{
	int64_t end = relay->ready != 0 ? relay->ready : now;

	if (relay->opened == 0 || times->assigned == 0)
		return 0;
	return later(0, end - later(relay->opened, times->assigned));
}

/* A worker has several, and sends one after the other. */
static int64_t sending(const struct relay *relay, const struct relay_times *times, int64_t now)
{
	return times->sent != 0 ? now - later(times->sent, relay->freed) : 0;
}

void relay_delays(const struct relay *relay, const struct relay_times *times, int64_t age,
    int64_t now, struct event_delays *delays)
{
	int64_t taken = times->opened != 0 ? now - times->opened : 0;

	*delays = (struct event_delays){ .queued = later(0, age - taken) };
	if (relay != NULL) {
		delays->connecting = connecting(relay, times, now);
		delays->sending = sending(relay, times, now);
	}
	delays->waiting = later(0, taken - delays->connecting - delays->sending);
}
