/* SPDX-License-Identifier: MIT */

/* Who this is, and what this machine is called. */

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "doctor/checks.h"
#include "policy/sender.h"

static bool is_local_name(const char *name)
{
	struct span span = span_from_string(name);

	return span_equals_string_ignoring_case(span, "localhost") ||
	       span_starts_with_ignoring_case(span, "localhost.");
}

static void check_hello(struct patient *patient)
{
	const char *hello = patient->config.ehlo;

	/* An address literal is right by RFC 5321, 4.1.3, but not every machine's own. */
	if (hello[0] == '[' && strncmp(hello, "[127.", 5) != 0)
		return;
	if (hello[0] != '[' && strchr(hello, '.') != NULL && !is_local_name(hello))
		return;
	finding_add(patient->findings, FINDING_YELLOW, "identity.ehlo",
	    "this machine calls itself %s to smarthosts, and some refuse that", hello);
	finding_next(patient->findings, "identity { ehlo = \"host.example.com\" }");
}

/* Such a sender leaves as the from of every smarthost, if need be. */
static bool is_repaired(const struct config *config)
{
	char *sender CLEANUP(memory_free_string) = memory_format("name@%s", config->domain);
	const char *reason;

	for (size_t i = 0; i < config->smarthost_count; i++)
		if (sender_judge(&config->smarthosts[i].parameters, sender, &reason) !=
		    SENDER_BECOMES_FROM)
			return false;
	return config->smarthost_count != 0;
}

/* No such recipient leaves. */
static bool is_caught(const struct config *config)
{
	for (size_t i = 0; i < config->alias_count; i++)
		if (strcmp(config->aliases[i].name, "*") == 0)
			return true;
	return false;
}

static void check_domain(struct patient *patient)
{
	const struct config *config = &patient->config;

	/* In a container with no other settings bare names are nobody's (J1 of users.md). */
	if ((strchr(config->domain, '.') != NULL && !is_local_name(config->domain)) ||
	    patient->is_by_variables)
		return;
	/* In Message-ID and other headers it offends nobody (RFC 5322, 3.6.4). */
	if (is_repaired(config) && is_caught(config)) {
		finding_add(patient->findings, FINDING_GREEN, "identity.domain",
		    "name@%s is no address elsewhere, and none leaves: such senders become from, "
		    "and alias \"*\" has such recipients",
		    config->domain);
		return;
	}
	finding_add(patient->findings, FINDING_YELLOW, "identity.domain",
	    "bare names become name@%s%s%s%s, which is no address elsewhere", config->domain,
	    config->domain_source != NULL ? " (" : "",
	    config->domain_source != NULL ? config->domain_source : "",
	    config->domain_source != NULL ? ")" : "");
	finding_next(patient->findings, "identity { domain = \"example.com\" }");
}

/* The first address that mail can be from, whoever sends it. */
static const char *first_from(const struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (config->smarthosts[i].parameters.from != NULL)
			return config->smarthosts[i].parameters.from;
	return NULL;
}

/* That there is no from is said of the smarthost. */
static void tell_user(struct patient *patient)
{
	char *user CLEANUP(memory_free_string) = patient_user(geteuid());
	const char *from = first_from(&patient->config);
	bool is_nameless = getpwuid(geteuid()) == NULL;

	finding_add(patient->findings, FINDING_GREEN, "identity.user",
	    "%s%s%s%s%s, group %u; this machine is %s, bare names get @%s", user,
	    is_nameless ? " (no name in /etc/passwd" : "",
	    is_nameless && from != NULL ? "; mail is from " : "",
	    is_nameless && from != NULL ? from : "", is_nameless ? ")" : "", (unsigned)getegid(),
	    patient->config.ehlo, patient->config.domain);
}

void identity_check(struct patient *patient)
{
	tell_user(patient);
	check_hello(patient);
	check_domain(patient);
}
