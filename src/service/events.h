/* SPDX-License-Identifier: MIT */

/*
 * events - what the log says of the mail, one function an event
 *
 * As text a line has Postfix's form where Postfix has one, so that its log
 * readers understand it (pflogsumm --syslog-name mailchute); the tag is
 * mailchute/ and the part of Postfix that would speak.  Else it is key=value.
 * As JSON each event is one object.  Whatever the strings hold, nothing but
 * valid UTF-8 without control characters comes out; what is long is cut.
 *
 * Members of every object:
 *
 *	time		"2026-11-23T12:00:00.123Z"
 *	level		"error", "warning", "info", "debug"
 *	program, pid	"mailchute", its process
 *	event		as below, or "note" with text: whatever else there is to say
 *	id		the queue ID, of events about a message
 *
 * Events and what else they have (? where it is known; a uid is -1 where it is
 * not; durations in seconds, sizes in octets):
 *
 *	received	uid login? entrance message_id? sender size recipients subject?
 *	refused		uid sender? reason
 *	sent, captured, deferred, bounced, expired
 *			uid sender recipient original_recipient? smarthost? relay?
 *			connection_use? delay delay_queued delay_waiting
 *			delay_connecting delay_sending tls_version? tls_cipher?
 *			dsn code? failure? reply possible_duplicate
 *	possible_duplicate
 *			(an attempt was cut off and is made again)
 *	removed		uid? (an administrator; else all is done) sender? size? recipients?
 *	held, released	uid sender size recipients
 *	report		report_id report size recipients
 *			report: "non-delivery", "delay" or "delivery status"
 *	corrupt		folder reason
 *	kept_in_failed	path
 *	dropped		(nobody could be told, and failed = "drop")
 *	connected	smarthost relay tls_version tls_cipher (TLS alone)
 *	smarthost_down, smarthost_login_refused, smarthost_throttled,
 *	smarthost_account_refused, sender_refused
 *			smarthost sender? reason
 *	sender_replaced	smarthost sender replacement reason
 *	smarthost_up	smarthost sender? paused
 *	ready		socket?
 *	ended
 *	settings_read
 *	settings_kept	reason (what is wrong with the new ones)
 *
 * delay_queued: until the message was taken up for this attempt;
 * delay_waiting: for a connection; delay_connecting: 0 on one that stood;
 * delay_sending: the transaction.  connection_use: from 2 on, as many
 * transactions as the connection has had.  code: the server's; failure: its
 * name in mailchute-errors(7).
 */

#ifndef SERVICE_EVENTS_H
#define SERVICE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strings that are NULL are not known. */
struct event_message {
	const char *id;
	int64_t uid; /* -1: not known */
	const char *login;
	const char *entrance;
	const char *message_id;
	const char *sender;
	uint64_t size;
	size_t recipient_count;
	const char *subject;
};

void events_received(const struct event_message *message);

/* It was not taken, and has no queue ID that anybody knows.  sender NULL: not asked yet. */
void events_refused(int64_t uid, const char *sender, const char *reason);

/* Milliseconds, none below 0. */
struct event_delays {
	int64_t queued;
	int64_t waiting;
	int64_t connecting;
	int64_t sending;
};

struct event_delivery {
	const char *id;
	int64_t uid; /* of the submitter; -1: not known */
	const char *sender;
	const char *recipient;
	const char *original; /* as the sender has named it, where that is another */
	const char *smarthost;
	const char *relay;    /* "host:25 [192.0.2.1]", as net/stream has it; NULL: none */
	const char *security; /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" */
	unsigned use;	      /* of the connection; 0 and 1 are not told */
	struct event_delays delays;
	const char *status;
	int code; /* 0: no reply */
	const char *reply;
};

void events_sent(const struct event_delivery *delivery);
/* Kept in a Maildir, and not sent (capture.h). */
void events_captured(const struct event_delivery *delivery);
void events_deferred(const struct event_delivery *delivery);
/* Deferred, and it may have been delivered all the same. */
void events_in_doubt(const struct event_delivery *delivery);
void events_bounced(const struct event_delivery *delivery);
/* An attempt was cut off, and its end is not known. */
void events_possible_duplicate(const char *id);
/* It has waited for too long. */
void events_expired(const struct event_delivery *delivery);

/* An administrator's deed, or a user's to his own message. */
void events_held(const struct event_message *message, int64_t by);
void events_released(const struct event_message *message, int64_t by);
/* sender NULL: nothing is known of it, for it did not check out. */
void events_removed_by(const struct event_message *message, int64_t by);

/* All is done with it. */
void events_removed(const char *id);

/* kind: "non-delivery", "delay", "delivery status"; report is the new message. */
void events_report(const char *about, const char *kind, const struct event_message *report);

/* spool: its path, in whose corrupt/ it is now. */
void events_corrupt(const char *id, const char *spool, const char *reason);
/* Nobody can be told of its failure. */
void events_kept_in_failed(const char *id, const char *spool);
void events_dropped(const char *id);

/* A session by TLS. */
void events_connected(const char *smarthost, const char *relay, const char *security);

enum event_pause {
	EVENT_DOWN,
	EVENT_LOGIN_REFUSED,
	EVENT_THROTTLED,
	EVENT_ACCOUNT_REFUSED,
	EVENT_SENDER_REFUSED,
};

/* sender: the one that alone is concerned, or NULL. */
void events_paused(
    const char *smarthost, const char *sender, enum event_pause why, const char *reason);
/* Mail of this sender, or ("") of the null sender, goes there as another. */
void events_replaced(
    const char *smarthost, const char *sender, const char *replacement, const char *reason);
/* It takes mail again, after so many milliseconds. */
void events_resumed(const char *smarthost, const char *sender, int64_t paused);

/* socket: where it listens, or NULL. */
void events_ready(const char *socket);
void events_ended(void);
void events_settings_read(void);
/* The old ones stay in force. */
void events_settings_kept(const char *reason);

#endif
