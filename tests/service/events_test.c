/* SPDX-License-Identifier: MIT */

/* Tests service/events.c: each event in both forms, and nothing hostile in any. */

#include "service/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/span.h"
#include "base/utf8.h"
#include "tests/support/cmocka.h"

enum { TEXT_SIZE = 200000 };

static char path[40];

static const struct event_message message = {
	.id = "0AB",
	.uid = 1000,
	.login = "alice",
	.entrance = "local",
	.message_id = "<1@here.example>",
	.sender = "alice@here.example",
	.size = 1234,
	.recipient_count = 2,
	.subject = "gr\xc3\xbc\xc3\x9f\x65 \"you\"",
};

static const struct event_message least = {
	.id = "0AB",
	.uid = -1,
	.sender = "",
	.size = 1,
	.recipient_count = 1,
};

static const struct event_delivery delivery = {
	.id = "0AB",
	.uid = 1000,
	.sender = "alice@here.example",
	.recipient = "b@far.example",
	.original = "root",
	.smarthost = "main",
	.relay = "mx.far.example:587 [192.0.2.1]",
	.security = "TLSv1.3 TLS_AES_256_GCM_SHA384",
	.use = 3,
	.delays = { 120, 7, 1500, 60000 },
	.status = "2.0.0",
	.code = 250,
	.reply = "250 2.0.0 queued as \"7\"",
};

static const struct event_delivery shortest = {
	.id = "0AB",
	.uid = -1,
	.recipient = "b@far.example",
	.use = 1,
	.delays = { 0, 0, 10, 0 },
	.status = "4.4.1",
	.reply = "x:25: Connection refused",
};

static const struct event_message report = {
	.id = "0CD",
	.sender = "",
	.size = 77,
	.recipient_count = 1,
};

static const struct event_message damaged = { .id = "0AB" };

static void received(void)
{
	events_received(&message);
}

static void received_least(void)
{
	events_received(&least);
}

static void refused(void)
{
	events_refused(5, "a@b", "too \"long\"");
}

static void refused_early(void)
{
	events_refused(5, NULL, "no room");
}

static void sent(void)
{
	events_sent(&delivery);
}

static void deferred(void)
{
	events_deferred(&shortest);
}

static void in_doubt(void)
{
	events_in_doubt(&shortest);
}

static void bounced(void)
{
	events_bounced(&shortest);
}

static void captured(void)
{
	events_captured(&shortest);
}

static void expired(void)
{
	events_expired(&shortest);
}

static void doubted(void)
{
	events_possible_duplicate("0AB");
}

static void held(void)
{
	events_held(&message, 0);
}

static void released(void)
{
	events_released(&message, 7);
}

static void removed_by(void)
{
	events_removed_by(&message, 0);
}

static void removed_damaged(void)
{
	events_removed_by(&damaged, 0);
}

static void removed(void)
{
	events_removed("0AB");
}

static void reported(void)
{
	events_report("0AB", "non-delivery", &report);
}

static void corrupt(void)
{
	events_corrupt("0AB", "/spool", "its checksum");
}

static void kept(void)
{
	events_kept_in_failed("0AB", "/spool");
}

static void dropped(void)
{
	events_dropped("0AB");
}

static void connected(void)
{
	events_connected("main", delivery.relay, delivery.security);
}

static void connected_in_the_clear(void)
{
	events_connected("main", delivery.relay, "");
}

static void down(void)
{
	events_paused("main", NULL, EVENT_DOWN, "x: \"no\"");
}

static void login(void)
{
	events_paused("main", NULL, EVENT_LOGIN_REFUSED, "535");
}

static void throttled(void)
{
	events_paused("main", NULL, EVENT_THROTTLED, "450");
}

static void account(void)
{
	events_paused("main", NULL, EVENT_ACCOUNT_REFUSED, "550");
}

static void sender(void)
{
	events_paused("main", "a@b", EVENT_SENDER_REFUSED, "550");
}

static void replaced(void)
{
	events_replaced("main", "", "a@b", "550 \"no\"");
}

static void up(void)
{
	events_resumed("main", NULL, 61000);
}

