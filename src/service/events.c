/* SPDX-License-Identifier: MIT */

#include "service/events.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/span.h"
#include "service/event_words.h"

static void say(enum log_level level, const char *id, const char *part, struct buffer *line)
{
	const struct log_about about = { .queue_id = id, .part = part };

	log_text(level, &about, "%s", buffer_string(line));
}

static int64_t total(const struct event_delays *delays)
{
	return delays->queued + delays->waiting + delays->connecting + delays->sending;
}

static void put_size(struct buffer *members, const struct event_message *message)
{
	json_number(members, "size", (int64_t)message->size);
	json_number(members, "recipients", (int64_t)message->recipient_count);
}

/* words: the line as text; members: what the object has beside its ID. */
static void tell(enum log_level level, const char *event, const char *id, const char *part,
    struct buffer *words, const struct buffer *members)
{
	if (log_is_json())
		log_json(level, event, id, members);
	else
		say(level, id, part, words);
}

/* ---- a message comes ---- */

static void received_as_object(const struct event_message *message)
{
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&members, EVENT_LINE_LIMIT);
	json_number(&members, "uid", message->uid);
	event_words_string(&members, "login", message->login, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "entrance", message->entrance, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "message_id", message->message_id, EVENT_WORDS_LIMIT);
	event_words_string(&members, "sender", message->sender, EVENT_ADDRESS_LIMIT);
	put_size(&members, message);
	event_words_string(&members, "subject", message->subject, EVENT_SUBJECT_LIMIT);
	log_json(LOG_LEVEL_INFO, "received", message->id, &members);
}

/* A log reader counts it where pickup tells the uid. */
static void say_origin(const struct event_message *message)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	buffer_format(&line, "uid=%lld ", (long long)message->uid);
	event_words_address(&line, "from", message->sender);
	if (message->login != NULL) {
		buffer_append_string(&line, " login=");
		event_words_masked(
		    &line, event_words_cut(message->login, EVENT_ADDRESS_LIMIT), " =<>");
	}
	if (message->entrance != NULL)
		buffer_format(&line, " entrance=%s", message->entrance);
	say(LOG_LEVEL_INFO, message->id, "pickup", &line);
}

static void say_message_id(const struct event_message *message)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	buffer_append_string(&line, "message-id=");
	event_words_masked(&line,
	    event_words_cut(
		message->message_id != NULL ? message->message_id : "<>", EVENT_WORDS_LIMIT),
	    " ");
	say(LOG_LEVEL_INFO, message->id, "cleanup", &line);
}

static void say_size(const struct event_message *message)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	event_words_address(&line, "from", message->sender);
	buffer_format(&line, ", size=%llu, nrcpt=%zu (queue active)",
	    (unsigned long long)message->size, message->recipient_count);
	say(LOG_LEVEL_INFO, message->id, "qmgr", &line);
}

/* Without a part, so that no log reader for Postfix takes its words for an event. */
static void say_subject(const struct event_message *message)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	buffer_append_string(&line, "subject=\"");
	event_words_masked(&line, event_words_cut(message->subject, EVENT_SUBJECT_LIMIT), "\"");
	buffer_append_byte(&line, '"');
	say(LOG_LEVEL_INFO, message->id, NULL, &line);
}

void events_received(const struct event_message *message)
{
	if (log_is_json()) {
		received_as_object(message);
		return;
	}
	say_origin(message);
	say_message_id(message);
	if (message->subject != NULL)
		say_subject(message);
	say_size(message);
}

void events_refused(int64_t uid, const char *sender, const char *reason)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	if (log_is_json()) {
		json_number(&line, "uid", uid);
		event_words_string(&line, "sender", sender, EVENT_ADDRESS_LIMIT);
		event_words_string(&line, "reason", reason, EVENT_WORDS_LIMIT);
		log_json(LOG_LEVEL_WARNING, "refused", NULL, &line);
		return;
	}
	buffer_format(&line, "refused uid=%lld", (long long)uid);
	if (sender != NULL) {
		buffer_append_byte(&line, ' ');
		event_words_address(&line, "from", sender);
	}
	buffer_append_string(&line, ": ");
	event_words_masked(&line, event_words_cut(reason, EVENT_WORDS_LIMIT), "");
	say(LOG_LEVEL_WARNING, NULL, NULL, &line);
}

