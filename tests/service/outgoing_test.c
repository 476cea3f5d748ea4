/* SPDX-License-Identifier: MIT */

/* Tests service/outgoing.c: what a worker is given for a smarthost. */

#include "service/outgoing.h"

#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

static char from[] = "alerts@example.com";
static char hello[] = "host.example.org";
static char missing[] = "/nonexistent/secrets.ini";
static char section[] = "provider";

static void sender_and_header_are_this_smarthosts(void **state)
{
	static const struct row {
		const char *name;
		char *from;
		const char *sender;
		const char *header;
		const char *outgoing_sender;
		const char *outgoing_header;
	} rows[] = {
		{ "nothing to repair", from, "a@b.c", "From: a@b.c\r\nX: y\r\n\r\n", "a@b.c",
		    "From: a@b.c\r\nX: y\r\n\r\n" },
		{ "a bare sender", from, "root", "From: root (Cron)\r\n\r\n", from, NULL },
		{ "localhost", from, "root@localhost", "From: R <root@localhost>\r\n\r\n", from,
		    "From: R <alerts@example.com>\r\n\r\n" },
		{ "the null sender stays", from, "", "From: a@b.c\r\n\r\n", "",
		    "From: a@b.c\r\n\r\n" },
		{ "without a from all stays", NULL, "root", "From: root\r\n\r\n", "root",
		    "From: root\r\n\r\n" },
		{ "folds and order stay", from, "a@b.c",
		    "X_Odd: 1\r\n\tfold\r\nDKIM-Signature: a;\r\n b\r\n\r\n", "a@b.c",
		    "X_Odd: 1\r\n\tfold\r\nDKIM-Signature: a;\r\n b\r\n\r\n" },
		{ "no field at all", from, "a@b.c", "\r\n", "a@b.c", "\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request_attempt attempt CLEANUP(request_finish_attempt) = { 0 };
		struct config config = { .secrets_file = missing };
		struct config_smarthost smarthost = { .parameters = { .from = rows[i].from },
			.secret = section };
		struct error error = { 0 };

		if (outgoing_message(&config, &smarthost, rows[i].sender,
			span_from_string(rows[i].header), &attempt, &error) < 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		assert_string_equal(attempt.envelope.sender, rows[i].outgoing_sender);
		if (rows[i].outgoing_header != NULL &&
		    !span_equals_string(span_from_bytes(attempt.header, attempt.header_length),
			rows[i].outgoing_header))
			fail_msg("%s: \"%s\"", rows[i].name, attempt.header);
		if (rows[i].outgoing_header == NULL)
			assert_non_null(strstr(attempt.header, from));
	}
}

static void put_secret(const char *path, const char *user, const char *password)
{
	char text[128];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	snprintf(text, sizeof text, "[provider]\nuser = %s\npassword = %s\n", user, password);
	assert_int_equal(file_write_all(fd, span_from_string(text)), 0);
	(void)close(fd);
}

static void a_login_that_is_an_address_is_the_from(void **state)
{
	static const struct row {
		const char *user;
		char *from;
		const char *sender;
	} rows[] = {
		{ "me@example.net", NULL, "me@example.net" },
		{ "me@example.net", from, from },
		{ "me", NULL, "root" },
	};
	struct scratch scratch = scratch_make();
	char path[96];

	(void)state;
	snprintf(path, sizeof path, "%s/secrets.ini", scratch.path);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request_attempt attempt CLEANUP(request_finish_attempt) = { 0 };
		struct config config = { .secrets_file = path };
		struct config_smarthost smarthost = { .parameters = { .from = rows[i].from },
			.secret = section };
		struct error error = { 0 };

		put_secret(path, rows[i].user, "word");
		if (outgoing_message(&config, &smarthost, "root", span_from_string("a: b\r\n\r\n"),
			&attempt, &error) < 0)
			fail_msg("%s", error.text);
		assert_string_equal(attempt.envelope.sender, rows[i].sender);
	}
	scratch_remove(&scratch);
}

static void a_refused_sender_has_an_identity_and_is_replaced(void **state)
{
	static const struct row {
		const char *sender;
		const char *header;
		const char *identity;
		const char *replaced;
	} rows[] = {
		{ "a@b.example", "Subject: x\r\n\r\n", "a@b.example", "Subject: x\r\n\r\n" },
		{ "a@b.example", "From: A <a@b.example>\r\n\r\n", "a@b.example",
		    "From: A <alerts@example.com>\r\nReply-To: a@b.example\r\n\r\n" },
		{ "a@b.example", "From: c@d.example\r\n\r\n", "a@b.example c@d.example",
		    "From: alerts@example.com\r\nReply-To: c@d.example\r\n\r\n" },
		{ "", "From: c@d.example\r\n\r\n", " c@d.example",
		    "From: alerts@example.com\r\nReply-To: c@d.example\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request_attempt attempt CLEANUP(request_finish_attempt) = { 0 };
		const struct smarthost known = { .from = NULL };
		struct error error = { 0 };

		assert_int_equal(outgoing_message_as(&known, rows[i].sender,
				     span_from_string(rows[i].header), &attempt, &error),
		    0);
		char *identity CLEANUP(memory_free_string) = outgoing_identity(&attempt);
		assert_string_equal(identity, rows[i].identity);
		assert_int_equal(
		    outgoing_replace_sender("alerts@example.com", &attempt, &error), 0);
		assert_string_equal(attempt.envelope.sender, "alerts@example.com");
		assert_string_equal(attempt.header, rows[i].replaced);
		assert_int_equal(attempt.header_length, strlen(attempt.header));
	}
}

static void the_secret_is_read_now(void **state)
{
	struct scratch scratch = scratch_make();
	char path[96];
	struct config_smarthost smarthost = { .secret = section };
	struct config config = { .ehlo = hello, .secrets_file = path };

	(void)state;
	snprintf(path, sizeof path, "%s/secrets.ini", scratch.path);
	smarthost_init(&smarthost.parameters);
	for (int i = 0; i < 2; i++) {
		struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
		struct error error = { 0 };
		char password[32];

		snprintf(password, sizeof password, "word-%d", i);
		put_secret(path, "me", password);
		if (outgoing_relay(&config, &smarthost, &relay, &error) < 0)
			fail_msg("%s", error.text);
		assert_string_equal(relay.hello, hello);
		assert_string_equal(relay.smarthost.user, "me");
		assert_string_equal(relay.smarthost.password, password);
		/* Nothing of it stays with the configuration. */
		assert_null(smarthost.parameters.password);
	}
	scratch_remove(&scratch);
}

static void a_secret_that_cannot_be_read_is_an_error(void **state)
{
	struct scratch scratch = scratch_make();
	struct config_smarthost smarthost = { .secret = section };
	struct config config = { .ehlo = hello, .secrets_file = scratch.path };
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
	struct error error = { 0 };

	(void)state;
	smarthost_init(&smarthost.parameters);
	assert_int_equal(outgoing_relay(&config, &smarthost, &relay, &error), -1);
	assert_non_null(strstr(error.text, scratch.path));
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_and_header_are_this_smarthosts),
		cmocka_unit_test(a_login_that_is_an_address_is_the_from),
		cmocka_unit_test(a_refused_sender_has_an_identity_and_is_replaced),
		cmocka_unit_test(the_secret_is_read_now),
		cmocka_unit_test(a_secret_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
