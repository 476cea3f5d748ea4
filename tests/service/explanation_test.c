/* SPDX-License-Identifier: MIT */

/* Tests service/explanation.c: what is found, what the smarthost says to it, and to whom. */

#include "service/explanation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/support/cmocka.h"

static char domain[] = "d.example";
static char place[] = "/etc/m.conf";
static char title[] = "provider";
static char folder[] = "/tmp/mailchute-explanation-XXXXXX";

struct scene {
	struct config config;
	struct config_smarthost smarthost;
	struct buffer lines;
	char secrets[100];
	/* What the worker says, all at once. */
	struct result results[4];
	struct error refusal; /* why there is no worker; kind NONE: there is one */
	struct channel peer;
	size_t starts;
	enum error_kind status;
	struct error error;
};

static void start(struct scene *scene)
{
	struct error error;

	*scene = (struct scene){ .peer = { .fd = -1 } };
	buffer_init(&scene->lines, 1 << 20);
	snprintf(scene->secrets, sizeof scene->secrets, "%s/secrets.ini", folder);
	smarthost_init(&scene->smarthost.parameters);
	scene->smarthost.parameters.name = memory_copy_string(title);
	scene->smarthost.secret = title;
	scene->smarthost.place = (struct config_place){ place, 1 };
	assert_int_equal(smarthost_set_url(&scene->smarthost.parameters,
			     span_from_string("smtp://h.example"), &error),
	    0);
	scene->config = (struct config){
		.domain = domain,
		.smarthosts = &scene->smarthost,
		.smarthost_count = 1,
		.secrets_file = scene->secrets,
		.timeout = 200,
	};
}

static void stop(struct scene *scene)
{
	channel_finish(&scene->peer);
	buffer_finish(&scene->lines);
	smarthost_finish(&scene->smarthost.parameters);
	(void)unlink(scene->secrets);
}

static void write_secrets(const struct scene *scene, const char *text, mode_t mode)
{
	FILE *file = fopen(scene->secrets, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(scene->secrets, mode), 0);
}

static bool keep(void *context, struct span line)
{
	struct scene *scene = context;

	buffer_append_span(&scene->lines, line);
	buffer_append_byte(&scene->lines, '\n');
	return true;
}

static int start_worker(void *context, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error)
{
	struct scene *scene = context;
	int ends[2];

	scene->starts++;
	assert_ptr_equal(smarthost, &scene->smarthost);
	if (scene->refusal.kind != ERROR_NONE) {
		*error = scene->refusal;
		return -1;
	}
	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(worker, ends[0]);
	channel_init_take_fd(&scene->peer, ends[1]);
	for (size_t i = 0; i < 4 && scene->results[i].kind != 0; i++) {
		struct buffer message CLEANUP(buffer_finish) = { .limit = CHANNEL_LIMIT };

		result_encode(&scene->results[i], &message);
		assert_int_equal(channel_send(&scene->peer, buffer_span(&message), -1), 0);
	}
	/* So that nobody waits for a worker's farewell. */
	(void)channel_finish(&scene->peer);
	scene->peer.fd = -1;
	return 0;
}

static int run(struct scene *scene, struct explanation_question question)
{
	question.config = &scene->config;
	if (question.complete_sender == NULL)
		question.complete_sender = "me@x.example";
	if (question.recipient == NULL)
		question.recipient = "a@b.example";
	return explanation_run(&question, keep, scene, &scene->status, &scene->error);
}

static bool has(const struct scene *scene, const char *words)
{
	return strstr(buffer_string((struct buffer *)(uintptr_t)&scene->lines), words) != NULL;
}

static void expect(const struct scene *scene, const char *name, const char *words)
{
	if (!has(scene, words))
		fail_msg("%s: no \"%s\" in:\n%.*s", name, words, (int)scene->lines.length,
		    scene->lines.start);
}

static void the_login_is_for_the_administrator(void **state)
{
	(void)state;
	for (int is_administrator = 0; is_administrator < 2; is_administrator++) {
		struct scene scene;

		start(&scene);
		write_secrets(
		    &scene, "[provider]\nuser = us@x.example\npassword = Tr0ub4dor\n", 0600);
		assert_int_equal(
		    run(&scene,
			(struct explanation_question){ .is_administrator = is_administrator != 0 }),
		    0);
		assert_int_equal(has(&scene, "login as us@x.example"), is_administrator);
		assert_int_equal(has(&scene, "with a login"), !is_administrator);
		assert_false(has(&scene, "Tr0ub4dor"));
		assert_int_equal(scene.status, ERROR_NONE);
		stop(&scene);
	}
}

/* The login is the from where none is written. */
static void the_account_decides_about_the_sender(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	write_secrets(&scene, "[provider]\nuser = us@x.example\npassword = p\n", 0600);
	assert_int_equal(
	    run(&scene, (struct explanation_question){ .complete_sender = "root@web1" }), 0);
	expect(&scene, "from", "    sender root@web1 goes as us@x.example, because ");
	stop(&scene);
}

