/* SPDX-License-Identifier: MIT */

/*
 * Tests smtp/client/authenticate.c where a conversation (dialogue_test.c)
 * cannot show it: with the vectors of the RFCs, whose nonces are given.
 */

#include "smtp/client/authenticate.h"

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

/* libgsasl makes its nonce by these two: random octets, then base64. */
static const char *nonce = "";

int gsasl_nonce(char *data, size_t length)
{
	memset(data, 'N', length);
	return GSASL_OK;
}

int gsasl_base64_to(const char *in, size_t length, char **out, size_t *out_length)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	bool is_nonce = nonce[0] != '\0' && length == 18 &&
			memcmp(in, "NNNNNNNNNNNNNNNNNN", 18) == 0;

	buffer_init(&text, 100000);
	base64_encode(span_from_bytes(in, length), &text);
	if (is_nonce)
		*out = memory_copy_string(nonce);
	else
		*out = memory_copy(buffer_string(&text), text.length);
	if (out_length != NULL)
		*out_length = strlen(*out);
	return GSASL_OK;
}

/* ---- a peer that plays a row ---- */

enum { STEPS_LIMIT = 5 };

/* Both as the mechanism has it, without base64; NULL where there is nothing. */
struct step {
	const char *said;   /* by us; ABSENT: AUTH without an initial response */
	const char *answer; /* a challenge, or a whole reply line that begins with a digit */
};

#define ABSENT "\377"

struct play {
	const char *mechanism; /* the one that must be chosen */
	const char *offered;
	enum smarthost_auth auth;
	const char *user, *secret;
	bool is_token;
	const char *binding;
	struct step steps[STEPS_LIMIT];

	/* While it runs. */
	size_t step;
	struct buffer input;
	struct buffer trace;
};

static void encode(const char *text, struct buffer *line)
{
	base64_encode(span_from_string(text), line);
}

static void write_expected(const struct play *play, struct buffer *line)
{
	const char *said = play->steps[play->step].said;

	if (play->step == 0)
		buffer_format(line, "AUTH %s", play->mechanism);
	if (play->step == 0 && strcmp(said, ABSENT) != 0)
		buffer_append_string(line, said[0] == '\0' ? " =" : " ");
	if (strcmp(said, "*") == 0)
		buffer_append_string(line, "*");
	else if (strcmp(said, ABSENT) != 0)
		encode(said, line);
	buffer_append_string(line, "\r\n");
}

static ssize_t play_write(void *context, const char *bytes, size_t size, short *wants)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	struct play *play = context;

	(void)wants;
	buffer_init(&line, 100000);
	assert_true(play->step < STEPS_LIMIT && play->steps[play->step].said != NULL);
	write_expected(play, &line);
	if (!span_equals(span_from_bytes(bytes, size), buffer_span(&line)))
		fail_msg("%.*s instead of %s", (int)size, bytes, buffer_string(&line));
	const char *answer = play->steps[play->step++].answer;
	if (answer[0] >= '2' && answer[0] <= '5') {
		buffer_append_string(&play->input, answer);
	} else {
		buffer_append_string(&play->input, "334 ");
		encode(answer, &play->input);
	}
	buffer_append_string(&play->input, "\r\n");
	return (ssize_t)size;
}

static ssize_t play_read(void *context, char *bytes, size_t size, short *wants)
{
	struct play *play = context;
	struct span part = span_first(buffer_span(&play->input), size);

	(void)wants;
	memcpy(bytes, part.start, part.length);
	buffer_consume(&play->input, part.length);
	return (ssize_t)part.length;
}

static void play_finish(void *context)
{
	(void)context;
}

static int play_binding(void *context, struct buffer *octets)
{
	const struct play *play = context;

	if (play->binding == NULL)
		return -1;
	buffer_append_string(octets, play->binding);
	return 0;
}

static const struct stream_operations play_operations = {
	.read = play_read,
	.write = play_write,
	.finish = play_finish,
	.channel_binding = play_binding,
};

static void see_trace(void *context, char direction, struct span line)
{
	struct play *play = context;

	buffer_format(&play->trace, "%c %.*s\n", direction, span_int(line), line.start);
}

struct scene {
	struct smarthost smarthost;
	struct stream stream;
	struct session_settings settings;
	struct session session;
	int other_end;
};

