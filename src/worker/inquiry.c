/* SPDX-License-Identifier: MIT */

#include "worker/inquiry.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "smtp/client/query.h"

/* 1: *address is the next one asked for, the caller's; 0: there are no more; -1. */
static int take_address(struct channel *channel, char **address, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	CLEANUP(file_close) int descriptor = -1;

	buffer_init(&message, CHANNEL_LIMIT);
	int taken = channel_wait(channel, &message, &descriptor);
	if (taken == 0)
		return 0;
	if (taken < 0)
		return error_set(
		    error, ERROR_SOFTWARE, "4.3.0", "worker: what the service sent is no request");
	return request_decode_verify(buffer_span(&message), address, error) < 0 ? -1 : 1;
}

static int ask(
    struct session *session, const char *address, struct result *result, struct error *error)
{
	struct reply reply;

	if (query_ask(session, COMMAND_VRFY, span_from_string(address), &reply, error) ==
	    QUERY_LOST)
		return -1;
	*result = (struct result){ .kind = RESULT_VERIFIED, .code = reply.code };
	memcpy(result->status, reply.status, sizeof result->status);
	reply_line(&reply, result->text, sizeof result->text);
	return 0;
}

int inquiry_serve(struct channel *channel, struct session *session, struct error *error)
{
	for (;;) {
		CLEANUP(memory_free_string) char *address = NULL;
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		struct result result;
		int taken = take_address(channel, &address, error);

		if (taken <= 0)
			return taken;
		if (ask(session, address, &result, error) < 0)
			return -1;
		buffer_init(&message, CHANNEL_LIMIT);
		result_encode(&result, &message);
		if (channel_send(channel, buffer_span(&message), -1) < 0)
			return 0;
	}
}
