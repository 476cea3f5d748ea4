/* SPDX-License-Identifier: MIT */

/*
 * Tests worker/feed.c, as the service and the window see it: requests and
 * results go over a channel, and this file plays the window, with the real
 * fates (smtp/client/fates.h) of each transaction and replies as of a server.
 */

#include "worker/feed.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "smtp/client/fates.h"

enum { MESSAGES = 6, RECIPIENTS = 12 };

#define HEADER "Subject: test\r\n\r\n"
#define BODY "The body.\r\n"

/* What the service has heard of one message, by the number of its request. */
struct heard {
	unsigned times[RECIPIENTS];
	struct result last[RECIPIENTS];
	unsigned done;
};

struct scene {
	struct channel service;
	struct channel worker;
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	struct feed feed;
	struct window_source source;
	int content;
	struct heard heard[MESSAGES];
};

static void scene_init(struct scene *scene)
{
	int ends[2];

	memset(scene, 0, sizeof *scene);
	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(&scene->service, ends[0]);
	channel_init_take_fd(&scene->worker, ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&scene->stream, ends[0], ends[1], "peer");
	scene->settings = (struct session_settings){ .smarthost = &scene->smarthost };
	scene->session = (struct session){ .stream = &scene->stream,
		.settings = &scene->settings,
		.is_usable = true,
		.extensions = { .eight_bit_mime = true } };
	scene->content = memfd_create("content", MFD_CLOEXEC);
	assert_int_equal(file_write_all(scene->content, span_from_string("before" BODY)), 0);
	feed_init(&scene->feed, &scene->worker, &scene->session);
	scene->source = feed_source(&scene->feed);
}

static void scene_finish(struct scene *scene)
{
	feed_finish(&scene->feed);
	assert_int_equal(scene->feed.jobs, 0);
	assert_int_equal(scene->feed.octets, 0);
	channel_finish(&scene->service);
	channel_finish(&scene->worker);
	session_finish(&scene->session);
	stream_finish(&scene->stream);
	file_close(&scene->content);
}

static size_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* ---- the service ---- */

static struct request_attempt make_attempt(uint32_t number, size_t recipients)
{
	struct request_attempt attempt = {
		.number = number,
		.header = memory_copy_string(HEADER),
		.header_length = strlen(HEADER),
		.body_offset = strlen("before"),
		.body_length = strlen(BODY),
		.longest_line = 20,
	};
	char address[60];
	struct error error;

	snprintf(address, sizeof address, "sender%u@client.example", number);
	assert_int_equal(
	    envelope_set_sender(&attempt.envelope, span_from_string(address), &error), 0);
	for (size_t i = 0; i < recipients; i++) {
		snprintf(address, sizeof address, "r%zu@m%u.example", i, number);
		assert_int_equal(envelope_add_recipient(&attempt.envelope,
				     span_from_string(address), span_from_string(""), 0, &error),
		    0);
	}
	return attempt;
}

/* Sends it and finishes it. */
static void send_attempt(struct scene *scene, struct request_attempt *attempt)
{
	CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };

	request_encode_attempt(attempt, &message);
	assert_int_equal(channel_send(&scene->service, buffer_span(&message), scene->content), 0);
	request_finish_attempt(attempt);
}

static void send_message(struct scene *scene, uint32_t number, size_t recipients)
{
	struct request_attempt attempt = make_attempt(number, recipients);

	send_attempt(scene, &attempt);
}

static void note(struct scene *scene, const struct result *result)
{
	struct heard *heard = &scene->heard[result->number];

	assert_true(result->number < MESSAGES);
	assert_int_equal(heard->done, 0);
	if (result->kind == RESULT_DONE) {
		heard->done++;
		return;
	}
	assert_int_equal(result->kind, RESULT_RECIPIENT);
	assert_true(result->recipient < RECIPIENTS);
	heard->last[result->recipient] = *result;
	/* The second one would be written over the first in the queue file. */
	if (++heard->times[result->recipient] != 1)
		fail_msg("recipient %u of message %u is reported twice", result->recipient,
		    result->number);
}

static void hear(struct scene *scene)
{
	struct pollfd ready = { .fd = scene->service.fd, .events = POLLIN };

	while (poll(&ready, 1, 0) > 0 && channel_fill(&scene->service) > 0)
		;
	for (;;) {
		CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
		struct result result;
		struct error error;
		int descriptor;

		if (channel_take(&scene->service, &message, &descriptor) != 1)
			return;
		assert_int_equal(result_decode(buffer_span(&message), &result, &error), 0);
		note(scene, &result);
	}
}

/* A letter a recipient: delivered, deferred (T), failed, in doubt (?), nothing (-); "!" is done. */
static void expect_heard(struct scene *scene, uint32_t number, const char *letters)
{
	const struct heard *heard = &scene->heard[number];
	char found[RECIPIENTS + 2] = "";
	size_t count = strlen(letters) - (letters[strlen(letters) - 1] == '!');

	hear(scene);
	for (size_t i = 0; i < count; i++)
		found[i] = heard->times[i] != 0 ? "DTF?"[heard->last[i].outcome] : '-';
	if (heard->done != 0)
		found[count] = '!';
	assert_string_equal(found, letters);
}

/* ---- the window ---- */

/* All that the service has sent is read. */
static void attend(struct scene *scene)
{
	struct pollfd ready = { .events = POLLIN };

	for (;;) {
		ready.fd = scene->source.descriptor(&scene->feed);
		if (ready.fd < 0 || poll(&ready, 1, 0) <= 0)
			return;
		if (!scene->source.attend(&scene->feed))
			return;
	}
}

