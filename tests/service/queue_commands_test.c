/* SPDX-License-Identifier: MIT */

/* Tests service/queue_commands.c, in a session; clients_test has the other end of FLUSH. */

#include "service/queue_commands.h"

#include <sys/socket.h>

#include "base/file.h"
#include "base/memory.h"
#include "service/notice.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

/* What answers: with a queue, or with the spool that is named. */
struct scene {
	struct queue_commands commands;
	bool has_queue;
	const char *spool;
};

static void other(void *context, const struct command *command, struct server_reply *reply)
{
	const struct scene *scene = context;

	if (scene->has_queue)
		queue_commands_run(&scene->commands, command->argument, reply);
	else
		queue_commands_refuse(scene->spool, command->argument, reply);
}

/* No message is sent here. */
static void refuse_mail(void *context, struct span sender, const struct mail_parameters *parameters,
    struct server_reply *reply)
{
	(void)context;
	(void)sender;
	(void)parameters;
	reply->code = 550;
}

static void refuse_rcpt(void *context, struct span recipient,
    const struct rcpt_parameters *parameters, struct server_reply *reply)
{
	(void)context;
	(void)recipient;
	(void)parameters;
	reply->code = 550;
}

static void drop(void *context, struct span bytes)
{
	(void)context;
	(void)bytes;
}

static void refuse(void *context, struct server_reply *reply)
{
	(void)context;
	reply->code = 550;
}

static const struct server_handler handler = {
	.mail = refuse_mail,
	.rcpt = refuse_rcpt,
	.content = drop,
	.end = refuse,
	.other = other,
};

/* The answer to one line, with what went before it taken off. */
static char *ask(struct scene *scene, const char *line)
{
	struct server_settings settings = {
		.name = "host",
		.banner = "test",
		.offered = { .is_extended = true,
		    .enhanced_status_codes = true,
		    .mailchute = true },
		.command_timeout = 30000,
		.content_timeout = 30000,
		.handler = &handler,
		.context = scene,
	};
	char *text CLEANUP(memory_free_string) = memory_format(
	    "EHLO x\r\nNOOP\r\n%s\r\nQUIT\r\n", line);
	struct stream stream;
	struct buffer replies;
	struct error error;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(file_write_all(ends[0], span_from_string(text)), 0);
	stream_init_take_fd(&stream, ends[1], ends[1], "client");
	assert_int_equal(server_run(&stream, &settings, &error), 0);
	stream_finish(&stream);
	buffer_init(&replies, 1 << 20);
	assert_int_equal(file_read_to_end(ends[0], &replies), 0);
	file_close(&ends[0]);
	char *all CLEANUP(memory_free_string) = buffer_take_string(&replies);
	char *start = strstr(all, "250 2.0.0 OK\r\n");
	if (start == NULL)
		fail_msg("%s", all);
	return memory_copy_string(start + strlen("250 2.0.0 OK\r\n"));
}

static void assert_begins(const char *text, const char *begin)
{
	if (strncmp(text, begin, strlen(begin)) != 0)
		fail_msg("\"%s\" begins \"%s\"", begin, text);
}

