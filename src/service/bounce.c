/* SPDX-License-Identifier: MIT */

#include "service/bounce.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "message/address.h"
#include "message/header.h"
#include "message/report.h"
#include "policy/aliases.h"
#include "policy/expand.h"
#include "service/events.h"
#include "service/outgoing.h"
#include "service/routing.h"
#include "smtp/status.h"
#include "spool/checksum.h"
#include "spool/queue_error.h"
#include "spool/queue_id.h"

enum { BLOCK = 65536 };

_Static_assert((int)REPORT_STATUS_SIZE == (int)STATUS_SIZE, "a report has room for a status");

/* One report, from the recipients that it is about to the file. */
struct making {
	struct queue_file *about;
	const struct config *config;
	enum report_action action;
	struct routing routing;
	char *from;	    /* owned */
	struct envelope to; /* of the report */
	struct report report;
	const char **addresses; /* owned; borrowed strings */
	char **words; /* owned, as many as recipients of about; NULL where there is none */
	struct report_recipient *recipients;
	struct queue_file file; /* the report's own */
};

static void finish(struct making *making)
{
	free(making->from);
	free(making->addresses);
	for (size_t i = 0; making->words != NULL && i < making->about->envelope.recipient_count;
	     i++)
		free(making->words[i]);
	free(making->words);
	free(making->recipients);
	envelope_finish(&making->to);
	buffer_finish(&making->report.held);
	queue_file_finish(&making->file);
	routing_finish(&making->routing);
}

/* ---- whom a report is about ---- */

/* RFC 3461, 4.1: who says nothing is told of failures, and may be of delays. */
static bool wants(const struct recipient *recipient, enum envelope_notify kind)
{
	return recipient->notify == 0 || (recipient->notify & (unsigned)kind) != 0;
}

static bool is_meant(const struct queue_file *file, size_t recipient, enum report_action action)
{
	const struct recipient *one = &file->envelope.recipients[recipient];

	switch (action) {
	case REPORT_FAILED:
		return file->marks[recipient] == RECIPIENT_FAILED &&
		       wants(one, ENVELOPE_NOTIFY_FAILURE);
	case REPORT_DELAYED:
		return queue_file_waits(file, recipient) && wants(one, ENVELOPE_NOTIFY_DELAY);
	case REPORT_RELAYED:
	case REPORT_DELIVERED:
		break;
	}
	return file->marks[recipient] == RECIPIENT_UNTOLD;
}

static size_t count_meant(const struct queue_file *file, enum report_action action)
{
	size_t count = 0;

	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		count += is_meant(file, i, action);
	return count;
}

bool bounce_is_owed(const struct queue_file *file)
{
	return queue_file_count(file, RECIPIENT_FAILED) +
		   queue_file_count(file, RECIPIENT_UNTOLD) !=
	       0;
}

/* ---- who is told ---- */

static bool is_local(const struct queue_file *file)
{
	struct address parts = address_split(span_from_string(file->envelope.sender));

	return file->attributes.sender_is_local || parts.domain.length == 0 ||
	       expand_is_this_host(parts.domain);
}

static int address_by_name(
    const struct config *config, const char *name, struct envelope *to, struct error *error)
{
	struct aliases aliases CLEANUP(aliases_finish) = { 0 };
	struct envelope given CLEANUP(envelope_finish) = { 0 };

	if (aliases_load(&aliases, config, error) < 0 ||
	    envelope_set_sender(&given, span_from_string(""), error) < 0 ||
	    envelope_add_recipient(&given, span_from_string(name), (struct span){ 0 }, 0, error) <
		0)
		return -1;
	return expand_envelope(config, &aliases, &given, to, error);
}

/* 1: to is filled; 0: nobody can be told. */
static int find_addressees(const struct queue_file *file, const struct config *config,
    struct envelope *to, struct error *error)
{
	const char *bounce = config->bounce;
	const char *sender = file->envelope.sender;

	if (file->attributes.is_report || sender[0] == '\0' || bounce[0] == '\0')
		return 0;
	if (strchr(bounce, '@') == NULL && is_local(file)) {
		if (address_by_name(config, bounce, to, error) == 0)
			return 1;
		log_message(LOG_LEVEL_ERROR, file->id, "nobody is \"%s\" (queue { bounce }): %s",
		    bounce, error->text);
		/* An alias that leads nowhere stays so; a disk does not. */
		return error_is_temporary(error) ? -1 : 0;
	}
	const char *address = strchr(bounce, '@') != NULL ? bounce : sender;
	if (envelope_set_sender(to, span_from_string(""), error) < 0 ||
	    envelope_add_recipient(to, span_from_string(address), (struct span){ 0 }, 0, error) < 0)
		return -1;
	return 1;
}