struct flight {
	const struct transaction *transaction;
	struct fates fates;
};

/* False: there is none. */
static bool take_off(struct scene *scene, struct flight *flight)
{
	attend(scene);
	flight->transaction = scene->source.next(&scene->feed);
	if (flight->transaction == NULL)
		return false;
	fates_init(&flight->fates, &scene->session, flight->transaction);
	return true;
}

static void answer(
    struct scene *scene, struct flight *flight, struct pipeline_entry entry, const char *line)
{
	struct reply reply;
	struct error error;
	char text[200];

	(void)scene;
	snprintf(text, sizeof text, "%s\r\n", line);
	assert_true(reply_parse(span_from_string(text), &reply, &error) > 0);
	assert_int_equal(fates_take_reply(&flight->fates, &entry, &reply, &error), 0);
}

static void answer_recipient(
    struct scene *scene, struct flight *flight, size_t index, const char *line)
{
	answer(scene, flight, (struct pipeline_entry){ .verb = COMMAND_RCPT, .recipient = index },
	    line);
}

static void answer_content(struct scene *scene, struct flight *flight, const char *line)
{
	answer(scene, flight,
	    (struct pipeline_entry){ .verb = COMMAND_BDAT, .is_content_end = true }, line);
}

static void land(struct scene *scene, struct flight *flight, enum window_end end)
{
	fates_finish(&flight->fates);
	scene->source.finished(&scene->feed, flight->transaction, end);
}

/* The recipients of a transaction: "r0@m1.example r1@m1.example". */
static void expect_recipients(const struct flight *flight, const char *addresses)
{
	const struct envelope *envelope = flight->transaction->envelope;
	char found[800] = "";
	size_t length = 0;

	for (size_t i = 0; i < envelope->recipient_count; i++)
		length += (size_t)snprintf(found + length, sizeof found - length, "%s%s",
		    i != 0 ? " " : "", envelope->recipients[i].address);
	assert_string_equal(found, addresses);
}

/* Begins the next one, which is for these. */
static void expect_next(struct scene *scene, struct flight *flight, const char *addresses)
{
	if (!take_off(scene, flight))
		fail_msg("no transaction for %s", addresses);
	expect_recipients(flight, addresses);
}

static void expect_none(struct scene *scene)
{
	attend(scene);
	assert_null(scene->source.next(&scene->feed));
}

/* RCPT is answered by these, a letter each: yes, 550 (n), 452 4.5.3 (m), 450 (l). */
static void answer_all(struct scene *scene, struct flight *flight, const char *letters)
{
	for (size_t i = 0; letters[i] != '\0'; i++)
		answer_recipient(scene, flight, i,
		    letters[i] == 'y'	? "250 2.1.5 fine"
		    : letters[i] == 'n' ? "550 5.1.1 nobody"
		    : letters[i] == 'm' ? "452 4.5.3 too many recipients"
					: "450 4.2.0 later");
}

static void deliver(struct scene *scene, struct flight *flight, const char *letters)
{
	answer_all(scene, flight, letters);
	if (fates_has_takers(&flight->fates))
		answer_content(scene, flight, "250 2.0.0 taken");
	land(scene, flight, WINDOW_DONE);
}

static void read_content(const struct content *content, struct buffer *octets)
{
	struct error error;
	char bytes[5];
	ssize_t count;

	buffer_append_span(octets, content->front);
	while ((count = content->read(content->context, bytes, sizeof bytes, &error)) > 0)
		buffer_append(octets, bytes, (size_t)count);
	assert_int_equal(count, 0);
}

static void expect_content(const struct flight *flight, const char *wanted)
{
	CLEANUP(buffer_finish) struct buffer octets = { .limit = 1 << 20 };

	read_content(&flight->transaction->content, &octets);
	assert_string_equal(buffer_string(&octets), wanted);
	assert_int_equal(flight->transaction->content.size, octets.length);
	assert_true(flight->transaction->parameters.has_size);
	assert_int_equal(flight->transaction->parameters.size, octets.length);
}

/* ---- requests and results ---- */

static void a_message_comes_and_is_done(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	expect_none(&scene);
	send_message(&scene, 1, 3);
	expect_next(&scene, &flight, "r0@m1.example r1@m1.example r2@m1.example");
	expect_content(&flight, HEADER BODY);
	assert_string_equal(flight.transaction->envelope->sender, "sender1@client.example");
	assert_int_equal(scene.source.waiting(&scene.feed), 0);
	answer_recipient(&scene, &flight, 0, "250 2.1.5 fine");
	answer_recipient(&scene, &flight, 1, "550 5.1.1 nobody");
	expect_heard(&scene, 1, "-F-");
	assert_int_equal(scene.heard[1].last[1].code, 550);
	assert_string_equal(scene.heard[1].last[1].status, "5.1.1");
	assert_non_null(strstr(scene.heard[1].last[1].text, "nobody"));
	answer_recipient(&scene, &flight, 2, "250 2.1.5 fine");
	answer_content(&scene, &flight, "250 2.0.0 taken");
	expect_heard(&scene, 1, "DFD");
	land(&scene, &flight, WINDOW_DONE);
	expect_heard(&scene, 1, "DFD!");
	expect_none(&scene);
	assert_int_equal(scene.feed.jobs, 0);
	scene_finish(&scene);
}

