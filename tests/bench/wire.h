/* SPDX-License-Identifier: MIT */

/*
 * wire - a long wire in user space: every octet arrives half a round trip later
 *
 * Delays, never throttles: as much as HELD octets a direction are under way.
 * As on a real wire the server sees a connection one and a half round trips
 * after connect(2) began, so its greeting is there after two.  Slow start and
 * loss are not played.
 *
 * Counts two things:
 *
 *	turns	octets reach the server after it has said something
 *		(performance.md, "Reading the round trips").  A client that
 *		sends on while replies trickle in is counted though it never
 *		waited.
 *	depth	the longest chain of flights of which each could only be sent
 *		when the one before had been answered: what the run waits for,
 *		in round trips.
 */

#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "board.h"

/*
 * Serves whoever connects to listener, which is bound already, and passes it
 * on to 127.0.0.1:port.  rtt in milliseconds.  Does not return.
 */
_Noreturn void wire_run(int listener, int port, unsigned rtt, struct board_counts *counts);

#endif
