/* SPDX-License-Identifier: MIT */

/* Tests service/queue_store.c: what "250" means, and what the service is told. */

#include "service/queue_store.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/notice.h"
#include "spool/listing.h"
#include "spool/space.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

struct scene {
	struct scratch scratch; /* its folder is the queue */
	struct channel service; /* our end */
	struct channel far;	/* the service's */
	struct stream client;
	int client_far;
	struct queue_store queue_store;
	struct store store;
	struct server_reply reply;
	struct transcript_excerpt *trace; /* what the caller asked for; NULL: nothing */
};

static void scene_init(struct scene *scene)
{
	int ends[2];

	*scene = (struct scene){ .scratch = scratch_make() };
	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(&scene->service, ends[0]);
	channel_init_take_fd(&scene->far, ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&scene->client, ends[0], ends[0], "client");
	scene->client_far = ends[1];
	scene->queue_store = (struct queue_store){
		.queue_directory = scene->scratch.fd,
		.service = &scene->service,
		.wait_limit = 30000,
		.limits = &config_default_limits,
		.file = { .fd = -1 },
	};
	scene->store = queue_store_table(&scene->queue_store, "testing");
}

static void scene_finish(struct scene *scene)
{
	channel_finish(&scene->service);
	channel_finish(&scene->far);
	stream_finish(&scene->client);
	file_close(&scene->client_far);
	scratch_remove(&scene->scratch);
}

static void free_board(struct board **board)
{
	board_free(*board);
}

static void begin(struct scene *scene)
{
	struct queue_attributes attributes = scratch_attributes();
	struct envelope envelope CLEANUP(envelope_finish) = { 0 };
	struct error error = { 0 };
	char id[QUEUE_ID_SIZE];

	scratch_envelope(&envelope);
	queue_id_generate(id);
	if (scene->store.begin(scene->store.context, id, &envelope, &attributes, &error) < 0)
		fail_msg("%s", error.text);
	scene->store.write(scene->store.context, span_from_string(scratch_header));
	scene->store.end_header(scene->store.context);
	scene->store.write(scene->store.context, span_from_string(scratch_body));
}

static void keep(struct scene *scene, enum command_wait wait)
{
	struct queue_attributes attributes = scratch_attributes();

	attributes.has_8bit = true;
	attributes.longest_line = 23;
	begin(scene);
	const struct store_wish wish = { .wait = wait, .trace = scene->trace };
	scene->store.commit(
	    scene->store.context, &attributes, &wish, &scene->client, &scene->reply);
}

/* How many there are; the ID of the first in id. */
static size_t list(const struct scene *scene, char id[static QUEUE_ID_SIZE])
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	struct error error;

	assert_int_equal(listing_read(&listing, scene->scratch.fd, &error), 0);
	if (listing.count != 0)
		memcpy(id, listing.ids[0], QUEUE_ID_SIZE);
	return listing.count;
}

static void check_queued(const struct scene *scene)
{
	struct queue_file file CLEANUP(queue_file_finish) = { .fd = -1 };
	char id[QUEUE_ID_SIZE];
	struct error error;

	assert_int_equal(list(scene, id), 1);
	assert_int_equal(scene->reply.code, 250);
	assert_non_null(strstr(scene->reply.text, id));
	/* Nobody holds it any more. */
	assert_int_equal(queue_file_open(&file, scene->scratch.fd, id, &error), 0);
	assert_true(scratch_is_ours(&file));
}

/* What the service has been told; 0: nothing. */
static int take_notice(struct scene *scene, struct notice *notice)
{
	int outcome = notice_take(&scene->far, notice);

	if (outcome != 0)
		return outcome;
	(void)file_set_nonblocking(scene->far.fd, true);
	return channel_fill(&scene->far) <= 0 ? 0 : notice_take(&scene->far, notice);
}

static void a_kept_message_is_whole_and_free(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct notice notice;
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	keep(&scene, COMMAND_WAIT_DISK);
	check_queued(&scene);
	assert_int_equal(take_notice(&scene, &notice), 1);
	(void)list(&scene, id);
	assert_int_equal(notice.kind, NOTICE_QUEUED);
	assert_string_equal(notice.id, id);
	assert_false(notice.wants_outcome);
	assert_int_equal(take_notice(&scene, &notice), 0);
}

static void without_a_service_the_disk_is_enough(void **state)
{
	struct scene none CLEANUP(scene_finish);
	struct scene gone CLEANUP(scene_finish);

	(void)state;
	scene_init(&none);
	channel_finish(&none.service);
	none.service.fd = -1;
	keep(&none, COMMAND_WAIT_OUTCOME);
	check_queued(&none);

	scene_init(&gone);
	channel_finish(&gone.far);
	gone.far.fd = -1;
	keep(&gone, COMMAND_WAIT_OUTCOME);
	check_queued(&gone);
}

/* What waits is counted by the service alone; this one counts nothing. */
static bool wants_nothing(void *context, int64_t uid)
{
	(void)context;
	(void)uid;
	return false;
}

