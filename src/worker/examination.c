/* SPDX-License-Identifier: MIT */

#include "worker/examination.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "delivery/request.h"
#include "smtp/client/query.h"
#include "smtp/command.h"

enum {
	PATIENCE = 10000, /* milliseconds for all connections of a round; fewer by the timeout */
	PROBES = RESOLVE_LIMIT,
};

static void tell_text(examination_tell *tell, void *context, const char *name, const char *text)
{
	struct result fact = { .kind = RESULT_FACT };

	text_copy(fact.fact, sizeof fact.fact, name);
	text_copy(fact.text, sizeof fact.text, text);
	tell(context, &fact);
}

/* ---- addresses and ports ---- */

/* One connection that is tried for its own sake. */
struct probe {
	const struct resolve_address *address;
	uint16_t port;	 /* 0: as it stands in the address */
	int number;	 /* errno; 0: it answered */
	int64_t elapsed; /* milliseconds, once it is over */
};

struct round {
	struct probe probes[PROBES];
	struct pollfd fds[PROBES]; /* -1: it is over */
	size_t count;
	int64_t began;
};

static void conclude(struct round *round, size_t index, int number)
{
	round->probes[index].number = number;
	round->probes[index].elapsed = clock_monotonic() - round->began;
	file_close(&round->fds[index].fd);
}

static void begin_probe(struct round *round, size_t index)
{
	const struct probe *probe = &round->probes[index];
	struct sockaddr_storage address = probe->address->address;

	if (probe->port != 0 && address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&address)->sin6_port = htons(probe->port);
	else if (probe->port != 0)
		((struct sockaddr_in *)&address)->sin_port = htons(probe->port);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	round->fds[index] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (fd < 0)
		conclude(round, index, errno);
	else if (connect(fd, (const struct sockaddr *)&address, probe->address->length) == 0)
		conclude(round, index, 0);
	else if (errno != EINPROGRESS)
		conclude(round, index, errno);
}

static bool is_over(const struct round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (round->fds[i].fd >= 0)
			return false;
	return true;
}

static void note_answers(struct round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		int number = 0;
		socklen_t size = sizeof number;

		if (round->fds[i].fd < 0 || round->fds[i].revents == 0)
			continue;
		if (getsockopt(round->fds[i].fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
			number = errno;
		conclude(round, i, number);
	}
}

/* All at once; whatever has not answered by then is given up. */
static void run(struct round *round, int64_t limit)
{
	int64_t deadline = clock_deadline(limit < PATIENCE ? limit : PATIENCE);

	round->began = clock_monotonic();
	for (size_t i = 0; i < round->count; i++)
		begin_probe(round, i);
	while (!is_over(round)) {
		int ready = poll(round->fds, round->count, clock_poll_timeout(deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			break;
		note_answers(round);
	}
	for (size_t i = 0; i < round->count; i++)
		if (round->fds[i].fd >= 0)
			conclude(round, i, ETIMEDOUT);
}

/* True: one of them answered. */
static bool tell_round(const struct round *round, examination_tell *tell, void *context)
{
	bool is_any_open = false;
	char text[200];

	for (size_t i = 0; i < round->count; i++) {
		const struct probe *probe = &round->probes[i];
		bool is_open = probe->number == 0;

		is_any_open = is_any_open || is_open;
		if (is_open)
			snprintf(text, sizeof text, "%s %" PRId64 " ms", probe->address->text,
			    probe->elapsed);
		else
			snprintf(text, sizeof text, "%s: %s", probe->address->text,
			    strerror(probe->number));
		tell_text(tell, context, is_open ? "address.ok" : "address.failed", text);
	}
	return is_any_open;
}

/* Nobody answered: networks that block one port for mail often leave another (users.md, 4.2). */
static void try_ports(const struct resolve_address *address, const struct smarthost *smarthost,
    examination_tell *tell, void *context)
{
	static const uint16_t ports[] = { 587, 465, 25 };
	struct round round = { 0 };
	char text[16];

	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		if (ports[i] != smarthost->port)
			round.probes[round.count++] = (struct probe){ address, ports[i], 0, 0 };
	run(&round, smarthost->connect_timeout);
	for (size_t i = 0; i < round.count; i++) {
		if (round.probes[i].number != 0)
			continue;
		snprintf(text, sizeof text, "%u", (unsigned)round.probes[i].port);
		tell_text(tell, context, "port.open", text);
	}
}

void examination_connect(const struct resolve_result *addresses, const struct smarthost *smarthost,
    examination_tell *tell, void *context)
{
	struct round round = { .count = addresses->count };

	for (size_t i = 0; i < addresses->count; i++)
		round.probes[i] = (struct probe){ &addresses->addresses[i], 0, 0, 0 };
	run(&round, smarthost->connect_timeout);
	if (!tell_round(&round, tell, context) && addresses->count != 0)
		try_ports(&addresses->addresses[0], smarthost, tell, context);
}

/* ---- the session ---- */

static void list_capabilities(const struct extensions *extensions, char *text, size_t size)
{
	const struct {
		bool is_there;
		const char *name;
	} names[] = {
		{ extensions->pipelining, ", PIPELINING" },
		{ extensions->chunking, ", CHUNKING" },
		{ extensions->eight_bit_mime, ", 8BITMIME" },
		{ extensions->smtputf8, ", SMTPUTF8" },
		{ extensions->dsn, ", DSN" },
	};

	if (extensions->size_limit != 0)
		snprintf(text, size, "SIZE %" PRIu64, extensions->size_limit);
	else
		text_copy(text, size, extensions->is_extended ? "ESMTP" : "no extensions");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].is_there)
			text_append(text, size, names[i].name);
	if (extensions->auth[0] != '\0') {
		text_append(text, size, ", AUTH ");
		text_append(text, size, extensions->auth);
	}
}

static void tell_seconds(examination_tell *tell, void *context, const char *name, int64_t seconds)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, seconds > 0 ? seconds : 0);
	tell_text(tell, context, name, text);
}

