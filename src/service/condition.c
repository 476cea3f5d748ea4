/* SPDX-License-Identifier: MIT */

#include "service/condition.h"

#include <stdio.h>

#include "base/text.h"
#include "service/changes.h"

static void name_down(const struct service *service, char text[static NOTIFY_STATUS_SIZE])
{
	const char *words = "; not reached: ";

	for (size_t i = 0; i < service->config.smarthost_count; i++) {
		const char *name = service->config.smarthosts[i].parameters.name;

		if (!runner_is_down(&service->runner, name))
			continue;
		text_append(text, NOTIFY_STATUS_SIZE, words);
		text_append(text, NOTIFY_STATUS_SIZE, name);
		words = ", ";
	}
}

void condition_describe(const struct service *service, char text[static NOTIFY_STATUS_SIZE])
{
	struct queue_counts counts;

	if (!service->is_configured) {
		snprintf(text, NOTIFY_STATUS_SIZE, "no mail can be taken: %.*s",
		    NOTIFY_STATUS_SIZE - 40, service->fault.text);
		return;
	}
	changes_count(&service->runner, NULL, 0, &counts);
	size_t waiting = counts.due + counts.later;
	if (waiting + counts.active == 0)
		snprintf(text, NOTIFY_STATUS_SIZE, "the queue is empty");
	else
		snprintf(text, NOTIFY_STATUS_SIZE, "%zu message%s waiting, %zu being delivered",
		    waiting, waiting == 1 ? "" : "s", counts.active);
	name_down(service, text);
	if (service->has_old_settings)
		text_append(
		    text, NOTIFY_STATUS_SIZE, "; the new configuration is bad, see the log");
}