static void the_envelope_tells_what_mail_says(void **state)
{
	struct request_attempt attempt = make_attempt(1, 1);
	struct scene scene;
	struct flight flight;
	struct error error;

	(void)state;
	scene_init(&scene);
	attempt.has_8bit = true;
	attempt.envelope.return_content = ENVELOPE_RETURN_HEADER;
	assert_int_equal(
	    envelope_set_envid(&attempt.envelope, span_from_string("id-1"), &error), 0);
	send_attempt(&scene, &attempt);
	assert_true(take_off(&scene, &flight));
	assert_true(flight.transaction->parameters.is_8bit);
	assert_false(flight.transaction->parameters.smtputf8);
	assert_string_equal(flight.transaction->parameters.envid, "id-1");
	assert_int_equal(flight.transaction->parameters.return_content, ENVELOPE_RETURN_HEADER);
	deliver(&scene, &flight, "y");
	expect_heard(&scene, 1, "D!");
	scene_finish(&scene);
}

static void several_run_at_once(void **state)
{
	struct scene scene;
	struct flight flights[3];

	(void)state;
	scene_init(&scene);
	for (uint32_t i = 0; i < 4; i++)
		send_message(&scene, i, 1);
	attend(&scene);
	assert_int_equal(scene.source.waiting(&scene.feed), 4);
	expect_next(&scene, &flights[0], "r0@m0.example");
	expect_next(&scene, &flights[1], "r0@m1.example");
	expect_next(&scene, &flights[2], "r0@m2.example");
	assert_int_equal(scene.source.waiting(&scene.feed), 1);
	deliver(&scene, &flights[1], "y");
	deliver(&scene, &flights[0], "n");
	deliver(&scene, &flights[2], "l");
	expect_heard(&scene, 0, "F!");
	expect_heard(&scene, 1, "D!");
	expect_heard(&scene, 2, "T!");
	assert_int_equal(scene.feed.jobs, 1);
	scene_finish(&scene);
	/* What waited was not told of. */
	assert_int_equal(scene.heard[3].done, 0);
}

static void what_is_returned_is_not_told(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 2);
	assert_true(take_off(&scene, &flight));
	fates_withdraw(&flight.fates);
	land(&scene, &flight, WINDOW_RETURNED);
	expect_heard(&scene, 1, "--");
	expect_none(&scene);
	assert_int_equal(scene.feed.jobs, 0);
	scene_finish(&scene);
}

static void there_is_room_for_so_many(void **state)
{
	size_t before = open_descriptors();
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	for (unsigned i = 0; i < FEED_JOBS; i++) {
		assert_int_equal(scene.source.descriptor(&scene.feed), scene.worker.fd);
		send_message(&scene, 1, 1);
		attend(&scene);
	}
	assert_int_equal(scene.feed.jobs, FEED_JOBS);
	assert_int_equal(scene.source.descriptor(&scene.feed), -1);
	send_message(&scene, 2, 1);
	assert_int_equal(scene.source.waiting(&scene.feed), FEED_JOBS);
	/* One that runs takes its place, too. */
	assert_true(take_off(&scene, &flight));
	assert_int_equal(scene.source.descriptor(&scene.feed), -1);
	deliver(&scene, &flight, "y");
	assert_int_equal(scene.source.descriptor(&scene.feed), scene.worker.fd);
	attend(&scene);
	assert_int_equal(scene.feed.jobs, FEED_JOBS);
	scene_finish(&scene);
	assert_int_equal(open_descriptors(), before);
}

static void headers_are_bounded_but_for_one(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.feed.octets = FEED_OCTETS;
	send_message(&scene, 1, 1);
	attend(&scene);
	assert_int_equal(scene.feed.jobs, 1);
	assert_int_equal(scene.feed.octets, FEED_OCTETS + strlen(HEADER));
	assert_int_equal(scene.source.descriptor(&scene.feed), -1);
	scene.feed.octets -= FEED_OCTETS + 1;
	scene.feed.octets += 1;
	assert_int_equal(scene.source.descriptor(&scene.feed), scene.worker.fd);
	scene_finish(&scene);
}

/* ---- the service at fault, leaving, or gone ---- */

static void send_frame(struct scene *scene, struct span octets, bool has_descriptor)
{
	assert_int_equal(
	    channel_send(&scene->service, octets, has_descriptor ? scene->content : -1), 0);
}

static void garbage_ends_it(void **state)
{
	static const struct row {
		const char *name;
		const char *octets;
		size_t length;
		bool has_descriptor;
		bool is_frame;
	} rows[] = {
		{ "nothing", "", 0, true, true },
		{ "another kind", "Xabc", 4, true, true },
		{ "cut short", "A\0\0", 3, true, true },
		{ "without a file", "A", 1, false, true },
		{ "no frame", "\x7f\xff\xff\xff", 4, false, false },
	};
	size_t before = open_descriptors();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span octets = span_from_bytes(rows[i].octets, rows[i].length);
		struct scene scene;
		struct flight flight;

		scene_init(&scene);
		send_message(&scene, 1, 1);
		attend(&scene);
		if (rows[i].is_frame)
			send_frame(&scene, octets, rows[i].has_descriptor);
		else
			assert_int_equal(
			    write(scene.service.fd, octets.start, octets.length), octets.length);
		attend(&scene);
		if (!scene.feed.is_over || (rows[i].is_frame && scene.feed.error.text[0] == '\0'))
			fail_msg("%s: not over", rows[i].name);
		assert_int_equal(scene.source.descriptor(&scene.feed), -1);
		assert_false(scene.source.attend(&scene.feed));
		/* What was right is done. */
		assert_true(take_off(&scene, &flight));
		deliver(&scene, &flight, "y");
		expect_heard(&scene, 1, "D!");
		expect_none(&scene);
		scene_finish(&scene);
	}
	assert_int_equal(open_descriptors(), before);
}

