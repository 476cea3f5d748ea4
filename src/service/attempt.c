/* SPDX-License-Identifier: MIT */

#include "service/attempt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/header.h"
#include "policy/sender.h"
#include "service/bounce.h"
#include "service/events.h"
#include "service/outgoing.h"
#include "service/permission.h"
#include "service/routing.h"
#include "service/schedule.h"
#include "service/signs.h"
#include "service/whereabouts.h"

enum { ATTENTION_PAUSE = 30000 }; /* milliseconds: what is due, and cannot be given up yet */

static int read_header(const struct queue_file *file, struct buffer *header, struct error *error)
{
	char *room = buffer_reserve(header, file->header_length);

	if (room == NULL)
		return error_set(
		    error, ERROR_DATA, "5.6.0", "%s: the header is too long", file->id);
	ssize_t count = file_read_full_at(
	    file->fd, room, file->header_length, (off_t)file->message_offset);
	if (count < 0)
		return error_system(error, "read queue file %s", file->id);
	if ((uint64_t)count != file->header_length)
		return error_set(error, ERROR_IO, "4.3.0", "queue file %s ends early", file->id);
	buffer_extend(header, file->header_length);
	return 0;
}

/* A report may go with a sender, where the null sender is refused. */
static bool may_sign(const struct attempt *attempt)
{
	return attempt->file.attributes.is_report && attempt->author != NULL;
}

static int collect_recipients(struct attempt *attempt, struct error *error)
{
	const struct envelope *all = &attempt->file.envelope;
	/* Of a report that has a sender nobody is to make another. */
	bool is_silent = attempt->avoids_null_sender && may_sign(attempt);
	struct envelope *chosen = &attempt->request.envelope;

	attempt->positions = memory_allocate(all->recipient_count * sizeof *attempt->positions);
	attempt->is_answered = memory_allocate(all->recipient_count * sizeof *attempt->is_answered);
	for (size_t i = 0; i < all->recipient_count; i++) {
		const struct recipient *recipient = &all->recipients[i];
		const char *original = recipient->original != NULL ? recipient->original : "";

		if (!queue_file_waits(&attempt->file, i) || !attempt->legs.is_member[i])
			continue;
		if (envelope_add_recipient(chosen, span_from_string(recipient->address),
			span_from_string(original),
			is_silent ? ENVELOPE_NOTIFY_NEVER : recipient->notify, error) != 0)
			return error_set(error, ERROR_SOFTWARE, "4.3.0",
			    "queue file %s holds recipient %s twice", attempt->file.id,
			    recipient->address);
		attempt->positions[chosen->recipient_count - 1] = i;
	}
	chosen->return_content = all->return_content;
	if (all->envid != NULL)
		return envelope_set_envid(chosen, span_from_string(all->envid), error);
	return 0;
}

/* Who may send whatever the smarthost thinks of the sender. */
static int find_author(struct attempt *attempt, const struct config *config,
    const struct smarthost *login, struct error *error)
{
	if (login == NULL)
		return outgoing_from(config, config_find_smarthost(config, attempt->smarthost),
		    &attempt->author, error);
	if (login->from != NULL)
		attempt->author = memory_copy_string(login->from);
	return 0;
}

/* The settings may be others when the results come. */
static void note_policy(struct attempt *attempt, const struct config_smarthost *smarthost)
{
	const char *sender = attempt->file.envelope.sender;

	free(attempt->place.file);
	attempt->place = (struct config_place){ .line = smarthost->place.line };
	if (smarthost->place.file != NULL)
		attempt->place.file = memory_copy_string(smarthost->place.file);
	attempt->from_policy = smarthost->parameters.from_policy;
	attempt->sender_is_allowed = sender_is_in_from_allow(&smarthost->parameters, sender);
}

