/* SPDX-License-Identifier: MIT */

/* Tests service/receive.c: what comes in at one end and what a store is given at the other. */

#include "service/receive.h"

#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/header.h"
#include "tests/support/cmocka.h"

/* ---- a store that remembers ---- */

struct memory {
	uint64_t limit;	       /* of octets that are announced; 0: none */
	struct error *refusal; /* of begin; NULL: none */
	char id[QUEUE_ID_SIZE];
	const char *answer; /* to commit; NULL: 250 */
	size_t begun;
	size_t committed;
	size_t discarded;
	bool is_open;
	struct envelope envelope; /* of the last message */
	struct queue_attributes attributes;
	struct buffer message;
	size_t header_length;
	enum command_wait wait;
};

static int admit(void *context, uint64_t octets, struct error *error)
{
	const struct memory *memory = context;

	if (memory->limit == 0 || octets < memory->limit)
		return 0;
	return error_set(error, ERROR_CANNOT_CREATE, "4.3.1", "no room for %llu octets",
	    (unsigned long long)octets);
}

static int begin(void *context, const char *id, const struct envelope *envelope,
    const struct queue_attributes *attributes, struct error *error)
{
	struct memory *memory = context;

	assert_false(memory->is_open);
	assert_true(queue_id_is_valid(span_from_string(id)));
	text_copy(memory->id, sizeof memory->id, id);
	memory->begun++;
	if (memory->refusal != NULL) {
		*error = *memory->refusal;
		return -1;
	}
	memory->is_open = true;
	envelope_finish(&memory->envelope);
	envelope_copy(envelope, &memory->envelope);
	memory->attributes = *attributes;
	buffer_clear(&memory->message);
	memory->header_length = 0;
	return 0;
}

static void write_bytes(void *context, struct span bytes)
{
	struct memory *memory = context;

	assert_true(memory->is_open);
	buffer_append_span(&memory->message, bytes);
}

static void end_header(void *context)
{
	struct memory *memory = context;

	memory->header_length = memory->message.length;
}

static void commit(void *context, const struct queue_attributes *attributes,
    const struct store_wish *wish, const struct stream *client, struct server_reply *reply)
{
	struct memory *memory = context;

	assert_true(memory->is_open);
	assert_non_null(client);
	memory->is_open = false;
	memory->committed++;
	memory->attributes = *attributes;
	memory->wait = wish->wait;
	if (wish->trace != NULL)
		transcript_excerpt_add(wish->trace, span_from_string("  0.001 > QUIT"));
	if (memory->answer != NULL)
		server_reply_set(reply, 550, "5.1.1", "%s", memory->answer);
}

static void discard(void *context)
{
	struct memory *memory = context;

	assert_true(memory->is_open);
	memory->is_open = false;
	memory->discarded++;
}

/* ---- one session ---- */

struct scene {
	struct config config;
	struct memory memory;
	const struct error *fault;
	int64_t uid;
	char *replies;
};

static char domain[] = "example.org";
static char host[] = "host.example.org";

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){ .config = { .ehlo = host, .domain = domain }, .uid = 0 };
	buffer_init(&scene->memory.message, 16 << 20);
}

static void scene_finish(struct scene *scene)
{
	buffer_finish(&scene->memory.message);
	envelope_finish(&scene->memory.envelope);
	free(scene->replies);
}

/* A process of its own says all of it, so that nothing blocks. */
static void play(struct scene *scene, struct span script)
{
	struct store store = {
		.way = "testing",
		.admit = admit,
		.begin = begin,
		.write = write_bytes,
		.end_header = end_header,
		.commit = commit,
		.discard = discard,
		.context = &scene->memory,
	};
	struct receive_settings settings = {
		.config = &scene->config,
		.fault = scene->fault,
		.uid = scene->uid,
		.store = &store,
	};
	struct stream stream;
	struct buffer replies;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		(void)file_write_all(ends[1], script);
		(void)shutdown(ends[1], SHUT_WR);
		_exit(0);
	}
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	receive_run(&stream, &settings);
	stream_finish(&stream);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	buffer_init(&replies, 1 << 20);
	assert_int_equal(file_read_to_end(ends[1], &replies), 0);
	(void)close(ends[1]);
	free(scene->replies);
	scene->replies = buffer_take_string(&replies);
	assert_false(scene->memory.is_open);
}

