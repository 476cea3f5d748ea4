/* SPDX-License-Identifier: MIT */

/* What the settings say, and whether each smarthost's login can be read. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "config/environment.h"
#include "config/origins.h"
#include "config/secrets.h"
#include "config/secrets_text.h"
#include "doctor/checks.h"
#include "import/predecessor.h"
#include "net/tls.h"
#include "net/tls_facts.h"
#include "service/outgoing.h"

static bool is_wanted(const struct patient *patient, const struct config_smarthost *smarthost)
{
	return patient->request->smarthost == NULL ||
	       strcmp(patient->request->smarthost, smarthost->parameters.name) == 0;
}

/* A password in the clear is refused when it is to be sent; here it is seen before. */
static void check_clear(struct patient *patient, const struct smarthost *known)
{
	CLEANUP(memory_free_string) char *host = smarthost_url_host(known);
	char place[PATIENT_PLACE_SIZE];

	if (known->tls != SMARTHOST_TLS_NEVER || known->is_loopback)
		return;
	patient_place(patient, known->name, "url", place);
	finding_add(patient->findings, FINDING_YELLOW, "settings.cleartext",
	    "smarthost \"%s\": %s never uses TLS, so mail%s can be read on its way", known->name,
	    known->url, known->user != NULL ? " and login" : "");
	if (patient->is_by_variables)
		finding_next(patient->findings, "MAILCHUTE_URL=smtp+tls://%s:587", host);
	else
		finding_next(patient->findings,
		    "smarthost \"%s\" { url = \"smtp+tls://%s:587\" }%s", known->name, host, place);
}

/* The files that a handshake needs; where TLS is only welcome, mail leaves without them. */
static void check_tls(struct patient *patient, const struct smarthost *known)
{
	const struct tls_client_settings settings = {
		.ca_file = known->ca_file,
		.certificate = known->client_certificate,
		.key = known->client_key,
		.name = known->tls_name,
		.fingerprint = known->tls_fingerprint,
		.min_is_1_3 = known->tls_min_is_1_3,
	};
	struct error error;

	if (known->tls == SMARTHOST_TLS_NEVER ||
	    (known->tls == SMARTHOST_TLS_IF_OFFERED && known->password == NULL))
		return;
	struct tls *tls = tls_client_new_with(&settings, &error);
	if (tls == NULL) {
		finding_add_error(patient->findings, FINDING_RED, "settings.tls", &error);
		finding_suggest(
		    patient->findings, "correct the file, or the setting that names it");
	}
	tls_free(tls);
}

static void check_from(struct patient *patient, const struct smarthost *known)
{
	char place[PATIENT_PLACE_SIZE];

	if (known->from != NULL)
		return;
	patient_place(patient, known->name, "from", place);
	finding_add(patient->findings, FINDING_YELLOW, "settings.from",
	    "smarthost \"%s\" has no from%s: senders like root@%s go out as they are, which most "
	    "providers refuse",
	    known->name,
	    known->from_policy == SMARTHOST_FROM_REWRITE
		? ", so from_policy = \"rewrite\" has nobody to put there"
		: "",
	    patient->config.domain);
	if (patient->is_by_variables)
		finding_next(patient->findings, "MAILCHUTE_FROM=you@example.com");
	else
		finding_next(patient->findings, "smarthost \"%s\" { from = \"you@example.com\" }%s",
		    known->name, place);
}

static bool is_told(const struct findings *findings, const char *text)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].text, text) == 0)
			return true;
	return false;
}

static void tell_secret_fault(void *context, const struct error *fault)
{
	const struct patient *patient = context;

	finding_add_error(patient->findings, FINDING_RED, "settings.secret", fault);
	finding_suggest(patient->findings, "mailchute secret list shows where each login stands");
}

/* Callers need no secret where a service has it, so that is for service_check to judge. */
static void tell_unreadable(struct patient *patient, const struct error *error)
{
	if (geteuid() != 0 && access(patient->config.secrets_file, F_OK) == 0 &&
	    access(patient->config.secrets_file, R_OK) < 0) {
		patient->lacks_secret = true;
		patient->secret_error = *error;
		return;
	}
	if (!is_told(patient->findings, error->text))
		tell_secret_fault(patient, error);
}

/* The first one whose login would stand in a section that is not there; NULL: none. */
static const struct config_smarthost *without_section(const struct config *config, struct span text)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (config->smarthosts[i].parameters.user == NULL &&
		    !secrets_text_has_section(text, config->smarthosts[i].secret))
			return &config->smarthosts[i];
	return NULL;
}

