/* SPDX-License-Identifier: MIT */

/*
 * fake_peer - an SMTP server in this very thread, and the clock that it lives by
 *
 * It sits at the other end of a socketpair.  poll(2) and clock_gettime(2) are
 * wrapped by the linker (tests/CMakeLists.txt): whenever the client waits, the
 * peer runs first; and when neither can move, the time goes on to what comes
 * first, the peer's next octet or the client's deadline.  So ten minutes pass
 * in no time, and always alike.  A wait that nothing would ever end fails.
 *
 * It speaks properly, but for one step at which it behaves as it was told.  It
 * writes down what it was given: commands, contents, and whether it ran what
 * was the text of a message ("evil").
 */

#ifndef TESTS_SMTP_CLIENT_FAKE_PEER_H
#define TESTS_SMTP_CLIENT_FAKE_PEER_H

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

enum peer_step {
	PEER_NOWHERE,
	PEER_GREETING,
	PEER_EHLO,
	PEER_STARTTLS,
	PEER_TLS,
	PEER_EHLO_AGAIN, /* inside TLS */
	PEER_AUTH,
	PEER_MAIL,
	PEER_RCPT,
	PEER_DATA,
	PEER_CONTENT, /* after its first octets */
	PEER_FINAL,
	PEER_RSET, /* between the messages */
	PEER_QUIT,
	PEER_STEPS,
};

/* What becomes of the connection when all has been said. */
enum peer_end { PEER_STAYS, PEER_CLOSES, PEER_RESETS, PEER_BABBLES };

/* Where its DATA ends, beside CR LF . CR LF. */
enum peer_leniency { PEER_STRICT, PEER_ENDS_AT_LF, PEER_ENDS_AT_CR, PEER_ENDS_AT_ANY };

enum { PEER_MESSAGES = 40, PEER_LIMIT = 1 << 24 };

struct peer;

struct peer_behaviour {
	const char *name;
	/* In place of the reply. */
	void (*act)(struct peer *peer, const char *reply);
	bool takes; /* and it goes on as after a yes */
};

struct peer {
	/* How it is; set before it runs. */
	const char *offers; /* the lines of its EHLO but the first; each "250-...\r\n" */
	enum peer_step step;
	const struct peer_behaviour *behaviour;
	unsigned messages; /* how many will come: QUIT follows the last */
	SSL_CTX *context;  /* NULL: it has no TLS */
	SSL_CTX *wrong_context;
	uint64_t cut_input, cut_output; /* so many octets move, then it is gone; 0: all */
	bool cut_resets;
	enum peer_leniency leniency;
	bool keeps_chunks; /* it does not swallow the chunk of a refused transaction */

	/* The wire. */
	int fd; /* -1: closed */
	int client_fd;
	struct buffer input, text, raw;
	SSL *ssl;
	BIO *from_client, *to_client;
	uint64_t sent; /* by the client */
	uint64_t taken, given;
	int64_t text_interval, raw_interval; /* milliseconds an octet; 0: all at once */
	int64_t read_interval;
	int64_t due, read_due;
	int64_t busy_until; /* it does not read before */
	enum peer_end end;
	const char *babble;
	bool is_mute;	   /* it hears, and answers no more */
	bool is_deaf;	   /* it does not even read */
	bool is_impatient; /* TLS is awaited */
	bool halves;	   /* its first flight of TLS is sent by half */
	enum peer_end halves_end;

	/* The session. */
	bool has_acted;
	unsigned recipients; /* RCPT commands of this message */
	bool said_early;     /* the reply to the next one of the step */
	bool has_mail;
	unsigned accepted;
	bool wants_nobody;     /* it refuses every recipient, and says 354 all the same */
	bool takes_for_nobody; /* and 250 to the content */
	bool is_in_data;
	uint64_t chunk_left;
	bool is_in_chunk;
	bool is_last_chunk;
	bool is_judged; /* a reply to the content was given before it ended */
	bool has_refused_content;
	unsigned message; /* whose transaction it is: 1 for the sender "m0@..." */

