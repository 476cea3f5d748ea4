/* SPDX-License-Identifier: MIT */

#include "service/direct.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "config/secrets.h"
#include "delivery/result.h"
#include "message/header.h"
#include "policy/sender.h"
#include "service/capture.h"
#include "service/direct_log.h"
#include "service/events.h"
#include "service/legs.h"
#include "service/outgoing.h"
#include "service/signs.h"
#include "service/whereabouts.h"
#include "smtp/client/transcript.h"
#include "spool/spool.h"

enum {
	TRACE_LIMIT = 2000,  /* lines that a worker tells of */
	END_PATIENCE = 1000, /* milliseconds, for a worker that is ended */
};

static void discard(void *context)
{
	struct direct_store *store = context;

	file_close(&store->fd);
	envelope_finish(&store->envelope);
	free(store->writer);
	store->writer = NULL;
	store->header_length = 0;
}

void direct_store_finish(struct direct_store *store)
{
	discard(store);
	stumbles_finish(&store->stumbles);
}

static int begin(void *context, const char *id, const struct envelope *envelope,
    const struct queue_attributes *attributes, struct error *error)
{
	struct direct_store *store = context;

	(void)attributes;
	discard(store);
	text_copy(store->id, sizeof store->id, id);
	store->fd = memfd_create("message", MFD_CLOEXEC);
	if (store->fd < 0)
		return error_system(error, "cannot hold the message in memory");
	envelope_copy(envelope, &store->envelope);
	store->writer = memory_allocate(sizeof *store->writer);
	writer_init(store->writer, store->fd);
	return 0;
}

static void write_bytes(void *context, struct span bytes)
{
	struct direct_store *store = context;

	writer_append(store->writer, bytes);
}

static void end_header(void *context)
{
	struct direct_store *store = context;

	store->header_length = store->writer->total;
}

/* What the workers have said so far. */
struct answers {
	size_t count; /* recipients with a result */
	size_t delivered;
	size_t in_doubt;
	size_t doubted_before; /* by other legs */
	char relay[RESULT_TEXT_SIZE];
	char words[RESULT_TEXT_SIZE]; /* the smarthost's, about a delivered one */
	struct error first;	      /* the first failure */
	char not_sent[300];	      /* addresses */
	char sent[300];
	struct transcript_excerpt *trace; /* borrowed; NULL: nobody asked */
	struct direct_log *log;		  /* borrowed */
	bool is_ready;			  /* the session stands */
	bool is_over;
	bool has_stumbled;	/* over commands sent ahead of its replies */
	bool may_be_replaced;	/* the sender, by from_policy */
	size_t refused_senders; /* recipients whose result is about him */
};

static void add_name(char *names, size_t size, const char *address)
{
	if (names[0] != '\0')
		text_append(names, size, ", ");
	text_append(names, size, address);
}

/* The line has the advice in it. */
static void note_failure(struct error *error, const struct result *result)
{
	error_read_line(result->text, error);
	error->kind = error_kind_from_status(result->status);
	text_copy(error->status, sizeof error->status, result->status);
}

static void note_result(
    struct answers *answers, const struct envelope *envelope, const struct result *result)
{
	if (result->recipient >= envelope->recipient_count)
		return;
	const char *address = envelope->recipients[result->recipient].address;
	bool is_delivered = result->outcome == RESULT_DELIVERED;

	/* What is not the last word is told as something else. */
	bool is_of_sender = signs_are_of_sender(result);
	if (!is_of_sender || !answers->may_be_replaced)
		direct_log_result(answers->log, address, result);
	answers->refused_senders += is_of_sender;
	answers->count++;
	answers->delivered += is_delivered;
	answers->in_doubt += result->outcome == RESULT_IN_DOUBT;
	add_name(is_delivered ? answers->sent : answers->not_sent, sizeof answers->sent, address);
	if (is_delivered)
		text_copy(answers->words, sizeof answers->words, result->text);
	else if (answers->first.kind == ERROR_NONE)
		note_failure(&answers->first, result);
}

