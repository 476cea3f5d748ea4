/* SPDX-License-Identifier: MIT */

/*
 * Tests config/config.c, and with it settings.c, block.c, blocks.c,
 * smarthost_block.c, overrides.c, check.c and alias_list.c.
 */

#include "config/config.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/environment.h"
#include "config/origins.h"
#include "config/secrets.h"

static char folder[] = "/tmp/mailchute-config-XXXXXX";

static const char *const variables[] = { "MAILCHUTE_CONFIG", "MAILCHUTE_URL", "MAILCHUTE_URL_FILE",
	"MAILCHUTE_USER", "MAILCHUTE_PASSWORD", "MAILCHUTE_PASSWORD_FILE", "MAILCHUTE_FROM",
	"MAILCHUTE_RATE", "MAILCHUTE_ROOT", "MAILCHUTE_DOMAIN", "MAILCHUTE_SPOOL", "MAILCHUTE_MODE",
	"MAILCHUTE_IDLE", "MAILCHUTE_LOG", "MAILCHUTE_LOG_FORMAT", "MAILCHUTE_EHLO",
	"MAILCHUTE_TIMEOUT", "MAILCHUTE_CAPTURE", "MAILCHUTE_FROM_POLICY", "SSL_CERT_FILE",
	"TEST_EMPTY", "TEST_LIST" };

