/* SPDX-License-Identifier: MIT */

#include "service/permission.h"

#include <stdlib.h>

#include "base/memory.h"
#include "policy/sender.h"
#include "service/outgoing.h"

bool permission_matters(const struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (config->smarthosts[i].parameters.from_policy == SMARTHOST_FROM_REJECT)
			return true;
	return false;
}

int permission_check(const struct permission *permission, const struct config_smarthost *smarthost,
    struct error *error)
{
	char *from CLEANUP(memory_free_string) = NULL;

	if (smarthost->parameters.from_policy != SMARTHOST_FROM_REJECT ||
	    outgoing_from(permission->config, smarthost, &from, error) < 0)
		return 0;
	struct smarthost known = smarthost->parameters;
	known.from = from;
	return sender_check(
	    &known, &smarthost->place, permission->sender, permission->header, error);
}

int permission_filter(
    const struct permission *permission, struct route_list *list, struct error *error)
{
	struct route_list left = { .route = list->route };
	struct error first = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		if (permission_check(permission, list->smarthosts[i], error) == 0)
			left.smarthosts[left.count++] = list->smarthosts[i];
		else if (first.kind == ERROR_NONE)
			first = *error;
	}
	if (left.count == 0 && list->count != 0) {
		*error = first;
		return -1;
	}
	*list = left;
	return 0;
}
