/* SPDX-License-Identifier: MIT */

#include "policy/explain.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "config/origins.h"
#include "message/address.h"
#include "policy/expand.h"
#include "policy/route.h"
#include "policy/sender.h"

enum { TARGETS_SHOWN = 20 }; /* of one alias */

/* ---- what becomes of the recipient ---- */

static void write_alias(const struct alias *alias, const char *address, struct buffer *steps)
{
	buffer_format(steps, "%s... aliased to ", address);
	for (size_t i = 0; i < alias->target_count && i < TARGETS_SHOWN; i++)
		buffer_format(steps, "%s%s", i != 0 ? ", " : "", alias->targets[i]);
	if (alias->target_count > TARGETS_SHOWN)
		buffer_format(steps, " and %zu more", alias->target_count - TARGETS_SHOWN);
	buffer_format(steps, " (%s%s)\n", strcmp(alias->name, "*") == 0 ? "alias \"*\" in " : "",
	    alias->source);
}

static void see_step(void *context, const struct expand_step *step)
{
	struct explain *explain = context;
	const struct config *config = explain->config;
	struct address parts = address_split(span_from_string(step->address));

	if (step->words != NULL) {
		const char *next = step->next != NULL ? step->next : "";

		buffer_format(&explain->steps, "    %s%s%s%s\n", step->is_fault ? "warning: " : "",
		    step->words, next[0] != '\0' ? "; " : "", next);
	}
	if (step->alias != NULL) {
		write_alias(step->alias, step->address, &explain->steps);
		return;
	}
	if (strcmp(step->address, step->result) == 0)
		return;
	buffer_format(&explain->steps, "%s... completed to %s (%sthe domain is from %s)\n",
	    step->address, step->result,
	    parts.domain.length != 0 ? "that domain is this machine; " : "",
	    config->domain_source != NULL ? config->domain_source : "the settings");
}

static int expand(struct explain *explain, const struct explain_question *question,
    const struct envelope *given, struct error *error)
{
	const struct expand_witness witness = { see_step, explain };

	return expand_envelope_before(
	    question->config, question->aliases, given, &witness, &explain->envelope, error);
}

/* Where this recipient's copy goes.  -1: nowhere, and list has all that it might have been. */
static int find_list(
    const struct explain *explain, size_t recipient, struct route_list *list, struct error *error)
{
	const struct route_question question = {
		.sender = explain->envelope.sender,
		.author = explain->author,
		.recipient = explain->envelope.recipients[recipient].address,
		.uid = explain->uid,
	};

	route_list(explain->config, &question, list);
	if (list->count == 0)
		return config_no_smarthost(explain->config, error);
	if (explain->filter == NULL ||
	    explain->filter(explain->filter_context, question.sender, list, error) == 0)
		return 0;
	return error_prefix(error, "%s: ", question.recipient);
}

static struct route_list list_for(const struct explain *explain, size_t recipient)
{
	struct route_list list;
	struct error ignored;

	(void)find_list(explain, recipient, &list, &ignored);
	return list;
}

static int make_given(
    const struct explain_question *question, struct envelope *given, struct error *error)
{
	if (question->given != NULL) {
		envelope_copy(question->given, given);
		return 0;
	}
	if (envelope_set_sender(given, span_from_string(question->complete_sender), error) < 0)
		return -1;
	return envelope_add_recipient(
	    given, span_from_string(question->recipient), (struct span){ 0 }, 0, error);
}

static char *copy_or_null(const char *text)
{
	return text != NULL ? memory_copy_string(text) : NULL;
}

/* All of them, for the message goes to all or to none. */
static int find_lists(struct explain *explain, struct error *error)
{
	assert(explain->envelope.recipient_count != 0);
	for (size_t i = 0; i < explain->envelope.recipient_count; i++) {
		struct route_list list;

		if (find_list(explain, i, &list, error) < 0)
			return -1;
		if (i == 0)
			explain->smarthost = list.smarthosts[0];
	}
	return 0;
}

int explain_find(
    struct explain *explain, const struct explain_question *question, struct error *error)
{
	CLEANUP(explain_finish)
	struct explain found = {
		.config = question->config,
		.uid = question->uid,
		.filter = question->filter,
		.filter_context = question->filter_context,
		.author = copy_or_null(question->author),
		.sender_given = copy_or_null(question->sender),
		.fault = copy_or_null(question->aliases->fault),
	};
	CLEANUP(envelope_finish) struct envelope given = { 0 };

