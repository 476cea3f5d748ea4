/* SPDX-License-Identifier: MIT */

/* Tests service/bounce.c; whole reports are in bounce_test.py. */

#include "service/bounce.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "spool/listing.h"
#include "spool/preamble.h"
#include "spool/spool.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

struct scene {
	struct scratch scratch;
	struct spool spool;
	struct config config;
	struct config_smarthost smarthost;
	struct queue_file file; /* active */
	struct bounce bounce;
};

static char from[] = "alerts@example.com";
static char name[] = "provider";
static char host[] = "smtp.example.com";
static char root[] = "root";
static char ehlo[] = "here.example";
static char domain[] = "example.com";
static char no_file[] = "/nonexistent/aliases";
static char target[] = "admin@example.com";
static char *targets[] = { target };
static struct config_alias alias = {
	.name = root,
	.targets = targets,
	.target_count = 1,
	.place = { .file = no_file },
};

static void scene_init(struct scene *scene)
{
	char path[80];
	struct error error = { 0 };

	*scene = (struct scene){ .scratch = scratch_make(), .file.fd = -1 };
	snprintf(path, sizeof path, "%s/spool", scene->scratch.path);
	if (spool_open(&scene->spool, path, true, &error) < 0)
		fail_msg("%s", error.text);
	smarthost_init(&scene->smarthost.parameters);
	scene->smarthost.parameters.name = name;
	scene->smarthost.parameters.from = from;
	scene->smarthost.parameters.host = host;
	scene->config = (struct config){
		.ehlo = ehlo,
		.domain = domain,
		.smarthosts = &scene->smarthost,
		.smarthost_count = 1,
		.aliases = &alias,
		.alias_count = 1,
		.aliases_file = no_file,
		.bounce = root,
		.lifetime = 1000000,
		.warn = 5000,
	};
}

static void scene_finish(struct scene *scene)
{
	queue_file_finish(&scene->file);
	spool_finish(&scene->spool);
	scratch_remove(&scene->scratch);
}

/* "a@b.c/4 d@e.f/0": addresses, each with what NOTIFY said. */
static void put_file(struct scene *scene, const char *sender, const char *recipients,
    const struct queue_attributes *attributes)
{
	struct envelope envelope CLEANUP(envelope_finish) = { 0 };
	struct queue_file file CLEANUP(queue_file_finish) = { .fd = -1 };
	struct span rest = span_from_string(recipients);
	struct span one;
	struct error error;

	assert_int_equal(envelope_set_sender(&envelope, span_from_string(sender), &error), 0);
	while (span_take_word(&rest, &one)) {
		unsigned notify = (unsigned)(one.start[one.length - 1] - '0');

		assert_int_equal(envelope_add_recipient(&envelope, span_first(one, one.length - 2),
				     (struct span){ 0 }, notify, &error),
		    0);
	}
	assert_int_equal(
	    queue_file_create(&file, scene->spool.queue, &envelope, attributes, &error), 0);
	queue_file_write(&file, span_from_string("Subject: x\r\n\r\n"));
	queue_file_end_header(&file);
	queue_file_write(&file, span_from_string("body\r\n"));
	assert_int_equal(queue_file_commit(&file, &error), 0);
	char id[QUEUE_ID_SIZE];
	memcpy(id, file.id, sizeof id);
	queue_file_finish(&file);
	assert_int_equal(queue_file_open(&scene->file, scene->spool.queue, id, &error), 0);
}

static void mark(struct scene *scene, const char *marks, const char *words)
{
	struct error error;

	for (size_t i = 0; marks[i] != '\0'; i++)
		assert_int_equal(
		    queue_file_mark(&scene->file, i, (enum recipient_mark)marks[i], words, &error),
		    0);
}

static size_t count_files(const struct scene *scene)
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	struct error error;

	assert_int_equal(listing_read(&listing, scene->spool.queue, &error), 0);
	return listing.count;
}