static void add_message(
    struct buffer *script, const char *mail, const char *recipients, struct span content)
{
	struct span rest = span_from_string(recipients);
	struct span one;

	buffer_format(script, "MAIL FROM:%s\r\n", mail);
	while (span_take_word(&rest, &one))
		buffer_format(script, "RCPT TO:<%.*s>\r\n", span_int(one), one.start);
	buffer_format(script, "BDAT %zu LAST\r\n", content.length);
	buffer_append_span(script, content);
}

/* EHLO, one message, QUIT. */
static void send_span(
    struct scene *scene, const char *mail, const char *recipients, struct span content)
{
	struct buffer script CLEANUP(buffer_finish) = { 0 };

	buffer_init(&script, 16 << 20);
	buffer_append_string(&script, "EHLO localhost\r\n");
	add_message(&script, mail, recipients, content);
	buffer_append_string(&script, "QUIT\r\n");
	play(scene, buffer_span(&script));
}

static void send_text(
    struct scene *scene, const char *mail, const char *recipients, const char *content)
{
	send_span(scene, mail, recipients, span_from_string(content));
}

static void check_reply(const struct scene *scene, const char *words)
{
	if (strstr(scene->replies, words) == NULL)
		fail_msg("no \"%s\" in \"%s\"", words, scene->replies);
}

static struct span header_of(const struct scene *scene)
{
	return span_first(buffer_span(&scene->memory.message), scene->memory.header_length);
}

static struct span body_of(const struct scene *scene)
{
	return span_after(buffer_span(&scene->memory.message), scene->memory.header_length);
}

static bool has_line(struct span header, const char *start)
{
	struct span line;

	while (span_take_line(&header, &line))
		if (span_starts_with(line, start))
			return true;
	return false;
}

/* ---- the rules ---- */

static void the_greeting_says_the_way(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	play(&scene, span_from_string("EHLO x\r\nQUIT\r\n"));
	assert_int_equal(
	    strncmp(scene.replies, "220 host.example.org ESMTP mailchute testing\r\n", 46), 0);
	check_reply(&scene, "XMAILCHUTE");
	assert_int_equal(scene.memory.begun, 0);
}

static void who_wants_to_see_it_gets_the_conversation_with_the_answer(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer script CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	buffer_init(&script, 1000);
	buffer_append_string(&script, "EHLO localhost\r\n");
	add_message(&script, "<s@x.y> XTRACE", "r@x.y", span_from_string("a: b\n\nok\n"));
	add_message(&script, "<s@x.y>", "r@x.y", span_from_string("a: b\n\nok\n"));
	buffer_append_string(&script, "QUIT\r\n");
	play(&scene, buffer_span(&script));
	assert_int_equal(scene.memory.committed, 2);
	check_reply(&scene,
	    "\r\n250-2.0.0 OK\r\n250-2.0.0 XTRACE   0.001 > QUIT\r\n250 2.0.0 XTRACE\r\n"
	    "250 2.1.0 OK\r\n250 2.1.5 OK\r\n250 2.0.0 OK\r\n221 ");
	/* Every line of an answer has its code. */
	scene.memory.answer = "no such user";
	send_text(&scene, "<s@x.y> XTRACE", "r@x.y", "a: b\n\nok\n");
	check_reply(&scene, "\r\n550-5.1.1 no such user\r\n550-5.1.1 XTRACE   0.001 > QUIT\r\n"
			    "550 5.1.1 XTRACE\r\n");
}

