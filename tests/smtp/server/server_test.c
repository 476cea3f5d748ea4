/* SPDX-License-Identifier: MIT */

/* Tests smtp/server/server.c. */

#include "smtp/server/server.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/smtp/server/scene.h"

#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<c@d.example>\r\n"
#define LETTER "From: a\r\n\r\nhello\r\n"

/* Sessions that must come out the same however their octets arrive. */
static const struct row {
	const char *name;
	const char *input;
	const char *codes;
	const char *events;
	int outcome;
} rows[] = {
	{ "nothing", "", "220", "", 1 },
	{ "QUIT at once", "QUIT\r\nNOOP\r\n", "220 221", "", 0 },
	{ "one letter by DATA", "EHLO me\r\n" MAIL RCPT "DATA\r\n" LETTER ".\r\nQUIT\r\n",
	    "220 250 250 250 354 250 221",
	    "mail(a@b.example) rcpt(c@d.example) begin end(" LETTER ") reset ", 0 },
	{ "one letter by BDAT", "EHLO me\r\n" MAIL RCPT "BDAT 18 LAST\r\n" LETTER "QUIT\r\n",
	    "220 250 250 250 250 221",
	    "mail(a@b.example) rcpt(c@d.example) begin end(" LETTER ") reset ", 0 },
	{ "two letters, the second inherits nothing",
	    "EHLO me\r\n" MAIL RCPT "DATA\r\nx\r\n.\r\n" RCPT "DATA\r\nMAIL FROM:<>\r\nDATA\r\n"
	    "RCPT TO:<e@f.example>\r\nBDAT 1 LAST\r\ny",
	    "220 250 250 250 354 250 503 503 250 503 250 250",
	    "mail(a@b.example) rcpt(c@d.example) begin end(x\r\n) reset "
	    "mail() rcpt(e@f.example) begin end(y) reset ",
	    1 },
	{ "without EHLO", MAIL RCPT "DATA\r\nx\r\n.\r\n", "220 250 250 354 250",
	    "mail(a@b.example) rcpt(c@d.example) begin end(x\r\n) reset ", 1 },
	{ "lines that end in LF",
	    "HELO me\nMAIL FROM:<>\nRCPT TO:<c@d.example>\nDATA\nx\r\n.\r\nQUIT\n",
	    "220 250 250 250 354 250 221", "mail() rcpt(c@d.example) begin end(x\r\n) reset ", 0 },
	{ "RSET drops the transaction", "EHLO me\r\n" MAIL RCPT "RSET\r\n" RCPT "DATA\r\n" MAIL,
	    "220 250 250 250 250 503 503 250",
	    "mail(a@b.example) rcpt(c@d.example) reset mail(a@b.example) reset ", 1 },
	{ "EHLO drops the transaction", MAIL RCPT "EHLO me\r\nDATA\r\n", "220 250 250 250 503",
	    "mail(a@b.example) rcpt(c@d.example) reset ", 1 },
	{ "RSET within the chunks",
	    MAIL RCPT "BDAT 3\r\nabcRSET\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
	    "220 250 250 250 250 503 250", "mail(a@b.example) rcpt(c@d.example) begin reset ", 1 },
	{ "refused recipients do not stop the others",
	    MAIL "RCPT TO:<bad@d.example>\r\n" RCPT "RCPT TO:<bad>\r\nDATA\r\nx\r\n.\r\n",
	    "220 250 550 250 550 354 250",
	    "mail(a@b.example) rcpt(bad@d.example) rcpt(c@d.example) rcpt(bad) begin end(x\r\n) "
	    "reset ",
	    1 },
	{ "no recipient is left", MAIL "RCPT TO:<bad@d.example>\r\nDATA\r\nRSET\r\n",
	    "220 250 550 554 250", "mail(a@b.example) rcpt(bad@d.example) reset ", 1 },
	{ "empty and unknown lines", "\r\n \r\nFOO bar\r\nNOOP\r\n", "220 500 500 500 250", "", 1 },
	{ "half a line at the end", "NOOP\r\nQUIT", "220 250", "", 1 },
	{ "BDAT that makes no sense ends the session", MAIL RCPT "BDAT x\r\nNOOP\r\nQUIT\r\n",
	    "220 250 250 501", "mail(a@b.example) rcpt(c@d.example) reset ", 0 },
	{ "a browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n" MAIL, "220 421", "", 0 },
	{ "a browser that posts", "NOOP\r\npost /x HTTP/1.1\r\n" MAIL, "220 250 421", "", 0 },
	{ "LMTP answers each recipient",
	    "LHLO me\r\n" MAIL RCPT "RCPT TO:<bad>\r\nRCPT TO:<e>\r\nDATA\r\nx\r\n.\r\n" MAIL RCPT
	    "BDAT 1 LAST\r\nyQUIT\r\n",
	    "220 250 250 250 550 250 354 250 250 250 250 250 221",
	    "mail(a@b.example) rcpt(c@d.example) rcpt(bad) rcpt(e) begin end(x\r\n) reset "
	    "mail(a@b.example) rcpt(c@d.example) begin end(y) reset ",
	    0 },
	{ "EHLO ends LMTP", "LHLO me\r\nEHLO me\r\n" MAIL RCPT "RCPT TO:<e>\r\nDATA\r\nx\r\n.\r\n",
	    "220 250 250 250 250 250 354 250",
	    "mail(a@b.example) rcpt(c@d.example) rcpt(e) begin end(x\r\n) reset ", 1 },
	{ "the program's own commands", "XQUEUE LIST a\r\nXEXPLAIN <> <b>\r\nVRFY c\r\n",
	    "220 250 250 252", "other(XQUEUE LIST a) other(XEXPLAIN <> <b>) other(VRFY c) ", 1 },
	{ "private parameters",
	    "MAIL FROM:<a> SIZE=7 XNAME=J+20D XSENDER=self XWAIT=disk XTRACE\r\n", "220 250",
	    "mail(a 7 'J D' self trace) reset ", 1 },
	{ "parameters of DSN",
	    "MAIL FROM:<a> RET=HDRS ENVID=x\r\n"
	    "RCPT TO:<b> NOTIFY=NEVER ORCPT=rfc822;b\r\n",
	    "220 250 250", "mail(a) rcpt(b) reset ", 1 },
	{ "what is wrong in a line stays in it",
	    MAIL "RCPT TO:<>\r\nRCPT TO:b SIZE=1\r\n"
		 "RCPT\r\nRCPT TO:<b>\r\nMAIL FROM:x\x01\r\n",
	    "220 250 553 555 501 250 500", "mail(a@b.example) rcpt(b) reset ", 1 },
};

