/* SPDX-License-Identifier: MIT */

/*
 * Tests smtp/client against a hostile peer: at each step of the dialogue, each
 * of the things that a server should not do.  What must come of it stands in
 * hostile_table.h.  Stalls last as long as the step's own timeout on a clock
 * that the peer drives (fake_peer.h).
 */

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/connect.h"
#include "net/tls.h"
#include "smtp/client/authenticate.h"
#include "tests/net/certificates.h"
#include "tests/smtp/client/fake_peer.h"
#include "tests/smtp/client/hostile_table.h"
#include "tests/smtp/client/mails.h"

enum {
	MAILS = 2,
	LARGE = 700000, /* octets that no socket's buffer takes */
	VERDICT_SIZE = 160,
};

/* A row of the table, taken apart. */
struct row {
	char step[12];
	char behaviour[12];
	char modes[8];
	char verdict[VERDICT_SIZE];
};

/* ---- what a peer does in place of a reply ---- */

static void do_say(struct peer *peer, const char *reply)
{
	peer_say(peer, reply);
}

static void do_reset(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_end(peer, PEER_RESETS);
}

static void do_close(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_end(peer, PEER_CLOSES);
}

static void do_stall(struct peer *peer, const char *reply)
{
	(void)reply;
	peer->is_mute = true;
	/* Whoever stalls in a content takes no more of it. */
	peer->is_deaf = peer->step == PEER_CONTENT;
}

/* One octet at a time, in good time. */
static void do_drip(struct peer *peer, const char *reply)
{
	peer_say(peer, reply);
	peer->text_interval = 100;
	if (peer->step != PEER_TLS)
		return;
	peer->text_interval = 0;
	peer->raw_interval = 1;
}

/* One octet at a time, each in less than any step may take, all of them in more. */
static void do_trickle(struct peer *peer, const char *reply)
{
	if (peer->step == PEER_CONTENT) {
		peer->read_interval = 50000;
		return;
	}
	peer_say(peer, reply);
	peer->text_interval = 50000;
	if (peer->step != PEER_TLS)
		return;
	peer->text_interval = 0;
	peer->raw_interval = 7000;
}

static void do_garbage(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "\x80\x9e\x01\x03\x01 what is this\xff\r\n");
}

/* In the text, where it is shown as something else. */
static void do_nul(struct peer *peer, const char *reply)
{
	size_t length = strlen(reply);

	if (length < 7) {
		buffer_append(&peer->text, "\0\0\r\n", 4);
		return;
	}
	buffer_append(&peer->text, reply, length - 4);
	buffer_append(&peer->text, "\0\0\r\n", 4);
}

/* Where the code should be. */
static void do_nul_code(struct peer *peer, const char *reply)
{
	buffer_append(&peer->text, "2\0", 2);
	peer_say(peer, reply);
}

static void do_endless_line(struct peer *peer, const char *reply)
{
	char code[5] = "250 ";

	if (reply[0] != '\0')
		memcpy(code, reply, 3);
	peer_say(peer, code);
	peer->babble = "and so on and on";
	peer_end(peer, PEER_BABBLES);
}

static void do_endless_lines(struct peer *peer, const char *reply)
{
	static const char *const lines[] = { "220-and so on\r\n", "235-and so on\r\n",
		"354-and so on\r\n", "250-and so on\r\n" };

	peer->babble = lines[3];
	for (size_t i = 0; i < 3; i++)
		if (strncmp(reply, lines[i], 3) == 0)
			peer->babble = lines[i];
	peer_end(peer, PEER_BABBLES);
}

static void do_4yz(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "451 4.3.0 not now\r\n");
}

static void do_5yz(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "550 5.7.1 never\r\n");
}

static void do_421(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "421 4.3.2 going down\r\n");
	peer_end(peer, PEER_CLOSES);
}

static void do_503(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "503 5.5.1 bad sequence of commands\r\n");
}

static void do_554(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "554 5.5.0 too many errors\r\n");
	peer_end(peer, PEER_CLOSES);
}

static void do_wrong(struct peer *peer, const char *reply)
{
	peer_say(peer, reply[0] == '3' ? "250 2.0.0 fine\r\n" : "354 go ahead\r\n");
}

static void do_1yz(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "150 in a moment\r\n");
}

static void do_twice(struct peer *peer, const char *reply)
{
	peer_say(peer, reply);
	peer_say(peer, reply);
}

