/* SPDX-License-Identifier: MIT */

/* Tests net/tls.c and all behind it: our client against our server, each in a process. */

#include "net/tls.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/net/certificates.h"
#include "tests/net/raw_server.h"
#include "tests/net/tls_play.h"
#include "tests/support/cmocka.h"

/* All that the tests share, made once. */
struct shop {
	char directory[32];
	char path[8][64];
	struct certificate root;
	struct certificate stranger; /* an authority that nobody trusts */
	struct certificate middle;   /* signed by root */
	struct certificate old_middle;
	struct certificate no_authority; /* signed by root, may sign nobody */
};

enum { ROOT, STRANGER, CHAIN, KEY, WRITTEN, EMPTY, OWN, OWN_KEY };

static int set_up(void **state)
{
	struct shop *shop = memory_allocate(sizeof *shop);
	const struct certificate_order root = { .name = "Test Root", .is_authority = true };
	const struct certificate_order stranger = { .name = "Stranger Root", .is_authority = true };
	const struct certificate_order middle = { .name = "Test Middle", .is_authority = true };
	const struct certificate_order old = {
		.name = "Old Middle", .is_authority = true, .from_day = -20, .to_day = -10
	};
	const struct certificate_order no_authority = { .name = "Test Leaf" };

	memcpy(shop->directory, "/tmp/mailchute-tls-XXXXXX", 26);
	if (mkdtemp(shop->directory) == NULL)
		return -1;
	for (int i = 0; i < 8; i++)
		snprintf(shop->path[i], sizeof shop->path[i], "%s/%d.pem", shop->directory, i);
	shop->root = certificate_make(&root, NULL);
	shop->stranger = certificate_make(&stranger, NULL);
	shop->middle = certificate_make(&middle, &shop->root);
	shop->old_middle = certificate_make(&old, &shop->root);
	shop->no_authority = certificate_make(&no_authority, &shop->root);
	/* The one that is needed is neither the first nor the last. */
	const struct certificate *bundle[] = { &shop->stranger, &shop->root, &shop->root,
		&shop->stranger };
	certificate_write(shop->path[ROOT], bundle + 1, 2);
	certificate_write(shop->path[STRANGER], bundle, 1);
	certificate_write(shop->path[EMPTY], bundle, 0);
	*state = shop;
	return 0;
}

static int tear_down(void **state)
{
	struct shop *shop = *state;

	for (int i = 0; i < 8; i++)
		(void)unlink(shop->path[i]);
	(void)rmdir(shop->directory);
	certificate_free(&shop->root);
	certificate_free(&shop->stranger);
	certificate_free(&shop->middle);
	certificate_free(&shop->old_middle);
	certificate_free(&shop->no_authority);
	free(shop);
	return 0;
}

enum signer {
	BY_ROOT,
	BY_ITSELF,
	BY_STRANGER,
	BY_MIDDLE,
	BY_MIDDLE_NOT_SENT,
	BY_OLD_MIDDLE,
	BY_NO_AUTHORITY
};

