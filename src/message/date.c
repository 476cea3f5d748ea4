/* SPDX-License-Identifier: MIT */

#include "message/date.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The last day but one of the year 9999, in any zone: the form has four digits. */
static const int64_t LATEST = INT64_C(253402300799) - 86400;

void date_format(int64_t wall, char text[static DATE_SIZE])
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t seconds = wall / 1000;
	struct tm tm = { .tm_mday = 1 };

	if (seconds < 0)
		seconds = 0;
	if (seconds > LATEST)
		seconds = LATEST;
	time_t moment = (time_t)seconds;
	(void)localtime_r(&moment, &tm);
	long minutes = tm.tm_gmtoff / 60;
	snprintf(text, DATE_SIZE, "%s, %d %s %04d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    minutes < 0 ? '-' : '+', labs(minutes) / 60 % 100, labs(minutes) % 60);
}
