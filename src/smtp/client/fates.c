/* SPDX-License-Identifier: MIT */

#include "smtp/client/fates.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "smtp/client/advice.h"

enum { WHAT_SIZE = 1200 }; /* "RCPT TO:<address>" */

static const struct recipient *recipient_at(const struct fates *fates, size_t index)
{
	return &fates->transaction->envelope->recipients[index];
}

static void report(struct fates *fates, size_t index, const struct transaction_result *result)
{
	struct transaction_result told = *result;

	assert(fates->of[index] != FATE_REPORTED);

	if (fates->of[index] == FATE_OPEN)
		fates->open--;
	else
		fates->accepted--;
	fates->of[index] = FATE_REPORTED;
	told.taken = fates->taken;
	fates->transaction->report(fates->transaction->context, index, &told);
}

static void report_all(struct fates *fates, const struct transaction_result *result)
{
	for (size_t i = 0; i < fates->transaction->envelope->recipient_count; i++)
		if (fates->of[i] != FATE_REPORTED)
			report(fates, i, result);
}

static enum advice_step step_of(enum command_verb verb)
{
	if (verb == COMMAND_MAIL)
		return ADVICE_MAIL;
	return verb == COMMAND_RCPT ? ADVICE_RCPT : ADVICE_CONTENT;
}

/* What the table knows of the reply goes into the text; our own service has done so itself. */
static void advise(const struct fates *fates, enum command_verb verb, const struct reply *reply,
    struct error *error)
{
	char line[ERROR_TEXT_SIZE];

	if (fates->session->extensions.mailchute)
		return;
	advice_add(reply, fates->session->settings->smarthost, step_of(verb), error);
	error_line(error, line, sizeof line);
	memcpy(error->text, line, sizeof line);
}

/* The server's verdict; text is valid as long as error is. */
static struct transaction_result verdict(const struct fates *fates, enum command_verb verb,
    const char *what, const struct reply *reply, struct error *error)
{
	struct transaction_result result = { .code = reply->code, .reply = reply };

	if (reply_class(reply) == 2) {
		*error = (struct error){ 0 };
		reply_line(reply, error->text, sizeof error->text);
		text_copy(error->status, sizeof error->status, reply_status(reply));
		result.outcome = TRANSACTION_DELIVERED;
	} else {
		session_refused(fates->session, what, reply, error);
		result.outcome = reply_class(reply) == 4 ? TRANSACTION_DEFERRED
							 : TRANSACTION_FAILED;
		result.blame = blame_of(reply, verb);
		advise(fates, verb, reply, error);
	}
	text_copy(result.status, sizeof result.status, error->status);
	result.text = error->text;
	return result;
}

static void judge_one(struct fates *fates, size_t index, enum command_verb verb, const char *what,
    const struct reply *reply)
{
	struct error error;
	struct transaction_result result = verdict(fates, verb, what, reply, &error);

	report(fates, index, &result);
}

/* By a reply to the content, or to what announces it. */
static void judge_all(struct fates *fates, const char *what, const struct reply *reply)
{
	struct error error;
	struct transaction_result result = verdict(fates, COMMAND_DATA, what, reply, &error);

	report_all(fates, &result);
}

/* Nothing was said to the server about these: the verdict is ours. */
static void refuse(struct fates *fates, size_t index, const char *status, const char *text)
{
	struct transaction_result result = { .outcome = TRANSACTION_FAILED, .text = text };

	snprintf(result.status, sizeof result.status, "%s", status);
	report(fates, index, &result);
}

static int on_rset(struct fates *fates, const struct reply *reply, struct error *error)
{
	/* RFC 5321, 4.1.1.5 knows no refusal. */
	if (reply_class(reply) != 2)
		return session_unexpected(fates->session, "RSET", reply, error);
	fates->session->needs_reset = false;
	return 0;
}

static int on_mail(struct fates *fates, const struct reply *reply)
{
	char what[WHAT_SIZE];
	struct error error;

	if (reply_class(reply) == 2)
		return 0;
	snprintf(what, sizeof what, "MAIL FROM:<%s>", fates->transaction->envelope->sender);
	struct transaction_result result = verdict(fates, COMMAND_MAIL, what, reply, &error);
	result.is_of_sender = true;
	report_all(fates, &result);
	return 0;
}

/*
 * Too many recipients (RFC 5321, 4.5.3.1.10): 452, and 552, which RFC 821 had
 * for it.  Both also tell of a full disk and a full mailbox, so another status
 * than 4.5.3 says that nothing is to be split.  Without a status nobody can
 * know, and words prove nothing: then another transaction is the way to find
 * out, and who is the first of it and refused again gets what the reply says.
 */
