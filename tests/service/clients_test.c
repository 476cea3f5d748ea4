/* SPDX-License-Identifier: MIT */

/* Tests service/clients.c: a receive process for each client, and what it tells. */

#include "service/clients.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "spool/listing.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

/* What the service was told. */
struct heard {
	size_t queued;
	size_t settled;
	size_t left;
	int64_t expected_uid; /* of those who leave; 0: ours */
	uint64_t octets;
	size_t answered;
	size_t flushed;
	size_t due;
	bool is_too_soon;
	struct queue_viewer viewer;
	char id[QUEUE_ID_SIZE];
};

static void queued(void *context, const char *id, int64_t uid, uint64_t octets, bool is_later)
{
	struct heard *heard = context;

	(void)is_later;
	/* Ours: the kernel says so. */
	assert_int_equal(uid, getuid());
	heard->queued++;
	heard->octets = octets;
	memcpy(heard->id, id, sizeof heard->id);
}

static void left(void *context, int64_t uid)
{
	struct heard *heard = context;

	assert_int_equal(uid, heard->expected_uid != 0 ? heard->expected_uid : (int64_t)geteuid());
	heard->left++;
}

static void settled(void *context, const char *id, bool answers)
{
	struct heard *heard = context;

	assert_string_equal(id, heard->id);
	heard->settled++;
	heard->answered += answers;
}

static bool flushed(void *context, const struct queue_viewer *viewer, int64_t *ago)
{
	struct heard *heard = context;

	heard->flushed++;
	heard->viewer = *viewer;
	*ago = 7900;
	return !heard->is_too_soon;
}

static void due(void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count)
{
	struct heard *heard = context;

	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(ids[i - 1], ids[i]) < 0);
	heard->due += count;
}

struct scene {
	struct scratch scratch;
	struct config config;
	struct clients clients;
	struct reception_settings settings;
	struct heard heard;
};

static char host[] = "host.example.org";

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){
		.scratch = scratch_make(),
		.config = { .ehlo = host, .domain = host, .wait_limit = 30000, .timeout = 30000 },
	};
	scene->settings = (struct reception_settings){
		.config = &scene->config,
		.queue_directory = scene->scratch.fd,
		.way = "service",
		.uid = getuid(),
	};
	clients_init(&scene->clients);
	scene->clients.queued = queued;
	scene->clients.left = left;
	scene->clients.settled = settled;
	scene->clients.flushed = flushed;
	scene->clients.due = due;
	scene->clients.context = &scene->heard;
}

static void scene_finish(struct scene *scene)
{
	clients_finish(&scene->clients);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	scratch_remove(&scene->scratch);
}

/* A client that is served; our end of its connection. */
static int connect_client(struct scene *scene)
{
	struct error error = { 0 };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	if (clients_start(&scene->clients, ends[1], &scene->settings, &error) < 0)
		fail_msg("%s", error.text);
	return ends[0];
}

static void say(int fd, const char *text)
{
	assert_int_equal(file_write_all(fd, span_from_string(text)), 0);
}

static const char message[] = "EHLO x\r\nMAIL FROM:<s@x.y>%s\r\nRCPT TO:<r@x.y>\r\n"
			      "BDAT 9 LAST\r\na: b\n\nok\nQUIT\r\n";

static void send_message(int fd, const char *parameters)
{
	char *text CLEANUP(memory_free_string) = memory_format(message, parameters);

	say(fd, text);
}

/* Lets the service hear until so many have come of what. */
static void hear(struct scene *scene, const size_t *what, size_t wanted)
{
	while (*what < wanted) {
		struct pollfd polls[CLIENTS_LIMIT];
		size_t count = clients_poll(&scene->clients, polls);

		assert_int_not_equal(count, 0);
		assert_in_range(poll(polls, count, 30000), 1, CLIENTS_LIMIT);
		clients_step(&scene->clients);
	}
}

static void hear_all_out(struct scene *scene)
{
	while (scene->clients.count != 0) {
		struct pollfd polls[CLIENTS_LIMIT];
		size_t count = clients_poll(&scene->clients, polls);

		assert_int_equal(count, scene->clients.count + scene->clients.spare_count);
		assert_in_range(poll(polls, count, 30000), 1, CLIENTS_LIMIT);
		clients_step(&scene->clients);
	}
}

static char *read_replies(int fd)
{
	struct buffer replies;

	buffer_init(&replies, 1 << 20);
	assert_int_equal(file_read_to_end(fd, &replies), 0);
	(void)close(fd);
	return buffer_take_string(&replies);
}