static int set_message(struct attempt *attempt, const struct config *config,
    const struct smarthost *login, struct error *error)
{
	const struct queue_file *file = &attempt->file;
	struct buffer header CLEANUP(buffer_finish) = { 0 };
	const char *sender = file->envelope.sender;

	if (find_author(attempt, config, login, error) < 0)
		return -1;
	if (attempt->avoids_null_sender && may_sign(attempt))
		sender = attempt->author;
	buffer_init(&header, 2 * HEADER_LIMIT);
	if (read_header(file, &header, error) < 0)
		return -1;
	/* All but the address is as the settings have it now; what it points to is theirs. */
	struct smarthost known = config_find_smarthost(config, attempt->smarthost)->parameters;
	known.from = attempt->author;
	/* A report of ours goes by every smarthost, as whoever may. */
	if (attempt->file.attributes.is_report && known.from_policy == SMARTHOST_FROM_REJECT)
		known.from_policy = SMARTHOST_FROM_REWRITE;
	note_policy(attempt, config_find_smarthost(config, attempt->smarthost));
	return outgoing_message_as(&known, sender, buffer_span(&header), &attempt->request, error);
}

static int prepare_request(struct attempt *attempt, const struct config *config,
    const struct smarthost *login, uint32_t number, struct error *error)
{
	const struct queue_file *file = &attempt->file;

	attempt->request.number = number;
	attempt->request.body_offset = file->message_offset + file->header_length;
	attempt->request.body_length = file->message_length - file->header_length;
	attempt->request.has_8bit = file->attributes.has_8bit;
	attempt->request.longest_line = file->attributes.longest_line;
	if (set_message(attempt, config, login, error) < 0)
		return -1;
	return collect_recipients(attempt, error);
}

/* A file that came back after its end was recorded (a power cut), or before it was reported. */
static int settle_without_attempt(const struct attempt *attempt)
{
	return bounce_is_owed(&attempt->file) ? ATTEMPT_OWES : ATTEMPT_NOTHING;
}

/* Our own trouble is shown in the queue like a smarthost's. */
static void note_trouble(struct queue_file *file, const struct error *trouble)
{
	struct error error;

	error_line(trouble, file->progress.last_reply, sizeof file->progress.last_reply);
	if (queue_file_save_progress(file, &error) < 0)
		log_message(LOG_LEVEL_ERROR, file->id, "cannot record the trouble: %s", error.text);
}

/* What could not be opened, by what queue_file_open said of it. */
static int pass_over(int opened, struct spool *spool, const char *id, struct error *error)
{
	struct error aside;

	if (opened != 3)
		return opened < 0 ? -1 : (opened == 1 ? ATTEMPT_BUSY : ATTEMPT_GONE);
	events_corrupt(id, spool->path, error->text);
	if (spool_put_aside(spool, id, &aside) < 0)
		log_message(LOG_LEVEL_ERROR, id, "%s", aside.text);
	return ATTEMPT_CORRUPT;
}

/* What the log says of a recipient; the rest is the caller's to fill. */
static struct event_delivery describe(
    const struct attempt *attempt, size_t position, const struct relay *relay)
{
	const struct queue_file *file = &attempt->file;
	const struct recipient *recipient = &file->envelope.recipients[position];
	struct event_delivery delivery = {
		.id = file->id,
		.uid = file->attributes.uid,
		.sender = file->envelope.sender,
		.recipient = recipient->address,
		.original = recipient->original,
		.smarthost = attempt->smarthost,
	};

	if (relay != NULL) {
		delivery.relay = relay->name;
		delivery.security = relay->security;
		delivery.use = relay->uses + 1;
	}
	relay_delays(relay, &attempt->times, clock_wall() - file->attributes.received,
	    clock_monotonic(), &delivery.delays);
	return delivery;
}

/* The sender is allowed at none of this recipient's smarthosts: he fails without being sent. */
static int refuse_sender(
    struct attempt *attempt, size_t position, const struct error *why, struct error *error)
{
	char line[RESULT_TEXT_SIZE];
	char text[RESULT_TEXT_SIZE + STATUS_SIZE];
	struct event_delivery delivery = describe(attempt, position, NULL);

	error_line(why, line, sizeof line);
	snprintf(text, sizeof text, "%s %s", why->status, line);
	if (queue_file_mark(&attempt->file, position, RECIPIENT_FAILED, text, error) < 0)
		return -1;
	delivery.status = why->status;
	delivery.reply = line;
	events_bounced(&delivery);
	return 0;
}

