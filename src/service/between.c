/* SPDX-License-Identifier: MIT */

#include "service/between.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/pauses.h"

bool between_take(struct runner *runner, struct attempt *attempt, bool is_unusable)
{
	/* Concluded once already, held meanwhile, or the service ends. */
	if (attempt->is_counted || attempt->file.progress.is_held || runner->is_ending)
		return false;
	attempt_end_leg(attempt, is_unusable);
	if (!pauses_choose(runner, attempt) || attempt_renew(attempt) < 0)
		return false;
	runner->between[runner->between_count++] = attempt;
	return true;
}

struct attempt *between_find(const struct runner *runner, const char *id)
{
	for (size_t i = 0; i < runner->between_count; i++)
		if (strcmp(runner->between[i]->file.id, id) == 0)
			return runner->between[i];
	return NULL;
}

/* Its smarthost may have been paused, or taken out of the settings, while it waited. */
static const struct smarthost *find_smarthost(struct runner *runner, struct attempt *attempt)
{
	if (!pauses_choose(runner, attempt))
		return NULL;
	return &config_find_smarthost(runner->config, attempt->smarthost)->parameters;
}

static bool has_room(const struct runner *runner, const struct smarthost *smarthost)
{
	return workers_has_room_at(&runner->workers, runner->config, smarthost, false);
}

static void begin(struct runner *runner, struct attempt *attempt, const struct smarthost *smarthost)
{
	char id[QUEUE_ID_SIZE];
	struct error error;
	bool has_token = attempt->has_token;

	memcpy(id, attempt->file.id, sizeof id);
	if (!pauses_let_pass(runner, attempt)) {
		if (has_token)
			rates_release(&runner->workers.rates, smarthost->name);
		free(attempt);
		return;
	}
	int outcome = runner_make_ready(runner, attempt, &error);
	if (outcome == 0) {
		workers_assign(&runner->workers, runner->config, attempt);
		return;
	}
	free(attempt);
	if (outcome < 0)
		runner_fail(runner, id, &error);
}

/* False: it has to wait. */
static bool go_on(struct runner *runner, struct attempt *attempt)
{
	const struct smarthost *smarthost = find_smarthost(runner, attempt);

	if (smarthost == NULL) {
		runner_conclude(runner, attempt, true);
		return true;
	}
	/* Who cannot have a connection of his own goes with the others, and is shown nothing. */
	attempt->wants_trace = attempt->wants_trace && workers_has_room_at(&runner->workers,
							   runner->config, smarthost, true);
	if ((!attempt->wants_trace && !has_room(runner, smarthost)) ||
	    !rates_reserve(
		&runner->workers.rates, smarthost, clock_monotonic(), &attempt->has_token))
		return false;
	begin(runner, attempt, smarthost);
	return true;
}

void between_step(struct runner *runner)
{
	size_t count = runner->between_count;
	size_t kept = 0;

	/* Those that come meanwhile stand behind them. */
	for (size_t i = 0; i < count; i++) {
		struct attempt *attempt = runner->between[i];

		if (!go_on(runner, attempt))
			runner->between[kept++] = attempt;
	}
	memmove(&runner->between[kept], &runner->between[count],
	    (runner->between_count - count) * sizeof runner->between[0]);
	runner->between_count -= count - kept;
}

int64_t between_deadline(const struct runner *runner)
{
	int64_t now = clock_monotonic();
	int64_t deadline = CLOCK_NEVER;

	if (runner->is_ending && runner->between_count != 0)
		return now;
	for (size_t i = 0; i < runner->between_count; i++) {
		const char *name = runner->between[i]->smarthost;
		const struct config_smarthost *smarthost = config_find_smarthost(
		    runner->config, name);

		if (smarthost == NULL)
			return now;
		if (has_room(runner, &smarthost->parameters))
			deadline = clock_earlier(
			    deadline, rates_ready(&runner->workers.rates, name, now));
	}
	return deadline;
}

void between_end(struct runner *runner)
{
	while (runner->between_count != 0)
		runner_conclude(runner, runner->between[--runner->between_count], true);
}
