/* SPDX-License-Identifier: MIT */

/*
 * Tests smtp/client/window*.c in the large, against a server that is played in
 * this process through the stream's table of operations: it keeps the books of
 * what it accepted, and what comes out of the window is compared with them.
 * What is said in which flight stands in tests/dialogues.
 */

#include "smtp/client/window.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/smtp/client/look.h"

enum { RECIPIENTS = 3 };

/* What the server has done with a recipient, and what the client says of it. */
struct fate_of {
	char said; /* by the server: D delivered, F 5yz, T 4yz, or NUL */
	bool is_reported;
	enum transaction_outcome outcome;
};

struct mail {
	struct scene *scene;
	struct envelope envelope;
	struct transaction transaction;
	char *content;
	struct fate_of fates[RECIPIENTS];
	bool is_finished;
	bool is_returned;
};

struct scene {
	/* How the server is. */
	const char *offers;
	unsigned refusals;   /* in a hundred commands */
	bool keeps_chunks;   /* it does not swallow the chunk of a refused transaction */
	bool is_left_open;   /* a transaction was, by who used the session before */
	bool hides_waiting;  /* the client does not know that more messages wait */
	bool is_narrow;	     /* a few octets a call */
	uint64_t cut_input;  /* it takes so many octets and is gone; 0: all */
	uint64_t cut_output; /* it gives so many octets and is gone; 0: all */
	uint64_t seed;

	/* The server. */
	struct look look;
	struct buffer input, output;
	size_t given; /* of output */
	uint64_t taken, said;
	char *first_flight; /* behind EHLO, as much of it as came in one write */
	bool is_in_data;
	bool has_mail;
	size_t mail; /* the message of the open transaction */
	bool accepted[RECIPIENTS];
	size_t accepted_count;
	unsigned commands;
	unsigned evil; /* commands that were text of a message */
	unsigned refused;

	/* The client. */
	struct mail *mails;
	size_t count, next;
	size_t most_in_flight, in_flight;
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
};

static unsigned roll(struct scene *scene, unsigned sides)
{
	scene->seed = scene->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(scene->seed >> 33) % sides;
}

/* ---- the server ---- */

static void say(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct scene *scene, const char *format, ...)
{
	char text[300];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	buffer_append_string(&scene->output, text);
	buffer_append_string(&scene->output, "\r\n");
}

static bool refuses(struct scene *scene)
{
	/* The probe and the first message go well. */
	bool is_refused = scene->commands > 8 && roll(scene, 100) < scene->refusals;

	scene->refused += is_refused;
	return is_refused;
}

static void settle(struct scene *scene, char said)
{
	for (size_t i = 0; i < RECIPIENTS; i++)
		if (scene->accepted[i])
			scene->mails[scene->mail].fates[i].said = said;
}

static void clear(struct scene *scene)
{
	scene->has_mail = false;
	scene->accepted_count = 0;
	memset(scene->accepted, 0, sizeof scene->accepted);
}

static void take_mail(struct scene *scene, const char *line)
{
	if (scene->has_mail) {
		say(scene, "503 5.5.1 nested");
		return;
	}
	/* The probe has the sender of the message that follows. */
	scene->mail = strtoul(line + strlen("MAIL FROM:<m"), NULL, 10);
	if (refuses(scene)) {
		char said = roll(scene, 2) ? 'F' : 'T';

		for (size_t i = 0; i < RECIPIENTS; i++)
			scene->mails[scene->mail].fates[i].said = said;
		say(scene, "%s m%zu.", said == 'F' ? "550 5.7.1" : "450 4.7.1", scene->mail);
		return;
	}
	scene->has_mail = true;
	say(scene, "250 2.1.0 m%zu.", scene->mail);
}