	buffer_init(&found.steps, SIZE_MAX / 2);
	if (make_given(question, &given, error) < 0 ||
	    expand(&found, question, &given, error) < 0 || find_lists(&found, error) < 0)
		return -1;
	found.sender_complete = memory_copy_string(given.sender);
	*explain = found;
	found = (struct explain){ 0 };
	return 0;
}

void explain_finish(struct explain *explain)
{
	free(explain->author);
	free(explain->sender_given);
	free(explain->sender_complete);
	free(explain->fault);
	envelope_finish(&explain->envelope);
	buffer_finish(&explain->steps);
	*explain = (struct explain){ 0 };
}

/* ---- in words ---- */

struct writing {
	const struct explain *explain;
	const struct explain_login *login;
	explain_line *take;
	void *context;
	bool is_stopped;
};

static void write_span(struct writing *writing, struct span line)
{
	if (!writing->is_stopped)
		writing->is_stopped = !writing->take(writing->context, line);
}

/* Frees the line. */
static void write_take(struct writing *writing, char *line)
{
	write_span(writing, span_from_string(line));
	free(line);
}

static void write_steps(struct writing *writing)
{
	struct span rest = buffer_span(&writing->explain->steps);
	struct span line;

	while (span_take_line(&rest, &line))
		write_span(writing, line);
}

static void write_recipients(struct writing *writing)
{
	const struct envelope *envelope = &writing->explain->envelope;

	for (size_t i = 0; i < envelope->recipient_count && !writing->is_stopped; i++) {
		const char *address = envelope->recipients[i].address;
		struct route_list list = list_for(writing->explain, i);
		const struct smarthost *smarthost = &list.smarthosts[0]->parameters;

		write_take(writing,
		    memory_format("%s... deliverable: mailer %s, host %s, user %s", address,
			smarthost->is_lmtp ? "lmtp" : "relay",
			smarthost->host != NULL ? smarthost->host : smarthost->path, address));
	}
}

/* As the session decides it (session.c, tls_is_required). */
static const char *tls_words(const struct smarthost *smarthost)
{
	switch (smarthost->tls) {
	case SMARTHOST_TLS_NEVER:
		return "without TLS";
	case SMARTHOST_TLS_STARTTLS:
		return "with STARTTLS or not at all";
	case SMARTHOST_TLS_IMPLICIT:
		return "with TLS from the first octet";
	case SMARTHOST_TLS_IF_OFFERED:
		break;
	}
	return smarthost->user != NULL && !smarthost->is_loopback
		   ? "with STARTTLS or not at all, because there is a login"
		   : "with STARTTLS if it is offered";
}

static char *login_words(const struct explain_login *login)
{
	const struct smarthost *known = login->known;

	if (known == NULL)
		return memory_format("the login cannot be read: %s", login->fault->text);
	if (known->user == NULL)
		return memory_copy_string("no login");
	if (known->user[0] == '\0')
		return memory_copy_string("login by certificate");
	return login->is_shown ? memory_format("login as %s", known->user)
			       : memory_copy_string("with a login");
}

static char *place_words(const struct config_place *place)
{
	return place->line != 0 ? memory_format("%s line %d", place->file, place->line)
				: memory_copy_string(place->file);
}

/* The others of its list, in the order in which they are tried. */
static void write_fallbacks(struct writing *writing, const struct route_list *list)
{
	struct buffer names CLEANUP(buffer_finish) = { 0 };

	buffer_init(&names, SIZE_MAX / 2);
	for (size_t i = 1; i < list->count; i++)
		buffer_format(&names, "%s\"%s\"", i > 1 ? ", then " : "",
		    list->smarthosts[i]->parameters.name);
	if (list->count > 1)
		write_take(
		    writing, memory_format("    while it is down: %s", buffer_string(&names)));
}

/* Aliases may lead to recipients that other routes are for. */
static void write_other_routes(struct writing *writing)
{
	const struct explain *explain = writing->explain;

	for (size_t i = 1; i < explain->envelope.recipient_count && !writing->is_stopped; i++) {
		struct route_list list = list_for(explain, i);
		CLEANUP(memory_free_string)
		char *reason = route_reason(explain->config, &list);

		if (list.smarthosts[0] != explain->smarthost)
			write_take(writing, memory_format("    smarthost \"%s\" for %s, %s",
						list.smarthosts[0]->parameters.name,
						explain->envelope.recipients[i].address, reason));
	}
}

