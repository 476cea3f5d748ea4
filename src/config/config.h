/* SPDX-License-Identifier: MIT */

/*
 * config - every setting, whole and checked
 *
 * Order, the later one wins: built-in, mailchute.conf, conf.d, /run/secrets,
 * environment, the command line of mailchute.  Files are merged option by
 * option.  Nothing is silently cut, swallowed or defaulted: lint reads the raw
 * text first.
 *
 * Does not know: who uses an option.
 */

#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "smtp/smarthost.h"

/* Where a block stands, for messages. */
struct config_place {
	char *file; /* owned; a path, or "MAILCHUTE_URL" */
	int line;   /* 0 when unknown */
};

struct config_smarthost {
	struct smarthost parameters; /* without user and password unless the URL carried them */
	char *secret;		     /* section of secrets.ini; default: the title */
	struct config_place place;
};

struct config_alias {
	char *name; /* "root", or "*" */
	char **targets;
	size_t target_count;
	struct config_place place;
};

struct config_list {
	char **items;
	size_t count;
};

enum { CONFIG_VIA_LIMIT = 16 }; /* smarthosts of a route */

struct config_via {
	char *smarthost; /* its title */
	unsigned weight; /* 0 in all of a route: by their order */
};

/* Which smarthosts a message may go to; the first route that matches, in their order. */
struct config_route {
	char *title;
	struct config_list from; /* "*@example.com", an address, or a domain; none: any */
	struct config_list to;	 /* the same */
	int64_t *uids;		 /* of submitters; -1: of one that could not be looked up */
	size_t uid_count;	 /* 0: any */
	struct config_via *via;	 /* at least one */
	size_t via_count;
	unsigned rate;	     /* messages in a rate_period, at most; 0: no limit */
	int64_t rate_period; /* milliseconds */
	unsigned burst;	     /* so many of them may come at once; at least 1 */
	struct config_place place;
};

enum config_mode { CONFIG_MODE_AUTO, CONFIG_MODE_SERVICE, CONFIG_MODE_SPOOL, CONFIG_MODE_DIRECT };
enum config_wait { CONFIG_WAIT_AUTO, CONFIG_WAIT_DISK, CONFIG_WAIT_OUTCOME };

/* What protects the machine from floods; 0: without this limit. */
struct config_limits {
	unsigned sessions;	   /* at once; never 0 after config_load */
	unsigned sessions_per_uid; /* of these; never 0 either */
	uint64_t messages_per_uid; /* that wait in the queue */
	uint64_t size_per_uid;	   /* octets of them */
	uint64_t reserve;	   /* octets of the file system that stay free */
	unsigned reserve_percent;  /* of it, and of its inodes; what is less counts */
};

enum { CONFIG_SESSIONS_LIMIT = 300 };

struct config {
	struct config_list sources; /* paths that were looked at, read or missing (stamp.h) */
	char *ehlo;		    /* never NULL after config_load: FQDN, or an address literal */
	char *domain;		    /* completes bare names; never NULL after config_load */
	char *domain_source;	    /* where it stands: "/etc/mailname", for messages; as domain */
	struct config_smarthost *smarthosts;
	size_t smarthost_count; /* 0: none configured; whoever sends must say so (78) */
	struct config_route *routes;
	size_t route_count; /* 0: all go to the first smarthost */
	struct config_alias *aliases;
	size_t alias_count;
	char *aliases_file;
	char *spool; /* queue { dir } */
	enum config_mode mode;
	enum config_wait wait;
	int64_t wait_limit;	  /* milliseconds, like all times here */
	int64_t timeout;	  /* submit { timeout } */
	int64_t idle;		  /* a service on demand leaves after so long without work */
	bool keeps_to;		  /* submit { rewrite_to = false }: To and Cc keep local names */
	struct config_list users; /* who may submit: logins, numbers, "*"; none: everybody */
	uint64_t max_size;	  /* octets of a message; 0: no limit of our own */
	bool omits_received;	  /* submit { received = false }: no Received field is added */
	int64_t *retry;		  /* never empty after config_load */
	size_t retry_count;
	int64_t lifetime;
	int64_t warn;	      /* after so long the sender is told of a delay; 0: never */
	char *bounce;	      /* a name: for local senders; an address: for all; "": no reports */
	bool keeps_failed;    /* what nobody could be told of is kept in SPOOL/failed */
	int64_t failed_limit; /* for so long */
	struct config_limits limits;
	char *capture; /* a Maildir that takes every message, and none is sent; NULL: none */
	char *log_to;
	bool log_is_json; /* log { format = "json" } */
	bool log_subject; /* the Subject field is logged, too */
	char *secrets_file;
	struct config_origin *origins; /* where each setting came from (config/origins.h) */
	size_t origin_count;
	char *looked; /* what was looked at, for "no smarthost is configured" */
};

/* Paths, so that tests and MAILCHUTE_CONFIG can say otherwise.  NULL: the compiled ones. */
struct config_sources {
	const char *main_file; /* missing is no error unless it was named by MAILCHUTE_CONFIG */
	const char *secrets_file;
	const char *run_secrets; /* "/run/secrets" */
	bool ignores_environment;
};

/*
 * Reads all sources and checks every value.  -1: ERROR_CONFIG with file, line,
 * the fault and the corrected line; of several it is the first, which says so.
 * config need not be initialised.
 */
int config_load(const struct config_sources *sources, struct config *config, struct error *error);

/* Hears every fault of every file and variable, in their order. */
typedef void config_tell(void *context, const struct error *fault);

int config_load_telling(const struct config_sources *sources, struct config *config,
    config_tell *tell, void *context, struct error *error);

/* The row of an option in force; block NULL: outside of blocks.  NULL: there is none. */
struct config_origin;
const struct config_origin *config_find_origin(
    const struct config *config, const char *block, const char *title, const char *option);

/* Safe on a zeroed config; wipes secrets; zeroes. */
void config_finish(struct config *config);

/* Safe on a zeroed one; wipes secrets; zeroes. */
void config_finish_smarthost(struct config_smarthost *smarthost);

extern const struct config_limits config_default_limits;

/* By its title; NULL: there is none. */
const struct config_smarthost *config_find_smarthost(
    const struct config *config, const char *title);

/* 78 with what was looked at and the lines to write, for whoever needs a smarthost. */
int config_no_smarthost(const struct config *config, struct error *error);

#endif
