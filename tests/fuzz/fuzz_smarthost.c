/* SPDX-License-Identifier: MIT */

/*
 * URLs of smarthosts.  Without a NUL the input is the URL; with one, a login
 * with a password stands in its place, which must show nowhere.
 */

#include "smtp/smarthost.h"

#include "tests/fuzz/fuzz.h"

static const char password[] = "zQ9-zQ9-zQ9";

static void check_hidden(const char *text)
{
	assert(text == NULL || strstr(text, password) == NULL);
}

/* What may be shown is itself a URL of the same place. */
static void check_again(const struct smarthost *found)
{
	CLEANUP(smarthost_finish) struct smarthost again;
	CLEANUP(smarthost_finish) struct smarthost copy;
	struct error error;

	smarthost_init(&again);
	assert(smarthost_set_url(&again, span_from_string(found->url), &error) == 0);
	assert(again.user == NULL && again.password == NULL);
	assert(fuzz_is_same_string(again.host, found->host) && again.port == found->port);
	assert(fuzz_is_same_string(again.path, found->path) && again.tls == found->tls);
	assert(again.is_lmtp == found->is_lmtp && again.is_loopback == found->is_loopback);
	smarthost_copy(found, &copy);
	assert(fuzz_is_same_string(copy.password, found->password));
}

static void check_found(const struct smarthost *found)
{
	CLEANUP(memory_free_string) char *label = smarthost_label(found);

	assert((found->host == NULL) != (found->path == NULL));
	assert(found->path != NULL ? found->is_loopback : found->port != 0);
	assert(found->user != NULL || found->password == NULL);
	assert(!span_has_control(span_from_string(found->url)));
	assert(found->user == NULL || !span_has_control(span_from_string(found->user)));
	assert(found->password == NULL || !span_has_control(span_from_string(found->password)));
	/* The path of a socket is no login, whatever it is made of. */
	if (found->path == NULL) {
		check_hidden(label);
		check_hidden(found->url);
	}
	check_again(found);
}

static void check_url(struct span url)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost;
	struct error error = { 0 };

	smarthost_init(&smarthost);
	if (smarthost_set_url(&smarthost, url, &error) == 0) {
		check_found(&smarthost);
		return;
	}
	fuzz_check_error(&error);
	assert(error.kind == ERROR_CONFIG && strcmp(error.status, "5.3.5") == 0);
	assert(smarthost.url == NULL && smarthost.host == NULL && smarthost.password == NULL);
	check_hidden(error.text);
	check_hidden(error.next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer url = { 0 };
	struct span rest = fuzz_input(data, size);
	ssize_t nul = span_find_byte(rest, '\0');

	/* Elsewhere than in the login it may be shown. */
	if (memmem(data, size, password, strlen(password)) != NULL)
		return 0;
	buffer_init(&url, size + 64);
	if (nul < 0) {
		buffer_append_span(&url, rest);
	} else {
		buffer_append_span(&url, span_first(rest, (size_t)nul));
		buffer_format(&url, "user:%s@", password);
		buffer_append_span(&url, span_after(rest, (size_t)nul + 1));
	}
	char *copy = fuzz_copy(buffer_span(&url));
	check_url(span_from_bytes(copy, url.length));
	free(copy);
	return 0;
}