void examination_look(const struct session *session, const struct tls_facts *facts,
    examination_tell *tell, void *context)
{
	char text[RESULT_TEXT_SIZE];

	if (facts->chain[0] != '\0') {
		tell_text(tell, context, "chain", facts->chain);
		tell_text(tell, context, "names", facts->names);
		tell_seconds(tell, context, "since", facts->since);
		tell_seconds(tell, context, "until", facts->until);
	}
	list_capabilities(&session->extensions, text, sizeof text);
	tell_text(tell, context, "capabilities", text);
}

/* ---- the sender ---- */

static void tell_reply(
    examination_tell *tell, void *context, const char *name, const struct reply *reply)
{
	struct result fact = { .kind = RESULT_FACT, .code = reply->code };

	text_copy(fact.fact, sizeof fact.fact, name);
	memcpy(fact.status, reply->status, sizeof fact.status);
	reply_line(reply, fact.text, sizeof fact.text);
	tell(context, &fact);
}

static int ask_mail(
    struct session *session, const char *sender, struct reply *reply, struct error *error)
{
	const struct mail_parameters parameters = { 0 };
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_mail(&line, sender, &parameters, &session->extensions);
	return session_command(
	    session, buffer_string(&line), NULL, session->settings->timeouts.mail, reply, error);
}

/* The sender writes to itself: the one recipient that everybody has. */
static int ask_rcpt(struct session *session, char *sender, struct reply *reply, struct error *error)
{
	const struct recipient recipient = { .address = sender };
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_rcpt(&line, &recipient, &session->extensions);
	return session_command(
	    session, buffer_string(&line), NULL, session->settings->timeouts.rcpt, reply, error);
}

static int ask(struct session *session, char *sender, examination_tell *tell, void *context,
    struct error *error)
{
	struct result done = { .kind = RESULT_DONE };
	struct reply reply;

	if (ask_mail(session, sender, &reply, error) < 0)
		return -1;
	tell_reply(tell, context, "mail", &reply);
	if (reply_class(&reply) == 2) {
		if (ask_rcpt(session, sender, &reply, error) < 0)
			return -1;
		tell_reply(tell, context, "rcpt", &reply);
	}
	if (query_ask(session, COMMAND_RSET, (struct span){ 0 }, &reply, error) == QUERY_LOST)
		return -1;
	tell(context, &done);
	return 0;
}

/* 1: *sender is the next one asked for, the caller's; 0: there are no more; -1. */
static int take_sender(struct channel *channel, char **sender, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	CLEANUP(file_close) int descriptor = -1;

	buffer_init(&message, CHANNEL_LIMIT);
	int taken = channel_wait(channel, &message, &descriptor);
	if (taken == 0)
		return 0;
	if (taken < 0)
		return error_set(
		    error, ERROR_SOFTWARE, "4.3.0", "worker: what the doctor sent is no request");
	return request_decode_sender(buffer_span(&message), sender, error) < 0 ? -1 : 1;
}

int examination_serve(struct channel *channel, struct session *session, examination_tell *tell,
    void *context, struct error *error)
{
	for (;;) {
		CLEANUP(memory_free_string) char *sender = NULL;
		int taken = take_sender(channel, &sender, error);

		if (taken <= 0)
			return taken;
		if (ask(session, sender, tell, context, error) < 0)
			return -1;
	}
}
