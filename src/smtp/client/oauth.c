/* SPDX-License-Identifier: MIT */

#include "smtp/client/oauth.h"

#include <assert.h>

/* RFC 7628, 3.2.3 */
const char oauth_bearer_acknowledgement[] = "\001";

bool oauth_is_sound(const struct oauth_login *login)
{
	return login->token[0] != '\0' && !span_has_control(span_from_string(login->token)) &&
	       !span_has_control(span_from_string(login->user));
}

static void write_token(struct buffer *message, const struct oauth_login *login)
{
	buffer_append_string(message, "auth=Bearer ");
	buffer_append_string(message, login->token);
	buffer_append_string(message, "\001\001");
}

void oauth_write_xoauth2(struct buffer *message, const struct oauth_login *login)
{
	assert(oauth_is_sound(login));

	buffer_append_string(message, "user=");
	buffer_append_string(message, login->user);
	buffer_append_string(message, "\001");
	write_token(message, login);
}

/* The saslname of RFC 5801, 4. */
static void write_name(struct buffer *message, const char *user)
{
	for (; *user != '\0'; user++) {
		if (*user == ',')
			buffer_append_string(message, "=2C");
		else if (*user == '=')
			buffer_append_string(message, "=3D");
		else
			buffer_append_byte(message, *user);
	}
}

void oauth_write_bearer(struct buffer *message, const struct oauth_login *login)
{
	assert(oauth_is_sound(login));

	buffer_append_string(message, "n,");
	if (login->user[0] != '\0') {
		buffer_append_string(message, "a=");
		write_name(message, login->user);
	}
	buffer_append_string(message, ",\001");
	if (login->host != NULL) {
		buffer_append_string(message, "host=");
		buffer_append_string(message, login->host);
		buffer_append_string(message, "\001port=");
		buffer_append_number(message, login->port);
		buffer_append_string(message, "\001");
	}
	write_token(message, login);
}
