/* SPDX-License-Identifier: MIT */

/*
 * The whole client against a server's octets.
 *
 * First octet: the smarthost (SMARTHOSTS, then a login by bits); second: how
 * the octets are cut (the high bit: messages of unknown size); third: how many
 * recipients and messages, what the server does at the end, and (the high bit)
 * that the messages go through a window instead of one after the other.  The
 * rest is what the server says: a NUL ends what it says before the client
 * speaks, and an octet 1 stands for a NUL.
 *
 * Whatever the server says: each recipient is reported once; delivered only
 * when the whole content has left and a 2yz came; no password leaves in the
 * clear; no line of ours is anything but a command or content.
 */

#include "smtp/client/window.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "smtp/client/authenticate.h"
#include "tests/fuzz/fuzz.h"

enum { RECIPIENTS_LIMIT = 4, MESSAGES_LIMIT = 7, OUTPUT_LIMIT = 4 << 20 };

static const char *const urls[] = { "smtp+notls://relay.example", "smtp://relay.example",
	"smtp+tls://relay.example", "smtps://relay.example", "lmtp://relay.example",
	"smtp+unix:///run/submit.sock", "lmtp+unix:///run/lmtp.sock", "smtp://127.0.0.1" };

static const char user[] = "alice@example.org";
static const char password[] = "zQ9-zQ9-zQ9";
/* base64 of the password, and of a part of it wherever PLAIN may put that. */
static const char *const secrets[] = { "zQ9-zQ9-zQ9", "elE5LXpROS16UTk=", "pROS16U", "ROS16UT",
	"OS16UTk" };

/* The end tells the messages apart. */
static const char content_format[] = "Subject: hello\r\nFrom: alice@example.org\r\n\r\n"
				     ".a line\r\n.\r\n..\r\n%s";
static const char end_format[] = "the end of %u\r\n";

struct message {
	struct scene *scene;
	struct transaction transaction;
	char *content;
	char *end;
	unsigned reports[RECIPIENTS_LIMIT];
	unsigned finished;
	size_t read_offset;
};

struct scene {
	struct span script;
	struct fuzz_pieces pieces;
	bool is_turn;	/* the client has spoken since the last NUL */
	bool is_silent; /* at the end of the script, instead of closing */
	bool refuses_writes;
	bool tls_works;
	bool is_secure;
	struct buffer said; /* what the client has read so far */
	struct buffer sent; /* what the client has said */
	struct buffer shown;
	bool may_be_clear;
	struct envelope envelope;
	bool is_stream;
	bool has_window;
	struct message messages[MESSAGES_LIMIT];
	size_t message_count;
	size_t running;
};

static ssize_t peer_read(void *context, char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;
	size_t piece = fuzz_next_piece(&scene->pieces, scene->script.length);
	size_t count = 0;

	if (scene->script.length != 0 && scene->script.start[0] == '\0' && scene->is_turn) {
		scene->is_turn = false;
		scene->script = span_after(scene->script, 1);
	}
	for (; count < size && count < piece && scene->script.length != 0; count++) {
		char byte = scene->script.start[0];

		if (byte == '\0')
			break;
		bytes[count] = byte == 1 ? '\0' : byte;
		scene->script = span_after(scene->script, 1);
	}
	buffer_append(&scene->said, bytes, count);
	if (count != 0 || (scene->script.length == 0 && !scene->is_silent))
		return (ssize_t)count;
	*wants = POLLIN;
	errno = EAGAIN;
	return -1;
}

static bool holds(const struct buffer *buffer, const char *text)
{
	return buffer->length != 0 &&
	       memmem(buffer->start, buffer->length, text, strlen(text)) != NULL;
}

