/* SPDX-License-Identifier: MIT */

/*
 * commands - mailchute: the service and the administrator's commands, one file each
 */

#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

/* The whole program.  Returns its exit status. */
int commands_run(int argc, char **argv);

#endif