static void scene_init(struct scene *scene, struct play *play)
{
	int ends[2];

	*scene = (struct scene){ .smarthost = { .auth = play->auth } };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	scene->other_end = ends[1];
	scene->smarthost.host = memory_copy_string("server.example.com");
	scene->smarthost.port = 143;
	scene->smarthost.user = memory_copy_string(play->user);
	if (play->is_token)
		scene->smarthost.token = memory_copy_string(play->secret);
	else if (play->secret != NULL)
		scene->smarthost.password = memory_copy_string(play->secret);
	else
		scene->smarthost.client_certificate = memory_copy_string("/client.pem");
	stream_init_take_fd(&scene->stream, ends[0], ends[0], "relay.example:587");
	scene->stream.operations = &play_operations;
	scene->stream.context = play;
	scene->stream.is_secure = true;
	buffer_init(&play->input, 100000);
	buffer_init(&play->trace, 100000);
	play->step = 0;
	scene->settings = (struct session_settings){
		.smarthost = &scene->smarthost,
		.hello = "client.example",
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts,
		.trace = see_trace,
		.trace_context = play,
	};
	scene->session = (struct session){
		.stream = &scene->stream,
		.settings = &scene->settings,
		.step = SESSION_AUTH,
		.is_in_step = true,
	};
	snprintf(scene->session.extensions.auth, sizeof scene->session.extensions.auth, "%s",
	    play->offered != NULL ? play->offered : play->mechanism);
}

/* The outcome of log_in; all steps must have been played, and no secret shown. */
static int run(struct play *play, struct error *error)
{
	struct scene scene;
	char *trace;

	*error = (struct error){ 0 };
	scene_init(&scene, play);
	int outcome = authenticate_sasl.log_in(&scene.session, error);
	trace = buffer_take_string(&play->trace);
	if (play->step < STEPS_LIMIT && play->steps[play->step].said != NULL)
		fail_msg("step %zu was not played: %s", play->step, error->text);
	for (size_t i = 0; i < play->step; i++) {
		CLEANUP(buffer_finish) struct buffer said = { 0 };

		buffer_init(&said, 100000);
		encode(play->steps[i].said, &said);
		if (said.length > 4 && strstr(trace, buffer_string(&said)) != NULL)
			fail_msg("%s shows in the trace: %s", buffer_string(&said), trace);
		if (said.length > 4 && scene.stream.output.start != NULL)
			assert_null(memmem(scene.stream.output.start, scene.stream.output.capacity,
			    said.start, said.length));
	}
	if (play->secret != NULL) {
		assert_null(strstr(trace, play->secret));
		assert_null(strstr(error->text, play->secret));
	}
	free(trace);
	buffer_finish(&play->input);
	session_finish(&scene.session);
	stream_finish(&scene.stream);
	file_close(&scene.other_end);
	smarthost_finish(&scene.smarthost);
	return outcome;
}

#define WELCOME "235 2.7.0 welcome"
#define SHA1_NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define SHA1_BOTH SHA1_NONCE "3rfcNHYJY1ZVvWVs7j"
#define SHA1_FIRST "r=" SHA1_BOTH ",s=QSXCR+Q6sek8bf92,i=4096"
#define SHA256_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SHA256_BOTH SHA256_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SHA256_FIRST "r=" SHA256_BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define TOKEN "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
#define BEARER \
	"n,a=user@example.com,\001host=server.example.com\001port=143\001" \
	"auth=Bearer " TOKEN "\001\001"