static char *path_of(const char *name)
{
	return memory_format("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	CLEANUP(memory_free_string) char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static void remove_file(const char *name)
{
	CLEANUP(memory_free_string) char *path = path_of(name);

	(void)unlink(path);
}

static int load(const char *text, struct config *config, struct error *error)
{
	CLEANUP(memory_free_string) char *main_file = path_of("mailchute.conf");
	const struct config_sources sources = { .main_file = main_file, .run_secrets = folder };

	write_file("mailchute.conf", text);
	return config_load(&sources, config, error);
}

/* "identity" given, so that no test asks the network who this machine is. */
static const char identity[] = "identity { ehlo = \"h.example\" domain = \"d.example\" }\n";

static void two_lines_suffice(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };
	CLEANUP(memory_free_string)
	char *text = memory_format(
	    "%ssmarthost \"provider\" { url = \"smtp+tls://smtp.example.com:587\"  "
	    "from = \"alerts@example.com\" }\n"
	    "alias \"root\"         { to = { \"me@example.com\" } }\n",
	    identity);

	(void)state;
	if (load(text, &config, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(config.smarthost_count, 1);
	assert_string_equal(config.smarthosts[0].parameters.name, "provider");
	assert_string_equal(config.smarthosts[0].parameters.host, "smtp.example.com");
	assert_string_equal(config.smarthosts[0].parameters.from, "alerts@example.com");
	assert_int_equal(config.smarthosts[0].parameters.connect_timeout, 30000);
	assert_null(config.smarthosts[0].parameters.ca_file);
	assert_string_equal(config.smarthosts[0].secret, "provider");
	assert_int_equal(config.smarthosts[0].place.line, 2);
	assert_int_equal(config.alias_count, 1);
	assert_string_equal(config.aliases[0].name, "root");
	assert_string_equal(config.aliases[0].targets[0], "me@example.com");
	assert_int_equal(config.aliases[0].place.line, 3);
	assert_string_equal(config.ehlo, "h.example");
	assert_string_equal(config.domain, "d.example");
	assert_string_equal(config.aliases_file, "/etc/aliases");
	assert_string_equal(config.spool, MAILCHUTE_SPOOL_DIR);
	assert_int_equal(config.mode, CONFIG_MODE_AUTO);
	assert_int_equal(config.wait, CONFIG_WAIT_AUTO);
	assert_int_equal(config.wait_limit, 3000);
	assert_int_equal(config.timeout, 20000);
	assert_false(config.omits_received);
	assert_int_equal(config.limits.sessions, 100);
	assert_int_equal(config.limits.sessions_per_uid, 20);
	assert_int_equal(config.limits.messages_per_uid, 1000);
	assert_int_equal(config.limits.size_per_uid, 100 * 1024 * 1024);
	assert_int_equal(config.limits.reserve, 64 * 1024 * 1024);
	assert_int_equal(config.limits.reserve_percent, 5);
	assert_int_equal(config.retry_count, 5);
	assert_int_equal(config.retry[0], 30000);
	assert_int_equal(config.retry[4], 3600000);
	assert_int_equal(config.lifetime, 5 * 86400000);
	assert_int_equal(config.warn, 4 * 3600000);
	assert_string_equal(config.bounce, "root");
	assert_true(config.keeps_failed);
	assert_int_equal(config.failed_limit, INT64_C(30) * 86400000);
	assert_string_equal(config.log_to, "auto");
	assert_false(config.log_is_json);
	assert_false(config.log_subject);
	assert_string_equal(config.secrets_file, MAILCHUTE_SYSCONFDIR "/secrets.ini");
	assert_null(config.looked);
}

#define PIN \
	"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:" \
	"0D:0E:0F"

static void check_limits(const struct config_limits *limits)
{
	assert_int_equal(limits->sessions, 30);
	assert_int_equal(limits->sessions_per_uid, 5);
	assert_int_equal(limits->messages_per_uid, 0);
	assert_int_equal(limits->size_per_uid, UINT64_C(2) << 30);
	assert_int_equal(limits->reserve, 10 * 1024 * 1024);
	assert_int_equal(limits->reserve_percent, 3);
}

static void check_tls_and_addresses(const struct smarthost *smarthost)
{
	assert_string_equal(smarthost->client_certificate, "/c.pem");
	assert_string_equal(smarthost->client_key, "/c.key");
	assert_string_equal(smarthost->tls_name, "mail.b.example");
	assert_string_equal(smarthost->tls_fingerprint, "sha256:" PIN);
	assert_int_equal(smarthost->auth, SMARTHOST_AUTH_SCRAM);
	assert_true(smarthost->tls_min_is_1_3);
	assert_int_equal(smarthost->family, 4);
	assert_string_equal(smarthost->source, "192.0.2.7");
	assert_int_equal(smarthost->window, 1000);
	assert_int_equal(smarthost->rate, 14);
	assert_int_equal(smarthost->rate_period, 1000);
	assert_int_equal(smarthost->burst, 30);
	assert_int_equal(smarthost->connections, 20);
}

static void check_policy(const struct config *config)
{
	const struct smarthost *smarthost = &config->smarthosts[1].parameters;

	assert_int_equal(smarthost->from_policy, SMARTHOST_FROM_REJECT);
	assert_int_equal(smarthost->from_allow_count, 3);
	assert_string_equal(smarthost->from_allow[1], "b@x.example");
	assert_string_equal(smarthost->from_allow[2], "*@y.example");
	assert_int_equal(config->smarthosts[0].parameters.from_policy, SMARTHOST_FROM_AUTO);
	assert_int_equal(config->smarthosts[0].parameters.from_allow_count, 0);
	assert_string_equal(config->capture, "/my/caught");
	assert_int_equal(config->users.count, 3);
	assert_string_equal(config->users.items[0], "root");
	assert_string_equal(config->users.items[2], "AD\\joe");
	assert_int_equal(config->max_size, 25 << 20);
	assert_true(config->keeps_to);
}

static void every_setting_is_read(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("TEST_LIST", "a@x.example, b@x.example", 1);
	setenv("TEST_EMPTY", "", 1);
	if (load(
		"identity { ehlo = \"[192.0.2.1]\" domain = 'x.example' }\n"
		"smarthost \"a\" { url = \"smtps://a.example\" }\n"
		"smarthost \"b\" {\n url = \"smtp://b.example\" secret = \"a\" from = b@x.example\n"
		" ca_file = \"/ca\" timeout = \"5s\"\n"
		" client_cert = \"/c.pem\" client_key = \"/c.key\" tls_name = \"mail.b.example\"\n"
		" tls_fingerprint = \"sha256:" PIN "\"\n"
		" auth = scram tls_min = 1.3 ip = 4 source = \"192.0.2.7\"\n"
		" window = 1000 rate = \"14/s\" burst = 30 connections = 20\n"
		" from_policy = reject from_allow = { \"${TEST_LIST}\", \"*@y.example\" } }\n"
		"alias \"*\" { to = { \"${TEST_LIST}\", \"root\" } }\n"
		"alias \"Ops\" { to = ops@x.example }\n"
		"aliases_file = \"/my/aliases\" capture = \"/my/caught\"\n"
		"queue { dir = \"/q\" retry = { 1s, \"2m,3h\" } lifetime = 1d warn = 2h }\n"
		"queue { bounce = \"ops@x.example\" failed = drop failed_limit = 3d }\n"
		"submit { mode = direct wait = disk wait_limit = 250ms received = false }\n"
		"submit { timeout = \"${TEST_EMPTY:-1m}\" idle = 50ms }\n"
		"submit { users = { \"root, 33\", \"AD\\\\joe\" } max_size = 25M rewrite_to = "
		"false }\n"
		"limits { sessions = 30 sessions_per_uid = 5 messages_per_uid = \"0\" }\n"
		"limits { size_per_uid = \"2G\" reserve = \"10M\" reserve_percent = 3 }\n"
		"log { to = \"/var/log/x\" format = json subject = true }\n",
		&config, &error) != 0)
		fail_msg("%s", error.text);
	check_limits(&config.limits);
	check_policy(&config);
	assert_string_equal(config.ehlo, "[192.0.2.1]");
	assert_int_equal(config.smarthost_count, 2);
	assert_string_equal(config.smarthosts[1].secret, "a");
	assert_string_equal(config.smarthosts[1].parameters.from, "b@x.example");
	assert_string_equal(config.smarthosts[1].parameters.ca_file, "/ca");
	assert_int_equal(config.smarthosts[1].parameters.connect_timeout, 5000);
	check_tls_and_addresses(&config.smarthosts[1].parameters);
	assert_false(config.smarthosts[0].parameters.tls_min_is_1_3);
	assert_int_equal(config.smarthosts[0].parameters.family, 0);
	assert_int_equal(config.smarthosts[0].parameters.window, 20);
	assert_int_equal(config.smarthosts[0].parameters.connections, 2);
	assert_int_equal(config.smarthosts[0].parameters.rate, 0);
	assert_int_equal(config.smarthosts[0].parameters.burst, 1);
	assert_int_equal(config.aliases[0].target_count, 3);
	assert_string_equal(config.aliases[0].targets[1], "b@x.example");
	assert_string_equal(config.aliases[0].targets[2], "root");
	assert_string_equal(config.aliases[1].name, "Ops");
	assert_string_equal(config.aliases_file, "/my/aliases");
	assert_string_equal(config.spool, "/q");
	assert_int_equal(config.retry_count, 3);
	assert_int_equal(config.retry[2], 3 * 3600000);
	assert_int_equal(config.lifetime, 86400000);
	assert_int_equal(config.warn, 2 * 3600000);
	assert_string_equal(config.bounce, "ops@x.example");
	assert_false(config.keeps_failed);
	assert_int_equal(config.failed_limit, 3 * 86400000);
	assert_int_equal(config.mode, CONFIG_MODE_DIRECT);
	assert_int_equal(config.wait, CONFIG_WAIT_DISK);
	assert_int_equal(config.idle, 50);
	assert_int_equal(config.wait_limit, 250);
	assert_true(config.omits_received);
	/* An empty variable is no value: the default holds, though not the shell's. */
	assert_int_equal(config.timeout, 20000);
	assert_string_equal(config.log_to, "/var/log/x");
	assert_true(config.log_is_json);
	assert_true(config.log_subject);
}

#define A_AND_B \
	"smarthost \"provider\" { url = \"smtp://a.example\" }\n" \
	"smarthost \"b\" { url = \"smtp://b.example\" }\n"

static void check_route(const struct config_route *route)
{
	assert_string_equal(route->title, "news");
	assert_int_equal(route->from.count, 3);
	assert_string_equal(route->from.items[0], "*@news.example");
	assert_string_equal(route->from.items[2], "x@y.example");
	assert_int_equal(route->to.count, 1);
	assert_int_equal(route->uid_count, 2);
	assert_int_equal(route->uids[0], 0);
	assert_int_equal(route->uids[1], 1234);
	assert_int_equal(route->via_count, 2);
	assert_string_equal(route->via[0].smarthost, "b");
	assert_int_equal(route->via[0].weight, 3);
	assert_int_equal(route->via[1].weight, 1);
	assert_int_equal(route->place.line, 5);
}

static void routes_are_read_in_their_order(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("TEST_LIST", "*@news.example, news.example", 1);
	if (load("identity { ehlo = \"h.example\" domain = \"d.example\" }\n"
		 "smarthost \"b\" { url = \"smtp://b.example\" }\n"
		 "route \"last.of-all\" { via = { \"a\" } }\n"
		 "smarthost \"a\" { url = \"smtp://a.example\" }\n"
		 "route \"news\" { from = { \"${TEST_LIST}\", \"x@y.example\" } to = { "
		 "\"z.example\" }\n"
		 " user = { \"root\", \"1234\" } via = { \"b:3\", \"a:1\" } }\n",
		&config, &error) != 0)
		fail_msg("%s (%s)", error.text, error.next);
	assert_int_equal(config.route_count, 2);
	assert_string_equal(config.routes[0].title, "last.of-all");
	assert_int_equal(config.routes[0].via[0].weight, 0);
	check_route(&config.routes[1]);
}

/* With it goes what the routes lead to. */
static void a_url_in_the_environment_drops_the_routes(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("MAILCHUTE_URL", "smtp://other.example", 1);
	assert_int_equal(load("identity { ehlo = \"h.example\" domain = \"d.example\" }\n" A_AND_B
			      "route \"r\" { via = { \"b\" } }",
			     &config, &error),
	    0);
	assert_int_equal(config.smarthost_count, 1);
	assert_int_equal(config.route_count, 0);
}

static void faults_are_named_with_their_line(void **state)
{
	static const struct row {
		const char *text;
		const char *want;
		const char *next;
	} rows[] = {
		{ "x = \"1\"", "line 1: there is no option \"x\" outside of blocks", "" },
		{ "Identity { }", "line 1: there is no block \"Identity\"", "\"identity\"" },
		{ "queue {\n lifetme = \"5d\"\n}",
		    "line 2: there is no option \"lifetme\" in queue",
		    "the nearest known one is \"lifetime\"" },
		{ "queue {\n failed = \"keeep\" }",
		    "line 2: failed = \"keeep\" is neither \"keep\" nor \"drop\"",
		    "failed = \"keep\"" },
		{ "queue { bounce = \"a b\" }", "line 1: ", "" },
		{ "queue { warn = \"soon\" }", "line 1: ", "" },
		{ "smarthost \"a\" {\n\n uri = \"5d\"\n}",
		    "line 3: there is no option \"uri\" in smarthost", "\"url\"" },
		{ "smarthost { url = \"x\" }", "line 1: smarthost has no title", "" },
		{ "queue \"a\" { }", "line 1: queue takes no title", "queue {" },
		{ "queue = \"a\"", "line 1: there is no option \"queue\"", "it is a block" },
		{ "aliases_file = { \"/a\" }", "line 1: aliases_file takes one value, not a list",
		    "/etc/aliases" },
		{ "smarthost \"a\" {\n}", "line 1: smarthost \"a\" has no url", "url = " },
		{ "smarthost \"a\" {\n url = \"${TEST_EMPTY}\" }", "smarthost \"a\" has no url",
		    "" },
		{ "smarthost \"a\" {\n url = \"http://x\" }", "line 2: ", "" },
		{ "smarthost \"a\" {\n url = \"smtp://u:hunter2@x\" }",
		    "line 2: the url of smarthost \"a\" holds a password", "secrets.ini" },
		{ "smarthost \"a b\" { url = \"smtp://x\" }", "line 1: smarthost = \"a b\" is no",
		    "" },
		{ "smarthost \"a\" { url = \"smtp://x\" }\nsmarthost \"A\" { url = \"smtp://x\" }",
		    "line 2: smarthost \"A\" differs from \"a\" in line 1 only by case", "" },
		{ "smarthost \"a\" { url = \"smtp://x\" }\nsmarthost \"a\" { url = \"smtp://x\" }",
		    "line 2: smarthost \"a\" stands in line 1 already", "" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n from = root }", "line 2: from = \"root\"",
		    "" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n tls_min = 1.1 }",
		    "line 2: tls_min = \"1.1\" is no word that is known here",
		    "(known: 1.2, 1.3)" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n auth = ntlm }",
		    "line 2: auth = \"ntlm\" is no word that is known here",
		    "(known: auto, plain, login, cram-md5, scram, xoauth2, oauthbearer, external, "
		    "none)" },
		{ "smarthost \"a\" { url = \"smtps://x\"\n auth = external }",
		    "line 2: smarthost \"a\": auth = \"external\"", "client_cert" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n ip = 5 }", "line 2: ip = \"5\" is no",
		    "(known: any, 4, 6)" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n source = eth0 }",
		    "line 2: source = \"eth0\" is no IP address", "192.0.2.1" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n ip = 6 source = \"192.0.2.1\" }",
		    "line 2: smarthost \"a\": source is no address of the family", "ip = \"any\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n client_cert = c.pem }",
		    "line 2: client_cert = \"c.pem\" is no absolute path", "" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n client_key = \"/k\" }",
		    "line 2: smarthost \"a\": client_key stands without client_cert", "both" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n tls_name = \"a b\" }",
		    "line 2: tls_name = \"a b\"", "" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n tls_fingerprint = \"sha1:00\" }",
		    "line 2: tls_fingerprint = \"sha1:00\" is no SHA-256", "-fingerprint -sha256" },
		{ "smarthost \"a\" { url = \"smtp+notls://x\"\n tls_fingerprint = \"sha256:" PIN
		  "\" }",
		    "line 2: smarthost \"a\": tls_fingerprint asks for TLS", "smtps://" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n tls_nmae = \"x\" }",
		    "line 2: there is no option \"tls_nmae\" in smarthost", "\"tls_name\"" },
		{ A_AND_B "route \"r\" { via = { \"b\" } rate = \"30 a minute\" }",
		    "rate = \"30 a minute\"", "rate = \"30/min\"" },
		{ A_AND_B "route \"r\" { via = { \"b\" } burst = 3 }",
		    "route \"r\": burst stands without a rate", "write: rate" },
		{ A_AND_B "route \"r\" { via = { \"provder\" } }",
		    "line 3: via = \"provder\": there is no",
		    "the nearest known one is \"provider\"" },
		{ A_AND_B "route \"r\" { via = { \"zzz\" } }", "line 3: via = \"zzz\": there is no",
		    "via = { \"provider\" }" },
		{ A_AND_B "route \"r\" { }", "line 3: route \"r\" has no via",
		    "via = { \"provider\" }" },
		{ A_AND_B "route \"r\" { via = { \"provider\", \"b\", \"provider\" } }",
		    "line 3: via names \"provider\" twice", "" },
		{ A_AND_B "route \"r\" { via = { \"provider:2\", \"b\" } }",
		    "line 3: via = \"b\": some have a weight", "\"a:3\", \"b:1\"" },
		{ A_AND_B "route \"r\" { via = { \"provider:0\" } }",
		    "line 3: via = \"provider:0\": its weight is no number from 1 to 1000", "" },
		{ A_AND_B "route \"r\" { via = { \"b\" } }\nroute \"R\" { via = { \"b\" } }",
		    "line 4: there is a route \"r\" in line 3 already", "" },
		{ A_AND_B "route \"r\" { via = { \"b\" } }\nroute \"r\" { via = { \"b\" } }",
		    "line 4: route \"r\" stands in line 3 already", "" },
		{ A_AND_B "route \"r\" {\n from = { \"*example.com\" } via = { \"b\" } }",
		    "line 4: from = \"*example.com\" is neither an address nor a domain",
		    "\"*@example.com\"" },
		{ A_AND_B "route \"r\" {\n to = { *@example.com } via = { \"b\" } }",
		    "line 4: \"*@example.com\" must be in double quotes", "" },
		{ A_AND_B "route \"r\" {\n to = { \"\" } via = { \"b\" } }",
		    "line 4: to of route \"r\" is empty", "remove to" },
		{ A_AND_B "route \"r\" {\n user = { \"nobody.of.that.name\" } via = { \"b\" } }",
		    "line 4: user = \"nobody.of.that.name\": there is no user", "its number" },
		{ A_AND_B "route \"r\" {\n form = { \"x.example\" } via = { \"b\" } }",
		    "there is no option \"form\" in route", "\"from\"" },
		{ "route \"r\" { via = { \"b\" } }",
		    "line 1: via = \"b\": there is no such smarthost", "" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n connections = 21 }",
		    "line 2: connections = \"21\" is no number from 1 to 20",
		    "connections = \"20\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n connections = \"\" connection = 1 }",
		    "line 2: there is no option \"connection\"", "\"connections\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n window = 0 }",
		    "line 2: window = \"0\" is no number from 1 to 1000", "window = \"1\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n window = 1001 }",
		    "line 2: window = \"1001\" is no number from 1 to 1000", "window = \"1000\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n rate = \"30/minute\" }",
		    "line 2: rate = \"30/minute\" is no rate", "rate = \"30/min\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n rate = \"30/min\" burst = many }",
		    "line 2: burst = \"many\" is no number", "burst = \"1\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n burst = 2 }",
		    "line 2: smarthost \"a\": burst stands without a rate", "rate = \"30/min\"" },
		{ "alias \"a\" {\n to = { \"@example.com\" } }", "line 2: to = \"@example.com\"",
		    "quotes" },
		{ "alias \"a\" {\n to = { \"|prog\" } }", "line 2: to = \"|prog\": programs", "" },
		{ "alias \"a\" { }", "line 1: to names nobody", "" },
		{ "alias \"a\" {\n to = { \"${TEST_EMPTY}\" } }", "line 2: to names nobody", "" },
		{ "alias \"a\" { to = b }\nalias \"A\" { to = c }",
		    "line 2: there is an alias \"a\" in line 1 already", "" },
		{ "alias \"a@b.example\" { to = c }", "line 1: alias \"a@b.example\"",
		    "alias \"a\"" },
		{ "submit {\n mode = dirct }", "line 2: mode = \"dirct\"", "mode = \"direct\"" },
		{ "submit {\n wait = never }", "line 2: wait = \"never\"", "outcome" },
		{ "submit {\n rewrite_to = of }", "line 2: rewrite_to = \"of\"", "\"false\"" },
		{ "submit {\n users = { \"a b\" } }", "line 2: users = \"a b\" is no user",
		    "\"*\"" },
		{ "submit {\n users = { \"${TEST_EMPTY}\" } }", "line 2: users names nobody",
		    "users = { \"*\" }" },
		{ "submit {\n users = { } }", "line 2: users names nobody", "" },
		{ "smarthost \"office\" { url = \"smtp://x\" }\nsmarthost \"ofice\" { rate = "
		  "\"1/s\" }",
		    "line 2: smarthost \"ofice\" has no url",
		    "the nearest one that has is \"office\"" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n user = \"me\" }",
		    "line 2: there is no option \"user\" in smarthost", "mailchute secret set a" },
		{ "queue {\n dir = smtp+tls://u:hunter2@h }",
		    "line 2: \"smtp+tls://*********@h\" must",
		    "write: dir = \"smtp+tls://*********@h\" }" },
		{ "queue {\n dir = \"smtps://u:hunter2@h\" }",
		    "line 2: dir = \"smtps://*********@h\"", "" },
		{ "submit {\n max_size = 25MB }", "line 2: max_size = \"25MB\" is no size",
		    "100M" },
		{ "capture = caught", "line 1: capture = \"caught\" is no absolute path", "" },
		{ "smarthost \"a\" { url = \"smtp://x\"\n from_policy = rewrit }",
		    "line 2: from_policy = \"rewrit\"", "\"rewrite\" (known: auto, repair, " },
		{ "smarthost \"a\" { url = \"smtp://x\"\n from_allow = { \"*x.example\" } }",
		    "line 2: from_allow = \"*x.example\" is neither an address", "" },
		{ "submit {\n received = off }", "line 2: received = \"off\"", "\"false\"" },
		{ "submit {\n timeout = soon }", "line 2: timeout = \"soon\" is no time", "30s" },
		{ "submit {\n timeout = 0 }", "line 2: timeout = \"0\" is no time", "" },
		{ "queue {\n retry = { 1s, 1x } }", "line 2: retry = \"1x\" is no time", "" },
		{ "queue {\n dir = spool }", "line 2: dir = \"spool\" is no absolute path", "" },
		{ "limits {\n sessions = 301 }",
		    "line 2: sessions = \"301\" is no number from 1 to 300", "sessions = \"300\"" },
		{ "limits {\n sessions_per_uid = 0 }", "line 2: sessions_per_uid = \"0\"", "" },
		{ "limits {\n messages_per_uid = many }",
		    "line 2: messages_per_uid = \"many\" is no number from 0", "" },
		{ "limits {\n size_per_uid = \"100 MB\" }",
		    "line 2: size_per_uid = \"100 MB\" is no size", "size_per_uid = \"100M\"" },
		{ "limits {\n reserve = \"5%\" }", "line 2: reserve = \"5%\" is no size", "" },
		{ "limits {\n reserve_percent = 51 }", "line 2: reserve_percent = \"51\"", "50" },
		{ "limits {\n session = 7 }", "line 2: there is no option \"session\"",
		    "\"sessions\"" },
		{ "log {\n to = jornal }", "line 2: to = \"jornal\"", "syslog" },
		{ "log {\n format = xml }", "line 2: format = \"xml\"", "json" },
		{ "log {\n subject = 2 }", "line 2: subject = \"2\"", "true" },
		{ "identity {\n ehlo = \"a b\" }", "line 2: ehlo = \"a b\"", "" },
		{ "identity {\n domain = \"a..b\" }", "line 2: domain = \"a..b\"", "" },
		{ "queue {\n dir = \"/a\";\n}", "line 2: there are no semicolons", "" },
	};

	(void)state;
	setenv("TEST_EMPTY", "", 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config config = { 0 };
		struct error error = { 0 };

		if (load(rows[i].text, &config, &error) != -1)
			fail_msg("%s: no fault", rows[i].text);
		if (strstr(error.text, rows[i].want) == NULL ||
		    strstr(error.next, rows[i].next) == NULL)
			fail_msg(
			    "%s: said \"%s\" and \"%s\"", rows[i].text, error.text, error.next);
		assert_non_null(strstr(error.text, "mailchute.conf line "));
		/* One mistake is one fault. */
		if (strstr(error.next, "more: ") != NULL)
			fail_msg("%s: %s", rows[i].text, error.next);
		assert_string_equal(error.code, "MC-CONF-14");
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_null(strstr(error.text, "hunter2"));
		assert_null(strstr(error.next, "hunter2"));
		assert_int_equal(config.smarthost_count, 0);
		assert_null(config.ehlo);
	}
}