static void do_extra(struct peer *peer, const char *reply)
{
	peer_say(peer, reply);
	peer_say(peer, "extra octets");
}

static void do_half(struct peer *peer, const char *reply)
{
	buffer_append(&peer->text, reply, strlen(reply) / 2);
	if (peer->step != PEER_TLS) {
		peer_end(peer, PEER_CLOSES);
		return;
	}
	peer->halves = true;
	peer->halves_end = PEER_CLOSES;
}

/* Half a line, and then nothing. */
static void do_pause(struct peer *peer, const char *reply)
{
	do_half(peer, reply);
	peer->end = PEER_STAYS;
	peer->halves_end = PEER_STAYS;
	peer->is_mute = peer->step != PEER_TLS;
}

static void do_change(struct peer *peer, const char *reply)
{
	char line[40] = "250-fine, but\r\n";

	if (reply[0] != '\0')
		memcpy(line, reply, 3);
	peer_say(peer, line);
	peer_say(peer, "550 5.7.1 not so fine\r\n");
}

static void do_lf(struct peer *peer, const char *reply)
{
	for (size_t i = 0; reply[i] != '\0'; i++)
		if (reply[i] != '\r')
			buffer_append_byte(&peer->text, reply[i]);
}

static void do_8bit(struct peer *peer, const char *reply)
{
	buffer_append(&peer->text, reply, strlen(reply) - 2);
	peer_say(peer, " gr\xfc\xdf\xe4 \x1b[31m %n\r\n");
}

static void do_lines(struct peer *peer, const char *reply)
{
	char line[40] = "250-first this\r\n";

	memcpy(line, reply, 3);
	peer_say(peer, line);
	peer_say(peer, reply);
}

static void do_bare(struct peer *peer, const char *reply)
{
	char line[8] = "250\r\n";

	memcpy(line, reply, 3);
	peer_say(peer, line);
}

/* Refuses all recipients, and wants the content all the same (RFC 2920, 3.1). */
static void do_nobody(struct peer *peer, const char *reply)
{
	(void)reply;
	peer_say(peer, "550 5.1.1 nobody is here\r\n");
	peer->wants_nobody = true;
}

static void do_nobody_yes(struct peer *peer, const char *reply)
{
	do_nobody(peer, reply);
	peer->takes_for_nobody = true;
}

static void do_alert(struct peer *peer, const char *reply)
{
	(void)reply;
	buffer_append(&peer->text, "\x15\x03\x03\x00\x02\x02\x28", 7);
}

static const struct peer_behaviour behaviours[] = {
	{ "refuse", NULL, false },
	{ "reset", do_reset, false },
	{ "close", do_close, false },
	{ "stall", do_stall, false },
	{ "drip", do_drip, true },
	{ "trickle", do_trickle, true },
	{ "garbage", do_garbage, false },
	{ "nul", do_nul, true },
	{ "nul-code", do_nul_code, false },
	{ "long-line", do_endless_line, false },
	{ "long-reply", do_endless_lines, false },
	{ "4yz", do_4yz, false },
	{ "5yz", do_5yz, false },
	{ "421", do_421, false },
	{ "503", do_503, false },
	{ "554", do_554, false },
	{ "wrong", do_wrong, false },
	{ "1yz", do_1yz, false },
	{ "twice", do_twice, true },
	{ "early", peer_act_early, true },
	{ "extra", do_extra, true },
	{ "half", do_half, false },
	{ "pause", do_pause, false },
	{ "change", do_change, false },
	{ "lf", do_lf, true },
	{ "8bit", do_8bit, true },
	{ "lines", do_lines, true },
	{ "bare", do_bare, true },
	{ "alert", do_alert, false },
	{ "nobody", do_nobody, false },
	{ "nobody-yes", do_nobody_yes, false },
	{ "properly", do_say, true },
};

static const struct peer_behaviour *behaviour_named(const char *name)
{
	for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++)
		if (strcmp(behaviours[i].name, name) == 0)
			return &behaviours[i];
	fail_msg("no behaviour is called %s", name);
	return NULL;
}

static enum peer_step step_named(const char *name)
{
	static const char *const names[PEER_STEPS] = {
		[PEER_NOWHERE] = "connect",
		[PEER_GREETING] = "greeting",
		[PEER_EHLO] = "ehlo",
		[PEER_STARTTLS] = "starttls",
		[PEER_TLS] = "tls",
		[PEER_EHLO_AGAIN] = "ehlo2",
		[PEER_AUTH] = "auth",
		[PEER_MAIL] = "mail",
		[PEER_RCPT] = "rcpt",
		[PEER_DATA] = "data",
		[PEER_CONTENT] = "content",
		[PEER_FINAL] = "final",
		[PEER_RSET] = "rset",
		[PEER_QUIT] = "quit",
	};