static const struct row {
	const char *name;
	struct certificate_order order;
	enum signer signer;
	const char *wanted;
	const char *text; /* NULL: passes */
	const char *next;
} rows[] = {
	{ "the right name", { .name = SERVER, .hosts = "DNS:" SERVER }, BY_ROOT, SERVER, NULL,
	    NULL },
	{ "case does not count", { .name = SERVER, .hosts = "DNS:Mail.EXAMPLE.com" }, BY_ROOT,
	    SERVER, NULL, NULL },
	{ "a final dot does not count", { .name = SERVER, .hosts = "DNS:" SERVER }, BY_ROOT,
	    SERVER ".", NULL, NULL },
	{ "one of several", { .name = "x", .hosts = "DNS:a.example,DNS:" SERVER ",IP:192.0.2.1" },
	    BY_ROOT, SERVER, NULL, NULL },
	{ "a wildcard", { .name = "x", .hosts = "DNS:*.example.com" }, BY_ROOT, SERVER, NULL,
	    NULL },
	{ "a chain through an intermediate", { .name = "x", .hosts = "DNS:" SERVER }, BY_MIDDLE,
	    SERVER, NULL, NULL },
	{ "an IPv4 address", { .name = "x", .hosts = "IP:192.0.2.1" }, BY_ROOT, "192.0.2.1", NULL,
	    NULL },
	{ "an IPv6 address", { .name = "x", .hosts = "IP:2001:db8::1" }, BY_ROOT, "2001:db8::1",
	    NULL, NULL },
	{ "for servers", { .name = "x", .hosts = "DNS:" SERVER, .usage = "serverAuth" }, BY_ROOT,
	    SERVER, NULL, NULL },

	{ "another name", { .name = SERVER, .hosts = "DNS:other.example.com,DNS:third.example" },
	    BY_ROOT, SERVER, "is for other.example.com, third.example, not for " SERVER, "url" },
	{ "many other names",
	    { .name = "x", .hosts = "DNS:1.a,DNS:2.a,DNS:3.a,DNS:4.a,DNS:5.a,DNS:6.a,DNS:7.a" },
	    BY_ROOT, SERVER, "5.a, 6.a and 1 more, not for", "url" },
	{ "another address", { .name = "x", .hosts = "IP:192.0.2.2,IP:2001:db8::2" }, BY_ROOT,
	    "192.0.2.1", "is for 192.0.2.2, 2001:db8::2, not for 192.0.2.1", "url" },
	{ "a name for an address", { .name = "x", .hosts = "DNS:192.0.2.1" }, BY_ROOT, "192.0.2.1",
	    "is for 192.0.2.1, not for 192.0.2.1", "url" },
	{ "a common name alone", { .name = SERVER }, BY_ROOT, SERVER,
	    "only the name \"" SERVER "\"", "url" },
	{ "a partial wildcard", { .name = "x", .hosts = "DNS:ma*.example.com" }, BY_ROOT, SERVER,
	    "is for ma*.example.com, not for", "url" },
	{ "a wildcard for two labels", { .name = "x", .hosts = "DNS:*.com" }, BY_ROOT, SERVER,
	    "is for *.com, not for", "url" },
	{ "self-signed", { .name = SERVER, .hosts = "DNS:" SERVER }, BY_ITSELF, SERVER,
	    "is self-signed", "ca_file" },
	{ "an unknown authority", { .name = SERVER, .hosts = "DNS:" SERVER }, BY_STRANGER, SERVER,
	    "unknown authority, \"Stranger Root\", which is not in /tmp/", "ca_file" },
	{ "an intermediate that was not sent", { .name = "x", .hosts = "DNS:" SERVER },
	    BY_MIDDLE_NOT_SENT, SERVER, "unknown authority, \"Test Middle\"", "whole chain" },
	{ "expired", { .name = SERVER, .hosts = "DNS:" SERVER, .from_day = -20, .to_day = -10 },
	    BY_ROOT, SERVER, "expired on", "the clock here" },
	{ "not yet valid", { .name = SERVER, .hosts = "DNS:" SERVER, .from_day = 10, .to_day = 20 },
	    BY_ROOT, SERVER, "is not valid before", "the clock here" },
	{ "an expired intermediate", { .name = "x", .hosts = "DNS:" SERVER }, BY_OLD_MIDDLE, SERVER,
	    "depends on that of \"Old Middle\", which expired on", "the clock here" },
	{ "a wildcard for the domain itself", { .name = "x", .hosts = "DNS:*.mail.example.com" },
	    BY_ROOT, SERVER, "is for *.mail.example.com, not for", "url" },
	{ "a wildcard in the middle", { .name = "x", .hosts = "DNS:mail.*.com" }, BY_ROOT, SERVER,
	    "is for mail.*.com, not for", "url" },
	{ "a wildcard alone", { .name = "x", .hosts = "DNS:*" }, BY_ROOT, SERVER,
	    "is for *, not for", "url" },
	{ "an address for a name", { .name = SERVER, .hosts = "IP:192.0.2.1" }, BY_ROOT, SERVER,
	    "is for 192.0.2.1, not for", "url" },
	{ "a wildcard for an address", { .name = "x", .hosts = "DNS:*.0.2.1" }, BY_ROOT,
	    "192.0.2.1", "is for *.0.2.1, not for", "url" },
	{ "a NUL in the name",
	    { .name = "x", .raw_host = { SERVER "\0.evil.example", sizeof SERVER + 13 } }, BY_ROOT,
	    SERVER, "is for " SERVER "?.evil.example, not for", "url" },
	{ "a NUL at the end of the name", { .name = "x", .raw_host = { SERVER, sizeof SERVER } },
	    BY_ROOT, SERVER, "is for " SERVER "?, not for", "url" },
	{ "signed by what is no authority", { .name = SERVER, .hosts = "DNS:" SERVER },
	    BY_NO_AUTHORITY, SERVER, "does not pass: invalid CA certificate", "replaced" },
	{ "SHA-1", { .name = SERVER, .hosts = "DNS:" SERVER, .is_sha1 = true }, BY_ROOT, SERVER,
	    "digest algorithm too weak", "replaced" },
	{ "1024 bits", { .name = SERVER, .hosts = "DNS:" SERVER, .rsa_bits = 1024 }, BY_ROOT,
	    SERVER, "key too weak", "replaced" },
	{ "for clients", { .name = "x", .hosts = "DNS:" SERVER, .usage = "clientAuth" }, BY_ROOT,
	    SERVER, "does not pass:", "replaced" },
};