static void take_recipient(struct scene *scene, const char *line)
{
	size_t index = (size_t)(line[strlen("RCPT TO:<r")] - '0');

	if (!scene->has_mail) {
		say(scene, "503 5.5.1 first MAIL");
		return;
	}
	if (refuses(scene)) {
		char said = roll(scene, 2) ? 'F' : 'T';

		scene->mails[scene->mail].fates[index].said = said;
		say(scene, "%s r%zu-m%zu.", said == 'F' ? "550 5.1.1" : "450 4.2.1", index,
		    scene->mail);
		return;
	}
	scene->accepted[index] = true;
	scene->accepted_count++;
	say(scene, "250 2.1.5 r%zu-m%zu.", index, scene->mail);
}

static void take_content(struct scene *scene, struct span content)
{
	char wanted[40];

	snprintf(wanted, sizeof wanted, "Subject: m%zu.\r\n", scene->mail);
	assert_true(span_starts_with(content, wanted));
	assert_int_equal(content.length, strlen(scene->mails[scene->mail].content));
	if (refuses(scene)) {
		char said = roll(scene, 2) ? 'F' : 'T';

		settle(scene, said);
		say(scene, "%s content m%zu.", said == 'F' ? "552 5.2.2" : "451 4.3.0",
		    scene->mail);
		/* RFC 3030 does not say, so this one stays until RSET. */
		scene->accepted_count = 0;
		memset(scene->accepted, 0, sizeof scene->accepted);
		return;
	}
	settle(scene, 'D');
	say(scene, "250 2.0.0 content m%zu.", scene->mail);
	clear(scene);
}

/* Returns the octets it took beyond the line; -1: not all are there. */
static ssize_t take_chunk(struct scene *scene, const char *line, struct span rest)
{
	size_t size = strtoul(line + strlen("BDAT "), NULL, 10);
	bool has_takers = scene->accepted_count != 0;

	if (!has_takers && scene->keeps_chunks) {
		say(scene, "503 5.5.1 nobody");
		return 0;
	}
	if (rest.length < size)
		return -1;
	if (has_takers)
		take_content(scene, span_first(rest, size));
	else
		say(scene, "503 5.5.1 nobody");
	return (ssize_t)size;
}

static void take_command(struct scene *scene, const char *line)
{
	if (strstr(line, "evil") != NULL)
		scene->evil++;
	if (strncmp(line, "EHLO", 4) == 0) {
		buffer_append_string(&scene->output, scene->offers);
	} else if (strncmp(line, "MAIL", 4) == 0) {
		take_mail(scene, line);
	} else if (strncmp(line, "RCPT", 4) == 0) {
		take_recipient(scene, line);
	} else if (strncmp(line, "DATA", 4) == 0) {
		scene->is_in_data = scene->accepted_count != 0;
		say(scene, scene->is_in_data ? "354 go" : "503 5.5.1 nobody");
	} else if (strncmp(line, "RSET", 4) == 0) {
		clear(scene);
		say(scene, "250 2.0.0 reset");
	} else if (strncmp(line, "NOOP", 4) == 0 || strncmp(line, "QUIT", 4) == 0) {
		say(scene, "250 2.0.0 fine");
	} else {
		say(scene, "500 5.5.2 what");
	}
}

/* True when something was taken from the input. */
static bool take_line(struct scene *scene)
{
	struct span input = buffer_span(&scene->input);
	ssize_t end = span_find_byte(input, '\n');

	if (end < 0)
		return false;
	CLEANUP(memory_free_string) char *line = span_copy(span_first(input, (size_t)end));
	ssize_t more = 0;
	scene->commands++;
	if (strncmp(line, "BDAT", 4) == 0)
		more = take_chunk(scene, line, span_after(input, (size_t)end + 1));
	else
		take_command(scene, line);
	if (more < 0)
		return false;
	buffer_consume(&scene->input, (size_t)(end + 1 + more));
	return true;
}

static bool take_dotted(struct scene *scene)
{
	struct span input = buffer_span(&scene->input);
	const char *end = memmem(input.start, input.length, "\r\n.\r\n", 5);

	if (end == NULL)
		return false;
	size_t length = (size_t)(end - input.start) + 2;
	scene->is_in_data = false;
	take_content(scene, span_first(input, length));
	clear(scene);
	buffer_consume(&scene->input, length + 3);
	return true;
}

