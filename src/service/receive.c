/* SPDX-License-Identifier: MIT */

#include "service/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "message/address.h"
#include "message/body.h"
#include "message/header.h"
#include "message/received.h"
#include "policy/aliases.h"
#include "policy/complete.h"
#include "policy/prepare.h"
#include "policy/route.h"
#include "policy/sender.h"
#include "service/events.h"
#include "service/explanation.h"
#include "service/permission.h"
#include "service/queue_commands.h"
#include "service/submitter.h"
#include "smtp/server/server.h"

enum {
	BLOCK = 65536,
	DISK_PATIENCE = 60, /* seconds */
	REMARKS_LIMIT = 5,  /* lines of the log about the aliases of a message */
};

/* One session, and the message being received in it. */
struct receive {
	const struct receive_settings *settings;
	const struct stream *stream;
	struct mail_parameters parameters;
	struct envelope given;
	struct queue_attributes attributes;
	struct body body;
	struct header header;
	struct buffer wire;	/* one block in wire form */
	struct buffer progress; /* lines for the caller who wants to see them (XTRACE) */
	char id[QUEUE_ID_SIZE]; /* named in the Received field */
	bool is_lent;		/* to the caller of sendmail -bs */
	bool header_is_done;
	bool header_has_8bit; /* as it was written: From may have come with an address in UTF-8 */
	bool has_begun;	      /* the store has been begun */
	struct error fault;
	bool has_fault; /* told at the end of the content */
};

static void keep_fault(struct receive *receive, const struct error *error)
{
	if (!receive->has_fault)
		receive->fault = *error;
	receive->has_fault = true;
}

static void reset(void *context)
{
	struct receive *receive = context;

	if (receive->has_begun)
		receive->settings->store->discard(receive->settings->store->context);
	receive->has_begun = false;
	envelope_clear(&receive->given);
	header_finish(&receive->header);
	header_init(&receive->header);
	body_init(&receive->body, false);
	receive->attributes = (struct queue_attributes){ 0 };
	receive->header_is_done = false;
	receive->header_has_8bit = false;
	receive->has_fault = false;
}

/* Relayed while he waits, everybody would be the owner of what does it. */
static bool is_owner(const struct receive_settings *settings)
{
	return strcmp(settings->store->way, "direct") != 0 && settings->uid == (int64_t)geteuid();
}

/* Said to MAIL, before anybody has sent in vain. */
static bool is_admitted(const struct receive *receive, const struct mail_parameters *parameters,
    struct server_reply *reply)
{
	const struct store *store = receive->settings->store;
	struct error error;

	if (receive->settings->fault != NULL) {
		server_reply_from_error(reply, receive->settings->fault);
		return false;
	}
	if (submitter_check(receive->settings->config, receive->settings->uid,
		is_owner(receive->settings), &error) == 0 &&
	    (store->admit == NULL || store->admit(store->context,
					 parameters->has_size ? parameters->size : 0, &error) == 0))
		return true;
	events_refused(receive->settings->uid, NULL, error.text);
	server_reply_from_error(reply, &error);
	return false;
}

static void take_mail(void *context, struct span sender, const struct mail_parameters *parameters,
    struct server_reply *reply)
{
	struct receive *receive = context;
	struct error error;
	char *given CLEANUP(memory_free_string) = NULL;
	char *complete CLEANUP(memory_free_string) = NULL;

	reset(receive);
	if (!is_admitted(receive, parameters, reply))
		return;
	receive->parameters = *parameters;
	receive->attributes.received = clock_wall();
	receive->attributes.uid = receive->settings->uid;
	/* Exim's words for both. */
	snprintf(receive->attributes.entrance, sizeof receive->attributes.entrance, "%s",
	    receive->is_lent ? "local-smtp" : "local");
	snprintf(receive->attributes.full_name, sizeof receive->attributes.full_name, "%s",
	    parameters->full_name);
	if (parameters->sender_is_self) {
		complete = submitter_address(receive->settings->config, receive->settings->uid,
		    receive->attributes.full_name, sizeof receive->attributes.full_name);
	} else {
		given = span_copy(sender);
		complete = complete_address(receive->settings->config, given);
	}
	/* Completed it looks like any other, and the domain may be a whole company's. */
	receive->attributes.sender_is_local = parameters->sender_is_self ||
					      (sender.length != 0 && address_is_bare(sender));
	if (envelope_set_sender(&receive->given, span_from_string(complete), &error) < 0)
		server_reply_from_error(reply, &error);
	receive->given.return_content = parameters->return_content;
	if (parameters->envid[0] != '\0' &&
	    envelope_set_envid(&receive->given, span_from_string(parameters->envid), &error) < 0)
		server_reply_from_error(reply, &error);
}