	/* Its books. */
	struct buffer content; /* of the message that comes */
	struct buffer first;   /* the first message, or what came of it */
	bool has_whole_first;
	unsigned contents; /* whole ones */
	struct {
		bool is_whole;	/* all of its content came */
		bool is_said;	/* "250" was said to it */
		uint64_t given; /* octets that had to be given for that */
	} mails[PEER_MESSAGES];
	unsigned commands, evil, quits;
	bool has_secret;	  /* the login came inside TLS */
	bool has_secret_in_clear; /* it came so that all could read it */
};

/* ---- the clock ---- */

static int64_t peer_now = 1000000;
static struct peer *peer_at_wire; /* who runs when the client waits; NULL: the real time */

static inline bool peer_run(struct peer *peer);

int __real_clock_gettime(clockid_t which, struct timespec *now);
int __wrap_clock_gettime(clockid_t which, struct timespec *now);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);

int __wrap_clock_gettime(clockid_t which, struct timespec *now)
{
	if (peer_at_wire == NULL)
		return __real_clock_gettime(which, now);
	*now = (struct timespec){ .tv_sec = peer_now / 1000, .tv_nsec = peer_now % 1000 * 1000000 };
	return 0;
}

static inline int64_t peer_next_due(const struct peer *peer)
{
	int64_t next = CLOCK_NEVER;

	if (peer->fd < 0)
		return next;
	if ((peer->text_interval != 0 && peer->text.length != 0) ||
	    (peer->raw_interval != 0 && peer->raw.length != 0))
		next = peer->due;
	if (peer->read_interval != 0 && peer->read_due < next)
		next = peer->read_due;
	if (peer->busy_until > peer_now && peer->busy_until < next)
		next = peer->busy_until;
	return next > peer_now ? next : CLOCK_NEVER;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int64_t until = timeout < 0 ? CLOCK_NEVER : peer_now + timeout;

	if (peer_at_wire == NULL)
		return __real_poll(fds, count, timeout);
	for (;;) {
		bool has_moved = peer_run(peer_at_wire);
		/* Without an end of its own, the kernel has one, and is given a moment. */
		int ready = __real_poll(fds, count, peer_at_wire->client_fd < 0 ? 500 : 0);

		if (ready != 0)
			return ready;
		if (has_moved)
			continue;
		int64_t next = peer_next_due(peer_at_wire);
		if (next == CLOCK_NEVER && until == CLOCK_NEVER)
			fail_msg("the client waits for what will never come");
		if (next > until) {
			peer_now = until;
			return 0;
		}
		peer_now = next;
	}
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, timeout);
}

static inline bool peer_has_reset(int fd)
{
	return peer_at_wire != NULL && fd == peer_at_wire->client_fd && peer_at_wire->fd < 0 &&
	       peer_at_wire->end == PEER_RESETS;
}

/* A socketpair knows no reset of its own. */
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	ssize_t count = __real_read(fd, bytes, size);

	if (count != 0 || !peer_has_reset(fd))
		return count;
	errno = ECONNRESET;
	return -1;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	struct peer *peer = peer_at_wire;
	bool is_cut = peer != NULL && fd == peer->client_fd && peer->cut_input != 0;

	if (is_cut && peer->cut_input - peer->sent < size)
		size = (size_t)(peer->cut_input - peer->sent);
	/* Nothing more leaves, and soon the peer is gone. */
	if (is_cut && size == 0 && peer->fd >= 0) {
		errno = EAGAIN;
		return -1;
	}
	ssize_t count = __real_send(fd, bytes, size, flags);
	if (count < 0 && peer_has_reset(fd))
		errno = ECONNRESET;
	if (count > 0 && is_cut)
		peer->sent += (uint64_t)count;
	return count;
}

/* ---- what it says ---- */

static inline void peer_say(struct peer *peer, const char *text)
{
	if (!peer->is_mute)
		buffer_append_string(&peer->text, text);
}

static inline void peer_end(struct peer *peer, enum peer_end end)
{
	if (peer->is_mute)
		return;
	peer->end = end;
	peer->is_mute = true;
}

