/* SPDX-License-Identifier: MIT */

#include "service/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/span.h"
#include "base/text.h"
#include "net/listen.h"

static uint64_t read_number(const char *name)
{
	const char *text = getenv(name);
	uint64_t number = 0;

	if (text == NULL || !span_to_number(span_from_string(text), &number))
		return 0;
	return number;
}

/* sd_watchdog_enabled(3): without WATCHDOG_PID it is meant for whoever reads it. */
static int64_t find_step(void)
{
	uint64_t microseconds = read_number("WATCHDOG_USEC");

	if (getenv("WATCHDOG_PID") != NULL && read_number("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	if (microseconds == 0 || microseconds > INT64_MAX)
		return 0;
	int64_t step = (int64_t)microseconds / 2000;
	return step > 0 ? step : 1;
}

void notify_init(struct notify *notify)
{
	const char *manager = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){
		.has_manager = manager != NULL && manager[0] != '\0',
		.status_due = CLOCK_NEVER,
	};
	if (notify->has_manager)
		notify->watchdog_step = find_step();
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

void notify_ready(struct notify *notify)
{
	(void)listen_notify("READY=1", false);
	if (notify->watchdog_step != 0)
		notify->watchdog_due = clock_deadline(notify->watchdog_step);
}

/* systemd compares the time with its own, which is CLOCK_MONOTONIC and not ours. */
void notify_reloading(const struct notify *notify)
{
	struct timespec now = { 0 };
	char text[64];

	if (!notify->has_manager)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	(void)listen_notify(text, false);
}

void notify_stopping(const struct notify *notify)
{
	(void)notify;
	(void)listen_notify("STOPPING=1", false);
}

void notify_alive(struct notify *notify)
{
	if (notify->watchdog_step == 0 || clock_monotonic() < notify->watchdog_due)
		return;
	(void)listen_notify("WATCHDOG=1", true);
	notify->watchdog_due = clock_deadline(notify->watchdog_step);
}

bool notify_wants_status(struct notify *notify)
{
	if (!notify->has_manager)
		return false;
	if (clock_monotonic() >= notify->status_next)
		return true;
	notify->status_due = notify->status_next;
	return false;
}

void notify_status(struct notify *notify, const char *text)
{
	char status[NOTIFY_STATUS_SIZE];
	char line[NOTIFY_STATUS_SIZE + sizeof "STATUS="];

	notify->status_due = CLOCK_NEVER;
	notify->status_next = clock_deadline(NOTIFY_STATUS_PAUSE);
	text_copy(status, sizeof status, text);
	if (strcmp(notify->status, status) == 0)
		return;
	snprintf(line, sizeof line, "STATUS=%s", status);
	if (listen_notify(line, true))
		memcpy(notify->status, status, sizeof status);
	else
		notify->status_due = notify->status_next;
}

int64_t notify_deadline(const struct notify *notify)
{
	return clock_earlier(
	    notify->status_due, notify->watchdog_step != 0 ? notify->watchdog_due : CLOCK_NEVER);
}