static void a_message_is_completed_once(void **state)
{
	static const char *const there[] = { "Received: ", "Date: ", "Message-ID: <",
		"From: A User <alice@example.org>", "To: bob@example.net", "Subject: hello" };
	static const char *const gone[] = { "Bcc", "Return-Path", "Content-Length" };
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	send_text(&scene, "<alice> XNAME=A+20User", "bob@example.net",
	    "Return-Path: <x@y>\nTo: bob@example.net\nBcc: carol@example.net\nSubject: hello\n"
	    "content-length: 3\n\nworld\n");
	check_reply(&scene, "250 2.0.0");
	assert_int_equal(scene.memory.committed, 1);
	for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
		if (!has_line(header_of(&scene), there[i]))
			fail_msg("no \"%s\" in \"%s\"", there[i], scene.memory.message.start);
	for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
		if (has_line(header_of(&scene), gone[i]))
			fail_msg("\"%s\" in \"%s\"", gone[i], scene.memory.message.start);
	assert_true(span_starts_with(header_of(&scene), "Received: "));
	/* The field names the queue file that the store was given. */
	char *id CLEANUP(memory_free_string) = memory_format("\tid %s;", scene.memory.id);
	assert_true(has_line(header_of(&scene), id));
	assert_true(span_equals_string(body_of(&scene), "world\r\n"));
	assert_string_equal(scene.memory.envelope.sender, "alice@example.org");
	assert_string_equal(scene.memory.attributes.entrance, "local");
	assert_int_equal(scene.memory.attributes.uid, 0);
}

static void who_may_not_submit_is_told_at_once(void **state)
{
	static char login[] = "nobody-of-this-name";
	char *users[] = { login };
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	scene.config.users = (struct config_list){ users, 1 };
	scene.uid = 4000000;
	send_text(&scene, "<a@b.example>", "c@d.example", "a: b\n\nc\n");
	check_reply(&scene, "\r\n550");
	check_reply(&scene, "uid 4000000 may not send mail: submit { users } does not name it");
	check_reply(&scene, "users = { \"nobody-of-this-name\", \"4000000\" } }");
	assert_int_equal(scene.memory.begun, 0);
	/* Whoever owns the service may, but when it is made for every caller anew. */
	scene.uid = (int64_t)geteuid();
	send_text(&scene, "<a@b.example>", "c@d.example", "a: b\n\nc\n");
	assert_int_equal(scene.memory.committed, 1);
}

static void what_is_larger_than_allowed_is_refused(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	scene.config.max_size = 1000;
	send_text(&scene, "<a@b.example> SIZE=1001", "c@d.example", "a: b\n\nc\n");
	check_reply(&scene, "250-SIZE 1000\r\n");
	check_reply(&scene, "message is 1001 octets, and submit { max_size } allows 1000 "
			    "octets (SIZE 1000)");
	assert_int_equal(scene.memory.committed, 0);
	for (size_t length = 1000; length <= 1001; length++) {
		char *content CLEANUP(memory_free_string) = memory_allocate(length + 1);

		memset(content, 'x', length);
		memcpy(content, "a: b\n\n", 6);
		send_span(&scene, "<a@b.example>", "c@d.example", span_from_bytes(content, length));
		check_reply(&scene, length == 1000 ? "250 2.0.0"
						   : "message is larger than 1000 octets, the most "
						     "that submit { max_size } allows (SIZE 1000)");
	}
	assert_int_equal(scene.memory.committed, 1);
}

static void the_owner_of_a_list_is_no_local_sender(void **state)
{
	static char list[] = "list";
	static char owner[] = "owner-list";
	static char boss[] = "boss@far.example";
	static char place[] = "test";
	char *targets[] = { boss };
	struct config_alias aliases[] = {
		{ .name = list, .targets = targets, .target_count = 1, .place.file = place },
		{ .name = owner, .targets = targets, .target_count = 1, .place.file = place },
	};
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	scene.config.aliases = aliases;
	for (size_t count = 1; count <= 2; count++) {
		scene.config.alias_count = count;
		send_text(&scene, "<root>", "list", "a: b\n\nc\n");
		assert_string_equal(scene.memory.envelope.sender,
		    count == 1 ? "root@example.org" : "boss@far.example");
		assert_int_equal(scene.memory.attributes.sender_is_local, count == 1);
	}
}

