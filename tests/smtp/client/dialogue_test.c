/* SPDX-License-Identifier: MIT */

/*
 * Runs every conversation of tests/dialogues against the client.
 *
 * The peer is played in this process through the stream's table of
 * operations, so that nothing depends on time: a write is compared at once
 * with what the client must say now, and a read gives what the peer says next.
 * So a flight that comes too early, too late or in pieces is always noticed.
 * Each conversation is run twice, the second time with one octet a read.
 *
 * A line is a keyword, blanks, and the rest:
 *
 *	url, user, password	the smarthost (smtp+notls://relay.example)
 *	hello			our name (client.example)
 *	tls-unknown		the program has no TLS
 *	whole			do not run it octet by octet
 *	simple			one message is run by transaction_run alone, else by
 *				window_run too, which must say the same
 *	window N		all messages are run by one window_run, N in flight
 *	stumbled		session->has_stumbled at the end
 *	never TEXT		must show in no trace, no result and no error
 *	trace TEXT		a line of the trace, "> EHLO client.example"
 *	message			a message begins, of which these tell:
 *	  from, to, content	a line of the content each; escapes \r \n \xHH
 *				(with "data!" it is not harmless.h's, and goes behind RCPT)
 *	  8bit, envid TEXT, full-name TEXT
 *	  stream		the content is read in pieces and its size not known
 *	  breaks		reading the content fails at its end
 *	peer LINE, we LINE	what is said; successive lines are one flight
 *	peer-octets, we-octets	the same with escapes and without CRLF
 *	we <content>		all of the message as it is; <content 2>: of the second
 *	tls, tls-fails		the handshake
 *	close, silence		what the peer does then
 *	opened			session_open returned 0
 *	failed STEP STATUS	... -1; then words of its text
 *	result ADDRESS OUTCOME STATUS	then words of its text
 *	done			transaction_run returned 0, or WINDOW_DONE in a session that stands
 *	returned		WINDOW_RETURNED
 *	lost STATUS		... -1; then words of its text
 *	and TEXT		more words of the text of the line before
 */

#include "smtp/client/transaction.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <assert.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/memory.h"
#include "smtp/client/authenticate.h"
#include "smtp/client/window.h"
#include "tests/smtp/client/look.h"

enum { LINES_LIMIT = 400, MESSAGES_LIMIT = 30, TEXT_LIMIT = 1 << 20 };

enum deed { PEER, WE, TLS, TLS_FAILS, CLOSE, SILENCE };

struct line {
	enum deed deed;
	unsigned number;
	struct buffer octets;
	bool is_content; /* the octets are those of the message that runs, */
	size_t message;	 /* or of this one, counted from 1 */
};

struct expectation {
	unsigned number;
	struct span head;     /* "result b@example.org failed 5.1.1" */
	struct span words[4]; /* fragments of the text */
	size_t word_count;
};

struct message {
	struct envelope envelope;
	struct mail_parameters parameters;
	struct buffer content;
	bool is_stream;
	bool breaks;
	size_t read_offset;
	/* While it runs. */
	struct dialogue *dialogue;
	struct transaction transaction;
};

struct dialogue {
	const char *path;
	struct buffer text;
	struct smarthost smarthost;
	struct span user, password, hello, never;
	bool has_no_tls, is_whole, is_simple, is_window, has_stumbled;
	struct line lines[LINES_LIMIT];
	size_t line_count;
	struct expectation expectations[LINES_LIMIT];
	size_t expectation_count;
	struct span traces[LINES_LIMIT];
	size_t trace_count;
	struct message messages[MESSAGES_LIMIT];
	size_t message_count;

	/* While it runs. */
	size_t read_size;
	size_t position; /* in lines */
	size_t offset;	 /* in the line */
	size_t running;	 /* message */
	size_t met;	 /* expectations */
	bool by_window;
	bool is_trouble;
	struct look look;
	struct buffer trace;
	struct session *session;
};

/* The first thing that goes wrong is the one to look at. */
static void complain(struct dialogue *d, unsigned number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct dialogue *d, unsigned number, const char *format, ...)
{
	char text[2000];
	va_list arguments;

	if (d->is_trouble)
		return;
	d->is_trouble = true;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	print_error("%s:%u: %s (%s%s)\n", d->path, number, text,
	    d->read_size == 1 ? "octet by octet" : "whole", d->by_window ? ", window" : "");
}