static bool take_some(struct scene *scene)
{
	return scene->is_in_data ? take_dotted(scene) : take_line(scene);
}

static ssize_t server_write(void *context, const char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;

	look_forget(&scene->look);
	if (scene->cut_input != 0 && scene->taken + size > scene->cut_input)
		size = (size_t)(scene->cut_input - scene->taken);
	if (scene->cut_input != 0 && size == 0) {
		errno = EPIPE;
		return -1;
	}
	/* A full buffer, mostly as long as the client does not read. */
	if (scene->is_narrow) {
		if (roll(scene, 3) == 0 || scene->output.length - scene->given > 40) {
			*wants = POLLOUT;
			errno = EAGAIN;
			return -1;
		}
		size = size < 23 ? size : 23;
	}
	if (scene->taken != 0 && scene->first_flight == NULL)
		scene->first_flight = span_copy(span_from_bytes(bytes, size));
	scene->taken += size;
	buffer_append(&scene->input, bytes, size);
	while (take_some(scene))
		;
	return (ssize_t)size;
}

static ssize_t server_read(void *context, char *bytes, size_t size, short *wants)
{
	struct scene *scene = context;
	size_t left = scene->output.length - scene->given;

	if (left == 0 && (scene->cut_input != 0 || scene->cut_output != 0))
		return 0;
	if (left == 0 && scene->stream.output.length == 0 && look_may(&scene->look, wants))
		return -1;
	if (left == 0 && scene->stream.output.length == 0)
		fail_msg("the client waits for what will never come");
	if (left == 0) {
		*wants = POLLIN;
		errno = EAGAIN;
		return -1;
	}
	if (size > left)
		size = left;
	if (scene->is_narrow && size > 7)
		size = 7;
	if (scene->cut_output != 0 && scene->said + size > scene->cut_output)
		size = (size_t)(scene->cut_output - scene->said);
	memcpy(bytes, scene->output.start + scene->given, size);
	scene->given += size;
	scene->said += size;
	if (scene->given == scene->output.length) {
		buffer_clear(&scene->output);
		scene->given = 0;
	}
	return (ssize_t)size;
}

static void server_finish(void *context)
{
	(void)context;
}

static const struct stream_operations operations = {
	.read = server_read,
	.write = server_write,
	.finish = server_finish,
};

/* ---- the client ---- */

static void see_result(void *context, size_t index, const struct transaction_result *result)
{
	struct mail *mail = context;
	struct scene *scene = mail->scene;
	struct fate_of *fate = &mail->fates[index];
	char token[20];

	assert_false(fate->is_reported || mail->is_finished);
	fate->is_reported = true;
	fate->outcome = result->outcome;
	/* The words are those that were said to this very message. */
	snprintf(token, sizeof token, "m%zu.", (size_t)(mail - scene->mails));
	if (result->code != 0 && strstr(result->text, token) == NULL)
		fail_msg("%s got: %s", token, result->text);
}

static const struct transaction *next_mail(void *context)
{
	struct scene *scene = context;

	if (scene->next == scene->count)
		return NULL;
	if (++scene->in_flight > scene->most_in_flight)
		scene->most_in_flight = scene->in_flight;
	return &scene->mails[scene->next++].transaction;
}

static size_t waiting_mails(void *context)
{
	const struct scene *scene = context;

	return scene->hides_waiting ? 0 : scene->count - scene->next;
}

static void finish_mail(void *context, const struct transaction *transaction, enum window_end end)
{
	struct scene *scene = context;
	struct mail *mail = transaction->context;

	assert_false(mail->is_finished);
	mail->is_finished = true;
	mail->is_returned = end == WINDOW_RETURNED;
	scene->in_flight--;
}