static void the_body_in_wire_form(void **state)
{
	static const struct row {
		const char *content;
		const char *body;
		bool has_8bit;
		uint64_t longest_line;
	} rows[] = {
		{ "a: b\n\nc\n", "c\r\n", false, 4 },
		{ "a: b\r\n\r\nc", "c\r\n", false, 4 },
		{ "a: b\n\n.\n..\n.c\n", ".\r\n..\r\n.c\r\n", false, 4 },
		{ "a: b\r\n\r\nc\r\n.\r\nQUIT\r\n", "c\r\n.\r\nQUIT\r\n", false, 4 },
		{ "a: b\n\nc\rd\r\r\ne\n", "c d\r\ne\r\n", false, 4 },
		{ "a: b\n\n\xc3\xa4 long line\n", "\xc3\xa4 long line\r\n", true, 12 },
		{ "\nall body\n", "all body\r\n", false, 8 },
		{ "no header at all\n", "no header at all\r\n", false, 16 },
		{ "a: b\nno field\n", "no field\r\n", false, 8 },
		{ "a: b\n", "", false, 4 },
		{ "a: b", "", false, 4 },
		{ "", "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);

		scene_init(&scene);
		send_text(&scene, "<s@x.y>", "r@x.y", rows[i].content);
		assert_int_equal(scene.memory.committed, 1);
		if (!span_equals_string(body_of(&scene), rows[i].body))
			fail_msg("row %zu: \"%s\"", i, buffer_string(&scene.memory.message));
		assert_int_equal(scene.memory.attributes.has_8bit, rows[i].has_8bit);
		assert_int_equal(scene.memory.attributes.longest_line, rows[i].longest_line);
		struct span header = header_of(&scene);
		assert_true(span_ends_with_ignoring_case(header, "\r\n\r\n"));
	}
}

/* The same message in chunks of every size means the same. */
static void chunks_have_no_meaning(void **state)
{
	static const char content[] = "Subject: hello\r\nBcc: x\n\n.\nbody\r\r\n.\r\nend";

	(void)state;
	for (size_t size = 1; size <= sizeof content; size++) {
		struct scene scene CLEANUP(scene_finish);
		struct buffer script CLEANUP(buffer_finish) = { 0 };
		struct span rest = span_from_string(content);

		scene_init(&scene);
		buffer_init(&script, 1 << 20);
		buffer_append_string(&script, "EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\n");
		for (; rest.length != 0; rest = span_after(rest, size)) {
			struct span part = span_first(rest, size);

			buffer_format(&script, "BDAT %zu%s\r\n", part.length,
			    rest.length <= size ? " LAST" : "");
			buffer_append_span(&script, part);
		}
		play(&scene, buffer_span(&script));
		assert_int_equal(scene.memory.committed, 1);
		assert_true(span_equals_string(body_of(&scene), ".\r\nbody\r\n.\r\nend\r\n"));
		assert_false(has_line(header_of(&scene), "Bcc"));
		assert_true(has_line(header_of(&scene), "Subject: hello"));
	}
}

static void the_sender_follows_from_what_was_said(void **state)
{
	const struct passwd *root = getpwuid(0);
	static const struct row {
		const char *mail;
		int64_t uid;
		const char *sender;
	} rows[] = {
		{ "<s@x.y>", 0, "s@x.y" },
		{ "<alice>", 0, "alice@example.org" },
		{ "<>", 0, "" },
		{ "<> XSENDER=self", 0, "root@example.org" },
		{ "<> XSENDER=self", 4242424, "uid-4242424@example.org" },
		{ "<> XSENDER=self", -1, "nobody@example.org" },
	};

	(void)state;
	if (root == NULL || strcmp(root->pw_name, "root") != 0)
		skip();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);

		scene_init(&scene);
		scene.uid = rows[i].uid;
		send_text(&scene, rows[i].mail, "r@x.y", "a: b\n\nc\n");
		assert_int_equal(scene.memory.committed, 1);
		assert_string_equal(scene.memory.envelope.sender, rows[i].sender);
		assert_int_equal(scene.memory.attributes.uid, rows[i].uid);
	}
}