static void a_list_is_said_to_those_who_may_see_it(void **state)
{
	static const struct row {
		const char *line;
		struct queue_viewer viewer;
		const char *begin;
		const char *holds;
	} rows[] = {
		{ "XQUEUE LIST", { 0, true }, "250--Queue ID- ",
		    "\r\n250--- 1 Kbytes in 2 Requests.\r\n" },
		{ "XQUEUE LIST", { 1000, false }, "250--Queue ID- ",
		    "in 2 Requests.\r\n250 2.0.0 " },
		{ "xqueue list json", { 1000, false },
		    "250-{\"queue_name\": ", "\"}]}\r\n250-{\"queue" },
		{ "XQUEUE LIST", { 1001, false }, "250-Mail queue is empty\r\n250 2.0.0 ", "" },
		{ "XQUEUE LIST JSON", { 1001, false }, "250 2.0.0 0 messages", "" },
		{ "XQUEUE LIST", { -1, false }, "550 5.7.1 ", "does not say who" },
		{ "XQUEUE LIST JSON", { -1, false }, "550 5.7.1 ", "" },
		{ "XQUEUE FLUSH", { -1, false }, "550 5.7.1 ", "" },
		{ "XQUEUE", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE LIST XML", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE LIST JSON now", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE FLUSH all", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE REMOVE", { -1, false }, "550 5.7.1 ", "" },
		{ "XQUEUE REMOVE", { 0, true }, "501 5.5.4 which messages?", "" },
		{ "XQUEUE SHOW BODY", { 0, true }, "501 5.5.4 which messages?", "" },
		{ "XQUEUE BURN ALL", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE HOLD x", { 0, true }, "501 5.5.4 ", "x is no queue ID" },
		{ "XQUEUE HOLD ALL FROM=x", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE HOLD ALL", { 0, true }, "451 4.3.2 ", "" },
		{ "XQUEUE HOLD ALL", { 1001, false }, "250 2.0.0 0 messages", "" },
		{ "XQUEUE HOLD FROM=x", { 0, true }, "250 2.0.0 0 messages", "" },
		{ "XQUEUE HOLD 0000000000000000000000001", { 0, true },
		    "250-? 0000000000000000000000001 there is no such message\r\n250 2.0.0 0 ",
		    "" },
		{ "XQUEUE COUNT", { 0, true }, "451 4.3.2 ", "" },
		{ "XQUEUE COUNT", { 1000, false }, "451 4.3.2 ", "" },
		{ "XQUEUE COUNT", { 1001, false }, "250 2.0.0 due=0 active=0 later=0 next=-1", "" },
		{ "XQUEUE COUNT x", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE SHOW ALL", { 1001, false }, "250 2.0.0 0 messages", "" },
		{ "XQUEUE SHOW ALL", { 1000, false }, "250- Message:    ",
		    "\r\n250- Subject: hello\r\n250- From: alice@example.org\r\n250- \r\n250 " },
		{ "XQUEUE SHOW TO=carol@example.com", { 0, true }, "250- Message:    ",
		    "\r\n250- Smarthost:  none\r\n250- Recipient:  bob@example.net (given as "
		    "bob): waits\r\n250- Recipient:  carol@example.com: waits\r\n250- \r\n" },
		{ "XQUEUE SHOW body ALL", { 0, true }, "250- Message:    ",
		    "\r\n250- \r\n250- recipient . 8:eve@evil\r\n250- \r\n250- sender 0:\r\n" },
		{ "XQUEUE SHOW RAW ALL", { 0, true }, "250- Subject: hello\r\n", "250- End.\r\n" },
		{ "XQUEUE SHOW 0000000000000000000000001", { 0, true },
		    "250-? 0000000000000000000000001 there is no such message\r\n250 ", "" },
		{ "XQUEUE ADD 0000000000000000000000001", { 1000, false }, "550 5.7.1 ", "" },
		{ "XQUEUE ADD 0000000000000000000000001", { -1, false }, "550 5.7.1 ", "" },
		{ "XQUEUE ADD 0000000000000000000000001", { 0, true }, "450 4.3.2 ", "" },
		{ "XQUEUE ADD ../x", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE ADD", { 0, true }, "501 5.5.4 ", "" },
		{ "XQUEUE ADD 0000000000000000000000001 NOW", { 0, true }, "501 5.5.4 ", "" },
	};
	struct scratch scratch = scratch_make();
	struct channel none = { .fd = -1 };
	struct error error;
	char id[QUEUE_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(scratch_commit(scratch.fd, id, &error), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene = {
			.has_queue = true,
			.commands = { scratch.fd, &none, rows[i].viewer, NULL },
		};
		char *text CLEANUP(memory_free_string) = ask(&scene, rows[i].line);

		assert_begins(text, rows[i].begin);
		if (strstr(text, rows[i].holds) == NULL)
			fail_msg("no \"%s\" in \"%s\"", rows[i].holds, text);
		if (rows[i].viewer.uid != 0 && rows[i].viewer.uid != 1000)
			assert_null(strstr(text, id));
	}
	scratch_remove(&scratch);
}

static void a_queue_that_cannot_be_listed_is_an_error(void **state)
{
	struct channel none = { .fd = -1 };
	struct scene scene = {
		.has_queue = true,
		.commands = { open("/dev/null", O_RDONLY | O_CLOEXEC), &none, { 0, true }, NULL },
	};
	char *text CLEANUP(memory_free_string) = ask(&scene, "XQUEUE LIST");

	(void)state;
	assert_begins(text, "4");
	assert_non_null(strstr(text, "cannot list the queue"));
	file_close(&scene.commands.queue_directory);
}

/* What the service says is there before it is asked. */
static char *flush(struct scene *scene, const struct notice *answers, size_t count)
{
	struct channel channel;
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(&channel, ends[0]);
	struct channel service;
	channel_init_take_fd(&service, ends[1]);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(notice_send(&service, &answers[i]), 0);
	if (count == 0)
		channel_finish(&service);
	scene->commands.service = &channel;
	char *text = ask(scene, "XQUEUE FLUSH");
	channel_finish(&channel);
	if (count != 0)
		channel_finish(&service);
	return text;
}

static void a_flush_waits_for_its_answer(void **state)
{
	static const struct notice late = { .kind = NOTICE_TAKEN, .id = NOTICE_NO_ID };
	static const struct notice go = { .kind = NOTICE_GO, .id = NOTICE_NO_ID };
	static const struct notice paused = {
		.kind = NOTICE_PAUSED, .id = NOTICE_NO_ID, .text = "tried 3 seconds ago"
	};
	const struct row {
		const char *name;
		struct notice answers[2];
		size_t count;
		const char *begin;
	} rows[] = {
		{ "at once", { go }, 1, "250 2.0.0 what waits is tried now\r\n" },
		{ "behind what came too late", { late, go }, 2, "250 2.0.0 what waits" },
		{ "too soon", { paused }, 1, "250 2.0.0 tried 3 seconds ago\r\n" },
		{ "no service any more", { go }, 0, "450 4.3.2 " },
	};
	struct scratch scratch = scratch_make();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene = {
			.has_queue = true,
			.commands = { .queue_directory = scratch.fd, .viewer = { 0, true } },
		};
		char *text CLEANUP(memory_free_string) = flush(
		    &scene, rows[i].answers, rows[i].count);

		if (strncmp(text, rows[i].begin, strlen(rows[i].begin)) != 0)
			fail_msg("%s: \"%s\"", rows[i].name, text);
	}
	scratch_remove(&scratch);
}

/* By the process that has taken it, when its own service is gone. */
static void a_file_may_be_added(void **state)
{
	static const char id[] = "0000000000000000000000001";

	(void)state;
	for (int is_later = 0; is_later < 2; is_later++) {
		struct channel channel;
		struct channel service;
		struct notice notice;
		int ends[2];

		assert_int_equal(channel_pair(ends), 0);
		channel_init_take_fd(&channel, ends[0]);
		channel_init_take_fd(&service, ends[1]);
		struct scene scene = { .has_queue = true,
			.commands = { -1, &channel, { 0, true }, NULL } };
		char *line CLEANUP(memory_free_string) = memory_format(
		    "XQUEUE add %s%s", id, is_later ? " later" : "");
		char *text CLEANUP(memory_free_string) = ask(&scene, line);
		assert_begins(text, "250 ");
		assert_true(channel_fill(&service) > 0);
		assert_int_equal(notice_take(&service, &notice), 1);
		assert_int_equal(notice.kind, NOTICE_QUEUED);
		assert_string_equal(notice.id, id);
		assert_int_equal(notice.is_later, is_later);
		assert_false(notice.wants_outcome);
		channel_finish(&channel);
		channel_finish(&service);
	}
}

static void without_a_queue_nothing_is_claimed(void **state)
{
	static const struct row {
		const char *line;
		const char *spool;
		const char *begin;
	} rows[] = {
		{ "XQUEUE LIST", "/nonexistent/spool", "450 4.3.2 no service answers" },
		{ "XQUEUE LIST JSON", NULL, "450 4.3.2 no service answers" },
		{ "XQUEUE FLUSH", "/nonexistent/spool", "250 2.0.0 nothing waits" },
		{ "XQUEUE LIST", "/", "450 4.3.2 no service answers, and the spool / belongs" },
		{ "XQUEUE FLUSH", "/", "450 4.3.2 no service answers, and the spool / belongs" },
		{ "XQUEUE WHAT", "/", "501 5.5.4 " },
		{ "XQUEUE ADD 0000000000000000000000001", "/", "501 5.5.4 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene = { .spool = rows[i].spool };
		char *text CLEANUP(memory_free_string) = ask(&scene, rows[i].line);

		assert_begins(text, rows[i].begin);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_said_to_those_who_may_see_it),
		cmocka_unit_test(a_queue_that_cannot_be_listed_is_an_error),
		cmocka_unit_test(a_flush_waits_for_its_answer),
		cmocka_unit_test(a_file_may_be_added),
		cmocka_unit_test(without_a_queue_nothing_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