static struct certificate order_from(const struct shop *shop, const struct row *row)
{
	const struct certificate *signers[] = {
		[BY_ROOT] = &shop->root,
		[BY_ITSELF] = NULL,
		[BY_STRANGER] = &shop->stranger,
		[BY_MIDDLE] = &shop->middle,
		[BY_MIDDLE_NOT_SENT] = &shop->middle,
		[BY_OLD_MIDDLE] = &shop->old_middle,
		[BY_NO_AUTHORITY] = &shop->no_authority,
	};

	return certificate_make(&row->order, signers[row->signer]);
}

static const struct certificate *sent_with(const struct shop *shop, enum signer signer)
{
	if (signer == BY_MIDDLE)
		return &shop->middle;
	if (signer == BY_NO_AUTHORITY)
		return &shop->no_authority;
	return signer == BY_OLD_MIDDLE ? &shop->old_middle : NULL;
}

static void check_refused(
    const struct row *row, int outcome, const struct stream *stream, const struct error *error)
{
	if (outcome == 0)
		fail_msg("%s: accepted", row->name);
	if (strstr(error->text, row->text) == NULL || strstr(error->next, row->next) == NULL)
		fail_msg("%s: %s; %s", row->name, error->text, error->next);
	assert_non_null(strstr(error->text, PEER));
	assert_string_equal(error->status, "4.7.5");
	assert_int_equal(error->kind, ERROR_UNAVAILABLE);
	assert_false(stream->is_secure);
	assert_null(stream->operations);
}

static void check_row(struct shop *shop, const struct row *row, struct tls *client)
{
	CLEANUP(stream_finish) struct stream stream;
	struct certificate leaf = order_from(shop, row);
	/* Our own server would not even show some of these. */
	SSL_CTX *server = raw_make(
	    &(struct raw_order){ .leaf = &leaf, .middle = sent_with(shop, row->signer) });
	struct error error = { 0 };
	pid_t child;

	int fd = raw_begin(server, raw_talk, &child);
	stream_init_take_fd(&stream, fd, fd, PEER);
	int outcome = start_tls(&stream, client, row->wanted, &error);
	if (row->text != NULL) {
		check_refused(row, outcome, &stream, &error);
		/* The server heard nothing but the alert. */
		end(child, HANDSHAKE_FAILED);
	} else {
		if (outcome < 0)
			fail_msg("%s: %s", row->name, error.text);
		assert_true(stream.is_secure);
		assert_memory_equal(stream.security, "TLSv1.3 TLS_", 12);
		talk(&stream);
		end(child, PLAYED);
	}
	SSL_CTX_free(server);
	certificate_free(&leaf);
}

static void certificates_are_judged(void **state)
{
	struct shop *shop = *state;
	struct error error;
	struct tls *client = tls_client_new(shop->path[ROOT], &error);

	assert_non_null(client);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(shop, &rows[i], client);
	tls_free(client);
}