static void note_line(struct answers *answers, const struct result *result)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	if (answers->trace == NULL)
		return;
	buffer_init(&line, sizeof result->text);
	transcript_write(&line, result->elapsed, result->direction, span_from_string(result->text));
	transcript_excerpt_add(answers->trace, buffer_span(&line));
}

static void apply(
    struct answers *answers, const struct envelope *envelope, const struct result *result)
{
	switch (result->kind) {
	case RESULT_TRACE:
		note_line(answers, result);
		break;
	case RESULT_READY:
		text_copy(answers->relay, sizeof answers->relay, result->text);
		direct_log_ready(answers->log, result);
		answers->is_ready = true;
		break;
	case RESULT_RECIPIENT:
		note_result(answers, envelope, result);
		break;
	case RESULT_VERIFIED:
	case RESULT_FACT: /* nobody asked */
		break;
	case RESULT_DONE:
		/* What is in doubt comes of a lost connection, which is told of next. */
		answers->is_over = answers->in_doubt == answers->doubted_before;
		break;
	case RESULT_LOST:
		if (answers->first.kind == ERROR_NONE)
			answers->first = result->error;
		answers->has_stumbled = result->has_stumbled;
		answers->is_over = true;
		break;
	}
}

static int take_results(struct channel *channel, const struct envelope *envelope,
    struct answers *answers, struct error *error)
{
	for (;;) {
		struct buffer message CLEANUP(buffer_finish) = { 0 };
		struct result result;
		int descriptor = -1;

		buffer_init(&message, CHANNEL_LIMIT);
		int outcome = channel_take(channel, &message, &descriptor);
		if (outcome < 0)
			return error_set(
			    error, ERROR_SOFTWARE, "4.3.0", "the delivery worker is at fault");
		if (outcome == 0 || answers->is_over)
			return 0;
		if (result_decode(buffer_span(&message), &result, error) < 0)
			return -1;
		apply(answers, envelope, &result);
	}
}

/* One message on its way to one smarthost: what the worker is told, and what it has answered. */
struct errand {
	struct channel channel;
	struct envelope envelope;   /* of the leg's recipients */
	struct request_relay relay; /* holds the password */
	struct buffer attempt;	    /* sent when the session stands: before, nobody reads it */
	bool is_sent;
	struct answers before; /* the other legs' */
	struct answers answers;
	struct request_attempt request; /* what attempt holds */
	char *from;			/* who may take the sender's place; NULL: nobody */
	bool is_replaced;		/* he has */
};

static void errand_finish(struct errand *errand)
{
	request_finish_relay(&errand->relay);
	request_finish_attempt(&errand->request);
	free(errand->from);
	envelope_finish(&errand->envelope);
	buffer_finish(&errand->attempt);
	channel_finish(&errand->channel);
}

static int read_header(const struct direct_store *store, struct buffer *header, struct error *error)
{
	char *room = buffer_reserve(header, store->header_length);

	if (room == NULL || file_read_full_at(store->fd, room, store->header_length, 0) !=
				(ssize_t)store->header_length)
		return error_set(
		    error, ERROR_SOFTWARE, "4.3.0", "the message in memory is not whole");
	buffer_extend(header, store->header_length);
	return 0;
}

/* known: who the smarthost knows us as. */
static int make_attempt(const struct direct_store *store, const struct queue_attributes *attributes,
    const struct smarthost *known, const struct envelope *envelope, struct request_attempt *attempt,
    struct error *error)
{
	struct buffer header CLEANUP(buffer_finish) = { 0 };
	const char *sender = store->envelope.sender;

	attempt->body_offset = store->header_length;
	attempt->body_length = store->writer->total - store->header_length;
	attempt->has_8bit = attributes->has_8bit;
	attempt->longest_line = attributes->longest_line;
	envelope_copy(envelope, &attempt->envelope);
	buffer_init(&header, 2 * HEADER_LIMIT);
	if (read_header(store, &header, error) < 0)
		return -1;
	return outgoing_message_as(known, sender, buffer_span(&header), attempt, error);
}

