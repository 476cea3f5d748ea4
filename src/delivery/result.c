/* SPDX-License-Identifier: MIT */

#include "delivery/result.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/utf8.h"
#include "delivery/counted.h"

enum { CODE_LIMIT = 999, BLAME_LIMIT = 9 };

static void encode_error(const struct error *error, struct buffer *message)
{
	counted_put_number(message, error->kind);
	counted_put_string(message, error->status);
	counted_put_string(message, error->text);
	counted_put_string(message, error->code);
	counted_put_string(message, error->means);
	counted_put_string(message, error->next);
}

void result_encode(const struct result *result, struct buffer *message)
{
	buffer_append_byte(message, (char)result->kind);
	switch (result->kind) {
	case RESULT_READY:
		counted_put_string(message, result->text);
		counted_put_string(message, result->security);
		counted_put_span(message, result->session);
		break;
	case RESULT_TRACE:
		counted_put_number(message, (uint64_t)result->elapsed);
		buffer_append_byte(message, result->direction);
		counted_put_string(message, result->text);
		break;
	case RESULT_RECIPIENT:
		counted_put_number(message, result->number);
		counted_put_number(message, result->recipient);
		counted_put_number(message, result->outcome);
		counted_put_number(message, (uint64_t)result->code);
		counted_put_string(message, result->status);
		counted_put_string(message, result->text);
		counted_put_number(message, result->refuses_sender);
		counted_put_number(message, (uint64_t)result->blame);
		counted_put_number(message, result->passes_dsn);
		break;
	case RESULT_VERIFIED:
		counted_put_number(message, (uint64_t)result->code);
		counted_put_string(message, result->status);
		counted_put_string(message, result->text);
		break;
	case RESULT_FACT:
		counted_put_string(message, result->fact);
		counted_put_number(message, (uint64_t)result->code);
		counted_put_string(message, result->status);
		counted_put_string(message, result->text);
		break;
	case RESULT_DONE:
		counted_put_number(message, result->number);
		break;
	case RESULT_LOST:
		counted_put_number(message, (uint64_t)result->step);
		counted_put_number(message, (uint64_t)result->code);
		encode_error(&result->error, message);
		counted_put_number(message, result->has_stumbled);
		break;
	}
}

/* The worker read hostile octets; what it hands on must not drive a terminal or end a line. */
static void take_masked(struct counted *counted, char *text, size_t size)
{
	counted_take_text(counted, text, size);
	utf8_mask(text, "");
}

/* "" or a whole enhanced status. */
static void take_status(struct counted *counted, char status[static STATUS_SIZE])
{
	char text[STATUS_SIZE];

	counted_take_text(counted, text, sizeof text);
	struct span span = span_from_string(text);
	if (span.length == 0)
		status[0] = '\0';
	else if (status_parse(span, text[0], status) != span.length)
		counted->is_wrong = true;
}

static void decode_error(struct counted *counted, struct error *error)
{
	uint64_t kind = counted_take_number(counted, ERROR_CONFIG);

	if (kind != ERROR_NONE && kind < ERROR_USAGE)
		counted->is_wrong = true;
	error->kind = (enum error_kind)kind;
	take_status(counted, error->status);
	take_masked(counted, error->text, sizeof error->text);
	take_masked(counted, error->code, sizeof error->code);
	take_masked(counted, error->means, sizeof error->means);
	take_masked(counted, error->next, sizeof error->next);
}

static void decode_reply(struct counted *counted, struct result *result)
{
	result->code = (int)counted_take_number(counted, CODE_LIMIT);
	take_status(counted, result->status);
	take_masked(counted, result->text, sizeof result->text);
}

static void decode_recipient(struct counted *counted, struct result *result)
{
	result->number = (uint32_t)counted_take_number(counted, UINT32_MAX);
	result->recipient = (uint32_t)counted_take_number(counted, UINT32_MAX);
	result->outcome = (enum result_outcome)counted_take_number(counted, RESULT_IN_DOUBT);
	decode_reply(counted, result);
	result->refuses_sender = counted_take_flag(counted);
	result->blame = (int)counted_take_number(counted, BLAME_LIMIT);
	result->passes_dsn = counted_take_flag(counted);
}

/* An empty one points nowhere. */
static void take_session(struct counted *counted, struct result *result)
{
	struct span session = counted_take_span(counted);

	if (session.length != 0)
		result->session = session;
}

static void decode_trace(struct counted *counted, struct result *result)
{
	result->elapsed = (int64_t)counted_take_number(counted, INT64_MAX);
	char direction = counted->rest.length != 0 ? counted->rest.start[0] : '\0';
	counted->rest = span_after(counted->rest, counted->rest.length != 0);
	if (direction != '<' && direction != '>' && direction != '*')
		counted->is_wrong = true;
	result->direction = direction;
	take_masked(counted, result->text, sizeof result->text);
}

static void decode(struct counted *counted, char kind, struct result *result)
{
	result->kind = (enum result_kind)(unsigned char)kind;
	switch (kind) {
	case RESULT_READY:
		take_masked(counted, result->text, sizeof result->text);
		take_masked(counted, result->security, sizeof result->security);
		take_session(counted, result);
		break;
	case RESULT_TRACE:
		decode_trace(counted, result);
		break;
	case RESULT_RECIPIENT:
		decode_recipient(counted, result);
		break;
	case RESULT_VERIFIED:
		decode_reply(counted, result);
		break;
	case RESULT_FACT:
		take_masked(counted, result->fact, sizeof result->fact);
		decode_reply(counted, result);
		break;
	case RESULT_DONE:
		result->number = (uint32_t)counted_take_number(counted, UINT32_MAX);
		break;
	case RESULT_LOST:
		result->step = (int)counted_take_number(counted, INT_MAX);
		result->code = (int)counted_take_number(counted, CODE_LIMIT);
		decode_error(counted, &result->error);
		result->has_stumbled = counted_take_flag(counted);
		break;
	default:
		counted->is_wrong = true;
	}
}

int result_decode(struct span message, struct result *result, struct error *error)
{
	struct counted counted = { span_after(message, 1), message.length == 0 };
	struct result found = { 0 };

	decode(&counted, message.length != 0 ? message.start[0] : '\0', &found);
	if (!counted_is_complete(&counted))
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "a worker's result is malformed");
	*result = found;
	return 0;
}
