/* SPDX-License-Identifier: MIT */

/* Tests config/check.c. */

#include "config/check.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const struct check_place place = { "f line 7", "option" };

static int address(const char *text, struct error *error)
{
	return check_address(&place, text, false, error);
}

static int bare_address(const char *text, struct error *error)
{
	return check_address(&place, text, true, error);
}

static int domain(const char *text, struct error *error)
{
	return check_domain(&place, text, false, error);
}

static int literal(const char *text, struct error *error)
{
	return check_domain(&place, text, true, error);
}

static int path(const char *text, struct error *error)
{
	return check_path(&place, text, error);
}

static int title(const char *text, struct error *error)
{
	return check_title(&place, text, error);
}

static int log_target(const char *text, struct error *error)
{
	return check_log(&place, text, error);
}

static int duration(const char *text, struct error *error)
{
	int64_t milliseconds = -1;
	int outcome = check_duration(&place, text, &milliseconds, error);

	assert_true(outcome == 0 ? milliseconds > 0 : milliseconds == -1);
	return outcome;
}

static int mode(const char *text, struct error *error)
{
	enum config_mode value = CONFIG_MODE_SPOOL;

	return check_mode(&place, text, &value, error);
}

static int count(const char *text, struct error *error)
{
	unsigned value = 0;
	int outcome = check_count(&place, text, 1000, &value, error);

	assert_true(outcome == 0 ? value > 0 && value <= 1000 : value == 0);
	return outcome;
}

static int number(const char *text, struct error *error)
{
	uint64_t value = UINT64_MAX;
	int outcome = check_number(&place, text, 1000, &value, error);

	assert_true(outcome == 0 ? value <= 1000 : value == UINT64_MAX);
	return outcome;
}

static int size(const char *text, struct error *error)
{
	uint64_t value = UINT64_MAX;
	int outcome = check_size(&place, text, &value, error);

	assert_int_equal(value != UINT64_MAX, outcome == 0);
	return outcome;
}

static void sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t octets;
	} rows[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "64K", 65536 },
		{ "100M", UINT64_C(104857600) },
		{ "100m", UINT64_C(104857600) },
		{ "3G", UINT64_C(3) << 30 },
		{ "8191T", UINT64_C(8191) << 40 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		uint64_t octets = 7;

		if (check_size(&place, rows[i].text, &octets, &error) != 0 ||
		    octets != rows[i].octets)
			fail_msg(
			    "%s: %llu, %s", rows[i].text, (unsigned long long)octets, error.text);
	}
}

static int rate(const char *text, struct error *error)
{
	unsigned value = 0;
	int64_t period = 0;
	int outcome = check_rate(&place, text, &value, &period, error);

	assert_int_equal(value != 0, outcome == 0);
	assert_int_equal(period != 0, outcome == 0);
	return outcome;
}

