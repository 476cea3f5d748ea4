/* SPDX-License-Identifier: MIT */

/*
 * event_words - what the lines of events are made of, whatever octets it holds
 *
 * Text: nothing but characters that may be shown, and none that would end the
 * place it stands in, so that nobody can forge what follows.  What is long is
 * cut between two characters.
 */

#ifndef SERVICE_EVENT_WORDS_H
#define SERVICE_EVENT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

enum {
	EVENT_LINE_LIMIT = 12000, /* of all members */
	EVENT_ADDRESS_LIMIT = 320,
	EVENT_SUBJECT_LIMIT = 200,
	EVENT_WORDS_LIMIT = 1000,
};

/* At most limit octets, and whole characters. */
struct span event_words_cut(const char *text, size_t limit);

/* ---- text ---- */

/* ends: what must not stand in it. */
void event_words_masked(struct buffer *line, struct span text, const char *ends);

/* name=<address> */
void event_words_address(struct buffer *line, const char *name, const char *address);

/* name="words" */
void event_words_quoted(struct buffer *line, const char *name, const char *words);

/* Two digits that count, as Postfix has it: "0.05", "7.25", "12.5", "300". */
void event_words_delay(struct buffer *line, int64_t milliseconds);

/* "host:25 [192.0.2.1]" as Postfix has it: host[192.0.2.1]:25.  A comma would end it. */
void event_words_relay(struct buffer *line, const char *relay);

/* ---- members of an object (base/json.h) ---- */

/* None for NULL. */
void event_words_string(struct buffer *members, const char *name, const char *value, size_t limit);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; none for NULL and "". */
void event_words_security(struct buffer *members, const char *security);

#endif
