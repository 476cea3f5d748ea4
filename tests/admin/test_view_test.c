/* SPDX-License-Identifier: MIT */

/* Tests admin/test_view.c: what a conversation tells, and how it looks. */

#include "admin/test_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static const char *const conversation[] = {
	"  0.010 * connecting to smtp.far.example:587 [192.0.2.1]",
	"  0.020 * connected to smtp.far.example:587 [192.0.2.1]",
	"  0.030 < 220 hello",
	"  0.080 * TLSv1.3 TLS_AES_256_GCM_SHA384, certificate of far.example",
	"  0.090 > AUTH SCRAM-SHA-256 ********",
	"  0.120 < 235 2.7.0 logged in",
	"  0.121 > MAIL FROM:<a@there.example> SIZE=5",
	"  0.121 > RCPT TO:<b@far.example>",
	"  0.121 > RCPT TO:<c@far.example> NOTIFY=NEVER",
	"  1.200 < 250 2.0.0 taken",
};

struct scene {
	char *text;
	size_t size;
	FILE *output;
	struct test_view view;
};

static void scene_init(struct scene *scene, bool is_coloured)
{
	scene->output = open_memstream(&scene->text, &scene->size);
	assert_non_null(scene->output);
	test_view_init(&scene->view, scene->output, is_coloured);
}

static void scene_finish(struct scene *scene)
{
	test_view_finish(&scene->view);
	(void)fclose(scene->output);
	free(scene->text);
}

static void run(struct scene *scene)
{
	for (size_t i = 0; i < sizeof conversation / sizeof conversation[0]; i++)
		test_view_line(&scene->view, span_from_string(conversation[i]));
}

static void facts_are_found(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	(void)state;
	scene_init(&scene, false);
	run(&scene);
	buffer_init(&text, 10000);
	test_view_facts(&scene.view.facts, &text);
	assert_string_equal(buffer_string(&text),
	    "  server:  250 2.0.0 taken\n"
	    "  via:     smtp.far.example:587 [192.0.2.1]\n"
	    "  tls:     TLSv1.3 TLS_AES_256_GCM_SHA384, certificate of far.example\n"
	    "  login:   SCRAM-SHA-256\n"
	    "  from:    a@there.example\n"
	    "  to:      b@far.example, c@far.example\n"
	    "  time:    connected after 0.020 s, TLS after 0.080 s, login after 0.120 s, answer "
	    "after\n"
	    "           1.200 s\n");
}

static void nothing_is_found_in_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	static const char *const lines[] = { "", " ", "words", "0.1", "x < y", "0.1 ? words",
		"  1.0 > MAIL FROM:<no end", "  1.0 > AUTH " };

	(void)state;
	scene_init(&scene, false);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		test_view_line(&scene.view, span_from_string(lines[i]));
	buffer_init(&text, 10000);
	test_view_facts(&scene.view.facts, &text);
	assert_string_equal(buffer_string(&text), "");
}

static void a_second_smarthost_takes_the_place_of_the_first(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene, false);
	run(&scene);
	test_view_line(&scene.view, span_from_string("  2.000 * connected to two.example:25"));
	test_view_line(&scene.view, span_from_string("  2.010 > MAIL FROM:<two@there.example>"));
	test_view_line(&scene.view, span_from_string("  2.010 > RCPT TO:<d@far.example>"));
	assert_string_equal(scene.view.facts.relay, "two.example:25");
	assert_string_equal(scene.view.facts.sender, "two@there.example");
	assert_string_equal(scene.view.facts.recipients, "d@far.example");
	assert_int_equal(scene.view.facts.logged_in, -1);
}

static void colours_are_for_those_who_have_them(void **state)
{
	struct scene plain CLEANUP(scene_finish);
	struct scene coloured CLEANUP(scene_finish);

	(void)state;
	scene_init(&plain, false);
	run(&plain);
	assert_null(strchr(plain.text, '\033'));
	scene_init(&coloured, true);
	run(&coloured);
	assert_non_null(strstr(coloured.text, "\033[32m  1.200 < 250 2.0.0 taken\033[0m\n"));
}

static void a_server_cannot_speak_to_the_terminal(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene, false);
	test_view_line(&scene.view, span_from_string("  0.1 < 250 \033[2J\r\x01 clear"));
	assert_null(strchr(scene.text, '\033'));
	assert_null(strchr(scene.text, '\r'));
	test_view_block(&scene.view, TEST_VIEW_BAD, span_from_string("one\x1b\ntwo\n"));
	assert_null(strchr(scene.text, '\033'));
}

static void a_quiet_one_learns_and_shows_nothing(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene, false);
	scene.view.is_quiet = true;
	run(&scene);
	(void)fflush(scene.output);
	assert_int_equal(scene.size, 0);
	assert_string_equal(scene.view.facts.sender, "a@there.example");
}

static void a_shared_one_names_nobody(void **state)
{
	struct scene scene CLEANUP(scene_finish);

	(void)state;
	scene_init(&scene, false);
	scene.view.is_shared = true;
	run(&scene);
	assert_null(strstr(scene.text, "far.example"));
	assert_null(strstr(scene.text, "there"));
	assert_non_null(strstr(scene.text, "MAIL FROM:<user"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_found),
		cmocka_unit_test(nothing_is_found_in_nothing),
		cmocka_unit_test(a_second_smarthost_takes_the_place_of_the_first),
		cmocka_unit_test(colours_are_for_those_who_have_them),
		cmocka_unit_test(a_server_cannot_speak_to_the_terminal),
		cmocka_unit_test(a_quiet_one_learns_and_shows_nothing),
		cmocka_unit_test(a_shared_one_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