static void write_smarthost(struct writing *writing)
{
	const struct explain *explain = writing->explain;
	const struct config_smarthost *smarthost = explain->smarthost;
	const struct smarthost *parameters = writing->login->known != NULL ? writing->login->known
									   : &smarthost->parameters;
	CLEANUP(memory_free_string) char *label = smarthost_label(parameters);
	CLEANUP(memory_free_string) char *login = login_words(writing->login);
	CLEANUP(memory_free_string) char *place = place_words(&smarthost->place);
	struct route_list list = list_for(explain, 0);
	CLEANUP(memory_free_string) char *reason = route_reason(explain->config, &list);

	write_take(writing, memory_format("    smarthost \"%s\", %s (%s): %s", parameters->name,
				reason, place, parameters->url));
	write_fallbacks(writing, &list);
	write_take(writing,
	    memory_format("    connection to %s %s, %s", label, tls_words(parameters), login));
}

/* The envelope's sender before the smarthost is looked at. */
static void write_own_sender(struct writing *writing)
{
	const struct explain *explain = writing->explain;
	const char *complete = explain->sender_complete;
	const char *source = explain->config->domain_source;

	if (source == NULL)
		source = "the settings";
	if (explain->sender_given == NULL)
		write_take(writing,
		    memory_format("    sender %s: the caller's own name, its domain from %s",
			complete, source));
	else if (strcmp(explain->sender_given, complete) != 0)
		write_take(writing, memory_format("    sender %s: %s, its domain from %s", complete,
					explain->sender_given, source));
	if (strcmp(explain->envelope.sender, complete) != 0)
		write_take(writing, memory_format("    sender %s: the owner of the list",
					explain->envelope.sender));
}

/* " (FILE line 3)", or "". */
static char *origin_words(const struct writing *writing, const char *option)
{
	const struct explain *explain = writing->explain;
	const struct config_origin *origin = config_find_origin(
	    explain->config, "smarthost", explain->smarthost->parameters.name, option);

	return origin != NULL ? memory_format(" (%s)", origin->where) : memory_copy_string("");
}

/* The settings that decide about senders.  A from that is the login is not for everybody. */
static void write_policy(struct writing *writing)
{
	const struct smarthost *parameters = &writing->explain->smarthost->parameters;
	CLEANUP(memory_free_string) char *policy = origin_words(writing, "from_policy");
	CLEANUP(memory_free_string) char *from = origin_words(writing, "from");
	bool has_from = parameters->from != NULL;

	write_take(writing,
	    memory_format("    from_policy is \"%s\"%s%s%s%s",
		sender_policy_name(parameters->from_policy), policy, has_from ? ", from is " : "",
		has_from ? parameters->from : "", has_from ? from : ""));
}

static void write_second_chance(
    struct writing *writing, const struct smarthost *known, const char *sender)
{
	if (known->from_policy == SMARTHOST_FROM_AUTO && known->from != NULL && sender[0] != '\0' &&
	    strcmp(sender, known->from) != 0)
		write_take(writing,
		    memory_format(
			"    should the smarthost refuse it, this and later messages of it "
			"go as %s",
			known->from));
}

static void write_sender(struct writing *writing)
{
	const struct smarthost *known = writing->login->known;
	const char *complete = writing->explain->envelope.sender;
	const char *shown = complete[0] != '\0' ? complete : "<>";
	CLEANUP(memory_free_string) char *outgoing = NULL;

	write_own_sender(writing);
	write_policy(writing);
	if (known == NULL)
		known = &writing->explain->smarthost->parameters;
	const char *reason;
	enum sender_fate fate = sender_judge(known, complete, &reason);
	outgoing = sender_outgoing(known, complete);
	if (fate == SENDER_IS_REFUSED) {
		write_take(
		    writing, memory_format("    sender %s is refused, because %s", shown, reason));
		return;
	}
	if (fate == SENDER_STAYS) {
		write_take(writing,
		    memory_format("    sender %s stays as it is, because %s", shown, reason));
		write_second_chance(writing, known, complete);
		return;
	}
	write_take(writing,
	    memory_format("    sender %s goes as %s, because %s", shown, outgoing, reason));
	write_take(writing,
	    memory_format(
		"    From, Sender and Resent-From with such an address get %s in its place, too",
		outgoing));
}

void explain_write(const struct explain *explain, const struct explain_login *login,
    explain_line *take, void *context)
{
	struct writing writing = { explain, login, take, context, false };

	assert(explain->smarthost != NULL && (login->known != NULL || login->fault != NULL));
	write_steps(&writing);
	write_recipients(&writing);
	write_smarthost(&writing);
	write_sender(&writing);
	write_other_routes(&writing);
	if (explain->fault != NULL)
		write_take(&writing, memory_format("    warning: %s", explain->fault));
}