static void expect_row(struct scene *scene, const struct row *row)
{
	scene_expect(scene, row->codes, row->events);
	assert_int_equal(scene->outcome, row->outcome);
}

static void sessions_follow_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		print_message("  %s\n", rows[i].name);
		scene_play(&scene, rows[i].input);
		expect_row(&scene, &rows[i]);
		/* The greeting in one write, all replies in another; a 354 changes nothing. */
		assert_true(scene.writes <= 2);
		scene_finish(&scene);
	}
}

static void sessions_are_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span input = span_from_string(rows[i].input);

		for (size_t cut = 0; cut <= input.length; cut++) {
			struct scene scene;

			scene_init(&scene);
			scene_add(&scene, span_first(input, cut));
			scene_add(&scene, span_after(input, cut));
			/* Octet by octet, too. */
			scene.read_size = cut == 0 ? 1 : 0;
			scene_run(&scene);
			expect_row(&scene, &rows[i]);
			scene_finish(&scene);
		}
	}
}

/* Wherever the client goes, no message is made that was not complete. */
static void the_client_may_go_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span input = span_from_string(rows[i].input);

		for (size_t cut = 0; cut < input.length; cut++) {
			struct scene scene;

			scene_init(&scene);
			scene_add(&scene, span_first(input, cut));
			scene_run(&scene);
			assert_true(scene.outcome == 0 || scene.outcome == 1);
			assert_memory_equal(
			    buffer_string(&scene.codes), rows[i].codes, scene.codes.length);
			scene_finish(&scene);
		}
	}
}

static void a_content_cut_before_its_end_is_dropped(void **state)
{
	static const char *const inputs[] = { MAIL RCPT "DATA\r\nx\r\n.\r",
		MAIL RCPT "DATA\r\nx\r\n", MAIL RCPT "BDAT 4 LAST\r\nabc",
		MAIL RCPT "BDAT 3\r\nabc", MAIL RCPT "BDAT 3\r\nabcQUIT\r\n",
		MAIL RCPT "BDAT 3\r\nabcBDAT 0 LAST" };

	(void)state;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		struct scene scene;

		scene_play(&scene, inputs[i]);
		assert_string_equal(buffer_string(&scene.events),
		    "mail(a@b.example) rcpt(c@d.example) begin reset ");
		scene_finish(&scene);
	}
}