/* What the smarthost takes as an author; what it does not know is its own to complete. */
static char *find_author(const struct config *config, const struct config_smarthost *smarthost)
{
	struct error error;
	char *from = NULL;

	if (smarthost != NULL && outgoing_from(config, smarthost, &from, &error) == 0 &&
	    from != NULL)
		return from;
	return memory_format("MAILER-DAEMON@%s", config->domain);
}

/* ---- what is known of a recipient ---- */

static bool begins_with_code(const char *text)
{
	return text[0] >= '2' && text[0] <= '5' && isdigit((unsigned char)text[1]) &&
	       isdigit((unsigned char)text[2]) && (text[3] == ' ' || text[3] == '\0');
}

/* The server's reply in "PEER refused COMMAND: 550 5.1.1 words"; NULL without one. */
static const char *find_reply(const char *words)
{
	if (begins_with_code(words))
		return words;
	for (const char *p = strstr(words, ": "); p != NULL; p = strstr(p + 2, ": "))
		if (begins_with_code(p + 2))
			return p + 2;
	return NULL;
}

static bool take_status(const char *text, char status[static STATUS_SIZE])
{
	return (text[0] == '2' || text[0] == '4' || text[0] == '5') &&
	       status_parse(span_from_string(text), text[0], status) != 0;
}

/* A verdict of ours begins with its status (attempt.c); a server's with its code. */
static void read_words(const char *words, char class, struct report_recipient *recipient)
{
	recipient->diagnostic = find_reply(words);
	recipient->words = words;
	if (take_status(words, recipient->status))
		recipient->words = words + strlen(recipient->status);
	else if (recipient->diagnostic == NULL || recipient->diagnostic[3] == '\0' ||
		 !take_status(recipient->diagnostic + 4, recipient->status))
		snprintf(recipient->status, sizeof recipient->status, "%c.0.0", class);
}

/* Whose words they are.  NULL: a unix socket, or one of several smarthosts. */
static const char *find_remote_mta(const struct making *making, size_t index)
{
	struct route_list list;

	routing_list(&making->routing, index, &list);
	return list.count == 1 ? list.smarthosts[0]->parameters.host : NULL;
}

/* What was said, without the advice, which is for whoever runs this machine. */
static char *copy_plain(const char *line)
{
	struct error failure;
	char status[STATUS_SIZE];
	/* Of a verdict of ours. */
	size_t before = take_status(line, status) ? strlen(status) : 0;

	before += strspn(line + before, " ");
	error_read_line(line + before, &failure);
	return failure.code[0] != '\0' ? memory_format("%.*s%s", (int)before, line, failure.text)
				       : memory_copy_string(line);
}

static void describe(struct making *making, size_t index, struct report_recipient *recipient)
{
	static const char classes[] = {
		[REPORT_FAILED] = '5',
		[REPORT_DELAYED] = '4',
		[REPORT_RELAYED] = '2',
		[REPORT_DELIVERED] = '2',
	};
	const struct queue_file *file = making->about;
	const char *words = file->replies[index];

	*recipient = (struct report_recipient){
		.address = file->envelope.recipients[index].address,
		.original = file->envelope.recipients[index].original,
		.last_attempt = clock_wall(),
	};
	making->words[index] = copy_plain(words != NULL ? words : file->progress.last_reply);
	read_words(making->words[index], classes[making->action], recipient);
	if (recipient->diagnostic != NULL)
		recipient->remote_mta = find_remote_mta(making, index);
	if (making->action == REPORT_DELAYED)
		recipient->will_retry_until = file->attributes.received + making->config->lifetime;
}

/* ---- the file ---- */

/* RFC 3461, 4.3: RET is about failures; of anything else only the header is returned. */
static bool returns_message(const struct making *making)
{
	const struct queue_file *file = making->about;

	if (making->action != REPORT_FAILED ||
	    file->envelope.return_content == ENVELOPE_RETURN_HEADER)
		return false;
	/*
	 * Unasked, too, where it is small: the queue file goes with the report, and
	 * who has only a header has lost what he wrote.
	 */
	return file->message_length <= (file->envelope.return_content == ENVELOPE_RETURN_FULL
					       ? BOUNCE_LARGE
					       : BOUNCE_SMALL);
}