	for (int i = 0; i < PEER_STEPS; i++)
		if (strcmp(names[i], name) == 0)
			return (enum peer_step)i;
	fail_msg("no step is called %s", name);
	return PEER_NOWHERE;
}

/* ---- a session with it ---- */

/* The parts that all scenarios share. */
static struct {
	SSL_CTX *right;
	SSL_CTX *wrong;
	struct tls *tls;
	struct stream_security security;
	unsigned scenarios;
} house;

struct scene {
	struct peer peer;
	struct mails mails;
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	enum session_step step; /* before QUIT */
	bool is_usable;
	bool has_stumbled;
	bool is_secure;
	struct error error;
};

/* A text that would do harm if it were run. */
static char *make_content(size_t number, size_t size)
{
	static const char evil[] = "RSET\r\nMAIL FROM:<evil@evil.example>\r\n"
				   "RCPT TO:<evil@evil.example>\r\nDATA\r\nevil\r\n..\r\n";
	CLEANUP(memory_free_string) char *filling = memory_allocate(size + 1);

	memset(filling, 'x', size);
	for (size_t i = 78; i < size; i += 80)
		memcpy(filling + i - 1, "\r\n", 2);
	return memory_format("Subject: m%zu\r\n\r\n%s%s\r\n", number, evil, filling);
}

static const char *offers_of(char mode)
{
	switch (mode) {
	case 'S':
		return "250-8BITMIME\r\n";
	case 'P':
	case 'O':
		return "250-PIPELINING\r\n";
	case 'L':
	case 'N':
		return "250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n";
	default:
		return "250-PIPELINING\r\n250-CHUNKING\r\n";
	}
}

static enum smarthost_tls tls_of(char mode, bool is_secure)
{
	if (mode == 'N' || !is_secure)
		return SMARTHOST_TLS_NEVER;
	return mode == 'O' || mode == 'L' ? SMARTHOST_TLS_IF_OFFERED : SMARTHOST_TLS_STARTTLS;
}

static struct scene *scene_new(const struct row *row, char mode, bool is_secure)
{
	struct scene *scene = memory_allocate(sizeof *scene);
	enum peer_step step = step_named(row->step);

	*scene = (struct scene){ .is_secure = is_secure,
		.peer = { .offers = offers_of(mode),
		    .step = step,
		    .behaviour = behaviour_named(row->behaviour),
		    .messages = MAILS,
		    .context = is_secure && mode != 'L' && mode != 'N' ? house.right : NULL,
		    .wrong_context = house.wrong } };
	scene->mails = (struct mails){ .list = memory_allocate(MAILS * sizeof(struct mail)),
		.count = MAILS };
	for (size_t i = 0; i < MAILS; i++)
		mail_make(&scene->mails.list[i], i,
		    make_content(i, i == 0 && step == PEER_CONTENT ? (size_t)LARGE : 0));
	smarthost_init(&scene->smarthost);
	scene->smarthost.host = memory_copy_string("server.example");
	scene->smarthost.port = 587;
	scene->smarthost.tls = tls_of(mode, is_secure);
	if (is_secure) {
		scene->smarthost.user = memory_copy_string("user");
		scene->smarthost.password = memory_copy_string("secret");
	}
	scene->settings = (struct session_settings){ .smarthost = &scene->smarthost,
		.hello = "client.example",
		.security = &house.security,
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts };
	return scene;
}

static void scene_free(struct scene *scene)
{
	session_finish(&scene->session);
	stream_finish(&scene->stream);
	peer_finish(&scene->peer);
	smarthost_finish(&scene->smarthost);
	mails_finish(&scene->mails);
	free(scene);
}

static int run_window(struct scene *scene)
{
	const struct window_source source = mails_source(&scene->mails, false);

	return window_run(&scene->session, &source, &scene->error);
}

static int run_one_by_one(struct scene *scene)
{
	for (size_t i = 0; i < MAILS; i++)
		if (transaction_run(
			&scene->session, &scene->mails.list[i].transaction, &scene->error) < 0)
			return -1;
	return 0;
}