static inline const char *peer_normal(enum peer_step step)
{
	switch (step) {
	case PEER_GREETING:
		return "220 server.example at your service\r\n";
	case PEER_STARTTLS:
		return "220 2.0.0 ready to start TLS\r\n";
	case PEER_AUTH:
		return "235 2.7.0 you are known here\r\n";
	case PEER_MAIL:
		return "250 2.1.0 sender is fine\r\n";
	case PEER_RCPT:
		return "250 2.1.5 recipient is fine\r\n";
	case PEER_DATA:
		return "354 go ahead with it\r\n";
	case PEER_CONTENT:
	case PEER_FINAL:
		return "250 2.0.0 message is taken\r\n";
	case PEER_QUIT:
		return "221 2.0.0 fare well then\r\n";
	default:
		return "250 2.0.0 all is fine\r\n";
	}
}

/* Says it, or behaves as told; true when the server goes on as after a yes. */
static inline bool peer_reply(struct peer *peer, enum peer_step step, const char *reply)
{
	if (step != peer->step || peer->has_acted) {
		peer_say(peer, reply);
		return true;
	}
	peer->has_acted = true;
	if (peer->said_early)
		return true;
	peer->behaviour->act(peer, reply);
	return peer->behaviour->takes;
}

/* ---- what it hears ---- */

static inline void peer_say_offers(struct peer *peer, enum peer_step step)
{
	CLEANUP(buffer_finish) struct buffer reply = { 0 };

	buffer_init(&reply, 4096);
	buffer_append_string(&reply, "250-server.example\r\n");
	buffer_append_string(&reply, peer->offers);
	if (peer->context != NULL && peer->ssl == NULL)
		buffer_append_string(&reply, "250-STARTTLS\r\n");
	if (peer->ssl != NULL)
		buffer_append_string(&reply, "250-AUTH PLAIN\r\n");
	buffer_append_string(&reply, "250 HELP\r\n");
	peer_reply(peer, step, buffer_string(&reply));
}

static inline void peer_clear(struct peer *peer)
{
	peer->has_mail = false;
	peer->accepted = 0;
	peer->recipients = 0;
}

/* A reply that is said although its command is not there yet: "early". */
static void peer_act_early(struct peer *peer, const char *reply);

static inline void peer_foretell(struct peer *peer, enum peer_step step)
{
	if (peer->step != step || peer->has_acted || peer->said_early ||
	    peer->behaviour->act != peer_act_early)
		return;
	if (step == PEER_EHLO || step == PEER_EHLO_AGAIN)
		peer_say(peer, "250 server.example\r\n");
	else
		peer_say(peer, peer_normal(step));
	peer->said_early = true;
}

static inline void peer_take_mail(struct peer *peer, const char *line)
{
	if (peer->has_mail) {
		peer_say(peer, "503 5.5.1 nested MAIL\r\n");
		return;
	}
	peer->is_judged = false;
	peer->wants_nobody = false;
	peer->has_mail = peer_reply(peer, PEER_MAIL, peer_normal(PEER_MAIL));
	peer->message = (unsigned)strtoul(line + strlen("MAIL FROM:<m"), NULL, 10) + 1;
	buffer_clear(&peer->content);
	peer_foretell(peer, PEER_RCPT);
}

static inline void peer_take_rcpt(struct peer *peer)
{
	if (!peer->has_mail) {
		peer_say(peer, "503 5.5.1 first MAIL\r\n");
		return;
	}
	peer->recipients++;
	if (peer->wants_nobody) {
		peer_say(peer, "550 5.1.1 nobody is here\r\n");
		return;
	}
	peer->accepted += peer_reply(peer, PEER_RCPT, peer_normal(PEER_RCPT));
	if (peer->recipients < 2)
		return;
	peer_foretell(peer, PEER_DATA);
	if (strstr(peer->offers, "CHUNKING") != NULL)
		peer_foretell(peer, PEER_FINAL);
}

static inline void peer_take_data(struct peer *peer)
{
	if (peer->accepted == 0 && !peer->wants_nobody) {
		peer_say(peer, "503 5.5.1 no recipients\r\n");
		return;
	}
	peer->is_in_data = peer_reply(peer, PEER_DATA, peer_normal(PEER_DATA));
	buffer_clear(&peer->content);
	peer_foretell(peer, PEER_FINAL);
}