/* One handshake of a client with these settings; the error is there when it fails. */
static int meet(const struct tls_client_settings *settings, SSL_CTX *server, const char *name,
    int want, struct error *error)
{
	CLEANUP(stream_finish) struct stream stream;
	struct tls *client = tls_client_new_with(settings, error);
	pid_t child;

	if (client == NULL)
		return -1;
	int fd = raw_begin(server, raw_talk, &child);
	stream_init_take_fd(&stream, fd, fd, PEER);
	int outcome = start_tls(&stream, client, name, error);
	/* In TLS 1.3 a server refuses our certificate after we are through. */
	if (outcome == 0 && want == HANDSHAKE_FAILED)
		outcome = stream_fill(&stream, clock_deadline(LONG), error);
	else if (outcome == 0)
		talk(&stream);
	end(child, want);
	tls_free(client);
	return outcome;
}

static void versions_are_as_new_as_the_settings_say(void **state)
{
	static const struct version {
		int newest;
		bool min_is_1_3;
		const char *text; /* NULL: passes */
		const char *next;
	} versions[] = {
		{ TLS1_VERSION, false, "knows no version from 1.2 on", "have the server updated" },
		{ TLS1_1_VERSION, false, "knows no version from 1.2 on",
		    "have the server updated" },
		{ TLS1_2_VERSION, false, NULL, NULL },
		{ TLS1_3_VERSION, false, NULL, NULL },
		{ TLS1_2_VERSION, true, "knows no version from 1.3 on", "tls_min = \"1.2\"" },
		{ TLS1_3_VERSION, true, NULL, NULL },
	};
	struct shop *shop = *state;
	const struct certificate_order order = { .name = "x", .hosts = "DNS:" SERVER };
	struct certificate leaf = certificate_make(&order, &shop->root);

	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		const struct version *row = &versions[i];
		const struct tls_client_settings settings = { .ca_file = shop->path[ROOT],
			.min_is_1_3 = row->min_is_1_3 };
		struct error error = { 0 };
		SSL_CTX *server = raw_make(
		    &(struct raw_order){ .leaf = &leaf, .newest = row->newest });

		int outcome = meet(&settings, server, SERVER,
		    row->text != NULL ? HANDSHAKE_FAILED : PLAYED, &error);
		assert_int_equal(outcome, row->text != NULL ? -1 : 0);
		if (row->text != NULL && (strstr(error.text, row->text) == NULL ||
					     strstr(error.next, row->next) == NULL))
			fail_msg("%zu: %s; %s", i, error.text, error.next);
		SSL_CTX_free(server);
	}
	certificate_free(&leaf);
}

static int ask_anew(SSL *ssl)
{
	char line[64];

	if (SSL_write(ssl, "220 hello\r\n", 11) != 11 || SSL_renegotiate(ssl) != 1 ||
	    SSL_do_handshake(ssl) != 1)
		return TALK_FAILED;
	(void)SSL_read(ssl, line, sizeof line);
	return SSL_CTX_sess_accept_good(SSL_get_SSL_CTX(ssl)) == 1 ? PLAYED : TALK_FAILED;
}

static void nothing_is_negotiated_twice(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	struct shop *shop = *state;
	const struct certificate_order order = { .name = "x", .hosts = "DNS:" SERVER };
	struct certificate leaf = certificate_make(&order, &shop->root);
	SSL_CTX *server = raw_make(&(struct raw_order){ .leaf = &leaf, .newest = TLS1_2_VERSION });
	struct error error = { 0 };
	struct tls *client = tls_client_new(shop->path[ROOT], &error);
	pid_t child;

	int fd = raw_begin(server, ask_anew, &child);
	stream_init_take_fd(&stream, fd, fd, PEER);
	assert_int_equal(start_tls(&stream, client, SERVER, &error), 0);
	assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
	/* It ends by our alert; whoever had negotiated would wait for us until we are gone. */
	while (stream_fill(&stream, clock_deadline(2000), &error) == 1)
		continue;
	stream_finish(&stream);
	end(child, PLAYED);
	tls_free(client);
	SSL_CTX_free(server);
	certificate_free(&leaf);
}