/* ---- and goes ---- */

struct fate {
	enum log_level level;
	const char *event;
	const char *prefix; /* before the reply, in text */
	bool is_doubtful;
};

/* "code" is the server's. */
static void name_failure(struct buffer *members, const char *reply)
{
	struct error failure;

	error_read_line(reply, &failure);
	if (failure.code[0] != '\0')
		event_words_string(members, "failure", failure.code, EVENT_WORDS_LIMIT);
}

static void delivery_as_object(const struct event_delivery *delivery, const struct fate *fate)
{
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&members, EVENT_LINE_LIMIT);
	json_number(&members, "uid", delivery->uid);
	event_words_string(&members, "sender", delivery->sender, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "recipient", delivery->recipient, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "original_recipient", delivery->original, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "smarthost", delivery->smarthost, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "relay", delivery->relay, EVENT_ADDRESS_LIMIT);
	if (delivery->use > 1)
		json_number(&members, "connection_use", delivery->use);
	json_seconds(&members, "delay", total(&delivery->delays));
	json_seconds(&members, "delay_queued", delivery->delays.queued);
	json_seconds(&members, "delay_waiting", delivery->delays.waiting);
	json_seconds(&members, "delay_connecting", delivery->delays.connecting);
	json_seconds(&members, "delay_sending", delivery->delays.sending);
	event_words_security(&members, delivery->security);
	event_words_string(&members, "dsn", delivery->status, EVENT_ADDRESS_LIMIT);
	if (delivery->code != 0)
		json_number(&members, "code", delivery->code);
	if (delivery->reply != NULL)
		name_failure(&members, delivery->reply);
	event_words_string(&members, "reply", delivery->reply, EVENT_WORDS_LIMIT);
	json_bool(&members, "possible_duplicate", fate->is_doubtful);
	log_json(fate->level, fate->event, delivery->id, &members);
}

static void put_delays(struct buffer *line, const struct event_delays *delays)
{
	buffer_append_string(line, ", delay=");
	event_words_delay(line, total(delays));
	buffer_append_string(line, ", delays=");
	event_words_delay(line, delays->queued);
	buffer_append_byte(line, '/');
	event_words_delay(line, delays->waiting);
	buffer_append_byte(line, '/');
	event_words_delay(line, delays->connecting);
	buffer_append_byte(line, '/');
	event_words_delay(line, delays->sending);
}

static void say_delivery(const struct event_delivery *delivery, const struct fate *fate)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	event_words_address(&line, "to", delivery->recipient);
	if (delivery->original != NULL) {
		buffer_append_string(&line, ", ");
		event_words_address(&line, "orig_to", delivery->original);
	}
	buffer_append_string(&line, ", relay=");
	event_words_relay(&line, delivery->relay != NULL ? delivery->relay : "none");
	if (delivery->use > 1)
		buffer_format(&line, ", conn_use=%u", delivery->use);
	put_delays(&line, &delivery->delays);
	buffer_format(
	    &line, ", dsn=%s, status=%s (%s", delivery->status, fate->event, fate->prefix);
	event_words_masked(&line, event_words_cut(delivery->reply, EVENT_WORDS_LIMIT), "");
	buffer_append_byte(&line, ')');
	say(fate->level, delivery->id, "smtp", &line);
}

static void tell_fate(const struct event_delivery *delivery, const struct fate *fate)
{
	if (log_is_json())
		delivery_as_object(delivery, fate);
	else
		say_delivery(delivery, fate);
}

void events_sent(const struct event_delivery *delivery)
{
	static const struct fate fate = { LOG_LEVEL_INFO, "sent", "", false };

	tell_fate(delivery, &fate);
}

void events_captured(const struct event_delivery *delivery)
{
	static const struct fate fate = { LOG_LEVEL_INFO, "captured", "", false };

	tell_fate(delivery, &fate);
}

void events_deferred(const struct event_delivery *delivery)
{
	static const struct fate fate = { LOG_LEVEL_WARNING, "deferred", "", false };

	tell_fate(delivery, &fate);
}

void events_in_doubt(const struct event_delivery *delivery)
{
	static const struct fate fate = { LOG_LEVEL_WARNING, "deferred",
		"in doubt, possible duplicate: ", true };

	tell_fate(delivery, &fate);
}