static bool may_be_too_many(const struct reply *reply)
{
	return (reply->code == 452 || reply->code == 552) &&
	       (reply->status[0] == '\0' || strcmp(reply->status, "4.5.3") == 0 ||
		   strcmp(reply->status, "5.5.3") == 0);
}

/* By its status, or by its words where it has none (Exim: "452 too many recipients"). */
static bool is_too_many(const struct reply *reply)
{
	return may_be_too_many(reply) &&
	       (reply->status[0] != '\0' || strcasestr(reply->text, "too many") != NULL);
}

static void judge_too_many(
    struct fates *fates, size_t index, const char *what, const struct reply *reply)
{
	struct reply later = *reply;
	struct error error;

	if (later.code == 552) {
		later.code = 452;
		snprintf(later.status, sizeof later.status, "4.5.3");
	}
	struct transaction_result result = verdict(fates, COMMAND_RCPT, what, &later, &error);
	/* Our own service means what it says about all of the message. */
	result.may_go_next = fates->taken != 0 && !fates->session->extensions.mailchute;
	result.is_limit = result.may_go_next && is_too_many(reply);
	report(fates, index, &result);
}

static int on_rcpt(struct fates *fates, size_t index, const struct reply *reply)
{
	char what[WHAT_SIZE];

	if (fates->of[index] == FATE_REPORTED)
		return 0;
	if (reply_class(reply) == 2) {
		fates->of[index] = FATE_ACCEPTED;
		fates->open--;
		fates->accepted++;
		fates->taken++;
		return 0;
	}
	snprintf(what, sizeof what, "RCPT TO:<%s>", recipient_at(fates, index)->address);
	/* Where nobody was taken, "552 no" is what it says. */
	if (is_too_many(reply) || (may_be_too_many(reply) && fates->taken != 0))
		judge_too_many(fates, index, what, reply);
	else
		judge_one(fates, index, COMMAND_RCPT, what, reply);
	return 0;
}

static int on_data(struct fates *fates, const struct reply *reply, struct error *error)
{
	if (reply_class(reply) == 2)
		return session_unexpected(fates->session, "DATA", reply, error);
	if (reply_class(reply) == 3)
		fates->may_send = true;
	else
		judge_all(fates, "DATA", reply);
	return 0;
}

/* A chunk before the last (RFC 3030, 2): refused, the message is. */
static int on_chunk(struct fates *fates, const struct reply *reply)
{
	if (reply_class(reply) == 2)
		return 0;
	judge_all(fates, "the content", reply);
	return 0;
}

/* RFC 2033, 4.2: one reply for each recipient that was accepted, in their order. */
static int on_delivery(struct fates *fates, const struct reply *reply)
{
	while (fates->of[fates->next_accepted] != FATE_ACCEPTED)
		fates->next_accepted++;
	judge_one(fates, fates->next_accepted, COMMAND_DATA, "the content", reply);
	return 0;
}

static int on_content_end(
    struct fates *fates, enum command_verb verb, const struct reply *reply, struct error *error)
{
	/* Taken for nobody: this server counts otherwise than we do. */
	if (fates->accepted == 0 && reply_class(reply) == 2)
		return session_unexpected(fates->session, "the content for nobody", reply, error);
	/* What a refused BDAT leaves behind is not said by RFC 3030; a dot clears all. */
	fates->is_ended = verb != COMMAND_BDAT || reply_class(reply) == 2;
	if (fates->accepted == 0)
		return 0;
	if (fates->session->settings->smarthost->is_lmtp)
		return on_delivery(fates, reply);
	judge_all(fates, "the content", reply);
	return 0;
}

static const char *entry_name(const struct pipeline_entry *entry)
{
	return entry->is_content_end ? "the content" : command_verb_name(entry->verb);
}

/* The only place where a reply changes what becomes of a recipient. */
int fates_take_reply(struct fates *fates, const struct pipeline_entry *entry,
    const struct reply *reply, struct error *error)
{
	bool is_go_ahead = reply_class(reply) == 3;

	if (is_go_ahead && (entry->verb != COMMAND_DATA || entry->is_content_end))
		return session_unexpected(fates->session, entry_name(entry), reply, error);
	if (entry->is_content_end)
		return on_content_end(fates, entry->verb, reply, error);
	switch (entry->verb) {
	case COMMAND_RSET:
		return on_rset(fates, reply, error);
	case COMMAND_MAIL:
		return on_mail(fates, reply);
	case COMMAND_RCPT:
		return on_rcpt(fates, entry->recipient, reply);
	case COMMAND_DATA:
		return on_data(fates, reply, error);
	default:
		assert(entry->verb == COMMAND_BDAT);
		return on_chunk(fates, reply);
	}
}