static void a_quota_is_asked_for_at_each_step(void **state)
{
	static const struct row {
		const char *name;
		uint64_t messages; /* that wait, of an octet each */
		uint64_t messages_per_uid;
		uint64_t size_per_uid;
		uint64_t announced;
		bool has_no_quota;
		bool is_admitted;
		bool is_kept;
	} rows[] = {
		{ "nothing waits", 0, 3, 10, 1000, false, true, true },
		{ "the last that may", 2, 3, 0, 0, false, true, true },
		{ "one too many", 3, 3, 0, 0, false, false, false },
		{ "an administrator's", 3, 3, 10, 1000, true, true, true },
		{ "too large as it says", 1, 3, 10, 10, false, false, false },
		{ "too large, and it did not say so", 1, 3, 10, 0, false, true, false },
		{ "of nobody whom we know", 500, 0, 0, 0, false, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct config_limits limits = { .messages_per_uid = rows[i].messages_per_uid,
			.size_per_uid = rows[i].size_per_uid };
		struct board *board CLEANUP(free_board) = board_new(2);
		struct usage usage CLEANUP(usage_finish) = { 0 };
		struct error error = { 0 };
		char id[QUEUE_ID_SIZE];

		scene_init(&scene);
		for (uint64_t j = 0; j < rows[i].messages; j++)
			usage_add(&usage, 1000, 1);
		board_enter(board, 1, 1000, NULL);
		board_show(board, &usage, wants_nothing, NULL);
		scene.queue_store.limits = &limits;
		scene.queue_store.board = board;
		scene.queue_store.place = 1;
		scene.queue_store.uid = 1000;
		scene.queue_store.has_no_quota = rows[i].has_no_quota;
		int admitted = scene.store.admit(scene.store.context, rows[i].announced, &error);
		keep(&scene, COMMAND_WAIT_DISK);
		if ((admitted == 0) != rows[i].is_admitted ||
		    list(&scene, id) != (rows[i].is_kept ? 1 : 0))
			fail_msg("%s: %d, %d %s", rows[i].name, admitted, scene.reply.code,
			    scene.reply.text);
		assert_int_equal(scene.reply.code, rows[i].is_kept ? 250 : 452);
		assert_int_equal(
		    board_waiting(board, 1).messages, rows[i].messages + (rows[i].is_kept ? 1 : 0));
	}
}

/* As if the disk were full: more is to stay free than there is. */
static void what_finds_no_room_while_it_comes_is_gone_at_once(void **state)
{
	static char block[SPACE_INTERVAL / 2];
	struct scene scene CLEANUP(scene_finish);
	struct config_limits limits = { .reserve = UINT64_MAX, .reserve_percent = 100 };
	const struct store_wish wish = { .wait = COMMAND_WAIT_DISK };
	struct queue_attributes attributes = scratch_attributes();
	struct error error = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	scene.queue_store.limits = &limits;
	memset(block, 'x', sizeof block);
	assert_int_equal(scene.store.admit(scene.store.context, 0, &error), -1);
	assert_string_equal(error.status, "4.3.1");
	begin(&scene);
	scene.store.write(scene.store.context, span_from_bytes(block, sizeof block));
	assert_int_not_equal(scene.queue_store.file.fd, -1);
	scene.store.write(scene.store.context, span_from_bytes(block, sizeof block));
	assert_int_equal(scene.queue_store.file.fd, -1);
	scene.store.write(scene.store.context, span_from_bytes(block, sizeof block));
	scene.store.commit(scene.store.context, &attributes, &wish, &scene.client, &scene.reply);
	assert_int_equal(scene.reply.code, 452);
	assert_non_null(strstr(scene.reply.text, "no space"));
	assert_int_equal(list(&scene, id), 0);
	/* And the next one is as good as ever. */
	scene.queue_store.limits = &config_default_limits;
	keep(&scene, COMMAND_WAIT_DISK);
	check_queued(&scene);
}

static void who_waits_follows_from_caller_and_settings(void **state)
{
	static const struct row {
		enum command_wait wait;
		bool by_default;
		bool waits;
	} rows[] = {
		{ COMMAND_WAIT_UNSAID, false, false },
		{ COMMAND_WAIT_UNSAID, true, true },
		{ COMMAND_WAIT_DISK, true, false },
		{ COMMAND_WAIT_OUTCOME, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct notice notice;

		scene_init(&scene);
		scene.queue_store.waits_by_default = rows[i].by_default;
		/* No answer in time is an answer. */
		scene.queue_store.wait_limit = 0;
		keep(&scene, rows[i].wait);
		check_queued(&scene);
		assert_int_equal(take_notice(&scene, &notice), 1);
		assert_int_equal(notice.wants_outcome, rows[i].waits);
		assert_int_equal(take_notice(&scene, &notice), 0);
	}
}

/* Plays the service: answers by kind, first for another file; exits 0 when ANSWERS came as wanted.
 */
static _Noreturn void answer(struct scene *scene, enum notice_kind kind)
{
	struct notice notice = { 0 };
	struct notice other = { .kind = NOTICE_REFUSED, .status = "5.1.1", .text = "another file" };
	struct notice trace = { .kind = NOTICE_TRACE };

	channel_finish(&scene->service);
	while (notice_take(&scene->far, &notice) == 0)
		if (channel_fill(&scene->far) <= 0)
			_exit(2);
	queue_id_generate(other.id);
	(void)notice_send(&scene->far, &other);
	other.kind = NOTICE_TRACE;
	(void)notice_send_lines(&scene->far, &other, span_from_string("of another\n"));
	memcpy(trace.id, notice.id, sizeof trace.id);
	(void)notice_send_lines(&scene->far, &trace, span_from_string("one\ntwo\n"));
	(void)notice_send_lines(&scene->far, &trace, span_from_string("three\n"));
	notice.kind = kind;
	snprintf(notice.status, sizeof notice.status, "5.7.1");
	snprintf(notice.text, sizeof notice.text, "words of the smarthost");
	(void)notice_send(&scene->far, &notice);
	if (kind != NOTICE_REFUSED)
		_exit(0);
	while (notice_take(&scene->far, &notice) == 0)
		if (channel_fill(&scene->far) <= 0)
			_exit(3);
	_exit(notice.kind == NOTICE_ANSWERS ? 0 : 4);
}

static void the_outcome_is_the_answer(void **state)
{
	static const struct row {
		enum notice_kind kind;
		int code;
	} rows[] = { { NOTICE_TAKEN, 250 }, { NOTICE_REFUSED, 550 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		char id[QUEUE_ID_SIZE];
		int status;

		scene_init(&scene);
		pid_t pid = fork();
		if (pid == 0)
			answer(&scene, rows[i].kind);
		keep(&scene, COMMAND_WAIT_OUTCOME);
		assert_int_equal(scene.reply.code, rows[i].code);
		assert_string_equal(scene.reply.text, "words of the smarthost");
		if (rows[i].code == 550)
			assert_string_equal(scene.reply.status, "5.7.1");
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		/* To let go of the file is the service's business. */
		assert_int_equal(list(&scene, id), 1);
	}
}

/* What is said about the message of somebody else is not for this caller. */
static void what_is_said_meanwhile_is_kept_for_who_asked(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct transcript_excerpt trace CLEANUP(transcript_excerpt_finish);
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene);
	transcript_excerpt_init(&trace);
	scene.trace = &trace;
	pid_t pid = fork();
	if (pid == 0)
		answer(&scene, NOTICE_TAKEN);
	keep(&scene, COMMAND_WAIT_OUTCOME);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(scene.reply.text, "words of the smarthost");
	buffer_init(&text, 1000);
	transcript_excerpt_write(&trace, &text);
	assert_string_equal(buffer_string(&text), "one\ntwo\nthree\n");
}

static void a_service_that_talks_nonsense_changes_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene);
	assert_int_equal(channel_send(&scene.far, span_from_string("nonsense"), -1), 0);
	keep(&scene, COMMAND_WAIT_OUTCOME);
	check_queued(&scene);
}

