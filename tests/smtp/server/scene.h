/* SPDX-License-Identifier: MIT */

/*
 * scene - a server session without a network: input in chosen pieces, output
 * and the calls of the handler as text
 *
 * Each read of the stream gives one piece and no more, so that a test decides
 * what is one flight.  The scene itself checks that every transaction ends in
 * a reset, and that nothing is handed over outside of one.
 *
 * Include it after cmocka.h.
 */

#ifndef TESTS_SMTP_SERVER_SCENE_H
#define TESTS_SMTP_SERVER_SCENE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/server/server.h"

enum { SCENE_PIECES = 64, SCENE_LIMIT = 4 << 20 };

struct scene {
	struct server_settings settings;
	struct server_handler handler;
	struct stream_security security;
	struct span pieces[SCENE_PIECES];
	size_t piece_count;
	size_t piece;	  /* the one that is read */
	size_t read_size; /* at most so many octets a read; 0: a whole piece */
	struct buffer output;
	struct buffer codes; /* of output: "220 250" */
	struct buffer events;
	struct buffer content; /* of the message that is open */
	struct buffer trace;
	const char *refuses; /* the callback that refuses */
	int refusal;	     /* with this code */
	bool closes;
	bool drops_content; /* counts it only */
	uint64_t content_total;
	bool is_open;
	bool is_wanted; /* its place */
	unsigned writes;
	int outcome;
	struct error error;
};

static inline ssize_t scene_read(void *context, char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;

	(void)wants;
	while (scene->piece < scene->piece_count && scene->pieces[scene->piece].length == 0)
		scene->piece++;
	if (scene->piece == scene->piece_count)
		return 0;
	struct span *piece = &scene->pieces[scene->piece];
	if (size > piece->length)
		size = piece->length;
	if (scene->read_size != 0 && size > scene->read_size)
		size = scene->read_size;
	memcpy(bytes, piece->start, size);
	*piece = span_after(*piece, size);
	return (ssize_t)size;
}

static inline ssize_t scene_write(void *context, const char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;

	(void)wants;
	scene->writes++;
	buffer_append(&scene->output, bytes, size);
	return (ssize_t)size;
}

static inline void scene_close(void *context)
{
	(void)context;
}

static const struct stream_operations scene_operations = {
	.read = scene_read,
	.write = scene_write,
	.finish = scene_close,
};

static inline void scene_answer(struct scene *scene, const char *who, struct server_reply *reply)
{
	if (scene->refuses == NULL || strcmp(scene->refuses, who) != 0)
		return;
	server_reply_set(reply, scene->refusal, "", "%s refuses", who);
	reply->closes = scene->closes;
}

static inline void scene_mail(void *context, struct span sender,
    const struct mail_parameters *parameters, struct server_reply *reply)
{
	struct scene *scene = context;

	assert_false(scene->is_open);
	scene->is_open = true;
	buffer_format(&scene->events, "mail(%.*s", span_int(sender), sender.start);
	if (parameters->has_size)
		buffer_format(&scene->events, " %llu", (unsigned long long)parameters->size);
	if (parameters->full_name[0] != '\0')
		buffer_format(&scene->events, " '%s'", parameters->full_name);
	if (parameters->sender_is_self)
		buffer_append_string(&scene->events, " self");
	if (parameters->trace)
		buffer_append_string(&scene->events, " trace");
	buffer_append_string(&scene->events, ") ");
	scene_answer(scene, "mail", reply);
}

static inline void scene_rcpt(void *context, struct span recipient,
    const struct rcpt_parameters *parameters, struct server_reply *reply)
{
	struct scene *scene = context;

	(void)parameters;
	assert_true(scene->is_open);
	buffer_format(&scene->events, "rcpt(%.*s) ", span_int(recipient), recipient.start);
	scene_answer(scene, "rcpt", reply);
	if (span_starts_with(recipient, "bad"))
		server_reply_set(reply, 550, "5.1.1", "no such user");
}

static inline void scene_begin(void *context, struct server_reply *reply)
{
	struct scene *scene = context;

	assert_true(scene->is_open);
	buffer_append_string(&scene->events, "begin ");
	scene_answer(scene, "begin", reply);
}

static inline void scene_content(void *context, struct span bytes)
{
	struct scene *scene = context;

	assert_true(scene->is_open);
	assert_true(bytes.length != 0 && bytes.length <= STREAM_INPUT_LIMIT + 1);
	scene->content_total += bytes.length;
	if (!scene->drops_content)
		buffer_append_span(&scene->content, bytes);
}

static inline void scene_end(void *context, struct server_reply *reply)
{
	struct scene *scene = context;

	assert_true(scene->is_open);
	buffer_format(&scene->events, "end(%s) ", buffer_string(&scene->content));
	scene_answer(scene, "end", reply);
}

static inline void scene_reset(void *context)
{
	struct scene *scene = context;

	assert_true(scene->is_open);
	scene->is_open = false;
	buffer_clear(&scene->content);
	buffer_append_string(&scene->events, "reset ");
}

