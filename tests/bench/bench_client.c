/* SPDX-License-Identifier: MIT */

/*
 * bench_client - what the engine does over a long wire; README.md beside it
 *
 * A sink, a wire and a driver for each run, each a process of its own; the
 * figures of all of them as the rows of a table.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"
#include "board.h"
#include "drive.h"
#include "net/listen.h"
#include "net/tls.h"
#include "sink.h"
#include "wire.h"

static const char help[] =
    "usage: bench_client [OPTION ...] [TABLE ...]\n"
    "       bench_client --proxy RTT PORT [AT]   a wire from port AT to PORT; counts at each\n"
    "                                            line of stdin\n"
    "\n"
    "tables (all without one): matrix, windows, lone, large, memory; or `one`, a single run\n"
    "  --window [N]    several transactions in flight, N at most (the smarthost's default)\n"
    "  --worker        by worker_start and delivery/request, 128 requests ahead\n"
    "  --rtt MS        this alone, not 0, 20 and 100\n"
    "  --offer O       chunking, unproven (chunking without a probe), pipelining or nothing alone\n"
    "  --tls T         clear, starttls or implicit alone\n"
    "  --messages N    1000\n"
    "  --size OCTETS   4096\n"
    "  --limit S       no message is begun after so many seconds (20)\n"
    "  --trace         the conversation on stderr\n";

static const char *const offer_names[] = {
	[BOARD_CHUNKING] = "chunking",
	[BOARD_UNPROVEN] = "unproven",
	[BOARD_PIPELINING] = "pipelining",
	[BOARD_NOTHING] = "nothing",
};
static const char *const tls_names[] = {
	[BOARD_CLEAR] = "clear",
	[BOARD_STARTTLS] = "starttls",
	[BOARD_IMPLICIT] = "implicit",
};
static const char *const way_names[] = {
	[BOARD_ONE_BY_ONE] = "one by one",
	[BOARD_WINDOW] = "window",
	[BOARD_WORKER] = "worker",
	[BOARD_COPY] = "copy",
};
enum { OFFERS = 4, TLS_KINDS = 3 };

struct bench {
	struct board *board;
	int board_fd;
	struct tls *tls;
	struct board_plan plan; /* what every run has in common */
	int rtt;		/* -1: all */
	int offer;		/* -1: all */
	int tls_kind;		/* -1: clear and STARTTLS */
	long bundle;		/* see bundle_memory; 0: not yet known */
	int faults;
};

static _Noreturn void fail(const struct error *error)
{
	fprintf(stderr, "bench: %s\n", error->text);
	exit(1);
}

static int listen_at(int port)
{
	char where[32];
	struct error error;

	snprintf(where, sizeof where, "127.0.0.1:%d", port);
	int fd = listen_tcp(where, &error);
	if (fd < 0)
		fail(&error);
	return fd;
}

static pid_t fork_or_fail(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0) {
		perror("bench: fork");
		exit(71);
	}
	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(1);
	return pid;
}

