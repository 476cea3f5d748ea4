/* SPDX-License-Identifier: MIT */

/*
 * providers - what one must know of the well-known smarthosts before the first login
 *
 * A table for setup (which URL, what to type), for doctor and for errors (what
 * is peculiar of a host).  Nothing in it is needed to send.
 *
 * Does not know: settings, logins.
 */

#ifndef IMPORT_PROVIDERS_H
#define IMPORT_PROVIDERS_H

#include <stdbool.h>
#include <stddef.h>

struct provider {
	const char *name;	 /* one small word, "gmail": what --provider takes */
	const char *title;	 /* for people: "Gmail, Google Workspace" */
	const char *hosts;	 /* its SMTP servers; patterns with *, separated by blanks */
	const char *domains;	 /* of its addresses, separated by blanks; "": any domain */
	const char *url;	 /* may hold "REGION" */
	const char *region;	 /* an example of it: "eu-west-1"; NULL: the url has none */
	const char *login;	 /* what the user name is: "your full address" */
	const char *fixed_login; /* where it is the same for everybody: "apikey"; else NULL */
	const char *peculiarity; /* one sentence that saves an evening */
	const char *page;	 /* where the password is made */
	bool login_is_no_sender; /* though it may look like an address */
};

/* In the order in which a person should read them; the last one has the name NULL. */
extern const struct provider providers[];

/* By its name, in any case; NULL: none. */
const struct provider *providers_find(const char *name);

/* Whose SMTP server this is; NULL: nobody's that we know. */
const struct provider *providers_find_host(const char *host);

/* Who surely hosts this address, by its domain; NULL: anybody. */
const struct provider *providers_find_address(const char *address);

/* The URL with the region put in, which must be NULL where there is none; the caller frees it. */
char *providers_url(const struct provider *provider, const char *region);

#endif