static inline void scene_log_in(
    void *context, const char *user, const char *password, struct server_reply *reply)
{
	struct scene *scene = context;

	buffer_format(&scene->events, "log_in(%s %s) ", user, password);
	if (strcmp(password, "right") != 0)
		server_reply_set(reply, 535, "5.7.8", "wrong password");
}

static inline void scene_other(
    void *context, const struct command *command, struct server_reply *reply)
{
	struct scene *scene = context;

	buffer_format(&scene->events, "other(%s %.*s) ", command_verb_name(command->verb),
	    span_int(command->argument), command->argument.start);
	scene_answer(scene, "other", reply);
}

static inline void scene_plain(void *context, struct server_reply *reply)
{
	struct scene *scene = context;

	buffer_append_string(&scene->events, "plain ");
	scene_answer(scene, "plain", reply);
}

static inline int scene_start_tls(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	struct scene *scene = context;

	(void)deadline;
	assert_null(name);
	buffer_append_string(&scene->events, "tls ");
	if (stream_input(stream).length != 0)
		return error_set(error, ERROR_UNAVAILABLE, "4.7.0", "octets before TLS");
	stream->is_secure = true;
	return 0;
}

static inline void scene_trace(void *context, char direction, struct span line)
{
	struct scene *scene = context;

	buffer_format(&scene->trace, "%c%.*s\n", direction, span_int(line), line.start);
}

static inline bool scene_is_wanted(void *context)
{
	const struct scene *scene = context;

	return scene->is_wanted;
}

/* A server that offers everything and takes everything. */
static inline void scene_init(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	buffer_init(&scene->output, SCENE_LIMIT);
	buffer_init(&scene->codes, SCENE_LIMIT);
	buffer_init(&scene->events, SCENE_LIMIT);
	buffer_init(&scene->content, SCENE_LIMIT);
	buffer_init(&scene->trace, SCENE_LIMIT);
	scene->handler = (struct server_handler){ scene_mail, scene_rcpt, scene_begin,
		scene_content, scene_end, scene_reset, scene_log_in, scene_other, scene_plain,
		scene_is_wanted };
	scene->security = (struct stream_security){ scene_start_tls, scene };
	scene->settings = (struct server_settings){ .name = "host.example",
		.banner = "ESMTP test",
		.offered = { .pipelining = true,
		    .chunking = true,
		    .eight_bit_mime = true,
		    .smtputf8 = true,
		    .dsn = true,
		    .enhanced_status_codes = true,
		    .starttls = true,
		    .size = true,
		    .auth = "PLAIN LOGIN",
		    .mailchute = true },
		.security = &scene->security,
		.command_timeout = CLOCK_NEVER,
		.content_timeout = CLOCK_NEVER,
		.handler = &scene->handler,
		.context = scene,
		.trace = scene_trace };
	scene->refusal = 550;
}

static inline void scene_finish(struct scene *scene)
{
	buffer_finish(&scene->output);
	buffer_finish(&scene->codes);
	buffer_finish(&scene->events);
	buffer_finish(&scene->content);
	buffer_finish(&scene->trace);
}

static inline void scene_add(struct scene *scene, struct span piece)
{
	assert_true(scene->piece_count < SCENE_PIECES);
	scene->pieces[scene->piece_count++] = piece;
}

static inline void scene_say(struct scene *scene, const char *piece)
{
	scene_add(scene, span_from_string(piece));
}

/* What is no reply: "END", "PARK". */
static inline bool scene_take_aside(struct scene *scene, struct span *rest)
{
	struct span line = { 0 };
	struct span word = { 0 };

	if (!span_starts_with(*rest, COMMAND_ASIDE))
		return false;
	assert_true(span_take_line(rest, &line) && span_take_word(&line, &word) &&
		    span_take_word(&line, &word));
	buffer_format(&scene->codes, " %.*s", span_int(word), word.start);
	return true;
}

/* The code of each whole reply in output. */
static inline void scene_read_codes(struct scene *scene)
{
	struct span rest = buffer_span(&scene->output);

	while (rest.length != 0) {
		struct reply reply;
		struct error error;

		if (scene_take_aside(scene, &rest))
			continue;
		ssize_t length = reply_parse(rest, &reply, &error);
		assert_true(length > 0);
		buffer_format(&scene->codes, scene->codes.length != 0 ? " %d" : "%d", reply.code);
		rest = span_after(rest, (size_t)length);
	}
}

/* Runs the session to its end. */
static inline void scene_run(struct scene *scene)
{
	struct stream stream;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	stream.operations = &scene_operations;
	stream.context = scene;
	scene->outcome = server_run(&stream, &scene->settings, &scene->error);
	stream_finish(&stream);
	close(ends[1]);
	assert_false(scene->is_open);
	scene_read_codes(scene);
}

/* One whole session from one flight. */
static inline void scene_play(struct scene *scene, const char *input)
{
	scene_init(scene);
	scene_say(scene, input);
	scene_run(scene);
}

static inline void scene_expect(struct scene *scene, const char *codes, const char *events)
{
	assert_string_equal(buffer_string(&scene->codes), codes);
	assert_string_equal(buffer_string(&scene->events), events);
}

#endif