/* The settings may have changed since it was received. */
static int refuse_senders(struct attempt *attempt, const struct config *config, struct error *error)
{
	struct routing routing CLEANUP(routing_finish) = { 0 };
	struct error why;

	if (!permission_matters(config))
		return 0;
	routing_init(&routing, config, &attempt->file);
	for (size_t i = 0; i < attempt->file.envelope.recipient_count; i++)
		if (queue_file_waits(&attempt->file, i) && routing_check(&routing, i, &why) < 0 &&
		    refuse_sender(attempt, i, &why, error) < 0)
			return -1;
	return 0;
}

int attempt_open(struct attempt *attempt, struct spool *spool, const char *id,
    const struct config *config, struct error *error)
{
	*attempt = (struct attempt){ .times.opened = clock_monotonic() };
	int opened = queue_file_open(&attempt->file, spool->queue, id, error);
	if (opened != 0)
		return pass_over(opened, spool, id, error);
	if (attempt->file.progress.is_held) {
		attempt_finish(attempt);
		return ATTEMPT_HELD;
	}
	if (bounce_settle(&attempt->file, error) < 0) {
		attempt_finish(attempt);
		return -1;
	}
	if (!queue_file_has_waiting(&attempt->file))
		return settle_without_attempt(attempt);
	if (refuse_senders(attempt, config, error) < 0) {
		attempt_finish(attempt);
		return -1;
	}
	if (!queue_file_has_waiting(&attempt->file))
		return settle_without_attempt(attempt);
	legs_init(&attempt->legs, &attempt->file);
	if (!attempt_choose(attempt, config, NULL)) {
		config_no_smarthost(config, error);
		note_trouble(&attempt->file, error);
		attempt_finish(attempt);
		return -1;
	}
	return ATTEMPT_STARTED;
}

bool attempt_choose(
    struct attempt *attempt, const struct config *config, const struct legs_rules *rules)
{
	const struct config_smarthost *smarthost = legs_choose(
	    &attempt->legs, config, &attempt->file, rules);

	if (smarthost == NULL)
		return false;
	free(attempt->smarthost);
	attempt->smarthost = memory_copy_string(smarthost->parameters.name);
	return true;
}

/*
 * Whoever ends a service at once leaves no word of what its smarthosts have taken
 * meanwhile (RFC 1047); the next one says at least of which messages that is unknown.
 */
static void begin_record(struct queue_file *file)
{
	if (file->progress.has_begun)
		events_possible_duplicate(file->id);
	file->progress.has_begun = true;
}

int attempt_prepare(struct attempt *attempt, const struct config *config,
    const struct smarthost *login, uint32_t number, struct error *error)
{
	bool is_first_leg = attempt->unwritten == NULL;

	if (is_first_leg)
		begin_record(&attempt->file);
	/* What cannot be recorded is not begun. */
	if (queue_file_save_progress(&attempt->file, error) < 0) {
		attempt_finish(attempt);
		return -1;
	}
	if (is_first_leg)
		attempt->unwritten = memory_allocate(attempt->file.envelope.recipient_count);
	if (prepare_request(attempt, config, login, number, error) < 0) {
		attempt->file.progress.has_begun = false;
		note_trouble(&attempt->file, error);
		attempt_finish(attempt);
		return -1;
	}
	return 0;
}

const char *attempt_identity(struct attempt *attempt)
{
	if (attempt->identity == NULL)
		attempt->identity = outgoing_identity(&attempt->request);
	return attempt->identity;
}

int attempt_replace_sender(struct attempt *attempt, struct error *error)
{
	(void)attempt_identity(attempt);
	attempt->is_replaced = true;
	return outgoing_replace_sender(attempt->author, &attempt->request, error);
}

void attempt_put_back(struct attempt *attempt)
{
	struct error error;

	attempt->file.progress.has_begun = false;
	if (queue_file_save_progress(&attempt->file, &error) < 0)
		log_message(LOG_LEVEL_ERROR, attempt->file.id, "%s", error.text);
}