static int tell_sni(SSL *ssl)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	if (name == NULL)
		name = "";
	return SSL_write(ssl, name, (int)strlen(name) + 1) > 0 ? PLAYED : TALK_FAILED;
}

/* It is verified and sent, and the host of the url is neither. */
static void another_name_stands_for_the_host(void **state)
{
	static const struct naming {
		const char *host;
		const char *name;
		const char *sni; /* NULL: refused */
	} rows_of_names[] = {
		{ "192.0.2.9", SERVER, SERVER },
		{ "localhost", SERVER, SERVER },
		{ SERVER, NULL, SERVER },
		{ SERVER, "other.example", NULL },
		{ SERVER, "192.0.2.1", "" },
	};
	struct shop *shop = *state;
	const struct certificate_order order = { .name = "x",
		.hosts = "DNS:" SERVER ",IP:192.0.2.1" };
	struct certificate leaf = certificate_make(&order, &shop->root);
	SSL_CTX *server = raw_make(&(struct raw_order){ .leaf = &leaf });

	for (size_t i = 0; i < sizeof rows_of_names / sizeof rows_of_names[0]; i++) {
		CLEANUP(stream_finish) struct stream stream;
		const struct naming *row = &rows_of_names[i];
		const struct tls_client_settings settings = { .ca_file = shop->path[ROOT],
			.name = row->name };
		struct error error = { 0 };
		struct tls *client = tls_client_new_with(&settings, &error);
		pid_t child;

		assert_non_null(client);
		int fd = raw_begin(server, tell_sni, &child);
		stream_init_take_fd(&stream, fd, fd, PEER);
		int outcome = start_tls(&stream, client, row->host, &error);
		assert_int_equal(outcome, row->sni != NULL ? 0 : -1);
		if (row->sni != NULL) {
			assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
			assert_string_equal(stream_input(&stream).start, row->sni);
		} else {
			assert_non_null(strstr(error.text, "not for other.example"));
			assert_non_null(strstr(error.next, "tls_name"));
		}
		end(child, row->sni != NULL ? PLAYED : HANDSHAKE_FAILED);
		tls_free(client);
	}
	SSL_CTX_free(server);
	certificate_free(&leaf);
}

static void our_own_certificate_is_shown(void **state)
{
	struct shop *shop = *state;
	const struct certificate_order order = { .name = "x", .hosts = "DNS:" SERVER };
	const struct certificate_order own_order = { .name = "client", .usage = "clientAuth" };
	struct certificate leaf = certificate_make(&order, &shop->root);
	struct certificate own = certificate_make(&own_order, &shop->stranger);
	const struct certificate *chain[] = { &own };
	SSL_CTX *server = raw_make(
	    &(struct raw_order){ .leaf = &leaf, .client_authority = &shop->stranger });
	const struct tls_client_settings without = { .ca_file = shop->path[ROOT] };
	const struct tls_client_settings with = { .ca_file = shop->path[ROOT],
		.certificate = shop->path[OWN],
		.key = shop->path[OWN_KEY] };
	const struct tls_client_settings mismatch = { .ca_file = shop->path[ROOT],
		.certificate = shop->path[ROOT],
		.key = shop->path[OWN_KEY] };
	const struct tls_client_settings unreadable = { .ca_file = shop->path[ROOT],
		.certificate = "/nonexistent/own.pem" };
	const struct tls_client_settings keyless = { .ca_file = shop->path[ROOT],
		.certificate = shop->path[OWN] };
	struct error error = { 0 };

	certificate_write(shop->path[OWN], chain, 1);
	certificate_write_key(shop->path[OWN_KEY], &own);
	assert_int_equal(meet(&with, server, SERVER, PLAYED, &error), 0);
	assert_int_equal(meet(&without, server, SERVER, HANDSHAKE_FAILED, &error), -1);
	assert_non_null(strstr(error.text, "certificate required"));
	assert_null(tls_client_new_with(&mismatch, &error));
	assert_non_null(strstr(error.text, shop->path[OWN_KEY]));
	assert_non_null(strstr(error.text, "does not belong to the certificate"));
	assert_null(tls_client_new_with(&unreadable, &error));
	assert_non_null(strstr(error.text, "cannot read the certificate /nonexistent/own.pem"));
	assert_null(tls_client_new_with(&keyless, &error));
	assert_non_null(strstr(error.text, "cannot use the private key "));
	assert_non_null(strstr(error.text, shop->path[OWN]));
	SSL_CTX_free(server);
	certificate_free(&own);
	certificate_free(&leaf);
}

