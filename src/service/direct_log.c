/* SPDX-License-Identifier: MIT */

#include "service/direct_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "service/events.h"

void direct_log_init(struct direct_log *log, const char *id, const struct envelope *envelope,
    const struct queue_attributes *attributes)
{
	*log = (struct direct_log){
		.id = id,
		.envelope = envelope,
		.attributes = attributes,
		.times = { .opened = clock_monotonic() },
		.is_told = memory_allocate(envelope->recipient_count * sizeof(bool)),
	};
}

void direct_log_finish(struct direct_log *log)
{
	relay_finish(&log->relay);
	free(log->is_told);
	*log = (struct direct_log){ 0 };
}

void direct_log_received(const struct direct_log *log, const struct store_wish *wish, uint64_t size)
{
	const struct event_message message = {
		.id = log->id,
		.uid = log->attributes->uid,
		.login = wish->login,
		.entrance = log->attributes->entrance,
		.message_id = wish->message_id,
		.sender = log->envelope->sender,
		.size = size,
		.recipient_count = log->envelope->recipient_count,
		.subject = wish->subject,
	};

	events_received(&message);
}

void direct_log_open(struct direct_log *log, const char *smarthost, const char *name)
{
	int64_t now = clock_monotonic();

	relay_finish(&log->relay);
	log->smarthost = smarthost;
	log->relay.name = memory_copy_string(name);
	log->relay.opened = now;
	log->times.assigned = now;
	log->times.sent = 0;
}

void direct_log_ready(struct direct_log *log, const struct result *ready)
{
	relay_connected(&log->relay, ready->text, ready->security, clock_monotonic());
	events_connected(log->smarthost, ready->text, ready->security);
}

void direct_log_sent(struct direct_log *log)
{
	log->times.sent = clock_monotonic();
}

static struct event_delivery describe(const struct direct_log *log, size_t index)
{
	const struct recipient *recipient = &log->envelope->recipients[index];
	struct event_delivery delivery = {
		.id = log->id,
		.uid = log->attributes->uid,
		.sender = log->envelope->sender,
		.recipient = recipient->address,
		.original = recipient->original,
		.smarthost = log->smarthost,
		.relay = log->relay.name,
		.security = log->relay.security,
	};

	relay_delays(&log->relay, &log->times, clock_wall() - log->attributes->received,
	    clock_monotonic(), &delivery.delays);
	return delivery;
}

void direct_log_result(struct direct_log *log, const char *address, const struct result *result)
{
	size_t index = 0;

	while (strcmp(log->envelope->recipients[index].address, address) != 0)
		if (++index == log->envelope->recipient_count)
			return;
	struct event_delivery delivery = describe(log, index);
	delivery.status = result->status;
	delivery.code = result->code;
	delivery.reply = result->text;
	log->is_told[index] = true;
	if (result->outcome == RESULT_DELIVERED && log->is_captured)
		events_captured(&delivery);
	else if (result->outcome == RESULT_DELIVERED)
		events_sent(&delivery);
	else if (result->outcome == RESULT_IN_DOUBT)
		events_in_doubt(&delivery);
	else
		events_bounced(&delivery);
}

void direct_log_rest(struct direct_log *log, const struct error *why, bool in_doubt)
{
	for (size_t i = 0; i < log->envelope->recipient_count; i++) {
		if (log->is_told[i])
			continue;
		struct event_delivery delivery = describe(log, i);
		delivery.status = why->status[0] != '\0' ? why->status : "4.4.1";
		delivery.reply = why->text;
		log->is_told[i] = true;
		if (in_doubt)
			events_in_doubt(&delivery);
		else
			events_bounced(&delivery);
	}
}