static void take_rcpt(void *context, struct span recipient,
    const struct rcpt_parameters *parameters, struct server_reply *reply)
{
	struct receive *receive = context;
	struct error error;

	if (envelope_add_recipient(&receive->given, recipient,
		span_from_string(parameters->original), parameters->notify, &error) < 0)
		server_reply_from_error(reply, &error);
}

/* The last of the changes that depend on no smarthost. */
static void add_received(struct receive *receive)
{
	const struct received trace = {
		.by = receive->settings->config->ehlo,
		.entrance = receive->attributes.entrance,
		.queue_id = receive->id,
		.uid = receive->settings->uid,
		.wall = receive->attributes.received,
	};
	char *value CLEANUP(memory_free_string) = NULL;

	if (receive->settings->config->omits_received)
		return;
	value = received_format(&trace);
	header_prepend(&receive->header, "Received", span_from_string(value));
}

/* Whoever may be sent by none of a recipient's smarthosts is told so while he listens. */
static int check_senders(
    const struct receive *receive, const struct envelope *expanded, struct error *error)
{
	const struct config *config = receive->settings->config;
	const struct permission permission = { config, expanded->sender, &receive->header };

	if (!permission_matters(config))
		return 0;
	char *author CLEANUP(memory_free_string) = sender_author(&receive->header);
	for (size_t i = 0; i < expanded->recipient_count; i++) {
		const struct route_question question = {
			.sender = expanded->sender,
			.author = author,
			.recipient = expanded->recipients[i].address,
			.uid = receive->settings->uid,
		};
		struct route_list list;

		route_list(config, &question, &list);
		if (permission_filter(&permission, &list, error) < 0)
			return error_prefix(error, "%s: ", expanded->recipients[i].address);
	}
	return 0;
}

/* What is wrong with the aliases of this message, a few lines of it. */
static void log_step(void *context, const struct expand_step *step)
{
	size_t *lines = context;

	if (step->words == NULL || !step->is_fault)
		return;
	if (++*lines <= REMARKS_LIMIT)
		log_event(LOG_LEVEL_WARNING, "aliases: %s%s%s", step->words,
		    step->next != NULL && step->next[0] != '\0' ? "; " : "",
		    step->next != NULL ? step->next : "");
	else if (*lines == REMARKS_LIMIT + 1)
		log_event(LOG_LEVEL_WARNING, "aliases: there is more, see newaliases");
}

/* The recipients as the aliases have them, the header as it is kept. */
static int prepare(struct receive *receive, struct envelope *expanded, struct error *error)
{
	const struct config *config = receive->settings->config;
	struct aliases aliases CLEANUP(aliases_finish) = { 0 };
	size_t lines = 0;
	const struct expand_witness witness = { log_step, &lines };
	const struct prepare_question question = {
		.config = config,
		.aliases = &aliases,
		.given = &receive->given,
		.full_name = receive->attributes.full_name,
		.wall = receive->attributes.received,
		.witness = &witness,
	};

	if (aliases_load(&aliases, config, error) < 0)
		return -1;
	if (aliases.fault != NULL)
		log_event(LOG_LEVEL_WARNING, "aliases: %s", aliases.fault);
	if (prepare_message(&question, &receive->header, expanded, error) < 0)
		return -1;
	/* The owner of a list has its reports himself. */
	if (strcmp(expanded->sender, receive->given.sender) != 0)
		receive->attributes.sender_is_local = false;
	return check_senders(receive, expanded, error);
}

/* The draft is begun with the recipients. */
static int begin_store(
    struct receive *receive, const struct envelope *expanded, struct error *error)
{
	const struct store *store = receive->settings->store;

	if (store->begin(store->context, receive->id, expanded, &receive->attributes, error) < 0)
		return -1;
	receive->has_begun = true;
	return 0;
}

static int finish_header(struct receive *receive, struct error *error)
{
	const struct store *store = receive->settings->store;
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct envelope expanded CLEANUP(envelope_finish) = { 0 };

	receive->header_is_done = true;
	queue_id_generate(receive->id);
	if (prepare(receive, &expanded, error) < 0)
		return -1;
	add_received(receive);
	buffer_init(&text, 2 * HEADER_LIMIT);
	header_write(&receive->header, &text);
	if (text.has_overflowed)
		return error_set(error, ERROR_DATA, "5.6.0",
		    "the header is longer than %d bytes once its bare addresses are completed",
		    2 * HEADER_LIMIT);
	if (begin_store(receive, &expanded, error) < 0)
		return -1;
	receive->header_has_8bit = span_has_8bit(buffer_span(&text));
	store->write(store->context, buffer_span(&text));
	store->end_header(store->context);
	return 0;
}