/* A text that would do harm if it were run. */
static void make_mail(struct scene *scene, size_t number)
{
	struct mail *mail = &scene->mails[number];
	char address[40];
	struct error error;

	mail->scene = scene;
	snprintf(address, sizeof address, "m%zu@client.example", number);
	assert_int_equal(
	    envelope_set_sender(&mail->envelope, span_from_string(address), &error), 0);
	for (size_t i = 0; i < RECIPIENTS; i++) {
		snprintf(address, sizeof address, "r%zu@example.org", i);
		assert_int_equal(envelope_add_recipient(&mail->envelope, span_from_string(address),
				     span_from_string(""), 0, &error),
		    0);
	}
	mail->content = memory_format(
	    "Subject: m%zu.\r\n\r\nRSET\r\nMAIL FROM:<m0@evil.example>\r\n"
	    "RCPT TO:<r0@evil.example>\r\nBDAT 5 LAST evil\r\nevil\r\n",
	    number);
	mail->transaction = (struct transaction){
		.envelope = &mail->envelope,
		.content = { .front = span_from_string(mail->content),
		    .size = (int64_t)strlen(mail->content) },
		.report = see_result,
		.context = mail,
	};
}

#define ALL "250-server\r\n250-PIPELINING\r\n250 CHUNKING\r\n"

static struct scene *scene_new(const char *offers, size_t count)
{
	struct scene *scene = memory_allocate(sizeof *scene);
	int ends[2];

	*scene = (struct scene){ .offers = offers, .count = count, .seed = 20240607 };
	scene->mails = memory_allocate(count * sizeof *scene->mails);
	for (size_t i = 0; i < count; i++)
		make_mail(scene, i);
	buffer_init(&scene->input, 1 << 24);
	buffer_init(&scene->output, 1 << 24);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	/* Its own ends tell poll that there is always room, and never input. */
	stream_init_take_fd(&scene->stream, ends[0], ends[1], "server:25");
	scene->look = (struct look){ .client = ends[0], .server = ends[1] };
	scene->stream.operations = &operations;
	scene->stream.context = scene;
	smarthost_init(&scene->smarthost);
	scene->smarthost.tls = SMARTHOST_TLS_NEVER;
	scene->settings = (struct session_settings){ .smarthost = &scene->smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts };
	return scene;
}

static void scene_free(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++) {
		envelope_finish(&scene->mails[i].envelope);
		free(scene->mails[i].content);
	}
	free(scene->mails);
	free(scene->first_flight);
	session_finish(&scene->session);
	stream_finish(&scene->stream);
	buffer_finish(&scene->input);
	buffer_finish(&scene->output);
	smarthost_finish(&scene->smarthost);
	free(scene);
}

/* -1 when the session was lost. */
static int run(struct scene *scene)
{
	const struct window_source source = { .next = next_mail,
		.waiting = waiting_mails,
		.finished = finish_mail,
		.context = scene };
	struct error error = { 0 };

	say(scene, "220 server");
	if (session_open(&scene->session, &scene->stream, &scene->settings, &error) < 0)
		return -1;
	scene->session.needs_reset = scene->is_left_open;
	return window_run(&scene->session, &source, &error);
}

static enum transaction_outcome wanted_of(char said)
{
	return said == 'D' ? TRANSACTION_DELIVERED
			   : (said == 'F' ? TRANSACTION_FAILED : TRANSACTION_DEFERRED);
}

/* Every recipient has the fate that the server has written down, and no text was run. */
static void check_all(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++) {
		assert_true(scene->mails[i].is_finished && !scene->mails[i].is_returned);
		for (size_t j = 0; j < RECIPIENTS; j++) {
			const struct fate_of *fate = &scene->mails[i].fates[j];

			assert_true(fate->is_reported && fate->said != '\0');
			assert_int_equal(fate->outcome, wanted_of(fate->said));
		}
	}
	assert_int_equal(scene->evil, 0);
	assert_int_equal(scene->in_flight, 0);
}

