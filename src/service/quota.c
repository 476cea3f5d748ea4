/* SPDX-License-Identifier: MIT */

#include "service/quota.h"

#include <stdio.h>

#include "base/text.h"

enum { NAME_SIZE = 32 };

static void name_user(int64_t uid, char name[static NAME_SIZE])
{
	if (uid >= 0)
		snprintf(name, NAME_SIZE, "uid %lld", (long long)uid);
	else
		snprintf(name, NAME_SIZE, "users of unknown uid");
}

static int say_how(const char *option, struct error *error)
{
	return error_next(
	    error, "mailq shows what waits; limits { %s } in mailchute.conf allows more", option);
}

static int refuse_messages(const struct config_limits *limits, const struct usage_figures *waiting,
    int64_t uid, struct error *error)
{
	char name[NAME_SIZE];

	name_user(uid, name);
	error_set(error, ERROR_UNAVAILABLE, "4.2.2",
	    "too many messages of %s wait in the queue: %llu, and %llu may", name,
	    (unsigned long long)waiting->messages, (unsigned long long)limits->messages_per_uid);
	return say_how("messages_per_uid", error);
}

static int refuse_octets(const struct config_limits *limits, const struct usage_figures *waiting,
    int64_t uid, uint64_t octets, struct error *error)
{
	char name[NAME_SIZE];
	char present[TEXT_SIZE_SIZE];
	char limit[TEXT_SIZE_SIZE];
	char message[TEXT_SIZE_SIZE];

	name_user(uid, name);
	text_size(waiting->octets, present);
	text_size(limits->size_per_uid, limit);
	text_size(octets, message);
	error_set(error, ERROR_UNAVAILABLE, "4.2.2",
	    "too much mail of %s waits in the queue: %s in %llu message%s%s%s, and %s may", name,
	    present, (unsigned long long)waiting->messages, waiting->messages == 1 ? "" : "s",
	    octets != 0 ? ", and this one has " : "", octets != 0 ? message : "", limit);
	return say_how("size_per_uid", error);
}

int quota_check(const struct config_limits *limits, const struct usage_figures *waiting,
    int64_t uid, uint64_t octets, struct error *error)
{
	if (waiting->messages == 0)
		return 0;
	if (limits->messages_per_uid != 0 && waiting->messages >= limits->messages_per_uid)
		return refuse_messages(limits, waiting, uid, error);
	/* What is not known yet is an octet at least. */
	if (limits->size_per_uid != 0 && (waiting->octets >= limits->size_per_uid ||
					     octets > limits->size_per_uid - waiting->octets))
		return refuse_octets(limits, waiting, uid, octets, error);
	return 0;
}
