/* SPDX-License-Identifier: MIT */

#include "service/service.h"

#include "base/log.h"

void service_log_error(const char *words, const struct error *error)
{
	char line[900];

	error_line(error, line, sizeof line);
	log_event(LOG_LEVEL_ERROR, "%s%s", words, line);
}