/* Every command in every state; the octets of a chunk say QUIT, so that running them shows. */
static const char *const prefixes[] = {
	"",
	"EHLO me\r\n",
	MAIL,
	MAIL RCPT,
	MAIL RCPT "BDAT 3\r\nabc",
	MAIL RCPT "DATA\r\nx\r\n.\r\n",
	MAIL "RCPT TO:<bad>\r\n",
};

enum { STATES = sizeof prefixes / sizeof prefixes[0] };

static const struct cell {
	const char *command;
	int codes[STATES]; /* fresh, EHLO, MAIL, RCPT, chunks, message done, recipient refused */
} cells[] = {
	{ "HELO me\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ "EHLO me\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ "LHLO me\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ MAIL, { 250, 250, 503, 503, 503, 250, 503 } },
	{ RCPT, { 503, 503, 250, 250, 503, 503, 250 } },
	{ "DATA\r\n", { 503, 503, 503, 354, 503, 503, 554 } },
	{ "BDAT 6\r\nQUIT\r\n", { 503, 503, 503, 250, 250, 503, 554 } },
	{ "BDAT 6 LAST\r\nQUIT\r\n", { 503, 503, 503, 250, 250, 503, 554 } },
	{ "BDAT 0\r\n", { 503, 503, 503, 250, 250, 503, 554 } },
	{ "BDAT 0 LAST\r\n", { 503, 503, 503, 250, 250, 503, 554 } },
	{ "RSET\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ "NOOP\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ "VRFY x\r\n", { 252, 252, 252, 252, 252, 252, 252 } },
	{ "EXPN x\r\n", { 502, 502, 502, 502, 502, 502, 502 } },
	{ "HELP\r\n", { 214, 214, 214, 214, 214, 214, 214 } },
	{ "STARTTLS\r\n", { 220, 220, 220, 220, 220, 220, 220 } },
	{ "AUTH PLAIN AHUAcmlnaHQ=\r\n", { 235, 235, 503, 503, 503, 235, 503 } },
	{ "XQUEUE LIST\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ "XEXPLAIN <a> <b>\r\n", { 250, 250, 250, 250, 250, 250, 250 } },
	{ "FOO\r\n", { 500, 500, 500, 500, 500, 500, 500 } },
	{ "MAIL\r\n", { 501, 501, 501, 501, 501, 501, 501 } },
	{ "RCPT\r\n", { 501, 501, 501, 501, 501, 501, 501 } },
};

/* The code that follows those of the prefix. */
static int code_at(struct scene *scene, size_t index)
{
	struct span rest = buffer_span(&scene->codes);
	struct span word = { 0 };
	uint64_t code = 0;

	for (size_t i = 0; i <= index; i++)
		assert_true(span_take_word(&rest, &word));
	assert_true(span_to_number(word, &code));
	return (int)code;
}

static size_t count_codes(const char *input)
{
	struct scene scene;
	size_t count = 1;

	scene_play(&scene, input);
	for (const char *p = buffer_string(&scene.codes); *p != '\0'; p++)
		count += *p == ' ';
	scene_finish(&scene);
	return count;
}

static void every_command_in_every_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
		for (size_t j = 0; j < STATES; j++) {
			struct scene scene;
			size_t before = count_codes(prefixes[j]);

			print_message("  %zu: %s", j, cells[i].command);
			scene_init(&scene);
			scene_say(&scene, prefixes[j]);
			scene_say(&scene, cells[i].command);
			if (cells[i].codes[j] == 354)
				scene_say(&scene, ".\r\n");
			scene_say(&scene, "NOOP\r\nQUIT\r\n");
			scene_run(&scene);
			assert_int_equal(code_at(&scene, before), cells[i].codes[j]);
			/* Whatever it was, the session is in step afterwards. */
			before += cells[i].codes[j] == 354;
			assert_int_equal(code_at(&scene, before + 1), 250);
			assert_int_equal(code_at(&scene, before + 2), 221);
			assert_int_equal(scene.outcome, 0);
			scene_finish(&scene);
		}
}

/* What is said in the middle of the chunks ends them: no message without its first part. */
static void chunks_that_were_disturbed_are_never_joined(void **state)
{
	static const char *const between[] = { MAIL, RCPT, "DATA\r\n", "RSET\r\n", "EHLO me\r\n",
		"HELO me\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof between / sizeof between[0]; i++) {
		struct scene scene;

		scene_init(&scene);
		scene_say(&scene, MAIL RCPT "BDAT 3\r\nabc");
		scene_say(&scene, between[i]);
		scene_say(&scene, "BDAT 6 LAST\r\nQUIT\r\n" RCPT "NOOP\r\n");
		scene_run(&scene);
		assert_null(strstr(buffer_string(&scene.events), "end("));
		assert_int_equal(scene.outcome, 1);
		scene_finish(&scene);
	}
}

static void the_greeting_and_what_is_offered(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.offered.size_limit = 1000;
	scene_say(&scene, "EHLO me\r\nHELO me\r\n");
	scene_run(&scene);
	assert_string_equal(buffer_string(&scene.output),
	    "220 host.example ESMTP test\r\n"
	    "250-host.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
	    "250-CHUNKING\r\n250-XMAILCHUTE\r\n250 AUTH PLAIN LOGIN\r\n"
	    "250 host.example\r\n");
	scene_finish(&scene);
}

static void what_is_not_offered_is_refused(void **state)
{
	static const struct refused {
		const char *input;
		const char *codes;
	} refused[] = {
		{ "EHLO me\r\nNOOP\r\n", "220 250 250" },
		{ "MAIL FROM:<a> SIZE=1\r\n", "220 555" },
		{ "MAIL FROM:<a> BODY=8BITMIME\r\n", "220 555" },
		{ "MAIL FROM:<a> SMTPUTF8\r\n", "220 555" },
		{ "MAIL FROM:<a> RET=FULL\r\n", "220 555" },
		{ "MAIL FROM:<a> ENVID=x\r\n", "220 555" },
		{ "MAIL FROM:<a> XNAME=x\r\n", "220 555" },
		{ "MAIL FROM:<a> XSENDER=self\r\n", "220 555" },
		{ "MAIL FROM:<a> XWAIT=disk\r\n", "220 555" },
		{ "MAIL FROM:<a> XTRACE\r\n", "220 555" },
		{ MAIL "RCPT TO:<b> NOTIFY=NEVER\r\nDATA\r\n", "220 250 555 554" },
		{ MAIL "RCPT TO:<b> ORCPT=rfc822;b\r\n", "220 250 555" },
		{ MAIL RCPT "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "220 250 250 502 250" },
		{ "STARTTLS\r\nNOOP\r\n", "220 502 250" },
		{ "AUTH PLAIN AHUAcmlnaHQ=\r\n", "220 502" },
		{ "XQUEUE LIST\r\nXEXPLAIN <a> <b>\r\n", "220 502 502" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct scene scene;

		print_message("  %s", refused[i].input);
		scene_init(&scene);
		scene.settings.offered = (struct extensions){ 0 };
		scene_say(&scene, refused[i].input);
		scene_run(&scene);
		assert_string_equal(buffer_string(&scene.codes), refused[i].codes);
		/* Nor is an enhanced status shown. */
		assert_null(strstr(buffer_string(&scene.output), "5.5."));
		assert_null(strstr(buffer_string(&scene.output), "2.0.0"));
		scene_finish(&scene);
	}
}

static void callbacks_refuse(void **state)
{
	static const struct refusal {
		const char *who;
		int code;
		const char *input;
		const char *codes;
		const char *events;
	} refusals[] = {
		{ "mail", 553, MAIL RCPT "DATA\r\n" MAIL, "220 553 503 503 553",
		    "mail(a@b.example) reset mail(a@b.example) reset " },
		{ "rcpt", 452, MAIL RCPT "DATA\r\n", "220 250 452 554",
		    "mail(a@b.example) rcpt(c@d.example) reset " },
		{ "begin", 452, MAIL RCPT "DATA\r\nNOOP\r\n" RCPT, "220 250 250 452 250 503",
		    "mail(a@b.example) rcpt(c@d.example) begin reset " },
		{ "begin", 452, MAIL RCPT "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		    "220 250 250 452 503 250", "mail(a@b.example) rcpt(c@d.example) begin reset " },
		{ "end", 554, MAIL RCPT "DATA\r\nx\r\n.\r\nDATA\r\n", "220 250 250 354 554 503",
		    "mail(a@b.example) rcpt(c@d.example) begin end(x\r\n) reset " },
		{ "end", 451, MAIL RCPT "BDAT 1 LAST\r\nxNOOP\r\n", "220 250 250 451 250",
		    "mail(a@b.example) rcpt(c@d.example) begin end(x) reset " },
		{ "end", 452, "LHLO me\r\n" MAIL RCPT RCPT "DATA\r\nx\r\n.\r\n",
		    "220 250 250 250 250 354 452 452",
		    "mail(a@b.example) rcpt(c@d.example) rcpt(c@d.example) begin end(x\r\n) "
		    "reset " },
		{ "other", 550, "VRFY x\r\nXQUEUE\r\n", "220 550 550",
		    "other(VRFY x) other(XQUEUE ) " },
		/* 421 is the last word, and so is a code that is none. */
		{ "mail", 421, MAIL RCPT, "220 421", "mail(a@b.example) reset " },
		{ "rcpt", 99, MAIL RCPT "DATA\r\n", "220 250 451 554",
		    "mail(a@b.example) rcpt(c@d.example) reset " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct scene scene;

		print_message("  %s %d\n", refusals[i].who, refusals[i].code);
		scene_init(&scene);
		scene.refuses = refusals[i].who;
		scene.refusal = refusals[i].code;
		scene_say(&scene, refusals[i].input);
		scene_run(&scene);
		scene_expect(&scene, refusals[i].codes, refusals[i].events);
		scene_finish(&scene);
	}
}

static void a_callback_may_end_the_session(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.refuses = "rcpt";
	scene.closes = true;
	scene_say(&scene, MAIL RCPT "NOOP\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 550", "mail(a@b.example) rcpt(c@d.example) reset ");
	assert_int_equal(scene.outcome, 0);
	scene_finish(&scene);
}

static void callbacks_may_be_missing(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.handler.begin = NULL;
	scene.handler.log_in = NULL;
	scene.handler.other = NULL;
	scene_say(&scene,
	    "VRFY x\r\nXQUEUE\r\nXEXPLAIN <a> <b>\r\nAUTH PLAIN AHUAcmlnaHQ=\r\nEHLO me\r\n" MAIL
		RCPT "BDAT 1 LAST\r\nx");
	scene_run(&scene);
	scene_expect(&scene, "220 252 502 502 502 250 250 250 250",
	    "mail(a@b.example) rcpt(c@d.example) end(x) reset ");
	assert_null(strstr(buffer_string(&scene.output), "AUTH PLAIN"));
	scene_finish(&scene);
}

static void octets_behind_starttls_abort(void **state)
{
	static const char *const tails[] = { "RSET\r\n", "\r\n", "x", MAIL, " \n" };

	(void)state;
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		struct scene scene;

		scene_init(&scene);
		char *input = memory_format("EHLO me\r\nSTARTTLS\r\n%s", tails[i]);
		scene_say(&scene, input);
		scene_say(&scene, "NOOP\r\n");
		scene_run(&scene);
		scene_expect(&scene, "220 250 501", "");
		assert_int_equal(scene.outcome, 0);
		free(input);
		scene_finish(&scene);
	}
}

static void tls_forgets_everything(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.auth_needs_tls = true;
	scene.settings.auth_is_required = true;
	scene_say(&scene, "EHLO me\r\nAUTH PLAIN AHUAcmlnaHQ=\r\nVRFY x\r\n" MAIL "STARTTLS\n");
	scene_say(&scene,
	    "STARTTLS\r\nEHLO me\r\n" MAIL "AUTH PLAIN AHUAcmlnaHQ=\r\nEHLO me\r\n" MAIL RCPT
	    "BDAT 1 LAST\r\nxQUIT\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 538 530 530 220 503 250 530 235 250 250 250 250 221",
	    "tls log_in(u right) mail(a@b.example) rcpt(c@d.example) begin end(x) reset ");
	/* AUTH stands only in the answer within TLS and before the login, STARTTLS only in the
	 * first. */
	char *first = strstr(buffer_string(&scene.output), "250-STARTTLS");
	char *auth = strstr(buffer_string(&scene.output), "AUTH PLAIN");
	assert_true(first != NULL && auth != NULL && first < auth);
	assert_null(strstr(first + 1, "250-STARTTLS"));
	assert_null(strstr(auth + 1, "AUTH PLAIN"));
	scene_finish(&scene);
}

static void tls_drops_the_transaction(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene_say(&scene, "LHLO me\r\n" MAIL RCPT "STARTTLS\r\n");
	scene_say(&scene, "DATA\r\n" MAIL RCPT RCPT "BDAT 1 LAST\r\nxQUIT\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 250 250 220 503 250 250 250 250 221",
	    "mail(a@b.example) rcpt(c@d.example) reset tls "
	    "mail(a@b.example) rcpt(c@d.example) rcpt(c@d.example) begin end(x) reset ");
	scene_finish(&scene);
}

static int fail_tls(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	(void)context;
	(void)stream;
	(void)name;
	(void)deadline;
	return error_set(error, ERROR_UNAVAILABLE, "4.7.5", "no handshake");
}

static void tls_forgets_a_login(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.auth_is_required = true;
	scene_say(&scene, "AUTH PLAIN AHUAcmlnaHQ=\r\n" MAIL "STARTTLS\r\n");
	scene_say(&scene, MAIL "AUTH PLAIN AHUAcmlnaHQ=\r\n" MAIL);
	scene_run(&scene);
	scene_expect(&scene, "220 235 250 220 530 235 250",
	    "log_in(u right) mail(a@b.example) reset tls log_in(u right) mail(a@b.example) reset ");
	scene_finish(&scene);
}

static void a_failed_handshake_is_an_error(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.security.start = fail_tls;
	scene_say(&scene, "STARTTLS\r\n");
	scene_say(&scene, MAIL);
	scene_run(&scene);
	scene_expect(&scene, "220 220", "");
	assert_int_equal(scene.outcome, -1);
	assert_string_equal(scene.error.text, "no handshake");
	scene_finish(&scene);
}

static void unknown_commands_have_an_end(void **state)
{
	struct scene scene;
	struct buffer input;

	(void)state;
	buffer_init(&input, 10000);
	for (int i = 0; i < 30; i++)
		buffer_append_string(&input, "FOO\r\n");
	scene_play(&scene, buffer_string(&input));
	assert_int_equal(code_at(&scene, 19), 500);
	assert_int_equal(code_at(&scene, 20), 421);
	assert_int_equal(scene.codes.length, 21 * 4 - 1);
	buffer_finish(&input);
	scene_finish(&scene);
}

/* ---- after XPLAIN ---- */

#define PLAIN "XPLAIN\r\n"
#define BAD "RCPT TO:<bad@d.example>\r\n"
/* A message that would send another, if its lines were commands. */
#define TROJAN "MAIL FROM:<x>\r\nRCPT TO:<y>\r\nDATA\r\nz\r\nBDAT 3\r\n..\r\n.\r\n"

static const struct row plain_rows[] = {
	{ "the private extension is gone",
	    PLAIN "EHLO me\r\nXQUEUE LIST\r\nXEXPLAIN self <b>\r\nXPLAIN\r\n"
		  "MAIL FROM:<a> XWAIT=disk\r\nMAIL FROM:<a> XSENDER=self\r\nVRFY c\r\n",
	    "220 250 250 502 502 502 555 555 252 END", "plain other(VRFY c) ", 1 },
	{ "what was begun is dropped",
	    "LHLO me\r\n" MAIL RCPT PLAIN "DATA\r\n" MAIL RCPT RCPT "DATA\r\nx\r\n.\r\n",
	    "220 250 250 250 250 503 250 250 250 354 250 END",
	    "mail(a@b.example) rcpt(c@d.example) reset plain "
	    "mail(a@b.example) rcpt(c@d.example) rcpt(c@d.example) begin end(x\r\n) reset ",
	    1 },
	{ "DATA out of sequence", PLAIN "DATA\r\nRCPT TO:<a>\r\nNOOP\r\n",
	    "220 250 503 503 250 END", "plain ", 1 },
	{ "all written at once",
	    PLAIN "EHLO me\r\n" MAIL RCPT "DATA\r\nx\r\n.\r\n" MAIL RCPT
		  "DATA\r\ny\r\n.\r\nQUIT\r\n",
	    "220 250 250 250 250 354 250 250 250 354 250 221 CLOSE",
	    "plain mail(a@b.example) rcpt(c@d.example) begin end(x\r\n) reset "
	    "mail(a@b.example) rcpt(c@d.example) begin end(y\r\n) reset ",
	    0 },
	{ "all at once, and no recipient is left", PLAIN MAIL BAD "DATA\r\n" TROJAN "NOOP\r\n",
	    "220 250 250 550 354 554 250 END", "plain mail(a@b.example) rcpt(bad@d.example) reset ",
	    1 },
	{ "all at once, and RCPT is wrong",
	    PLAIN MAIL "RCPT TO:<a b>\r\nDATA\r\n" TROJAN "NOOP\r\n",
	    "220 250 250 553 354 503 250 END", "plain mail(a@b.example) reset ", 1 },
	{ "all at once, and RCPT is missing", PLAIN MAIL "DATA\r\n" TROJAN "NOOP\r\n",
	    "220 250 250 354 503 250 END", "plain mail(a@b.example) reset ", 1 },
	{ "all at once, and MAIL is wrong",
	    PLAIN "MAIL FROM:<a b>\r\n" RCPT "DATA\r\n" TROJAN MAIL RCPT
		  "DATA\r\nx\r\n.\r\nDATA\r\n",
	    "220 250 553 503 354 503 250 250 354 250 503 END",
	    "plain mail(a@b.example) rcpt(c@d.example) begin end(x\r\n) reset ", 1 },
	{ "all at once, and MAIL is unknown", PLAIN "MALI FROM:<a>\r\n" RCPT "DATA\r\n" TROJAN,
	    "220 250 500 503 354 503 END", "plain ", 1 },
	{ "all at once, and chunks are mixed with DATA",
	    PLAIN MAIL RCPT "BDAT 1\r\nxDATA\r\n" TROJAN "BDAT 2 LAST\r\nyzNOOP\r\n",
	    "220 250 250 250 250 354 503 503 250 END",
	    "plain mail(a@b.example) rcpt(c@d.example) begin reset ", 1 },
	{ "a chunk that is refused", PLAIN MAIL BAD "BDAT 12\r\nMAIL FROM:x\nBDAT 1 LAST\r\nx",
	    "220 250 250 550 554 503 END", "plain mail(a@b.example) rcpt(bad@d.example) reset ",
	    1 },
	{ "RSET and EHLO begin anew", PLAIN "FOO\r\nRSET\r\nDATA\r\nFOO\r\nEHLO me\r\nDATA\r\n",
	    "220 250 500 250 503 500 250 503 END", "plain ", 1 },
	{ "the input ends within the content", PLAIN MAIL RCPT "DATA\r\nx\n.\nQUIT\n",
	    "220 250 250 250 354 421 END", "plain mail(a@b.example) rcpt(c@d.example) begin reset ",
	    1 },
	{ "the input ends within a chunk", PLAIN MAIL RCPT "BDAT 9 LAST\r\nxyz",
	    "220 250 250 250 421 END", "plain mail(a@b.example) rcpt(c@d.example) begin reset ",
	    1 },
	{ "the input ends between two chunks", PLAIN MAIL RCPT "BDAT 1\r\nxBDAT 5",
	    "220 250 250 250 250 421 END", "plain mail(a@b.example) rcpt(c@d.example) begin reset ",
	    1 },
	{ "the input ends within a refused content", PLAIN MAIL BAD "DATA\r\nx\r\n",
	    "220 250 250 550 354 421 END", "plain mail(a@b.example) rcpt(bad@d.example) reset ",
	    1 },
	{ "the input ends elsewhere", PLAIN MAIL RCPT, "220 250 250 250 END",
	    "plain mail(a@b.example) rcpt(c@d.example) reset ", 1 },
};

static void plain_sessions_follow_their_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plain_rows / sizeof plain_rows[0]; i++) {
		struct span input = span_from_string(plain_rows[i].input);

		print_message("  %s\n", plain_rows[i].name);
		for (size_t cut = 0; cut <= input.length; cut++) {
			struct scene scene;

			scene_init(&scene);
			scene_add(&scene, span_first(input, cut));
			scene_add(&scene, span_after(input, cut));
			scene.read_size = cut == 0 ? 1 : 0;
			scene_run(&scene);
			expect_row(&scene, &plain_rows[i]);
			scene_finish(&scene);
		}
	}
}

static void the_offer_is_plain_after_xplain(void **state)
{
	struct scene scene;

	(void)state;
	scene_play(&scene, "EHLO me\r\nXPLAIN\r\nEHLO me\r\n");
	const char *plain = strstr(buffer_string(&scene.output), "250 2.0.0 OK");
	const char *first = strstr(buffer_string(&scene.output), "XMAILCHUTE");
	assert_true(first != NULL && plain != NULL && first < plain);
	assert_null(strstr(plain, "XMAILCHUTE"));
	assert_non_null(strstr(plain, "250-PIPELINING"));
	scene_finish(&scene);
}

static void xplain_may_be_refused_or_missing(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.refuses = "plain";
	scene.refusal = 451;
	scene_say(&scene, "XPLAIN\r\nXQUEUE\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 451 250", "plain other(XQUEUE ) ");
	scene_finish(&scene);

	scene_init(&scene);
	scene.handler.plain = NULL;
	scene_say(&scene, "XPLAIN\r\nXPLAIN\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 502 END", "");
	scene_finish(&scene);

	scene_init(&scene);
	scene.settings.offered.mailchute = false;
	scene_say(&scene, "XPLAIN\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 502", "");
	scene_finish(&scene);
}

static void help_names_what_there_is(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.security = NULL;
	scene.settings.auth_needs_tls = true;
	scene_say(&scene, "HELP\r\nHELP MAIL\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 214 214", "");
	assert_non_null(strstr(buffer_string(&scene.output),
	    "214 2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT\r\n"));
	scene_finish(&scene);

	scene_init(&scene);
	scene.settings.offered.chunking = false;
	scene_say(&scene, "HELP\r\n");
	scene_run(&scene);
	assert_non_null(strstr(buffer_string(&scene.output),
	    "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS AUTH\r\n"));
	scene_finish(&scene);
}

/* Whatever is no SMTP ends; a session that sends messages may err for ever. */
static void errors_are_forgotten_with_each_message(void **state)
{
	static const char *const errors[] = { "FOO\r\n", "MAIL FROM\r\n", "NOOP \x01\r\n" };
	struct buffer input;

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct scene scene;

		buffer_init(&input, 100000);
		for (int j = 0; j < 100; j++) {
			buffer_append_string(&input, errors[i]);
			if (j % 19 == 18)
				buffer_append_string(&input, MAIL "RSET\r\n");
		}
		scene_play(&scene, buffer_string(&input));
		assert_null(strstr(buffer_string(&scene.codes), "421"));
		scene_finish(&scene);
		buffer_clear(&input);
		for (int j = 0; j < 40; j++)
			buffer_append_string(&input, errors[i]);
		scene_play(&scene, buffer_string(&input));
		assert_int_equal(code_at(&scene, 20), 421);
		assert_int_equal(scene.codes.length, 21 * 4 - 1);
		scene_finish(&scene);
		buffer_finish(&input);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_follow_the_table),
		cmocka_unit_test(sessions_are_the_same_at_every_split),
		cmocka_unit_test(the_client_may_go_anywhere),
		cmocka_unit_test(a_content_cut_before_its_end_is_dropped),
		cmocka_unit_test(every_command_in_every_state),
		cmocka_unit_test(chunks_that_were_disturbed_are_never_joined),
		cmocka_unit_test(the_greeting_and_what_is_offered),
		cmocka_unit_test(what_is_not_offered_is_refused),
		cmocka_unit_test(callbacks_refuse),
		cmocka_unit_test(a_callback_may_end_the_session),
		cmocka_unit_test(callbacks_may_be_missing),
		cmocka_unit_test(octets_behind_starttls_abort),
		cmocka_unit_test(tls_forgets_everything),
		cmocka_unit_test(tls_drops_the_transaction),
		cmocka_unit_test(tls_forgets_a_login),
		cmocka_unit_test(a_failed_handshake_is_an_error),
		cmocka_unit_test(unknown_commands_have_an_end),
		cmocka_unit_test(plain_sessions_follow_their_table),
		cmocka_unit_test(the_offer_is_plain_after_xplain),
		cmocka_unit_test(xplain_may_be_refused_or_missing),
		cmocka_unit_test(help_names_what_there_is),
		cmocka_unit_test(errors_are_forgotten_with_each_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