/* ---- reading the file ---- */

static void unescape(struct span text, struct buffer *octets)
{
	for (size_t i = 0; i < text.length; i++) {
		char byte = text.start[i];

		if (byte == '\\' && i + 1 < text.length) {
			byte = text.start[++i];
			if (byte == 'r')
				byte = '\r';
			else if (byte == 'n')
				byte = '\n';
			else if (byte == 'x' && i + 2 < text.length) {
				char hex[3] = { text.start[i + 1], text.start[i + 2], '\0' };

				byte = (char)strtol(hex, NULL, 16);
				i += 2;
			}
		}
		buffer_append_byte(octets, byte);
	}
}

static void add_line(
    struct dialogue *d, unsigned number, enum deed deed, struct span text, bool is_escaped)
{
	struct line *line = &d->lines[d->line_count++];

	assert(d->line_count < LINES_LIMIT);
	*line = (struct line){ .deed = deed, .number = number };
	buffer_init(&line->octets, TEXT_LIMIT);
	line->is_content = deed == WE && span_starts_with(text, "<content");
	if (line->is_content)
		line->message = strtoul(text.start + strlen("<content"), NULL, 10);
	if (is_escaped) {
		unescape(text, &line->octets);
	} else if (deed == PEER || deed == WE) {
		buffer_append_span(&line->octets, text);
		buffer_append_string(&line->octets, "\r\n");
	}
}

/* head_words: how many words are to be equal; what follows is to be found in the text. */
static void add_expectation(
    struct dialogue *d, unsigned number, struct span whole, size_t head_words)
{
	struct expectation *expectation = &d->expectations[d->expectation_count++];
	struct span rest = whole;
	struct span word = { 0 };

	*expectation = (struct expectation){ .number = number };
	for (size_t i = 0; i < head_words; i++)
		span_take_word(&rest, &word);
	expectation->head = span_from_bytes(
	    whole.start, (size_t)(word.start + word.length - whole.start));
	rest = span_trim(rest);
	if (rest.length != 0)
		expectation->words[expectation->word_count++] = rest;
}

static struct message *last_message(struct dialogue *d)
{
	return &d->messages[d->message_count - 1];
}

static void begin_message(struct dialogue *d)
{
	assert(d->message_count < MESSAGES_LIMIT);
	d->message_count++;
	buffer_init(&last_message(d)->content, TEXT_LIMIT);
}

static bool read_message_line(struct dialogue *d, struct span word, struct span rest)
{
	struct message *message = last_message(d);
	struct error error;

	if (span_equals_string(word, "from")) {
		return envelope_set_sender(&message->envelope, rest, &error) == 0;
	} else if (span_equals_string(word, "to")) {
		return envelope_add_recipient(
			   &message->envelope, rest, span_from_string(""), 0, &error) == 0;
	} else if (span_equals_string(word, "content")) {
		unescape(rest, &message->content);
		buffer_append_string(&message->content, "\r\n");
	} else if (span_equals_string(word, "8bit")) {
		message->parameters.is_8bit = true;
	} else if (span_equals_string(word, "full-name")) {
		snprintf(message->parameters.full_name, sizeof message->parameters.full_name,
		    "%.*s", span_int(rest), rest.start);
	} else if (span_equals_string(word, "stream")) {
		message->is_stream = true;
	} else if (span_equals_string(word, "breaks")) {
		message->breaks = true;
	} else {
		return false;
	}
	return true;
}

static bool read_setting(struct dialogue *d, struct span word, struct span rest)
{
	struct error error;

	if (span_equals_string(word, "url"))
		return smarthost_set_url(&d->smarthost, rest, &error) == 0;
	if (span_equals_string(word, "user"))
		d->user = rest;
	else if (span_equals_string(word, "password"))
		d->password = rest;
	else if (span_equals_string(word, "hello"))
		d->hello = rest;
	else if (span_equals_string(word, "never"))
		d->never = rest;
	else if (span_equals_string(word, "tls-unknown"))
		d->has_no_tls = true;
	else if (span_equals_string(word, "whole"))
		d->is_whole = true;
	else if (span_equals_string(word, "simple"))
		d->is_simple = true;
	else if (span_equals_string(word, "stumbled"))
		d->has_stumbled = true;
	else if (span_equals_string(word, "window")) {
		d->is_window = true;
		d->smarthost.window = (unsigned)strtoul(rest.start, NULL, 10);
	} else if (span_equals_string(word, "trace"))
		d->traces[d->trace_count++] = rest;
	else if (span_equals_string(word, "message"))
		begin_message(d);
	else
		return d->message_count != 0 && read_message_line(d, word, rest);
	return true;
}

