/* SPDX-License-Identifier: MIT */

#include "service/leaving.h"

#include "base/clock.h"
#include "service/entrance.h"

static bool is_idle(const struct service *service)
{
	return service->clients.count == 0 && service->admission.waiting_count == 0 &&
	       runner_is_idle(&service->runner);
}

void leaving_note(struct service *service)
{
	if (!is_idle(service))
		service->idle_since = CLOCK_NEVER;
	else if (service->idle_since == CLOCK_NEVER)
		service->idle_since = clock_monotonic();
}

int64_t leaving_deadline(const struct service *service)
{
	if (!service->options->on_demand || service->idle_since == CLOCK_NEVER)
		return CLOCK_NEVER;
	return service->idle_since + service->config.idle;
}

bool leaving_may(struct service *service)
{
	struct error error;

	if (!service->options->on_demand || service->idle_since == CLOCK_NEVER ||
	    clock_monotonic() < service->idle_since + service->config.idle)
		return false;
	listeners_remove_names(&service->listeners);
	entrance_drain(service);
	if (runner_scan_whole(&service->runner, &error) == 0 && is_idle(service)) {
		listeners_close(&service->listeners);
		return true;
	}
	listeners_close(&service->listeners);
	if (entrance_open_in_spool(service, &error) < 0)
		service_log_error("", &error);
	/* If it could not look, it does so again when it has been idle for as long once more. */
	service->idle_since = CLOCK_NEVER;
	return false;
}

bool leaving_must_stay(struct service *service)
{
	struct error error;

	if (!service->options->on_demand || service->is_ending)
		return false;
	spool_unlock(&service->spool);
	if (runner_scan_whole(&service->runner, &error) < 0 || runner_is_idle(&service->runner) ||
	    spool_lock(&service->spool, &error) != 0)
		return false;
	return entrance_open_in_spool(service, &error) == 0;
}