static void an_unreadable_login_is_the_error_of_the_message(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	write_secrets(&scene, "[provider]\nuser = us@x.example\n", 0600);
	assert_int_equal(run(&scene, (struct explanation_question){ 0 }), -1);
	assert_int_equal(scene.error.kind, ERROR_CONFIG);
	assert_int_equal(scene.lines.length, 0);
	/* Whoever looks at the settings alone is told so, and all the rest. */
	assert_int_equal(run(&scene, (struct explanation_question){ .may_lack_login = true }), 0);
	expect(&scene, "lack", "the login cannot be read: ");
	expect(&scene, "lack", "[provider] has no password");
	stop(&scene);
}

static void nothing_is_said_before_an_error(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene);
	scene.config.smarthost_count = 0;
	assert_int_equal(run(&scene, (struct explanation_question){ 0 }), -1);
	assert_int_equal(scene.error.kind, ERROR_CONFIG);
	scene.config.smarthost_count = 1;
	scene.config.aliases_file = folder;
	assert_int_equal(run(&scene, (struct explanation_question){ 0 }), -1);
	assert_int_equal(scene.lines.length, 0);
	stop(&scene);
}

#define VERIFIED(number, enhanced, words) \
	{ \
		.kind = RESULT_VERIFIED, .code = number, .status = enhanced, .text = words \
	}

