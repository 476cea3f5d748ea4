/* SPDX-License-Identifier: MIT */

/*
 * sink LEDGER - a smarthost that writes down what it has taken, before it says so
 *
 * Listens on a port of 127.0.0.1, which it prints.  By the beginning of a recipient:
 *
 *	no...      is refused for good
 *	later...   is put off the first time that it is asked for, then taken
 *	never...   is put off always
 *
 * and anybody else is taken.  One line a message in LEDGER, its fields parted by tabs:
 * nanoseconds, sender, recipients (comma), the field X-Mark, the queue ID in the last
 * Received, octets and FNV-1a of the body, what a report in it says ("failed:ADDRESS,...").
 * XRESET forgets whom it has put off.  Whatever others sent before it has been read then.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 60, INPUT = 4 << 20, ADDRESS = 200, RECIPIENTS = 200, NAMES = 4000 };

struct client {
	int fd;
	char *input; /* what is not done with yet */
	size_t length;
	char *message;
	size_t message_length;
	char sender[ADDRESS];
	bool has_sender;
	char recipients[RECIPIENTS][ADDRESS];
	size_t recipient_count;
	bool is_in_data;
	size_t chunk; /* octets of a BDAT that are still to come */
	bool is_last;
	bool is_chunked;
	char output[1 << 16];
	size_t output_length;
};

static struct client clients[CLIENTS];
static char names[NAMES][ADDRESS]; /* that were put off */
static size_t name_count;
static int ledger;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void say(struct client *client, const char *line)
{
	size_t length = strlen(line);

	if (client->output_length + length + 2 > sizeof client->output)
		return;
	memcpy(client->output + client->output_length, line, length);
	memcpy(client->output + client->output_length + length, "\r\n", 2);
	client->output_length += length + 2;
}

static void flush(struct client *client)
{
	if (client->output_length != 0)
		(void)!send(client->fd, client->output, client->output_length, MSG_NOSIGNAL);
	client->output_length = 0;
}

static void reset(struct client *client)
{
	client->has_sender = false;
	client->recipient_count = 0;
	client->message_length = 0;
	client->is_chunked = false;
}

/* ---- the ledger ---- */

/* The value of a line that begins so, from start on; NULL. */
static const char *find_field(const char *start, const char *end, const char *name, size_t *length)
{
	size_t size = strlen(name);

	for (const char *line = start; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline != NULL ? newline : end;

		if ((size_t)(stop - line) > size && strncasecmp(line, name, size) == 0) {
			line += size;
			while (line < stop && *line == ' ')
				line++;
			while (stop > line && (stop[-1] == '\r' || stop[-1] == ' '))
				stop--;
			*length = (size_t)(stop - line);
			return line;
		}
		line = stop + 1;
	}
	return NULL;
}

static void copy_field(
    const char *start, const char *end, const char *name, char *copy, size_t room)
{
	size_t length = 0;
	const char *value = find_field(start, end, name, &length);

	snprintf(copy, room, "%.*s", (int)length, value != NULL ? value : "");
}

static void copy_id(const char *start, const char *end, char *copy, size_t room)
{
	const char *id = memmem(start, (size_t)(end - start), "\tid ", 4);
	size_t length = 0;

	if (id != NULL) {
		id += 4;
		while (id + length < end && strchr("; \t\r\n", id[length]) == NULL)
			length++;
	}
	snprintf(copy, room, "%.*s", (int)length, id != NULL ? id : "");
}

static const char *find_body(const char *start, const char *end)
{
	const char *empty = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);

	return empty != NULL ? empty + 4 : end;
}

/* "failed:a@b,delayed:c@d". */
static void copy_reports(const char *body, const char *end, char *copy, size_t room)
{
	size_t used = 0;
	size_t length;
	const char *at = body;

	copy[0] = '\0';
	while ((at = find_field(at, end, "Final-Recipient: rfc822;", &length)) != NULL &&
	       used + length + 40 < room) {
		char action[20];

		copy_field(at, end, "Action:", action, sizeof action);
		used += (size_t)snprintf(copy + used, room - used, "%s%s:%.*s",
		    used != 0 ? "," : "", action, (int)length, at);
		at += length;
	}
}

