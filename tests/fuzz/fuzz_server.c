/* SPDX-License-Identifier: MIT */

/*
 * The server's end against a client's octets.
 *
 * First octet: what is offered; second: how the octets are cut; third: who
 * refuses how often.  The rest is what the client says.
 *
 * The callbacks come in a legal order, nothing of one message is left for the
 * next, every reply is one, and how the octets are cut changes nothing.
 */

#include "smtp/server/server.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "message/address.h"
#include "tests/fuzz/fuzz.h"

enum { OUTPUT_LIMIT = 8 << 20, SIZE_LIMIT = 200 };

struct scene {
	struct span input;
	struct fuzz_pieces pieces;
	bool is_whole;
	unsigned refusals; /* of every so many calls one is refused */
	unsigned calls;
	struct buffer output;
	struct buffer events;
	/* The message that is open. */
	bool is_plain; /* the private extension is gone for good */
	bool is_open;
	bool is_taken; /* mail was not refused */
	bool has_begun;
	bool may_go_on; /* begin was not refused */
	bool has_ended;
	size_t recipients;
	uint64_t octets;
	struct buffer content;
	uint64_t size_limit;
};

static ssize_t peer_read(void *context, char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;
	size_t count = scene->is_whole ? scene->input.length
				       : fuzz_next_piece(&scene->pieces, scene->input.length);

	(void)wants;
	if (count > size)
		count = size;
	if (count != 0)
		memcpy(bytes, scene->input.start, count);
	scene->input = span_after(scene->input, count);
	return (ssize_t)count;
}