/* From comes with the sender as it was given. */
static void an_added_field_may_be_8bit(void **state)
{
	static const struct row {
		const char *content;
		bool has_8bit;
	} rows[] = { { "a: b\n\nc\n", true }, { "From: d@e.f\n\nc\n", false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);

		scene_init(&scene);
		send_text(&scene, "<s@b\xc3\xbc.example> SMTPUTF8", "r@x.y", rows[i].content);
		assert_int_equal(scene.memory.committed, 1);
		assert_int_equal(scene.memory.attributes.has_8bit, rows[i].has_8bit);
	}
}

static void what_the_caller_waits_for_reaches_the_store(void **state)
{
	static const struct row {
		const char *mail;
		enum command_wait wait;
	} rows[] = {
		{ "<s@x.y>", COMMAND_WAIT_UNSAID },
		{ "<s@x.y> XWAIT=disk", COMMAND_WAIT_DISK },
		{ "<s@x.y> XWAIT=outcome", COMMAND_WAIT_OUTCOME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);

		scene_init(&scene);
		send_text(&scene, rows[i].mail, "r@x.y", "a: b\n\nc\n");
		assert_int_equal(scene.memory.wait, rows[i].wait);
	}
}

static void recipients_are_what_the_aliases_say(void **state)
{
	char me[] = "me@example.com";
	char oncall[] = "oncall@example.com";
	char *targets[] = { me, oncall };
	char name[] = "root";
	char file[] = "mailchute.conf";
	struct config_alias alias = { .name = name,
		.targets = targets,
		.target_count = 2,
		.place = { .file = file, .line = 1 } };
	struct scene scene CLEANUP(scene_finish);
	const struct envelope *envelope = &scene.memory.envelope;

	(void)state;
	scene_init(&scene);
	scene.config.aliases = &alias;
	scene.config.alias_count = 1;
	send_text(&scene, "<s@x.y>", "root me@example.com bob@x.y root@localhost", "a: b\n\nc\n");
	assert_int_equal(scene.memory.committed, 1);
	assert_int_equal(envelope->recipient_count, 3);
	assert_string_equal(envelope->recipients[0].address, "me@example.com");
	assert_string_equal(envelope->recipients[0].original, "root");
	assert_string_equal(envelope->recipients[1].address, "oncall@example.com");
	assert_string_equal(envelope->recipients[2].address, "bob@x.y");
}

static void nothing_is_begun_when_no_mail_can_be_taken(void **state)
{
	struct error fault;
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	error_set(&fault, ERROR_CONFIG, "4.3.5", "mailchute.conf line 3: what is this");
	(void)error_next(&fault, "mend it");
	scene_init(&scene);
	scene.fault = &fault;
	send_text(&scene, "<s@x.y>", "r@x.y", "a: b\n\nc\n");
	check_reply(&scene, "4.3.5 mailchute.conf line 3: what is this");
	check_reply(&scene, "mend it");
	assert_int_equal(scene.memory.begun, 0);
	assert_int_equal(scene.memory.committed, 0);
}

static void what_the_store_says_is_the_answer(void **state)
{
	struct error full;
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	scene.memory.answer = "no such user here";
	send_text(&scene, "<s@x.y>", "r@x.y", "a: b\n\nc\n");
	check_reply(&scene, "550 5.1.1 no such user here\r\n");
	assert_int_equal(scene.memory.discarded, 0);

	error_set(&full, ERROR_UNAVAILABLE, "4.3.1", "the disk is full");
	scene.memory.refusal = &full;
	send_text(&scene, "<s@x.y>", "r@x.y", "a: b\n\nc\n");
	check_reply(&scene, "452 4.3.1 the disk is full\r\n");
	assert_int_equal(scene.memory.committed, 1);
	assert_int_equal(scene.memory.discarded, 0);
}