/* What the peer knows must agree with what the client says. */
static bool is_true(const struct scene *scene)
{
	const struct peer *peer = &scene->peer;

	if (peer->has_secret_in_clear || peer->quits > 1)
		return false;
	for (size_t i = 0; i < MAILS; i++) {
		bool is_taken = peer->mails[i].is_whole && peer->mails[i].is_said;

		if (strchr(scene->mails.list[i].fates, 'D') != NULL && !is_taken)
			return false;
		if (strchr(scene->mails.list[i].fates, 'R') != NULL && is_taken)
			return false;
	}
	return true;
}

static const char *content_seen(const struct peer *peer)
{
	if (peer->has_whole_first)
		return "all";
	return peer->first.length != 0 ? "part" : "none";
}

static void write_verdict(const struct scene *scene, int outcome, int64_t waited, char *verdict)
{
	static const char *const steps[] = { "connect", "greeting", "hello", "starttls", "tls",
		"auth", "ready", "closed" };
	const struct peer *peer = &scene->peer;
	const char *status = scene->mails.list[0].status;
	/* Without TLS there is none, see is_true; but the rows are the same. */
	bool is_sent = peer->has_secret || (!scene->is_secure && scene->step == SESSION_READY);

	snprintf(verdict, VERDICT_SIZE, "%s %s %s %s %s %s %s %s %s %" PRId64 "s%s %s%s",
	    scene->mails.list[0].fates, scene->mails.list[1].fates, steps[scene->step],
	    !scene->is_usable ? "over" : (outcome < 0 ? "ending" : "usable"),
	    scene->has_stumbled ? "trips" : "-", content_seen(peer),
	    peer->evil != 0 ? "ran" : "safe", is_sent ? "sent" : "-",
	    status[0] != '\0' ? status : scene->error.status, waited / 1000,
	    waited % 1000 != 0 ? "+" : "", peer->quits != 0 ? "quit" : "-",
	    is_true(scene) ? "" : " FALSE");
}

static int open_and_run(struct scene *scene, char mode, int fd)
{
	stream_init_take_fd(&scene->stream, fd, fd, "server.example:587");
	if (session_open(&scene->session, &scene->stream, &scene->settings, &scene->error) < 0)
		return -1;
	return isupper(mode) ? run_window(scene) : run_one_by_one(scene);
}

/* Says goodbye, and writes down how it was. */
static void conclude(struct scene *scene, int outcome, int64_t since, char *verdict)
{
	int64_t waited = peer_now - since;

	assert_true(outcome < 0 || scene->session.is_usable);
	scene->step = scene->session.step;
	scene->is_usable = scene->session.is_usable;
	scene->has_stumbled = scene->session.has_stumbled;
	session_quit(&scene->session);
	peer_run(&scene->peer);
	write_verdict(scene, outcome, waited, verdict);
	scene_free(scene);
	house.scenarios++;
}

static void play(const struct row *row, char mode, bool is_secure, char *verdict)
{
	struct scene *scene = scene_new(row, (char)toupper(mode), is_secure);
	int64_t since = peer_now;
	int fd = peer_start(&scene->peer);

	conclude(scene, open_and_run(scene, mode, fd), since, verdict);
}

/* ---- before there is a connection ---- */

/* Somebody who listens, with room for one who waits. */
static int listen_somewhere(struct resolve_result *place)
{
	struct resolve_address *address = &place->addresses[0];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&four, sizeof four), 0);
	assert_int_equal(listen(fd, 0), 0);
	*place = (struct resolve_result){ .count = 1 };
	address->length = sizeof four;
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&address->address, &address->length), 0);
	snprintf(address->text, sizeof address->text, "127.0.0.1");
	return fd;
}

/* Fills the queue of those who wait, so that whoever comes next hears nothing. */
static void fill_queue(const struct resolve_result *place, int *fds, size_t count)
{
	const struct resolve_address *address = &place->addresses[0];

	for (size_t i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(fds[i], (const struct sockaddr *)&address->address, address->length);
	}
}

/* Takes the connection and drops it at once. */
static void take_and_drop(int listener, bool resets)
{
	struct linger linger = { .l_onoff = resets };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	file_close(&fd);
}