void events_bounced(const struct event_delivery *delivery)
{
	static const struct fate fate = { LOG_LEVEL_WARNING, "bounced", "", false };

	tell_fate(delivery, &fate);
}

void events_expired(const struct event_delivery *delivery)
{
	static const struct fate fate = { LOG_LEVEL_WARNING, "expired", "", false };

	tell_fate(delivery, &fate);
}

void events_possible_duplicate(const char *id)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer none CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "the service ended during an attempt and its end is unknown; "
				     "it is made again: possible duplicate");
	tell(LOG_LEVEL_WARNING, "possible_duplicate", id, NULL, &words, &none);
}

/* ---- by somebody's word ---- */

static void tell_change(const struct event_message *message, const char *event, int64_t by)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	if (log_is_json()) {
		json_number(&line, "uid", by);
		event_words_string(&line, "sender", message->sender, EVENT_ADDRESS_LIMIT);
		if (message->sender != NULL)
			put_size(&line, message);
		log_json(LOG_LEVEL_INFO, event, message->id, &line);
		return;
	}
	buffer_format(&line, "%s by uid=%lld: ", event, (long long)by);
	if (message->sender != NULL) {
		event_words_address(&line, "from", message->sender);
		buffer_format(&line, ", size=%llu, nrcpt=%zu", (unsigned long long)message->size,
		    message->recipient_count);
	} else {
		buffer_append_string(&line, "it did not check out");
	}
	say(LOG_LEVEL_INFO, message->id, NULL, &line);
}

void events_held(const struct event_message *message, int64_t by)
{
	tell_change(message, "held", by);
}

void events_released(const struct event_message *message, int64_t by)
{
	tell_change(message, "released", by);
}

void events_removed_by(const struct event_message *message, int64_t by)
{
	tell_change(message, "removed", by);
}

/* ---- its end ---- */

void events_removed(const char *id)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer none CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "removed");
	tell(LOG_LEVEL_INFO, "removed", id, "qmgr", &words, &none);
}

void events_report(const char *about, const char *kind, const struct event_message *report)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, EVENT_LINE_LIMIT);
	if (log_is_json()) {
		json_string(&line, "report_id", span_from_string(report->id));
		json_string(&line, "report", span_from_string(kind));
		put_size(&line, report);
		log_json(LOG_LEVEL_INFO, "report", about, &line);
		return;
	}
	buffer_format(&line, "sender %s notification: %s", kind, report->id);
	say(LOG_LEVEL_INFO, about, "bounce", &line);
	say_size(report);
}

void events_corrupt(const char *id, const char *spool, const char *reason)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };
	char *folder CLEANUP(memory_free_string) = memory_format("%s/corrupt", spool);

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	buffer_format(&words, "does not check out and is put aside in %s: ", folder);
	event_words_masked(&words, event_words_cut(reason, EVENT_WORDS_LIMIT), "");
	event_words_string(&members, "folder", folder, EVENT_WORDS_LIMIT);
	event_words_string(&members, "reason", reason, EVENT_WORDS_LIMIT);
	tell(LOG_LEVEL_ERROR, "corrupt", id, NULL, &words, &members);
}

void events_kept_in_failed(const char *id, const char *spool)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };
	char *path CLEANUP(memory_free_string) = memory_format("%s/failed/%s", spool, id);

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	buffer_format(&words, "nobody can be told that it failed: kept in %s", path);
	event_words_string(&members, "path", path, EVENT_WORDS_LIMIT);
	tell(LOG_LEVEL_ERROR, "kept_in_failed", id, NULL, &words, &members);
}

void events_dropped(const char *id)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer none CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "nobody can be told that it failed, and it is dropped");
	tell(LOG_LEVEL_ERROR, "dropped", id, NULL, &words, &none);
}

/* ---- smarthosts ---- */

void events_connected(const char *smarthost, const char *relay, const char *security)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };
	struct span cipher = span_from_string(security);
	struct span version;

	if (!span_take_word(&cipher, &version))
		return;
	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "Verified TLS connection established to ");
	event_words_relay(&words, relay);
	buffer_append_string(&words, ": ");
	event_words_masked(&words, version, "");
	buffer_append_string(&words, " with cipher ");
	event_words_masked(&words, span_trim(cipher), "");
	event_words_string(&members, "smarthost", smarthost, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "relay", relay, EVENT_ADDRESS_LIMIT);
	event_words_security(&members, security);
	tell(LOG_LEVEL_INFO, "connected", NULL, "smtp", &words, &members);
}