static void what_is_broken_off_is_dropped(void **state)
{
	static const char *const scripts[] = {
		"EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\nBDAT 100 LAST\r\na: b\n\nc",
		"EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\nBDAT 7\r\na: b\n\ncRSET\r\n",
		"EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\nBDAT 7\r\na: b\n\ncQUIT\r\n",
		"EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\nBDAT 7\r\na: b\n\nc",
		"EHLO x\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\nDATA\r\na: b\r\n\r\nc\r\nd\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		struct scene scene CLEANUP(scene_finish);

		scene_init(&scene);
		play(&scene, span_from_string(scripts[i]));
		assert_int_equal(scene.memory.committed, 0);
		assert_int_equal(scene.memory.begun, scene.memory.discarded);
	}
}

static void each_message_of_a_session_stands_alone(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer script CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	buffer_init(&script, 1 << 20);
	buffer_append_string(&script, "EHLO localhost\r\n");
	add_message(&script, "<a@x.y> XNAME=First XWAIT=disk", "r@x.y",
	    span_from_string("X-First: 1\n\n\xff one\n"));
	add_message(&script, "<b@x.y>", "t@x.y", span_from_string("X-Second: 2\n\ntwo\n"));
	play(&scene, buffer_span(&script));
	assert_int_equal(scene.memory.committed, 2);
	assert_string_equal(scene.memory.envelope.sender, "b@x.y");
	assert_int_equal(scene.memory.envelope.recipient_count, 1);
	assert_string_equal(scene.memory.envelope.recipients[0].address, "t@x.y");
	assert_string_equal(scene.memory.attributes.full_name, "");
	assert_false(scene.memory.attributes.has_8bit);
	assert_int_equal(scene.memory.wait, COMMAND_WAIT_UNSAID);
	assert_false(has_line(header_of(&scene), "X-First"));
	assert_true(has_line(header_of(&scene), "X-Second: 2"));
	assert_true(span_equals_string(body_of(&scene), "two\r\n"));
}

static void where_there_is_no_room_mail_says_so(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	scene.memory.limit = 1000;
	send_text(&scene, "<s@x.y> SIZE=1000", "r@x.y", "a: b\n\nok\n");
	check_reply(&scene, "\r\n452 4.3.1 no room for 1000 octets\r\n503 ");
	assert_int_equal(scene.memory.begun, 0);
	send_text(&scene, "<s@x.y> SIZE=999", "r@x.y", "a: b\n\nok\n");
	send_text(&scene, "<s@x.y>", "r@x.y", "a: b\n\nok\n");
	assert_int_equal(scene.memory.committed, 2);
}