static inline void peer_take_bdat(struct peer *peer, const char *line)
{
	bool is_refused = peer->accepted == 0;

	if (is_refused && peer->keeps_chunks) {
		peer_say(peer, "503 5.5.1 no recipients\r\n");
		return;
	}
	peer->chunk_left = strtoull(line + strlen("BDAT "), NULL, 10);
	peer->is_in_chunk = true;
	peer->is_last_chunk = strstr(line, "LAST") != NULL;
	peer->has_refused_content = is_refused;
}

static inline void peer_take_line(struct peer *peer, const char *line)
{
	peer->commands++;
	if (strstr(line, "evil") != NULL)
		peer->evil++;
	if (strncasecmp(line, "EHLO", 4) == 0) {
		peer_say_offers(peer, peer->ssl != NULL ? PEER_EHLO_AGAIN : PEER_EHLO);
		peer_foretell(peer, peer->ssl != NULL	    ? PEER_AUTH
				    : peer->context != NULL ? PEER_STARTTLS
							    : PEER_MAIL);
	} else if (strncasecmp(line, "STARTTLS", 8) == 0) {
		peer->is_impatient = peer_reply(peer, PEER_STARTTLS, peer_normal(PEER_STARTTLS));
	} else if (strncasecmp(line, "AUTH", 4) == 0) {
		peer_reply(peer, PEER_AUTH, peer_normal(PEER_AUTH));
		peer_foretell(peer, PEER_MAIL);
	} else if (strncasecmp(line, "MAIL", 4) == 0) {
		peer_take_mail(peer, line);
	} else if (strncasecmp(line, "RCPT", 4) == 0) {
		peer_take_rcpt(peer);
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		peer_take_data(peer);
	} else if (strncasecmp(line, "BDAT", 4) == 0) {
		peer_take_bdat(peer, line);
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		peer->quits++;
		peer_reply(peer, PEER_QUIT, peer_normal(PEER_QUIT));
		peer_end(peer, PEER_CLOSES);
	} else {
		bool is_reset = strncasecmp(line, "RSET", 4) == 0;

		if (peer_reply(
			peer, is_reset ? PEER_RSET : PEER_NOWHERE, peer_normal(PEER_NOWHERE)) &&
		    is_reset)
			peer_clear(peer);
	}
}

static inline bool peer_is_first(const struct peer *peer)
{
	return peer->message <= 1;
}

static inline void peer_end_content(struct peer *peer)
{
	unsigned number = peer->message != 0 ? peer->message - 1 : 0;
	bool says_yes = !peer->is_mute && !peer->is_judged;

	peer->contents++;
	assert_true(number < PEER_MESSAGES);
	peer->mails[number].is_whole = true;
	if (peer_is_first(peer) && peer->first.length != 0)
		peer->has_whole_first = true;
	if (peer->wants_nobody && !peer->takes_for_nobody) {
		peer_say(peer, "554 5.5.1 no valid recipients\r\n");
		says_yes = false;
	} else if (!peer->is_judged)
		says_yes &= peer_reply(peer, PEER_FINAL, peer_normal(PEER_FINAL));
	peer->mails[number].is_said = says_yes;
	peer->wants_nobody = false;
	if (peer->ssl == NULL)
		peer->mails[number].given = peer->given + peer->raw.length + peer->text.length;
	peer->is_judged = false;
	peer_clear(peer);
	if (peer->message >= peer->messages)
		peer_foretell(peer, PEER_QUIT);
}

/* The first octets of the first message. */
static inline void peer_note_content(struct peer *peer, struct span octets)
{
	buffer_append_span(&peer->content, octets);
	if (peer_is_first(peer))
		buffer_append_span(&peer->first, octets);
	if (peer->step != PEER_CONTENT || peer->has_acted)
		return;
	peer->is_judged = true;
	/* So that the client must hear it before all has left. */
	peer->busy_until = peer_now + 1000;
	peer_reply(peer, PEER_CONTENT, peer_normal(PEER_FINAL));
}