/* RESULT_LOST is the worker's word for it (worker.c says the error of the feed). */
static void a_service_that_leaves_gets_what_runs(void **state)
{
	size_t before = open_descriptors();
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	for (uint32_t i = 0; i < 3; i++)
		send_message(&scene, i, 2);
	expect_next(&scene, &flight, "r0@m0.example r1@m0.example");
	assert_int_equal(shutdown(scene.service.fd, SHUT_WR), 0);
	attend(&scene);
	assert_true(scene.feed.is_over);
	assert_int_equal(scene.source.waiting(&scene.feed), 0);
	expect_none(&scene);
	deliver(&scene, &flight, "yy");
	expect_none(&scene);
	expect_heard(&scene, 0, "DD!");
	expect_heard(&scene, 1, "--");
	expect_heard(&scene, 2, "--");
	assert_string_equal(scene.feed.error.status, "4.3.2");
	scene_finish(&scene);
	assert_int_equal(open_descriptors(), before);
}

static void a_service_that_leaves_nothing_undone_hears_no_trouble(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 0, 2);
	assert_true(take_off(&scene, &flight));
	assert_int_equal(shutdown(scene.service.fd, SHUT_WR), 0);
	attend(&scene);
	assert_true(scene.feed.is_over);
	deliver(&scene, &flight, "yn");
	expect_heard(&scene, 0, "DF!");
	assert_int_equal(scene.feed.error.kind, ERROR_NONE);
	scene_finish(&scene);
}

static void half_a_request_is_left_undone(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	assert_int_equal(write(scene.service.fd, "\0\0\0\7A", 5), 5);
	assert_int_equal(shutdown(scene.service.fd, SHUT_WR), 0);
	attend(&scene);
	assert_true(scene.feed.is_over);
	assert_string_equal(scene.feed.error.status, "4.3.2");
	scene_finish(&scene);
}

static void who_were_too_many_stay_with_a_service_that_leaves(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 0, 3);
	assert_true(take_off(&scene, &flight));
	assert_int_equal(shutdown(scene.service.fd, SHUT_WR), 0);
	attend(&scene);
	deliver(&scene, &flight, "ymm");
	expect_none(&scene);
	expect_heard(&scene, 0, "D--");
	assert_string_equal(scene.feed.error.status, "4.3.2");
	assert_int_equal(scene.feed.jobs, 0);
	scene_finish(&scene);
}

static void of_a_service_that_is_gone_nothing_is_begun(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 0, 2);
	send_message(&scene, 1, 2);
	/* Not attended: its end is not yet read. */
	assert_true(scene.source.attend(&scene.feed));
	channel_finish(&scene.service);
	scene.service.fd = -1;
	assert_null(scene.source.next(&scene.feed));
	assert_true(scene.feed.is_over);
	assert_int_equal(scene.feed.jobs, 0);
	assert_int_equal(scene.feed.error.kind, ERROR_NONE);
	scene_finish(&scene);
}

static void of_a_service_that_is_gone_the_end_is_read(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 0, 2);
	attend(&scene);
	channel_finish(&scene.service);
	scene.service.fd = -1;
	assert_false(scene.source.attend(&scene.feed));
	assert_int_equal(scene.feed.jobs, 0);
	assert_int_equal(scene.feed.error.kind, ERROR_NONE);
	scene_finish(&scene);
}

/* Going on would send what will be sent again. */
static void without_a_service_the_worker_stops(void **state)
{
	struct scene scene;
	struct flight flight;
	int status;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 0, 2);
	assert_true(take_off(&scene, &flight));
	channel_finish(&scene.service);
	scene.service.fd = -1;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		deliver(&scene, &flight, "yn");
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fates_withdraw(&flight.fates);
	land(&scene, &flight, WINDOW_RETURNED);
	scene_finish(&scene);
}

/* ---- several transactions ---- */

static void a_limit_that_is_said_is_kept(void **state)
{
	struct scene scene;
	struct flight flights[4];

	(void)state;
	scene_init(&scene);
	scene.session.extensions.rcpt_limit = 2;
	send_message(&scene, 1, 7);
	send_message(&scene, 2, 1);
	attend(&scene);
	assert_int_equal(scene.source.waiting(&scene.feed), 5);
	/* Side by side, in their order; the header is there once. */
	expect_next(&scene, &flights[0], "r0@m1.example r1@m1.example");
	expect_next(&scene, &flights[1], "r2@m1.example r3@m1.example");
	expect_next(&scene, &flights[2], "r4@m1.example r5@m1.example");
	assert_ptr_equal(flights[0].transaction->content.front.start,
	    flights[2].transaction->content.front.start);
	assert_int_equal(scene.feed.jobs, 2);
	expect_content(&flights[1], HEADER BODY);
	deliver(&scene, &flights[1], "yn");
	expect_heard(&scene, 1, "--DF---");
	/* Each reads for itself. */
	expect_content(&flights[0], HEADER BODY);
	deliver(&scene, &flights[0], "yy");
	expect_next(&scene, &flights[3], "r6@m1.example");
	deliver(&scene, &flights[3], "l");
	expect_content(&flights[2], HEADER BODY);
	expect_heard(&scene, 1, "DDDF--T");
	deliver(&scene, &flights[2], "ny");
	expect_heard(&scene, 1, "DDDFFDT!");
	expect_next(&scene, &flights[0], "r0@m2.example");
	deliver(&scene, &flights[0], "y");
	expect_heard(&scene, 2, "D!");
	expect_none(&scene);
	scene_finish(&scene);
}