static void sender_up(void)
{
	events_resumed("main", "a@b", 250);
}

static void ready(void)
{
	events_ready("/run/s");
}

static void ready_nowhere(void)
{
	events_ready(NULL);
}

static void settings_kept(void)
{
	events_settings_kept("line 7");
}

#define CHANGED "from=<alice@here.example>, size=1234, nrcpt=2\n"
#define CHANGED_OBJECT "\"sender\":\"alice@here.example\",\"size\":1234,\"recipients\":2"
#define DELAYS "delay=0.01, delays=0/0/0.01/0, dsn=4.4.1, status="
#define DELAYS_OBJECT \
	"\"uid\":-1,\"recipient\":\"b@far.example\",\"delay\":0.010,\"delay_queued\":0.000," \
	"\"delay_waiting\":0.000,\"delay_connecting\":0.010,\"delay_sending\":0.000," \
	"\"dsn\":\"4.4.1\",\"reply\":\"x:25: Connection refused\",\"possible_duplicate\":"

/* What follows "event": in the object, and the whole text. */
static const struct row {
	void (*tell)(void);
	const char *text;
	const char *object;
} rows[] = {
	{ received,
	    "mailchute/pickup: 0AB: uid=1000 from=<alice@here.example> login=alice "
	    "entrance=local\n"
	    "mailchute/cleanup: 0AB: message-id=<1@here.example>\n"
	    "mailchute: 0AB: subject=\"gr\xc3\xbc\xc3\x9f\x65 ?you?\"\n"
	    "mailchute/qmgr: 0AB: from=<alice@here.example>, size=1234, nrcpt=2 "
	    "(queue active)\n",
	    "\"received\",\"id\":\"0AB\",\"uid\":1000,\"login\":\"alice\",\"entrance\":\"local\","
	    "\"message_id\":\"<1@here.example>\",\"sender\":\"alice@here.example\","
	    "\"size\":1234,\"recipients\":2,"
	    "\"subject\":\"gr\xc3\xbc\xc3\x9f\x65 \\\"you\\\"\"" },
	{ received_least,
	    "mailchute/pickup: 0AB: uid=-1 from=<>\n"
	    "mailchute/cleanup: 0AB: message-id=<>\n"
	    "mailchute/qmgr: 0AB: from=<>, size=1, nrcpt=1 (queue active)\n",
	    "\"received\",\"id\":\"0AB\",\"uid\":-1,\"sender\":\"\",\"size\":1,\"recipients\":1" },
	{ refused, "mailchute: refused uid=5 from=<a@b>: too \"long\"\n",
	    "\"refused\",\"uid\":5,\"sender\":\"a@b\",\"reason\":\"too \\\"long\\\"\"" },
	{ refused_early, "mailchute: refused uid=5: no room\n",
	    "\"refused\",\"uid\":5,\"reason\":\"no room\"" },
	{ sent,
	    "mailchute/smtp: 0AB: to=<b@far.example>, orig_to=<root>, "
	    "relay=mx.far.example[192.0.2.1]:587, conn_use=3, delay=61.6, "
	    "delays=0.12/0/1.50/60, dsn=2.0.0, status=sent (250 2.0.0 queued as \"7\")\n",
	    "\"sent\",\"id\":\"0AB\",\"uid\":1000,\"sender\":\"alice@here.example\","
	    "\"recipient\":\"b@far.example\",\"original_recipient\":\"root\","
	    "\"smarthost\":\"main\",\"relay\":\"mx.far.example:587 [192.0.2.1]\","
	    "\"connection_use\":3,\"delay\":61.627,\"delay_queued\":0.120,"
	    "\"delay_waiting\":0.007,\"delay_connecting\":1.500,\"delay_sending\":60.000,"
	    "\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"TLS_AES_256_GCM_SHA384\","
	    "\"dsn\":\"2.0.0\",\"code\":250,\"reply\":\"250 2.0.0 queued as \\\"7\\\"\","
	    "\"possible_duplicate\":false" },
	{ deferred,
	    "mailchute/smtp: 0AB: to=<b@far.example>, relay=none, " DELAYS
	    "deferred (x:25: Connection refused)\n",
	    "\"deferred\",\"id\":\"0AB\"," DELAYS_OBJECT "false" },
	{ in_doubt,
	    "mailchute/smtp: 0AB: to=<b@far.example>, relay=none, " DELAYS
	    "deferred (in doubt, possible duplicate: x:25: Connection refused)\n",
	    "\"deferred\",\"id\":\"0AB\"," DELAYS_OBJECT "true" },
	{ bounced,
	    "mailchute/smtp: 0AB: to=<b@far.example>, relay=none, " DELAYS
	    "bounced (x:25: Connection refused)\n",
	    "\"bounced\",\"id\":\"0AB\"," DELAYS_OBJECT "false" },
	{ captured,
	    "mailchute/smtp: 0AB: to=<b@far.example>, relay=none, " DELAYS
	    "captured (x:25: Connection refused)\n",
	    "\"captured\",\"id\":\"0AB\"," DELAYS_OBJECT "false" },
	{ expired,
	    "mailchute/smtp: 0AB: to=<b@far.example>, relay=none, " DELAYS
	    "expired (x:25: Connection refused)\n",
	    "\"expired\",\"id\":\"0AB\"," DELAYS_OBJECT "false" },
	{ doubted,
	    "mailchute: 0AB: the service ended during an attempt and its end is unknown; it is "
	    "made again: possible duplicate\n",
	    "\"possible_duplicate\",\"id\":\"0AB\"" },
	{ held, "mailchute: 0AB: held by uid=0: " CHANGED,
	    "\"held\",\"id\":\"0AB\",\"uid\":0," CHANGED_OBJECT },
	{ released, "mailchute: 0AB: released by uid=7: " CHANGED,
	    "\"released\",\"id\":\"0AB\",\"uid\":7," CHANGED_OBJECT },
	{ removed_by, "mailchute: 0AB: removed by uid=0: " CHANGED,
	    "\"removed\",\"id\":\"0AB\",\"uid\":0," CHANGED_OBJECT },
	{ removed_damaged, "mailchute: 0AB: removed by uid=0: it did not check out\n",
	    "\"removed\",\"id\":\"0AB\",\"uid\":0" },
	{ removed, "mailchute/qmgr: 0AB: removed\n", "\"removed\",\"id\":\"0AB\"" },
	{ reported,
	    "mailchute/bounce: 0AB: sender non-delivery notification: 0CD\n"
	    "mailchute/qmgr: 0CD: from=<>, size=77, nrcpt=1 (queue active)\n",
	    "\"report\",\"id\":\"0AB\",\"report_id\":\"0CD\",\"report\":\"non-delivery\","
	    "\"size\":77,\"recipients\":1" },
	{ corrupt,
	    "mailchute: 0AB: does not check out and is put aside in /spool/corrupt: its checksum\n",
	    "\"corrupt\",\"id\":\"0AB\",\"folder\":\"/spool/corrupt\",\"reason\":\"its "
	    "checksum\"" },
	{ kept, "mailchute: 0AB: nobody can be told that it failed: kept in /spool/failed/0AB\n",
	    "\"kept_in_failed\",\"id\":\"0AB\",\"path\":\"/spool/failed/0AB\"" },
	{ dropped, "mailchute: 0AB: nobody can be told that it failed, and it is dropped\n",
	    "\"dropped\",\"id\":\"0AB\"" },
	{ connected,
	    "mailchute/smtp: Verified TLS connection established to "
	    "mx.far.example[192.0.2.1]:587: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384\n",
	    "\"connected\",\"smarthost\":\"main\",\"relay\":\"mx.far.example:587 [192.0.2.1]\","
	    "\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"TLS_AES_256_GCM_SHA384\"" },
	{ connected_in_the_clear, "", NULL },
	{ down, "mailchute/smtp: warning: smarthost=main state=down reason=\"x: 'no'\"\n",
	    "\"smarthost_down\",\"smarthost\":\"main\",\"reason\":\"x: \\\"no\\\"\"" },
	{ login, "mailchute/smtp: warning: smarthost=main state=login_refused reason=\"535\"\n",
	    "\"smarthost_login_refused\",\"smarthost\":\"main\",\"reason\":\"535\"" },
	{ throttled, "mailchute/smtp: warning: smarthost=main state=throttled reason=\"450\"\n",
	    "\"smarthost_throttled\",\"smarthost\":\"main\",\"reason\":\"450\"" },
	{ account, "mailchute/smtp: warning: smarthost=main state=account_refused reason=\"550\"\n",
	    "\"smarthost_account_refused\",\"smarthost\":\"main\",\"reason\":\"550\"" },
	{ sender,
	    "mailchute/smtp: warning: smarthost=main sender=<a@b> state=sender_refused "
	    "reason=\"550\"\n",
	    "\"sender_refused\",\"smarthost\":\"main\",\"sender\":\"a@b\",\"reason\":\"550\"" },
	{ replaced,
	    "mailchute/smtp: warning: smarthost=main sender=<> state=sender_replaced "
	    "replacement=<a@b> reason=\"550 'no'\"\n",
	    "\"sender_replaced\",\"smarthost\":\"main\",\"sender\":\"\",\"replacement\":\"a@b\","
	    "\"reason\":\"550 \\\"no\\\"\"" },
	{ up, "mailchute/smtp: smarthost=main state=up paused=61\n",
	    "\"smarthost_up\",\"smarthost\":\"main\",\"paused\":61.000" },
	{ sender_up, "mailchute/smtp: smarthost=main sender=<a@b> state=up paused=0.25\n",
	    "\"smarthost_up\",\"smarthost\":\"main\",\"sender\":\"a@b\",\"paused\":0.250" },
	{ ready, "mailchute: ready at /run/s\n", "\"ready\",\"socket\":\"/run/s\"" },
	{ ready_nowhere, "mailchute: ready\n", "\"ready\"" },
	{ events_ended, "mailchute: ended\n", "\"ended\"" },
	{ events_settings_read, "mailchute: configuration read anew\n", "\"settings_read\"" },
	{ settings_kept, "mailchute: the old configuration stays in force: line 7\n",
	    "\"settings_kept\",\"reason\":\"line 7\"" },
};