/* The service is told what the file says. */
static void check_size(const struct scene *scene)
{
	struct queue_summary summary;
	struct error error;

	assert_int_equal(
	    queue_file_read_summary(scene->scratch.fd, scene->heard.id, &summary, &error), 0);
	assert_int_equal(scene->heard.octets, summary.message_length);
}

static void what_a_session_has_taken_stands_on_the_board(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct usage_figures figures;

	(void)state;
	scene_init(&scene);
	int fd = connect_client(&scene);
	send_message(fd, "");
	free(read_replies(fd));
	/* The service has not looked yet. */
	figures = board_waiting(scene.clients.board, 0);
	assert_int_equal(figures.messages, 1);
	hear(&scene, &scene.heard.queued, 1);
	assert_int_equal(figures.octets, scene.heard.octets);
	hear_all_out(&scene);
}

static void a_message_is_queued_and_told(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct listing listing CLEANUP(listing_finish) = { 0 };
	struct error error;

	(void)state;
	scene_init(&scene);
	int fd = connect_client(&scene);
	send_message(fd, "");
	hear(&scene, &scene.heard.queued, 1);
	char *replies CLEANUP(memory_free_string) = read_replies(fd);
	assert_non_null(strstr(replies, "250 2.0.0 queued as "));
	assert_non_null(strstr(replies, scene.heard.id));
	assert_int_equal(listing_read(&listing, scene.scratch.fd, &error), 0);
	assert_int_equal(listing.count, 1);
	assert_string_equal(listing.ids[0], scene.heard.id);
	check_size(&scene);
	hear_all_out(&scene);
	assert_int_equal(scene.heard.settled, 0);
	assert_int_equal(scene.heard.left, 1);
}

static void who_waits_is_told_the_outcome(void **state)
{
	static const struct row {
		enum notice_kind kind;
		const char *reply;
		size_t settled;
	} rows[] = {
		{ NOTICE_TAKEN, "250 2.0.0 words", 0 },
		{ NOTICE_REFUSED, "550 5.7.1 words", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);

		scene_init(&scene);
		int fd = connect_client(&scene);
		send_message(fd, " XWAIT=outcome");
		hear(&scene, &scene.heard.queued, 1);
		struct client *client = clients_waiting_for(&scene.clients, scene.heard.id);
		assert_non_null(client);
		clients_tell(client, rows[i].kind, rows[i].kind == NOTICE_TAKEN ? "2.0.0" : "5.7.1",
		    "words");
		hear(&scene, &scene.heard.settled, rows[i].settled);
		char *replies CLEANUP(memory_free_string) = read_replies(fd);
		if (strstr(replies, rows[i].reply) == NULL)
			fail_msg("no \"%s\" in \"%s\"", rows[i].reply, replies);
		assert_null(clients_waiting_for(&scene.clients, scene.heard.id));
		hear_all_out(&scene);
		assert_int_equal(scene.heard.settled, rows[i].settled);
		assert_int_equal(scene.heard.answered, rows[i].settled);
	}
}

static void who_wants_to_see_it_is_shown_the_conversation(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	int fd = connect_client(&scene);
	send_message(fd, " XWAIT=outcome XTRACE");
	hear(&scene, &scene.heard.queued, 1);
	struct client *client = clients_waiting_for(&scene.clients, scene.heard.id);
	assert_non_null(client);
	assert_true(client->wants_trace);
	for (int i = 0; i < 60; i++) {
		char *line CLEANUP(memory_free_string) = memory_format("line %d", i);

		clients_show(client, span_from_string(line));
	}
	clients_tell(client, NOTICE_TAKEN, "2.0.0", "words");
	char *replies CLEANUP(memory_free_string) = read_replies(fd);
	assert_non_null(strstr(replies, "250-2.0.0 words\r\n250-2.0.0 XTRACE line 0\r\n"));
	assert_non_null(strstr(replies, "XTRACE line 59\r\n250 2.0.0 XTRACE\r\n"));
	hear_all_out(&scene);
}

/* It stays there to be read. */
static void wait_for_reply(int fd, const char *words)
{
	char text[4096] = "";

	while (strstr(text, words) == NULL) {
		ssize_t length = recv(fd, text, sizeof text - 1, MSG_PEEK);

		assert_in_range(length, 1, sizeof text - 2);
		text[length] = '\0';
		(void)sched_yield();
	}
}