static void too_many_go_before_all_others(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 7);
	send_message(&scene, 2, 4);
	expect_next(&scene, &flight,
	    "r0@m1.example r1@m1.example r2@m1.example r3@m1.example r4@m1.example "
	    "r5@m1.example r6@m1.example");
	deliver(&scene, &flight, "nyymnmm");
	expect_heard(&scene, 1, "FDD-F--");
	/* The limit is known from now on. */
	expect_next(&scene, &flight, "r3@m1.example r5@m1.example");
	deliver(&scene, &flight, "yy");
	expect_heard(&scene, 1, "FDDDFD-");
	expect_next(&scene, &flight, "r6@m1.example");
	deliver(&scene, &flight, "y");
	expect_heard(&scene, 1, "FDDDFDD!");
	expect_next(&scene, &flight, "r0@m2.example r1@m2.example");
	deliver(&scene, &flight, "yy");
	expect_next(&scene, &flight, "r2@m2.example r3@m2.example");
	deliver(&scene, &flight, "yy");
	expect_heard(&scene, 2, "DDDD!");
	scene_finish(&scene);
}

static void where_none_is_taken_all_are_put_off(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 4);
	assert_true(take_off(&scene, &flight));
	deliver(&scene, &flight, "mynm");
	expect_heard(&scene, 1, "TDF-");
	expect_next(&scene, &flight, "r3@m1.example");
	deliver(&scene, &flight, "m");
	expect_heard(&scene, 1, "TDFT!");
	assert_non_null(strstr(scene.heard[1].last[3].text, "too many recipients"));
	assert_int_equal(scene.heard[1].last[3].code, 452);
	expect_none(&scene);
	scene_finish(&scene);
}

/* The content is refused, and the others still have their own transaction. */
static void a_refused_content_is_of_its_transaction(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 3);
	assert_true(take_off(&scene, &flight));
	answer_all(&scene, &flight, "yym");
	answer_content(&scene, &flight, "554 5.6.0 no");
	land(&scene, &flight, WINDOW_DONE);
	expect_next(&scene, &flight, "r2@m1.example");
	deliver(&scene, &flight, "y");
	expect_heard(&scene, 1, "FFD!");
	scene_finish(&scene);
}

/* RFC 5321 has one reply for two troubles: without a status, and nothing is remembered. */
static void a_full_disk_is_no_limit(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 3);
	send_message(&scene, 2, 3);
	assert_true(take_off(&scene, &flight));
	answer_recipient(&scene, &flight, 0, "250 fine");
	answer_recipient(&scene, &flight, 1, "452 insufficient system storage");
	answer_recipient(&scene, &flight, 2, "452 4.3.1 insufficient system storage");
	answer_content(&scene, &flight, "250 taken");
	land(&scene, &flight, WINDOW_DONE);
	expect_heard(&scene, 1, "D-T");
	expect_next(&scene, &flight, "r1@m1.example");
	answer_recipient(&scene, &flight, 0, "452 insufficient system storage");
	land(&scene, &flight, WINDOW_DONE);
	expect_heard(&scene, 1, "DTT!");
	expect_next(&scene, &flight, "r0@m2.example r1@m2.example r2@m2.example");
	deliver(&scene, &flight, "yyy");
	scene_finish(&scene);
}

/* Some servers say it to whom they want in a transaction of his own. */
static void who_takes_more_has_no_such_limit(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 5);
	send_message(&scene, 2, 5);
	assert_true(take_off(&scene, &flight));
	deliver(&scene, &flight, "ymyym");
	expect_next(&scene, &flight, "r1@m1.example r4@m1.example");
	deliver(&scene, &flight, "yy");
	expect_heard(&scene, 1, "DDDDD!");
	expect_next(&scene, &flight, "r0@m2.example r1@m2.example r2@m2.example");
	deliver(&scene, &flight, "yyy");
	scene_finish(&scene);
}