static void write_down(struct client *client)
{
	static char line[1 << 17];
	char mark[200], id[100], reports[1 << 14];
	const char *start = client->message;
	const char *end = start + client->message_length;
	const char *body = find_body(start, end);
	uint64_t hash = 0xcbf29ce484222325;
	struct timespec time;
	size_t used;

	clock_gettime(CLOCK_MONOTONIC, &time);
	copy_field(start, body, "X-Mark:", mark, sizeof mark);
	copy_id(start, body, id, sizeof id);
	copy_reports(body, end, reports, sizeof reports);
	for (const char *p = body; p < end; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
	used = (size_t)snprintf(line, sizeof line, "%lld\t%s\t",
	    (long long)time.tv_sec * 1000000000 + time.tv_nsec, client->sender);
	for (size_t i = 0; i < client->recipient_count; i++)
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%s", i != 0 ? "," : "",
		    client->recipients[i]);
	used += (size_t)snprintf(line + used, sizeof line - used,
	    "\t%s\t%s\t%zu\t%016" PRIx64 "\t%s\n", mark, id, (size_t)(end - body), hash, reports);
	if (write(ledger, line, used) != (ssize_t)used)
		die("sink: ledger");
}

static void finish_message(struct client *client)
{
	write_down(client);
	say(client, "250 2.0.0 taken");
	reset(client);
}

/* ---- commands ---- */

static void copy_address(const char *line, char *copy)
{
	const char *open = strchr(line, '<');
	const char *close = open != NULL ? strchr(open, '>') : NULL;

	snprintf(copy, ADDRESS, "%.*s", close != NULL ? (int)(close - open - 1) : 0,
	    open != NULL ? open + 1 : "");
}

static bool was_put_off(const char *address)
{
	for (size_t i = 0; i < name_count; i++)
		if (strcmp(names[i], address) == 0)
			return true;
	if (name_count < NAMES)
		memcpy(names[name_count++], address, ADDRESS);
	return false;
}

static void take_recipient(struct client *client, const char *line)
{
	char address[ADDRESS] = "";

	copy_address(line, address);
	if (!client->has_sender)
		say(client, "503 5.5.1 MAIL first");
	else if (strncmp(address, "no", 2) == 0)
		say(client, "550 5.1.1 nobody of this name here");
	else if (strncmp(address, "never", 5) == 0 ||
		 (strncmp(address, "later", 5) == 0 && !was_put_off(address)))
		say(client, "450 4.2.0 not now");
	else if (client->recipient_count == RECIPIENTS)
		say(client, "452 4.5.3 too many");
	else {
		memcpy(client->recipients[client->recipient_count++], address, ADDRESS);
		say(client, "250 2.1.5 ok");
	}
}

static void begin_chunk(struct client *client, const char *line)
{
	char *rest;

	client->chunk = strtoul(line + 5, &rest, 10);
	client->is_last = strcasestr(rest, "last") != NULL;
	client->is_chunked = true;
}

static void end_chunk(struct client *client)
{
	client->is_chunked = false;
	if (client->recipient_count == 0) {
		say(client, "503 5.5.1 nobody to give it to");
		client->message_length = 0;
	} else if (client->is_last) {
		finish_message(client);
	} else {
		say(client, "250 2.0.0 more");
	}
}