static void a_loop_is_refused(void **state)
{
	static const struct row {
		int count;
		bool is_taken;
	} rows[] = { { 100, true }, { 101, false }, { 150, false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct buffer content CLEANUP(buffer_finish) = { 0 };

		scene_init(&scene);
		buffer_init(&content, 1 << 20);
		for (int k = 0; k < rows[i].count; k++)
			buffer_append_string(&content, "Received: by x; then\n");
		buffer_append_string(&content, "\nbody\n");
		send_span(&scene, "<s@x.y>", "r@x.y", buffer_span(&content));
		assert_int_equal(scene.memory.committed, rows[i].is_taken);
		if (!rows[i].is_taken)
			check_reply(&scene, "5.4.6");
		assert_int_equal(scene.memory.begun, rows[i].is_taken);
	}
}

static void received_can_be_left_out(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	scene.config.omits_received = true;
	send_text(&scene, "<s@x.y>", "r@x.y", "Received: by x; then\nSubject: a\n\nbody\n");
	check_reply(&scene, "250 2.0.0");
	assert_true(span_starts_with(header_of(&scene), "Received: by x; then\r\nSubject: a\r\n"));
	assert_true(has_line(header_of(&scene), "Date: "));
	assert_false(has_line(header_of(&scene), "\tid "));
	/* Loops are still seen by what others have added. */
	buffer_init(&content, 1 << 20);
	for (int i = 0; i < 101; i++)
		buffer_append_string(&content, "Received: by x; then\n");
	send_span(&scene, "<s@x.y>", "r@x.y", buffer_span(&content));
	check_reply(&scene, "5.4.6");
	assert_int_equal(scene.memory.committed, 1);
}

static void a_header_too_long_is_refused(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	buffer_init(&content, 4 << 20);
	while (content.length <= HEADER_LIMIT)
		buffer_format(&content, "X-Filler: %0500d\n", 0);
	buffer_append_string(&content, "\nbody\n");
	send_span(&scene, "<s@x.y>", "r@x.y", buffer_span(&content));
	check_reply(&scene, "5.6.0");
	assert_int_equal(scene.memory.committed, 0);
}

/* Bare names become longer; a header that passes the limit by it is refused, never cut. */
static void a_header_is_never_cut_by_what_is_added(void **state)
{
	static char long_domain[] =
	    "a-domain-whose-name-is-rather-long.and-longer-still.example.org";
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	scene.config.domain = long_domain;
	buffer_init(&content, 4 << 20);
	while (content.length < 600 << 10) {
		buffer_append_string(&content, "To: a");
		for (int i = 0; i < 400; i++)
			buffer_append_string(&content, ",\n a");
		buffer_append_string(&content, "\n");
	}
	buffer_append_string(&content, "X-Last: 1\n\nbody\n");
	send_span(&scene, "<s@x.y>", "r@x.y", buffer_span(&content));
	check_reply(&scene, "5.6.0");
	assert_int_equal(scene.memory.begun, 0);
}

static void a_long_body_passes_whole(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	buffer_init(&content, 8 << 20);
	buffer_append_string(&content, "a: b\r\n\r\n");
	size_t header = content.length;
	while (content.length < (5 << 20))
		buffer_format(&content, "line %zu %0300d\r\n", content.length, 0);
	send_span(&scene, "<s@x.y>", "r@x.y", buffer_span(&content));
	assert_int_equal(scene.memory.committed, 1);
	assert_true(span_equals(body_of(&scene), span_after(buffer_span(&content), header)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_greeting_says_the_way),
		cmocka_unit_test(who_wants_to_see_it_gets_the_conversation_with_the_answer),
		cmocka_unit_test(a_message_is_completed_once),
		cmocka_unit_test(who_may_not_submit_is_told_at_once),
		cmocka_unit_test(what_is_larger_than_allowed_is_refused),
		cmocka_unit_test(the_owner_of_a_list_is_no_local_sender),
		cmocka_unit_test(the_body_in_wire_form),
		cmocka_unit_test(chunks_have_no_meaning),
		cmocka_unit_test(the_sender_follows_from_what_was_said),
		cmocka_unit_test(an_added_field_may_be_8bit),
		cmocka_unit_test(what_the_caller_waits_for_reaches_the_store),
		cmocka_unit_test(recipients_are_what_the_aliases_say),
		cmocka_unit_test(nothing_is_begun_when_no_mail_can_be_taken),
		cmocka_unit_test(what_the_store_says_is_the_answer),
		cmocka_unit_test(what_is_broken_off_is_dropped),
		cmocka_unit_test(each_message_of_a_session_stands_alone),
		cmocka_unit_test(where_there_is_no_room_mail_says_so),
		cmocka_unit_test(a_loop_is_refused),
		cmocka_unit_test(received_can_be_left_out),
		cmocka_unit_test(a_header_too_long_is_refused),
		cmocka_unit_test(a_header_is_never_cut_by_what_is_added),
		cmocka_unit_test(a_long_body_passes_whole),
	};

	(void)log_open("test", "none");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