/* RFC 1870, 6.1: what is too large is not even offered.  True when that was it. */
static bool refuse_size(struct fates *fates)
{
	const struct extensions *offered = &fates->session->extensions;
	char text[ERROR_TEXT_SIZE];
	char is[TEXT_SIZE_SIZE];
	char most[TEXT_SIZE_SIZE];
	struct error error;

	/* Our own service knows better which rule it is. */
	if (!offered->size || offered->size_limit == 0 || !fates->parameters.has_size ||
	    fates->parameters.size <= offered->size_limit || offered->mailchute)
		return false;
	text_size(fates->parameters.size, is);
	text_size(offered->size_limit, most);
	error_set(&error, ERROR_DATA, "5.3.4", "message is %s, %s takes %s (SIZE %llu)", is,
	    fates->session->stream->peer, most, (unsigned long long)offered->size_limit);
	error_code(&error, "MC-SIZE-12");
	error_means(&error, "attachments grow by a third on the way; nothing was transferred");
	error_next(&error, "send a link, or a part of it");
	error_line(&error, text, sizeof text);
	for (size_t i = 0; i < fates->transaction->envelope->recipient_count; i++)
		refuse(fates, i, "5.3.4", text);
	return true;
}

/* RFC 6531, 3.4: addresses that the server could not even read. */
static void refuse_international(struct fates *fates)
{
	const struct envelope *envelope = fates->transaction->envelope;
	bool sender_is = span_has_8bit(span_from_string(envelope->sender));
	char text[ERROR_TEXT_SIZE];

	if (fates->session->extensions.smtputf8)
		return;
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const char *address = envelope->recipients[i].address;

		if (!sender_is && !span_has_8bit(span_from_string(address)))
			continue;
		snprintf(text, sizeof text,
		    "MC-ADDR-25 %s does not offer SMTPUTF8, which the address <%s> asks for",
		    fates->session->stream->peer, sender_is ? envelope->sender : address);
		refuse(fates, i, "5.6.7", text);
	}
}

static void choose_parameters(struct fates *fates)
{
	const struct content *content = &fates->transaction->content;
	const struct envelope *envelope = fates->transaction->envelope;

	fates->parameters = fates->transaction->parameters;
	if (!fates->parameters.has_size && content->size >= 0) {
		fates->parameters.has_size = true;
		fates->parameters.size = (uint64_t)content->size;
	}
	if (envelope_needs_smtputf8(envelope))
		fates->parameters.smtputf8 = true;
	if (fates->parameters.return_content == ENVELOPE_RETURN_UNSAID)
		fates->parameters.return_content = envelope->return_content;
	if (fates->parameters.envid[0] == '\0' && envelope->envid != NULL)
		snprintf(
		    fates->parameters.envid, sizeof fates->parameters.envid, "%s", envelope->envid);
}

void fates_init(struct fates *fates, struct session *session, const struct transaction *transaction)
{
	size_t count = transaction->envelope->recipient_count;

	assert(count != 0 && transaction->envelope->sender != NULL);
	*fates = (struct fates){
		.session = session,
		.transaction = transaction,
		.of = memory_allocate((count + 1) * sizeof(enum fate)),
		.open = count,
	};
	choose_parameters(fates);
	if (!refuse_size(fates))
		refuse_international(fates);
}

void fates_finish(struct fates *fates)
{
	free(fates->of);
	*fates = (struct fates){ 0 };
}

bool fates_has_takers(const struct fates *fates)
{
	return fates->open + fates->accepted != 0;
}

bool fates_is_untold(const struct fates *fates)
{
	return fates->open + fates->accepted == fates->transaction->envelope->recipient_count;
}

void fates_give_up(struct fates *fates, const struct error *error, bool may_have_arrived)
{
	struct transaction_result result = { .outcome = TRANSACTION_DEFERRED };
	char text[ERROR_TEXT_SIZE + 100];
	struct error told = *error;

	/* RFC 1047: it may have been delivered, so the truth is that we do not know. */
	if (may_have_arrived) {
		result.outcome = TRANSACTION_IN_DOUBT;
		text_append(told.text, sizeof told.text,
		    "; all of the message had been sent, so it may have been delivered");
	}
	error_line(&told, text, sizeof text);
	/* Nobody has refused the message, whatever kept us from sending it. */
	snprintf(result.status, sizeof result.status, "%s", error->status);
	if (result.status[0] != '4')
		snprintf(result.status, sizeof result.status, "4%s",
		    result.status[0] != '\0' ? error->status + 1 : ".0.0");
	result.text = text;
	report_all(fates, &result);
}

void fates_withdraw(struct fates *fates)
{
	for (size_t i = 0; i < fates->transaction->envelope->recipient_count; i++)
		fates->of[i] = FATE_REPORTED;
	fates->open = 0;
	fates->accepted = 0;
}

void fates_reopen(struct fates *fates)
{
	fates->open = fates->transaction->envelope->recipient_count;
	for (size_t i = 0; i < fates->open; i++)
		fates->of[i] = FATE_OPEN;
}