/* ---- what was logged ---- */

static int real_stderr;

static int make_file(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "/tmp/events-XXXXXX");
	int fd = mkstemp(path);
	real_stderr = dup(STDERR_FILENO);
	(void)log_open("mailchute", "stderr");
	return fd < 0 || real_stderr < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	(void)close(real_stderr);
	return unlink(path);
}

/* From here on what is said on stderr is caught. */
static void begin(void)
{
	int fd = open(path, O_RDWR | O_APPEND | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	(void)close(fd);
}

/* All that was. */
static char *logged(char text[static TEXT_SIZE])
{
	ssize_t count = pread(STDERR_FILENO, text, TEXT_SIZE - 1, 0);

	(void)dup2(real_stderr, STDERR_FILENO);
	assert_true(count >= 0);
	text[count] = '\0';
	return text;
}

static void each_event_has_its_text(void **state)
{
	static char text[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin();
		rows[i].tell();
		assert_string_equal(logged(text), rows[i].text);
	}
}

static void each_event_has_its_object(void **state)
{
	static char text[TEXT_SIZE];

	(void)state;
	log_set_json(true);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin();
		rows[i].tell();
		logged(text);
		if (rows[i].object == NULL) {
			assert_string_equal(text, "");
			continue;
		}
		char *event = strstr(text, "\"event\":");
		assert_non_null(event);
		char *end = strstr(text, "}\n");
		assert_non_null(end);
		assert_string_equal(end, "}\n");
		*end = '\0';
		assert_string_equal(event + strlen("\"event\":"), rows[i].object);
	}
	log_set_json(false);
}

