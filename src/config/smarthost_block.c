/* SPDX-License-Identifier: MIT */

#include "config/smarthost_block.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/block.h"
#include "config/lint.h"

static int read_url(const struct block *block, struct smarthost *smarthost)
{
	const char *url = settings_text(block, "url");
	struct error *error = block->settings->error;
	CLEANUP(memory_free_string) char *where = block_where(block, url != NULL ? "url" : NULL);

	if (url == NULL) {
		error_set(error, ERROR_CONFIG, "5.3.5", "%s: smarthost \"%s\" has no url", where,
		    block->title);
		return error_next(error, "write: url = \"smtp+tls://smtp.example.com:587\"");
	}
	if (smarthost_set_url(smarthost, span_from_string(url), error) < 0)
		return error_prefix(error, "%s: ", where);
	if (smarthost->password == NULL || !block->settings->is_public)
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s: the url of smarthost \"%s\" holds a password, and everyone may read this file",
	    where, block->title);
	return error_next(
	    error, "move user and password to secrets.ini, section [%s]", block->title);
}

static int check_smarthost_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	struct error *error = block->settings->error;

	if (check_title(&(struct check_place){ where, "smarthost" }, block->title, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (strcasecmp(config->smarthosts[i].parameters.name, block->title) == 0)
			return error_set(error, ERROR_CONFIG, "5.3.5",
			    "%s: smarthost \"%s\" differs from \"%s\" in line %d only by case, "
			    "which secrets.ini cannot tell apart",
			    where, block->title, config->smarthosts[i].parameters.name,
			    config->smarthosts[i].place.line);
	return 0;
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

static int read_tls(const struct block *block, struct smarthost *smarthost)
{
	const char *minimum = settings_text(block, "tls_min");

	if (block_take_string(block, "ca_file", check_path, &smarthost->ca_file) < 0 ||
	    block_take_string(block, "client_cert", check_path, &smarthost->client_certificate) <
		0 ||
	    block_take_string(block, "client_key", check_path, &smarthost->client_key) < 0 ||
	    block_take_string(block, "tls_name", check_server_name, &smarthost->tls_name) < 0 ||
	    block_take_string(
		block, "tls_fingerprint", check_fingerprint, &smarthost->tls_fingerprint) < 0)
		return -1;
	if (minimum != NULL) {
		CLEANUP(memory_free_string) char *where = block_where(block, "tls_min");
		if (check_tls_min(&(struct check_place){ where, "tls_min" }, minimum,
			&smarthost->tls_min_is_1_3, block->settings->error) < 0)
			return -1;
	}
	if (smarthost->client_key != NULL && smarthost->client_certificate == NULL)
		return block_refuse_pair(block, "client_key",
		    "client_key stands without client_cert",
		    "write both, or client_cert alone for a file that holds both");
	if (smarthost->tls_fingerprint != NULL && smarthost->tls == SMARTHOST_TLS_NEVER)
		return block_refuse_pair(block, "tls_fingerprint",
		    "tls_fingerprint asks for TLS, and the url says that there is none",
		    "begin the url with smtp+tls:// or smtps://");
	return 0;
}

/* A login by certificate wants one, but where the uid of a socket may do. */
static int read_auth(const struct block *block, struct smarthost *smarthost)
{
	const char *auth = settings_text(block, "auth");

	if (auth == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, "auth");
	if (check_auth(&(struct check_place){ where, "auth" }, auth, &smarthost->auth,
		block->settings->error) < 0)
		return -1;
	if (smarthost->auth != SMARTHOST_AUTH_EXTERNAL || smarthost->is_loopback ||
	    smarthost->client_certificate != NULL)
		return 0;
	return block_refuse_pair(block, "auth",
	    "auth = \"external\" logs in by a client certificate, and there is none",
	    "write: client_cert = \"/path/to/file.pem\"");
}

static int read_addresses(const struct block *block, struct smarthost *smarthost)
{
	const char *family = settings_text(block, "ip");

	if (family != NULL) {
		CLEANUP(memory_free_string) char *where = block_where(block, "ip");
		if (check_family(&(struct check_place){ where, "ip" }, family, &smarthost->family,
			block->settings->error) < 0)
			return -1;
	}
	if (block_take_string(block, "source", check_ip_address, &smarthost->source) < 0)
		return -1;
	if (smarthost->source == NULL || smarthost->family == 0 ||
	    (strchr(smarthost->source, ':') != NULL) == (smarthost->family == 6))
		return 0;
	return block_refuse_pair(block, "source",
	    "source is no address of the family that ip allows",
	    "write: ip = \"any\", or another source");
}

/* How much at once, and how much in a time. */
static int read_pace(const struct block *block, struct smarthost *smarthost)
{
	const char *rate = settings_text(block, "rate");

	if (block_take_count(block, "window", SMARTHOST_WINDOW_LIMIT, &smarthost->window) < 0 ||
	    block_take_count(block, "burst", SMARTHOST_RATE_LIMIT, &smarthost->burst) < 0 ||
	    block_take_count(
		block, "connections", SMARTHOST_CONNECTIONS_LIMIT, &smarthost->connections) < 0)
		return -1;
	if (rate != NULL) {
		CLEANUP(memory_free_string) char *where = block_where(block, "rate");
		return check_rate(&(struct check_place){ where, "rate" }, rate, &smarthost->rate,
		    &smarthost->rate_period, block->settings->error);
	}
	if (smarthost->burst == 1)
		return 0;
	return block_refuse_pair(
	    block, "burst", "burst stands without a rate", "write: rate = \"30/min\", or no burst");
}

/* Who mail may come from. */
static int read_senders(const struct block *block, struct smarthost *smarthost)
{
	const char *policy = settings_text(block, "from_policy");
	struct config_list allowed = { 0 };

	if (block_take_string(block, "from", check_full_address, &smarthost->from) < 0 ||
	    block_take_list(block, "from_allow", check_pattern, &allowed) < 0)
		return -1;
	smarthost->from_allow = allowed.items;
	smarthost->from_allow_count = allowed.count;
	if (policy == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, "from_policy");
	return check_from_policy(&(struct check_place){ where, "from_policy" }, policy,
	    &smarthost->from_policy, block->settings->error);
}

int smarthost_block_read(const struct block *block, struct config *config)
{
	CLEANUP(config_finish_smarthost) struct config_smarthost smarthost = { 0 };
	struct smarthost *parameters = &smarthost.parameters;

	smarthost_init(parameters);
	if (check_smarthost_title(block, config) < 0 || read_url(block, parameters) < 0)
		return -1;
	free(parameters->name);
	parameters->name = memory_copy_string(block->title);
	smarthost.secret = memory_copy_string(block->title);
	if (block_take_string(block, "secret", check_title, &smarthost.secret) < 0 ||
	    read_senders(block, parameters) < 0 || read_tls(block, parameters) < 0 ||
	    read_auth(block, parameters) < 0 || read_addresses(block, parameters) < 0 ||
	    read_pace(block, parameters) < 0 ||
	    block_take_duration(block, "timeout", &parameters->connect_timeout) < 0)
		return -1;
	smarthost.place.file = memory_copy_string(block->settings->path);
	smarthost.place.line = lint_find_line(
	    block->settings->text, block->name, block->title, NULL);
	config->smarthosts = memory_resize_array(
	    config->smarthosts, config->smarthost_count + 1, sizeof smarthost);
	config->smarthosts[config->smarthost_count++] = smarthost;
	smarthost = (struct config_smarthost){ 0 };
	return 0;
}