static void end_process(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static pid_t start_sink(struct bench *bench, int *port)
{
	int listener = listen_at(0);
	pid_t pid = fork_or_fail();

	*port = listen_port(listener);
	if (pid == 0)
		sink_run(listener, bench->tls, bench->board);
	file_close(&listener);
	return pid;
}

/* *port: where it shall listen, 0 for anywhere; then where it does. */
static pid_t start_wire(struct bench *bench, int to, int *port)
{
	int listener = listen_at(*port);
	pid_t pid = fork_or_fail();

	if (pid == 0)
		wire_run(listener, to, bench->board->plan.rtt, &bench->board->counts);
	*port = listen_port(listener);
	file_close(&listener);
	return pid;
}

/* This program again, so that its memory is that of a program that has just begun. */
static void run_driver(const struct bench *bench)
{
	char fd[16];
	int status = 0;
	pid_t pid = fork_or_fail();

	if (pid == 0) {
		char *arguments[] = { (char[]){ "bench_client" }, (char[]){ "--drive" }, fd, NULL };

		snprintf(fd, sizeof fd, "%d", bench->board_fd);
		execv("/proc/self/exe", arguments);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		snprintf(bench->board->figures.failure, sizeof bench->board->figures.failure,
		    "the driver ended with status %#x", (unsigned)status);
}

static void run_once(struct bench *bench, const struct board_plan *plan)
{
	struct board *board = bench->board;
	pid_t wire = 0;

	memset(board, 0, sizeof *board);
	board->plan = *plan;
	int port;
	pid_t sink = start_sink(bench, &port);
	board->plan.port = port;
	if (!plan->is_direct) {
		board->plan.port = 0;
		wire = start_wire(bench, port, &board->plan.port);
	}
	run_driver(bench);
	end_process(wire);
	end_process(sink);
	if (board->figures.failure[0] == '\0')
		return;
	bench->faults++;
	fprintf(stderr, "bench: %s\n", board->figures.failure);
}

/* What this program has in memory once it has loaded the bundle, in KiB. */
static long bundle_memory(struct bench *bench)
{
	struct board_plan plan = bench->plan;

	plan.way = BOARD_ONE_BY_ONE;
	plan.tls = BOARD_CLEAR;
	plan.messages = 0;
	plan.is_direct = true;
	if (bench->bundle == 0) {
		run_once(bench, &plan);
		bench->bundle = bench->board->figures.before;
	}
	return bench->bundle;
}

/* The figures of it stand on the board. */
static void run(struct bench *bench, const struct board_plan *plan)
{
	bool is_worker = plan->way == BOARD_WORKER;
	long bundle = is_worker ? bundle_memory(bench) : 0;

	run_once(bench, plan);
	/* A worker is shut in before it could be looked at. */
	if (is_worker)
		bench->board->figures.before = bundle;
}

static double seconds_between(const struct board_moment *from, const struct board_moment *to)
{
	return (double)(to->microseconds - from->microseconds) / 1e6;
}

static void print_run(const struct bench *bench)
{
	const struct board_plan *plan = &bench->board->plan;
	const struct board_counts *counts = &bench->board->counts;
	const struct board_figures *figures = &bench->board->figures;
	double done = figures->done;

	if (figures->done == 0) {
		printf("| %s | %s | %s | %u | 0 |\n", way_names[plan->way],
		    offer_names[plan->offer], tls_names[plan->tls], plan->rtt);
		return;
	}
	printf("| %s | %s | %s | %u | %u | %.1f | %.1f | %.3f | %.3f | %.2f | %llu | %.2f | %.2f | "
	       "%.3f | "
	       "%.2f |\n",
	    way_names[plan->way], offer_names[plan->offer], tls_names[plan->tls], plan->rtt,
	    figures->done, done / seconds_between(&figures->start, &figures->end),
	    done / seconds_between(&figures->open, &figures->end),
	    (double)(figures->end.depth - figures->open.depth) / done,
	    (double)(figures->end.turns - figures->open.turns) / done,
	    (double)figures->writes / done, (unsigned long long)counts->handshakes,
	    (double)counts->octets_up / done / 1024, (double)counts->octets_down / done / 1024,
	    (double)figures->cpu / done / 1000, (double)(figures->peak - figures->before) / 1024);
	(void)fflush(stdout);
}

static const char head[] =
    "| way | offered | TLS | RTT | messages | messages/s | without the opening | round trips | "
    "turns | writes | handshakes | KiB up | KiB down | CPU ms | MiB beyond |\n"
    "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";

static bool is_wanted(int only, int value)
{
	return only < 0 || only == value;
}

static void print_matrix(struct bench *bench)
{
	static const unsigned rtts[] = { 0, 20, 100 };
	struct board_plan plan = bench->plan;

	fputs(head, stdout);
	for (size_t r = 0; r < sizeof rtts / sizeof rtts[0]; r++)
		for (int tls = BOARD_STARTTLS; tls >= BOARD_CLEAR; tls--)
			for (int offer = BOARD_CHUNKING; offer <= BOARD_NOTHING; offer++) {
				if (!is_wanted(bench->rtt, (int)rtts[r]) ||
				    !is_wanted(bench->offer, offer) ||
				    !is_wanted(bench->tls_kind, tls))
					continue;
				plan.rtt = rtts[r];
				plan.tls = (enum board_tls)tls;
				plan.offer = (enum board_offer)offer;
				run(bench, &plan);
				print_run(bench);
			}
}

static void print_one(struct bench *bench)
{
	struct board_plan plan = bench->plan;

	plan.rtt = bench->rtt < 0 ? 0 : (unsigned)bench->rtt;
	plan.offer = bench->offer < 0 ? BOARD_CHUNKING : (enum board_offer)bench->offer;
	plan.tls = bench->tls_kind < 0 ? BOARD_STARTTLS : (enum board_tls)bench->tls_kind;
	run(bench, &plan);
	fputs(head, stdout);
	print_run(bench);
}

/* What more of them in flight bring, by the window whatever way the other tables go. */
static void print_windows(struct bench *bench)
{
	static const unsigned sizes[] = { 20, 40 };
	struct board_plan plan = bench->plan;
	const struct board_figures *figures = &bench->board->figures;

	printf("| in flight at most | RTT | messages | messages/s | without the opening | round "
	       "trips of the opening | of all messages |\n"
	       "|---:|---:|---:|---:|---:|---:|---:|\n");
	plan.way = BOARD_WINDOW;
	plan.rtt = bench->rtt < 0 ? 100 : (unsigned)bench->rtt;
	plan.offer = BOARD_CHUNKING;
	plan.tls = bench->tls_kind < 0 ? BOARD_STARTTLS : (enum board_tls)bench->tls_kind;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		plan.window = sizes[i];
		run(bench, &plan);
		printf("| %u | %u | %u | %.1f | %.1f | %llu | %llu |\n", plan.window, plan.rtt,
		    figures->done, figures->done / seconds_between(&figures->start, &figures->end),
		    figures->done / seconds_between(&figures->open, &figures->end),
		    (unsigned long long)(figures->open.depth - figures->start.depth),
		    (unsigned long long)(figures->end.depth - figures->open.depth));
		(void)fflush(stdout);
	}
}

static void print_lone_row(const char *what, const char *kind, unsigned rtt,
    const struct board_moment *from, const struct board_moment *to)
{
	double ms = seconds_between(from, to) * 1000;

	printf("| %s%s | %u | %llu | %llu | %.1f | %.2f |\n", kind, what, rtt,
	    (unsigned long long)(to->depth - from->depth),
	    (unsigned long long)(to->turns - from->turns), ms, rtt != 0 ? ms / rtt : 0);
	(void)fflush(stdout);
}

/* The first message finds nothing, the last one an open connection. */
static void print_lone(struct bench *bench)
{
	enum { MANY = 50 }; /* worth a probe */
	struct board_plan plan = bench->plan;
	const struct board_figures *figures = &bench->board->figures;

	printf("| a lone message | RTT | round trips | turns | ms | RTTs of time |\n"
	       "|---|---:|---:|---:|---:|---:|\n");
	plan.offer = bench->offer < 0 ? BOARD_CHUNKING : (enum board_offer)bench->offer;
	plan.rtt = bench->rtt < 0 ? 100 : (unsigned)bench->rtt;
	for (int tls = BOARD_STARTTLS; tls <= BOARD_IMPLICIT; tls++) {
		plan.tls = (enum board_tls)tls;
		plan.messages = 2;
		plan.together = 1;
		run(bench, &plan);
		print_lone_row(
		    " + AUTH, cold", tls_names[tls], plan.rtt, &figures->start, &figures->first);
		print_lone_row(", connection open", tls_names[tls], plan.rtt, &figures->previous,
		    &figures->end);
	}
	plan.messages = MANY + 1;
	plan.together = MANY;
	run(bench, &plan);
	print_lone_row(", open, after 50 others", tls_names[plan.tls], plan.rtt, &figures->previous,
	    &figures->end);
}

/* The best of some runs: whoever else is at work can only slow it down. */
struct best {
	double speed; /* MiB a second */
	double cpu;   /* milliseconds of the client */
};

static void measure_large(struct bench *bench, const struct board_plan *plan, struct best *best)
{
	const struct board_figures *figures = &bench->board->figures;

	run(bench, plan);
	if (figures->done == 0)
		return;
	double speed = (double)plan->size / (1 << 20) /
		       seconds_between(&figures->open, &figures->end);
	double cpu = (double)figures->cpu / 1000;
	best->speed = speed > best->speed ? speed : best->speed;
	best->cpu = best->cpu == 0 || cpu < best->cpu ? cpu : best->cpu;
}

static void print_large(struct bench *bench)
{
	enum { COPY, BDAT, DATA, KINDS, TURNS = 8 };
	static const char *const names[] = { "plain TLS copy", "BDAT", "DATA" };
	struct best best[KINDS] = { 0 };
	struct board_plan plan = bench->plan;

	plan.messages = 1;
	plan.size = UINT64_C(100) << 20;
	plan.tls = BOARD_IMPLICIT;
	plan.is_direct = true;
	for (int i = 0; i < TURNS * KINDS; i++) {
		plan.way = i % KINDS == COPY ? BOARD_COPY : bench->plan.way;
		plan.offer = i % KINDS == DATA ? BOARD_PIPELINING : BOARD_CHUNKING;
		measure_large(bench, &plan, &best[i % KINDS]);
	}
	printf("| a 100 MiB message, TLS, loopback, best of 8 | MiB/s | of the copy | CPU ms |\n"
	       "|---|---:|---:|---:|\n");
	for (int k = 0; k < KINDS; k++)
		printf("| %s | %.0f | %.0f %% | %.1f |\n", names[k], best[k].speed,
		    100 * best[k].speed / best[COPY].speed, best[k].cpu);
}

static void print_memory(struct bench *bench)
{
	static const struct {
		uint32_t messages;
		uint64_t size;
	} rows[] = {
		{ 1, 4096 },
		{ 10, 4096 },
		{ 100, 4096 },
		{ 1000, 4096 },
		{ 10000, 4096 },
		{ 20, UINT64_C(1) << 20 },
		{ 3, UINT64_C(20) << 20 },
		{ 1, UINT64_C(100) << 20 },
	};
	struct board_plan plan = bench->plan;
	const struct board_figures *figures = &bench->board->figures;

	printf("| messages | KiB each | MiB with the bundle loaded | MiB at the most | beyond |\n"
	       "|---:|---:|---:|---:|---:|\n");
	plan.tls = bench->tls_kind < 0 ? BOARD_STARTTLS : (enum board_tls)bench->tls_kind;
	plan.offer = bench->offer < 0 ? BOARD_CHUNKING : (enum board_offer)bench->offer;
	plan.is_direct = true;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		plan.messages = rows[i].messages;
		plan.size = rows[i].size;
		run(bench, &plan);
		printf("| %u | %llu | %.2f | %.2f | %.2f |\n", figures->done,
		    (unsigned long long)plan.size / 1024, (double)figures->before / 1024,
		    (double)figures->peak / 1024, (double)(figures->peak - figures->before) / 1024);
		(void)fflush(stdout);
	}
}