/* Its time was over, and it is with its caller again: nobody reads the channel. */
static void who_does_not_listen_stops_nobody(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	char line[400];

	(void)state;
	memset(line, 'x', sizeof line);
	scene_init(&scene);
	scene.config.wait_limit = 0;
	int fd = connect_client(&scene);
	say(fd, "EHLO x\r\nMAIL FROM:<s@x.y> XWAIT=outcome XTRACE\r\nRCPT TO:<r@x.y>\r\n"
		"BDAT 9 LAST\r\na: b\n\nok\n");
	hear(&scene, &scene.heard.queued, 1);
	wait_for_reply(fd, "2.0.0 queued as ");
	struct client *client = clients_waiting_for(&scene.clients, scene.heard.id);
	assert_non_null(client);
	for (int i = 0; i < 5000; i++)
		clients_show(client, span_from_bytes(line, sizeof line));
	clients_tell(client, NOTICE_TAKEN, "2.0.0", "words");
	say(fd, "QUIT\r\n");
	char *replies CLEANUP(memory_free_string) = read_replies(fd);
	assert_non_null(strstr(replies, "2.0.0 queued as "));
	assert_null(strstr(replies, "xxx"));
	hear_all_out(&scene);
}

/* Its caller has been told 250, or nothing: the file must stay. */
static void who_let_go_without_an_answer_is_settled_so(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	scene.config.wait_limit = 0;
	int fd = connect_client(&scene);
	send_message(fd, " XWAIT=outcome");
	hear(&scene, &scene.heard.settled, 1);
	assert_int_equal(scene.heard.queued, 1);
	assert_int_equal(scene.heard.answered, 0);
	char *replies CLEANUP(memory_free_string) = read_replies(fd);
	assert_non_null(strstr(replies, "250 2.0.0 queued as "));
	hear_all_out(&scene);
}

static void a_fault_is_said_to_mail(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error fault;

	(void)state;
	error_set(&fault, ERROR_CONFIG, "4.3.5", "line 3 is wrong");
	scene_init(&scene);
	scene.settings.fault = &fault;
	scene.settings.queue_directory = -1;
	int fd = connect_client(&scene);
	send_message(fd, "");
	char *replies CLEANUP(memory_free_string) = read_replies(fd);
	assert_non_null(strstr(replies, "4.3.5 line 3 is wrong"));
	hear_all_out(&scene);
	assert_int_equal(scene.heard.queued, 0);
}

/* It keeps the connection, the queue and its channel: nothing of the service or of others. */
static void a_receive_process_keeps_no_other_descriptor(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	int ends[2];
	char octet;

	(void)state;
	scene_init(&scene);
	assert_int_equal(pipe(ends), 0);
	int fd = connect_client(&scene);
	say(fd, "EHLO x\r\n");
	/* It has greeted, so it has closed what it was to close. */
	assert_int_equal(read(fd, &octet, 1), 1);
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &octet, 1), 0);
	(void)close(ends[0]);
	(void)close(fd);
	hear_all_out(&scene);
}

/* The end of the service does not end what comes in: the mail is kept all the same. */
static void it_outlives_the_service(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct listing listing CLEANUP(listing_finish) = { 0 };
	struct error error;

	(void)state;
	scene_init(&scene);
	int fd = connect_client(&scene);
	clients_finish(&scene.clients);
	send_message(fd, " XWAIT=outcome");
	char *replies CLEANUP(memory_free_string) = read_replies(fd);
	assert_non_null(strstr(replies, "250 2.0.0 queued as "));
	assert_int_equal(listing_read(&listing, scene.scratch.fd, &error), 0);
	assert_int_equal(listing.count, 1);
}

static void more_than_the_limit_are_refused(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	int fds[CLIENTS_LIMIT];
	int ends[2];
	char octet;

	(void)state;
	scene_init(&scene);
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		fds[i] = connect_client(&scene);
	assert_int_equal(scene.clients.count, CLIENTS_LIMIT);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(clients_start(&scene.clients, ends[1], &scene.settings, &error), -1);
	assert_int_equal(error.kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(error.text, "clients"));
	/* The connection is closed, not left hanging. */
	assert_int_equal(read(ends[0], &octet, 1), 0);
	(void)close(ends[0]);
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		(void)close(fds[i]);
	hear_all_out(&scene);
	(void)close(connect_client(&scene));
	hear_all_out(&scene);
}