static const enum recipient_mark outcome_marks[] = {
	[RESULT_DELIVERED] = RECIPIENT_DELIVERED,
	[RESULT_DEFERRED] = RECIPIENT_WAITING,
	[RESULT_FAILED] = RECIPIENT_FAILED,
	[RESULT_IN_DOUBT] = RECIPIENT_IN_DOUBT,
};

static void tell_result(const struct attempt *attempt, size_t position, const struct result *result,
    const struct relay *relay)
{
	static void (*const events[])(const struct event_delivery *) = {
		[RESULT_DELIVERED] = events_sent,
		[RESULT_DEFERRED] = events_deferred,
		[RESULT_FAILED] = events_bounced,
		[RESULT_IN_DOUBT] = events_in_doubt,
	};
	struct event_delivery delivery = describe(attempt, position, relay);

	delivery.status = result->status;
	delivery.code = result->code;
	delivery.reply = result->text;
	if (attempt->is_captured && result->outcome == RESULT_DELIVERED)
		events_captured(&delivery);
	else
		events[result->outcome](&delivery);
}

/* A mark that the disk does not take is kept here until it does. */
static void record_mark(
    struct attempt *attempt, size_t position, enum recipient_mark mark, const char *reply)
{
	struct error error;

	attempt->unwritten[position] = 0;
	if (queue_file_mark(&attempt->file, position, mark, reply, &error) == 0)
		return;
	attempt->unwritten[position] = (char)mark;
	log_message(LOG_LEVEL_ERROR, attempt->file.id,
	    "cannot record a result, so the message is held until the disk takes it: %s",
	    error.text);
}

/* A verdict of ours has no reply to take a status from, so it begins with it (bounce.c). */
static void record_verdict(struct attempt *attempt, size_t position, enum recipient_mark mark,
    const char *status, const char *words)
{
	char text[RESULT_TEXT_SIZE + STATUS_SIZE];

	text_copy(text, sizeof text, status);
	text_append(text, sizeof text, " ");
	text_append(text, sizeof text, words);
	record_mark(attempt, position, mark, text);
}

/* Who wants to be told of a delivery is told by us where the server will not (RFC 3461, 5.2). */
static enum recipient_mark mark_for(
    const struct attempt *attempt, size_t position, const struct result *result)
{
	const struct recipient *recipient = &attempt->file.envelope.recipients[position];

	if (result->outcome == RESULT_DELIVERED && !result->passes_dsn &&
	    (recipient->notify & ENVELOPE_NOTIFY_SUCCESS) != 0)
		return RECIPIENT_UNTOLD;
	return outcome_marks[result->outcome];
}

/* 0 when all marks are in the file. */
static int write_again(struct attempt *attempt, struct error *error)
{
	for (size_t i = 0; i < attempt->file.envelope.recipient_count; i++) {
		if (attempt->unwritten[i] == 0)
			continue;
		if (queue_file_mark(&attempt->file, i, (enum recipient_mark)attempt->unwritten[i],
			"", error) < 0)
			return -1;
		attempt->unwritten[i] = 0;
	}
	return 0;
}

/* The null sender of a report is refused: it goes once more with a sender that is taken. */
static bool shows_null_refused(const struct attempt *attempt, const struct result *result)
{
	return result->outcome == RESULT_FAILED && result->refuses_sender && may_sign(attempt) &&
	       attempt->request.envelope.sender[0] == '\0';
}

/* Of what is sent there something would change. */
static bool may_replace_sender(struct attempt *attempt)
{
	return attempt->from_policy == SMARTHOST_FROM_AUTO && !attempt->is_replaced &&
	       attempt->author != NULL && strcmp(attempt_identity(attempt), attempt->author) != 0;
}

