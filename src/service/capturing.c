/* SPDX-License-Identifier: MIT */

#include "service/capturing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "service/capture.h"

/* Where its letter is kept is the answer to each of the leg. */
static void note_captured(struct attempt *attempt, const struct config *config, const char *name)
{
	const struct relay relay = { .name = config->capture };
	struct result result = {
		.kind = RESULT_RECIPIENT, .outcome = RESULT_DELIVERED, .status = "2.0.0"
	};

	snprintf(
	    result.text, sizeof result.text, "kept as %s/new/%s, not sent", config->capture, name);
	attempt->is_captured = true;
	for (size_t i = 0; i < attempt->request.envelope.recipient_count; i++) {
		result.recipient = (uint32_t)i;
		attempt_result(attempt, &result, &relay);
	}
}

static void keep_letter(struct attempt *attempt, const struct config *config)
{
	const struct capture_letter letter = {
		.id = attempt->file.id,
		.number = attempt->positions[0],
		.uid = attempt->file.attributes.uid,
		.smarthost = attempt->smarthost,
		.attempt = &attempt->request,
		.fd = attempt->file.fd,
	};
	char name[CAPTURE_NAME_SIZE];
	struct error error;

	if (capture_keep(config->capture, &letter, name, &error) == 0)
		note_captured(attempt, config, name);
	else
		attempt_defer_rest(attempt, &error, NULL);
	/* Whatever the disk said, it is no sign of a smarthost's. */
	attempt->sign = (struct health_sign){ 0 };
	attempt_end_leg(attempt, false);
}

/* 1: all legs are over; -1: it is closed, error says why. */
static int run_leg(struct runner *runner, struct attempt *attempt, struct error *error)
{
	const struct config_smarthost *smarthost = config_find_smarthost(
	    runner->config, attempt->smarthost);
	struct smarthost account CLEANUP(smarthost_finish) = { 0 };

	capture_account(runner->config, smarthost, &account);
	if (attempt_prepare(attempt, runner->config, &account, ++runner->attempt_number, error) < 0)
		return -1;
	keep_letter(attempt, runner->config);
	if (!attempt_choose(attempt, runner->config, NULL))
		return 1;
	/* What the last leg has brought is on disk first; else the next one waits. */
	return attempt_renew(attempt) < 0 ? 1 : 0;
}

void capturing_run(struct runner *runner, struct attempt *attempt)
{
	char id[QUEUE_ID_SIZE];
	struct error error;
	int outcome = 0;

	memcpy(id, attempt->file.id, sizeof id);
	while (outcome == 0)
		outcome = run_leg(runner, attempt, &error);
	if (outcome > 0) {
		runner_conclude(runner, attempt, true);
		return;
	}
	free(attempt);
	runner_fail(runner, id, &error);
}