/* Where it does not belong, and is at fault besides. */
static void a_password_at_fault_is_not_shown(void **state)
{
	static const char *const texts[] = {
		"smarthost \"a\" { url = \"smtp://x\"\n password = hunter2#x }",
		"smarthost \"a\" { url = \"smtp://x\"\n password = \"hunter2\"; }",
		"smarthost \"a\" { url = \"smtp://x\"\n rate = *; password = \"hunter2\" }",
		"smarthost \"a\" { url = \"smtp://x\"\n password = \"hunter2\" rate = * }",
		"smarthost \"a\" { url = \"smtp://x\"\n password \"hunter2\" }",
		"smarthost \"a\" { url = \"smtp://x\"\n password = \"x\" \"hunter2\" }",
		"smarthost \"a\" { url = \"smtp://x\"\n token = \"hunter2\" }",
		"smarthost \"a\" { url = smtp+tls://u:hunter2@x }",
		"smarthost \"a\" { url = \"smtps://u:hunter2@x\"; }",
		"smarthost \"a\" { url = \"smtpx://u:hunter2@x\" }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct config config = { 0 };
		struct error error = { 0 };

		assert_int_equal(load(texts[i], &config, &error), -1);
		if (strstr(error.text, "hunter") != NULL || strstr(error.next, "hunter") != NULL)
			fail_msg("\"%s\" and \"%s\"", error.text, error.next);
	}
}