static int connect_and_run(struct scene *scene, const struct row *row, char mode)
{
	const struct connect_settings settings = { .limit = 30000 };
	struct resolve_result place;
	int waiting[3] = { -1, -1, -1 };
	int listener = listen_somewhere(&place);
	int outcome = -1;
	size_t winner;

	if (strcmp(row->behaviour, "refuse") == 0)
		file_close(&listener);
	if (strcmp(row->behaviour, "stall") == 0)
		fill_queue(&place, waiting, 3);
	int fd = connect_race_with(&place, &settings, &winner, &scene->error);
	if (fd >= 0) {
		take_and_drop(listener, strcmp(row->behaviour, "reset") == 0);
		outcome = open_and_run(scene, mode, fd);
	}
	for (size_t i = 0; i < 3; i++)
		file_close(&waiting[i]);
	file_close(&listener);
	return outcome;
}

static void play_connect(const struct row *row, char mode, char *verdict)
{
	struct scene *scene = scene_new(row, mode, true);
	int64_t since = peer_now;

	/* The peer only keeps the time; the kernel is given a moment for each wait. */
	scene->peer.fd = -1;
	scene->peer.client_fd = -1;
	peer_at_wire = &scene->peer;
	conclude(scene, connect_and_run(scene, row, mode), since, verdict);
}

/* ---- the table ---- */

/* The same words, apart by any number of blanks. */
static bool says_the_same(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		size_t blanks_a = strspn(a, " ");
		size_t blanks_b = strspn(b, " ");

		a += blanks_a;
		b += blanks_b;
		if ((blanks_a != 0) != (blanks_b != 0) || *a != *b)
			return false;
		if (*a != '\0') {
			a++;
			b++;
		}
	}
	return true;
}

static void read_row(const char *text, struct row *row)
{
	*row = (struct row){ 0 };
	if (sscanf(text, "%11s %11s %7s %159[^\n]", row->step, row->behaviour, row->modes,
		row->verdict) != 4)
		fail_msg("this is no row: %s", text);
}

/* One mode of a row.  False when something else comes of it. */
static bool row_holds(const struct row *row, char mode, bool is_secure)
{
	char verdict[VERDICT_SIZE];

	if (step_named(row->step) == PEER_NOWHERE)
		play_connect(row, mode, verdict);
	else
		play(row, mode, is_secure, verdict);
	if (says_the_same(verdict, row->verdict))
		return true;
	print_message("%s %s, %c%s:\n  wanted %s\n  got    %s\n", row->step, row->behaviour, mode,
	    is_secure ? "" : " in clear", row->verdict, verdict);
	return false;
}

static unsigned misses(const char *text)
{
	struct row row;
	unsigned count = 0;

	read_row(text, &row);
	for (const char *mode = row.modes; *mode != '\0'; mode++) {
		count += !row_holds(&row, *mode, true);
		if (step_named(row.step) >= PEER_MAIL)
			count += !row_holds(&row, *mode, false);
	}
	return count;
}

static void every_row_holds(void **state)
{
	size_t rows = sizeof hostile_rows / sizeof hostile_rows[0];
	unsigned missed = 0;

	(void)state;
	house.scenarios = 0;
	for (size_t i = 0; i < rows; i++)
		missed += misses(hostile_rows[i]);
	print_message("hostile: rows=%zu scenarios=%u fail=%u\n", rows, house.scenarios, missed);
	assert_int_equal(missed, 0);
}

/* ---- the house ---- */

static SSL_CTX *context_of(const struct certificate *certificate)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	certificate_require(SSL_CTX_use_certificate(context, certificate->x509) == 1 &&
			    SSL_CTX_use_PrivateKey(context, certificate->key) == 1);
	/* Every handshake is a whole one. */
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return context;
}

static int prepare(void **state)
{
	const struct certificate_order order = {
		.name = "server.example", .hosts = "DNS:server.example", .is_authority = true
	};
	const struct certificate_order wrong = { .name = "other.example",
		.hosts = "DNS:other.example" };
	struct certificate authority = certificate_make(&order, NULL);
	struct certificate other = certificate_make(&wrong, &authority);
	const struct certificate *list[] = { &authority };
	char path[] = "/tmp/hostile-XXXXXX";
	struct error error;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	file_close(&fd);
	certificate_write(path, list, 1);
	house.tls = tls_client_new(path, &error);
	assert_non_null(house.tls);
	unlink(path);
	house.security = tls_security(house.tls);
	house.right = context_of(&authority);
	house.wrong = context_of(&other);
	certificate_free(&authority);
	certificate_free(&other);
	return 0;
}

static int put_away(void **state)
{
	(void)state;
	tls_free(house.tls);
	SSL_CTX_free(house.right);
	SSL_CTX_free(house.wrong);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_holds),
	};

	return cmocka_run_group_tests(tests, prepare, put_away);
}