/* What is done about it, or to be done, in the place of what is said to everybody. */
static void advise(const struct attempt *attempt, const char *replacement, struct result *result)
{
	char *allowed[] = { attempt->file.envelope.sender };
	const struct config_smarthost smarthost = {
		.parameters = { .name = attempt->smarthost,
		    .from = attempt->author,
		    .from_policy = attempt->from_policy,
		    .from_allow = allowed,
		    .from_allow_count = attempt->sender_is_allowed ? 1 : 0 },
		.place = attempt->place,
	};
	struct error error;

	error_read_line(result->text, &error);
	if (error.code[0] == '\0')
		(void)error_code(&error, "MC-FROM-05");
	CLEANUP(memory_free_string)
	char *advice = replacement != NULL
			   ? memory_format(
				 "it goes again at once as %s, for from_policy is \"auto\"",
				 replacement)
			   : sender_advice(
				 &smarthost, attempt->identity, attempt->is_replaced, error.next);
	(void)error_next(&error, "%s", advice);
	error_line(&error, result->text, sizeof result->text);
}

/* Our sender is refused there: he may go as another, or waits until that is mended. */
static void note_sender_refused(struct attempt *attempt, struct result *result)
{
	bool goes_again = may_replace_sender(attempt);

	(void)attempt_identity(attempt);
	advise(attempt, goes_again ? attempt->author : NULL, result);
	if (goes_again) {
		attempt->sender_is_refused = true;
		attempt->sign = (struct health_sign){ .kind = HEALTH_SHOWS_GOOD };
	} else {
		signs_add_result(&attempt->sign, result);
	}
}

static void put_off(struct result *judged)
{
	judged->outcome = RESULT_DEFERRED;
	judged->status[0] = '4';
}

/* Only a refusal of this very message is final (DESIGN 4, "Failing"). */
static void judge_result(
    struct attempt *attempt, const struct result *result, struct result *judged)
{
	bool is_of_sender = signs_are_of_sender(result);

	*judged = *result;
	if (shows_null_refused(attempt, result)) {
		attempt->null_is_refused = true;
		put_off(judged);
	} else if (is_of_sender && attempt->request.envelope.sender[0] != '\0') {
		note_sender_refused(attempt, judged);
		put_off(judged);
	} else if (signs_are_of_account(result)) {
		signs_add_result(&attempt->sign, result);
		put_off(judged);
	} else if (!is_of_sender) {
		signs_add_result(&attempt->sign, result);
	}
	/* Whatever it says of the null sender, the smarthost is there. */
	if (attempt->null_is_refused ||
	    (is_of_sender && attempt->sign.kind == HEALTH_SHOWS_NOTHING))
		attempt->sign.kind = HEALTH_SHOWS_GOOD;
}

/*
 * He has his answer.  Without a reply, or where the smarthost takes nothing of
 * us for now, nobody has looked at him, and he may have another one.
 */
static bool is_settled(const struct attempt *attempt, const struct result *judged)
{
	bool is_unusable = attempt->sign.kind == HEALTH_SHOWS_BAD &&
			   attempt->sign.state != HEALTH_SENDER;

	return judged->outcome != RESULT_DEFERRED || (judged->code != 0 && !is_unusable);
}

/*
 * Where all is done the file goes at once, and its mark overwrites what is on
 * the disk: with a reply behind the message the sync would be of a file that
 * grows, which costs a third more.
 */
static void record_result(struct attempt *attempt, size_t position, const struct result *result)
{
	enum recipient_mark mark = mark_for(attempt, position, result);
	bool is_all = mark == RECIPIENT_DELIVERED && attempt->file.envelope.recipient_count == 1;

	record_mark(attempt, position, mark, is_all ? "" : result->text);
}

void attempt_result(struct attempt *attempt, const struct result *result, const struct relay *relay)
{
	struct result told = *result;
	struct result judged;

	if (result->recipient >= attempt->request.envelope.recipient_count ||
	    attempt->is_answered[result->recipient])
		return;
	size_t position = attempt->positions[result->recipient];
	attempt->is_answered[result->recipient] = true;
	attempt->answered_count++;
	/* Of a sender more is said (advise). */
	if (result->outcome != RESULT_DELIVERED && !signs_are_of_sender(result))
		whereabouts_add_to_line(
		    &attempt->place, attempt->smarthost, told.text, sizeof told.text);
	judge_result(attempt, &told, &judged);
	if (is_settled(attempt, &judged))
		legs_settle(&attempt->legs, position);
	result = &judged;
	if (result->outcome == RESULT_FAILED && result->code == 0)
		record_verdict(attempt, position, RECIPIENT_FAILED, result->status, result->text);
	else
		record_result(attempt, position, result);
	if (result->outcome != RESULT_DELIVERED)
		text_copy(attempt->file.progress.last_reply,
		    sizeof attempt->file.progress.last_reply, result->text);
	if (result->outcome == RESULT_FAILED && attempt->first_refusal.kind == ERROR_NONE)
		error_set(&attempt->first_refusal, error_kind_from_status(result->status),
		    result->status, "%s", result->text);
	tell_result(attempt, position, result, relay);
}