/* ---- hostile octets ---- */

static char hostile[4000];

static void tell_all_hostile(void)
{
	struct event_message bad = message;
	struct event_delivery worse = delivery;

	bad.login = bad.message_id = bad.sender = bad.subject = hostile;
	worse.sender = worse.recipient = worse.original = worse.smarthost = hostile;
	worse.relay = worse.security = worse.reply = hostile;
	events_received(&bad);
	events_refused(1, hostile, hostile);
	events_sent(&worse);
	events_in_doubt(&worse);
	events_held(&bad, 0);
	events_corrupt("0AB", "/spool", hostile);
	events_connected(hostile, hostile, hostile);
	events_paused(hostile, hostile, EVENT_DOWN, hostile);
	events_resumed(hostile, hostile, 1);
	events_settings_kept(hostile);
}

static void check_octets(struct span text)
{
	while (text.length != 0) {
		uint32_t code;
		size_t length = text.start[0] == '\n' ? 1 : utf8_decode(text, &code);

		assert_int_not_equal(length, 0);
		text = span_after(text, length);
	}
}

/* An object as json.c writes them: flat. */
static void check_object(struct span line)
{
	bool is_in_string = false;
	size_t quotes = 0;

	assert_true(line.length > 2 && line.start[0] == '{');
	for (size_t i = 0; i < line.length; i++) {
		if (is_in_string && line.start[i] == '\\') {
			i++;
			assert_true(line.start[i] == '"' || line.start[i] == '\\');
		} else if (line.start[i] == '"') {
			is_in_string = !is_in_string;
			quotes++;
		} else if (!is_in_string) {
			assert_non_null(strchr("{},:0123456789.-truefals", line.start[i]));
			assert_true(line.start[i] != '}' || i == line.length - 1);
		}
	}
	assert_false(is_in_string);
	assert_int_equal(quotes % 2, 0);
	assert_int_equal(line.start[line.length - 1], '}');
}

