/* SPDX-License-Identifier: MIT */

#include "import/postfix_server.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* What a mail server is more than we are; NULL: nobody misses it. */
static const struct {
	const char *name; /* a * at its end takes the rest */
	const char *why;
} lost[] = {
	{ "inet_interfaces", "" },
	{ "mydestination", "" },
	{ "always_bcc", "no copies are made" },
	{ "sender_bcc_maps", "no copies are made" },
	{ "recipient_bcc_maps", "no copies are made" },
	{ "smtpd_milters", "there are no filters" },
	{ "non_smtpd_milters", "there are no filters" },
	{ "content_filter", "there are no filters" },
	{ "header_checks", "header checks are not made" },
	{ "body_checks", "body checks are not made" },
	{ "transport_maps", "" },
	{ "relay_domains", "" },
	{ "relay_recipient_maps", "mail is taken from this machine alone" },
	{ "recipient_canonical_maps", "addresses of recipients are not rewritten, but by aliases" },
	{ "masquerade_domains", "write: identity { domain = \"example.com\" }" },
	{ "virtual_mailbox_*", "there are no mailboxes" },
	{ "virtual_transport", "there are no mailboxes" },
	{ "home_mailbox",
	    "there are no mailboxes: mail for names here goes where their alias says" },
	{ "mailbox_command",
	    "there are no mailboxes: mail for names here goes where their alias says" },
	{ "mailbox_transport", "there are no mailboxes" },
	{ "smtp_connection_cache_*", NULL },
	{ "smtpd_*", NULL },
	{ "smtp_tls_*", NULL },
	{ "smtp_sasl_*", NULL },
	{ "smtp_*timeout", NULL },
	{ "compatibility_level", NULL },
	{ "default_*", NULL },
	{ "mail_*", NULL },
	{ "mailbox_size_limit", NULL },
	{ "mynetworks*", NULL },
	{ "append_*", NULL },
	{ "local_*", NULL },
	{ "bounce_*", NULL },
	{ "debug*", NULL },
	{ "maillog_file*", NULL },
	{ "milter_*", NULL },
	{ "virtual_alias_domains", NULL },
	{ "sender_canonical_classes", NULL },
	{ "canonical_classes", NULL },
};

/* What is read above, or matters to nobody who only sends. */
static const char *const quiet[] = { "relayhost", "smtp_fallback_relay", "smtp_use_tls",
	"smtp_enforce_tls", "smtp_bind_address", "smtp_bind_address6", "smtp_helo_name",
	"sender_dependent_relayhost_maps", "smtp_sender_dependent_authentication",
	"smtp_generic_maps", "sender_canonical_maps", "canonical_maps", "smtp_header_checks",
	"virtual_alias_maps", "alias_maps", "alias_database", "luser_relay", "myorigin",
	"myhostname", "mydomain", "message_size_limit", "inet_protocols", "maximal_queue_lifetime",
	"delay_warning_time", "smtp_destination_rate_delay", "smtp_destination_concurrency_limit",
	"biff", "readme_directory", "html_directory", "manpage_directory", "sample_directory",
	"command_directory", "daemon_directory", "data_directory", "queue_directory",
	"config_directory", "meta_directory", "shlib_directory", "recipient_delimiter",
	"mail_owner", "setgid_group", "newaliases_path", "sendmail_path", "mailq_path",
	"swap_bangpath", "disable_dns_lookups", "smtp_host_lookup", "smtp_dns_support_level",
	"tls_random_source", "tls_preempt_cipherlist", "tls_high_cipherlist",
	"tls_medium_cipherlist", "unknown_local_recipient_reject_code", "owner_request_special",
	"disable_vrfy_command", "smtp_address_preference", "smtp_always_send_ehlo",
	"minimal_backoff_time", "maximal_backoff_time", "queue_run_delay", "bounce_queue_lifetime",
	"strict_rfc821_envelopes", "show_user_unknown_table_name", "notify_classes",
	"relay_transport", "export_environment", "import_environment", "smtp_mx_session_limit",
	"remote_header_rewrite_domain", "allow_percent_hack", "smtputf8_enable",
	"enable_long_queue_ids", "multi_instance_enable", "process_id_directory",
	"parent_domain_matches_subdomains", "empty_address_recipient", "strict_smtputf8",
	"xforward_hosts", "lmtp_host_lookup", "in_flow_delay", "stale_lock_time",
	"error_notice_recipient", "2bounce_notice_recipient", "double_bounce_sender",
	"resolve_numeric_domain", "authorized_submit_users" };

static bool is_quiet(const char *name)
{
	for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++)
		if (strcmp(quiet[i], name) == 0)
			return true;
	return false;
}

static bool is_match(const char *pattern, const char *name)
{
	const char *star = strchr(pattern, '*');

	if (star == NULL)
		return strcmp(pattern, name) == 0;
	size_t tail = strlen(star + 1);
	size_t length = strlen(name);

	return strncmp(pattern, name, (size_t)(star - pattern)) == 0 &&
	       length >= (size_t)(star - pattern) + tail &&
	       strcmp(name + length - tail, star + 1) == 0;
}

/* Whether what it says now is more than a null client's. */
static void note_server(struct postfix_reader *reader, const struct postfix_parameter *parameter)
{
	CLEANUP(memory_free_string)
	char *value = postfix_parameters_expand(
	    &reader->parameters, span_from_string(parameter->value));
	const char *why = NULL;

	if (value[0] == '\0')
		return;
	if (strcmp(parameter->name, "inet_interfaces") == 0 &&
	    strcasecmp(value, "loopback-only") != 0 && strcasecmp(value, "localhost") != 0 &&
	    strncmp(value, "127.", 4) != 0)
		why = "mail is taken from this machine alone, not from the network";
	else if (strcmp(parameter->name, "mydestination") == 0)
		why = "there are no mailboxes: mail for names here goes where their alias says, "
		      "else to "
		      "the smarthost";
	else if (strcmp(parameter->name, "relay_domains") == 0 &&
		 strstr(value, "mydestination") == NULL)
		why = "mail is taken from this machine alone";
	else if (strcmp(parameter->name, "transport_maps") == 0)
		why =
		    "write a route: route \"name\" { to = { \"example.com\" } via = { \"...\" } }";
	if (why != NULL)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, parameter->line,
		    "%s: %s", parameter->name, why);
}

static void note_parameter(struct postfix_reader *reader, const struct postfix_parameter *parameter)
{
	if (is_quiet(parameter->name) || parameter->value[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
		if (!is_match(lost[i].name, parameter->name))
			continue;
		if (lost[i].why != NULL && lost[i].why[0] == '\0')
			note_server(reader, parameter);
		else if (lost[i].why != NULL)
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    parameter->line, "%s: %s", parameter->name, lost[i].why);
		return;
	}
	plan_note(reader->room->plan, PLAN_LOST, reader->source.path, parameter->line,
	    "%s has no counterpart here", parameter->name);
}

void postfix_server_note(struct postfix_reader *reader)
{
	for (size_t i = 0; i < reader->parameters.count; i++) {
		const struct postfix_parameter *parameter = &reader->parameters.items[i];

		/* Of two only the last counts. */
		if (postfix_parameters_find(&reader->parameters, parameter->name) == parameter)
			note_parameter(reader, parameter);
		else if (strcmp(parameter->name, "relayhost") == 0)
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    parameter->line, "relayhost is set again below, and that one counts");
	}
}