static void results_are_never_swapped(void **state)
{
	static const struct row {
		const char *name;
		const char *offers;
		bool keeps_chunks;
		bool is_narrow;
		size_t in_flight;
	} rows[] = {
		{ "window", ALL, false, false, SMARTHOST_WINDOW },
		{ "window, narrow", ALL, false, true, SMARTHOST_WINDOW },
		{ "chunks are kept", ALL, true, false, 2 },
		{ "chunks are kept, narrow", ALL, true, true, 2 },
		{ "PIPELINING", "250-server\r\n250 PIPELINING\r\n", false, false, 2 },
		{ "PIPELINING, narrow", "250-server\r\n250 PIPELINING\r\n", false, true, 2 },
		{ "CHUNKING", "250-server\r\n250 CHUNKING\r\n", false, false, 1 },
		{ "neither", "250 server\r\n", false, true, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene *scene = scene_new(rows[i].offers, 12000);

		scene->keeps_chunks = rows[i].keeps_chunks;
		scene->is_narrow = rows[i].is_narrow;
		scene->refusals = 25;
		assert_int_equal(run(scene), 0);
		check_all(scene);
		assert_true(scene->refused >= 10000);
		if (scene->most_in_flight < rows[i].in_flight)
			fail_msg("%s: %zu in flight", rows[i].name, scene->most_in_flight);
		if (scene->most_in_flight > rows[i].in_flight + 1)
			fail_msg("%s: %zu in flight", rows[i].name, scene->most_in_flight);
		scene_free(scene);
	}
}

/* A text that may go ahead. */
static void make_harmless(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++) {
		struct mail *mail = &scene->mails[i];

		free(mail->content);
		mail->content = memory_format("Subject: m%zu.\r\n\r\nlo\r\n\r\nhi\r\n", i);
		mail->transaction.content = (struct content){
			.front = span_from_string(mail->content),
			.size = (int64_t)strlen(mail->content),
		};
	}
}

/* What a cut leaves: nothing that was taken is sent again unsaid, nothing is called delivered. */
static void check_cut(const struct scene *scene)
{
	for (size_t i = 0; i < scene->next; i++) {
		const struct mail *mail = &scene->mails[i];

		assert_true(mail->is_finished);
		for (size_t j = 0; j < RECIPIENTS; j++) {
			const struct fate_of *fate = &mail->fates[j];

			assert_int_equal(fate->is_reported, !mail->is_returned);
			if (mail->is_returned)
				assert_int_not_equal(fate->said, 'D');
			else if (fate->said == 'D')
				assert_true(fate->outcome == TRANSACTION_DELIVERED ||
					    fate->outcome == TRANSACTION_IN_DOUBT);
			else
				assert_int_not_equal(fate->outcome, TRANSACTION_DELIVERED);
		}
	}
}

static uint64_t cut(const char *offers, bool is_input, uint64_t at, unsigned refusals)
{
	/* With every second rate of refusals, one message after the other goes ahead. */
	bool is_ahead = refusals % 2 == 1;
	struct scene *scene = scene_new(offers, 8);
	uint64_t total;

	if (is_ahead)
		make_harmless(scene);
	scene->hides_waiting = is_ahead;
	scene->smarthost.window = 3;
	scene->refusals = refusals;
	if (is_input)
		scene->cut_input = at;
	else
		scene->cut_output = at;
	int outcome = run(scene);
	total = is_input ? scene->taken : scene->said;
	if (at == 0) {
		assert_int_equal(outcome, 0);
		check_all(scene);
	} else {
		check_cut(scene);
	}
	scene_free(scene);
	return total;
}

static void every_cut_leaves_the_truth(void **state)
{
	static const char *const offers[] = { ALL, "250-server\r\n250 PIPELINING\r\n",
		"250 server\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		for (unsigned refusals = 0; refusals <= 30; refusals += 15) {
			for (int is_input = 0; is_input < 2; is_input++) {
				uint64_t total = cut(offers[i], is_input, 0, refusals);

				for (uint64_t at = 1; at < total; at++)
					cut(offers[i], is_input, at, refusals);
			}
		}
	}
}

