/* SPDX-License-Identifier: MIT */

/*
 * wishes - what receive processes tell and ask, and what the service does of it
 */

#ifndef SERVICE_WISHES_H
#define SERVICE_WISHES_H

#include "service/service.h"

/* From now on the service's clients are heard. */
void wishes_connect(struct service *service);

#endif
