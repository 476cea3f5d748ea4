/* SPDX-License-Identifier: MIT */

/* Tests service/capture.c: a letter is as it would have been sent, whole, and there once. */

#include "service/capture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

static const char message[] = "From: as received\r\n\r\nthe text\r\n";
static char header[] = "From: as sent\r\n\r\n";

struct scene {
	struct scratch scratch;
	char path[96];
	struct request_attempt attempt;
	struct capture_letter letter;
};

static void scene_init(struct scene *scene)
{
	struct error error;

	*scene = (struct scene){ .scratch = scratch_make() };
	snprintf(scene->path, sizeof scene->path, "%s/captured", scene->scratch.path);
	(void)envelope_set_sender(
	    &scene->attempt.envelope, span_from_string("a@there.example"), &error);
	(void)envelope_add_recipient(&scene->attempt.envelope, span_from_string("b@far.example"),
	    (struct span){ 0 }, 0, &error);
	(void)envelope_add_recipient(&scene->attempt.envelope, span_from_string("c@far.example"),
	    (struct span){ 0 }, 0, &error);
	scene->attempt.header = header;
	scene->attempt.header_length = strlen(header);
	scene->attempt.body_offset = strlen("From: as received\r\n\r\n");
	scene->attempt.body_length = strlen("the text\r\n");
	scene->letter = (struct capture_letter){
		.id = "ID",
		.number = 2,
		.uid = 7,
		.smarthost = "office365",
		.attempt = &scene->attempt,
		.fd = memfd_create("message", MFD_CLOEXEC),
	};
	assert_true(scene->letter.fd >= 0);
	assert_int_equal(file_write_all(scene->letter.fd, span_from_string(message)), 0);
}

static void scene_finish(struct scene *scene)
{
	envelope_finish(&scene->attempt.envelope);
	(void)close(scene->letter.fd);
	scratch_remove(&scene->scratch);
}

static size_t count_files(const struct scene *scene, const char *part)
{
	char folder[160];
	size_t count = 0;

	snprintf(folder, sizeof folder, "%s/%s", scene->path, part);
	DIR *stream = opendir(folder);
	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
		count += entry->d_name[0] != '.';
	(void)closedir(stream);
	return count;
}

static void read_letter(const struct scene *scene, const char *name, struct buffer *content)
{
	char path[256];
	struct error error;

	snprintf(path, sizeof path, "%s/new/%s", scene->path, name);
	buffer_init(content, 10000);
	assert_int_equal(file_read_whole(path, content, &error), 0);
}

static void a_letter_is_as_it_would_have_been_sent(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer content CLEANUP(buffer_finish) = { 0 };
	struct error error = { 0 };
	char name[CAPTURE_NAME_SIZE];

	(void)state;
	scene_init(&scene);
	if (capture_keep(scene.path, &scene.letter, name, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(name, "ID-3.captured");
	read_letter(&scene, name, &content);
	const char *text = buffer_string(&content);
	const char *begin = "X-Mailchute-Captured: ";
	const char *end = ";\r\n\tid=ID; uid=7; smarthost=office365 (not sent)\r\n"
			  "Return-Path: <a@there.example>\r\n"
			  "Delivered-To: b@far.example\r\nDelivered-To: c@far.example\r\n"
			  "From: as sent\r\n\r\nthe text\r\n";
	assert_memory_equal(text, begin, strlen(begin));
	assert_true(content.length > strlen(end));
	assert_string_equal(text + content.length - strlen(end), end);
}

static void what_is_done_again_is_there_once(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	char name[CAPTURE_NAME_SIZE];

	(void)state;
	scene_init(&scene);
	for (int i = 0; i < 2; i++)
		assert_int_equal(capture_keep(scene.path, &scene.letter, name, &error), 0);
	assert_int_equal(count_files(&scene, "new"), 1);
	/* The letter for others of the same message is another. */
	scene.letter.number = 0;
	assert_int_equal(capture_keep(scene.path, &scene.letter, name, &error), 0);
	assert_int_equal(count_files(&scene, "new"), 2);
	assert_int_equal(count_files(&scene, "tmp"), 0);
}

static void a_message_that_ends_early_leaves_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	char name[CAPTURE_NAME_SIZE];

	(void)state;
	scene_init(&scene);
	scene.attempt.body_length++;
	assert_int_equal(capture_keep(scene.path, &scene.letter, name, &error), -1);
	assert_int_equal(count_files(&scene, "new"), 0);
	assert_int_equal(count_files(&scene, "tmp"), 0);
}

static void a_folder_that_cannot_be_made_is_73(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct error error = { 0 };
	char name[CAPTURE_NAME_SIZE];

	(void)state;
	scene_init(&scene);
	assert_int_equal(capture_keep("/proc/nowhere/m", &scene.letter, name, &error), -1);
	assert_int_equal(error.kind, ERROR_CANNOT_CREATE);
	assert_int_equal(error_kind_from_status(error.status), ERROR_CANNOT_CREATE);
	assert_true(error_is_temporary(&error));
	assert_int_equal(strncmp(error.code, "MC-", 3), 0);
	assert_non_null(strstr(error.text, "capture = \"/proc/nowhere/m\": "));
	assert_non_null(strstr(error.next, "MAILCHUTE_CAPTURE=DIR"));
}

static void without_smarthosts_one_stands_for_them(void **state)
{
	struct config config = { 0 };
	struct smarthost account CLEANUP(smarthost_finish) = { 0 };

	(void)state;
	capture_complete(&config);
	assert_int_equal(config.smarthost_count, 0);
	assert_false(capture_is_on(&config));
	config.capture = memory_copy_string("");
	assert_false(capture_is_on(&config));
	free(config.capture);
	config.capture = memory_copy_string("/m");
	for (int i = 0; i < 2; i++) {
		capture_complete(&config);
		assert_int_equal(config.smarthost_count, 1);
	}
	assert_null(config.smarthosts[0].parameters.host);
	/* Whatever its secrets hold, or do not. */
	config.secrets_file = memory_copy_string("/nonexistent/secrets.ini");
	capture_account(&config, &config.smarthosts[0], &account);
	assert_null(account.from);
	assert_string_equal(account.name, CAPTURE_STAND_IN);
	config_finish(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_is_as_it_would_have_been_sent),
		cmocka_unit_test(what_is_done_again_is_there_once),
		cmocka_unit_test(a_message_that_ends_early_leaves_nothing),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_73),
		cmocka_unit_test(without_smarthosts_one_stands_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