static inline bool peer_take_chunk(struct peer *peer)
{
	size_t size = peer->input.length < peer->chunk_left ? peer->input.length
							    : (size_t)peer->chunk_left;

	if (size == 0 && peer->chunk_left != 0)
		return false;
	if (!peer->has_refused_content)
		peer_note_content(peer, span_from_bytes(peer->input.start, size));
	buffer_consume(&peer->input, size);
	peer->chunk_left -= size;
	if (peer->chunk_left != 0)
		return true;
	peer->is_in_chunk = false;
	if (peer->has_refused_content)
		peer_say(peer, "503 5.5.1 no recipients\r\n");
	else if (!peer->is_last_chunk)
		peer_say(peer, peer_normal(PEER_NOWHERE));
	else
		peer_end_content(peer);
	return true;
}

struct peer_ending {
	const char *octets;
	size_t kept; /* of the octets, which belong to the content */
};

/* What ends a content in the eyes of this server. */
static inline size_t peer_endings(const struct peer *peer, const struct peer_ending **endings)
{
	static const struct peer_ending strict[] = { { "\r\n.\r\n", 2 } };
	static const struct peer_ending lf[] = { { "\r\n.\r\n", 2 }, { "\n.\n", 1 },
		{ "\n.\r\n", 1 } };
	static const struct peer_ending cr[] = { { "\r\n.\r\n", 2 }, { "\r.\r", 1 },
		{ "\r\n.\r", 2 } };
	static const struct peer_ending any[] = { { "\r\n.\r\n", 2 }, { "\n.\n", 1 },
		{ "\n.\r\n", 1 }, { "\r.\r", 1 }, { "\r\n.\r", 2 }, { "\r\n.\n", 2 },
		{ "\r.\n", 1 } };

	switch (peer->leniency) {
	case PEER_ENDS_AT_LF:
		*endings = lf;
		return 3;
	case PEER_ENDS_AT_CR:
		*endings = cr;
		return 3;
	case PEER_ENDS_AT_ANY:
		*endings = any;
		return 7;
	default:
		*endings = strict;
		return 1;
	}
}

/* Where the content ends in the input: its length; *taken is that with its end.  -1: not yet. */
static inline ssize_t peer_find_end(const struct peer *peer, size_t *taken)
{
	const struct peer_ending *endings;
	size_t count = peer_endings(peer, &endings);
	ssize_t first = -1;

	/* An empty one. */
	if (peer->content.length == 0 && peer->input.length >= 3 &&
	    memcmp(peer->input.start, ".\r\n", 3) == 0) {
		*taken = 3;
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(endings[i].octets);
		const char *found = memmem(
		    peer->input.start, peer->input.length, endings[i].octets, length);
		ssize_t end = found != NULL ? found - peer->input.start + (ssize_t)endings[i].kept
					    : -1;

		if (end < 0 || (first >= 0 && end >= first))
			continue;
		first = end;
		*taken = (size_t)(found - peer->input.start) + length;
	}
	return first;
}

static inline bool peer_take_dotted(struct peer *peer)
{
	size_t taken = 0;
	ssize_t end = peer->input.length != 0 ? peer_find_end(peer, &taken) : -1;

	if (end < 0) {
		/* What may belong to the end stays. */
		size_t keep = peer->input.length < 4 ? peer->input.length : 4;

		if (peer->input.length == keep)
			return false;
		size_t size = peer->input.length - keep;
		peer_note_content(peer, span_from_bytes(peer->input.start, size));
		buffer_consume(&peer->input, size);
		return true;
	}
	peer_note_content(peer, span_from_bytes(peer->input.start, (size_t)end));
	buffer_consume(&peer->input, taken);
	peer->is_in_data = false;
	peer_end_content(peer);
	return true;
}

static inline bool peer_take_command(struct peer *peer)
{
	char line[2048] = "";
	ssize_t end = span_find_byte(buffer_span(&peer->input), '\n');

	if (end < 0)
		return false;
	size_t length = (size_t)end < sizeof line ? (size_t)end : sizeof line - 1;
	memcpy(line, peer->input.start, length);
	buffer_consume(&peer->input, (size_t)end + 1);
	peer_take_line(peer, line);
	return true;
}

/* True when something was taken from the input. */
static inline bool peer_think(struct peer *peer)
{
	if (peer->is_in_data)
		return peer_take_dotted(peer);
	if (peer->is_in_chunk)
		return peer_take_chunk(peer);
	if (peer->is_impatient)
		return false;
	return peer_take_command(peer);
}

