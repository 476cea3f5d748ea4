/* SPDX-License-Identifier: MIT */

/* Tests message/received.c. */

#include "message/received.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "message/header.h"

#define WALL INT64_C(1795408620000)

static const struct row {
	const char *name;
	struct received received;
	const char *want;
} rows[] = {
	{ "local", { "host.example", "local", NULL, NULL, "Q1", 1000, WALL },
	    "by host.example (mailchute) with local (uid 1000)\r\n\tid Q1;\r\n"
	    "\tMon, 23 Nov 2026 04:37:00 +0000" },
	{ "nobody known, no queue", { "h", "direct", NULL, NULL, NULL, -1, WALL },
	    "by h (mailchute) with direct;\r\n\tMon, 23 Nov 2026 04:37:00 +0000" },
	{ "TCP", { "h", "smtp", "client.example ([192.0.2.1])", "ESMTPS", "Q2", -1, WALL },
	    "from client.example ([192.0.2.1])\r\n\tby h (mailchute) with ESMTPS\r\n\tid Q2;\r\n"
	    "\tMon, 23 Nov 2026 04:37:00 +0000" },
	{ "a client's name cannot end the field",
	    { "h", "smtp", "x\r\nBcc: y;\\\"\xff", "SMTP", NULL, -1, WALL },
	    "from x??Bcc: y????\r\n\tby h (mailchute) with SMTP;\r\n"
	    "\tMon, 23 Nov 2026 04:37:00 +0000" },
};

static void it_tells_who_and_how(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *value = received_format(&rows[i].received);

		assert_string_equal(value, rows[i].want);
	}
}

static void it_is_a_field_of_short_lines(void **state)
{
	CLEANUP(header_finish) struct header header;
	char name[2000];
	struct received received = rows[2].received;

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	received.from = name;
	CLEANUP(memory_free_string) char *value = received_format(&received);
	header_init(&header);
	header_prepend(&header, "Received", span_from_string(value));
	struct span rest = header_field(&header, 0).whole;
	struct span line;
	while (span_take_line(&rest, &line))
		assert_true(line.length <= 998);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tells_who_and_how),
		cmocka_unit_test(it_is_a_field_of_short_lines),
	};

	(void)setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