static void nothing_is_kept_for_a_client_that_is_gone(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct notice notice;
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	file_close(&scene.client_far);
	keep(&scene, COMMAND_WAIT_DISK);
	assert_int_equal(scene.reply.code / 100, 4);
	assert_int_equal(list(&scene, id), 0);
	assert_int_equal(take_notice(&scene, &notice), 0);
}

static void what_is_discarded_leaves_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	begin(&scene);
	scene.store.discard(scene.store.context);
	assert_int_equal(list(&scene, id), 0);
	/* And the next one goes its way. */
	keep(&scene, COMMAND_WAIT_DISK);
	check_queued(&scene);
}

static void a_queue_that_cannot_be_written_is_an_error(void **state)
{
	struct queue_attributes attributes = scratch_attributes();
	struct envelope envelope CLEANUP(envelope_finish) = { 0 };
	struct scene scene CLEANUP(scene_finish);
	char id[QUEUE_ID_SIZE];
	struct error error = { 0 };

	(void)state;
	scene_init(&scene);
	scratch_envelope(&envelope);
	scene.queue_store.queue_directory = scene.client_far;
	queue_id_generate(id);
	assert_int_equal(
	    scene.store.begin(scene.store.context, id, &envelope, &attributes, &error), -1);
	assert_int_not_equal(error.kind, ERROR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kept_message_is_whole_and_free),
		cmocka_unit_test(without_a_service_the_disk_is_enough),
		cmocka_unit_test(a_quota_is_asked_for_at_each_step),
		cmocka_unit_test(what_finds_no_room_while_it_comes_is_gone_at_once),
		cmocka_unit_test(who_waits_follows_from_caller_and_settings),
		cmocka_unit_test(the_outcome_is_the_answer),
		cmocka_unit_test(what_is_said_meanwhile_is_kept_for_who_asked),
		cmocka_unit_test(a_service_that_talks_nonsense_changes_nothing),
		cmocka_unit_test(nothing_is_kept_for_a_client_that_is_gone),
		cmocka_unit_test(what_is_discarded_leaves_nothing),
		cmocka_unit_test(a_queue_that_cannot_be_written_is_an_error),
	};

	(void)log_open("test", "none");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
