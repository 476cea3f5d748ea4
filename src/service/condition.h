/* SPDX-License-Identifier: MIT */

/*
 * condition - how the service does, in one line: how much waits, which smarthosts are down
 */

#ifndef SERVICE_CONDITION_H
#define SERVICE_CONDITION_H

#include "service/service.h"

void condition_describe(const struct service *service, char text[static NOTIFY_STATUS_SIZE]);

#endif
