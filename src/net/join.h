/* SPDX-License-Identifier: MIT */

/*
 * join - two connections become one: octets go both ways until the end
 */

#ifndef NET_JOIN_H
#define NET_JOIN_H

/*
 * Copies what comes from near_input to far, and what comes from far to
 * near_output, until far has ended, or nobody is at near any more.  The end of
 * near_input is passed on.  The descriptors stay the caller's, and may be
 * non-blocking.  0, or -1 with errno set.
 */
int join_run(int near_input, int near_output, int far);

#endif