static ssize_t peer_write(void *context, const char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;

	(void)wants;
	buffer_append(&scene->output, bytes, size);
	return (ssize_t)size;
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

/* True when this call is one to be refused; then reply says so. */
static bool refuse(struct scene *scene, struct server_reply *reply)
{
	scene->calls++;
	if (scene->refusals == 0 || scene->calls % scene->refusals != 0)
		return false;
	server_reply_set(
	    reply, scene->calls % 2 != 0 ? 550 : 451, "", "call %u\nis refused", scene->calls);
	reply->closes = scene->calls % 7 == 0;
	return true;
}

static void on_mail(void *context, struct span sender, const struct mail_parameters *parameters,
    struct server_reply *reply)
{
	struct scene *scene = context;
	struct error error;

	assert(!scene->is_open && address_check(sender, &error) == 0);
	assert(!scene->is_plain ||
	       (parameters->full_name[0] == '\0' && !parameters->trace &&
		   !parameters->sender_is_self && parameters->wait == COMMAND_WAIT_UNSAID));
	scene->is_open = true;
	scene->is_taken = !refuse(scene, reply);
	scene->has_begun = false;
	scene->may_go_on = false;
	scene->has_ended = false;
	scene->recipients = 0;
	scene->octets = 0;
	buffer_clear(&scene->content);
	assert(strlen(parameters->envid) <= ENVELOPE_ENVID_LIMIT);
	buffer_format(&scene->events, "mail %.*s %d %s %s\n", span_int(sender), sender.start,
	    parameters->is_8bit, parameters->envid, parameters->full_name);
}

static void on_rcpt(void *context, struct span recipient, const struct rcpt_parameters *parameters,
    struct server_reply *reply)
{
	struct scene *scene = context;
	struct error error;

	assert(scene->is_open && scene->is_taken && !scene->has_begun && !scene->has_ended);
	assert(recipient.length != 0 && address_check(recipient, &error) == 0);
	if (!refuse(scene, reply))
		scene->recipients++;
	buffer_format(&scene->events, "rcpt %.*s %u %s\n", span_int(recipient), recipient.start,
	    parameters->notify, parameters->original);
}

static void on_begin(void *context, struct server_reply *reply)
{
	struct scene *scene = context;

	assert(scene->is_open && scene->is_taken && scene->recipients != 0);
	assert(!scene->has_begun);
	scene->has_begun = true;
	scene->may_go_on = !refuse(scene, reply);
	buffer_append_string(&scene->events, "begin\n");
}

/* Of a message that turns out to be too large, how much comes depends on the pieces. */
static void on_content(void *context, struct span bytes)
{
	struct scene *scene = context;

	assert(scene->is_open && scene->has_begun && scene->may_go_on && !scene->has_ended);
	assert(bytes.length != 0);
	scene->octets += bytes.length;
	assert(scene->size_limit == 0 || scene->octets <= scene->size_limit);
	buffer_append_span(&scene->content, bytes);
}

static void on_end(void *context, struct server_reply *reply)
{
	struct scene *scene = context;

	assert(scene->is_open && scene->has_begun && scene->may_go_on && !scene->has_ended);
	scene->has_ended = true;
	(void)refuse(scene, reply);
	buffer_append_span(&scene->events, buffer_span(&scene->content));
	buffer_append_string(&scene->events, "\nend\n");
}

static void on_reset(void *context)
{
	struct scene *scene = context;

	assert(scene->is_open);
	scene->is_open = false;
	buffer_append_string(&scene->events, "reset\n");
}

static void on_log_in(
    void *context, const char *name, const char *password, struct server_reply *reply)
{
	struct scene *scene = context;

	assert(name != NULL && password != NULL);
	buffer_format(&scene->events, "log_in %s %s\n", name, password);
	if (strcmp(password, "right") != 0)
		server_reply_set(reply, 535, "5.7.8", "wrong password");
}

static void on_other(void *context, const struct command *command, struct server_reply *reply)
{
	struct scene *scene = context;

	assert(!scene->is_plain || command->verb == COMMAND_VRFY);
	buffer_format(&scene->events, "other %s\n", command_verb_name(command->verb));
	(void)refuse(scene, reply);
}

static void on_plain(void *context, struct server_reply *reply)
{
	struct scene *scene = context;

	assert(!scene->is_open && !scene->is_plain);
	scene->is_plain = !refuse(scene, reply);
	buffer_append_string(&scene->events, "plain\n");
}

static void on_trace(void *context, char direction, struct span line)
{
	(void)context;
	assert(direction == '<' || direction == '>');
	assert(span_find_byte(line, '\n') < 0);
}

static int start_tls(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	struct scene *scene = context;

	(void)deadline;
	assert(name == NULL);
	buffer_append_string(&scene->events, "tls\n");
	if (stream_input(stream).length != 0)
		return error_set(error, ERROR_UNAVAILABLE, "4.7.0", "octets before TLS");
	stream->is_secure = true;
	return 0;
}

static const struct server_handler handler = { on_mail, on_rcpt, on_begin, on_content, on_end,
	on_reset, on_log_in, on_other, on_plain, NULL };

static void check_replies(struct span output)
{
	assert(output.length != 0);
	while (output.length != 0) {
		struct reply reply;
		struct error error;
		struct span line;

		if (span_starts_with(output, COMMAND_ASIDE)) {
			assert(span_take_line(&output, &line));
			continue;
		}
		ssize_t length = reply_parse(output, &reply, &error);
		assert(length > 0);
		output = span_after(output, (size_t)length);
	}
}

static void run(struct scene *scene, const struct server_settings *settings)
{
	struct error error = { 0 };
	struct stream stream;
	int ends[2];

	buffer_init(&scene->output, OUTPUT_LIMIT);
	buffer_init(&scene->events, OUTPUT_LIMIT);
	buffer_init(&scene->content, OUTPUT_LIMIT);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	stream.operations = &peer_operations;
	stream.context = scene;
	int outcome = server_run(&stream, settings, &error);
	stream_finish(&stream);
	file_close(&ends[1]);
	assert(!scene->is_open);
	assert(outcome == 0 || outcome == 1 || outcome == -1);
	if (outcome < 0)
		fuzz_check_error(&error);
	check_replies(buffer_span(&scene->output));
}

static void finish(struct scene *scene)
{
	buffer_finish(&scene->output);
	buffer_finish(&scene->events);
	buffer_finish(&scene->content);
}

static struct server_settings make_settings(unsigned choice)
{
	return (struct server_settings){
		.name = "host.example",
		.banner = "ESMTP test",
		.offered = { .pipelining = (choice & 1) != 0,
		    .chunking = (choice & 2) == 0,
		    .eight_bit_mime = true,
		    .smtputf8 = (choice & 4) != 0,
		    .dsn = (choice & 4) != 0,
		    .enhanced_status_codes = (choice & 1) != 0,
		    .starttls = (choice & 8) != 0,
		    .size = (choice & 16) != 0,
		    .size_limit = (choice & 16) != 0 ? SIZE_LIMIT : 0,
		    .auth = "PLAIN LOGIN",
		    .mailchute = (choice & 4) != 0 },
		.auth_is_required = (choice & 32) != 0,
		.auth_needs_tls = (choice & 64) != 0,
		.command_timeout = CLOCK_NEVER,
		.content_timeout = CLOCK_NEVER,
		.handler = &handler,
		.trace = on_trace,
	};
}

static void play(struct scene *scene, struct server_settings settings, bool has_tls)
{
	struct stream_security security = { start_tls, scene };

	settings.context = scene;
	settings.security = has_tls ? &security : NULL;
	scene->size_limit = settings.offered.size_limit;
	run(scene, &settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	unsigned choice = fuzz_take(&input);
	unsigned cut = fuzz_take(&input);
	unsigned refusals = fuzz_take(&input);
	struct server_settings settings = make_settings(choice);
	struct scene whole = { .input = input, .is_whole = true, .refusals = refusals };
	struct scene pieced = { .input = input, .pieces = { cut }, .refusals = refusals };

	play(&whole, settings, settings.offered.starttls);
	play(&pieced, settings, settings.offered.starttls);
	/* What stands behind STARTTLS in the same piece ends the session; so pieces matter there.
	 */
	if (!settings.offered.starttls) {
		assert(span_equals(buffer_span(&whole.events), buffer_span(&pieced.events)));
		assert(span_equals(buffer_span(&whole.output), buffer_span(&pieced.output)));
	}
	finish(&whole);
	finish(&pieced);
	return 0;
}