static void end_rest(struct attempt *attempt, enum result_outcome outcome, const struct error *why,
    const struct relay *relay)
{
	struct result result = { .kind = RESULT_RECIPIENT, .outcome = outcome };

	/* Trouble with the smarthost or the account is never the message's fault. */
	snprintf(result.status, sizeof result.status, "4%s",
	    why->status[0] != '\0' ? why->status + 1 : ".4.1");
	error_line(why, result.text, sizeof result.text - 100);
	for (size_t i = 0; i < attempt->request.envelope.recipient_count; i++) {
		result.recipient = (uint32_t)i;
		attempt_result(attempt, &result, relay);
	}
}

void attempt_defer_rest(struct attempt *attempt, const struct error *why, const struct relay *relay)
{
	end_rest(attempt, RESULT_DEFERRED, why, relay);
}

void attempt_doubt_rest(struct attempt *attempt, const struct error *why, const struct relay *relay)
{
	end_rest(attempt, RESULT_IN_DOUBT, why, relay);
}

static void forget_leg(struct attempt *attempt)
{
	request_finish_attempt(&attempt->request);
	free(attempt->positions);
	free(attempt->is_answered);
	free(attempt->author);
	free(attempt->identity);
	attempt->request = (struct request_attempt){ 0 };
	attempt->positions = NULL;
	attempt->is_answered = NULL;
	attempt->author = NULL;
	attempt->identity = NULL;
	attempt->answered_count = 0;
	attempt->goes_at_once = attempt->goes_at_once || attempt->null_is_refused ||
				attempt->sender_is_refused;
	attempt->null_is_refused = false;
	attempt->sender_is_refused = false;
	attempt->is_replaced = false;
	free(attempt->place.file);
	attempt->place = (struct config_place){ 0 };
	attempt->from_policy = SMARTHOST_FROM_AUTO;
	attempt->sender_is_allowed = false;
	attempt->avoids_null_sender = false;
	attempt->times = (struct relay_times){ .opened = clock_monotonic() };
	attempt->sign = (struct health_sign){ 0 };
}

void attempt_end_leg(struct attempt *attempt, bool is_unusable)
{
	legs_end(&attempt->legs, is_unusable);
}

int attempt_renew(struct attempt *attempt)
{
	struct error error;

	forget_leg(attempt);
	if (write_again(attempt, &error) == 0 && queue_file_sync(&attempt->file, &error) == 0)
		return 0;
	log_message(LOG_LEVEL_ERROR, attempt->file.id, "%s", error.text);
	return -1;
}

/* What has waited for longer than the lifetime fails for good. */
static void expire(struct attempt *attempt, const struct config *config)
{
	struct queue_file *file = &attempt->file;
	char text[QUEUE_FILE_REPLY_SIZE + 100];
	char lifetime[24];

	/* A service that begins after a long pause tries before it gives up. */
	if (file->progress.is_held || file->progress.attempts + attempt->probes < 2 ||
	    clock_wall() - file->attributes.received < config->lifetime)
		return;
	clock_format_duration(config->lifetime, lifetime);
	snprintf(text, sizeof text, "not delivered within %s; the last reply was: %s", lifetime,
	    file->progress.last_reply);
	for (size_t i = 0; i < file->envelope.recipient_count; i++) {
		/* He may have been delivered, and the disk has not taken that yet. */
		if (!queue_file_waits(file, i) || attempt->unwritten[i] != 0)
			continue;
		record_verdict(attempt, i, RECIPIENT_FAILED, "4.4.7", text);
		struct event_delivery delivery = describe(attempt, i, NULL);
		delivery.status = "4.4.7";
		delivery.reply = text;
		events_expired(&delivery);
	}
}

