/* SPDX-License-Identifier: MIT */

/*
 * Is the login of the kind that this provider wants?  A guess that saves a
 * refusal, so yellow at most, and only of providers that say what theirs are.
 */

#include <stdio.h>
#include <string.h>

#include "doctor/checks.h"
#include "import/providers.h"

/* What their passwords look like. */
static const struct shape {
	const char *provider;
	const char *prefix; /* NULL: any */
	size_t length;	    /* without blanks; 0: any */
	const char *name;
} shapes[] = {
	{ "gmail", NULL, 16, "an app password has 16 letters" },
	{ "google-relay", NULL, 16, "an app password has 16 letters" },
	{ "sendgrid", "SG.", 0, "an API key begins with SG." },
	{ "brevo", "xsmtpsib-", 0, "an SMTP key begins with xsmtpsib-" },
	{ "ses", NULL, 44, "an SMTP password of SES has 44 characters" },
};

static size_t length_without_blanks(const char *text)
{
	size_t length = 0;

	for (; *text != '\0'; text++)
		length += *text != ' ';
	return length;
}

static bool fits(const struct shape *shape, const char *password)
{
	if (shape->prefix != NULL && strncmp(password, shape->prefix, strlen(shape->prefix)) != 0)
		return false;
	return shape->length == 0 || length_without_blanks(password) == shape->length;
}

static void tell(struct patient *patient, const struct smarthost *known,
    const struct provider *provider, const char *fault)
{
	finding_add(patient->findings, FINDING_YELLOW, "settings.login", "smarthost \"%s\": %s. %s",
	    known->name, fault, provider->peculiarity);
	finding_next(
	    patient->findings, "%s, then: mailchute secret set %s", provider->page, known->name);
}

/* True: it is not what they give out. */
static bool check_password(
    struct patient *patient, const struct smarthost *known, const struct provider *provider)
{
	char fault[200];

	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
		if (strcmp(shapes[i].provider, provider->name) != 0 ||
		    fits(&shapes[i], known->password))
			continue;
		(void)snprintf(fault, sizeof fault, "this password is probably another one (%s)",
		    shapes[i].name);
		tell(patient, known, provider, fault);
		return true;
	}
	return false;
}

static void check_user(
    struct patient *patient, const struct smarthost *known, const struct provider *provider)
{
	bool wants_address = span_starts_with(span_from_string(provider->login), "your full");
	char fault[200];

	if (provider->fixed_login != NULL ? strcmp(known->user, provider->fixed_login) == 0
					  : !wants_address || strchr(known->user, '@') != NULL)
		return;
	(void)snprintf(fault, sizeof fault, "the login of %s is %s, not \"%.60s\"", provider->title,
	    provider->login, known->user);
	tell(patient, known, provider, fault);
}

void login_check(struct patient *patient, const struct smarthost *known)
{
	const struct provider *provider = known->host != NULL ? providers_find_host(known->host)
							      : NULL;

	if (provider == NULL || known->user == NULL || known->password == NULL ||
	    known->token != NULL)
		return;
	if (!check_password(patient, known, provider))
		check_user(patient, known, provider);
}
