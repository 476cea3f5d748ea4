/* SPDX-License-Identifier: MIT */

#include "config/smarthost_block.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/span.h"

/* A drop-in is for a smarthost of another file, by its title. */
static const char *nearest_title(const struct block *block)
{
	const struct entries *entries = block->entries;
	const char **titles = memory_allocate((entries->block_count + 1) * sizeof *titles);
	size_t count = 0;

	for (size_t i = 0; i < entries->block_count; i++)
		if (strcmp(entries->blocks[i].name, block->name) == 0 &&
		    entries_find(&entries->blocks[i], "url") != NULL)
			titles[count++] = entries->blocks[i].title;
	const char *nearest = nearest_name(span_from_string(block->title), titles, count);
	free(titles);
	return nearest;
}

static void refuse_url(const struct block *block)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	const char *nearest = nearest_title(block);
	struct error error;

	error_set(
	    &error, ERROR_CONFIG, "5.3.5", "%s: smarthost \"%s\" has no url", where, block->title);
	error_next(&error, "write: url = \"smtp+tls://smtp.example.com:587\"%s%s%s",
	    nearest != NULL ? "; the nearest one that has is \"" : "",
	    nearest != NULL ? nearest : "", nearest != NULL ? "\"" : "");
	/* It may stand in a file that could not be understood. */
	if (block->is_whole)
		block_fault(block, NULL, &error);
}

static int read_url(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	if (smarthost_set_url(target, span_from_string(text), error) < 0)
		return error_prefix(error, "%s: ", place->where);
	return 0;
}

static void take_url(const struct block *block, struct smarthost *smarthost)
{
	struct error error;

	if (block_text(block, "url") == NULL) {
		refuse_url(block);
		return;
	}
	block_take(block, "url", read_url, smarthost);
	if (smarthost->password == NULL || !block_is_public(block, "url"))
		return;
	CLEANUP(memory_free_string) char *where = block_where(block, "url");
	error_set(&error, ERROR_CONFIG, "5.3.5",
	    "%s: the url of smarthost \"%s\" holds a password, and everyone may read this file",
	    where, block->title);
	error_next(&error, "move user and password to secrets.ini, section [%s]", block->title);
	block_fault(block, "url", &error);
}

static void check_smarthost_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	struct error error;

	if (check_title(&(struct check_place){ where, "smarthost" }, block->title, &error) < 0) {
		block_fault(block, NULL, &error);
		return;
	}
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct config_smarthost *other = &config->smarthosts[i];

		if (strcasecmp(other->parameters.name, block->title) != 0)
			continue;
		error_set(&error, ERROR_CONFIG, "5.3.5",
		    "%s: smarthost \"%s\" differs from \"%s\" in line %d only by case, "
		    "which secrets.ini cannot tell apart",
		    where, block->title, other->parameters.name, other->place.line);
		block_fault(block, NULL, &error);
		return;
	}
}

static int check_server_name(const struct check_place *place, const char *text, struct error *error)
{
	struct error unused;

	if (check_ip_address(place, text, &unused) == 0)
		return 0;
	return check_domain(place, text, false, error);
}

static int check_full_address(
    const struct check_place *place, const char *text, struct error *error)
{
	return check_address(place, text, false, error);
}

static int read_tls_min(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_tls_min(place, text, target, error);
}

static void take_tls(const struct block *block, struct smarthost *smarthost)
{
	block_take_string(block, "ca_file", check_path, &smarthost->ca_file);
	block_take_string(block, "client_cert", check_path, &smarthost->client_certificate);
	block_take_string(block, "client_key", check_path, &smarthost->client_key);
	block_take_string(block, "tls_name", check_server_name, &smarthost->tls_name);
	block_take_string(block, "tls_fingerprint", check_fingerprint, &smarthost->tls_fingerprint);
	block_take(block, "tls_min", read_tls_min, &smarthost->tls_min_is_1_3);
}

static int read_auth(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_auth(place, text, target, error);
}

static int read_family(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_family(place, text, target, error);
}

static int read_rate(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	struct smarthost *smarthost = target;

	return check_rate(place, text, &smarthost->rate, &smarthost->rate_period, error);
}