static enum attempt_verdict judge(const struct queue_file *file)
{
	size_t failed = queue_file_count(file, RECIPIENT_FAILED);

	if (queue_file_has_waiting(file))
		return ATTEMPT_WAITING;
	if (failed == 0)
		return ATTEMPT_DELIVERED;
	return failed == file->envelope.recipient_count ? ATTEMPT_REFUSED : ATTEMPT_FAILED;
}

void attempt_wait(struct attempt *attempt, const char *why, uint32_t probes)
{
	text_copy(attempt->file.progress.last_reply, sizeof attempt->file.progress.last_reply, why);
	attempt->probes = probes;
	attempt->unwritten = memory_allocate(attempt->file.envelope.recipient_count);
}

/* It need not have been tried to be as old as one that was. */
static int64_t retry_time(const struct attempt *attempt, const struct config *config, int64_t now)
{
	uint32_t attempts = attempt->file.progress.attempts;
	int64_t age = now - attempt->file.attributes.received;

	if (attempts == 0)
		attempts = 1;
	while (attempts < config->retry_count &&
	       schedule_waited(config->retry, config->retry_count, attempts + 1) <= age)
		attempts++;
	return schedule_retry(config->retry, config->retry_count, attempts, now);
}

int64_t attempt_attention(const struct attempt *attempt, const struct config *config)
{
	const struct queue_file *file = &attempt->file;
	int64_t now = clock_wall();
	int64_t when = file->attributes.received + config->lifetime;

	if (config->warn != 0 && !file->progress.has_warned && config->warn < config->lifetime)
		when = file->attributes.received + config->warn;
	if (when <= now)
		when = now + ATTENTION_PAUSE;
	/* Recipients for another smarthost are not to wait for the one that is in the way. */
	if (routing_is_mixed(config, file))
		when = clock_earlier(when, retry_time(attempt, config, now));
	return when;
}

enum attempt_verdict attempt_conclude(
    struct attempt *attempt, const struct config *config, bool is_counted, int64_t *due)
{
	struct queue_file *file = &attempt->file;
	struct error error;
	int64_t now = clock_wall();

	if (is_counted && !attempt->is_counted)
		file->progress.attempts++;
	attempt->is_counted = true;
	file->progress.has_begun = false;
	expire(attempt, config);
	if (write_again(attempt, &error) < 0)
		return ATTEMPT_STUCK;
	enum attempt_verdict verdict = judge(file);
	/* One that does not count may be concluded once more, when the disk takes it. */
	*due = !is_counted || file->progress.attempts == 0
		   ? now
		   : schedule_retry(
			 config->retry, config->retry_count, file->progress.attempts, now);
	file->progress.next_attempt = verdict == ATTEMPT_WAITING ? *due : 0;
	if (queue_file_save_progress(file, &error) == 0 && queue_file_sync(file, &error) == 0)
		return verdict;
	log_message(LOG_LEVEL_ERROR, file->id, "cannot record the attempt: %s", error.text);
	return ATTEMPT_STUCK;
}

int attempt_remove(struct attempt *attempt)
{
	char id[QUEUE_ID_SIZE];
	struct error error;

	memcpy(id, attempt->file.id, sizeof id);
	if (queue_file_remove(&attempt->file, &error) == 0) {
		events_removed(id);
		return 0;
	}
	log_message(LOG_LEVEL_ERROR, id, "cannot remove the queue file: %s", error.text);
	return -1;
}

void attempt_finish(struct attempt *attempt)
{
	queue_file_finish(&attempt->file);
	request_finish_attempt(&attempt->request);
	legs_finish(&attempt->legs);
	free(attempt->positions);
	free(attempt->is_answered);
	free(attempt->unwritten);
	free(attempt->smarthost);
	free(attempt->author);
	free(attempt->identity);
	free(attempt->place.file);
	*attempt = (struct attempt){ 0 };
	attempt->file.fd = -1;
}