/* Our own uid owns the queue, but is an ordinary user where it is root and root is not meant. */
static void a_flush_is_told_and_what_is_due_by_it(void **state)
{
	static const struct row {
		bool root_counts;
		bool is_too_soon;
		const char *reply;
	} rows[] = {
		{ true, false, "250 2.0.0 what waits is tried now" },
		{ false, false, "250 2.0.0 what waits is tried now" },
		{ true, true, "250 2.0.0 tried 7 seconds ago" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		bool is_root = geteuid() == 0;
		struct error error;
		char id[QUEUE_ID_SIZE];

		scene_init(&scene);
		scene.settings.root_counts = rows[i].root_counts;
		scene.heard.is_too_soon = rows[i].is_too_soon;
		/* Somebody else's, which no notice may name. */
		assert_int_equal(scratch_commit(scene.scratch.fd, id, &error), 0);
		int fd = connect_client(&scene);
		send_message(fd, "");
		hear(&scene, &scene.heard.queued, 1);
		free(read_replies(fd));
		fd = connect_client(&scene);
		say(fd, "EHLO x\r\nXQUEUE FLUSH\r\nQUIT\r\n");
		hear_all_out(&scene);
		char *replies CLEANUP(memory_free_string) = read_replies(fd);
		if (strstr(replies, rows[i].reply) == NULL)
			fail_msg("no \"%s\" in \"%s\"", rows[i].reply, replies);
		assert_int_equal(scene.heard.flushed, 1);
		assert_int_equal(scene.heard.viewer.uid, geteuid());
		assert_int_equal(scene.heard.viewer.sees_all, rows[i].root_counts || !is_root);
		/* Whoever may have all tried need not say which. */
		assert_int_equal(
		    scene.heard.due, !scene.heard.viewer.sees_all && !rows[i].is_too_soon ? 1 : 0);
	}
}

/* A receive process reads what strangers send, so its word is looked at. */
static void a_child_moves_nothing_before_it_was_told_to_go_on(void **state)
{
	static const char lines[] = "0000000000000000000000002\nno ID\n\n"
				    "0000000000000000000000001\n00000000000000000000000011\n";
	struct scene scene CLEANUP(scene_finish);
	struct notice notice = { .kind = NOTICE_DUE, .id = NOTICE_NO_ID };
	struct channel child;
	int ends[2];

	(void)state;
	scene_init(&scene);
	scene.heard.expected_uid = 1000;
	assert_int_equal(channel_pair(ends), 0);
	scene.clients.places[0] = memory_allocate(sizeof *scene.clients.places[0]);
	channel_init_take_fd(&scene.clients.places[0]->channel, ends[0]);
	scene.clients.places[0]->viewer = (struct queue_viewer){ .uid = 1000 };
	scene.clients.count = 1;
	board_enter(scene.clients.board, 0, 1000, NULL);
	channel_init_take_fd(&child, ends[1]);
	assert_int_equal(notice_send_lines(&child, &notice, span_from_string(lines)), 0);
	notice.kind = NOTICE_FLUSH;
	assert_int_equal(notice_send(&child, &notice), 0);
	hear(&scene, &scene.heard.flushed, 1);
	assert_int_equal(scene.heard.due, 0);
	assert_int_equal(scene.heard.viewer.uid, 1000);
	notice.kind = NOTICE_DUE;
	assert_int_equal(notice_send_lines(&child, &notice, span_from_string(lines)), 0);
	hear(&scene, &scene.heard.due, 2);
	channel_finish(&child);
	hear_all_out(&scene);
	assert_int_equal(scene.heard.due, 2);
}

/* The newborn process is hit before it has done anything. */
static bool is_struck_at_birth;

static void strike(void)
{
	if (is_struck_at_birth)
		(void)raise(SIGTERM);
}

/* The service blocks the signals that it reads as a descriptor, and so does its child at first. */
static void a_signal_to_all_at_its_birth_does_not_end_it(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	sigset_t blocked;
	sigset_t old;

	(void)state;
	scene_init(&scene);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &blocked, &old);
	is_struck_at_birth = true;
	int fd = connect_client(&scene);
	is_struck_at_birth = false;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	send_message(fd, "");
	hear(&scene, &scene.heard.queued, 1);
	free(read_replies(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_queued_and_told),
		cmocka_unit_test(what_a_session_has_taken_stands_on_the_board),
		cmocka_unit_test(who_waits_is_told_the_outcome),
		cmocka_unit_test(who_wants_to_see_it_is_shown_the_conversation),
		cmocka_unit_test(who_does_not_listen_stops_nobody),
		cmocka_unit_test(who_let_go_without_an_answer_is_settled_so),
		cmocka_unit_test(a_fault_is_said_to_mail),
		cmocka_unit_test(a_receive_process_keeps_no_other_descriptor),
		cmocka_unit_test(a_flush_is_told_and_what_is_due_by_it),
		cmocka_unit_test(a_child_moves_nothing_before_it_was_told_to_go_on),
		cmocka_unit_test(it_outlives_the_service),
		cmocka_unit_test(more_than_the_limit_are_refused),
		cmocka_unit_test(a_signal_to_all_at_its_birth_does_not_end_it),
	};

	(void)log_open("test", "none");
	(void)pthread_atfork(NULL, NULL, strike);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