static const struct {
	const char *name;
	void (*print)(struct bench *bench);
	bool is_of_all;
} tables[] = {
	{ "matrix", print_matrix, true },
	{ "windows", print_windows, true },
	{ "lone", print_lone, true },
	{ "large", print_large, true },
	{ "memory", print_memory, true },
	{ "one", print_one, false },
};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* The system's bundle and the sink's own certificate, as one file. */
static void make_bundle(struct bench *bench)
{
	char bundle[] = "/tmp/bench.bundle.XXXXXX";
	char own[] = "/tmp/bench.own.XXXXXX";
	const char *system = getenv("SSL_CERT_FILE");
	struct buffer text;
	struct error error;
	int bundle_fd = mkstemp(bundle);
	int own_fd = mkstemp(own);

	buffer_init(&text, 8 << 20);
	bench->tls = tls_server_new_self_signed("127.0.0.1", &error);
	if (bench->tls == NULL || tls_write_certificate(bench->tls, own, &error) < 0)
		fail(&error);
	if (file_read_whole(own, &text, &error) < 0)
		fail(&error);
	if (file_read_whole(
		system != NULL ? system : "/etc/ssl/certs/ca-certificates.crt", &text, &error) < 0)
		fprintf(stderr, "bench: no system bundle, so memory is measured without: %s\n",
		    error.text);
	if (file_write_all(bundle_fd, buffer_span(&text)) < 0)
		perror("bench: bundle");
	(void)unlink(own);
	(void)close(own_fd);
	(void)close(bundle_fd);
	buffer_finish(&text);
	text_copy(bench->plan.ca_file, sizeof bench->plan.ca_file, bundle);
}

