/* SPDX-License-Identifier: MIT */

/*
 * sink_look - mailchute sink list, show, follow: what was caught or captured
 */

#ifndef ADMIN_SINK_LOOK_H
#define ADMIN_SINK_LOOK_H

/* argv[0] is the verb.  Returns an exit status. */
int sink_look_run(int argc, char **argv);

#endif
