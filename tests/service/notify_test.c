/* SPDX-License-Identifier: MIT */

/* Tests service/notify.c against a socket as systemd's. */

#include "service/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/cmocka.h"

static int manager = -1;
static char folder[] = "/tmp/mailchute-notify-XXXXXX";

static int make_manager(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", folder);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return bind(manager, (const struct sockaddr *)&address, sizeof address);
}

static int strike_manager(void **state)
{
	(void)state;
	(void)close(manager);
	(void)unlink(getenv("NOTIFY_SOCKET"));
	return rmdir(folder);
}

/* What was told last; "" when nothing was. */
static const char *heard(char text[static 1024])
{
	ssize_t length = recv(manager, text, 1023, 0);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void a_watchdog_is_fed_in_half_of_its_time(void **state)
{
	char own[24];
	const struct row {
		const char *microseconds;
		const char *pid;
		int64_t step;
	} rows[] = {
		{ "30000000", NULL, 15000 },
		{ "30000000", own, 15000 },
		{ "30000000", "1", 0 },
		{ "30000000", "", 0 },
		{ "1", NULL, 1 },
		{ "0", NULL, 0 },
		{ "-5", NULL, 0 },
		{ "18446744073709551615", NULL, 0 },
		{ "soon", NULL, 0 },
		{ NULL, NULL, 0 },
	};

	(void)state;
	snprintf(own, sizeof own, "%ld", (long)getpid());
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct notify notify;

		if (rows[i].microseconds != NULL)
			setenv("WATCHDOG_USEC", rows[i].microseconds, 1);
		if (rows[i].pid != NULL)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		notify_init(&notify);
		if (notify.watchdog_step != rows[i].step)
			fail_msg("row %zu: %lld", i, (long long)notify.watchdog_step);
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
	}
}

static void it_is_alive_when_that_is_due(void **state)
{
	struct notify notify;
	char text[1024];

	(void)state;
	setenv("WATCHDOG_USEC", "3600000000", 1);
	notify_init(&notify);
	notify_ready(&notify);
	assert_string_equal(heard(text), "READY=1");
	notify_alive(&notify);
	assert_string_equal(heard(text), "");
	assert_true(notify_deadline(&notify) <= clock_deadline(1800000));
	notify.watchdog_due = clock_monotonic();
	notify_alive(&notify);
	assert_string_equal(heard(text), "WATCHDOG=1");
	assert_true(notify.watchdog_due > clock_monotonic());
	notify_stopping(&notify);
	assert_string_equal(heard(text), "STOPPING=1");
	notify_reloading(&notify);
	assert_true(strncmp(heard(text), "RELOADING=1\nMONOTONIC_USEC=", 27) == 0);
}

static void the_status_is_told_when_it_changes_and_not_too_often(void **state)
{
	struct notify notify;
	char text[1024];
	char long_text[2 * NOTIFY_STATUS_SIZE];

	(void)state;
	notify_init(&notify);
	assert_true(notify_deadline(&notify) == CLOCK_NEVER);
	assert_true(notify_wants_status(&notify));
	notify_status(&notify, "one");
	assert_string_equal(heard(text), "STATUS=one");
	assert_true(notify_deadline(&notify) == CLOCK_NEVER);
	notify.status_next = clock_deadline(3600000);
	assert_false(notify_wants_status(&notify));
	/* It is looked at again when that may be told. */
	assert_true(notify_deadline(&notify) == notify.status_next);
	notify.status_next = 0;
	assert_true(notify_wants_status(&notify));
	notify_status(&notify, "one");
	assert_string_equal(heard(text), "");
	notify_status(&notify, "two");
	assert_string_equal(heard(text), "STATUS=two");
	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = '\0';
	notify_status(&notify, long_text);
	assert_int_equal(strlen(heard(text)), strlen("STATUS=") + NOTIFY_STATUS_SIZE - 1);
	notify_status(&notify, long_text);
	assert_string_equal(heard(text), "");
}

static void without_a_manager_nobody_is_told(void **state)
{
	char *path = strdup(getenv("NOTIFY_SOCKET"));
	struct notify notify;
	char text[1024];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "30000000", 1);
	notify_init(&notify);
	notify_ready(&notify);
	notify_reloading(&notify);
	assert_false(notify_wants_status(&notify));
	assert_true(notify_deadline(&notify) == CLOCK_NEVER);
	assert_string_equal(heard(text), "");
	setenv("NOTIFY_SOCKET", path, 1);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watchdog_is_fed_in_half_of_its_time),
		cmocka_unit_test(it_is_alive_when_that_is_due),
		cmocka_unit_test(the_status_is_told_when_it_changes_and_not_too_often),
		cmocka_unit_test(without_a_manager_nobody_is_told),
	};

	return cmocka_run_group_tests(tests, make_manager, strike_manager);
}