/* Octets in wire form: to the header until its end, then to the store. */
static void pass_on(struct receive *receive, struct span wire, bool is_end)
{
	const struct store *store = receive->settings->store;
	struct span rest = wire;
	struct error error;

	if (receive->has_fault)
		return;
	if (!receive->header_is_done) {
		header_feed(&receive->header, wire, &rest);
		if (!receive->header.is_complete && is_end)
			header_end(&receive->header, &rest);
		if (!receive->header.is_complete && !receive->header.has_overflowed)
			return;
		if (finish_header(receive, &error) < 0) {
			keep_fault(receive, &error);
			return;
		}
	}
	if (rest.length != 0)
		store->write(store->context, rest);
}

static void take_content(void *context, struct span bytes)
{
	struct receive *receive = context;

	while (bytes.length != 0) {
		struct span block = span_first(bytes, BLOCK);

		buffer_clear(&receive->wire);
		(void)body_convert(&receive->body, block, &receive->wire);
		pass_on(receive, buffer_span(&receive->wire), false);
		bytes = span_after(bytes, block.length);
	}
}

/* The first field of this name on one line, for the caller to free; NULL: there is none. */
static char *find_value(const struct receive *receive, const char *name)
{
	ssize_t at = header_find(&receive->header, name, 0);

	return at >= 0 ? field_unfold(header_field(&receive->header, (size_t)at).value) : NULL;
}

/* Known to us where the sender was made of it. */
static char *find_login(const struct receive *receive)
{
	struct span sender = span_from_string(receive->given.sender);
	ssize_t at = span_find_last_byte(sender, '@');

	if (!receive->parameters.sender_is_self || at < 0)
		return NULL;
	return span_copy(span_first(sender, (size_t)at));
}

static void show_live(void *context, struct span line)
{
	server_show(context, line);
}

/*
 * The lines are given at the end, with the answer: the code of an answer is the
 * same in all its lines (RFC 5321, 4.2.1), and known with the outcome alone.
 * Who wants them as they come has them before it.
 */
static void commit(struct receive *receive, struct server_reply *reply)
{
	const struct store *store = receive->settings->store;
	struct transcript_excerpt trace CLEANUP(transcript_excerpt_finish) = { 0 };
	bool tells_subject = receive->settings->config->log_subject;
	char *message_id CLEANUP(memory_free_string) = find_value(receive, "Message-ID");
	char *subject CLEANUP(memory_free_string) = tells_subject ? find_value(receive, "Subject")
								  : NULL;
	char *login CLEANUP(memory_free_string) = find_login(receive);
	const struct store_wish wish = {
		.wait = receive->parameters.wait,
		.trace = receive->parameters.trace ? &trace : NULL,
		.message_id = message_id,
		.subject = subject,
		.login = login,
	};

	transcript_excerpt_init(&trace);
	if (receive->parameters.trace_is_live) {
		trace.live = show_live;
		trace.context = reply;
	}
	store->commit(store->context, &receive->attributes, &wish, receive->stream, reply);
	buffer_clear(&receive->progress);
	transcript_excerpt_write(&trace, &receive->progress);
	reply->progress = buffer_span(&receive->progress);
}

static void end_content(void *context, struct server_reply *reply)
{
	struct receive *receive = context;

	buffer_clear(&receive->wire);
	body_finish(&receive->body, &receive->wire);
	pass_on(receive, buffer_span(&receive->wire), true);
	if (receive->has_fault) {
		events_refused(receive->settings->uid, receive->given.sender, receive->fault.text);
		server_reply_from_error(reply, &receive->fault);
		return;
	}
	receive->attributes.has_8bit = receive->body.has_8bit || receive->header_has_8bit;
	receive->attributes.longest_line = receive->body.longest_line;
	receive->has_begun = false;
	commit(receive, reply);
}