static int copy_body(struct making *making, struct error *error)
{
	const struct queue_file *about = making->about;
	char *block CLEANUP(memory_free_string) = memory_allocate(BLOCK);
	uint64_t offset = about->message_offset + about->header_length;
	uint64_t end = about->message_offset + about->message_length;

	while (offset < end) {
		struct buffer output CLEANUP(buffer_finish) = { 0 };
		size_t size = end - offset < BLOCK ? (size_t)(end - offset) : BLOCK;

		buffer_init(&output, SIZE_MAX / 2);
		if (file_read_full_at(about->fd, block, size, (off_t)offset) != (ssize_t)size)
			return error_set(
			    error, ERROR_IO, "4.3.0", "queue file %s ends early", about->id);
		report_content(&making->report, span_from_bytes(block, size), &output);
		queue_file_write(&making->file, buffer_span(&output));
		offset += size;
	}
	return 0;
}

static int write_report(struct making *making, struct span header, struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, SIZE_MAX / 2);
	report_begin(&making->report, &text);
	size_t length = report_header_length(buffer_span(&text));
	queue_file_write(&making->file, span_first(buffer_span(&text), length));
	queue_file_end_header(&making->file);
	queue_file_write(&making->file, span_after(buffer_span(&text), length));
	buffer_clear(&text);
	report_content(&making->report, header, &text);
	queue_file_write(&making->file, buffer_span(&text));
	if (making->report.returns_message && copy_body(making, error) < 0)
		return -1;
	buffer_clear(&text);
	report_end(&making->report, &text);
	queue_file_write(&making->file, buffer_span(&text));
	return 0;
}

/* Another than who has sent the message is told. */
static bool is_other(const struct making *making)
{
	return making->to.recipient_count != 1 ||
	       strcmp(making->to.recipients[0].address, making->about->envelope.sender) != 0;
}

static void fill_report(struct making *making, struct span header)
{
	const struct queue_file *about = making->about;
	size_t count = 0;

	routing_init(&making->routing, making->config, about);
	making->from = find_author(making->config, routing_first(making->config, about));
	making->recipients = memory_allocate(
	    about->envelope.recipient_count * sizeof making->recipients[0]);
	making->words = memory_allocate(about->envelope.recipient_count * sizeof making->words[0]);
	for (size_t i = 0; i < about->envelope.recipient_count; i++)
		if (is_meant(about, i, making->action))
			describe(making, i, &making->recipients[count++]);
	making->addresses = memory_allocate(
	    making->to.recipient_count * sizeof making->addresses[0]);
	for (size_t i = 0; i < making->to.recipient_count; i++)
		making->addresses[i] = making->to.recipients[i].address;
	making->report = (struct report){
		.action = making->action,
		.sender = is_other(making) ? about->envelope.sender : NULL,
		.from = making->from,
		.to = making->addresses,
		.to_count = making->to.recipient_count,
		.reporting_mta = making->config->ehlo,
		.domain = making->config->domain,
		.queue_id = about->id,
		.envid = about->envelope.envid,
		.arrived = about->attributes.received,
		.now = clock_wall(),
		.recipients = making->recipients,
		.recipient_count = count,
		.returns_message = returns_message(making),
		.header_has_8bit = span_has_8bit(header),
		.body_has_8bit = about->attributes.has_8bit,
	};
}

static void tell_made(const struct making *making)
{
	static const char *const kinds[] = {
		[REPORT_FAILED] = "non-delivery",
		[REPORT_DELAYED] = "delay",
		[REPORT_RELAYED] = "delivery status",
		[REPORT_DELIVERED] = "delivery status",
	};
	const struct event_message report = {
		.id = making->file.id,
		.sender = "",
		.size = making->file.message_length,
		.recipient_count = making->file.envelope.recipient_count,
	};

	events_report(making->about->id, kinds[making->action], &report);
}

static int read_header(const struct queue_file *file, struct buffer *header, struct error *error)
{
	char *room = buffer_reserve(header, file->header_length);

	if (room == NULL || file_read_full_at(file->fd, room, file->header_length,
				(off_t)file->message_offset) != (ssize_t)file->header_length)
		return error_set(error, ERROR_IO, "4.3.0",
		    "the header of queue file %s cannot be read", file->id);
	buffer_extend(header, file->header_length);
	return 0;
}

