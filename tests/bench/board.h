/* SPDX-License-Identifier: MIT */

/*
 * board - what the processes of one run tell each other, in shared memory
 *
 * The bench writes the plan and starts a sink, a wire (a proxy that adds
 * latency) and the driver, which is this program again by execve, so that its
 * memory is its own.  Each writes its part; nobody writes another's.
 */

#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum board_offer {
	BOARD_CHUNKING,
	BOARD_UNPROVEN, /* the same, but the probe is not made */
	BOARD_PIPELINING,
	BOARD_NOTHING,
};
enum board_tls { BOARD_CLEAR, BOARD_STARTTLS, BOARD_IMPLICIT };
enum board_way { BOARD_ONE_BY_ONE, BOARD_WINDOW, BOARD_WORKER, BOARD_COPY };

struct board_plan {
	enum board_offer offer;
	enum board_tls tls;
	enum board_way way;
	unsigned rtt; /* milliseconds */
	unsigned window;
	uint32_t messages;
	uint64_t size;	   /* octets of a message */
	int64_t limit;	   /* milliseconds after which no further message is begun */
	int port;	   /* where the driver connects */
	uint32_t together; /* so many at once, then each when the one before is done; 0: all */
	bool is_direct;	   /* without a wire: nothing is counted on the way */
	char ca_file[256]; /* the system's bundle with the sink's own certificate */
	char trace;	   /* '\0', or the conversation goes to stderr */
};

/* What the wire and the sink have seen so far. */
struct board_counts {
	_Atomic uint64_t connections;
	_Atomic uint64_t turns; /* octets reached the sink after it had said something */
	_Atomic uint64_t depth; /* the longest chain of flights, each caused by the one before */
	_Atomic uint64_t octets_up;
	_Atomic uint64_t octets_down;
	_Atomic uint64_t handshakes;
	_Atomic uint64_t messages;
	_Atomic uint64_t content;
};

struct board_moment {
	uint64_t turns;
	uint64_t depth;
	int64_t microseconds;
};

struct board_figures {
	uint32_t done; /* messages that were taken */
	struct board_moment start;
	struct board_moment open;  /* the session stands */
	struct board_moment first; /* the first message is taken */
	struct board_moment previous;
	struct board_moment end; /* the last one is, and the one before it was */
	uint64_t cpu;		 /* microseconds of the driver, from start to end */
	long before;		 /* KiB: VmHWM with the CA bundle just loaded */
	long peak;		 /* KiB: VmHWM at the end */
	uint64_t writes;	 /* flights that reached the kernel */
	char failure[700];	 /* "": none */
};

struct board {
	struct board_plan plan;
	struct board_counts counts;
	struct board_figures figures;
};

/* A new one, its descriptor in *fd (inherited by execve); ends the program when it cannot. */
struct board *board_new(int *fd);
/* The one behind a descriptor. */
struct board *board_of(int fd);

/* What stands there now. */
struct board_moment board_look(const struct board *board);

int64_t board_microseconds(void); /* CLOCK_MONOTONIC */

#endif