/* How much at once, and how much in a time. */
static void take_pace(const struct block *block, struct smarthost *smarthost)
{
	block_take_count(block, "window", SMARTHOST_WINDOW_LIMIT, &smarthost->window);
	block_take_count(block, "burst", SMARTHOST_RATE_LIMIT, &smarthost->burst);
	block_take_count(
	    block, "connections", SMARTHOST_CONNECTIONS_LIMIT, &smarthost->connections);
	block_take(block, "rate", read_rate, smarthost);
	block_take_duration(block, "timeout", &smarthost->connect_timeout);
}

static int read_policy(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_from_policy(place, text, target, error);
}

/* Who mail may come from. */
static void take_senders(const struct block *block, struct smarthost *smarthost)
{
	struct config_list allowed = { 0 };

	block_take_string(block, "from", check_full_address, &smarthost->from);
	block_take(block, "from_policy", read_policy, &smarthost->from_policy);
	block_take_list(block, "from_allow", check_pattern, &allowed);
	smarthost->from_allow = allowed.items;
	smarthost->from_allow_count = allowed.count;
}

/* ---- what goes together ---- */

/* A login by certificate wants one, but where the uid of a socket may do. */
static void check_certificates(const struct block *block, const struct smarthost *smarthost)
{
	if (smarthost->client_key != NULL && smarthost->client_certificate == NULL)
		block_refuse_pair(block, "client_key", "client_key stands without client_cert",
		    "write both, or client_cert alone for a file that holds both");
	if (smarthost->tls_fingerprint != NULL && smarthost->tls == SMARTHOST_TLS_NEVER)
		block_refuse_pair(block, "tls_fingerprint",
		    "tls_fingerprint asks for TLS, and the url says that there is none",
		    "begin the url with smtp+tls:// or smtps://");
	if (smarthost->auth == SMARTHOST_AUTH_EXTERNAL && !smarthost->is_loopback &&
	    smarthost->client_certificate == NULL)
		block_refuse_pair(block, "auth",
		    "auth = \"external\" logs in by a client certificate, and there is none",
		    "write: client_cert = \"/path/to/file.pem\"");
}

static void check_pairs(const struct block *block, const struct smarthost *smarthost)
{
	check_certificates(block, smarthost);
	if (smarthost->source != NULL && smarthost->family != 0 &&
	    (strchr(smarthost->source, ':') != NULL) != (smarthost->family == 6))
		block_refuse_pair(block, "source",
		    "source is no address of the family that ip allows",
		    "write: ip = \"any\", or another source");
	if (smarthost->rate == 0 && smarthost->burst != 1)
		block_refuse_pair(block, "burst", "burst stands without a rate",
		    "write: rate = \"30/min\", or no burst");
}

/* ---- the block ---- */

static void take_all(const struct block *block, struct config_smarthost *smarthost)
{
	struct smarthost *parameters = &smarthost->parameters;

	take_url(block, parameters);
	block_take_string(block, "secret", check_title, &smarthost->secret);
	take_senders(block, parameters);
	take_tls(block, parameters);
	block_take(block, "auth", read_auth, &parameters->auth);
	block_take(block, "ip", read_family, &parameters->family);
	block_take_string(block, "source", check_ip_address, &parameters->source);
	take_pace(block, parameters);
}

void smarthost_block_read(const struct block *block, struct config *config)
{
	CLEANUP(config_finish_smarthost) struct config_smarthost smarthost = { 0 };
	struct smarthost *parameters = &smarthost.parameters;
	size_t faults_before = block->faults->count;

	check_smarthost_title(block, config);
	smarthost_init(parameters);
	smarthost.secret = memory_copy_string(block->title);
	take_all(block, &smarthost);
	free(parameters->name);
	parameters->name = memory_copy_string(block->title);
	if (block->is_whole && block->faults->count == faults_before)
		check_pairs(block, parameters);
	smarthost.place.file = memory_copy_string(block->entries->files[block->found->file].path);
	smarthost.place.line = block->found->line;
	config->smarthosts = memory_resize_array(
	    config->smarthosts, config->smarthost_count + 1, sizeof smarthost);
	config->smarthosts[config->smarthost_count++] = smarthost;
	smarthost = (struct config_smarthost){ 0 };
}