/* Of what is sent something would change, if from took the sender's place. */
static bool may_be_replaced(const struct smarthost *known, const struct request_attempt *request)
{
	if (known->from_policy != SMARTHOST_FROM_AUTO || known->from == NULL ||
	    request->envelope.sender[0] == '\0')
		return false;
	char *identity CLEANUP(memory_free_string) = outgoing_identity(request);
	return strcmp(identity, known->from) != 0;
}

static int encode(struct errand *errand, struct error *error)
{
	buffer_finish(&errand->attempt);
	buffer_init(&errand->attempt, CHANNEL_LIMIT);
	request_encode_attempt(&errand->request, &errand->attempt);
	if (errand->attempt.has_overflowed)
		return error_set(error, ERROR_DATA, "5.3.4", "the header is too long to be sent");
	return 0;
}

static int prepare(const struct direct_store *store, const struct queue_attributes *attributes,
    const struct config_smarthost *smarthost, struct errand *errand, struct error *error)
{
	struct smarthost known CLEANUP(smarthost_finish) = { 0 };

	errand->request.number = 1;
	if (outgoing_known(store->config, smarthost, &known, error) < 0 ||
	    make_attempt(store, attributes, &known, &errand->envelope, &errand->request, error) <
		0 ||
	    outgoing_relay(store->config, smarthost, &errand->relay, error) < 0)
		return -1;
	if (may_be_replaced(&known, &errand->request))
		errand->from = memory_copy_string(known.from);
	errand->answers.may_be_replaced = errand->from != NULL;
	return encode(errand, error);
}