static void what_is_owed_is_reported_once_and_marked(void **state)
{
	static const struct row {
		const char *recipients;
		const char *before;
		const char *after;
		size_t reports;
	} rows[] = {
		{ "a@b.c/0", "F", "R", 1 },
		{ "a@b.c/0 d@e.f/0 g@h.i/0", "FF.", "RR.", 1 },
		{ "a@b.c/0 d@e.f/0", "D.", "D.", 0 },
		{ "a@b.c/0", "R", "R", 0 },
		/* NOTIFY: never, success, failure, delay. */
		{ "a@b.c/1", "F", "R", 0 },
		{ "a@b.c/2", "F", "R", 0 },
		{ "a@b.c/4", "F", "R", 1 },
		{ "a@b.c/8", "F", "R", 0 },
		{ "a@b.c/6", "F", "R", 1 },
		{ "a@b.c/1 d@e.f/4", "FF", "RR", 1 },
		{ "a@b.c/2", "S", "D", 1 },
		{ "a@b.c/2 d@e.f/4 g@h.i/0", "SF.", "DR.", 2 },
		{ "a@b.c/0", "U", "U", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_attributes attributes = { .received = clock_wall() };
		struct error error;

		scene_init(&scene);
		put_file(&scene, "s@there.example", rows[i].recipients, &attributes);
		mark(&scene, rows[i].before, "550 5.1.1 no");
		assert_int_equal(
		    bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
		if (strcmp(scene.file.marks, rows[i].after) != 0 ||
		    scene.bounce.count != rows[i].reports || scene.bounce.is_untold ||
		    count_files(&scene) != 1 + rows[i].reports)
			fail_msg(
			    "row %zu: %s, %zu reports", i, scene.file.marks, scene.bounce.count);
		assert_false(bounce_is_owed(&scene.file));
		assert_int_equal(
		    bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
		assert_int_equal(scene.bounce.count, 0);
	}
}

/* As if the machine had died between the report and the marks: the file as it was before. */
static void forget_marks(struct scene *scene, const char *marks)
{
	struct error error;
	char id[QUEUE_ID_SIZE];

	memcpy(id, scene->file.id, sizeof id);
	for (size_t i = 0; marks[i] != '\0'; i++)
		assert_int_equal(pwrite(scene->file.fd, &marks[i], 1,
				     (off_t)(PREAMBLE_SIZE + scene->file.mark_offsets[i])),
		    1);
	scene->file.progress.has_warned = false;
	assert_int_equal(queue_file_save_progress(&scene->file, &error), 0);
	queue_file_finish(&scene->file);
	assert_int_equal(queue_file_open(&scene->file, scene->spool.queue, id, &error), 0);
}

static void a_report_that_a_crash_has_left_is_the_report(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct queue_attributes attributes = { .received = clock_wall() };
	struct error error;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "s@there.example", "a@b.c/0 d@e.f/2 g@h.i/0", &attributes);
	mark(&scene, "FS.", "550 5.1.1 no");
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	assert_int_equal(scene.bounce.count, 2);
	forget_marks(&scene, "FS.");
	assert_true(bounce_is_owed(&scene.file));
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	assert_int_equal(scene.bounce.count, 0);
	assert_int_equal(count_files(&scene), 3);
	assert_string_equal(scene.file.marks, "RD.");
	/* What fails later is another matter. */
	mark(&scene, "RDF", "550 5.1.1 no");
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	assert_int_equal(scene.bounce.count, 1);
	assert_int_equal(count_files(&scene), 4);
}

/* The crash has come in the middle of the marks. */
static void a_report_is_known_by_those_who_are_marked_and_those_who_are_not(void **state)
{
	static const struct row {
		const char *before;
		const char *torn;
		const char *after;
	} rows[] = {
		{ "FFF", "RFF", "RRR" },
		{ "FFF", "FFR", "RRR" },
		{ "FF.", "RF.", "RR." },
		{ "SSS", "DSS", "DDD" },
		{ "DSS", "DSD", "DDD" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_attributes attributes = { .received = clock_wall() };
		struct error error;

		scene_init(&scene);
		put_file(&scene, "s@there.example", "a@b.c/0 d@e.f/0 g@h.i/0", &attributes);
		mark(&scene, rows[i].before, "550 5.1.1 no");
		assert_int_equal(
		    bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
		assert_int_equal(scene.bounce.count, 1);
		forget_marks(&scene, rows[i].torn);
		assert_int_equal(
		    bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
		if (scene.bounce.count != 0 || strcmp(scene.file.marks, rows[i].after) != 0)
			fail_msg("row %zu: %s", i, scene.file.marks);
	}
}

/* Torn by the crash: it told nobody. */
static void a_damaged_report_is_made_again_by_another_name(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct queue_attributes attributes = { .received = clock_wall() };
	struct error error;
	char id[QUEUE_ID_SIZE];

	(void)state;
	scene_init(&scene);
	put_file(&scene, "s@there.example", "a@b.c/0", &attributes);
	mark(&scene, "F", "550 5.1.1 no");
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	memcpy(id, scene.bounce.ids[0], sizeof id);
	int fd = openat(scene.spool.queue, id, O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, PREAMBLE_SIZE + 10), 0);
	(void)close(fd);
	forget_marks(&scene, "F");
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	assert_int_equal(scene.bounce.count, 1);
	assert_string_not_equal(scene.bounce.ids[0], id);
	assert_string_equal(scene.file.marks, "R");
}

/* The report goes first; then nothing would be left that says that it was made. */
static void marks_are_made_up_for_before_a_report_goes(void **state)
{
	static const struct row {
		const char *before;
		const char *after;
	} rows[] = {
		{ "F.", "R." },
		{ "S.", "D." },
		{ "..", ".." },
		{ "FF", "RR" },
		{ "SS", "DD" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_file report CLEANUP(queue_file_finish) = { .fd = -1 };
		struct queue_attributes attributes = { .received = clock_wall() - 6000 };
		bool is_warning = rows[i].before[0] == '.';
		char about[QUEUE_ID_SIZE];
		struct error error;

		scene_init(&scene);
		put_file(&scene, "s@there.example", "a@b.c/0 d@e.f/0", &attributes);
		memcpy(about, scene.file.id, sizeof about);
		mark(&scene, rows[i].before, "550 5.1.1 no");
		assert_int_equal(
		    is_warning ? bounce_warn(&scene.file, &scene.config, &scene.bounce, &error)
			       : bounce_report(&scene.file, &scene.config, &scene.bounce, &error),
		    0);
		assert_int_equal(scene.bounce.count, 1);
		forget_marks(&scene, rows[i].before);
		assert_int_equal(
		    queue_file_open(&report, scene.spool.queue, scene.bounce.ids[0], &error), 0);
		assert_string_equal(report.attributes.about, about);
		/* In somebody's hands it is left alone. */
		assert_int_equal(bounce_settle(&report, &error), 0);
		assert_string_equal(scene.file.marks, rows[i].before);
		queue_file_finish(&scene.file);
		assert_int_equal(bounce_settle(&report, &error), 0);
		assert_int_equal(queue_file_open(&scene.file, scene.spool.queue, about, &error), 0);
		assert_string_equal(scene.file.marks, rows[i].after);
		assert_int_equal(scene.file.progress.has_warned, is_warning);
		/* And once it is gone. */
		assert_int_equal(queue_file_remove(&scene.file, &error), 0);
		assert_int_equal(bounce_settle(&report, &error), 0);
	}
}

/* What has failed since then is not in the report, so it stays owed. */
static void marks_of_others_are_left_alone(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct queue_file report CLEANUP(queue_file_finish) = { .fd = -1 };
	struct queue_attributes attributes = { .received = clock_wall() };
	char about[QUEUE_ID_SIZE];
	struct error error;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "s@there.example", "a@b.c/0 d@e.f/0", &attributes);
	memcpy(about, scene.file.id, sizeof about);
	mark(&scene, "F.", "550 5.1.1 no");
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	mark(&scene, "RF", "550 5.1.1 no");
	queue_file_finish(&scene.file);
	assert_int_equal(
	    queue_file_open(&report, scene.spool.queue, scene.bounce.ids[0], &error), 0);
	assert_int_equal(bounce_settle(&report, &error), 0);
	assert_int_equal(queue_file_open(&scene.file, scene.spool.queue, about, &error), 0);
	assert_string_equal(scene.file.marks, "RF");
}

/* Who gets the report of a message of this sender; NULL: nobody can be told. */
static void a_report_goes_to_its_address(void **state)
{
	static char elsewhere[] = "boss@example.net";
	static char nowhere[] = "";
	static const struct row {
		const char *sender;
		char *bounce;
		bool is_report;
		bool is_local;
		const char *want;
	} rows[] = {
		{ "s@there.example", root, false, false, "s@there.example" },
		{ "s", root, false, false, "admin@example.com" },
		{ "s@localhost", root, false, false, "admin@example.com" },
		{ "s@example.com", root, false, false, "s@example.com" },
		{ "s@example.com", root, false, true, "admin@example.com" },
		{ "s@there.example", elsewhere, false, false, "boss@example.net" },
		{ "s@localhost", elsewhere, false, true, "boss@example.net" },
		{ "s@there.example", nowhere, false, false, NULL },
		{ "", root, false, false, NULL },
		{ "", root, true, false, NULL },
		{ "", elsewhere, true, false, NULL },
		{ "s@there.example", elsewhere, true, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_file made CLEANUP(queue_file_finish) = { .fd = -1 };
		struct queue_attributes attributes = { .received = clock_wall(),
			.uid = 1000,
			.is_report = rows[i].is_report,
			.sender_is_local = rows[i].is_local };
		struct error error;

		scene_init(&scene);
		scene.config.bounce = rows[i].bounce;
		put_file(&scene, rows[i].sender, "a@b.c/0", &attributes);
		mark(&scene, "F", "550 5.1.1 no");
		assert_int_equal(
		    bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
		if (scene.bounce.is_untold != (rows[i].want == NULL) ||
		    scene.bounce.count != (rows[i].want != NULL))
			fail_msg("row %zu", i);
		/* What nobody is told of is still owed. */
		assert_int_equal(scene.file.marks[0], rows[i].want != NULL ? 'R' : 'F');
		if (rows[i].want == NULL)
			continue;
		assert_int_equal(
		    queue_file_open(&made, scene.spool.queue, scene.bounce.ids[0], &error), 0);
		assert_string_equal(made.envelope.sender, "");
		assert_int_equal(made.envelope.recipient_count, 1);
		assert_string_equal(made.envelope.recipients[0].address, rows[i].want);
		assert_true(made.attributes.is_report);
		assert_int_equal(made.attributes.uid, 1000);
	}
}

/* The whole text of the one report. */
static char *read_report(const struct scene *scene)
{
	struct queue_file made CLEANUP(queue_file_finish) = { .fd = -1 };
	struct error error;

	assert_int_equal(scene->bounce.count, 1);
	assert_int_equal(
	    queue_file_read(&made, scene->spool.queue, scene->bounce.ids[0], &error), 0);
	char *text = memory_allocate(made.message_length + 1);
	assert_int_equal(
	    file_read_full_at(made.fd, text, made.message_length, (off_t)made.message_offset),
	    made.message_length);
	return text;
}

static void what_was_said_is_read_from_the_words(void **state)
{
	static const struct row {
		const char *words;
		const char *status;
		const char *diagnostic; /* NULL: none */
	} rows[] = {
		{ "mx:25 refused RCPT TO:<a@b.c>: 550 5.1.1 no", "5.1.1", "550 5.1.1 no" },
		{ "mx:25 refused RCPT TO:<a@b.c>: 554 no", "5.0.0", "554 no" },
		{ "mx:25 refused the content: 554", "5.0.0", "554" },
		{ "mx refused MAIL FROM:<>: 550 5.7.1 see: 550 x", "5.7.1",
		    "550 5.7.1 see: 550 x" },
		{ "5.3.4 the message has 9 octets", "5.3.4", NULL },
		{ "4.4.7 not delivered within 5d; the last reply was: mx refused x: 451 4.2.0 "
		  "later",
		    "4.4.7", "451 4.2.0 later" },
		{ "mx:25 closed the connection", "5.0.0", NULL },
		{ "mx:25 has 1: 2500 of them", "5.0.0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_attributes attributes = { .received = clock_wall() };
		struct error error;
		char line[200];

		scene_init(&scene);
		put_file(&scene, "s@there.example", "a@b.c/0", &attributes);
		mark(&scene, "F", rows[i].words);
		assert_int_equal(
		    bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
		char *text CLEANUP(memory_free_string) = read_report(&scene);
		snprintf(line, sizeof line, "\r\nStatus: %s\r\n", rows[i].status);
		if (strstr(text, line) == NULL)
			fail_msg("row %zu: %s", i, text);
		snprintf(line, sizeof line, "\r\nDiagnostic-Code: smtp; %s\r\n",
		    rows[i].diagnostic != NULL ? rows[i].diagnostic : "");
		bool has_code = strstr(text, "\r\nDiagnostic-Code:") != NULL;
		if (has_code != (rows[i].diagnostic != NULL) ||
		    (has_code && strstr(text, line) == NULL))
			fail_msg("row %zu: %s", i, text);
		/* Who said it is known where somebody said it. */
		assert_int_equal(
		    strstr(text, "\r\nRemote-MTA: dns; smtp.example.com\r\n") != NULL, has_code);
		assert_null(strstr(text, "    4.4.7"));
	}
}

static void a_delay_is_told_when_it_is_long_and_once(void **state)
{
	static const struct row {
		int64_t age;
		int64_t warn;
		bool has_warned;
		const char *recipients;
		const char *marks;
		size_t reports;
		bool is_noted;
	} rows[] = {
		{ 6000, 5000, false, "a@b.c/0", ".", 1, true },
		{ 6000, 5000, false, "a@b.c/0", "U", 1, true },
		{ 4000, 5000, false, "a@b.c/0", ".", 0, false },
		{ 6000, 0, false, "a@b.c/0", ".", 0, false },
		{ 6000, 5000, true, "a@b.c/0", ".", 0, true },
		{ 6000, 5000, false, "a@b.c/4", ".", 0, true },
		{ 6000, 5000, false, "a@b.c/8", ".", 1, true },
		{ 6000, 5000, false, "a@b.c/0", "D", 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene CLEANUP(scene_finish);
		struct queue_attributes attributes = { .received = clock_wall() - rows[i].age };
		struct queue_summary summary;
		struct error error;

		scene_init(&scene);
		scene.config.warn = rows[i].warn;
		put_file(&scene, "s@there.example", rows[i].recipients, &attributes);
		mark(&scene, rows[i].marks, "451 later");
		scene.file.progress.has_warned = rows[i].has_warned;
		assert_int_equal(queue_file_save_progress(&scene.file, &error), 0);
		assert_int_equal(bounce_warn(&scene.file, &scene.config, &scene.bounce, &error), 0);
		assert_int_equal(
		    queue_file_read_summary(scene.spool.queue, scene.file.id, &summary, &error), 0);
		if (scene.bounce.count != rows[i].reports ||
		    summary.progress.has_warned != rows[i].is_noted)
			fail_msg("row %zu: %zu", i, scene.bounce.count);
		assert_memory_equal(scene.file.marks, rows[i].marks, 1);
	}
}

static void what_cannot_be_kept_is_still_owed(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct queue_attributes attributes = { .received = clock_wall() };
	struct error error;

	(void)state;
	scene_init(&scene);
	put_file(&scene, "s@there.example", "a@b.c/0", &attributes);
	mark(&scene, "F", "550 no");
	/* A directory in which nothing can be made. */
	int queue = scene.file.queue;
	int nothing CLEANUP(file_close) = open("/dev/null", O_RDONLY | O_CLOEXEC);
	scene.file.queue = nothing;
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), -1);
	scene.file.queue = queue;
	assert_int_equal(scene.file.marks[0], 'F');
	assert_int_equal(scene.bounce.count, 0);
	assert_int_equal(bounce_report(&scene.file, &scene.config, &scene.bounce, &error), 0);
	assert_int_equal(scene.bounce.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_owed_is_reported_once_and_marked),
		cmocka_unit_test(a_report_that_a_crash_has_left_is_the_report),
		cmocka_unit_test(a_report_is_known_by_those_who_are_marked_and_those_who_are_not),
		cmocka_unit_test(a_damaged_report_is_made_again_by_another_name),
		cmocka_unit_test(marks_are_made_up_for_before_a_report_goes),
		cmocka_unit_test(marks_of_others_are_left_alone),
		cmocka_unit_test(a_report_goes_to_its_address),
		cmocka_unit_test(what_was_said_is_read_from_the_words),
		cmocka_unit_test(a_delay_is_told_when_it_is_long_and_once),
		cmocka_unit_test(what_cannot_be_kept_is_still_owed),
	};

	(void)log_open("test", "none");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