static const struct keyword {
	const char *word;
	enum deed deed;
	bool is_escaped;
} keywords[] = {
	{ "peer", PEER, false },
	{ "peer-octets", PEER, true },
	{ "we", WE, false },
	{ "we-octets", WE, true },
	{ "tls", TLS, false },
	{ "tls-fails", TLS_FAILS, false },
	{ "close", CLOSE, false },
	{ "silence", SILENCE, false },
};

static const struct event {
	const char *word;
	size_t words;
} events[] = { { "opened", 1 }, { "failed", 3 }, { "result", 4 }, { "done", 1 }, { "returned", 1 },
	{ "lost", 2 } };

static bool read_line(struct dialogue *d, unsigned number, struct span whole)
{
	struct span rest = whole;
	struct span word;

	if (!span_take_word(&rest, &word) || word.start[0] == '#')
		return true;
	while (rest.length != 0 && rest.start[0] == ' ')
		rest = span_after(rest, 1);
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (span_equals_string(word, keywords[i].word)) {
			add_line(d, number, keywords[i].deed, rest, keywords[i].is_escaped);
			return true;
		}
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (span_equals_string(word, events[i].word)) {
			add_expectation(d, number, whole, events[i].words);
			return true;
		}
	if (span_equals_string(word, "and")) {
		struct expectation *last = &d->expectations[d->expectation_count - 1];

		last->words[last->word_count++] = rest;
		return true;
	}
	return read_setting(d, word, rest);
}

static void read_dialogue(struct dialogue *d, const char *path)
{
	struct error error;
	struct span rest, line;
	unsigned number = 0;

	d->path = path;
	d->hello = span_from_string("client.example");
	buffer_init(&d->text, TEXT_LIMIT);
	buffer_init(&d->trace, TEXT_LIMIT);
	smarthost_init(&d->smarthost);
	d->smarthost.name = memory_copy_string("relay");
	if (file_read_whole(path, &d->text, &error) < 0)
		complain(d, 0, "%s", error.text);
	if (smarthost_set_url(
		&d->smarthost, span_from_string("smtp+notls://relay.example"), &error) < 0)
		complain(d, 0, "%s", error.text);
	rest = buffer_span(&d->text);
	while (span_take_line(&rest, &line))
		if (number++, !read_line(d, number, line))
			complain(d, number, "I do not understand this line");
	if (d->user.length != 0)
		d->smarthost.user = span_copy(d->user);
	if (d->password.length != 0)
		d->smarthost.password = span_copy(d->password);
}

static void finish_dialogue(struct dialogue *d)
{
	for (size_t i = 0; i < d->line_count; i++)
		buffer_finish(&d->lines[i].octets);
	for (size_t i = 0; i < d->message_count; i++) {
		envelope_finish(&d->messages[i].envelope);
		buffer_finish(&d->messages[i].content);
	}
	buffer_finish(&d->text);
	buffer_finish(&d->trace);
	smarthost_finish(&d->smarthost);
	free(d);
}

/* ---- the peer ---- */

static const struct line *current(const struct dialogue *d)
{
	return d->position < d->line_count ? &d->lines[d->position] : NULL;
}

static unsigned current_number(const struct dialogue *d)
{
	return current(d) != NULL ? current(d)->number : d->lines[d->line_count - 1].number + 1;
}

static struct span left_of(const struct dialogue *d, const struct line *line)
{
	size_t message = line->message != 0 ? line->message - 1 : d->running;
	const struct buffer *octets = line->is_content ? &d->messages[message].content
						       : &line->octets;

	return span_after(buffer_span(octets), d->offset);
}

static void advance(struct dialogue *d, size_t count)
{
	d->offset += count;
	if (left_of(d, current(d)).length == 0) {
		d->offset = 0;
		d->position++;
	}
}

static ssize_t lose(void)
{
	errno = EPIPE;
	return -1;
}