static int start(struct direct_store *store, struct errand *errand, struct error *error)
{
	const struct timeval patience = { .tv_sec = store->config->timeout / 1000 + 1 };
	struct buffer relay CLEANUP(buffer_finish_secret) = { 0 };

	errand->relay.is_step_by_step = stumbles_has(
	    &store->stumbles, errand->relay.smarthost.name, clock_monotonic());
	errand->relay.trace_limit = errand->answers.trace != NULL ? TRACE_LIMIT : 0;
	direct_log_open(errand->answers.log, errand->relay.smarthost.name, errand->answers.relay);
	buffer_init(&relay, CHANNEL_LIMIT);
	request_encode_relay(&errand->relay, &relay);
	assert(!capture_is_on(store->config));
	if (worker_start(store->parent, &errand->channel, error) < 0)
		return -1;
	(void)setsockopt(errand->channel.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (channel_send(&errand->channel, buffer_span(&relay), -1) < 0)
		return error_system(error, "cannot speak to the delivery worker");
	return 0;
}

static int too_late(const struct errand *errand, const struct config *config, struct error *error)
{
	char limit[24];

	clock_format_duration(config->timeout, limit);
	error_set(error, ERROR_UNAVAILABLE, "4.4.1", "%s has not answered within %s, %s",
	    errand->answers.relay, limit,
	    errand->is_sent ? "and may have taken the mail all the same" : "so nothing was kept");
	if (errand->answers.delivered != 0)
		(void)error_prefix(
		    error, "sent to %s; not known of the others: ", errand->answers.sent);
	return error_next(error, "submit { timeout = \"...\" } sets the limit; with a spool "
				 "(MAILCHUTE_SPOOL) mail can wait");
}

/* What the worker has to say now; the attempt goes out once its session stands. */
static int read_worker(const struct direct_store *store, struct errand *errand, struct error *error)
{
	if (channel_fill(&errand->channel) <= 0)
		return error_set(error, ERROR_SOFTWARE, "4.3.0",
		    "the delivery worker for %s ended unexpectedly", errand->answers.relay);
	if (take_results(&errand->channel, &errand->envelope, &errand->answers, error) < 0)
		return -1;
	if (!errand->answers.is_ready || errand->is_sent)
		return 0;
	errand->is_sent = true;
	direct_log_sent(errand->answers.log);
	if (channel_send(&errand->channel, buffer_span(&errand->attempt), store->fd) < 0)
		return error_system(error, "cannot speak to the delivery worker");
	return 0;
}

/*
 * Nobody is known to have the message.  When all of it had been sent ahead, it
 * is in doubt, too, and goes again as it would from a queue (RFC 1047): else
 * such a server could be sent nothing.  Who stumbles over single steps as well
 * has no second chance.
 */
static bool may_go_again(const struct errand *errand)
{
	return errand->answers.has_stumbled &&
	       errand->answers.delivered == errand->before.delivered &&
	       !errand->relay.is_step_by_step;
}

/* The same errand on a new connection, within what is left of the time. */
static int begin_again(struct direct_store *store, struct errand *errand, struct error *error)
{
	struct answers answers = errand->before;

	text_copy(answers.relay, sizeof answers.relay, errand->answers.relay);
	answers.may_be_replaced = errand->from != NULL;
	errand->answers = answers;
	errand->is_sent = false;
	channel_finish(&errand->channel);
	return start(store, errand, error);
}

static int start_again(struct direct_store *store, struct errand *errand, struct error *error)
{
	log_event(LOG_LEVEL_WARNING,
	    "%s could not follow commands sent ahead of its replies: sending again step by step%s",
	    errand->answers.relay,
	    errand->answers.in_doubt != errand->before.in_doubt ? " (in doubt, possible duplicate)"
								: "");
	stumbles_note(&store->stumbles, errand->relay.smarthost.name, clock_monotonic());
	return begin_again(store, errand, error);
}

/* All that the smarthost has against the message is who sends it, and that can be changed. */
static bool may_go_as_from(const struct errand *errand)
{
	size_t count = errand->answers.count - errand->before.count;

	return errand->from != NULL && count != 0 && errand->answers.refused_senders == count;
}

/* from_policy = "auto": at once, as whoever may. */
static int start_as_from(struct direct_store *store, struct errand *errand, struct error *error)
{
	char *sender CLEANUP(memory_free_string) = outgoing_identity(&errand->request);
	char *from CLEANUP(memory_free_string) = errand->from;

	errand->from = NULL;
	errand->is_replaced = true;
	events_replaced(errand->relay.smarthost.name, sender, from, errand->answers.first.text);
	if (outgoing_replace_sender(from, &errand->request, error) < 0 || encode(errand, error) < 0)
		return -1;
	return begin_again(store, errand, error);
}

/* The worker dies with its parent, which takes a moment: until then it may still send. */
static void await_end(struct channel *channel)
{
	const int64_t deadline = clock_deadline(END_PATIENCE);
	struct pollfd wait = { .fd = channel->fd, .events = POLLIN };

	while (poll(&wait, 1, clock_poll_timeout(deadline)) > 0 && channel_fill(channel) > 0)
		continue;
}

/* 0: the worker is over; 1: time was up, and it is ended; -1. */
static int run_worker(
    struct direct_store *store, struct errand *errand, int64_t deadline, struct error *error)
{
	struct pollfd wait = { .fd = errand->channel.fd, .events = POLLIN };

	while (!errand->answers.is_over) {
		int ready = poll(&wait, 1, clock_poll_timeout(deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0) {
			/* The caller is told a failure, so nothing may go out any more. */
			worker_parent_kill(store->parent);
			await_end(&errand->channel);
			(void)too_late(errand, store->config, error);
			return 1;
		}
		if (read_worker(store, errand, error) < 0)
			return -1;
	}
	return 0;
}

/* Our sender was refused: what to write, for this smarthost and its settings. */
static void advise(const struct direct_store *store, struct errand *errand)
{
	struct error *first = &errand->answers.first;
	const struct config_smarthost *smarthost = config_find_smarthost(
	    store->config, errand->relay.smarthost.name);

	if (smarthost == NULL)
		return;
	const struct config_smarthost known = {
		.parameters = errand->relay.smarthost,
		.place = smarthost->place,
	};
	char *sender CLEANUP(memory_free_string) = outgoing_identity(&errand->request);
	char *next CLEANUP(memory_free_string) = sender_advice(
	    &known, sender, errand->is_replaced, first->next);
	(void)error_next(first, "%s", next);
	if (first->code[0] == '\0')
		(void)error_code(first, "MC-FROM-05");
}

/* Of any other trouble. */
static void say_place(
    const struct direct_store *store, const struct errand *errand, struct error *error)
{
	const char *name = errand->relay.smarthost.name;
	const struct config_smarthost *smarthost = config_find_smarthost(store->config, name);

	if (smarthost != NULL)
		whereabouts_add(&smarthost->place, name, error);
}

/* 0: every recipient has its answer; 1: time was up, and the worker is ended; -1. */
static int run(
    struct direct_store *store, struct errand *errand, int64_t deadline, struct error *error)
{
	if (start(store, errand, error) < 0)
		return -1;
	int outcome = run_worker(store, errand, deadline, error);
	if (outcome == 0 && may_go_again(errand))
		outcome = start_again(store, errand, error) < 0
			      ? -1
			      : run_worker(store, errand, deadline, error);
	if (outcome == 0 && may_go_as_from(errand))
		outcome = start_as_from(store, errand, error) < 0
			      ? -1
			      : run_worker(store, errand, deadline, error);
	if (outcome == 0 && errand->answers.refused_senders != 0 &&
	    errand->before.first.kind == ERROR_NONE)
		advise(store, errand);
	else
		say_place(store, errand, outcome < 0 ? error : &errand->answers.first);
	return outcome;
}

/* A secret that this uid may not read, beside a spool of another: the service is not running. */
static void explain_refusal(const struct direct_store *store, struct error *error)
{
	bool is_unreadable = strcmp(error->code, "MC-CONF-14") == 0 &&
			     strcmp(error->status, "4.3.5") == 0;

	/* In a container there is no service, and the error says what to do. */
	if (!is_unreadable || spool_is_own(store->config->spool) ||
	    secrets_are_of_runtime(store->config->secrets_file))
		return;
	(void)error_next(error,
	    "no service answers at %s; where one is installed, start it "
	    "(systemctl start mailchute.socket), and this uid needs no secret",
	    MAILCHUTE_SOCKET_PATH);
}

static void answer(
    const struct direct_store *store, const struct answers *answers, struct server_reply *reply)
{
	struct error error = answers->first;

	if (answers->delivered == store->envelope.recipient_count) {
		if (capture_is_on(store->config))
			server_reply_set(reply, 250, "2.0.0", "captured: %s", answers->words);
		else
			server_reply_set(reply, 250, "2.0.0", "accepted by %s: %s", answers->relay,
			    answers->words);
		return;
	}
	if (answers->delivered != 0)
		(void)error_prefix(
		    &error, "sent to %s, but not to %s: ", answers->sent, answers->not_sent);
	else
		(void)error_mail(&error, "NOT sent, nothing was kept%s",
		    error.status[0] == '4' ? ": there is no spool to wait in" : "");
	server_reply_from_error(reply, &error);
}

/* The only limit on a memfd is the caller's on files. */
static void hold_failed(struct error *error)
{
	bool is_limit = errno == EFBIG;

	error_system(error, "cannot hold the message in memory");
	if (is_limit)
		(void)error_next(
		    error, "raise the caller's limit of the size of files (ulimit -f)");
}

/* Of the mail, when the worker is lost. */
static void append_what_became(const struct errand *errand, struct error *error)
{
	if (errand->answers.delivered != 0)
		(void)error_prefix(
		    error, "sent to %s; not known of the others: ", errand->answers.sent);
	if (errand->is_sent || errand->answers.delivered == 0)
		(void)error_mail(error, "%s",
		    errand->is_sent ? "it may have been sent all the same"
				    : "NOT sent, nothing was kept");
}

/* ---- leg by leg (legs.h) ---- */

/* The message as if it were in a queue: what its routes look at. */
struct voyage {
	struct queue_file file; /* borrows the store's envelope and descriptor */
	struct legs legs;
	int64_t deadline;
	struct errand errand; /* the last one */
	struct direct_log log;
	struct error unreached; /* why the first smarthost could not be reached */
};

/* Where a way has failed before this one, both together have the time of one. */
static int64_t find_deadline(const struct direct_store *store)
{
	int64_t deadline = clock_deadline(store->config->timeout);

	return store->latest != 0 ? clock_earlier(deadline, store->latest) : deadline;
}

static void voyage_init(struct voyage *voyage, const struct direct_store *store,
    const struct queue_attributes *attributes, struct transcript_excerpt *trace)
{
	*voyage = (struct voyage){
		.file = { .fd = store->fd,
		    .envelope = store->envelope,
		    .attributes = *attributes,
		    .header_length = store->header_length },
		.deadline = find_deadline(store),
		.errand = { .channel.fd = -1, .answers = { .trace = trace, .log = &voyage->log } },
	};
	direct_log_init(&voyage->log, store->id, &store->envelope, attributes);
	text_copy(voyage->file.id, sizeof voyage->file.id, store->id);
	voyage->file.marks = memory_allocate(store->envelope.recipient_count + 1);
	memset(voyage->file.marks, RECIPIENT_WAITING, store->envelope.recipient_count);
	legs_init(&voyage->legs, &voyage->file);
}

static void voyage_finish(struct voyage *voyage)
{
	errand_finish(&voyage->errand);
	direct_log_finish(&voyage->log);
	legs_finish(&voyage->legs);
	free(voyage->file.marks);
}

static int collect(struct voyage *voyage, struct error *error)
{
	const struct envelope *all = &voyage->file.envelope;
	struct envelope *envelope = &voyage->errand.envelope;

	for (size_t i = 0; i < all->recipient_count; i++) {
		const struct recipient *recipient = &all->recipients[i];
		const char *original = recipient->original != NULL ? recipient->original : "";

		if (voyage->legs.is_member[i] &&
		    envelope_add_recipient(envelope, span_from_string(recipient->address),
			span_from_string(original), recipient->notify, error) < 0)
			return -1;
	}
	envelope->return_content = all->return_content;
	return all->envid == NULL
		   ? 0
		   : envelope_set_envid(envelope, span_from_string(all->envid), error);
}

/* Where its letter is kept is the answer to each of the leg. */
static void note_captured(const struct direct_store *store, struct voyage *voyage, const char *name)
{
	struct result result = {
		.kind = RESULT_RECIPIENT, .outcome = RESULT_DELIVERED, .status = "2.0.0"
	};
	struct answers *answers = &voyage->errand.answers;

	snprintf(result.text, sizeof result.text, "kept as %s/new/%s, not sent",
	    store->config->capture, name);
	voyage->log.is_captured = true;
	answers->is_ready = true;
	for (size_t i = 0; i < voyage->errand.envelope.recipient_count; i++) {
		result.recipient = (uint32_t)i;
		note_result(answers, &voyage->errand.envelope, &result);
	}
}

static size_t first_of_leg(const struct voyage *voyage)
{
	size_t first = 0;

	while (!voyage->legs.is_member[first])
		first++;
	return first;
}

/* It is kept in a Maildir, as this smarthost would have had it. */
static int capture_leg(struct direct_store *store, struct voyage *voyage,
    const struct config_smarthost *smarthost, struct error *error)
{
	struct request_attempt attempt CLEANUP(request_finish_attempt) = { .number = 1 };
	struct smarthost account CLEANUP(smarthost_finish) = { 0 };
	const struct capture_letter letter = {
		.id = store->id,
		.number = first_of_leg(voyage),
		.uid = voyage->file.attributes.uid,
		.smarthost = smarthost->parameters.name,
		.attempt = &attempt,
		.fd = store->fd,
	};
	char name[CAPTURE_NAME_SIZE];

	capture_account(store->config, smarthost, &account);
	if (make_attempt(store, &voyage->file.attributes, &account, &voyage->errand.envelope,
		&attempt, error) < 0 ||
	    capture_keep(store->config->capture, &letter, name, error) < 0)
		return -1;
	direct_log_open(&voyage->log, smarthost->parameters.name, store->config->capture);
	note_captured(store, voyage, name);
	return 0;
}

/* 0: the leg is over; 1: time was up; -1. */
static int run_leg(struct direct_store *store, struct voyage *voyage,
    const struct config_smarthost *smarthost, struct error *error)
{
	struct errand *errand = &voyage->errand;
	struct answers before = errand->answers;
	char *label CLEANUP(memory_free_string) = smarthost_label(&smarthost->parameters);

	errand_finish(errand);
	before.is_ready = before.is_over = before.has_stumbled = before.may_be_replaced = false;
	before.refused_senders = 0;
	before.doubted_before = before.in_doubt;
	text_copy(before.relay, sizeof before.relay, label);
	*errand = (struct errand){ .channel.fd = -1, .before = before, .answers = before };
	if (collect(voyage, error) < 0)
		return -1;
	if (capture_is_on(store->config))
		return capture_leg(store, voyage, smarthost, error);
	if (prepare(store, &voyage->file.attributes, smarthost, errand, error) < 0)
		return -1;
	return run(store, errand, voyage->deadline, error);
}

/* No session came to stand: who has another smarthost forgets this one. */
static void end_leg(struct voyage *voyage)
{
	struct answers *answers = &voyage->errand.answers;
	bool is_unreached = !answers->is_ready;

	for (size_t i = 0; i < voyage->legs.count; i++)
		if (voyage->legs.is_member[i] && !is_unreached)
			voyage->file.marks[i] = RECIPIENT_FAILED;
	legs_end(&voyage->legs, is_unreached);
	if (!is_unreached)
		return;
	if (voyage->unreached.kind == ERROR_NONE)
		voyage->unreached = answers->first;
	answers->first = voyage->errand.before.first;
}

/* Whom no smarthost could be reached for. */
static void add_unreached(struct voyage *voyage)
{
	struct answers *answers = &voyage->errand.answers;

	for (size_t i = 0; i < voyage->legs.count; i++)
		if (voyage->file.marks[i] == RECIPIENT_WAITING)
			add_name(answers->not_sent, sizeof answers->not_sent,
			    voyage->file.envelope.recipients[i].address);
	if (answers->first.kind == ERROR_NONE)
		answers->first = voyage->unreached;
}

static int run_legs(struct direct_store *store, struct voyage *voyage, struct error *error)
{
	const struct config_smarthost *smarthost;
	int outcome = 0;

	while (outcome == 0 && (smarthost = legs_choose(
				    &voyage->legs, store->config, &voyage->file, NULL)) != NULL) {
		outcome = run_leg(store, voyage, smarthost, error);
		if (outcome == 0)
			end_leg(voyage);
	}
	if (outcome == 0)
		add_unreached(voyage);
	return outcome;
}

static int run_logged(struct direct_store *store, struct voyage *voyage,
    const struct store_wish *wish, struct error *error)
{
	direct_log_received(&voyage->log, wish, store->writer->total);
	return run_legs(store, voyage, error);
}

static void commit(void *context, const struct queue_attributes *attributes,
    const struct store_wish *wish, const struct stream *client, struct server_reply *reply)
{
	struct direct_store *store = context;
	struct voyage voyage CLEANUP(voyage_finish);
	struct error error;
	int outcome = -1;

	(void)client;
	voyage_init(&voyage, store, attributes, wish->trace);
	if (store->config->smarthost_count == 0)
		config_no_smarthost(store->config, &error);
	else if (writer_flush(store->writer) < 0)
		hold_failed(&error);
	else
		outcome = run_logged(store, &voyage, wish, &error);
	if (outcome == 0) {
		direct_log_rest(&voyage.log, &voyage.errand.answers.first, false);
		answer(store, &voyage.errand.answers, reply);
	} else {
		explain_refusal(store, &error);
		if (outcome < 0)
			append_what_became(&voyage.errand, &error);
		direct_log_rest(&voyage.log, &error, voyage.errand.is_sent);
		log_message(LOG_LEVEL_ERROR, store->id, "not sent: %s", error.text);
		server_reply_from_error(reply, &error);
		reply->closes = outcome > 0;
	}
	discard(store);
}

struct store direct_store_table(struct direct_store *store)
{
	return (struct store){
		.way = "direct",
		.begin = begin,
		.write = write_bytes,
		.end_header = end_header,
		.commit = commit,
		.discard = discard,
		.context = store,
	};
}