/* ---- the wire ---- */

static inline void peer_move_bio(struct peer *peer)
{
	char block[16384];
	int count;

	while (
	    peer->to_client != NULL && (count = BIO_read(peer->to_client, block, sizeof block)) > 0)
		buffer_append(&peer->raw, block, (size_t)count);
}

static inline void peer_begin_tls(struct peer *peer)
{
	bool is_wrong = peer->step == PEER_TLS && strcmp(peer->behaviour->name, "wrong") == 0;

	peer->is_impatient = false;
	peer->ssl = SSL_new(is_wrong ? peer->wrong_context : peer->context);
	peer->from_client = BIO_new(BIO_s_mem());
	peer->to_client = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(peer->from_client, -1);
	SSL_set_bio(peer->ssl, peer->from_client, peer->to_client);
	SSL_set_accept_state(peer->ssl);
	if (peer->step == PEER_TLS && !peer->has_acted && !is_wrong) {
		peer->has_acted = true;
		peer->behaviour->act(peer, "");
		/* Who speaks in clear makes no handshake. */
		peer->is_mute |= peer->text.length != 0;
	}
}

static inline void peer_shake_hands(struct peer *peer)
{
	int result = SSL_do_handshake(peer->ssl);

	peer_move_bio(peer);
	if (result == 1)
		peer_foretell(peer, PEER_EHLO_AGAIN);
	else if (SSL_get_error(peer->ssl, result) != SSL_ERROR_WANT_READ)
		peer_end(peer, PEER_CLOSES);
	if (!peer->halves)
		return;
	peer->raw.length /= 2;
	peer_end(peer, peer->halves_end);
}

static inline void peer_feed_tls(struct peer *peer, const char *bytes, size_t size)
{
	char block[16384];
	int count;

	BIO_write(peer->from_client, bytes, (int)size);
	if (!SSL_is_init_finished(peer->ssl)) {
		if (!peer->is_mute)
			peer_shake_hands(peer);
		if (!SSL_is_init_finished(peer->ssl))
			return;
	}
	while ((count = SSL_read(peer->ssl, block, sizeof block)) > 0)
		buffer_append(&peer->input, block, (size_t)count);
}

/* Base64 of NUL user NUL secret. */
#define PEER_SECRET "AHVzZXIAc2VjcmV0"

static inline void peer_feed(struct peer *peer, const char *bytes, size_t size)
{
	if (memmem(bytes, size, PEER_SECRET, strlen(PEER_SECRET)) != NULL)
		peer->has_secret_in_clear = true;
	if (peer->is_impatient)
		peer_begin_tls(peer);
	if (peer->ssl == NULL) {
		buffer_append(&peer->input, bytes, size);
		return;
	}
	size_t before = peer->input.length;
	peer_feed_tls(peer, bytes, size);
	if (peer->input.length > before &&
	    memmem(peer->input.start, peer->input.length, PEER_SECRET, strlen(PEER_SECRET)))
		peer->has_secret = true;
}

static inline size_t peer_appetite(struct peer *peer, size_t most)
{
	if (peer->is_deaf || peer->fd < 0 || peer_now < peer->busy_until)
		return 0;
	if (peer->read_interval == 0)
		return most;
	if (peer_now < peer->read_due)
		return 0;
	peer->read_due = peer_now + peer->read_interval;
	return 1;
}

static inline bool peer_read(struct peer *peer)
{
	char block[16384];
	size_t size = peer_appetite(peer, sizeof block);

	if (size == 0)
		return false;
	ssize_t count = recv(peer->fd, block, size, MSG_DONTWAIT);
	if (count <= 0)
		return false;
	peer->taken += (uint64_t)count;
	peer_feed(peer, block, (size_t)count);
	return true;
}

static inline size_t peer_allowance(struct peer *peer, size_t length, int64_t interval)
{
	if (interval == 0 || length == 0)
		return length;
	if (peer_now < peer->due)
		return 0;
	peer->due = peer_now + interval;
	return 1;
}

