/* SPDX-License-Identifier: MIT */

/*
 * queue_verbs - mailchute queue show, retry, hold, release, remove, flush
 */

#ifndef ADMIN_QUEUE_VERBS_H
#define ADMIN_QUEUE_VERBS_H

/* argv[0] is the verb, or "--help".  Returns an exit status. */
int queue_verbs_run(int argc, char **argv);

#endif