static void check_lines(const char *text, size_t count, bool is_json)
{
	struct span rest = span_from_string(text);
	struct span line;

	check_octets(rest);
	while (span_take_line(&rest, &line)) {
		count--;
		if (is_json)
			check_object(line);
		else
			assert_true(span_starts_with(line, "mailchute"));
	}
	assert_int_equal(count, 0);
}

static void nothing_hostile_comes_through(void **state)
{
	static const struct {
		const char *octets;
		size_t length;
	} kinds[] = { { "a\r\n", 3 }, { "\n", 1 }, { "\x1b]0;", 4 }, { "\"", 1 }, { "\\", 1 },
		{ "\xff", 1 }, { "\xc3\xa4", 2 }, { "\xf0\x9f\x93\xa7", 4 }, { "\xe2\x80\xae", 3 },
		{ "\xc2\x85", 2 }, { "> <", 3 }, { "\\\"", 2 }, { "},{", 3 }, { "%s%n", 4 },
		{ "x y ", 4 }, { ", status=sent (", 15 } };
	static char text[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
		size_t at = 0;

		while (at + kinds[i / 2].length < sizeof hostile) {
			memcpy(hostile + at, kinds[i / 2].octets, kinds[i / 2].length);
			at += kinds[i / 2].length;
		}
		hostile[at] = '\0';
		log_set_json(i % 2 != 0);
		begin();
		events_connected(hostile, hostile, hostile);
		size_t connections = logged(text)[0] != '\0' ? 1 : 0;
		begin();
		tell_all_hostile();
		check_lines(logged(text), (i % 2 != 0 ? 9 : 12) + connections, i % 2 != 0);
	}
	log_set_json(false);
}

/* Who writes such an address does not become a line's end. */
static void an_address_ends_where_it_ends(void **state)
{
	struct event_delivery forged = shortest;
	static char text[TEXT_SIZE];

	(void)state;
	forged.recipient = "\"x>, relay=y, delay=0, status=sent (\"@far.example";
	begin();
	events_bounced(&forged);
	assert_non_null(strstr(
	    logged(text), "to=<\"x?, relay=y, delay=0, status=sent (\"@far.example>, relay=none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_text),
		cmocka_unit_test(each_event_has_its_object),
		cmocka_unit_test(nothing_hostile_comes_through),
		cmocka_unit_test(an_address_ends_where_it_ends),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
