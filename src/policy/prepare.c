/* SPDX-License-Identifier: MIT */

#include "policy/prepare.h"

#include <stddef.h>

#include "policy/complete.h"

/* Fields, as Postfix and sendmail count: more is a loop. */
enum { RECEIVED_LIMIT = 100 };

static size_t count_received(const struct header *header)
{
	size_t count = 0;

	for (ssize_t at = header_find(header, "Received", 0); at >= 0;
	     at = header_find(header, "Received", (size_t)at + 1))
		count++;
	return count;
}

static int check_header(const struct header *header, struct error *error)
{
	if (header->has_overflowed)
		return error_set(
		    error, ERROR_DATA, "5.6.0", "the header is longer than %d bytes", HEADER_LIMIT);
	if (count_received(header) > RECEIVED_LIMIT)
		return error_set(error, ERROR_DATA, "5.4.6",
		    "the message has more than %d Received fields, so it runs in a loop",
		    RECEIVED_LIMIT);
	return 0;
}

int prepare_message(const struct prepare_question *question, struct header *header,
    struct envelope *expanded, struct error *error)
{
	const struct complete_submitter submitter = {
		.sender = question->given->sender,
		.full_name = question->full_name,
		.wall = question->wall,
		.aliases = question->aliases,
	};

	if (check_header(header, error) < 0)
		return -1;
	complete_header(header, question->config, &submitter);
	return expand_envelope_before(question->config, question->aliases, question->given,
	    question->witness, expanded, error);
}