static void put_smarthost(struct buffer *words, const char *smarthost, const char *sender)
{
	buffer_append_string(words, "smarthost=");
	event_words_masked(words, event_words_cut(smarthost, EVENT_ADDRESS_LIMIT), " =");
	if (sender != NULL) {
		buffer_append_byte(words, ' ');
		event_words_address(words, "sender", sender);
	}
}

void events_paused(
    const char *smarthost, const char *sender, enum event_pause why, const char *reason)
{
	static const struct {
		const char *event;
		const char *state;
	} rows[] = {
		[EVENT_DOWN] = { "smarthost_down", "down" },
		[EVENT_LOGIN_REFUSED] = { "smarthost_login_refused", "login_refused" },
		[EVENT_THROTTLED] = { "smarthost_throttled", "throttled" },
		[EVENT_ACCOUNT_REFUSED] = { "smarthost_account_refused", "account_refused" },
		[EVENT_SENDER_REFUSED] = { "sender_refused", "sender_refused" },
	};
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	/* Postfix's word, under which its log readers list it. */
	buffer_append_string(&words, "warning: ");
	put_smarthost(&words, smarthost, sender);
	buffer_format(&words, " state=%s ", rows[why].state);
	event_words_quoted(&words, "reason", reason);
	event_words_string(&members, "smarthost", smarthost, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "sender", sender, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "reason", reason, EVENT_WORDS_LIMIT);
	tell(LOG_LEVEL_WARNING, rows[why].event, NULL, "smtp", &words, &members);
}

void events_replaced(
    const char *smarthost, const char *sender, const char *replacement, const char *reason)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "warning: ");
	put_smarthost(&words, smarthost, sender);
	buffer_append_string(&words, " state=sender_replaced ");
	event_words_address(&words, "replacement", replacement);
	buffer_append_byte(&words, ' ');
	event_words_quoted(&words, "reason", reason);
	event_words_string(&members, "smarthost", smarthost, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "sender", sender, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "replacement", replacement, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "reason", reason, EVENT_WORDS_LIMIT);
	tell(LOG_LEVEL_WARNING, "sender_replaced", NULL, "smtp", &words, &members);
}

void events_resumed(const char *smarthost, const char *sender, int64_t paused)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	put_smarthost(&words, smarthost, sender);
	buffer_append_string(&words, " state=up paused=");
	event_words_delay(&words, paused);
	event_words_string(&members, "smarthost", smarthost, EVENT_ADDRESS_LIMIT);
	event_words_string(&members, "sender", sender, EVENT_ADDRESS_LIMIT);
	json_seconds(&members, "paused", paused);
	tell(LOG_LEVEL_INFO, "smarthost_up", NULL, "smtp", &words, &members);
}

/* ---- the service ---- */

void events_ready(const char *socket)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "ready");
	if (socket != NULL)
		buffer_format(&words, " at %s", socket);
	event_words_string(&members, "socket", socket, EVENT_WORDS_LIMIT);
	tell(LOG_LEVEL_INFO, "ready", NULL, NULL, &words, &members);
}

static void tell_bare(const char *event, const char *text)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer none CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_append_string(&words, text);
	tell(LOG_LEVEL_INFO, event, NULL, NULL, &words, &none);
}

void events_ended(void)
{
	tell_bare("ended", "ended");
}

void events_settings_read(void)
{
	tell_bare("settings_read", "configuration read anew");
}

void events_settings_kept(const char *reason)
{
	struct buffer words CLEANUP(buffer_finish) = { 0 };
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	buffer_init(&words, EVENT_LINE_LIMIT);
	buffer_init(&members, EVENT_LINE_LIMIT);
	buffer_append_string(&words, "the old configuration stays in force: ");
	event_words_masked(&words, event_words_cut(reason, EVENT_WORDS_LIMIT), "");
	event_words_string(&members, "reason", reason, EVENT_WORDS_LIMIT);
	tell(LOG_LEVEL_ERROR, "settings_kept", NULL, NULL, &words, &members);
}