static _Noreturn void misuse(void)
{
	fputs(help, stderr);
	exit(64);
}

static int find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	misuse();
}

static long number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || number < 0)
		misuse();
	return number;
}

/* Options with a value; false when name is none of them. */
static bool set_option(struct bench *bench, const char *name, const char *value)
{
	static const char *const names[] = { "--rtt", "--offer", "--tls", "--messages", "--size",
		"--limit" };
	size_t which = 0;

	while (which < sizeof names / sizeof names[0] && strcmp(names[which], name) != 0)
		which++;
	if (which == sizeof names / sizeof names[0])
		return false;
	if (value == NULL)
		misuse();
	switch (which) {
	case 0:
		bench->rtt = (int)number_of(value);
		break;
	case 1:
		bench->offer = find_name(offer_names, OFFERS, value);
		break;
	case 2:
		bench->tls_kind = find_name(tls_names, TLS_KINDS, value);
		break;
	case 3:
		bench->plan.messages = (uint32_t)number_of(value);
		break;
	case 4:
		bench->plan.size = (uint64_t)number_of(value);
		break;
	default:
		bench->plan.limit = number_of(value) * 1000;
	}
	return true;
}

/* Returns the index of the first table's name. */
static int read_options(struct bench *bench, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (set_option(bench, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
			i++;
		} else if (strcmp(argv[i], "--worker") == 0) {
			bench->plan.way = BOARD_WORKER;
		} else if (strcmp(argv[i], "--window") == 0) {
			bench->plan.way = BOARD_WINDOW;
			if (i + 1 < argc && argv[i + 1][0] >= '0' && argv[i + 1][0] <= '9')
				bench->plan.window = (unsigned)number_of(argv[++i]);
		} else if (strcmp(argv[i], "--trace") == 0) {
			bench->plan.trace = 't';
		} else {
			misuse();
		}
	}
	return i;
}

