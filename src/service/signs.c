/* SPDX-License-Identifier: MIT */

#include "service/signs.h"

#include <string.h>

#include "base/text.h"
#include "smtp/client/blame.h"
#include "smtp/client/session.h"

static void set_error(struct health_sign *sign, enum health_sign_kind kind, enum health_state state,
    const struct error *error)
{
	sign->kind = kind;
	sign->state = state;
	error_line(error, sign->words, sizeof sign->words);
}

static void set(struct health_sign *sign, enum health_sign_kind kind, enum health_state state,
    const char *words)
{
	sign->kind = kind;
	sign->state = state;
	text_copy(sign->words, sizeof sign->words, words);
}

/* ---- a recipient's result ---- */

static bool is_refusal(const struct result *result)
{
	return result->outcome == RESULT_FAILED && result->code != 0;
}

bool signs_are_of_account(const struct result *result)
{
	return is_refusal(result) &&
	       (result->blame == BLAME_LOGIN || result->blame == BLAME_ACCOUNT);
}

bool signs_are_of_sender(const struct result *result)
{
	return is_refusal(result) && result->blame == BLAME_SENDER;
}

static enum health_state state_of(int blame)
{
	if (blame == BLAME_LOGIN)
		return HEALTH_LOGIN_REFUSED;
	return blame == BLAME_ACCOUNT ? HEALTH_ACCOUNT : HEALTH_THROTTLED;
}

static void judge(struct health_sign *sign, const struct result *result)
{
	*sign = (struct health_sign){ 0 };
	if (result->code == 0)
		return;
	if (signs_are_of_sender(result))
		set(sign, HEALTH_SHOWS_BAD, HEALTH_SENDER, result->text);
	/* At MAIL nothing is known of a message but who sends it; later it may be the message. */
	else if (signs_are_of_account(result) && result->refuses_sender)
		set(sign, HEALTH_SHOWS_BAD, state_of(result->blame), result->text);
	else if (result->outcome != RESULT_DELIVERED && result->blame != BLAME_MESSAGE &&
		 result->blame != BLAME_SENDER)
		set(sign, HEALTH_SHOWS_DOUBT, state_of(result->blame), result->text);
	else
		sign->kind = HEALTH_SHOWS_GOOD;
}

static int weight(const struct health_sign *sign)
{
	static const int weights[] = {
		[HEALTH_SHOWS_NOTHING] = 0,
		[HEALTH_SHOWS_DOUBT] = 1,
		[HEALTH_SHOWS_GOOD] = 2,
		[HEALTH_SHOWS_BAD] = 3,
	};

	return weights[sign->kind];
}

void signs_add_result(struct health_sign *sign, const struct result *result)
{
	struct health_sign found;

	judge(&found, result);
	if (weight(&found) > weight(sign))
		*sign = found;
}

/* ---- a session ---- */

void signs_of_silence(struct health_sign *sign, const struct result *result)
{
	set(sign, HEALTH_SHOWS_DOUBT, HEALTH_DOWN, result->text);
}

/* 421 (RFC 5321, 3.8), and a refusal for now by a policy (RFC 3463, 3.8). */
static bool asks_for_patience(const struct result *lost)
{
	return lost->code == 421 ||
	       (lost->code / 100 == 4 && strncmp(lost->error.status, "4.7.", 4) == 0);
}

static enum health_state state_at_login(const struct result *lost)
{
	if (lost->code == 421 || lost->code / 100 == 4)
		return HEALTH_THROTTLED;
	if (lost->code / 100 == 5 || lost->error.kind == ERROR_NO_PERMISSION ||
	    lost->error.kind == ERROR_CONFIG)
		return HEALTH_LOGIN_REFUSED;
	return HEALTH_DOWN;
}

void signs_of_loss(struct health_sign *sign, const struct result *lost)
{
	enum health_state state = asks_for_patience(lost) ? HEALTH_THROTTLED : HEALTH_DOWN;

	if (lost->step == SESSION_AUTH)
		set_error(sign, HEALTH_SHOWS_BAD, state_at_login(lost), &lost->error);
	else if (lost->step < SESSION_AUTH)
		set_error(sign, HEALTH_SHOWS_BAD, state, &lost->error);
	else if (lost->code == 421)
		set_error(sign, HEALTH_SHOWS_BAD, HEALTH_THROTTLED, &lost->error);
	else
		set_error(sign, HEALTH_SHOWS_DOUBT, HEALTH_DOWN, &lost->error);
}

void signs_of_trouble(struct health_sign *sign, const struct error *why)
{
	set_error(sign, HEALTH_SHOWS_BAD, HEALTH_DOWN, why);
}

void signs_of_death(struct health_sign *sign, const struct error *why)
{
	set_error(sign, HEALTH_SHOWS_DOUBT, HEALTH_DOWN, why);
}
