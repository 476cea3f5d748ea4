/* SPDX-License-Identifier: MIT */

/*
 * sandbox - a process shuts itself in
 *
 * no_new_privs, limits (no new files, no file growth, no processes, no core),
 * Landlock (no path at all, no TCP connect) where the kernel has it, then a
 * seccomp filter of the few calls that an open TLS connection needs
 * (security.md 4.7).  An unknown call is ENOSYS in release builds and kills
 * the process with MAILCHUTE_SANDBOX=kill, which CI sets.
 */

#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "base/error.h"

/* Descriptors a process may hold in there: its sockets, and queue files sent to it. */
enum { SANDBOX_DESCRIPTORS = 256 };

/* 0: shut in; 1: shut in, but this kernel has no Landlock; -1: not shut in, do not go on. */
int sandbox_enter(struct error *error);

/* The version of Landlock that this kernel offers; 0: none, or switched off. */
int sandbox_landlock_version(void);

#endif