static void the_environment_comes_last(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("MAILCHUTE_URL", "smtp+tls://me%40x.example:p%3Aa%25ss@smtp.x.example", 1);
	setenv("MAILCHUTE_ROOT", "a@x.example,b@x.example", 1);
	setenv("MAILCHUTE_DOMAIN", "x.example", 1);
	setenv("MAILCHUTE_SPOOL", "/s", 1);
	setenv("MAILCHUTE_MODE", "spool", 1);
	setenv("MAILCHUTE_IDLE", "70ms", 1);
	setenv("MAILCHUTE_LOG", "stderr", 1);
	setenv("MAILCHUTE_LOG_FORMAT", "json", 1);
	setenv("MAILCHUTE_RATE", "1000/h", 1);
	setenv("MAILCHUTE_EHLO", "e.example", 1);
	setenv("MAILCHUTE_TIMEOUT", "7s", 1);
	setenv("MAILCHUTE_CAPTURE", "/caught", 1);
	setenv("MAILCHUTE_FROM_POLICY", "keep", 1);
	if (load("identity { ehlo = h.example }\n"
		 "smarthost \"a\" { url = \"smtp://a\" }\nsmarthost \"b\" { url = \"smtp://b\" }\n"
		 "alias \"Root\" { to = c@x.example }\nsubmit { mode = direct }",
		&config, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(config.smarthost_count, 1);
	struct smarthost *smarthost = &config.smarthosts[0].parameters;
	assert_string_equal(smarthost->name, "default");
	assert_string_equal(smarthost->user, "me@x.example");
	assert_string_equal(smarthost->password, "p:a%ss");
	assert_string_equal(smarthost->from, "me@x.example");
	assert_int_equal(smarthost->rate, 1000);
	assert_int_equal(smarthost->rate_period, 3600000);
	assert_string_equal(config.smarthosts[0].place.file, "MAILCHUTE_URL");
	assert_int_equal(config.alias_count, 2);
	assert_int_equal(config.aliases[0].target_count, 2);
	assert_string_equal(config.aliases[1].name, "*");
	assert_int_equal(config.aliases[1].target_count, 2);
	assert_string_equal(
	    config_find_origin(&config, "alias", "*", "to")->where, "MAILCHUTE_ROOT");
	assert_string_equal(config.domain, "x.example");
	assert_string_equal(config.spool, "/s");
	assert_int_equal(config.mode, CONFIG_MODE_SPOOL);
	assert_int_equal(config.idle, 70);
	assert_string_equal(config.ehlo, "e.example");
	assert_int_equal(config.timeout, 7000);
	assert_string_equal(config.capture, "/caught");
	assert_int_equal(smarthost->from_policy, SMARTHOST_FROM_KEEP);
	assert_string_equal(config.log_to, "stderr");
	assert_true(config.log_is_json);
}

static void root_is_all_names_that_have_no_other(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("MAILCHUTE_ROOT", "a@x.example", 1);
	assert_int_equal(load("identity { ehlo = h.example domain = d.example }\n"
			      "alias \"*\" { to = \"b@x.example\" }",
			     &config, &error),
	    0);
	assert_int_equal(config.alias_count, 2);
	assert_string_equal(config.aliases[0].targets[0], "b@x.example");
	assert_string_equal(config.aliases[1].name, "root");
	assert_string_equal(config.aliases[1].targets[0], "a@x.example");
}

static void a_bundle_is_for_whoever_has_none(void **state)
{
	static const char text[] =
	    "identity { ehlo = h.example domain = d.example }\n"
	    "smarthost \"plain\" { url = \"smtp+notls://a.example\" }\n"
	    "smarthost \"own\" { url = \"smtps://b.example\" ca_file = \"/own.pem\" }\n"
	    "smarthost \"none\" { url = \"smtps://c.example\" }";
	CLEANUP(config_finish) struct config config = { 0 };
	struct config other = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("SSL_CERT_FILE", "/etc/bundle.pem", 1);
	assert_int_equal(load(text, &config, &error), 0);
	assert_null(config.smarthosts[0].parameters.ca_file);
	assert_string_equal(config.smarthosts[1].parameters.ca_file, "/own.pem");
	assert_string_equal(config.smarthosts[2].parameters.ca_file, "/etc/bundle.pem");
	const struct config_origin *origin = config_find_origin(
	    &config, "smarthost", "none", "ca_file");
	assert_string_equal(origin->value, "/etc/bundle.pem");
	assert_string_equal(origin->where, "SSL_CERT_FILE");
	setenv("SSL_CERT_FILE", "bundle.pem", 1);
	assert_int_equal(load(text, &other, &error), -1);
	assert_non_null(strstr(error.text, "SSL_CERT_FILE"));
}

static void an_ignored_environment_changes_nothing(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	CLEANUP(memory_free_string) char *main_file = path_of("mailchute.conf");
	const struct config_sources sources = {
		.main_file = main_file, .run_secrets = folder, .ignores_environment = true
	};
	struct error error = { 0 };

	(void)state;
	setenv("MAILCHUTE_URL", "smtp://evil.example", 1);
	setenv("MAILCHUTE_DOMAIN", "evil.example", 1);
	setenv("MAILCHUTE_CONFIG", "/nowhere", 1);
	write_file("mailchute.conf", identity);
	assert_int_equal(config_load(&sources, &config, &error), 0);
	assert_int_equal(config.smarthost_count, 0);
	assert_string_equal(config.domain, "d.example");
	assert_non_null(strstr(config.looked, "MAILCHUTE_URL (does not count here)"));
	struct config other = { 0 };
	write_file("mailchute.conf", "identity {\n domain = \"${MAILCHUTE_DOMAIN}\" }");
	assert_int_equal(config_load(&sources, &other, &error), -1);
	assert_non_null(strstr(error.text, "line 2: ${...} reads the environment"));
}

static void login_variables(void **state)
{
	static const struct row {
		const char *url;
		const char *user;
		const char *password;
		const char *want_user; /* NULL: a fault */
		const char *want_password;
	} rows[] = {
		{ "smtps://x.example", "u", "p", "u", "p" },
		{ "smtps://v@x.example", "", "p", "v", "p" },
		{ "smtps://v:q@x.example", "", "p", "v", "p" },
		{ "smtps://v:q@x.example", "u", "", "u", "q" },
		{ "smtps://x.example", "", "p", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(config_finish) struct config config = { 0 };
		struct error error = { 0 };

		setenv("MAILCHUTE_URL", rows[i].url, 1);
		setenv("MAILCHUTE_USER", rows[i].user, 1);
		setenv("MAILCHUTE_PASSWORD", rows[i].password, 1);
		int outcome = load(identity, &config, &error);
		assert_int_equal(outcome, rows[i].want_user != NULL ? 0 : -1);
		if (outcome < 0)
			continue;
		assert_string_equal(config.smarthosts[0].parameters.user, rows[i].want_user);
		assert_string_equal(
		    config.smarthosts[0].parameters.password, rows[i].want_password);
	}
}

static void run_secrets_need_no_variable(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	CLEANUP(memory_free_string) char *subfolder = path_of("mailchute");
	CLEANUP(memory_free_string) char *secrets = path_of("mailchute/secrets.ini");
	struct error error = { 0 };

	(void)state;
	write_file("mailchute_url", "smtps://me%40x.example@smtp.x.example\n");
	write_file("smtp_password", "pa ss\n");
	assert_int_equal(mkdir(subfolder, 0700), 0);
	write_file("mailchute/secrets.ini", "[default]\n");
	int outcome = load(identity, &config, &error);
	remove_file("mailchute_url");
	remove_file("smtp_password");
	remove_file("mailchute/secrets.ini");
	assert_int_equal(rmdir(subfolder), 0);
	assert_int_equal(outcome, 0);
	assert_int_equal(config.smarthost_count, 1);
	assert_string_equal(config.smarthosts[0].parameters.user, "me@x.example");
	assert_string_equal(config.smarthosts[0].parameters.password, "pa ss");
	assert_string_equal(config.secrets_file, secrets);
}

static void variables_at_fault_are_named(void **state)
{
	static const struct row {
		const char *name;
		const char *value;
		const char *want;
	} rows[] = {
		{ "MAILCHUTE_URL", "smtp.example.com", "MAILCHUTE_URL: " },
		{ "MAILCHUTE_URL_FILE", "/nowhere/url", "MAILCHUTE_URL_FILE names /nowhere/url" },
		{ "MAILCHUTE_CONFIG", "/nowhere/conf", NULL },
		{ "MAILCHUTE_ROOT", "a b", "MAILCHUTE_ROOT = \"a b\"" },
		{ "MAILCHUTE_ROOT", " , ", "MAILCHUTE_ROOT names nobody" },
		{ "MAILCHUTE_DOMAIN", "a b", "MAILCHUTE_DOMAIN = \"a b\"" },
		{ "MAILCHUTE_SPOOL", "here", "MAILCHUTE_SPOOL = \"here\"" },
		{ "MAILCHUTE_MODE", "fast", "MAILCHUTE_MODE = \"fast\"" },
		{ "MAILCHUTE_IDLE", "soon", "MAILCHUTE_IDLE = \"soon\"" },
		{ "MAILCHUTE_LOG", "loud", "MAILCHUTE_LOG = \"loud\"" },
		{ "MAILCHUTE_LOG_FORMAT", "xml", "MAILCHUTE_LOG_FORMAT = \"xml\"" },
		{ "MAILCHUTE_FROM", "root", "MAILCHUTE_FROM = \"root\"" },
		{ "MAILCHUTE_EHLO", "a b", "MAILCHUTE_EHLO = \"a b\"" },
		{ "MAILCHUTE_TIMEOUT", "soon", "MAILCHUTE_TIMEOUT = \"soon\"" },
		{ "MAILCHUTE_CAPTURE", "caught", "MAILCHUTE_CAPTURE = \"caught\"" },
		{ "MAILCHUTE_FROM_POLICY", "keeep", "MAILCHUTE_FROM_POLICY = \"keeep\"" },
		{ "MAILCHUTE_RATE", "30", "MAILCHUTE_RATE = \"30\" is no rate" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(config_finish) struct config config = { 0 };
		struct error error = { 0 };

		setenv(rows[i].name, rows[i].value, 1);
		int outcome = load(identity, &config, &error);
		unsetenv(rows[i].name);
		/* A main file named by the caller is not asked for by variable. */
		assert_int_equal(outcome, rows[i].want != NULL ? -1 : 0);
		if (rows[i].want != NULL && strstr(error.text, rows[i].want) == NULL)
			fail_msg("%s: %s", rows[i].name, error.text);
	}
}

static void a_named_file_must_exist(void **state)
{
	const struct config_sources sources = { .run_secrets = folder };
	CLEANUP(config_finish) struct config config = { 0 };
	CLEANUP(memory_free_string) char *main_file = path_of("mailchute.conf");
	struct error error = { 0 };

	(void)state;
	setenv("MAILCHUTE_CONFIG", "/nowhere/conf", 1);
	assert_int_equal(config_load(&sources, &config, &error), -1);
	assert_non_null(strstr(error.text, "MAILCHUTE_CONFIG names /nowhere/conf"));
	write_file("mailchute.conf", identity);
	setenv("MAILCHUTE_CONFIG", main_file, 1);
	assert_int_equal(config_load(&sources, &config, &error), 0);
	assert_string_equal(config.domain, "d.example");
}

static void no_smarthost_says_what_was_looked_at(void **state)
{
	const struct config_sources sources = { .main_file = "/nowhere/conf",
		.run_secrets = folder };
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	setenv("MAILCHUTE_DOMAIN", "d.example", 1);
	assert_int_equal(config_load(&sources, &config, &error), 0);
	assert_int_equal(config_no_smarthost(&config, &error), -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_non_null(
	    strstr(error.text, "no smarthost is configured, so there is nowhere to send "
			       "mail (looked: /nowhere/conf (missing), "));
	assert_non_null(strstr(error.text, "/mailchute_url (missing), MAILCHUTE_URL (unset here"));
	assert_non_null(strstr(error.next, "smarthost \"provider\" { url = "));
	assert_non_null(strstr(error.next, "alias \"root\""));
	assert_non_null(strstr(error.next, "mailchute setup"));
	assert_string_equal(error.code, "MC-CONF-15");
	/* Without settings the machine still has names for EHLO and for bare names. */
	assert_string_not_equal(config.ehlo, "localhost");
	assert_string_not_equal(config.ehlo, "");
	assert_string_equal(config.domain, "d.example");
}

/* Takes the '#' from lines that have no blank behind it. */
static char *uncomment(const char *path)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct buffer output = { 0 };
	struct error error;
	struct span line;

	buffer_init(&text, 65536);
	buffer_init(&output, 65536);
	if (file_read_whole(path, &text, &error) < 0)
		fail_msg("%s", error.text);
	struct span rest = buffer_span(&text);
	while (span_take_line(&rest, &line)) {
		/* An option of a block is written "#    name". */
		bool is_example = span_starts_with(line, "#") &&
				  (!span_starts_with(line, "# ") ||
				      span_starts_with(line, "#    "));

		buffer_append_span(&output, is_example ? span_after(line, 1) : line);
		buffer_append_byte(&output, '\n');
	}
	return buffer_take_string(&output);
}

static void the_examples_are_true(void **state)
{
	CLEANUP(memory_free_string) char *settings = uncomment("../etc/mailchute.conf");
	CLEANUP(memory_free_string) char *secrets = uncomment("../etc/secrets.ini");
	CLEANUP(memory_free_string) char *path = path_of("secrets.ini");
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	if (load(settings, &config, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(config.smarthost_count, 3);
	assert_int_equal(config.alias_count, 3);
	assert_int_equal(config.retry_count, 5);
	/* The defaults that the file shows are the ones that hold. */
	assert_int_equal(config.wait_limit, 3000);
	assert_int_equal(config.timeout, 20000);
	assert_false(config.omits_received);
	assert_int_equal(config.lifetime, 5 * 86400000);
	assert_int_equal(config.smarthosts[1].parameters.window, SMARTHOST_WINDOW);
	assert_int_equal(config.smarthosts[1].parameters.rate, 30);
	assert_int_equal(config.smarthosts[1].parameters.burst, 1);
	write_file("secrets.ini", secrets);
	assert_int_equal(chmod(path, 0600), 0);
	if (secrets_read(path, "provider", &config.smarthosts[0].parameters, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(
	    config.smarthosts[0].parameters.password, "the password, with any #;= in it");
	assert_int_equal(
	    secrets_read(path, "office365", &config.smarthosts[1].parameters, &error), -1);
	assert_non_null(strstr(error.text, "office365.password, which does not exist"));
	assert_int_equal(
	    secrets_read(path, "workspace", &config.smarthosts[2].parameters, &error), -1);
	assert_non_null(strstr(error.text, "workspace.token, which does not exist"));
}

static int clear_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		unsetenv(variables[i]);
	return 0;
}

static int make_folder(void **state)
{
	(void)clear_environment(state);
	if (!environment_counts()) {
		fprintf(stderr, "a mailchute.conf is installed: root's variables do not count\n");
		return -1;
	}
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	remove_file("mailchute.conf");
	remove_file("secrets.ini");
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(two_lines_suffice, clear_environment),
		cmocka_unit_test_teardown(every_setting_is_read, clear_environment),
		cmocka_unit_test_teardown(routes_are_read_in_their_order, clear_environment),
		cmocka_unit_test_teardown(
		    a_url_in_the_environment_drops_the_routes, clear_environment),
		cmocka_unit_test_teardown(faults_are_named_with_their_line, clear_environment),
		cmocka_unit_test_teardown(a_password_at_fault_is_not_shown, clear_environment),
		cmocka_unit_test_teardown(the_environment_comes_last, clear_environment),
		cmocka_unit_test_teardown(
		    an_ignored_environment_changes_nothing, clear_environment),
		cmocka_unit_test_teardown(root_is_all_names_that_have_no_other, clear_environment),
		cmocka_unit_test_teardown(a_bundle_is_for_whoever_has_none, clear_environment),
		cmocka_unit_test_teardown(login_variables, clear_environment),
		cmocka_unit_test_teardown(run_secrets_need_no_variable, clear_environment),
		cmocka_unit_test_teardown(variables_at_fault_are_named, clear_environment),
		cmocka_unit_test_teardown(a_named_file_must_exist, clear_environment),
		cmocka_unit_test_teardown(no_smarthost_says_what_was_looked_at, clear_environment),
		cmocka_unit_test_teardown(the_examples_are_true, clear_environment),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
