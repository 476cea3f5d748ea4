/* SPDX-License-Identifier: MIT */

#include "config/digest.h"

#include <stdint.h>
#include <string.h>

#include "base/hash.h"

static uint64_t add(uint64_t hash, const char *text)
{
	if (text == NULL)
		text = "?";
	/* The end so that "ab", "c" and "a", "bc" differ. */
	return hash_add(hash_add(hash, text, strlen(text)), "\xff", 1);
}

static uint64_t add_number(uint64_t hash, unsigned number)
{
	const char text[] = { (char)('a' + number), '\0' };

	return add(hash, text);
}

static uint64_t add_tls(uint64_t hash, const struct smarthost *smarthost)
{
	static const char *const families[] = { [0] = "any", [4] = "4", [6] = "6" };

	hash = add(hash, smarthost->ca_file);
	hash = add(hash, smarthost->client_certificate);
	hash = add(hash, smarthost->client_key);
	hash = add(hash, smarthost->tls_name);
	hash = add(hash, smarthost->tls_fingerprint);
	hash = add(hash, smarthost->tls_min_is_1_3 ? "1.3" : "1.2");
	hash = add(hash, families[smarthost->family]);
	return add(hash, smarthost->source);
}

static uint64_t add_list(uint64_t hash, const struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		hash = add(hash, list->items[i]);
	return add(hash, NULL);
}

static uint64_t add_octets(uint64_t hash, uint64_t number)
{
	for (unsigned i = 0; i < 64; i += 4)
		hash = add_number(hash, (unsigned)(number >> i) & 15);
	return hash;
}

static uint64_t add_route(uint64_t hash, const struct config_route *route)
{
	hash = add_list(hash, &route->from);
	hash = add_list(hash, &route->to);
	for (size_t i = 0; i < route->uid_count; i++)
		hash = add_octets(hash, (uint64_t)route->uids[i]);
	for (size_t i = 0; i < route->via_count; i++)
		hash = add_octets(add(hash, route->via[i].smarthost), route->via[i].weight);
	return add(hash, NULL);
}

static uint64_t add_senders(uint64_t hash, const struct smarthost *smarthost)
{
	const struct config_list allowed = { smarthost->from_allow, smarthost->from_allow_count };

	hash = add(hash, smarthost->from);
	hash = add_number(hash, smarthost->from_policy);
	return add_list(hash, &allowed);
}

void digest_of(const struct config *config, char digest[static DIGEST_SIZE])
{
	static const char letters[] = "0123456789abcdef";
	uint64_t hash = HASH_EMPTY;

	hash = add(hash, config->ehlo);
	hash = add(hash, config->domain);
	hash = add(hash, config->aliases_file);
	hash = add(hash, config->secrets_file);
	hash = add(hash, config->capture);
	hash = add(hash, config->keeps_to ? "keeps" : "rewrites");
	hash = add_list(hash, &config->users);
	hash = add_octets(hash, config->max_size);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		hash = add(hash, config->smarthosts[i].parameters.url);
		hash = add(hash, config->smarthosts[i].parameters.user);
		hash = add_senders(hash, &config->smarthosts[i].parameters);
		hash = add_tls(hash, &config->smarthosts[i].parameters);
		hash = add_number(hash, config->smarthosts[i].parameters.auth);
		hash = add(hash, config->smarthosts[i].secret);
	}
	for (size_t i = 0; i < config->route_count; i++)
		hash = add_route(hash, &config->routes[i]);
	for (size_t i = 0; i < config->alias_count; i++) {
		hash = add(hash, config->aliases[i].name);
		for (size_t j = 0; j < config->aliases[i].target_count; j++)
			hash = add(hash, config->aliases[i].targets[j]);
	}
	for (size_t i = 0; i < DIGEST_SIZE - 1; i++, hash >>= 4)
		digest[i] = letters[hash & 15];
	digest[DIGEST_SIZE - 1] = '\0';
}