static void complain_of_octets(struct dialogue *d, const char *what, struct span octets)
{
	char shown[500];
	size_t length = 0;

	for (size_t i = 0; i < octets.length && length < sizeof shown - 8; i++) {
		char byte = octets.start[i];

		if (byte >= 0x20 && byte < 0x7f)
			shown[length++] = byte;
		else
			length += (size_t)snprintf(
			    shown + length, 5, "\\x%02x", (unsigned char)byte);
	}
	shown[length] = '\0';
	complain(d, current_number(d), "%s: %s", what, shown);
}

/* The client says something: it must be its turn and its text, and all of a flight. */
static ssize_t peer_write(void *context, const char *bytes, size_t size, short *wants)
{
	struct dialogue *d = context;
	struct span said = span_from_bytes(bytes, size);

	(void)wants;
	if (d->is_trouble)
		return lose();
	look_forget(&d->look);
	while (said.length != 0 && current(d) != NULL && current(d)->deed == WE) {
		struct span expected = span_first(left_of(d, current(d)), said.length);

		if (!span_equals(expected, span_first(said, expected.length))) {
			complain_of_octets(d, "the client said otherwise", said);
			return lose();
		}
		said = span_after(said, expected.length);
		advance(d, expected.length);
	}
	if (said.length == 0) {
		if (current(d) != NULL && current(d)->deed == WE)
			complain(d, current_number(d), "the flight ends before this line");
		return (ssize_t)size;
	}
	/* The peer goes away in the middle of what we say. */
	if (current(d) != NULL && current(d)->deed == CLOSE)
		return said.length < size ? (ssize_t)(size - said.length) : lose();
	complain_of_octets(d, "the client spoke out of turn", said);
	return lose();
}

static ssize_t peer_says(struct dialogue *d, char *bytes, size_t size)
{
	size_t count = 0;

	if (size > d->read_size)
		size = d->read_size;
	while (count < size && current(d) != NULL && current(d)->deed == PEER) {
		struct span part = span_first(left_of(d, current(d)), size - count);

		memcpy(bytes + count, part.start, part.length);
		count += part.length;
		advance(d, part.length);
	}
	return (ssize_t)count;
}

static ssize_t peer_read(void *context, char *bytes, size_t size, short *wants)
{
	struct dialogue *d = context;

	if (d->is_trouble)
		return lose();
	if (current(d) == NULL || current(d)->deed == WE) {
		if (look_may(&d->look, wants))
			return -1;
		complain(d, current_number(d), "the client waited here instead of speaking");
		return lose();
	}
	switch (current(d)->deed) {
	case PEER:
		return peer_says(d, bytes, size);
	case CLOSE:
		return 0;
	case SILENCE:
		*wants = POLLIN;
		errno = EAGAIN;
		return -1;
	default:
		complain(d, current_number(d), "the client waited here instead of starting TLS");
		return lose();
	}
}

static void peer_finish(void *context)
{
	(void)context;
}

static const struct stream_operations peer_operations = {
	.read = peer_read,
	.write = peer_write,
	.finish = peer_finish,
};

static int start_tls(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	struct dialogue *d = context;

	(void)deadline;
	assert_string_equal(name, d->smarthost.host);
	assert_int_equal(stream_input(stream).length, 0);
	if (current(d) != NULL && current(d)->deed == TLS) {
		d->position++;
		stream->is_secure = true;
		snprintf(stream->security, sizeof stream->security, "TLSv1.3 TEST");
		return 0;
	}
	if (current(d) == NULL || current(d)->deed != TLS_FAILS)
		complain(d, current_number(d), "the client began TLS here");
	else
		d->position++;
	return error_set(error, ERROR_UNAVAILABLE, "4.7.5", "certificate of %s has expired", name);
}

/* ---- the client's end ---- */

static void check_never(struct dialogue *d, const char *text)
{
	if (d->never.length == 0)
		return;
	CLEANUP(memory_free_string) char *never = span_copy(d->never);
	if (strstr(text, never) != NULL)
		complain(d, current_number(d), "a secret shows: %s", text);
}

static void see_trace(void *context, char direction, struct span line)
{
	struct dialogue *d = context;

	buffer_format(&d->trace, "\n%c %.*s\n", direction, span_int(line), line.start);
}