static void scram_sha_1_is_rfc_5802(void **state)
{
	struct play play = {
		.mechanism = "SCRAM-SHA-1",
		.user = "user",
		.secret = "pencil",
		.steps = { { "n,,n=user,r=" SHA1_NONCE, SHA1_FIRST },
		    { "c=biws,r=" SHA1_BOTH ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
		    { "", WELCOME } },
	};
	struct error error;

	(void)state;
	nonce = SHA1_NONCE;
	if (run(&play, &error) != 0)
		fail_msg("%s", error.text);
}

static void scram_sha_256_is_rfc_7677(void **state)
{
	struct play play = {
		.mechanism = "SCRAM-SHA-256",
		.user = "user",
		.secret = "pencil",
		.steps = { { "n,,n=user,r=" SHA256_NONCE, SHA256_FIRST },
		    { "c=biws,r=" SHA256_BOTH ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
		    { "", WELCOME } },
	};
	struct error error;

	(void)state;
	nonce = SHA256_NONCE;
	if (run(&play, &error) != 0)
		fail_msg("%s", error.text);
}

/* The vectors of the RFCs with a binding in the place of none; reckoned by Python's hmac. */
static void plus_binds_the_channel(void **state)
{
	struct play exporter = {
		.mechanism = "SCRAM-SHA-256-PLUS",
		.offered = "SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN",
		.user = "user",
		.secret = "pencil",
		.binding = "tls-exporter:0123456789abcdef0123456789abcdef",
		.steps = { { "p=tls-exporter,,n=user,r=" SHA256_NONCE, SHA256_FIRST },
		    { "c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,"
		      "r=" SHA256_BOTH ",p=qt6T62DbA/THTjWMUniEekRBOmbK1ZAe+VNG0CBsX9U=",
			"v=gGsnLD/m58XLkAwcxqD7cDgqYXgS9J0J5pH+8Cm0Ho8=" },
		    { "", WELCOME } },
	};
	struct play unique = {
		.mechanism = "SCRAM-SHA-1-PLUS",
		.offered = "SCRAM-SHA-1-PLUS SCRAM-SHA-256 PLAIN",
		.user = "user",
		.secret = "pencil",
		.binding = "tls-unique:0123456789ab",
		.steps = { { "p=tls-unique,,n=user,r=" SHA1_NONCE, SHA1_FIRST },
		    { "c=cD10bHMtdW5pcXVlLCwwMTIzNDU2Nzg5YWI=,r=" SHA1_BOTH
		      ",p=e2eX8crtiTWYHBL9d8z1amIaZY8=",
			"v=ceiH+Zm6P1z9eU4lXi2Xk05R88o=" },
		    { "", WELCOME } },
	};
	struct error error;

	(void)state;
	nonce = SHA256_NONCE;
	if (run(&exporter, &error) != 0)
		fail_msg("%s", error.text);
	nonce = SHA1_NONCE;
	if (run(&unique, &error) != 0)
		fail_msg("%s", error.text);
}

/* Each row: what the server says in place of what it should. */
static void a_server_that_cannot_do_scram_is_left(void **state)
{
	static const struct row {
		const char *name;
		struct step steps[STEPS_LIMIT];
		const char *status, *words;
	} rows[] = {
		{ "too many rounds",
		    { { "n,,n=user,r=" SHA1_NONCE,
			"r=" SHA1_BOTH ",s=QSXCR+Q6sek8bf92,i=1000001" } },
		    "4.7.0", "more rounds of hashing" },
		{ "another nonce",
		    { { "n,,n=user,r=" SHA1_NONCE,
			"r=xyko+d2lbbFgONRv9qkxdawL3,s=QSXCR+Q6sek8bf92,i=4096" } },
		    "4.7.0", "" },
		{ "no message of SCRAM", { { "n,,n=user,r=" SHA1_NONCE, "hello" } }, "4.7.0",
		    "none of SCRAM-SHA-1" },
		{ "an empty one", { { "n,,n=user,r=" SHA1_NONCE, "" } }, "4.7.0", "" },
		{ "a proof that is wrong",
		    { { "n,,n=user,r=" SHA1_NONCE, SHA1_FIRST },
			{ "c=biws,r=" SHA1_BOTH ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			    "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=" } },
		    "4.7.0", "did not prove" },
		{ "no proof at all",
		    { { "n,,n=user,r=" SHA1_NONCE, SHA1_FIRST },
			{ "c=biws,r=" SHA1_BOTH ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", WELCOME } },
		    "4.7.0", "did not prove" },
		{ "welcome at once", { { "n,,n=user,r=" SHA1_NONCE, WELCOME } }, "4.7.0",
		    "did not prove" },
		{ "a reason before the refusal",
		    { { "n,,n=user,r=" SHA1_NONCE, SHA1_FIRST },
			{ "c=biws,r=" SHA1_BOTH ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			    "e=invalid-proof" },
			{ "", "535 5.7.8 no" } },
		    "5.7.8", "535 5.7.8 no; reason: invalid-proof" },
		{ "refused", { { "n,,n=user,r=" SHA1_NONCE, "535 5.7.8 no" } }, "5.7.8",
		    "(AUTH SCRAM-SHA-1): 535 5.7.8 no" },
	};

	(void)state;
	nonce = SHA1_NONCE;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		/* A weaker one is there, and never tried. */
		struct play play = { .mechanism = "SCRAM-SHA-1",
			.offered = "PLAIN CRAM-MD5 SCRAM-SHA-1",
			.user = "user",
			.secret = "pencil" };
		struct error error;

		print_message("%s\n", rows[i].name);
		memcpy(play.steps, rows[i].steps, sizeof play.steps);
		assert_int_equal(run(&play, &error), -1);
		assert_string_equal(error.status, rows[i].status);
		if (strstr(error.text, rows[i].words) == NULL)
			fail_msg("%s", error.text);
	}
}

static void the_others_are_as_written_down(void **state)
{
	struct play plays[] = {
		{ .mechanism = "CRAM-MD5",
		    .user = "tim",
		    .secret = "tanstaaftanstaaf",
		    .steps = { { ABSENT, "<1896.697170952@postoffice.reston.mci.net>" },
			{ "tim b913a602c7eda7a495b4e6e7334d3890", WELCOME } } },
		{ .mechanism = "EXTERNAL", .user = "", .steps = { { "", WELCOME } } },
		{ .mechanism = "EXTERNAL",
		    .user = "alice@example.com",
		    .steps = { { "alice@example.com", WELCOME } } },
		{ .mechanism = "OAUTHBEARER",
		    .user = "user@example.com",
		    .secret = TOKEN,
		    .is_token = true,
		    .steps = { { BEARER, WELCOME } } },
		{ .mechanism = "XOAUTH2",
		    .user = "user@example.com",
		    .secret = TOKEN,
		    .is_token = true,
		    .steps = { { "user=user@example.com\001auth=Bearer " TOKEN "\001\001",
			WELCOME } } },
		{ .mechanism = "XOAUTH2",
		    .auth = SMARTHOST_AUTH_XOAUTH2,
		    .user = "u",
		    .secret = "the-password-is-it",
		    .steps = { { "user=u\001auth=Bearer the-password-is-it\001\001", WELCOME } } },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++) {
		print_message("%s\n", plays[i].mechanism);
		if (run(&plays[i], &error) != 0)
			fail_msg("%s", error.text);
	}
}

#define REASON \
	"{\"status\":\"invalid_token\",\"schemes\":\"bearer mac\"," \
	"\"scope\":\"https://mail.example.com/\"}"

/* RFC 7628, 3.2.3 and 4.3; Google's and Microsoft's XOAUTH2. */
static void a_refused_token_is_explained(void **state)
{
	struct play plays[] = {
		{ .mechanism = "OAUTHBEARER",
		    .offered = "PLAIN OAUTHBEARER",
		    .user = "user@example.com",
		    .secret = TOKEN,
		    .is_token = true,
		    .steps = { { BEARER, REASON },
			{ "\001", "535 5.7.1 Username and Password not accepted" } } },
		{ .mechanism = "XOAUTH2",
		    .user = "user@example.com",
		    .secret = TOKEN,
		    .is_token = true,
		    .steps = { { "user=user@example.com\001auth=Bearer " TOKEN "\001\001", REASON },
			{ "", "535 5.7.1 Username and Password not accepted" } } },
		/* It must not be asked for ever. */
		{ .mechanism = "XOAUTH2",
		    .user = "user@example.com",
		    .secret = TOKEN,
		    .is_token = true,
		    .steps = { { "user=user@example.com\001auth=Bearer " TOKEN "\001\001", REASON },
			{ "", REASON }, { "*", "501 5.7.1 cancelled" } } },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++) {
		assert_int_equal(run(&plays[i], &error), -1);
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		assert_string_equal(error.status, "5.7.1");
		assert_non_null(strstr(error.text, plays[i].mechanism));
		assert_non_null(strstr(error.text, "\"status\":\"invalid_token\""));
		assert_non_null(strstr(error.next, "token"));
	}
}

static void refusals_are_an_account_s_fault(void **state)
{
	static const struct row {
		const char *mechanism, *reply, *status, *next;
	} rows[] = {
		{ "LOGIN", "535 5.7.8 no", "5.7.8", "secrets.ini" },
		{ "LOGIN", "535 no", "5.7.8", "secrets.ini" },
		{ "LOGIN", "534 5.7.9 application-specific password required", "5.7.9",
		    "application password" },
		{ "LOGIN", "535 5.7.139 basic authentication is disabled", "5.7.139",
		    "token_file" },
		{ "LOGIN", "550 5.7.30 not supported", "5.7.30", "token_file" },
		{ "LOGIN", "454 4.7.0 later", "4.7.0", "secrets.ini" },
		{ "LOGIN", "454 later", "4.7.0", "secrets.ini" },
		{ "CRAM-MD5", "535 no", "5.7.8", "auth = \"plain\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play play = { .mechanism = rows[i].mechanism,
			.user = "alice",
			.secret = "wonderland",
			.steps = { { ABSENT, rows[i].reply } } };
		struct error error;

		assert_int_equal(run(&play, &error), -1);
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		assert_string_equal(error.status, rows[i].status);
		if (strstr(error.next, rows[i].next) == NULL)
			fail_msg("%s", error.next);
	}
}

static void challenges_may_be_wrong(void **state)
{
	struct play cram = { .mechanism = "CRAM-MD5",
		.user = "tim",
		.secret = "tanstaaftanstaaf",
		.steps = { { ABSENT, "334 <no.base64@here>" } } };
	/* LOGIN's questions are for humans: some servers forget the base64. */
	struct play login = { .mechanism = "LOGIN",
		.user = "alice",
		.secret = "wonderland",
		.steps = { { ABSENT, "334 Username:" }, { "alice", "334 Password:" },
		    { "wonderland", WELCOME } } };
	struct error error;

	(void)state;
	assert_int_equal(run(&cram, &error), -1);
	assert_non_null(strstr(error.text, "not in base64: <no.base64@here>"));
	if (run(&login, &error) != 0)
		fail_msg("%s", error.text);
}

static void a_token_too_long_or_unsound_is_not_sent(void **state)
{
	char *huge = memory_allocate(20001);
	memset(huge, 'x', 20000);
	struct play plays[] = {
		{ .mechanism = "XOAUTH2", .user = "u", .secret = huge, .is_token = true },
		{ .mechanism = "OAUTHBEARER",
		    .user = "u",
		    .secret = "to\001ken",
		    .is_token = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++) {
		struct error error;

		assert_int_equal(run(&plays[i], &error), -1);
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_non_null(strstr(error.next, "secrets.ini"));
	}
	free(huge);
}

static void a_long_token_waits_for_the_334(void **state)
{
	char *token = memory_allocate(4001);
	memset(token, 'x', 4000);
	CLEANUP(memory_free_string)
	char *said = memory_format("user=u\001auth=Bearer %s\001\001", token);
	struct play play = { .mechanism = "XOAUTH2",
		.user = "u",
		.secret = token,
		.is_token = true,
		.steps = { { ABSENT, "" }, { said, WELCOME } } };
	struct error error;

	(void)state;
	if (run(&play, &error) != 0)
		fail_msg("%s", error.text);
	free(token);
}

static void none_asks_for_nothing(void **state)
{
	struct play play = {
		.mechanism = "PLAIN", .auth = SMARTHOST_AUTH_NONE, .user = "u", .secret = "p"
	};
	struct error error;

	(void)state;
	assert_int_equal(run(&play, &error), 0);
}

static void mechanisms_are_whole_words(void **state)
{
	static const char *const rows[] = { "", "PLAINER", "XPLAIN XLOGIN", "NTLM ANONYMOUS" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play play = { .offered = rows[i], .user = "alice", .secret = "wonderland" };
		struct error error;

		assert_int_equal(run(&play, &error), -1);
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		assert_string_equal(error.status, "5.7.4");
		assert_int_not_equal(error.next[0], '\0');
	}
}

static void preparing_twice_does_no_harm(void **state)
{
	(void)state;
	authenticate_prepare();
	authenticate_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scram_sha_1_is_rfc_5802),
		cmocka_unit_test(scram_sha_256_is_rfc_7677),
		cmocka_unit_test(plus_binds_the_channel),
		cmocka_unit_test(a_server_that_cannot_do_scram_is_left),
		cmocka_unit_test(the_others_are_as_written_down),
		cmocka_unit_test(a_refused_token_is_explained),
		cmocka_unit_test(refusals_are_an_account_s_fault),
		cmocka_unit_test(challenges_may_be_wrong),
		cmocka_unit_test(a_token_too_long_or_unsound_is_not_sent),
		cmocka_unit_test(a_long_token_waits_for_the_334),
		cmocka_unit_test(none_asks_for_nothing),
		cmocka_unit_test(mechanisms_are_whole_words),
		cmocka_unit_test(preparing_twice_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
