/* SPDX-License-Identifier: MIT */

#include "policy/route.h"

#include <stddef.h>

const struct config_smarthost *route_choose(
    const struct config *config, const struct envelope *envelope)
{
	(void)envelope;
	return config->smarthost_count != 0 ? &config->smarthosts[0] : NULL;
}

const char *route_reason(const struct config *config, const struct envelope *envelope)
{
	(void)envelope;
	if (config->smarthost_count == 0)
		return "no smarthost is configured";
	return config->smarthost_count == 1 ? "the only smarthost" : "the first smarthost";
}