static void run_table(struct bench *bench, const char *name)
{
	for (size_t i = 0; i < TABLES; i++) {
		if (name != NULL ? strcmp(tables[i].name, name) != 0 : !tables[i].is_of_all)
			continue;
		tables[i].print(bench);
		putchar('\n');
		if (name != NULL)
			return;
	}
	if (name != NULL)
		misuse();
}

/* For other programs, drain among them. */
static int run_proxy(const char *rtt, const char *to, const char *at)
{
	int fd;
	struct bench bench = { .board = board_new(&fd) };
	int where = (int)number_of(at);
	char line[16];

	bench.board->plan.rtt = (unsigned)number_of(rtt);
	pid_t wire = start_wire(&bench, (int)number_of(to), &where);
	printf("listening on 127.0.0.1:%d\n", where);
	do {
		const struct board_counts *counts = &bench.board->counts;

		printf("connections %llu turns %llu depth %llu up %llu down %llu\n",
		    (unsigned long long)counts->connections, (unsigned long long)counts->turns,
		    (unsigned long long)counts->depth, (unsigned long long)counts->octets_up,
		    (unsigned long long)counts->octets_down);
		(void)fflush(stdout);
	} while (fgets(line, sizeof line, stdin) != NULL);
	end_process(wire);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = {
		.plan = { .messages = 1000, .size = 4096, .limit = 20000 },
		.rtt = -1,
		.offer = -1,
		.tls_kind = -1,
	};

	if (argc == 3 && strcmp(argv[1], "--drive") == 0) {
		drive_run(board_of((int)number_of(argv[2])));
		return 0;
	}
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "--proxy") == 0)
		return run_proxy(argv[2], argv[3], argc == 5 ? argv[4] : "0");
	int first = read_options(&bench, argc, argv);
	bench.board = board_new(&bench.board_fd);
	make_bundle(&bench);
	if (first == argc)
		run_table(&bench, NULL);
	for (int i = first; i < argc; i++)
		run_table(&bench, argv[i]);
	(void)unlink(bench.plan.ca_file);
	tls_free(bench.tls);
	return bench.faults == 0 ? 0 : 1;
}