static void obey(struct client *client, const char *line)
{
	if (strncasecmp(line, "EHLO", 4) == 0) {
		say(client, "250-sink.test");
		say(client, "250-PIPELINING");
		say(client, "250-8BITMIME");
		say(client, "250-CHUNKING");
		say(client, "250 ENHANCEDSTATUSCODES");
	} else if (strncasecmp(line, "MAIL", 4) == 0) {
		reset(client);
		copy_address(line, client->sender);
		client->has_sender = true;
		say(client, "250 2.1.0 ok");
	} else if (strncasecmp(line, "RCPT", 4) == 0) {
		take_recipient(client, line);
	} else if (strncasecmp(line, "BDAT", 4) == 0) {
		begin_chunk(client, line);
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		client->is_in_data = client->recipient_count != 0;
		say(client, client->is_in_data ? "354 go on" : "503 5.5.1 nobody to give it to");
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		say(client, "221 2.0.0 bye");
	} else if (strncasecmp(line, "XRESET", 6) == 0) {
		name_count = 0;
		say(client, "250 2.0.0 forgotten");
	} else {
		if (strncasecmp(line, "RSET", 4) == 0)
			reset(client);
		say(client, "250 2.0.0 ok");
	}
}

/* ---- octets ---- */

static void keep(struct client *client, const char *octets, size_t count)
{
	if (client->message_length + count > INPUT)
		return;
	memcpy(client->message + client->message_length, octets, count);
	client->message_length += count;
}

static void take_data_line(struct client *client, const char *line, size_t length)
{
	if (length == 1 && line[0] == '.') {
		client->is_in_data = false;
		finish_message(client);
		return;
	}
	if (length > 1 && line[0] == '.') {
		line++;
		length--;
	}
	keep(client, line, length);
	keep(client, "\r\n", 2);
}

/* Octets that could be used. */
static size_t take_some(struct client *client, char *input, size_t length)
{
	if (client->is_chunked) {
		size_t count = length < client->chunk ? length : client->chunk;

		keep(client, input, count);
		client->chunk -= count;
		if (client->chunk == 0)
			end_chunk(client);
		return count;
	}
	char *newline = memchr(input, '\n', length);
	if (newline == NULL)
		return 0;
	size_t size = (size_t)(newline - input);
	if (size != 0 && input[size - 1] == '\r')
		size--;
	if (client->is_in_data) {
		take_data_line(client, input, size);
	} else {
		input[size] = '\0';
		obey(client, input);
	}
	return (size_t)(newline - input) + 1;
}

static void digest(struct client *client)
{
	size_t done = 0;

	while (done < client->length || (client->is_chunked && client->chunk == 0)) {
		size_t used = take_some(client, client->input + done, client->length - done);

		if (used == 0 && !client->is_chunked)
			break;
		done += used;
		if (client->is_chunked && done == client->length && client->chunk != 0)
			break;
	}
	memmove(client->input, client->input + done, client->length - done);
	client->length -= done;
	flush(client);
}

static void forget(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->length = 0;
	client->is_in_data = false;
	reset(client);
}

static void serve(struct client *client)
{
	for (;;) {
		ssize_t count = recv(client->fd, client->input + client->length,
		    INPUT - client->length, MSG_DONTWAIT);

		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (count <= 0) {
			forget(client);
			return;
		}
		client->length += (size_t)count;
		digest(client);
	}
}

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < CLIENTS; i++) {
		struct client *client = &clients[i];

		if (client->fd >= 0)
			continue;
		client->fd = fd;
		if (client->input == NULL)
			client->input = malloc(INPUT);
		if (client->message == NULL)
			client->message = malloc(INPUT);
		say(client, "220 sink.test ESMTP");
		flush(client);
		return;
	}
	if (fd >= 0)
		close(fd);
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 100) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		die("sink: listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd polls[CLIENTS + 1];

	if (argc != 2)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	ledger = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ledger < 0)
		die("sink: ledger");
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	int listener = listen_somewhere();
	for (;;) {
		polls[CLIENTS] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (size_t i = 0; i < CLIENTS; i++)
			polls[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		if (poll(polls, CLIENTS + 1, -1) <= 0)
			continue;
		/* Newcomers last, so that what others have said before is done with. */
		for (size_t i = 0; i < CLIENTS; i++)
			if (polls[i].revents != 0)
				serve(&clients[i]);
		if (polls[CLIENTS].revents != 0)
			welcome(listener);
	}
}