static void a_certificate_made_now_serves_those_who_trust_it(void **state)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "::1" };
	struct shop *shop = *state;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP(stream_finish) struct stream stream;
		struct error error;
		struct stat status;
		struct tls *server = tls_server_new_self_signed(names[i], &error);
		pid_t child;

		assert_non_null(server);
		assert_int_equal(tls_write_certificate(server, shop->path[WRITTEN], &error), 0);
		assert_int_equal(stat(shop->path[WRITTEN], &status), 0);
		assert_int_equal(status.st_mode & 0444, 0444);
		struct tls *client = tls_client_new(shop->path[WRITTEN], &error);
		assert_non_null(client);
		int fd = begin(greet, server, &child);
		stream_init_take_fd(&stream, fd, fd, PEER);
		if (start_tls(&stream, client, names[i], &error) < 0)
			fail_msg("%s: %s", names[i], error.text);
		talk(&stream);
		end(child, PLAYED);
		tls_free(client);
		tls_free(server);
	}
}

/* Both ends: what came in clear before TLS must not be taken for what came inside. */
static void octets_before_tls_abort(void **state)
{
	struct shop *shop = *state;
	struct error error;
	struct tls *sides[] = { tls_client_new(shop->path[ROOT], &error),
		tls_server_new_self_signed("localhost", &error) };
	const char *names[] = { SERVER, NULL };
	char byte;

	for (int i = 0; i < 2; i++) {
		CLEANUP(stream_finish) struct stream stream;
		int ends[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		stream_init_take_fd(&stream, ends[0], ends[0], PEER);
		assert_int_equal(file_write_all(ends[1], span_from_string("220 go\r\nx")), 0);
		assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
		stream_consume(&stream, 8);
		struct stream_security security = tls_security(sides[i]);
		assert_int_equal(security.start(security.context, &stream, names[i],
				     clock_deadline(SOON), &error),
		    -1);
		assert_non_null(strstr(error.text, "sent more before TLS began"));
		assert_string_equal(error.status, "4.7.0");
		/* Nothing was sent, no ClientHello either. */
		assert_int_equal(recv(ends[1], &byte, 1, MSG_DONTWAIT), -1);
		file_close(&ends[1]);
		tls_free(sides[i]);
	}
}

static void what_cannot_be_loaded_is_named(void **state)
{
	struct shop *shop = *state;
	struct error error;

	assert_null(tls_client_new("/nonexistent/ca.pem", &error));
	assert_non_null(strstr(error.text, "/nonexistent/ca.pem"));
	assert_int_equal(error.kind == ERROR_NONE, false);
	assert_null(tls_client_new(shop->path[EMPTY], &error));
	assert_non_null(strstr(error.text, "holds no certificate"));
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_null(tls_server_new("/nonexistent/cert.pem", shop->path[KEY], &error));
	assert_non_null(strstr(error.text, "/nonexistent/cert.pem"));
	assert_null(tls_server_new(shop->path[ROOT], "/nonexistent/key.pem", &error));
	assert_non_null(strstr(error.text, "/nonexistent/key.pem"));
}

#if defined(__x86_64__) && !defined(MAILCHUTE_SANITIZED)
/* What the worker may still do when it speaks (security.md 4.7); all else kills. */
static void shut_in(void)
{
	static const unsigned allowed[] = { SYS_read, SYS_write, SYS_close, SYS_getpid, SYS_futex,
		SYS_exit_group, SYS_brk, SYS_munmap, SYS_madvise, SYS_mremap, SYS_getrandom,
		SYS_poll, SYS_sendto, SYS_recvfrom, SYS_shutdown, SYS_clock_gettime,
		SYS_gettimeofday, SYS_time, SYS_mmap, SYS_mprotect };
	enum { COUNT = sizeof allowed / sizeof allowed[0] };
	struct sock_filter filter[COUNT + 3];
	unsigned short size = 0;

	filter[size++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < COUNT; i++)
		filter[size++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, allowed[i], (unsigned char)(COUNT - i), 0);
	filter[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { size, filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(9);
}

static struct tls *make_server(
    struct shop *shop, const struct certificate *leaf, const struct certificate *middle)
{
	const struct certificate *chain[] = { leaf, middle };
	struct error error;

	certificate_write(shop->path[CHAIN], chain, middle != NULL ? 2 : 1);
	certificate_write_key(shop->path[KEY], leaf);
	struct tls *tls = tls_server_new(shop->path[CHAIN], shop->path[KEY], &error);
	if (tls == NULL)
		fail_msg("%s", error.text);
	return tls;
}

/* In a fresh program, for which nothing has been looked up before. */
static int talk_shut_in(const char *ca_file)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;
	struct tls *tls = tls_client_new(ca_file, &error);

	stream_init_take_fd(&stream, 3, 3, PEER);
	shut_in();
	if (tls == NULL)
		return TALK_FAILED;
	if (start_tls(&stream, tls, SERVER, &error) < 0)
		return strstr(error.text, "expired") != NULL ? HANDSHAKE_FAILED : TALK_FAILED;
	stream_put(&stream, span_from_string("QUIT\r\n"));
	return stream_fill(&stream, clock_deadline(LONG), &error) == 1 ? PLAYED : TALK_FAILED;
}

/* The authorities to use are in the environment, for a play has no other arguments. */
static int run_shut_in(struct tls *tls, int fd)
{
	(void)tls;
	if (fd != 3 && dup2(fd, 3) < 0)
		return TALK_FAILED;
	(void)fcntl(3, F_SETFD, 0);
	execl("/proc/self/exe", "tls_test", "shut-in", getenv("CA_FILE"), (char *)NULL);
	return TALK_FAILED;
}

/* The client as in the worker: neither a handshake nor a refusal needs a file any more. */
static void a_client_that_is_shut_in_still_speaks(void **state)
{
	static const struct certificate_order orders[] = {
		{ .name = SERVER, .hosts = "DNS:" SERVER },
		{ .name = SERVER, .hosts = "DNS:" SERVER, .from_day = -20, .to_day = -10 },
	};
	static const int wants[] = { PLAYED, HANDSHAKE_FAILED };
	struct shop *shop = *state;
	struct error error;

	unsetenv("TZ");
	setenv("CA_FILE", shop->path[ROOT], 1);
	for (int i = 0; i < 2; i++) {
		CLEANUP(stream_finish) struct stream stream;
		struct certificate leaf = certificate_make(&orders[i], &shop->root);
		struct tls *server = make_server(shop, &leaf, NULL);
		pid_t child;
		int fd = begin(run_shut_in, NULL, &child);

		stream_init_take_fd(&stream, fd, fd, "client");
		int outcome = start_tls(&stream, server, NULL, &error);
		assert_int_equal(outcome, i == 0 ? 0 : -1);
		if (i == 0) {
			stream_put(&stream, span_from_string("220 hello\r\n"));
			assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
		}
		end(child, wants[i]);
		tls_free(server);
		certificate_free(&leaf);
	}
}
#else
static int talk_shut_in(const char *ca_file)
{
	(void)ca_file;
	return TALK_FAILED;
}

static void a_client_that_is_shut_in_still_speaks(void **state)
{
	(void)state;
	skip();
}
#endif

int main(int count, char **arguments)
{
	if (count == 3 && strcmp(arguments[1], "shut-in") == 0)
		_exit(talk_shut_in(arguments[2]));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_judged),
		cmocka_unit_test(versions_are_as_new_as_the_settings_say),
		cmocka_unit_test(nothing_is_negotiated_twice),
		cmocka_unit_test(another_name_stands_for_the_host),
		cmocka_unit_test(our_own_certificate_is_shown),
		cmocka_unit_test(a_certificate_made_now_serves_those_who_trust_it),
		cmocka_unit_test(octets_before_tls_abort),
		cmocka_unit_test(what_cannot_be_loaded_is_named),
		cmocka_unit_test(a_client_that_is_shut_in_still_speaks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