static ssize_t peer_write(void *context, const char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;

	(void)wants;
	if (scene->script.length == 0 && scene->refuses_writes) {
		errno = EPIPE;
		return -1;
	}
	scene->is_turn = true;
	buffer_append(&scene->sent, bytes, size);
	if (!scene->is_secure && !scene->may_be_clear)
		for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
			assert(!holds(&scene->sent, secrets[i]));
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

static int start_tls(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	struct scene *scene = context;

	(void)deadline;
	assert(stream_input(stream).length == 0 && name != NULL);
	if (!scene->tls_works)
		return error_set(
		    error, ERROR_UNAVAILABLE, "4.7.5", "certificate of %s has expired", name);
	scene->is_secure = true;
	stream->is_secure = true;
	return 0;
}

/* What the server has not said itself. */
static void show(struct scene *scene, const char *text)
{
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		assert(strstr(text, secrets[i]) == NULL || holds(&scene->said, secrets[i]));
}

static void see_trace(void *context, char direction, struct span line)
{
	struct scene *scene = context;

	assert(direction == '<' || direction == '>' || direction == '*');
	buffer_clear(&scene->shown);
	buffer_append_span(&scene->shown, line);
	show(scene, buffer_string(&scene->shown));
}

static bool has_left(const struct message *message)
{
	return holds(&message->scene->sent, message->end);
}

/* A line that begins with a code of this class has been said. */
static bool has_said(const struct scene *scene, char class_digit)
{
	struct span rest = buffer_span(&scene->said);
	struct span line;

	while (span_take_line(&rest, &line))
		if (line.length >= 3 && line.start[0] == class_digit)
			return true;
	return false;
}

static void see_result(void *context, size_t index, const struct transaction_result *result)
{
	struct message *message = context;
	struct scene *scene = message->scene;
	static const char classes[] = {
		[TRANSACTION_DELIVERED] = '2',
		[TRANSACTION_DEFERRED] = '4',
		[TRANSACTION_FAILED] = '5',
		[TRANSACTION_IN_DOUBT] = '4',
	};

	assert(index < scene->envelope.recipient_count);
	message->reports[index]++;
	assert(message->finished == 0);
	assert(result->outcome <= TRANSACTION_IN_DOUBT);
	assert(result->status[0] == classes[result->outcome]);
	assert(result->text != NULL && !span_has_control(span_from_string(result->text)));
	assert(result->reply == NULL || result->reply->code == result->code);
	show(scene, result->text);
	switch (result->outcome) {
	case TRANSACTION_DELIVERED:
		assert(result->reply != NULL && result->code / 100 == 2);
		assert(has_said(scene, '2') && has_left(message));
		break;
	case TRANSACTION_IN_DOUBT:
		assert(has_left(message));
		break;
	case TRANSACTION_FAILED:
		assert(result->code == 0 || result->code / 100 == 5);
		break;
	case TRANSACTION_DEFERRED:
		break;
	}
}

static ssize_t read_content(void *context, char *bytes, size_t size, struct error *error)
{
	struct message *message = context;
	struct span rest = span_after(span_from_string(message->content), message->read_offset);
	struct span part = span_first(rest, size < 11 ? size : 11);

	(void)error;
	if (part.length != 0)
		memcpy(bytes, part.start, part.length);
	message->read_offset += part.length;
	return (ssize_t)part.length;
}

static void check_failure(struct scene *scene, const struct error *error)
{
	fuzz_check_error(error);
	assert(error->status[0] == '4' || error->status[0] == '5');
	show(scene, error->text);
	show(scene, error->next);
}

static void check_reports(const struct message *message, unsigned count)
{
	for (size_t i = 0; i < message->scene->envelope.recipient_count; i++)
		assert(message->reports[i] == count);
}

static void prepare_message(struct scene *scene, struct message *message, unsigned number)
{
	*message = (struct message){ .scene = scene };
	message->end = memory_format(end_format, number);
	message->content = memory_format(content_format, message->end);
	message->transaction = (struct transaction){
		.envelope = &scene->envelope,
		.parameters = { .is_8bit = scene->is_stream },
		.content = { .front = span_from_string(message->content),
		    .size = (int64_t)strlen(message->content) },
		.report = see_result,
		.context = message,
	};
	if (!scene->is_stream)
		return;
	message->read_offset = 10;
	message->transaction.content = (struct content){
		.front = span_first(span_from_string(message->content), 10),
		.read = read_content,
		.context = message,
		.size = -1,
	};
}

static void run_message(struct message *message, struct session *session)
{
	struct error error = { 0 };
	int outcome = transaction_run(session, &message->transaction, &error);

	assert(session->is_usable == (outcome == 0));
	check_reports(message, 1);
	if (outcome < 0)
		check_failure(message->scene, &error);
}

static const struct transaction *next_message(void *context)
{
	struct scene *scene = context;

	return scene->running < scene->message_count
		   ? &scene->messages[scene->running++].transaction
		   : NULL;
}

static size_t waiting_messages(void *context)
{
	const struct scene *scene = context;

	return scene->message_count - scene->running;
}

/* Returned: as if it had never been tried; its content may have left if that was refused. */
static void see_finished(void *context, const struct transaction *transaction, enum window_end end)
{
	struct message *message = transaction->context;

	assert(message->scene == context);
	check_reports(message, end == WINDOW_DONE ? 1 : 0);
	assert(end == WINDOW_DONE || !has_left(message) || has_said(message->scene, '5'));
	message->finished++;
}

static void run_window(struct scene *scene, struct session *session)
{
	const struct window_source source = { .next = next_message,
		.waiting = waiting_messages,
		.finished = see_finished,
		.context = scene };
	struct error error = { 0 };
	int outcome = window_run(session, &source, &error);

	for (size_t i = 0; i < scene->running; i++)
		assert(scene->messages[i].finished == 1);
	if (outcome == 0)
		assert(scene->running == scene->message_count);
	else
		check_failure(scene, &error);
}

static void converse(struct scene *scene, const struct smarthost *smarthost, struct stream *stream)
{
	struct stream_security security = { .start = start_tls, .context = scene };
	/* Who is silent would be waited for in vain. */
	struct session_settings settings = {
		.smarthost = smarthost,
		.hello = "client.example",
		.security = &security,
		.authenticator = &authenticate_sasl,
		.trace = see_trace,
		.trace_context = scene,
	};
	struct session session;
	struct error error = { 0 };

	if (session_open(&session, stream, &settings, &error) == 0)
		assert(session.is_usable && session.step == SESSION_READY);
	else
		check_failure(scene, &error);
	if (scene->has_window && session.is_usable)
		run_window(scene, &session);
	for (size_t i = scene->running; i < scene->message_count && session.is_usable; i++)
		run_message(&scene->messages[i], &session);
	session_quit(&session);
	session_finish(&session);
}

static void fill_envelope(struct envelope *envelope, unsigned count)
{
	struct error error;

	assert(envelope_set_sender(envelope, span_from_string("alice@example.org"), &error) == 0);
	for (unsigned i = 0; i < count; i++) {
		CLEANUP(memory_free_string) char *address = memory_format("%u@example.net", i);

		assert(envelope_add_recipient(envelope, span_from_string(address),
			   span_from_string("rfc822;someone@example.org"), i % 3, &error) == 0);
	}
}

static void set_smarthost(struct smarthost *smarthost, unsigned choice)
{
	struct error error;

	smarthost_init(smarthost);
	smarthost->name = memory_copy_string("relay");
	assert(smarthost_set_url(smarthost, span_from_string(urls[choice % 8]), &error) == 0);
	if ((choice & 8) == 0)
		return;
	smarthost->user = memory_copy_string(user);
	smarthost->password = memory_copy_string(password);
	smarthost->auth = (enum smarthost_auth)((choice >> 4) % (SMARTHOST_AUTH_NONE + 1));
}

/* Every line between the commands of one session is one that we may say. */
static void check_sent(const struct scene *scene)
{
	struct span sent = buffer_span(&scene->sent);

	for (size_t i = 0; i < sent.length; i++) {
		assert(sent.start[i] != '\n' || (i > 0 && sent.start[i - 1] == '\r'));
		assert(sent.start[i] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost;
	struct span input = fuzz_input(data, size);
	unsigned choice = fuzz_take(&input);
	unsigned cut = fuzz_take(&input);
	unsigned flags = fuzz_take(&input);
	struct scene scene = {
		.script = input,
		.pieces = { cut & 0x7f },
		.is_stream = (cut & 0x80) != 0,
		.has_window = (flags & 0x80) != 0,
		.is_silent = (flags & 0x10) != 0,
		.refuses_writes = (flags & 0x20) != 0,
		.tls_works = (flags & 0x40) == 0,
	};
	struct stream stream;
	int ends[2];

	set_smarthost(&smarthost, choice);
	scene.may_be_clear = smarthost.is_loopback;
	buffer_init(&scene.said, size + 1);
	buffer_init(&scene.sent, OUTPUT_LIMIT);
	buffer_init(&scene.shown, OUTPUT_LIMIT);
	fill_envelope(&scene.envelope, 1 + flags % RECIPIENTS_LIMIT);
	scene.message_count = 1 + flags / 4 % 4 * (scene.has_window ? 2 : 1);
	for (unsigned i = 0; i < scene.message_count; i++)
		prepare_message(&scene, &scene.messages[i], i);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "relay.example:25");
	stream.operations = &peer_operations;
	stream.context = &scene;
	converse(&scene, &smarthost, &stream);
	stream_finish(&stream);
	file_close(&ends[1]);
	check_sent(&scene);
	assert(!scene.sent.has_overflowed);
	for (unsigned i = 0; i < scene.message_count; i++) {
		free(scene.messages[i].content);
		free(scene.messages[i].end);
	}
	buffer_finish(&scene.said);
	buffer_finish(&scene.sent);
	buffer_finish(&scene.shown);
	envelope_finish(&scene.envelope);
	return 0;
}
