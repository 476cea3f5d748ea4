/* SPDX-License-Identifier: MIT */

/*
 * service - what the loop and those who work for it share
 *
 * serve.c runs it; setup reads the settings and takes the spool, entrance
 * lets clients in, wishes are what receive processes tell, leaving says when
 * a service on demand is no longer needed.
 */

#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "service/admission.h"
#include "service/clients.h"
#include "service/flushes.h"
#include "service/listeners.h"
#include "service/notify.h"
#include "service/runner.h"
#include "service/serve.h"
#include "spool/spool.h"
#include "worker/worker.h"

struct service {
	const struct serve_options *options;
	struct worker_parent parent;
	struct config config;
	char way[40];	       /* in the greeting: "service 0123456789abcdef" */
	bool is_configured;    /* the configuration could be read, the spool is ours */
	struct error fault;    /* why not */
	bool has_old_settings; /* those of the last reload could not be used */
	bool wants_look;       /* somebody has mail tried now: are the settings still the same? */
	uint64_t stamp;	       /* of the files of the settings (config/stamp.h) */
	int64_t looked_at;     /* clock_monotonic: then they were looked at for that */
	struct spool spool;
	struct runner runner;
	struct clients clients;
	struct admission admission;
	unsigned turned_away; /* clients that the log does not tell of yet */
	int64_t told_at;      /* clock_monotonic: then it last did */
	struct flushes flushes;
	struct listeners listeners;
	struct notify notify;
	int signals;
	int status; /* to exit with */
	bool is_ending;
	int64_t idle_since; /* clock_monotonic */
};

/* To the log; words stand before it. */
void service_log_error(const char *words, const struct error *error);

#endif
