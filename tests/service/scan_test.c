/* SPDX-License-Identifier: MIT */

/* Tests service/scan.c. */

#include "service/scan.h"

#include <stdio.h>

#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

enum { FILES = 20 };

struct scene {
	struct scratch scratch;
	struct scan scan;
	char ids[FILES][QUEUE_ID_SIZE]; /* oldest first */
	char found[2 * FILES][QUEUE_ID_SIZE];
	struct queue_summary summaries[2 * FILES];
	bool is_whole[2 * FILES];
	size_t found_count;
	const char *known; /* or NULL */
};

static void plant(struct scene *scene, size_t index)
{
	struct error error;

	snprintf(scene->ids[index], QUEUE_ID_SIZE, "%025zu", index);
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	const struct queue_attributes attributes = { .uid = (int64_t)(1000 + index) };

	memcpy(file.id, scene->ids[index], QUEUE_ID_SIZE);
	scratch_envelope(&envelope);
	assert_int_equal(
	    queue_file_create(&file, scene->scratch.fd, &envelope, &attributes, &error), 0);
	queue_file_write(&file, span_from_string(scratch_header));
	file.progress.next_attempt = (int64_t)(5000 + index);
	assert_int_equal(queue_file_commit(&file, &error), 0);
}

static void set_scene(struct scene *scene)
{
	struct error error;

	*scene = (struct scene){ .scratch = scratch_make() };
	for (size_t i = 0; i < FILES; i++)
		plant(scene, i);
	assert_int_equal(scan_begin(&scene->scan, scene->scratch.fd, &error), 0);
	assert_int_equal(scan_left(&scene->scan), FILES);
}

static void end_scene(struct scene *scene)
{
	scan_finish(&scene->scan);
	scratch_remove(&scene->scratch);
}

static bool is_known(const void *context, const char *id)
{
	const struct scene *scene = context;

	return scene->known != NULL && strcmp(scene->known, id) == 0;
}

static void found(void *context, const char *id, const struct queue_summary *summary)
{
	struct scene *scene = context;
	size_t at = scene->found_count++;

	memcpy(scene->found[at], id, QUEUE_ID_SIZE);
	scene->is_whole[at] = summary != NULL;
	if (summary != NULL)
		scene->summaries[at] = *summary;
}

static void the_newest_few_come_first_and_each_once(void **state)
{
	static struct scene scene;

	(void)state;
	set_scene(&scene);
	scene.known = scene.ids[7];
	for (size_t step = 0; scan_left(&scene.scan) != 0; step++) {
		size_t left = scan_left(&scene.scan);

		for (size_t i = 0; i < FILES; i++)
			assert_int_equal(scan_has(&scene.scan, scene.ids[i]), i < left);
		scan_step(&scene.scan, 3, is_known, found, &scene);
		assert_int_equal(scan_left(&scene.scan), left > 3 ? left - 3 : 0);
	}
	assert_false(scan_has(&scene.scan, scene.ids[0]));
	assert_int_equal(scene.found_count, FILES - 1);
	/* Three by three from the end, and each three in order. */
	for (size_t i = 0, step = 0; step < FILES; step += 3) {
		size_t end = FILES - step;

		for (size_t index = end > 3 ? end - 3 : 0; index < end; index++) {
			if (index == 7)
				continue;
			assert_string_equal(scene.found[i], scene.ids[index]);
			assert_true(scene.is_whole[i]);
			assert_int_equal(scene.summaries[i].uid, 1000 + index);
			assert_int_equal(scene.summaries[i].progress.next_attempt, 5000 + index);
			assert_int_equal(scene.summaries[i].message_length, strlen(scratch_header));
			i++;
		}
	}
	scan_step(&scene.scan, SIZE_MAX, is_known, found, &scene);
	assert_int_equal(scene.found_count, FILES - 1);
	end_scene(&scene);
}

static void what_is_gone_is_not_found_and_what_is_damaged_is(void **state)
{
	static struct scene scene;

	(void)state;
	set_scene(&scene);
	assert_int_equal(unlinkat(scene.scratch.fd, scene.ids[3], 0), 0);
	int fd = openat(scene.scratch.fd, scene.ids[5], O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	(void)close(fd);
	scan_step(&scene.scan, SIZE_MAX, is_known, found, &scene);
	assert_int_equal(scan_left(&scene.scan), 0);
	assert_int_equal(scene.found_count, FILES - 1);
	for (size_t i = 0; i < scene.found_count; i++) {
		assert_string_not_equal(scene.found[i], scene.ids[3]);
		assert_int_equal(scene.is_whole[i], strcmp(scene.found[i], scene.ids[5]) != 0);
	}
	end_scene(&scene);
}

static void what_is_left_can_be_hastened(void **state)
{
	static struct scene scene;

	(void)state;
	set_scene(&scene);
	scan_step(&scene.scan, 5, is_known, found, &scene);
	scan_hasten(&scene.scan);
	scan_look(&scene.scan, scene.ids[2], found, &scene);
	assert_string_equal(scene.found[5], scene.ids[2]);
	scene.known = scene.ids[2];
	scan_step(&scene.scan, SIZE_MAX, is_known, found, &scene);
	assert_int_equal(scene.found_count, FILES);
	for (size_t i = 0; i < FILES; i++)
		assert_int_equal(scene.summaries[i].progress.next_attempt == 0, i >= 5);
	end_scene(&scene);
}

static void names_are_read_anew(void **state)
{
	static struct scene scene;
	struct error error;

	(void)state;
	set_scene(&scene);
	scan_hasten(&scene.scan);
	assert_int_equal(unlinkat(scene.scratch.fd, scene.ids[0], 0), 0);
	assert_int_equal(scan_begin(&scene.scan, scene.scratch.fd, &error), 0);
	assert_int_equal(scan_left(&scene.scan), FILES - 1);
	assert_false(scan_has(&scene.scan, scene.ids[0]));
	/* A failure leaves what was left. */
	assert_int_equal(scan_begin(&scene.scan, -1, &error), -1);
	assert_int_equal(scan_left(&scene.scan), FILES - 1);
	scan_step(&scene.scan, 1, is_known, found, &scene);
	assert_int_not_equal(scene.summaries[0].progress.next_attempt, 0);
	end_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_few_come_first_and_each_once),
		cmocka_unit_test(what_is_gone_is_not_found_and_what_is_damaged_is),
		cmocka_unit_test(what_is_left_can_be_hastened),
		cmocka_unit_test(names_are_read_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
