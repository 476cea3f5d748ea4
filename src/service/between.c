/* SPDX-License-Identifier: MIT */

#include "service/between.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/capture.h"
#include "service/capturing.h"
#include "service/pauses.h"
#include "service/room.h"

/* ---- which leg ---- */

static const struct smarthost *find_smarthost(const struct runner *runner, const char *name)
{
	const struct config_smarthost *smarthost = config_find_smarthost(runner->config, name);

	return smarthost != NULL ? &smarthost->parameters : NULL;
}

static bool has_token(const struct runner *runner, const char *name)
{
	int64_t now = clock_monotonic();

	return rates_ready(&runner->workers.rates, name, now) <= now;
}

/* It has room and a token for one more. */
static bool is_open(const struct runner *runner, const char *name)
{
	const struct smarthost *smarthost = find_smarthost(runner, name);

	return smarthost != NULL && has_token(runner, name) &&
	       room_is_at(&runner->workers, runner->config, smarthost, false);
}

struct asker {
	const struct runner *runner;
	const char *id;
	const char *door;
};

static bool may_use(void *context, const char *smarthost)
{
	const struct asker *asker = context;

	return health_may_try(
	    &asker->runner->health, smarthost, NULL, asker->id, clock_monotonic());
}

static int rank(void *context, const char *smarthost)
{
	const struct asker *asker = context;

	if (asker->door != NULL && strcmp(asker->door, smarthost) == 0)
		return 0;
	if (is_open(asker->runner, smarthost))
		return 1;
	/* Of two where it would have to wait: room comes sooner than a token. */
	if (!has_token(asker->runner, smarthost))
		return INT_MAX;
	size_t others = rates_waiting_at(&asker->runner->workers.rates, smarthost);
	return others < INT_MAX - 2 ? (int)others + 2 : INT_MAX - 1;
}

bool between_choose(struct runner *runner, struct attempt *attempt, const char *door)
{
	struct asker asker = { runner, attempt->file.id, door };
	const struct legs_rules rules = { may_use, rank, &asker };

	return attempt_choose(attempt, runner->config, &rules);
}

/* ---- from leg to leg ---- */

bool between_take(struct runner *runner, struct attempt *attempt, bool is_unusable)
{
	/* Concluded once already, held meanwhile, or the service ends. */
	if (attempt->is_counted || attempt->file.progress.is_held || runner->is_ending)
		return false;
	if (runner->between_count == WORKERS_ATTEMPTS)
		return false;
	attempt_end_leg(attempt, is_unusable);
	if (!between_choose(runner, attempt, NULL))
		return false;
	if (!is_open(runner, attempt->smarthost)) {
		attempt->waits_at_door = true;
		return false;
	}
	if (attempt_renew(attempt) < 0)
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

static void begin(struct runner *runner, struct attempt *attempt)
{
	char id[QUEUE_ID_SIZE];
	struct error error;

	memcpy(id, attempt->file.id, sizeof id);
	int outcome = runner_make_ready(runner, attempt, &error);
	if (outcome == 0) {
		workers_assign(&runner->workers, runner->config, attempt);
		return;
	}
	if (outcome == 2)
		return;
	free(attempt);
	if (outcome < 0)
		runner_fail(runner, id, &error);
}

/* Prepared and assigned; or it waits for its smarthost, closed. */
static void begin_if_let(struct runner *runner, struct attempt *attempt)
{
	/* Who has to wait is finished. */
	struct tokens tokens = attempt->tokens;

	if (pauses_let_pass(runner, attempt)) {
		begin(runner, attempt);
		return;
	}
	tokens_release(&runner->workers.rates, &tokens);
	free(attempt);
}

/* Others have gone on meanwhile, and it may look different now. */
static void go_on(struct runner *runner, struct attempt *attempt)
{
	if (attempt->file.progress.is_held || !between_choose(runner, attempt, NULL)) {
		runner_conclude(runner, attempt, true);
		return;
	}
	if (capture_is_on(runner->config)) {
		capturing_run(runner, attempt);
		return;
	}
	const struct smarthost *smarthost = find_smarthost(runner, attempt->smarthost);
	if (runner_pass_the_door(runner, attempt, smarthost)) {
		begin_if_let(runner, attempt);
		return;
	}
	attempt->waits_at_door = true;
	runner_conclude(runner, attempt, true);
}

void between_step(struct runner *runner)
{
	struct attempt *list[WORKERS_ATTEMPTS];
	size_t count = runner->between_count;

	memcpy(list, runner->between, count * sizeof list[0]);
	runner->between_count = 0;
	for (size_t i = 0; i < count; i++)
		go_on(runner, list[i]);
}

void between_end(struct runner *runner)
{
	while (runner->between_count != 0)
		runner_conclude(runner, runner->between[--runner->between_count], true);
}
