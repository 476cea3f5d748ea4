/* SPDX-License-Identifier: MIT */

/* Tests policy/explain.c. */

#include "policy/explain.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

static char domain[] = "d.example";
static char domain_source[] = "/etc/mailname";
static char file[] = "/etc/m.conf";
static char *to_one[] = { (char *)"me@y.example" };
static char *to_two[] = { (char *)"bob", (char *)"you@z.example" };
static char *to_self[] = { (char *)"loop" };
static char *to_rest[] = { (char *)"root" };
static struct alias entries[] = {
	{ (char *)"root", to_one, 1, (char *)"/etc/aliases line 3" },
	{ (char *)"ops", to_two, 2, (char *)"/etc/m.conf line 7" },
	{ (char *)"loop", to_self, 1, (char *)"/etc/aliases line 4" },
	{ (char *)"*", to_rest, 1, (char *)"/etc/m.conf line 8" },
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

static void set_url(struct config_smarthost *smarthost, const char *url)
{
	struct error error;

	smarthost_init(&smarthost->parameters);
	smarthost->parameters.name = memory_copy_string("provider");
	smarthost->place = (struct config_place){ file, 1 };
	assert_int_equal(
	    smarthost_set_url(&smarthost->parameters, span_from_string(url), &error), 0);
}

static bool keep_line(void *context, struct span line)
{
	struct buffer *text = context;

	buffer_append_span(text, line);
	buffer_append_byte(text, '\n');
	return true;
}

struct scene {
	struct config_smarthost smarthosts[2];
	struct config config;
	struct aliases aliases;
	struct explain explain;
	struct buffer text;
	struct error error;
};

static void start(struct scene *scene, const char *url, size_t aliases)
{
	*scene = (struct scene){ 0 };
	buffer_init(&scene->text, 1 << 20);
	set_url(&scene->smarthosts[0], url);
	set_url(&scene->smarthosts[1], "smtp://other.example");
	scene->config = (struct config){
		.domain = domain,
		.domain_source = domain_source,
		.smarthosts = scene->smarthosts,
		.smarthost_count = 1,
	};
	scene->aliases = (struct aliases){ .entries = entries, .count = aliases };
}

static void stop(struct scene *scene)
{
	smarthost_finish(&scene->smarthosts[0].parameters);
	smarthost_finish(&scene->smarthosts[1].parameters);
	explain_finish(&scene->explain);
	buffer_finish(&scene->text);
}

static int find(struct scene *scene, const char *given, const char *sender, const char *recipient)
{
	const struct explain_question question = {
		.config = &scene->config,
		.aliases = &scene->aliases,
		.sender = given,
		.complete_sender = sender,
		.recipient = recipient,
		.uid = 33,
	};

	return explain_find(&scene->explain, &question, &scene->error);
}

/* The account as the settings have it, with this login. */
static void write_lines(struct scene *scene, const char *user, bool is_shown)
{
	struct smarthost known = { 0 };

	smarthost_copy(&scene->smarthosts[0].parameters, &known);
	if (user != NULL)
		known.user = memory_copy_string(user);
	const struct explain_login login = { .known = &known, .is_shown = is_shown };
	buffer_clear(&scene->text);
	explain_write(&scene->explain, &login, keep_line, &scene->text);
	smarthost_finish(&known);
}

static void expect(struct scene *scene, const char *name, const char *line)
{
	CLEANUP(memory_free_string) char *text = span_copy(buffer_span(&scene->text));
	CLEANUP(memory_free_string) char *with_ends = memory_format("\n%s\n", line);
	CLEANUP(memory_free_string) char *all = memory_format("\n%s", text);

	if (strstr(all, with_ends) == NULL)
		fail_msg("%s: no line \"%s\" in:\n%s", name, line, text);
}

#define RELAY "... deliverable: mailer relay, host smtp.example.com, user "

static void recipients_are_followed_to_their_end(void **state)
{
	static const struct row {
		const char *name;
		const char *recipient;
		size_t aliases;
		const char *want; /* the lines before those of the smarthost */
	} rows[] = {
		{ "a full address", "A@b.example", ENTRIES, "A@b.example" RELAY "A@b.example\n" },
		{ "an alias", "Root", ENTRIES,
		    "Root... aliased to me@y.example (/etc/aliases line 3)\n"
		    "me@y.example" RELAY "me@y.example\n" },
		{ "a list, one of them caught by the rest", "ops", ENTRIES,
		    "ops... aliased to bob, you@z.example (/etc/m.conf line 7)\n"
		    "bob... aliased to root (alias \"*\" in /etc/m.conf line 8)\n"
		    "root... aliased to me@y.example (/etc/aliases line 3)\n"
		    "me@y.example" RELAY "me@y.example\n"
		    "you@z.example" RELAY "you@z.example\n" },
		{ "no alias", "bob", 2,
		    "bob... completed to bob@d.example (the domain is from /etc/mailname)\n"
		    "bob@d.example" RELAY "bob@d.example\n" },
		{ "this host", "bob@localhost", 2,
		    "bob@localhost... completed to bob@d.example "
		    "(that domain is this machine; the domain is from /etc/mailname)\n"
		    "bob@d.example" RELAY "bob@d.example\n" },
		{ "this host, an alias", "root@localhost", 2,
		    "root@localhost... aliased to me@y.example (/etc/aliases line 3)\n"
		    "me@y.example" RELAY "me@y.example\n" },
		{ "itself", "loop", 3,
		    "loop... aliased to loop (/etc/aliases line 4)\n"
		    "loop... completed to loop@d.example (the domain is from /etc/mailname)\n"
		    "loop@d.example" RELAY "loop@d.example\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		start(&scene, "smtp+tls://smtp.example.com", rows[i].aliases);
		if (find(&scene, NULL, "s@x.example", rows[i].recipient) != 0)
			fail_msg("%s: %s", rows[i].name, scene.error.text);
		write_lines(&scene, NULL, true);
		const char *text = buffer_string(&scene.text);
		if (strncmp(text, rows[i].want, strlen(rows[i].want)) != 0 ||
		    strncmp(text + strlen(rows[i].want), "    smarthost ", 14) != 0)
			fail_msg("%s:\n%s", rows[i].name, text);
		stop(&scene);
	}
}

static void the_smarthost_is_shown(void **state)
{
	static const struct row {
		const char *url;
		const char *user;
		bool is_shown;
		const char *want;
	} rows[] = {
		{ "smtp+tls://smtp.example.com", "u@x.example", true,
		    "    connection to smtp.example.com:587 with STARTTLS or not at all, "
		    "login as u@x.example" },
		{ "smtps://smtp.example.com", "u@x.example", false,
		    "    connection to smtp.example.com:465 with TLS from the first octet, "
		    "with a login" },
		{ "smtp://smtp.example.com", NULL, true,
		    "    connection to smtp.example.com:25 with STARTTLS if it is offered, "
		    "no login" },
		{ "smtp://smtp.example.com", "u", true,
		    "    connection to smtp.example.com:25 with STARTTLS or not at all, because "
		    "there is a login, login as u" },
		{ "smtp://localhost", "u", true,
		    "    connection to localhost:25 with STARTTLS if it is offered, login as u" },
		{ "smtp+notls://[2001:db8::1]:2525", "", true,
		    "    connection to [2001:db8::1]:2525 without TLS, login by certificate" },
		{ "lmtp+unix:///run/lmtp", NULL, true,
		    "    connection to /run/lmtp without TLS, no login" },
		{ "lmtp+unix:///run/lmtp", NULL, true,
		    "a@b.example... deliverable: mailer lmtp, host /run/lmtp, user a@b.example" },
		{ "smtp://h.example", NULL, true,
		    "    smarthost \"provider\", the only smarthost (/etc/m.conf line 1): "
		    "smtp://h.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		start(&scene, rows[i].url, ENTRIES);
		assert_int_equal(find(&scene, NULL, "s@x.example", "a@b.example"), 0);
		write_lines(&scene, rows[i].user, rows[i].is_shown);
		expect(&scene, rows[i].url, rows[i].want);
		if (!rows[i].is_shown)
			assert_null(strstr(buffer_string(&scene.text), rows[i].user));
		stop(&scene);
	}
}

static void the_first_of_several_is_chosen(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, "smtp://h.example", ENTRIES);
	scene.config.smarthost_count = 2;
	assert_int_equal(find(&scene, NULL, "", "a@b.example"), 0);
	write_lines(&scene, NULL, true);
	expect(&scene, "two",
	    "    smarthost \"provider\", the first smarthost (/etc/m.conf line 1): "
	    "smtp://h.example");
	stop(&scene);
}

#define IN_FROM \
	"    From, Sender and Resent-From with such an address get f@x.example in its place, too"

static void senders_are_judged(void **state)
{
	static const struct row {
		const char *name;
		const char *given;
		const char *complete;
		const char *from;
		const char *want;
		const char *also;
	} rows[] = {
		{ "a good one", "a@b.example", "a@b.example", "f@x.example",
		    "    sender a@b.example stays as it is, because it may be an address of the "
		    "world",
		    NULL },
		{ "a bad one", "root@web1", "root@web1", "f@x.example",
		    "    sender root@web1 goes as f@x.example, because no smarthost takes a domain "
		    "without a dot",
		    IN_FROM },
		{ "this host", "a@localhost.localdomain", "a@localhost.localdomain", "f@x.example",
		    "    sender a@localhost.localdomain goes as f@x.example, because no smarthost "
		    "takes this machine's own name",
		    IN_FROM },
		{ "no from", "root@web1", "root@web1", NULL,
		    "    sender root@web1 stays as it is, because no \"from\" is configured that "
		    "could take its place",
		    NULL },
		{ "null", "", "", "f@x.example",
		    "    sender <> stays as it is, because the null sender is never changed",
		    NULL },
		{ "a literal", "a@[192.0.2.1]", "a@[192.0.2.1]", "f@x.example",
		    "    sender a@[192.0.2.1] stays as it is, because it may be an address of the "
		    "world",
		    NULL },
		{ "completed", "root", "root@d.example", NULL,
		    "    sender root@d.example: root, its domain from /etc/mailname",
		    "    sender root@d.example stays as it is, because it may be an address of the "
		    "world" },
		{ "the caller's own", NULL, "www@d.example", NULL,
		    "    sender www@d.example: the caller's own name, its domain from "
		    "/etc/mailname",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		start(&scene, "smtp://h.example", ENTRIES);
		if (rows[i].from != NULL)
			scene.smarthosts[0].parameters.from = memory_copy_string(rows[i].from);
		assert_int_equal(find(&scene, rows[i].given, rows[i].complete, "a@b.example"), 0);
		write_lines(&scene, NULL, true);
		expect(&scene, rows[i].name, rows[i].want);
		if (rows[i].also != NULL)
			expect(&scene, rows[i].name, rows[i].also);
		bool is_changed = strstr(buffer_string(&scene.text), " goes as ") != NULL;
		assert_int_equal(
		    strstr(buffer_string(&scene.text), "    From, ") != NULL, is_changed);
		stop(&scene);
	}
}

static void what_cannot_be_sent_gives_its_error(void **state)
{
	static const struct row {
		const char *name;
		const char *sender;
		const char *recipient;
		size_t smarthosts;
		enum error_kind kind;
		const char *status;
	} rows[] = {
		{ "no smarthost", "", "a@b.example", 0, ERROR_CONFIG, "4.3.5" },
		{ "a malformed recipient", "", "a b", 1, ERROR_DATA, "5.1.3" },
		{ "no recipient", "", "", 1, ERROR_DATA, "5.1.3" },
		{ "a malformed sender", "a b", "a@b.example", 1, ERROR_DATA, "5.1.3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		start(&scene, "smtp://h.example", ENTRIES);
		scene.config.smarthost_count = rows[i].smarthosts;
		assert_int_equal(find(&scene, NULL, rows[i].sender, rows[i].recipient), -1);
		print_message("  %s: %s\n", rows[i].name, scene.error.text);
		assert_int_equal(scene.error.kind, rows[i].kind);
		assert_string_equal(scene.error.status, rows[i].status);
		assert_null(scene.explain.sender_complete);
		stop(&scene);
	}
}

static void a_login_that_cannot_be_read_is_said(void **state)
{
	struct scene scene;
	struct error fault;

	(void)state;
	start(&scene, "smtp://h.example", ENTRIES);
	scene.aliases.fault = (char *)"/etc/aliases line 9: it is wrong";
	assert_int_equal(find(&scene, NULL, "a@web1", "a@b.example"), 0);
	error_set(&fault, ERROR_CONFIG, "4.3.5", "cannot read /etc/s.ini");
	const struct explain_login login = { .fault = &fault, .is_shown = true };
	explain_write(&scene.explain, &login, keep_line, &scene.text);
	expect(&scene, "fault",
	    "    connection to h.example:25 with STARTTLS if it is offered, the login cannot be "
	    "read: cannot read /etc/s.ini");
	expect(&scene, "aliases", "    warning: /etc/aliases line 9: it is wrong");
	stop(&scene);
}

static bool stop_at_once(void *context, struct span line)
{
	size_t *count = context;

	(void)line;
	(*count)++;
	return false;
}

static void a_reader_may_have_enough(void **state)
{
	struct scene scene;
	size_t count = 0;

	(void)state;
	start(&scene, "smtp://h.example", ENTRIES);
	assert_int_equal(find(&scene, NULL, "a@web1", "ops"), 0);
	const struct explain_login login = { .known = &scene.smarthosts[0].parameters };
	explain_write(&scene.explain, &login, stop_at_once, &count);
	assert_int_equal(count, 1);
	stop(&scene);
}

static void a_long_list_is_cut(void **state)
{
	static char *targets[100];
	struct alias many = { (char *)"many", targets, 100, (char *)"f line 1" };
	struct scene scene;

	(void)state;
	start(&scene, "smtp://h.example", ENTRIES);
	for (size_t i = 0; i < 100; i++)
		targets[i] = memory_format("n%zu@b.example", i);
	scene.aliases = (struct aliases){ .entries = &many, .count = 1 };
	assert_int_equal(find(&scene, NULL, "", "many"), 0);
	write_lines(&scene, NULL, true);
	const char *text = buffer_string(&scene.text);
	assert_non_null(strstr(text, ", n19@b.example and 80 more (f line 1)\n"));
	assert_non_null(strstr(text, "\nn99@b.example... deliverable: "));
	stop(&scene);
	for (size_t i = 0; i < 100; i++)
		free(targets[i]);
}

static int refuse(void *context, const char *sender, struct route_list *list, struct error *error)
{
	const char *name = context;

	(void)sender;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->smarthosts[i]->parameters.name, name) == 0)
			return error_set(error, ERROR_NO_PERMISSION, "5.7.1", "not by %s", name);
	return 0;
}

static void a_whole_envelope_is_explained(void **state)
{
	struct scene scene;
	struct envelope given = { 0 };
	char name[] = "provider";
	struct explain_question question = { .given = &given, .uid = 33 };

	(void)state;
	start(&scene, "smtp://h.example", ENTRIES);
	question.config = &scene.config;
	question.aliases = &scene.aliases;
	assert_int_equal(
	    envelope_set_sender(&given, span_from_string("a@b.example"), &scene.error), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(envelope_add_recipient(&given,
				     span_from_string(i == 0 ? "root" : "x@y.example"),
				     (struct span){ 0 }, 0, &scene.error),
		    0);
	assert_int_equal(explain_find(&scene.explain, &question, &scene.error), 0);
	write_lines(&scene, NULL, false);
	expect(&scene, "both", "root... aliased to me@y.example (/etc/aliases line 3)");
	expect(&scene, "both",
	    "me@y.example... deliverable: mailer relay, host h.example, user me@y.example");
	expect(&scene, "both",
	    "x@y.example... deliverable: mailer relay, host h.example, user x@y.example");
	expect(&scene, "the policy", "    from_policy is \"auto\"");
	explain_finish(&scene.explain);
	question.filter = refuse;
	question.filter_context = name;
	assert_int_equal(explain_find(&scene.explain, &question, &scene.error), -1);
	assert_string_equal(scene.error.text, "me@y.example: not by provider");
	envelope_finish(&given);
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_are_followed_to_their_end),
		cmocka_unit_test(the_smarthost_is_shown),
		cmocka_unit_test(the_first_of_several_is_chosen),
		cmocka_unit_test(senders_are_judged),
		cmocka_unit_test(what_cannot_be_sent_gives_its_error),
		cmocka_unit_test(a_login_that_cannot_be_read_is_said),
		cmocka_unit_test(a_reader_may_have_enough),
		cmocka_unit_test(a_long_list_is_cut),
		cmocka_unit_test(a_whole_envelope_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