static bool has_owner(const struct config *config, struct span section)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (span_equals_string_ignoring_case(section, config->smarthosts[i].secret))
			return true;
	return false;
}

/* A title with a slip of the pen leaves its smarthost without a login, and nothing else tells. */
static void check_sections(struct patient *patient)
{
	struct buffer text CLEANUP(buffer_finish_secret) = { 0 };
	struct span section;
	struct error ignored;
	size_t at = 0;

	buffer_init(&text, 1 << 20);
	(void)buffer_reserve(&text, 1 << 20);
	if (file_read_whole(patient->config.secrets_file, &text, &ignored) < 0)
		return;
	const struct config_smarthost *bare = without_section(&patient->config, buffer_span(&text));
	while (bare != NULL && secrets_text_next_section(buffer_span(&text), &at, &section)) {
		if (has_owner(&patient->config, section))
			continue;
		finding_add(patient->findings, FINDING_YELLOW, "settings.section",
		    "section [%.*s] of %s belongs to no smarthost, and smarthost \"%s\" has no "
		    "login",
		    span_int(section), section.start, patient->config.secrets_file,
		    bare->parameters.name);
		finding_next(patient->findings, "if it is that one's, name it [%s]", bare->secret);
	}
}

/* All of them, where each smarthost would tell but the first. */
static void check_secrets(struct patient *patient)
{
	const char *path = patient->config.secrets_file;
	struct error error;

	if (access(path, R_OK) == 0)
		(void)secrets_check(path, tell_secret_fault, patient, &error);
	if (!patient->is_by_variables)
		check_sections(patient);
}

enum { CERTIFICATE_DAYS = 30, DAY = 24 * 60 * 60 };

/* Ours: nobody else will tell when it ends. */
static void check_client_certificate(struct patient *patient, const struct smarthost *known)
{
	struct tls_facts facts;

	if (known->client_certificate == NULL ||
	    !tls_facts_read_file(known->client_certificate, &facts))
		return;
	int64_t days = (facts.until - clock_wall() / 1000) / DAY;
	if (facts.until == 0 || days >= CERTIFICATE_DAYS)
		return;
	finding_add(patient->findings, days < 0 ? FINDING_RED : FINDING_YELLOW,
	    "settings.client_cert",
	    "smarthost \"%s\": our certificate %s (%s) %s %" PRId64 " days%s", known->name,
	    known->client_certificate, facts.chain, days < 0 ? "ended" : "ends in",
	    days < 0 ? -days : days, days < 0 ? " ago" : "");
	finding_next(patient->findings, "have it renewed, and put the new one into %s",
	    known->client_certificate);
}

/* ", password of 16 characters": enough to see that it is not the one that was meant. */
static void describe_secret(const struct smarthost *known, char *text, size_t size)
{
	text[0] = '\0';
	if (known->token != NULL)
		text_copy(text, size, ", by a token");
	else if (known->token_command != NULL)
		text_copy(text, size, ", by a token_command");
	else if (known->password != NULL)
		(void)snprintf(text, size, ", password of %zu characters", strlen(known->password));
}

static void check_smarthost(struct patient *patient, const struct config_smarthost *smarthost)
{
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
	const struct smarthost *known = &relay.smarthost;
	struct error error;
	char secret[64];

	if (outgoing_relay(&patient->config, smarthost, &relay, &error) < 0) {
		tell_unreadable(patient, &error);
		return;
	}
	describe_secret(known, secret, sizeof secret);
	finding_add(patient->findings, FINDING_GREEN, "settings.smarthost",
	    "\"%s\": %s, %s%s%s%s%s", known->name, known->url,
	    known->user != NULL && known->user[0] != '\0' ? "login as " : "no login",
	    known->user != NULL ? known->user : "", secret,
	    known->from != NULL ? ", sends as " : "", known->from != NULL ? known->from : "");
	check_clear(patient, known);
	check_tls(patient, known);
	check_client_certificate(patient, known);
	check_from(patient, known);
	login_check(patient, known);
}

static void check_capture(struct patient *patient)
{
	if (patient->config.capture == NULL || patient->config.capture[0] == '\0')
		return;
	finding_add(patient->findings, FINDING_YELLOW, "settings.capture",
	    "CAPTURE ON: all mail is kept in %s, and none leaves this machine",
	    patient->config.capture);
	finding_next(patient->findings,
	    "remove capture = \"%s\" (or MAILCHUTE_CAPTURE) where mail is to be sent",
	    patient->config.capture);
}

