/* SPDX-License-Identifier: MIT */

/*
 * mails - the messages of a test, and what the client says of them
 *
 * The n-th has the sender "mN@client.example" and two recipients.  fates has a
 * letter for each recipient: D delivered, T deferred, F failed, ? in doubt,
 * R returned for another session, . nothing said yet.
 */

#ifndef TESTS_SMTP_CLIENT_MAILS_H
#define TESTS_SMTP_CLIENT_MAILS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "smtp/client/window.h"
#include "tests/support/cmocka.h"

enum { MAIL_RECIPIENTS = 2 };

struct mail {
	struct envelope envelope;
	struct transaction transaction;
	char *content; /* owned */
	char fates[MAIL_RECIPIENTS + 1];
	char status[STATUS_SIZE]; /* of the first recipient */
	bool is_finished;
};

struct mails {
	struct mail *list;
	size_t count;
	size_t next; /* to be taken */
};

static inline void mail_see_result(
    void *context, size_t index, const struct transaction_result *result)
{
	struct mail *mail = context;

	/* Each exactly once, with a status and words. */
	assert_true(index < MAIL_RECIPIENTS);
	assert_int_equal(mail->fates[index], '.');
	assert_true(result->status[0] != '\0' && result->text[0] != '\0');
	mail->fates[index] = "DTF?"[result->outcome];
	if (index == 0)
		snprintf(mail->status, sizeof mail->status, "%s", result->status);
}

/* Takes over content. */
static inline void mail_make(struct mail *mail, size_t number, char *content)
{
	struct error error;
	char address[40];

	snprintf(address, sizeof address, "m%zu@client.example", number);
	assert_int_equal(
	    envelope_set_sender(&mail->envelope, span_from_string(address), &error), 0);
	for (size_t i = 0; i < MAIL_RECIPIENTS; i++) {
		snprintf(address, sizeof address, "r%zu@example.org", i);
		assert_int_equal(envelope_add_recipient(&mail->envelope, span_from_string(address),
				     span_from_string(""), 0, &error),
		    0);
	}
	mail->content = content;
	mail->transaction = (struct transaction){
		.envelope = &mail->envelope,
		.content = { .front = span_from_string(content), .size = (int64_t)strlen(content) },
		.report = mail_see_result,
		.context = mail,
	};
	memset(mail->fates, '.', MAIL_RECIPIENTS);
}

static inline void mails_finish(struct mails *mails)
{
	for (size_t i = 0; i < mails->count; i++) {
		envelope_finish(&mails->list[i].envelope);
		free(mails->list[i].content);
	}
	free(mails->list);
	*mails = (struct mails){ 0 };
}

/* ---- the source of a window ---- */

static inline const struct transaction *mails_next(void *context)
{
	struct mails *mails = context;

	return mails->next < mails->count ? &mails->list[mails->next++].transaction : NULL;
}

static inline size_t mails_waiting(void *context)
{
	const struct mails *mails = context;

	return mails->count - mails->next;
}

static inline void mails_finished(
    void *context, const struct transaction *transaction, enum window_end end)
{
	struct mail *mail = transaction->context;

	(void)context;
	assert_false(mail->is_finished);
	mail->is_finished = true;
	for (size_t i = 0; i < MAIL_RECIPIENTS; i++) {
		assert_int_equal(mail->fates[i] == '.', end == WINDOW_RETURNED);
		if (end == WINDOW_RETURNED)
			mail->fates[i] = 'R';
	}
}

/* has_backlog: the client is told how many there are, and may try for a window. */
static inline struct window_source mails_source(struct mails *mails, bool has_backlog)
{
	return (struct window_source){ .next = mails_next,
		.waiting = has_backlog ? mails_waiting : NULL,
		.finished = mails_finished,
		.context = mails };
}

#endif
