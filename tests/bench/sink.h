/* SPDX-License-Identifier: MIT */

/*
 * sink - smtp/server with a choice of extensions; keeps nothing
 */

#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "board.h"
#include "net/tls.h"

/*
 * Serves one client after the other, each in a child of its own.  tls may be
 * NULL.  With BOARD_COPY as the way it takes octets until they end, and
 * answers with one.  Does not return.
 */
_Noreturn void sink_run(int listener, struct tls *tls, struct board *board);

#endif