/* What sent mail here before knows all that is asked for. */
static void suggest_import(struct patient *patient)
{
	for (const struct predecessor *one = predecessors; one->name != NULL; one++) {
		char *path CLEANUP(memory_free_string) = one->sign != NULL
							     ? patient_path(patient, one->sign)
							     : NULL;

		if (path == NULL || access(path, F_OK) < 0)
			continue;
		finding_next(patient->findings,
		    "%s of an older set-up is there: mailchute import %s", one->sign, one->name);
		return;
	}
}

static void tell_unknown(struct patient *patient)
{
	const struct config *config = &patient->config;
	struct buffer names CLEANUP(buffer_finish) = { 0 };

	buffer_init(&names, 1000);
	for (size_t i = 0; i < config->smarthost_count; i++)
		buffer_format(
		    &names, "%s%s", i != 0 ? ", " : "", config->smarthosts[i].parameters.name);
	finding_add(patient->findings, FINDING_RED, "settings.name", "there is no smarthost \"%s\"",
	    patient->request->smarthost);
	finding_next(patient->findings, "these are there: %s", buffer_string(&names));
}

/* A sidecar's clients have the socket alone. */
static void tell_nowhere(struct patient *patient)
{
	struct error error;

	if (service_answers()) {
		patient->is_by_variables = true;
		finding_add(patient->findings, FINDING_GREEN, "settings.elsewhere",
		    "no smarthost is configured here, and need not be: the service has its own");
		return;
	}
	config_no_smarthost(&patient->config, &error);
	finding_add_error(patient->findings, FINDING_RED, "settings.nowhere", &error);
	suggest_import(patient);
}

static void check_all(struct patient *patient)
{
	const struct config *config = &patient->config;
	bool is_any_wanted = false;

	if (config->smarthost_count == 0)
		tell_nowhere(patient);
	check_secrets(patient);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		if (!is_wanted(patient, &config->smarthosts[i]))
			continue;
		is_any_wanted = true;
		check_smarthost(patient, &config->smarthosts[i]);
	}
	if (config->smarthost_count != 0 && !is_any_wanted)
		tell_unknown(patient);
}

/* "FILE line 3" is the file, each told once. */
static void add_source(struct buffer *sources, const char *where)
{
	const char *end = strstr(where, " line ");
	char *source CLEANUP(memory_free_string) = end != NULL
						       ? memory_copy(where, (size_t)(end - where))
						       : memory_copy_string(where);

	if (strstr(buffer_string(sources), source) == NULL)
		buffer_format(sources, "%s%s", sources->length != 0 ? ", " : "", source);
}

/* An administrator's, not one that a container is given. */
static bool is_file(const char *where)
{
	return where[0] == '/' && strncmp(where, "/run/secrets/", 13) != 0;
}

static void tell_sources(struct patient *patient)
{
	const struct config *config = &patient->config;
	struct buffer sources CLEANUP(buffer_finish) = { 0 };

	bool is_by_variables = true;

	buffer_init(&sources, 1000);
	for (size_t i = 0; i < config->origin_count; i++)
		if (config->origins[i].is_set) {
			add_source(&sources, config->origins[i].where);
			is_by_variables = is_by_variables && !is_file(config->origins[i].where);
		}
	patient->is_by_variables = sources.length != 0 && is_by_variables;
	if (sources.length != 0)
		finding_add(patient->findings, FINDING_GREEN, "settings.source", "%s",
		    buffer_string(&sources));
}

/* What this user may not read, a service that answers him has read. */
static bool need_not_be_read(struct patient *patient)
{
	const char *named = environment_get("MAILCHUTE_CONFIG");
	const char *path = named != NULL ? named : MAILCHUTE_SYSCONFDIR "/mailchute.conf";

	if (eaccess(path, R_OK) == 0 || errno != EACCES || !service_answers())
		return false;
	finding_add(patient->findings, FINDING_GREEN, "settings.elsewhere",
	    "%s cannot be read by this user, and need not be: the service reads it", path);
	return true;
}

static void tell_fault(void *context, const struct error *fault)
{
	const struct patient *patient = context;

	finding_add_error(patient->findings, FINDING_RED, "settings.fault", fault);
	finding_suggest(
	    patient->findings, "mailchute config --defaults shows all that may stand there");
}

void configuration_check(struct patient *patient)
{
	const struct config_sources sources = { 0 };
	struct error error;

	if (need_not_be_read(patient))
		return;
	if (config_load_telling(&sources, &patient->config, tell_fault, patient, &error) < 0) {
		/* What is at fault outside of any file was not told one by one. */
		if (finding_find(patient->findings, "settings.fault") == NULL)
			tell_fault(patient, &error);
		return;
	}
	patient->has_config = true;
	tell_sources(patient);
	check_capture(patient);
	check_all(patient);
}
