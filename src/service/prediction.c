/* SPDX-License-Identifier: MIT */

#include "service/prediction.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "policy/aliases.h"
#include "policy/prepare.h"
#include "policy/sender.h"
#include "service/outgoing.h"
#include "service/permission.h"
#include "service/submitter.h"

static int check_size(const struct prediction_question *question, struct error *error)
{
	uint64_t limit = question->config->max_size;
	char is[TEXT_SIZE_SIZE];
	char most[TEXT_SIZE_SIZE];

	if (limit == 0 || question->octets <= limit)
		return 0;
	text_size(question->octets, is);
	text_size(limit, most);
	error_set(error, ERROR_DATA, "5.3.4",
	    "message is %s, and submit { max_size } allows %s (SIZE %llu)", is, most,
	    (unsigned long long)limit);
	return error_code(error, "MC-SIZE-12");
}

static void copy_header(const struct header *header, struct header *copy)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct span body;

	buffer_init(&text, SIZE_MAX / 2);
	header_write(header, &text);
	header_init(copy);
	header_feed(copy, buffer_span(&text), &body);
	if (!copy->is_complete)
		header_end(copy, &body);
	copy->has_overflowed = header->has_overflowed;
}

static int prepare(
    struct prediction *prediction, const struct prediction_question *question, struct error *error)
{
	struct aliases aliases CLEANUP(aliases_finish) = { 0 };
	const struct prepare_question asked = {
		.config = question->config,
		.aliases = &aliases,
		.given = question->given,
		.full_name = question->full_name,
		.wall = question->wall,
	};

	copy_header(question->header, &prediction->header);
	if (aliases_load(&aliases, question->config, error) < 0)
		return -1;
	return prepare_message(&asked, &prediction->header, &prediction->expanded, error);
}

/* The leg of this smarthost, perhaps a new one. */
static struct prediction_leg *find_leg(struct prediction *prediction, const struct route_list *list)
{
	for (size_t i = 0; i < prediction->count; i++)
		if (prediction->legs[i].list.smarthosts[0] == list->smarthosts[0])
			return &prediction->legs[i];
	struct prediction_leg *leg = &prediction->legs[prediction->count++];
	leg->list = *list;
	return leg;
}

static int add_recipient(struct prediction *prediction, const struct prediction_question *question,
    const char *author, size_t index, struct error *error)
{
	const struct recipient *recipient = &prediction->expanded.recipients[index];
	const struct route_question asked = {
		.sender = prediction->expanded.sender,
		.author = author,
		.recipient = recipient->address,
		.uid = question->uid,
	};
	const struct permission permission = {
		.config = question->config,
		.sender = prediction->expanded.sender,
		.header = &prediction->header,
	};
	const char *original = recipient->original != NULL ? recipient->original : "";
	struct route_list list;

	route_list(question->config, &asked, &list);
	if (list.count == 0)
		return config_no_smarthost(question->config, error);
	if (permission_filter(&permission, &list, error) < 0)
		return error_prefix(error, "%s: ", recipient->address);
	struct prediction_leg *leg = find_leg(prediction, &list);
	return envelope_add_recipient(&leg->attempt.envelope, span_from_string(recipient->address),
		   span_from_string(original), recipient->notify, error) < 0
		   ? -1
		   : 0;
}

/* Sender and header as this smarthost would have them. */
static int finish_leg(struct prediction *prediction, struct prediction_leg *leg,
    const struct prediction_question *question, struct error *error)
{
	const struct config_smarthost *smarthost = leg->list.smarthosts[0];
	const char *sender = prediction->expanded.sender;
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, 2 * HEADER_LIMIT);
	header_write(&prediction->header, &text);
	if (text.has_overflowed)
		return error_set(error, ERROR_DATA, "5.6.0",
		    "the header is longer than %d bytes once its bare addresses are completed",
		    2 * HEADER_LIMIT);
	if (outgoing_known(question->config, smarthost, &leg->known, &leg->fault) < 0)
		smarthost_copy(&smarthost->parameters, &leg->known);
	return outgoing_message_as(&leg->known, sender, buffer_span(&text), &leg->attempt, error);
}

int prediction_make(
    struct prediction *prediction, const struct prediction_question *question, struct error *error)
{
	struct prediction made CLEANUP(prediction_finish) = { 0 };

	if (submitter_check(question->config, question->uid, question->is_owner, error) < 0 ||
	    check_size(question, error) < 0 || prepare(&made, question, error) < 0)
		return -1;
	char *author CLEANUP(memory_free_string) = sender_author(&made.header);
	made.legs = memory_allocate((question->config->smarthost_count + 1) * sizeof *made.legs);
	for (size_t i = 0; i < made.expanded.recipient_count; i++)
		if (add_recipient(&made, question, author, i, error) < 0)
			return -1;
	for (size_t i = 0; i < made.count; i++)
		if (finish_leg(&made, &made.legs[i], question, error) < 0)
			return -1;
	*prediction = made;
	made = (struct prediction){ 0 };
	return 0;
}

void prediction_finish(struct prediction *prediction)
{
	for (size_t i = 0; i < prediction->count; i++) {
		request_finish_attempt(&prediction->legs[i].attempt);
		smarthost_finish(&prediction->legs[i].known);
	}
	free(prediction->legs);
	header_finish(&prediction->header);
	envelope_finish(&prediction->expanded);
	*prediction = (struct prediction){ 0 };
}
