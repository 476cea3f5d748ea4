/* SPDX-License-Identifier: MIT */

/*
 * notify - what the service manager is told: sd_notify(3), without libsystemd
 *
 * The watchdog is fed by the loop alone, once in each half of the time that
 * the manager allows: a loop that hangs is found out, and restarted.  Without
 * a manager (NOTIFY_SOCKET) nothing is sent, and the states need not be made.
 */

#ifndef SERVICE_NOTIFY_H
#define SERVICE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	NOTIFY_STATUS_SIZE = 400,
	NOTIFY_STATUS_PAUSE = 1000, /* milliseconds: the status is told no oftener */
};

struct notify {
	bool has_manager;
	int64_t watchdog_step; /* half of the time allowed, milliseconds; 0: no watchdog */
	int64_t watchdog_due;  /* clock_monotonic, like the next */
	int64_t status_next;   /* not before this time again */
	int64_t status_due;    /* CLOCK_NEVER: nothing has happened since it was told */
	char status[NOTIFY_STATUS_SIZE];
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; the last two are for no child of ours. */
void notify_init(struct notify *notify);

void notify_ready(struct notify *notify);
void notify_reloading(const struct notify *notify);
void notify_stopping(const struct notify *notify);

/* In each round of the loop. */
void notify_alive(struct notify *notify);

/*
 * True: the status may be told now.  False: nobody wants it, or it was told a
 * moment ago, and the deadline says when to come again.
 */
bool notify_wants_status(struct notify *notify);

/* One line for who looks at the service; nothing is sent when it is the last one. */
void notify_status(struct notify *notify, const char *text);

/* When notify_alive or the status is due; CLOCK_NEVER: not by itself. */
int64_t notify_deadline(const struct notify *notify);

#endif
