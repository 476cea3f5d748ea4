/* SPDX-License-Identifier: MIT */

/* Tests smtp/server/login.c. */

#include "smtp/server/login.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/smtp/server/scene.h"

/* dSByaWdodA== and the like: printf '\0u\0right' | base64 */
static void logins_follow_the_table(void **state)
{
	static const struct row {
		const char *name;
		const char *input;
		const char *codes;
		const char *events;
	} rows[] = {
		{ "PLAIN at once", "AUTH PLAIN AHUAcmlnaHQ=\r\n", "220 235", "log_in(u right) " },
		{ "PLAIN asked for", "auth plain\r\nAHUAcmlnaHQ=\r\n", "220 334 235",
		    "log_in(u right) " },
		{ "PLAIN for oneself", "AUTH PLAIN dQB1AHJpZ2h0\r\n", "220 235",
		    "log_in(u right) " },
		{ "PLAIN for another", "AUTH PLAIN YQB1AHJpZ2h0\r\nNOOP\r\n", "220 535 250", "" },
		{ "PLAIN, wrong", "AUTH PLAIN AHUAd3Jvbmc=\r\nAUTH PLAIN AHUAcmlnaHQ=\r\n",
		    "220 535 235", "log_in(u wrong) log_in(u right) " },
		{ "PLAIN, no password given", "AUTH PLAIN AHUA\r\n", "220 535", "log_in(u ) " },
		{ "PLAIN, one NUL", "AUTH PLAIN AHU=\r\n", "220 501", "" },
		{ "PLAIN, no NUL", "AUTH PLAIN dQ==\r\n", "220 501", "" },
		{ "PLAIN, three NULs", "AUTH PLAIN AHUAcmlnaHQA\r\n", "220 501", "" },
		{ "PLAIN, no user", "AUTH PLAIN AAByaWdodA==\r\n", "220 501", "" },
		{ "PLAIN, empty response", "AUTH PLAIN =\r\nNOOP\r\n", "220 501 250", "" },
		{ "PLAIN, empty response asked for", "AUTH PLAIN\r\n\r\nNOOP\r\n",
		    "220 334 501 250", "" },
		{ "PLAIN, no base64", "AUTH PLAIN !!!!\r\nNOOP\r\n", "220 501 250", "" },
		{ "PLAIN, base64 cut", "AUTH PLAIN AHUAcmlnaHQ\r\n", "220 501", "" },
		{ "PLAIN, two responses", "AUTH PLAIN AHUAcmlnaHQ= x\r\n", "220 501", "" },
		{ "PLAIN, cancelled", "AUTH PLAIN\r\n*\r\nNOOP\r\n", "220 334 501 250", "" },
		{ "PLAIN, gone", "AUTH PLAIN\r\n", "220 334", "" },
		{ "LOGIN asked for", "AUTH LOGIN\r\ndQ==\r\ncmlnaHQ=\r\n", "220 334 334 235",
		    "log_in(u right) " },
		{ "LOGIN with the user", "AUTH LOGIN dQ==\r\ncmlnaHQ=\n", "220 334 235",
		    "log_in(u right) " },
		{ "LOGIN, wrong", "AUTH LOGIN dQ==\r\nd3Jvbmc=\r\n", "220 334 535",
		    "log_in(u wrong) " },
		{ "LOGIN, empty password", "AUTH LOGIN dQ==\r\n\r\n", "220 334 535",
		    "log_in(u ) " },
		{ "LOGIN, no user", "AUTH LOGIN\r\n\r\ncmlnaHQ=\r\n", "220 334 334 501", "" },
		{ "LOGIN, NUL in the user", "AUTH LOGIN dQB1\r\ncmlnaHQ=\r\n", "220 334 501", "" },
		{ "LOGIN, NUL in the password", "AUTH LOGIN dQ==\r\ncgBy\r\n", "220 334 501", "" },
		{ "LOGIN, cancelled at the user", "AUTH LOGIN\r\n*\r\nNOOP\r\n", "220 334 501 250",
		    "" },
		{ "LOGIN, cancelled at the password", "AUTH LOGIN dQ==\r\n*\r\nNOOP\r\n",
		    "220 334 501 250", "" },
		{ "LOGIN, no base64", "AUTH LOGIN dQ==\r\n?\r\nNOOP\r\n", "220 334 501 250", "" },
		{ "LOGIN, gone", "AUTH LOGIN dQ==\r\ncmlna", "220 334", "" },
		{ "not offered", "AUTH CRAM-MD5\r\nAUTH PLAINX\r\nAUTH LOG\r\n", "220 504 504 504",
		    "" },
		{ "twice", "AUTH PLAIN AHUAcmlnaHQ=\r\nAUTH PLAIN AHUAcmlnaHQ=\r\n", "220 235 503",
		    "log_in(u right) " },
		{ "within a transaction", "MAIL FROM:<a>\r\nAUTH PLAIN AHUAcmlnaHQ=\r\nRSET\r\n",
		    "220 250 503 250", "mail(a) reset " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t length = strlen(rows[i].input);

		print_message("  %s\n", rows[i].name);
		for (size_t cut = 0; cut <= length; cut++) {
			struct scene scene;

			scene_init(&scene);
			scene_add(&scene, span_from_bytes(rows[i].input, cut));
			scene_add(&scene, span_from_bytes(rows[i].input + cut, length - cut));
			scene_run(&scene);
			scene_expect(&scene, rows[i].codes, rows[i].events);
			assert_int_equal(scene.outcome, 1);
			scene_finish(&scene);
		}
	}
}

static void challenges_are_what_clients_know(void **state)
{
	struct scene scene;

	(void)state;
	scene_play(&scene, "AUTH PLAIN\r\n*\r\nAUTH LOGIN\r\ndQ==\r\ncmlnaHQ=\r\n");
	assert_string_equal(buffer_string(&scene.output), "220 host.example ESMTP test\r\n"
							  "334 \r\n"
							  "501 5.7.0 the login was cancelled\r\n"
							  "334 VXNlcm5hbWU6\r\n"
							  "334 UGFzc3dvcmQ6\r\n"
							  "235 2.7.0 logged in\r\n");
	scene_finish(&scene);
}

static void a_login_opens_the_door(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.auth_is_required = true;
	scene_say(&scene, "EHLO me\r\nMAIL FROM:<a>\r\nVRFY x\r\nXQUEUE LIST\r\n"
			  "AUTH PLAIN AHUAd3Jvbmc=\r\nMAIL FROM:<a>\r\n"
			  "AUTH PLAIN AHUAcmlnaHQ=\r\nEHLO me\r\nMAIL FROM:<a>\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 530 530 530 535 530 235 250 250",
	    "log_in(u wrong) log_in(u right) mail(a) reset ");
	scene_finish(&scene);
}

static void clear_text_is_refused_where_tls_is_wanted(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.auth_needs_tls = true;
	scene_say(&scene, "EHLO me\r\nAUTH PLAIN AHUAcmlnaHQ=\r\nAUTH LOGIN\r\nNOOP\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 538 538 250", "");
	assert_null(strstr(buffer_string(&scene.output), "AUTH PLAIN"));
	scene_finish(&scene);
}

static void one_mechanism_may_be_offered_alone(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	memcpy(scene.settings.offered.auth, "LOGIN", 6);
	scene_say(&scene, "AUTH PLAIN AHUAcmlnaHQ=\r\nAUTH LOGIN dQ==\r\ncmlnaHQ=\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 504 334 235", "log_in(u right) ");
	scene_finish(&scene);
}

static void secrets_are_not_traced(void **state)
{
	struct scene scene;

	(void)state;
	scene_play(
	    &scene, "auth  plain AHUAd3Jvbmc=\r\nAUTH LOGIN\r\ndQ==\r\ncmlnaHQ=\r\nNOOP\r\n");
	assert_string_equal(buffer_string(&scene.trace),
	    ">220 host.example ESMTP test\n"
	    "<AUTH plain ***\n>535 5.7.8 wrong password\n"
	    "<AUTH LOGIN\n>334 VXNlcm5hbWU6\n<***\n>334 UGFzc3dvcmQ6\n<***\n>235 2.7.0 logged in\n"
	    "<NOOP\n>250 2.0.0 OK\n");
	scene_finish(&scene);
}

static void a_response_too_long_is_dropped(void **state)
{
	struct scene scene;
	struct buffer input;

	(void)state;
	buffer_init(&input, 20000);
	buffer_append_string(&input, "AUTH PLAIN\r\n");
	for (int i = 0; i < COMMAND_LINE_LIMIT; i++)
		buffer_append_byte(&input, 'A');
	buffer_append_string(&input, "\r\nNOOP\r\n");
	scene_play(&scene, buffer_string(&input));
	scene_expect(&scene, "220 334 500 250", "");
	buffer_finish(&input);
	scene_finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins_follow_the_table),
		cmocka_unit_test(challenges_are_what_clients_know),
		cmocka_unit_test(a_login_opens_the_door),
		cmocka_unit_test(clear_text_is_refused_where_tls_is_wanted),
		cmocka_unit_test(one_mechanism_may_be_offered_alone),
		cmocka_unit_test(secrets_are_not_traced),
		cmocka_unit_test(a_response_too_long_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