/*
 * With those who are marked already, so that it is the same before, while and after
 * the marks are written; no later report is about the same.
 */
static bool is_in_name(const struct queue_file *about, size_t recipient, enum report_action action)
{
	char mark = about->marks[recipient];

	if (action == REPORT_DELAYED)
		return is_meant(about, recipient, action);
	if (action == REPORT_FAILED)
		return mark == RECIPIENT_FAILED || mark == RECIPIENT_REPORTED;
	return mark == RECIPIENT_UNTOLD || mark == RECIPIENT_DELIVERED;
}

static void name_report(
    const struct queue_file *about, enum report_action action, char id[static QUEUE_ID_SIZE])
{
	/* Which of the two it was said to be may change with the settings. */
	uint64_t kind = action == REPORT_RELAYED ? REPORT_DELIVERED : action;
	uint32_t checksum = 0;

	for (size_t i = 0; i < about->envelope.recipient_count; i++) {
		char text[24];

		if (!is_in_name(about, i, action))
			continue;
		snprintf(text, sizeof text, "%zu ", i);
		checksum = checksum_extend(checksum, span_from_string(text));
	}
	queue_id_derive(about->id, (uint64_t)checksum << 8 | (kind + 1), id);
}

/* The crash may have been between its name and the sync. */
static int sync_made(const struct queue_file *report, struct error *error)
{
	if (fsync(report->fd) < 0 || (fsync(report->queue) < 0 && errno != EINVAL))
		return error_system(error, "cannot sync queue file %s", report->id);
	return 0;
}

/*
 * 1: a crash has left the report, whole, and it is durable.  0: there is none; id
 * is what it is to be called, or "" where something damaged has its name: then it
 * takes any.
 */
static int find_made(
    const struct making *making, char id[static QUEUE_ID_SIZE], struct error *error)
{
	struct queue_file made CLEANUP(queue_file_finish) = { .fd = -1 };
	int found;

	name_report(making->about, making->action, id);
	found = queue_file_read(&made, making->about->queue, id, error);
	if (found == QUEUE_OPENED)
		return sync_made(&made, error) < 0 ? -1 : 1;
	if (found != QUEUE_MISSING)
		id[0] = '\0';
	return 0;
}

static int make(struct making *making, struct bounce *bounce, struct error *error)
{
	struct buffer header CLEANUP(buffer_finish) = { 0 };
	struct queue_attributes attributes = {
		.received = clock_wall(),
		.uid = making->about->attributes.uid,
		.entrance = "report",
		.is_report = true,
	};

	/* Whoever looked through the queue has found it, too. */
	char id[QUEUE_ID_SIZE];
	int found = find_made(making, id, error);
	if (found != 0)
		return found < 0 ? -1 : 0;
	memcpy(making->file.id, id, sizeof id);
	memcpy(attributes.about, making->about->id, sizeof attributes.about);
	buffer_init(&header, 2 * HEADER_LIMIT);
	if (read_header(making->about, &header, error) < 0)
		return -1;
	fill_report(making, buffer_span(&header));
	if (making->report.returns_message)
		attributes.longest_line = making->about->attributes.longest_line;
	attributes.has_8bit = report_is_8bit(&making->report);
	if (queue_file_create(
		&making->file, making->about->queue, &making->to, &attributes, error) < 0 ||
	    write_report(making, buffer_span(&header), error) < 0 ||
	    queue_file_commit(&making->file, error) < 0)
		return -1;
	tell_made(making);
	memcpy(bounce->ids[bounce->count++], making->file.id, QUEUE_ID_SIZE);
	return 0;
}

/* 1: a report is durable; 0: none is wanted; 2: nobody can be told. */
static int tell(struct queue_file *file, const struct config *config, enum report_action action,
    struct bounce *bounce, struct error *error)
{
	struct making making CLEANUP(finish) = {
		.about = file,
		.config = config,
		.action = action,
	};

	making.file.fd = -1;
	if (count_meant(file, action) == 0)
		return 0;
	int found = find_addressees(file, config, &making.to, error);
	if (found <= 0)
		return found == 0 ? 2 : -1;
	return make(&making, bounce, error) < 0 ? -1 : 1;
}

/* ---- the recipients ---- */

