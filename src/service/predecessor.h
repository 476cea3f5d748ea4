/* SPDX-License-Identifier: MIT */

/*
 * predecessor - a service that a sendmail started makes room for one that is to stay
 *
 * It would leave by itself when nothing waits, which may be in days; whoever
 * starts a service does not know of it.
 */

#ifndef SERVICE_PREDECESSOR_H
#define SERVICE_PREDECESSOR_H

#include <stdbool.h>

/*
 * Asks the service of this spool to end, if it was started on demand, and by
 * our own uid.  False: there is none such.  It finishes what it has begun, and
 * lets go of the spool within seconds.
 */
bool predecessor_dismiss(const char *spool);

#endif
