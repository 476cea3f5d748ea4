/* SPDX-License-Identifier: MIT */

#include "config/digest.h"

#include <stdint.h>

/* FNV-1a: nobody gains by two settings that collide, so nothing stronger is needed. */
static uint64_t add(uint64_t hash, const char *text)
{
	for (const char *p = text != NULL ? text : "?"; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	/* So that "ab", "c" and "a", "bc" differ. */
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

void digest_of(const struct config *config, char digest[static DIGEST_SIZE])
{
	static const char letters[] = "0123456789abcdef";
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = add(hash, config->ehlo);
	hash = add(hash, config->domain);
	hash = add(hash, config->aliases_file);
	hash = add(hash, config->secrets_file);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		hash = add(hash, config->smarthosts[i].parameters.url);
		hash = add(hash, config->smarthosts[i].parameters.user);
		hash = add(hash, config->smarthosts[i].parameters.from);
		hash = add(hash, config->smarthosts[i].parameters.ca_file);
		hash = add(hash, config->smarthosts[i].secret);
	}
	for (size_t i = 0; i < config->alias_count; i++) {
		hash = add(hash, config->aliases[i].name);
		for (size_t j = 0; j < config->aliases[i].target_count; j++)
			hash = add(hash, config->aliases[i].targets[j]);
	}
	for (size_t i = 0; i < DIGEST_SIZE - 1; i++, hash >>= 4)
		digest[i] = letters[hash & 15];
	digest[DIGEST_SIZE - 1] = '\0';
}