/* What has come out, compared with what is to come out next. */
static void see_event(struct dialogue *d, const char *head, const char *text)
{
	const struct expectation *expectation = &d->expectations[d->met];

	check_never(d, text);
	if (d->met == d->expectation_count) {
		complain(d, current_number(d), "unexpected: %s %s", head, text);
		return;
	}
	d->met++;
	if (!span_equals_string(expectation->head, head))
		complain(d, expectation->number, "this came: %s %s", head, text);
	for (size_t i = 0; i < expectation->word_count; i++) {
		CLEANUP(memory_free_string) char *words = span_copy(expectation->words[i]);

		if (strstr(text, words) == NULL)
			complain(d, expectation->number, "\"%s\" is not in: %s", words, text);
	}
}

static void see_result(void *context, size_t index, const struct transaction_result *result)
{
	static const char *const outcomes[] = {
		[TRANSACTION_DELIVERED] = "delivered",
		[TRANSACTION_DEFERRED] = "deferred",
		[TRANSACTION_FAILED] = "failed",
		[TRANSACTION_IN_DOUBT] = "in-doubt",
	};
	struct message *message = context;
	char head[1200];

	snprintf(head, sizeof head, "result %s %s %s", message->envelope.recipients[index].address,
	    outcomes[result->outcome], result->status);
	see_event(message->dialogue, head, result->text);
}

static ssize_t read_content(void *context, char *bytes, size_t size, struct error *error)
{
	struct message *message = context;
	struct span rest = span_after(buffer_span(&message->content), message->read_offset);
	struct span part = span_first(rest, size < 7 ? size : 7);

	if (part.length == 0 && message->breaks)
		return error_set(error, ERROR_IO, "4.3.0", "read message: Input/output error");
	if (part.length != 0)
		memcpy(bytes, part.start, part.length);
	message->read_offset += part.length;
	return (ssize_t)part.length;
}

static void prepare_message(struct dialogue *d, struct message *message)
{
	message->dialogue = d;
	message->read_offset = 0;
	message->transaction = (struct transaction){
		.envelope = &message->envelope,
		.parameters = message->parameters,
		.content = { .front = buffer_span(&message->content),
		    .size = (int64_t)message->content.length },
		.report = see_result,
		.context = message,
	};
	if (!message->is_stream && !message->breaks)
		return;
	message->transaction.content = (struct content){
		.front = span_first(buffer_span(&message->content), 10),
		.read = read_content,
		.context = message,
		.size = message->breaks ? (int64_t)message->content.length + 10 : -1,
	};
	message->read_offset = 10;
	if (message->is_stream)
		message->transaction.content.size = -1;
}

static void see_loss(struct dialogue *d, const struct error *error)
{
	char head[100];
	char text[2000];

	snprintf(head, sizeof head, "lost %s", error->status);
	error_line(error, text, sizeof text);
	see_event(d, head, text);
}

static void run_message(struct dialogue *d, struct session *session)
{
	struct error error = { 0 };

	if (transaction_run(session, &d->messages[d->running].transaction, &error) == 0) {
		assert_true(session->is_usable);
		see_event(d, "done", "");
		return;
	}
	assert_false(session->is_usable);
	see_loss(d, &error);
}

static const struct transaction *next_message(void *context)
{
	struct dialogue *d = context;

	return d->running < d->message_count ? &d->messages[d->running++].transaction : NULL;
}

static size_t waiting_messages(void *context)
{
	const struct dialogue *d = context;

	return d->message_count - d->running;
}

static void see_finished(void *context, const struct transaction *transaction, enum window_end end)
{
	struct dialogue *d = context;

	(void)transaction;
	if (end == WINDOW_RETURNED)
		see_event(d, "returned", "");
	else if (d->session->is_usable)
		see_event(d, "done", "");
}

static void run_window(struct dialogue *d, struct session *session)
{
	const struct window_source source = { .next = next_message,
		.waiting = waiting_messages,
		.finished = see_finished,
		.context = d };
	struct error error = { 0 };

	d->session = session;
	/* A plain <content> is the only message's. */
	for (size_t i = 0; i < d->line_count; i++)
		if (d->lines[i].is_content && d->lines[i].message == 0)
			d->lines[i].message = 1;
	if (window_run(session, &source, &error) < 0)
		see_loss(d, &error);
	if (session->has_stumbled != d->has_stumbled)
		complain(d, 0, "it %s", session->has_stumbled ? "stumbled" : "did not stumble");
}