static int mark_all(
    struct queue_file *file, enum recipient_mark from, enum recipient_mark to, struct error *error)
{
	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		if (file->marks[i] == (char)from && queue_file_mark(file, i, to, "", error) < 0)
			return -1;
	return 0;
}

static int report_failures(struct queue_file *file, const struct config *config,
    struct bounce *bounce, struct error *error)
{
	if (queue_file_count(file, RECIPIENT_FAILED) == 0)
		return 0;
	int told = tell(file, config, REPORT_FAILED, bounce, error);
	bounce->is_untold = told == 2;
	if (told < 0 || told == 2)
		return told < 0 ? -1 : 0;
	return mark_all(file, RECIPIENT_FAILED, RECIPIENT_REPORTED, error);
}

/* LMTP is the last step of a delivery (RFC 2033); of any other server nobody knows. */
static bool went_by_lmtp(const struct queue_file *file, const struct config *config)
{
	struct routing routing CLEANUP(routing_finish);
	bool is_last = true;

	routing_init(&routing, config, file);
	for (size_t i = 0; i < file->envelope.recipient_count; i++) {
		struct route_list list;

		routing_list(&routing, i, &list);
		for (size_t j = 0; file->marks[i] == RECIPIENT_UNTOLD && j < list.count; j++)
			is_last = is_last && list.smarthosts[j]->parameters.is_lmtp;
		is_last = is_last && list.count != 0;
	}
	return is_last;
}

static int report_deliveries(struct queue_file *file, const struct config *config,
    struct bounce *bounce, struct error *error)
{
	if (queue_file_count(file, RECIPIENT_UNTOLD) == 0)
		return 0;
	enum report_action action = went_by_lmtp(file, config) ? REPORT_DELIVERED : REPORT_RELAYED;
	if (tell(file, config, action, bounce, error) < 0)
		return -1;
	return mark_all(file, RECIPIENT_UNTOLD, RECIPIENT_DELIVERED, error);
}

static bool is_named(
    const struct queue_file *about, enum report_action action, const struct queue_file *report)
{
	char id[QUEUE_ID_SIZE];

	if (count_meant(about, action) == 0)
		return false;
	name_report(about, action, id);
	return strcmp(id, report->id) == 0;
}

int bounce_settle(const struct queue_file *report, struct error *error)
{
	struct queue_file about CLEANUP(queue_file_finish) = { .fd = -1 };
	int outcome;

	/* Whoever has it in his hands has made up for what it owed. */
	if (report->attributes.about[0] == '\0' ||
	    queue_file_open(&about, report->queue, report->attributes.about, error) != QUEUE_OPENED)
		return 0;
	if (!bounce_is_owed(&about) && about.progress.has_warned)
		return 0;
	if (sync_made(report, error) < 0)
		return -1;
	if (is_named(&about, REPORT_FAILED, report)) {
		outcome = mark_all(&about, RECIPIENT_FAILED, RECIPIENT_REPORTED, error);
	} else if (is_named(&about, REPORT_DELIVERED, report)) {
		outcome = mark_all(&about, RECIPIENT_UNTOLD, RECIPIENT_DELIVERED, error);
	} else if (!about.progress.has_warned && is_named(&about, REPORT_DELAYED, report)) {
		about.progress.has_warned = true;
		outcome = queue_file_save_progress(&about, error);
	} else {
		return 0;
	}
	return outcome < 0 ? -1 : queue_file_sync(&about, error);
}

int bounce_report(struct queue_file *file, const struct config *config, struct bounce *bounce,
    struct error *error)
{
	*bounce = (struct bounce){ 0 };
	if (!bounce_is_owed(file))
		return 0;
	if (report_failures(file, config, bounce, error) < 0 ||
	    report_deliveries(file, config, bounce, error) < 0)
		return -1;
	return queue_file_sync(file, error);
}

int bounce_warn(struct queue_file *file, const struct config *config, struct bounce *bounce,
    struct error *error)
{
	*bounce = (struct bounce){ 0 };
	if (config->warn == 0 || file->progress.has_warned ||
	    clock_wall() - file->attributes.received < config->warn)
		return 0;
	if (tell(file, config, REPORT_DELAYED, bounce, error) < 0)
		return -1;
	file->progress.has_warned = true;
	if (queue_file_save_progress(file, error) < 0)
		return -1;
	return queue_file_sync(file, error);
}