/*
 * A server that runs the text of a refused transaction: whenever it does, the
 * session ends before another message could get what is not its own.
 */
static void text_that_is_run_is_found_out(void **state)
{
	unsigned stumbles = 0;

	(void)state;
	for (unsigned seed = 0; seed < 3000; seed++) {
		struct scene *scene = scene_new(ALL, 12);

		make_harmless(scene);
		scene->seed += seed;
		scene->keeps_chunks = true;
		scene->hides_waiting = seed % 4 != 0;
		scene->is_narrow = seed % 3 == 0;
		scene->refusals = 40;
		if (run(scene) < 0)
			stumbles += scene->session.has_stumbled;
		else
			check_all(scene);
		check_cut(scene);
		for (size_t i = 0; i < scene->next; i++)
			for (size_t j = 0; j < RECIPIENTS; j++)
				assert_true(scene->mails[i].is_returned ||
					    scene->mails[i].fates[j].outcome ==
						wanted_of(scene->mails[i].fates[j].said));
		scene_free(scene);
	}
	assert_true(stumbles > 100 && stumbles < 2900);
}

/* What was left open may have been a chunk whose text is being run. */
static void nothing_goes_ahead_behind_what_was_left(void **state)
{
	(void)state;
	for (int is_left_open = 0; is_left_open < 2; is_left_open++) {
		struct scene *scene = scene_new(ALL, 1);

		make_harmless(scene);
		scene->is_left_open = is_left_open != 0;
		assert_int_equal(run(scene), 0);
		check_all(scene);
		assert_int_equal(strstr(scene->first_flight, "RSET") != NULL, is_left_open);
		assert_int_equal(strstr(scene->first_flight, "BDAT") == NULL, is_left_open);
		scene_free(scene);
	}
}

static void make_large(struct scene *scene, size_t size)
{
	for (size_t i = 0; i < scene->count; i++) {
		struct mail *mail = &scene->mails[i];

		free(mail->content);
		mail->content = memory_format(
		    "Subject: m%zu.\r\n\r\n%*s\r\nRSET evil\r\n", i, (int)size, "x");
		mail->transaction.content = (struct content){
			.front = span_from_string(mail->content),
			.size = (int64_t)strlen(mail->content),
		};
	}
}

/* How many are in flight is bounded by their commands and their octets as well. */
static void large_windows_are_bounded(void **state)
{
	static const struct row {
		const char *name;
		unsigned window;
		size_t size; /* of a message; 0: a small one */
		bool is_narrow;
		size_t in_flight;
	} rows[] = {
		{ "a window of 40", 40, 0, false, 40 },
		{ "a window of 150", 150, 0, false, 150 },
		/* RSET, MAIL, three RCPT and BDAT: 1024 are 170 messages and a part at each end. */
		{ "a window of 1000", 1000, 0, false, 172 },
		{ "a window of 1000, narrow", 1000, 0, true, 172 },
		{ "large messages", 1000, WINDOW_OCTETS / 8, false, 8 },
		{ "larger ones than the window", 1000, WINDOW_OCTETS + 1, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene *scene = scene_new(ALL, rows[i].size != 0 ? 30 : 3000);

		if (rows[i].size != 0)
			make_large(scene, rows[i].size);
		scene->smarthost.window = rows[i].window;
		scene->is_narrow = rows[i].is_narrow;
		scene->refusals = 25;
		assert_int_equal(run(scene), 0);
		check_all(scene);
		if (scene->most_in_flight > rows[i].in_flight ||
		    (!rows[i].is_narrow && scene->most_in_flight < rows[i].in_flight))
			fail_msg("%s: %zu in flight", rows[i].name, scene->most_in_flight);
		scene_free(scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_are_never_swapped),
		cmocka_unit_test(every_cut_leaves_the_truth),
		cmocka_unit_test(text_that_is_run_is_found_out),
		cmocka_unit_test(nothing_goes_ahead_behind_what_was_left),
		cmocka_unit_test(large_windows_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