static void rates_are_read_or_mended(void **state)
{
	static const struct row {
		const char *text;
		unsigned rate;
		int64_t period;
		const char *next; /* instead */
	} rows[] = {
		{ "14/s", 14, 1000, NULL },
		{ "30/min", 30, 60000, NULL },
		{ "1/h", 1, 3600000, NULL },
		{ "100000/h", 100000, 3600000, NULL },
		{ "030/min", 30, 60000, NULL },
		{ "30/minute", 0, 0, "write: option = \"30/min\"" },
		{ "30/m", 0, 0, "write: option = \"30/min\"" },
		{ "14/sec", 0, 0, "write: option = \"14/s\"" },
		{ "30 per minute", 0, 0, "write: option = \"30/min\"" },
		{ "30 / Hour", 0, 0, "write: option = \"30/h\"" },
		{ "30min", 0, 0, "write: option = \"30/min\"" },
		{ "30/min ", 0, 0, "write: option = \"30/min\"" },
		{ "30", 0, 0, "s, min or h: option = \"30/min\"" },
		{ "30/", 0, 0, "s, min or h: option = \"30/min\"" },
		{ "5/d", 0, 0, "s, min or h: option = \"30/min\"" },
		{ "0/s", 0, 0, "a number from 1 to 100000 and s" },
		{ "100001/s", 0, 0, "a number from 1 to 100000 and s" },
		{ "18446744073709551617/s", 0, 0, "a number from 1 to 100000 and s" },
		{ "-1/s", 0, 0, "a number from 1 to 100000 and s" },
		{ "/s", 0, 0, "a number from 1 to 100000 and s" },
		{ "", 0, 0, "a number from 1 to 100000 and s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		unsigned found = 0;
		int64_t period = 0;
		int outcome = check_rate(&place, rows[i].text, &found, &period, &error);

		if (outcome != (rows[i].next != NULL ? -1 : 0) || found != rows[i].rate ||
		    period != rows[i].period)
			fail_msg("%s: %u in %d: %s", rows[i].text, found, (int)period, error.text);
		if (rows[i].next != NULL && strstr(error.next, rows[i].next) == NULL)
			fail_msg("%s: %s", rows[i].text, error.next);
	}
}

static int auth(const char *text, struct error *error)
{
	enum smarthost_auth value = SMARTHOST_AUTH_AUTO;

	return check_auth(&place, text, &value, error);
}

static void words_of_auth_are_mechanisms(void **state)
{
	static const struct row {
		const char *word;
		enum smarthost_auth want;
	} rows[] = {
		{ "auto", SMARTHOST_AUTH_AUTO },
		{ "plain", SMARTHOST_AUTH_PLAIN },
		{ "login", SMARTHOST_AUTH_LOGIN },
		{ "cram-md5", SMARTHOST_AUTH_CRAM_MD5 },
		{ "scram", SMARTHOST_AUTH_SCRAM },
		{ "xoauth2", SMARTHOST_AUTH_XOAUTH2 },
		{ "oauthbearer", SMARTHOST_AUTH_OAUTHBEARER },
		{ "external", SMARTHOST_AUTH_EXTERNAL },
		{ "none", SMARTHOST_AUTH_NONE },
	};
	struct error error = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum smarthost_auth value = (enum smarthost_auth)99;

		assert_int_equal(check_auth(&place, rows[i].word, &value, &error), 0);
		assert_int_equal(value, rows[i].want);
	}
	assert_int_equal(auth("ntlm", &error), -1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_non_null(strstr(error.next, rows[i].word));
}

static void texts_are_values_or_faults(void **state)
{
	static const struct row {
		int (*check)(const char *text, struct error *error);
		const char *text;
		int outcome;
	} rows[] = {
		{ address, "a@x.example", 0 },
		{ address, "a+b/c=d@x", 0 },
		{ address, "a@[192.0.2.1]", 0 },
		{ address, "a@[IPv6:2001:db8::1]", 0 },
		{ address, "\xc3\xa4@x\xc3\xa4.example", 0 },
		{ address, "a", -1 },
		{ address, "", -1 },
		{ address, "@x.example", -1 },
		{ address, "a@", -1 },
		{ address, "a@b@c", -1 },
		{ address, "a b@c", -1 },
		{ address, "A <a@b>", -1 },
		{ address, "a@b\r\nc", -1 },
		{ address, "a@[300.0.2.1]", -1 },
		{ address, "a@[192.0.2.1", -1 },
		{ bare_address, "a", 0 },
		{ bare_address, "*", 0 },
		{ bare_address, "", -1 },
		{ bare_address, "a,b", -1 },
		{ domain, "x.example", 0 },
		{ domain, "localhost", 0 },
		{ domain, "", -1 },
		{ domain, ".x", -1 },
		{ domain, "x.", -1 },
		{ domain, "x..y", -1 },
		{ domain, "x y", -1 },
		{ domain, "[192.0.2.1]", -1 },
		{ literal, "[192.0.2.1]", 0 },
		{ literal, "[IPv6:::1]", 0 },
		{ literal, "[::1]", -1 },
		{ literal, "[]", -1 },
		{ literal, "[192.0.2.1]\n", -1 },
		{ path, "/a b", 0 },
		{ auth, "plain", 0 },
		{ auth, "PLAIN", -1 },
		{ auth, "", -1 },
		{ path, "a", -1 },
		{ path, "", -1 },
		{ path, "/a\nb", -1 },
		{ title, "a-b_C.9", 0 },
		{ title, "", -1 },
		{ title, "a:b", -1 },
		{ title, "a]", -1 },
		{ title, "\xc3\xa4", -1 },
		{ log_target, "syslog", 0 },
		{ log_target, "/x", 0 },
		{ log_target, "Syslog", -1 },
		{ duration, "250ms", 0 },
		{ duration, "5d", 0 },
		{ duration, "7", 0 },
		{ duration, "0s", -1 },
		{ duration, "-1s", -1 },
		{ duration, "1y", -1 },
		{ duration, "9223372036854775807d", -1 },
		{ count, "1", 0 },
		{ count, "1000", 0 },
		{ count, "1001", -1 },
		{ count, "0", -1 },
		{ count, "-1", -1 },
		{ count, "4294967297", -1 },
		{ count, "", -1 },
		{ number, "0", 0 },
		{ number, "1000", 0 },
		{ number, "1001", -1 },
		{ number, "-1", -1 },
		{ number, "18446744073709551616", -1 },
		{ number, "", -1 },
		{ size, "64M", 0 },
		{ size, "", -1 },
		{ size, "M", -1 },
		{ size, "64MB", -1 },
		{ size, "64 M", -1 },
		{ size, "-64M", -1 },
		{ size, "6.4M", -1 },
		{ size, "8388608T", -1 },
		{ size, "18446744073709551615", -1 },
		{ rate, "14/s", 0 },
		{ rate, "14", -1 },
		{ mode, "direct", 0 },
		{ mode, "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };

		if (rows[i].check(rows[i].text, &error) != rows[i].outcome)
			fail_msg("row %zu: \"%s\": %s", i, rows[i].text, error.text);
		if (rows[i].outcome == 0)
			continue;
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_non_null(strstr(error.text, "f line 7: option = \""));
		assert_string_not_equal(error.next, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_values_or_faults),
		cmocka_unit_test(rates_are_read_or_mended),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(words_of_auth_are_mechanisms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