static void see_failure(
    struct dialogue *d, const struct session *session, const struct error *error)
{
	static const char *const steps[] = {
		[SESSION_CONNECT] = "connect",
		[SESSION_GREETING] = "greeting",
		[SESSION_HELLO] = "hello",
		[SESSION_STARTTLS] = "starttls",
		[SESSION_HANDSHAKE] = "handshake",
		[SESSION_AUTH] = "auth",
		[SESSION_READY] = "ready",
		[SESSION_CLOSED] = "closed",
	};
	char head[100];
	char text[2000];

	snprintf(head, sizeof head, "failed %s %s", steps[session->step], error->status);
	error_line(error, text, sizeof text);
	see_event(d, head, text);
	assert_int_not_equal(error->kind, ERROR_NONE);
}

static void converse(struct dialogue *d, struct stream *stream)
{
	CLEANUP(memory_free_string) char *hello = span_copy(d->hello);
	struct stream_security security = { .start = start_tls, .context = d };
	struct session_settings settings = {
		.smarthost = &d->smarthost,
		.hello = hello,
		.security = d->has_no_tls ? NULL : &security,
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts,
		.trace = see_trace,
		.trace_context = d,
	};
	struct session session;
	struct error error;

	/* Who is silent in a dialogue would be waited for in vain. */
	for (size_t i = 0; i < d->line_count; i++)
		if (d->lines[i].deed == SILENCE)
			settings.timeouts = (struct session_timeouts){ 0 };
	if (session_open(&session, stream, &settings, &error) == 0)
		see_event(d, "opened", "");
	else
		see_failure(d, &session, &error);
	for (size_t i = 0; i < d->message_count; i++)
		prepare_message(d, &d->messages[i]);
	if (d->by_window && session.is_usable && d->message_count != 0)
		run_window(d, &session);
	for (; !d->by_window && d->running < d->message_count && session.is_usable; d->running++) {
		run_message(d, &session);
		if (!session.is_usable)
			break;
	}
	session_quit(&session);
	session_finish(&session);
}

static void check_end(struct dialogue *d)
{
	const struct line *line = current(d);

	if (line != NULL && line->deed != CLOSE && line->deed != SILENCE)
		complain(d, line->number, "it never came to this line");
	if (d->met != d->expectation_count)
		complain(d, d->expectations[d->met].number, "this never came out");
	check_never(d, buffer_string(&d->trace));
	for (size_t i = 0; i < d->trace_count; i++) {
		CLEANUP(memory_free_string)
		char *wanted = memory_format(
		    "\n%.*s\n", span_int(d->traces[i]), d->traces[i].start);

		if (strstr(buffer_string(&d->trace), wanted) == NULL)
			complain(d, 0, "no such line in the trace: %s%s", wanted,
			    buffer_string(&d->trace));
	}
}

static bool is_to_run(const struct dialogue *d)
{
	if (d->is_trouble || (d->is_whole && d->read_size == 1))
		return false;
	if (!d->by_window)
		return !d->is_window;
	return d->is_window || (d->message_count == 1 && !d->is_simple);
}

static bool run_dialogue(const char *path, size_t read_size, bool by_window)
{
	struct dialogue *d = memory_allocate(sizeof *d);
	struct stream stream;
	int ends[2];

	read_dialogue(d, path);
	d->read_size = read_size;
	d->by_window = by_window;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	stream_init_take_fd(&stream, ends[0], ends[0], "relay.example:25");
	d->look = (struct look){ .client = ends[0], .server = ends[1] };
	stream.operations = &peer_operations;
	stream.context = d;
	if (is_to_run(d)) {
		converse(d, &stream);
		check_end(d);
	}
	stream_finish(&stream);
	file_close(&ends[1]);

	bool is_fine = !d->is_trouble;
	finish_dialogue(d);
	return is_fine;
}

static void every_dialogue_runs_as_written(void **state)
{
	glob_t found = { 0 };
	unsigned failures = 0;

	(void)state;
	assert_int_equal(glob("dialogues/*.txt", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 35);
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!run_dialogue(found.gl_pathv[i], SIZE_MAX, false) ||
		    !run_dialogue(found.gl_pathv[i], 1, false) ||
		    !run_dialogue(found.gl_pathv[i], SIZE_MAX, true) ||
		    !run_dialogue(found.gl_pathv[i], 1, true))
			failures++;
	globfree(&found);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialogue_runs_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