static void replies_to_vrfy_have_their_meaning(void **state)
{
	static const struct row {
		struct result result;
		enum error_kind status;
		const char *line;
	} rows[] = {
		{ VERIFIED(250, "2.1.5", "250 2.1.5 yes"), ERROR_NONE,
		    "a@b.example... is known to h.example:25: 250 2.1.5 yes\n" },
		{ VERIFIED(251, "", "251 moved"), ERROR_NONE,
		    "a@b.example... is forwarded by h.example:25: 251 moved\n" },
		{ VERIFIED(252, "", "252 send and see"), ERROR_NONE,
		    "a@b.example... may be known or not to h.example:25: 252 send and see\n" },
		{ VERIFIED(550, "5.1.1", "550 5.1.1 nobody"), ERROR_NO_USER,
		    "a@b.example... is refused by h.example:25: 550 5.1.1 nobody\n" },
		{ VERIFIED(550, "", "550 nobody"), ERROR_NO_USER, "is refused by" },
		{ VERIFIED(551, "5.1.6", "551 5.1.6 gone"), ERROR_NO_USER, "is refused by" },
		{ VERIFIED(553, "5.1.2", "553 5.1.2 no such host"), ERROR_NO_HOST,
		    "is refused by" },
		{ VERIFIED(550, "5.7.1", "550 5.7.1 no"), ERROR_NO_PERMISSION, "is refused by" },
		{ VERIFIED(502, "5.5.1", "502 5.5.1 no"), ERROR_NONE,
		    "a@b.example... cannot be asked about: there is no VRFY at h.example:25: "
		    "502 " },
		{ VERIFIED(500, "", "500 what?"), ERROR_NONE, "there is no VRFY at" },
		{ VERIFIED(450, "4.2.0", "450 4.2.0 later"), ERROR_NONE, "may be known or not" },
		{ VERIFIED(554, "", "554 no"), ERROR_NONE, "may be known or not" },
		{ { .kind = RESULT_LOST,
		      .error = { .kind = ERROR_NO_PERMISSION,
			  .status = "5.7.8",
			  .text = "h.example refused AUTH",
			  .next = "mend it" } },
		    ERROR_NO_PERMISSION,
		    "    h.example:25 could not be asked: h.example refused AUTH; mend it\n" },
		{ { .kind = RESULT_DONE }, ERROR_SOFTWARE, "could not be asked" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		start(&scene);
		scene.results[0] = rows[i].result;
		const struct inquirer_source source = { start_worker, &scene };
		assert_int_equal(
		    run(&scene, (struct explanation_question){ .is_administrator = true,
				    .inquirer = &source }),
		    0);
		expect(&scene, "VRFY", rows[i].line);
		if (scene.status != rows[i].status)
			fail_msg("%s: %d", rows[i].line, (int)scene.status);
		expect(&scene, "and all else", "a@b.example... deliverable: ");
		stop(&scene);
	}
}

static void the_conversation_stands_before_the_verdict(void **state)
{
	struct scene scene;
	const struct inquirer_source source = { start_worker, &scene };

	(void)state;
	start(&scene);
	scene.results[0] = (struct result){ .kind = RESULT_READY, .text = "peer" };
	scene.results[1] = (struct result){
		.kind = RESULT_TRACE, .direction = '<', .elapsed = 132, .text = "220 hello"
	};
	scene.results[2] = (struct result)VERIFIED(250, "2.1.5", "250 2.1.5 yes");
	assert_int_equal(run(&scene, (struct explanation_question){ .is_administrator = true,
					 .inquirer = &source }),
	    0);
	expect(&scene, "trace", "      0.132 < 220 hello\na@b.example... is known to ");
	stop(&scene);
}

/* The first refusal counts; after trouble nobody else is asked. */
static void several_recipients_are_asked_in_one_session(void **state)
{
	static char *targets[] = { (char *)"a@b.example", (char *)"c@d.example",
		(char *)"e@f.example" };
	struct config_alias alias = { (char *)"ops", targets, 3, { place, 2 } };
	struct scene scene;
	const struct inquirer_source source = { start_worker, &scene };

	(void)state;
	start(&scene);
	scene.config.aliases = &alias;
	scene.config.alias_count = 1;
	scene.results[0] = (struct result)VERIFIED(250, "2.1.5", "250 2.1.5 yes");
	scene.results[1] = (struct result)VERIFIED(553, "5.1.2", "553 5.1.2 no");
	scene.results[2] = (struct result)VERIFIED(550, "5.1.1", "550 5.1.1 no");
	assert_int_equal(run(&scene, (struct explanation_question){ .is_administrator = true,
					 .recipient = "ops",
					 .inquirer = &source }),
	    0);
	expect(&scene, "one", "a@b.example... is known to");
	expect(&scene, "two", "c@d.example... is refused by");
	expect(&scene, "three", "e@f.example... is refused by");
	assert_int_equal(scene.status, ERROR_NO_HOST);
	assert_int_equal(scene.starts, 1);
	stop(&scene);
}

static void only_the_administrator_has_the_smarthost_asked(void **state)
{
	struct scene scene;
	const struct inquirer_source source = { start_worker, &scene };

	(void)state;
	start(&scene);
	assert_int_equal(run(&scene, (struct explanation_question){ .inquirer = &source }), 0);
	expect(&scene, "others", "for root and the service's own user alone");
	assert_int_equal(scene.starts, 0);
	assert_int_equal(scene.status, ERROR_NONE);
	stop(&scene);
}

static void without_a_worker_it_says_why(void **state)
{
	struct scene scene;
	const struct inquirer_source source = { start_worker, &scene };

	(void)state;
	start(&scene);
	error_set(&scene.refusal, ERROR_CONFIG, "4.3.5", "cannot read s.ini");
	assert_int_equal(run(&scene, (struct explanation_question){ .is_administrator = true,
					 .inquirer = &source }),
	    0);
	expect(&scene, "why", "    h.example:25 could not be asked: cannot read s.ini\n");
	assert_int_equal(scene.status, ERROR_CONFIG);
	stop(&scene);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* As it is when a message is received. */
static void the_owner_of_a_list_is_the_sender_that_must_be_allowed(void **state)
{
	static char allowed[] = "*@d.example";
	static char *patterns[] = { allowed };
	static char list[] = "list", member[] = "a@b.example", owner[] = "owner-list",
		    me[] = "me@d.example";
	static char *members[] = { member };
	static char *owners[] = { me };
	struct config_alias aliases[] = {
		{ .name = list, .targets = members, .target_count = 1, .place = { place, 1 } },
		{ .name = owner, .targets = owners, .target_count = 1, .place = { place, 2 } },
	};
	struct scene scene;

	(void)state;
	start(&scene);
	scene.config.aliases = aliases;
	scene.config.alias_count = 2;
	scene.smarthost.parameters.from_policy = SMARTHOST_FROM_REJECT;
	scene.smarthost.parameters.from_allow = patterns;
	scene.smarthost.parameters.from_allow_count = 1;
	if (run(&scene, (struct explanation_question){ .recipient = list }) < 0)
		fail_msg("%s", scene.error.text);
	assert_int_equal(run(&scene, (struct explanation_question){ .recipient = member }), -1);
	scene.smarthost.parameters.from_allow = NULL;
	scene.smarthost.parameters.from_allow_count = 0;
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_login_is_for_the_administrator),
		cmocka_unit_test(the_account_decides_about_the_sender),
		cmocka_unit_test(an_unreadable_login_is_the_error_of_the_message),
		cmocka_unit_test(nothing_is_said_before_an_error),
		cmocka_unit_test(replies_to_vrfy_have_their_meaning),
		cmocka_unit_test(the_conversation_stands_before_the_verdict),
		cmocka_unit_test(several_recipients_are_asked_in_one_session),
		cmocka_unit_test(only_the_administrator_has_the_smarthost_asked),
		cmocka_unit_test(without_a_worker_it_says_why),
		cmocka_unit_test(the_owner_of_a_list_is_the_sender_that_must_be_allowed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
