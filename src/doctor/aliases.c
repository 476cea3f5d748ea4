/* SPDX-License-Identifier: MIT */

/* The aliases file, and where root's mail goes. */

#include <string.h>

#include "base/memory.h"
#include "doctor/checks.h"
#include "policy/aliases.h"
#include "policy/expand.h"
#include "policy/wrong_ways.h"

/* Whom the faults are told to. */
struct hearing {
	struct patient *patient;
	int local_line; /* of the last entry that lost a target which a relay cannot follow */
};

/* As newaliases has it: packages ship lines such as "nobody: /dev/null", which are no fault. */
static bool is_harmless(struct hearing *hearing, const struct aliases_fault *fault)
{
	if (fault->kind == ALIASES_LOCAL)
		hearing->local_line = fault->line;
	return fault->kind == ALIASES_TWICE || fault->kind == ALIASES_LOCAL ||
	       (fault->kind == ALIASES_NOBODY && fault->line == hearing->local_line);
}

static void tell_fault(void *context, const struct aliases_fault *fault)
{
	struct hearing *hearing = context;
	const struct patient *patient = hearing->patient;
	struct span text = span_first(fault->text, 200);

	if (is_harmless(hearing, fault))
		return;
	finding_add(patient->findings, FINDING_YELLOW, "aliases.fault",
	    "%s line %d: \"%.*s\" is passed over: %s", fault->path, fault->line, span_int(text),
	    text.start, fault->reason);
	finding_next(
	    patient->findings, "%s: you@example.com", fault->name != NULL ? fault->name : "name");
}

static void tell_way(void *context, const struct wrong_way *way)
{
	struct patient *patient = context;

	if (way->is_local)
		return;
	finding_add(patient->findings, FINDING_YELLOW, "aliases.way", "%s", way->words);
	if (way->next[0] != '\0')
		finding_next(patient->findings, "%s", way->next);
	finding_suggest(patient->findings, "mailchute newaliases says more");
}

/* To whom it goes in the end, where that is another machine; NULL: nowhere. */
static const char *leaves_for(const struct config *config, const struct envelope *expanded)
{
	for (size_t i = 0; i < expanded->recipient_count; i++) {
		const char *address = expanded->recipients[i].address;
		const char *at = strrchr(address, '@');

		if (at == NULL || expand_is_this_host(span_from_string(at + 1)))
			continue;
		/* Only completed: no alias knew it. */
		if (strncmp(address, "root@", 5) == 0 && strcmp(at + 1, config->domain) == 0)
			continue;
		return address;
	}
	return NULL;
}

static void check_root(struct patient *patient, const struct aliases *aliases)
{
	struct envelope given CLEANUP(envelope_finish) = { 0 };
	struct envelope expanded CLEANUP(envelope_finish) = { 0 };
	struct error error;

	if (envelope_set_sender(&given, span_from_string(""), &error) < 0 ||
	    envelope_add_recipient(
		&given, span_from_string("root"), span_from_string(""), 0, &error) < 0)
		return;
	if (expand_envelope(&patient->config, aliases, &given, &expanded, &error) < 0) {
		finding_add_error(patient->findings, FINDING_YELLOW, "aliases.root", &error);
		finding_suggest(
		    patient->findings, "alias \"root\" { to = { \"you@example.com\" } }");
		return;
	}
	const char *target = leaves_for(&patient->config, &expanded);
	if (target != NULL) {
		finding_add(patient->findings, FINDING_GREEN, "aliases.root",
		    "mail for root goes to %s", target);
		return;
	}
	if (patient->is_by_variables) {
		finding_add(patient->findings, FINDING_GREEN, "aliases.root",
		    "mail for root has no reader; where something writes to it, set "
		    "MAILCHUTE_ROOT=you@example.com");
		return;
	}
	finding_add(patient->findings, FINDING_YELLOW, "aliases.root",
	    "mail for root goes to %s: no alias sends it to a person",
	    expanded.recipient_count != 0 ? expanded.recipients[0].address : "nobody");
	finding_next(patient->findings, "alias \"root\" { to = { \"you@example.com\" } }");
}

void aliases_check(struct patient *patient)
{
	struct aliases aliases CLEANUP(aliases_finish) = { 0 };
	struct hearing hearing = { .patient = patient };
	struct error error;

	if (aliases_load_telling(&aliases, &patient->config, tell_fault, &hearing, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "aliases.file", &error);
		finding_suggest(patient->findings,
		    "make it a file that all may read, or name another: aliases_file = \"/path\"");
		return;
	}
	wrong_ways_tell(&patient->config, &aliases, tell_way, patient);
	check_root(patient, &aliases);
}