/* From what is said to what goes out. */
static inline bool peer_speak(struct peer *peer)
{
	size_t size = peer_allowance(peer, peer->text.length, peer->text_interval);

	if (size == 0)
		return false;
	if (peer->ssl != NULL && SSL_is_init_finished(peer->ssl)) {
		SSL_write(peer->ssl, peer->text.start, (int)size);
		peer_move_bio(peer);
	} else {
		buffer_append(&peer->raw, peer->text.start, size);
	}
	buffer_consume(&peer->text, size);
	if (peer->text.length == 0)
		peer->text_interval = 0;
	return true;
}

static inline bool peer_write(struct peer *peer)
{
	if (peer->fd < 0 || peer->raw.length == 0)
		return false;
	size_t size = peer_allowance(peer, peer->raw.length, peer->raw_interval);
	if (peer->cut_output != 0 && peer->cut_output - peer->given < size)
		size = (size_t)(peer->cut_output - peer->given);
	if (size == 0)
		return false;
	ssize_t count = __real_send(peer->fd, peer->raw.start, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (count <= 0)
		return false;
	peer->given += (uint64_t)count;
	buffer_consume(&peer->raw, (size_t)count);
	if (peer->raw.length == 0)
		peer->raw_interval = 0;
	return true;
}

/* The cuts of a connection. */
static inline bool peer_is_cut(const struct peer *peer)
{
	return (peer->cut_output != 0 && peer->given == peer->cut_output) ||
	       (peer->cut_input != 0 && peer->taken == peer->cut_input && peer->raw.length == 0 &&
		   peer->text.length == 0);
}

static inline void peer_hang_up(struct peer *peer)
{
	if (peer->end == PEER_CLOSES && peer->ssl != NULL && peer->raw.length == 0 &&
	    SSL_is_init_finished(peer->ssl)) {
		SSL_shutdown(peer->ssl);
		peer_move_bio(peer);
		(void)peer_write(peer);
	}
	file_close(&peer->fd);
}

/* All has been said. */
static inline bool peer_conclude(struct peer *peer)
{
	if (peer->fd < 0)
		return false;
	if (peer_is_cut(peer)) {
		peer->end = peer->cut_resets ? PEER_RESETS : PEER_CLOSES;
		file_close(&peer->fd);
		return true;
	}
	if (peer->text.length != 0 || peer->raw.length != 0 || peer->end == PEER_STAYS)
		return false;
	if (peer->end != PEER_BABBLES) {
		peer_hang_up(peer);
		return true;
	}
	while (peer->text.length < 8192)
		buffer_append_string(&peer->text, peer->babble);
	return true;
}

/* Does all that it can do now.  True when that was something. */
static inline bool peer_run(struct peer *peer)
{
	bool has_moved = false;
	bool moves;

	do {
		moves = peer_read(peer);
		moves |= peer_think(peer);
		moves |= peer_speak(peer);
		moves |= peer_write(peer);
		moves |= peer_conclude(peer);
		has_moved |= moves;
	} while (moves);
	return has_moved;
}

/* Begins with the greeting.  The client's end is what it returns. */
static inline int peer_start(struct peer *peer)
{
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	peer->client_fd = ends[0];
	peer->fd = ends[1];
	buffer_init(&peer->input, PEER_LIMIT);
	buffer_init(&peer->text, PEER_LIMIT);
	buffer_init(&peer->raw, PEER_LIMIT);
	buffer_init(&peer->content, PEER_LIMIT);
	buffer_init(&peer->first, PEER_LIMIT);
	peer_at_wire = peer;
	peer_reply(peer, PEER_GREETING, peer_normal(PEER_GREETING));
	peer_foretell(peer, PEER_EHLO);
	return ends[0];
}

static inline void peer_finish(struct peer *peer)
{
	peer_at_wire = NULL;
	file_close(&peer->fd);
	SSL_free(peer->ssl);
	buffer_finish(&peer->input);
	buffer_finish(&peer->text);
	buffer_finish(&peer->raw);
	buffer_finish(&peer->content);
	buffer_finish(&peer->first);
	*peer = (struct peer){ .fd = -1 };
}

static void peer_act_early(struct peer *peer, const char *reply)
{
	/* Only where nothing comes before it. */
	peer_say(peer, reply);
}

#endif