/* XEXPLAIN, whatever message is being received meanwhile. */
static void answer_explain(
    const struct receive *receive, const struct command *command, struct server_reply *reply)
{
	const struct receive_settings *settings = receive->settings;
	bool is_self = command->mail.sender_is_self;
	char *sender CLEANUP(memory_free_string) = span_copy(command->address);
	char *recipient CLEANUP(memory_free_string) = span_copy(command->recipient);
	char *complete CLEANUP(memory_free_string) = NULL;

	if (settings->fault != NULL) {
		server_reply_from_error(reply, settings->fault);
		return;
	}
	complete = is_self ? submitter_address(settings->config, settings->uid, NULL, 0)
			   : complete_address(settings->config, sender);
	const struct explanation_question question = {
		.config = settings->config,
		.uid = settings->uid,
		.is_administrator = settings->queue == NULL || settings->queue->viewer.sees_all,
		.inquirer = command->is_online ? settings->inquirer : NULL,
		.sender = is_self ? NULL : sender,
		.complete_sender = complete,
		.recipient = recipient,
	};
	explanation_answer(&question, reply);
}

/* XQUEUE, whose answer is as good as the settings that say where the queue is. */
static void answer_queue(
    const struct receive *receive, const struct command *command, struct server_reply *reply)
{
	const struct receive_settings *settings = receive->settings;

	if (settings->fault != NULL)
		server_reply_from_error(reply, settings->fault);
	else if (settings->queue != NULL)
		queue_commands_run(settings->queue, command->argument, reply);
	else
		queue_commands_refuse(settings->config->spool, command->argument, reply);
}

static void answer_other(void *context, const struct command *command, struct server_reply *reply)
{
	const struct receive *receive = context;

	if (command->verb == COMMAND_XEXPLAIN)
		answer_explain(receive, command, reply);
	else if (command->verb == COMMAND_XQUEUE)
		answer_queue(receive, command, reply);
}

/* What is wrong from the start becomes the greeting of sendmail -bs. */
static void lend(void *context, struct server_reply *reply)
{
	struct receive *receive = context;

	if (receive->settings->fault != NULL)
		server_reply_from_error(reply, receive->settings->fault);
	receive->is_lent = true;
}

static bool is_wanted(void *context)
{
	const struct receive_settings *settings = ((const struct receive *)context)->settings;

	return settings->board != NULL && board_is_wanted(settings->board, settings->place);
}

static const struct server_handler handler = {
	.mail = take_mail,
	.rcpt = take_rcpt,
	.content = take_content,
	.end = end_content,
	.reset = reset,
	.other = answer_other,
	.plain = lend,
	.is_wanted = is_wanted,
};

/* In seconds; whoever waits for the outcome waits no longer than this, disk included. */
static uint64_t answer_limit(const struct config *config)
{
	return (uint64_t)((config->timeout + 999) / 1000 + DISK_PATIENCE);
}

void receive_run(struct stream *stream, const struct receive_settings *settings)
{
	struct receive receive = { .settings = settings, .stream = stream };
	char *banner CLEANUP(memory_free_string) = memory_format(
	    "ESMTP mailchute %s", settings->store->way);
	struct server_settings server = {
		.name = settings->config->ehlo != NULL ? settings->config->ehlo : "localhost",
		.banner = banner,
		.offered = { .is_extended = true,
		    .pipelining = true,
		    .chunking = true,
		    .eight_bit_mime = true,
		    .smtputf8 = true,
		    .dsn = true,
		    .enhanced_status_codes = true,
		    .size = true,
		    .size_limit = settings->config->max_size,
		    .mailchute = true,
		    .mailchute_limit = answer_limit(settings->config) },
		.command_timeout = 300000,
		/* As sendmail has it for programs that keep a session open. */
		.plain_timeout = 3600000,
		/* Sooner than those lose patience who find all places taken (sendmail/way.c). */
		.park_after = 10000,
		/* Sooner than those lose patience who wait for a place (admission.h). */
		.wanted_after = 5000,
		/* cron streams for hours: once the content has begun, the client sets the pace. */
		.content_timeout = CLOCK_NEVER,
		.size_rule = "submit { max_size }",
		.handler = &handler,
		.context = &receive,
	};
	struct error error;

	buffer_init(&receive.wire, 2 * BLOCK + 64);
	buffer_init(&receive.progress, BLOCK);
	header_init(&receive.header);
	if (server_run(stream, &server, &error) < 0)
		log_event(
		    LOG_LEVEL_INFO, "session uid=%lld: %s", (long long)settings->uid, error.text);
	reset(&receive);
	header_finish(&receive.header);
	envelope_finish(&receive.given);
	buffer_finish(&receive.wire);
	buffer_finish(&receive.progress);
}
