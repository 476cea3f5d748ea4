/* SPDX-License-Identifier: MIT */

/* Tests service/signs.c. */

#include "service/signs.h"

#include "smtp/client/blame.h"
#include "smtp/client/session.h"
#include "tests/support/cmocka.h"

static void results_are_judged(void **state)
{
	static const struct row {
		enum result_outcome outcome;
		int code;
		enum blame blame;
		bool is_at_mail;
		enum health_sign_kind kind;
		enum health_state state;
	} rows[] = {
		{ RESULT_DELIVERED, 250, BLAME_MESSAGE, false, HEALTH_SHOWS_GOOD, HEALTH_UP },
		{ RESULT_DEFERRED, 451, BLAME_MESSAGE, true, HEALTH_SHOWS_GOOD, HEALTH_UP },
		{ RESULT_FAILED, 550, BLAME_MESSAGE, true, HEALTH_SHOWS_GOOD, HEALTH_UP },
		/* Ours, or none. */
		{ RESULT_FAILED, 0, BLAME_MESSAGE, false, HEALTH_SHOWS_NOTHING, HEALTH_UP },
		{ RESULT_DEFERRED, 0, BLAME_MESSAGE, false, HEALTH_SHOWS_NOTHING, HEALTH_UP },
		{ RESULT_IN_DOUBT, 0, BLAME_MESSAGE, false, HEALTH_SHOWS_NOTHING, HEALTH_UP },
		{ RESULT_FAILED, 530, BLAME_LOGIN, true, HEALTH_SHOWS_BAD, HEALTH_LOGIN_REFUSED },
		{ RESULT_FAILED, 530, BLAME_LOGIN, false, HEALTH_SHOWS_DOUBT,
		    HEALTH_LOGIN_REFUSED },
		{ RESULT_DEFERRED, 451, BLAME_LOGIN, true, HEALTH_SHOWS_DOUBT,
		    HEALTH_LOGIN_REFUSED },
		{ RESULT_FAILED, 550, BLAME_ACCOUNT, true, HEALTH_SHOWS_BAD, HEALTH_ACCOUNT },
		{ RESULT_FAILED, 550, BLAME_ACCOUNT, false, HEALTH_SHOWS_DOUBT, HEALTH_ACCOUNT },
		{ RESULT_DEFERRED, 454, BLAME_RATE, false, HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED },
		{ RESULT_FAILED, 550, BLAME_SENDER, true, HEALTH_SHOWS_BAD, HEALTH_SENDER },
		{ RESULT_FAILED, 550, BLAME_SENDER, false, HEALTH_SHOWS_BAD, HEALTH_SENDER },
		{ RESULT_DEFERRED, 450, BLAME_SENDER, true, HEALTH_SHOWS_GOOD, HEALTH_UP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct result result = {
			.kind = RESULT_RECIPIENT,
			.outcome = rows[i].outcome,
			.code = rows[i].code,
			.blame = (int)rows[i].blame,
			.refuses_sender = rows[i].is_at_mail,
			.text = "words",
		};
		struct health_sign sign = { 0 };

		signs_add_result(&sign, &result);
		if (sign.kind != rows[i].kind || sign.state != rows[i].state)
			fail_msg("row %zu: %d %d", i, sign.kind, sign.state);
		if (sign.state != HEALTH_UP)
			assert_string_equal(sign.words, "words");
		assert_int_equal(signs_are_of_account(&result),
		    rows[i].outcome == RESULT_FAILED &&
			(rows[i].blame == BLAME_LOGIN || rows[i].blame == BLAME_ACCOUNT));
		assert_int_equal(signs_are_of_sender(&result),
		    rows[i].outcome == RESULT_FAILED && rows[i].blame == BLAME_SENDER);
	}
}

static void one_good_recipient_lifts_a_doubt(void **state)
{
	struct result doubt = { .outcome = RESULT_DEFERRED, .code = 450, .blame = BLAME_RATE };
	struct result good = { .outcome = RESULT_DELIVERED, .code = 250 };
	struct health_sign sign = { 0 };

	(void)state;
	signs_add_result(&sign, &doubt);
	signs_add_result(&sign, &good);
	assert_int_equal(sign.kind, HEALTH_SHOWS_GOOD);
	signs_add_result(&sign, &doubt);
	assert_int_equal(sign.kind, HEALTH_SHOWS_GOOD);
}

static void losses_are_judged(void **state)
{
	static const struct row {
		enum session_step step;
		int code;
		const char *status;
		enum error_kind kind;
		enum health_sign_kind sign;
		enum health_state state;
	} rows[] = {
		{ SESSION_CONNECT, 0, "4.4.1", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD, HEALTH_DOWN },
		{ SESSION_GREETING, 554, "5.7.1", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_DOWN },
		{ SESSION_GREETING, 450, "4.3.2", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_DOWN },
		{ SESSION_GREETING, 450, "4.7.1", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_THROTTLED },
		{ SESSION_GREETING, 421, "4.3.2", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_THROTTLED },
		{ SESSION_HELLO, 550, "5.7.1", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD, HEALTH_DOWN },
		{ SESSION_STARTTLS, 250, "4.7.10", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_DOWN },
		{ SESSION_HANDSHAKE, 220, "4.7.5", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_DOWN },
		{ SESSION_AUTH, 535, "5.7.8", ERROR_NO_PERMISSION, HEALTH_SHOWS_BAD,
		    HEALTH_LOGIN_REFUSED },
		{ SESSION_AUTH, 250, "4.7.0", ERROR_NO_PERMISSION, HEALTH_SHOWS_BAD,
		    HEALTH_LOGIN_REFUSED },
		{ SESSION_AUTH, 250, "5.3.5", ERROR_CONFIG, HEALTH_SHOWS_BAD,
		    HEALTH_LOGIN_REFUSED },
		{ SESSION_AUTH, 454, "4.7.0", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_THROTTLED },
		{ SESSION_AUTH, 421, "4.7.0", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_THROTTLED },
		{ SESSION_AUTH, 334, "4.4.2", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD, HEALTH_DOWN },
		{ SESSION_CLOSED, 421, "4.3.2", ERROR_UNAVAILABLE, HEALTH_SHOWS_BAD,
		    HEALTH_THROTTLED },
		{ SESSION_CLOSED, 250, "4.4.2", ERROR_UNAVAILABLE, HEALTH_SHOWS_DOUBT,
		    HEALTH_DOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct result lost = {
			.kind = RESULT_LOST, .step = (int)rows[i].step, .code = rows[i].code
		};
		struct health_sign sign = { 0 };

		error_set(&lost.error, rows[i].kind, rows[i].status, "words");
		error_next(&lost.error, "do this");
		signs_of_loss(&sign, &lost);
		if (sign.kind != rows[i].sign || sign.state != rows[i].state)
			fail_msg("row %zu: %d %d", i, sign.kind, sign.state);
		assert_string_equal(sign.words, "words; do this");
	}
}

static void what_is_ours_is_judged(void **state)
{
	struct result silent = { .outcome = RESULT_DEFERRED, .text = "silence" };
	struct health_sign sign = { 0 };
	struct error error;

	(void)state;
	error_set(&error, ERROR_CONFIG, "5.3.5", "no secret");
	signs_of_trouble(&sign, &error);
	assert_int_equal(sign.kind, HEALTH_SHOWS_BAD);
	assert_int_equal(sign.state, HEALTH_DOWN);
	signs_of_death(&sign, &error);
	assert_int_equal(sign.kind, HEALTH_SHOWS_DOUBT);
	signs_of_silence(&sign, &silent);
	assert_int_equal(sign.kind, HEALTH_SHOWS_DOUBT);
	assert_string_equal(sign.words, "silence");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_are_judged),
		cmocka_unit_test(one_good_recipient_lifts_a_doubt),
		cmocka_unit_test(losses_are_judged),
		cmocka_unit_test(what_is_ours_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