static void the_lower_limit_counts(void **state)
{
	static const struct row {
		uint64_t said;
		const char *first, *second;
	} rows[] = {
		{ 3, "r0@m1.example r1@m1.example r2@m1.example", "r2@m1.example r3@m1.example" },
		{ UINT64_MAX, "r0@m1.example r1@m1.example r2@m1.example r3@m1.example",
		    "r2@m1.example r3@m1.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;
		struct flight flight;

		scene_init(&scene);
		scene.session.extensions.rcpt_limit = rows[i].said;
		send_message(&scene, 1, 4);
		expect_next(&scene, &flight, rows[i].first);
		deliver(&scene, &flight, rows[i].said == 3 ? "yym" : "yymm");
		expect_next(&scene, &flight, rows[i].second);
		deliver(&scene, &flight, "yy");
		expect_heard(&scene, 1, "DDDD!");
		scene_finish(&scene);
	}
}

/* The last word counts, where it is the lower one. */
static void a_limit_may_sink(void **state)
{
	struct scene scene;
	struct flight flight;

	(void)state;
	scene_init(&scene);
	send_message(&scene, 1, 8);
	assert_true(take_off(&scene, &flight));
	deliver(&scene, &flight, "yyymmmmm");
	expect_next(&scene, &flight, "r3@m1.example r4@m1.example r5@m1.example");
	deliver(&scene, &flight, "yym");
	expect_next(&scene, &flight, "r5@m1.example r6@m1.example");
	deliver(&scene, &flight, "yy");
	expect_next(&scene, &flight, "r7@m1.example");
	deliver(&scene, &flight, "y");
	expect_heard(&scene, 1, "DDDDDDDD!");
	scene_finish(&scene);
}

static void a_part_that_is_returned_leaves_the_rest(void **state)
{
	struct scene scene;
	struct flight flights[2];

	(void)state;
	scene_init(&scene);
	scene.session.extensions.rcpt_limit = 2;
	send_message(&scene, 1, 5);
	assert_true(take_off(&scene, &flights[0]));
	assert_true(take_off(&scene, &flights[1]));
	answer_all(&scene, &flights[0], "ym");
	fates_withdraw(&flights[1].fates);
	land(&scene, &flights[1], WINDOW_RETURNED);
	/* What is on its way has its end, and no more is begun. */
	answer_content(&scene, &flights[0], "250 2.0.0 taken");
	land(&scene, &flights[0], WINDOW_DONE);
	expect_heard(&scene, 1, "D----");
	expect_none(&scene);
	assert_int_equal(scene.feed.jobs, 0);
	scene_finish(&scene);
}

/* It may be in the middle of those that wait, or the last. */
static void a_returned_part_goes_from_among_others(void **state)
{
	(void)state;
	for (uint32_t last = 2; last <= 3; last++) {
		struct scene scene;
		struct flight first, second, flight;

		scene_init(&scene);
		for (uint32_t i = 1; i <= last; i++)
			send_message(&scene, i, 3);
		scene.session.extensions.rcpt_limit = 2;
		expect_next(&scene, &first, "r0@m1.example r1@m1.example");
		expect_next(&scene, &flight, "r2@m1.example");
		deliver(&scene, &flight, "y");
		expect_next(&scene, &second, "r0@m2.example r1@m2.example");
		/* Now the first message is before the second, which waits as well. */
		answer_all(&scene, &first, "ym");
		fates_withdraw(&second.fates);
		land(&scene, &second, WINDOW_RETURNED);
		answer_content(&scene, &first, "250 2.0.0 taken");
		land(&scene, &first, WINDOW_DONE);
		/* Who comes now comes behind all that are there. */
		send_message(&scene, 4, 1);
		attend(&scene);
		expect_next(&scene, &flight, "r1@m1.example");
		deliver(&scene, &flight, "y");
		expect_heard(&scene, 1, "DDD!");
		expect_heard(&scene, 2, "---");
		for (size_t i = 0; last == 3 && i < 3; i++) {
			assert_true(take_off(&scene, &flight));
			deliver(&scene, &flight, "y");
		}
		expect_heard(&scene, 3, last == 3 ? "DDD!" : "---");
		expect_next(&scene, &flight, "r0@m4.example");
		deliver(&scene, &flight, "y");
		expect_heard(&scene, 4, "D!");
		expect_none(&scene);
		scene_finish(&scene);
	}
}

static void parts_are_converted_each(void **state)
{
	static const char body[] = "caf\xc3\xa9\r\n";
	struct request_attempt attempt = make_attempt(1, 3);
	struct scene scene;
	struct flight flights[3];

	(void)state;
	scene_init(&scene);
	scene.session.extensions.rcpt_limit = 1;
	scene.session.extensions.eight_bit_mime = false;
	assert_int_equal(ftruncate(scene.content, 0), 0);
	assert_int_equal(file_write_all_at(scene.content, span_from_string("before"), 0), 0);
	assert_int_equal(file_write_all_at(scene.content, span_from_string(body), 6), 0);
	attempt.body_length = strlen(body);
	attempt.has_8bit = true;
	free(attempt.header);
	attempt.header = memory_copy_string(
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n");
	attempt.header_length = strlen(attempt.header);
	send_attempt(&scene, &attempt);
	for (size_t i = 0; i < 3; i++) {
		char first[3];
		struct error error;

		assert_true(take_off(&scene, &flights[i]));
		if (i == 2)
			break;
		/* They read at the same time. */
		const struct content *content = &flights[i].transaction->content;
		assert_int_equal(content->read(content->context, first, 3, &error), 3);
		assert_memory_equal(first, "caf", 3);
	}
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(buffer_finish) struct buffer octets = { .limit = 1 << 20 };
		const struct content *content = &flights[i].transaction->content;

		read_content(content, &octets);
		const char *text = buffer_string(&octets);
		assert_false(span_has_8bit(buffer_span(&octets)));
		assert_non_null(strstr(text, "quoted-printable"));
		assert_non_null(strstr(text, i == 2 ? "\r\n\r\ncaf=C3=A9" : "\r\n\r\n=C3=A9"));
		assert_int_equal(content->size, octets.length + (i == 2 ? 0 : 3));
		deliver(&scene, &flights[i], "y");
	}
	expect_heard(&scene, 1, "DDD!");
	scene_finish(&scene);
}

/* Without SMTPUTF8 one fails alone; with it, it is asked for where it is needed. */
static void parts_are_international_each(void **state)
{
	static const char *const addresses[] = { "a@\xc3\xbc.example", "\xc3\xbc@far.example",
		"b@far.example" };

	(void)state;
	for (int offers = 0; offers < 2; offers++) {
		struct request_attempt attempt = make_attempt(1, 0);
		struct scene scene;
		struct flight flight;
		struct error error;

		scene_init(&scene);
		scene.session.extensions.rcpt_limit = 1;
		scene.session.extensions.smtputf8 = offers;
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(
			    envelope_add_recipient(&attempt.envelope,
				span_from_string(addresses[i]), span_from_string(""), 0, &error),
			    0);
		send_attempt(&scene, &attempt);
		expect_next(&scene, &flight, offers ? addresses[0] : "a@xn--tda.example");
		assert_int_equal(flight.transaction->parameters.smtputf8, offers);
		deliver(&scene, &flight, "y");
		expect_next(&scene, &flight, addresses[1]);
		deliver(&scene, &flight, offers ? "y" : "");
		expect_next(&scene, &flight, addresses[2]);
		assert_false(flight.transaction->parameters.smtputf8);
		deliver(&scene, &flight, "y");
		expect_heard(&scene, 1, offers ? "DDD!" : "DFD!");
		scene_finish(&scene);
	}
}

static void a_thousand_go_by_the_hundred(void **state)
{
	struct scene scene;
	struct flight flight;
	struct request_attempt attempt = make_attempt(1, 1000);
	size_t delivered = 0;
	unsigned transactions = 0;

	(void)state;
	scene_init(&scene);
	send_attempt(&scene, &attempt);
	while (take_off(&scene, &flight)) {
		size_t count = flight.transaction->envelope->recipient_count;

		/* All at once, and refused from the hundredth on, once. */
		assert_int_equal(count, transactions == 0 ? 1000 : 100);
		for (size_t i = 0; i < count; i++)
			answer_recipient(&scene, &flight, i,
			    i < 100 ? "250 2.1.5 fine" : "452 4.5.3 too many recipients");
		/* The books are of MESSAGES of RECIPIENTS, so these are counted by hand. */
		answer_content(&scene, &flight, "250 2.0.0 taken");
		land(&scene, &flight, WINDOW_DONE);
		transactions++;
		for (struct pollfd ready = { scene.service.fd, POLLIN, 0 }; poll(&ready, 1, 0) > 0;)
			assert_int_equal(channel_fill(&scene.service), 1);
	}
	assert_int_equal(transactions, 10);
	for (bool is_done = false; !is_done;) {
		CLEANUP(buffer_finish) struct buffer message = { .limit = CHANNEL_LIMIT };
		struct result result;
		struct error error;
		int descriptor;

		assert_int_equal(channel_take(&scene.service, &message, &descriptor), 1);
		assert_int_equal(result_decode(buffer_span(&message), &result, &error), 0);
		is_done = result.kind == RESULT_DONE;
		if (is_done)
			break;
		assert_int_equal(result.recipient, delivered++);
		assert_int_equal(result.outcome, RESULT_DELIVERED);
	}
	assert_int_equal(delivered, 1000);
	assert_int_equal(scene.service.input.length, 0);
	scene_finish(&scene);
}

/* ---- at random ---- */

enum { FLIGHTS = 4 };

/* A server, which keeps the books of what it took. */
struct server {
	uint64_t seed;
	size_t limit; /* recipients in a transaction; 0: any number */
	const char *too_many;
	unsigned full_ones; /* in a hundred: "452 mailbox full" */
	unsigned refusals;  /* in a hundred */
	unsigned losses;    /* in a thousand steps */
	bool is_lost;
	unsigned delivered[MESSAGES][RECIPIENTS];
	unsigned transactions;
};

struct trip {
	struct flight flight;
	size_t next;	 /* recipient to be answered */
	size_t accepted; /* by the server */
	bool takes[RECIPIENTS];
	bool is_busy;
};

static unsigned roll(struct server *server, unsigned sides)
{
	server->seed = server->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(server->seed >> 33) % sides;
}

static bool lives_at(const char *address, unsigned *recipient, unsigned *message)
{
	return sscanf(address, "r%u@m%u.example", recipient, message) == 2;
}

static void take_recipient(struct scene *scene, struct server *server, struct trip *trip)
{
	static const char *const refusals[] = { "550 5.1.1 nobody", "450 4.2.1 later",
		"452 4.2.2 mailbox full", "552 5.2.2 mailbox full", "452 4.3.1 disk full" };
	const char *words = "250 2.1.5 fine";

	if (roll(server, 100) < server->refusals)
		words = refusals[roll(server, 5)];
	else if (roll(server, 100) < server->full_ones)
		words = roll(server, 2) ? "452 mailbox full" : "552 mailbox full";
	else if (server->limit != 0 && trip->accepted == server->limit)
		words = server->too_many;
	if (words[0] == '2') {
		trip->takes[trip->next] = true;
		trip->accepted++;
	}
	answer_recipient(scene, &trip->flight, trip->next++, words);
}

static void take_content(struct scene *scene, struct server *server, struct trip *trip)
{
	const struct envelope *envelope = trip->flight.transaction->envelope;
	bool is_taken = roll(server, 100) >= server->refusals;

	for (size_t i = 0; is_taken && i < envelope->recipient_count; i++) {
		unsigned recipient, message;

		assert_true(lives_at(envelope->recipients[i].address, &recipient, &message));
		server->delivered[message][recipient] += trip->takes[i];
	}
	answer_content(scene, &trip->flight,
	    is_taken	      ? "250 2.0.0 taken"
	    : roll(server, 2) ? "554 5.6.0 no"
			      : "451 4.3.0 not now");
}

/* What the window does with those on their way (window.c, lose_delivery). */
static void lose_all(struct scene *scene, struct server *server, struct trip *trips)
{
	struct error error;

	error_set(&error, ERROR_UNAVAILABLE, "4.4.2", "lost");
	server->is_lost = true;
	for (size_t i = 0; i < FLIGHTS; i++) {
		enum window_end end = WINDOW_DONE;

		if (!trips[i].is_busy)
			continue;
		if (fates_is_untold(&trips[i].flight.fates) && roll(server, 2)) {
			fates_withdraw(&trips[i].flight.fates);
			end = WINDOW_RETURNED;
		} else {
			fates_give_up(&trips[i].flight.fates, &error, roll(server, 2));
		}
		land(scene, &trips[i].flight, end);
	}
}

/* False when nothing was to be done. */
static bool step(struct scene *scene, struct server *server, struct trip *trips)
{
	struct trip *trip = &trips[roll(server, FLIGHTS)];

	if (!trip->is_busy) {
		*trip = (struct trip){ 0 };
		trip->is_busy = take_off(scene, &trip->flight);
		server->transactions += trip->is_busy;
		return trip->is_busy;
	}
	if (trip->next < trip->flight.transaction->envelope->recipient_count) {
		take_recipient(scene, server, trip);
		return true;
	}
	if (fates_has_takers(&trip->flight.fates))
		take_content(scene, server, trip);
	land(scene, &trip->flight, WINDOW_DONE);
	trip->is_busy = false;
	return true;
}

static bool is_at_rest(struct scene *scene, const struct trip *trips)
{
	attend(scene);
	for (size_t i = 0; i < FLIGHTS; i++)
		if (trips[i].is_busy)
			return false;
	return scene->feed.jobs == 0;
}

static void check_books(
    const struct scene *scene, const struct server *server, unsigned message, size_t recipients)
{
	const struct heard *heard = &scene->heard[message];
	size_t told = 0;

	for (size_t i = 0; i < recipients; i++) {
		told += heard->times[i];
		assert_true(server->delivered[message][i] <= 1);
		if (heard->times[i] == 0)
			assert_int_equal(server->delivered[message][i], 0);
		else
			assert_int_equal(heard->last[i].outcome == RESULT_DELIVERED,
			    server->delivered[message][i] == 1);
	}
	if (!server->is_lost || heard->done)
		assert_int_equal(told, recipients);
	if (!server->is_lost)
		assert_int_equal(heard->done, 1);
}

static void run_round(uint64_t seed)
{
	static const char *const words[] = { "452 4.5.3 too many recipients",
		"452 too many recipients", "452 no", "552 too many recipients", "552 no",
		"552 5.5.3 no" };
	struct server server = { .seed = seed };
	struct trip trips[FLIGHTS] = { 0 };
	size_t counts[MESSAGES];
	size_t all = 0;
	struct scene scene;

	(void)roll(&server, 2);
	server.limit = roll(&server, 6);
	server.too_many = words[roll(&server, 6)];
	server.full_ones = roll(&server, 2) ? roll(&server, 40) : 0;
	server.refusals = roll(&server, 2) ? roll(&server, 40) : 0;
	server.losses = roll(&server, 3) == 0 ? 15 : 0;
	scene_init(&scene);
	scene.session.extensions.rcpt_limit = roll(&server, 2) ? roll(&server, 5) : 0;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		counts[i] = 1 + roll(&server, RECIPIENTS);
		all += counts[i];
	}
	uint32_t sent = 0;
	while (!server.is_lost && !(sent == MESSAGES && is_at_rest(&scene, trips))) {
		if (sent < MESSAGES && roll(&server, 4) == 0) {
			send_message(&scene, sent, counts[sent]);
			sent++;
		}
		if (roll(&server, 1000) < server.losses)
			lose_all(&scene, &server, trips);
		else
			(void)step(&scene, &server, trips);
		hear(&scene);
	}
	hear(&scene);
	/* Each that was begun settled somebody. */
	assert_true(server.transactions <= all);
	for (uint32_t i = 0; i < sent; i++)
		check_books(&scene, &server, i, counts[i]);
	scene_finish(&scene);
}

