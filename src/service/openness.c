/* SPDX-License-Identifier: MIT */

#include "service/openness.h"

#include "base/log.h"
#include "base/memory.h"
#include "config/environment.h"
#include "config/secrets.h"

static void look_at(const char *path)
{
	char *warning CLEANUP(memory_free_string) = secrets_warning(path);

	if (warning != NULL)
		log_event(LOG_LEVEL_WARNING, "%s", warning);
}

void openness_tell(const struct config *config)
{
	static const char *const variables[] = { "MAILCHUTE_URL_FILE", "MAILCHUTE_PASSWORD_FILE",
		"MAILCHUTE_TOKEN_FILE" };
	static const char *const paths[] = { "/run/secrets/mailchute_url",
		"/run/secrets/smtp_password" };

	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		const char *path = environment_get(variables[i]);

		if (path != NULL)
			look_at(path);
	}
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		look_at(paths[i]);
	if (config->secrets_file != NULL && secrets_are_of_runtime(config->secrets_file))
		look_at(config->secrets_file);
}