static void nobody_is_lost_or_told_twice(void **state)
{
	const char *rounds = getenv("MAILCHUTE_ROUNDS");
	uint64_t count = rounds != NULL ? strtoull(rounds, NULL, 10) : 10000;
	size_t before = open_descriptors();

	(void)state;
	for (uint64_t seed = 0; seed < count; seed++)
		run_round(seed);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_and_is_done),
		cmocka_unit_test(the_envelope_tells_what_mail_says),
		cmocka_unit_test(several_run_at_once),
		cmocka_unit_test(what_is_returned_is_not_told),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(headers_are_bounded_but_for_one),
		cmocka_unit_test(garbage_ends_it),
		cmocka_unit_test(a_service_that_leaves_gets_what_runs),
		cmocka_unit_test(a_service_that_leaves_nothing_undone_hears_no_trouble),
		cmocka_unit_test(half_a_request_is_left_undone),
		cmocka_unit_test(who_were_too_many_stay_with_a_service_that_leaves),
		cmocka_unit_test(of_a_service_that_is_gone_nothing_is_begun),
		cmocka_unit_test(of_a_service_that_is_gone_the_end_is_read),
		cmocka_unit_test(without_a_service_the_worker_stops),
		cmocka_unit_test(a_limit_that_is_said_is_kept),
		cmocka_unit_test(too_many_go_before_all_others),
		cmocka_unit_test(where_none_is_taken_all_are_put_off),
		cmocka_unit_test(a_refused_content_is_of_its_transaction),
		cmocka_unit_test(a_full_disk_is_no_limit),
		cmocka_unit_test(who_takes_more_has_no_such_limit),
		cmocka_unit_test(the_lower_limit_counts),
		cmocka_unit_test(a_limit_may_sink),
		cmocka_unit_test(a_part_that_is_returned_leaves_the_rest),
		cmocka_unit_test(a_returned_part_goes_from_among_others),
		cmocka_unit_test(parts_are_converted_each),
		cmocka_unit_test(parts_are_international_each),
		cmocka_unit_test(a_thousand_go_by_the_hundred),
		cmocka_unit_test(nobody_is_lost_or_told_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
