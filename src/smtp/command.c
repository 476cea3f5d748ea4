/* SPDX-License-Identifier: MIT */

#include "smtp/command.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "message/address.h"
#include "smtp/xtext.h"

/*
 * Errors of parsing and the codes that go with them (RFC 5321, 4.2.2); our
 * choice of status keeps them apart.
 */
static const struct code {
	const char *status;
	int code;
} codes[] = {
	{ "5.5.1", 500 }, /* this cannot be a command */
	{ "5.5.2", 501 }, /* a known verb with an argument that is wrong */
	{ "5.5.4", 555 }, /* a parameter that is not known */
	{ "5.1.3", 553 }, /* the recipient's syntax */
	{ "5.1.7", 553 }, /* the sender's syntax */
};

int command_error_code(const struct error *error)
{
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (strcmp(error->status, codes[i].status) == 0)
			return codes[i].code;
	return 501;
}

static int wrong(struct error *error, const char *what)
{
	return error_set(error, ERROR_USAGE, "5.5.2", "syntax: %s", what);
}

static int parse_nothing(struct command *command, struct error *error);
static int parse_any(struct command *command, struct error *error);
static int parse_something(struct command *command, struct error *error);
static int parse_mail(struct command *command, struct error *error);
static int parse_rcpt(struct command *command, struct error *error);
static int parse_bdat(struct command *command, struct error *error);
static int parse_vrfy(struct command *command, struct error *error);
static int parse_explain(struct command *command, struct error *error);

static const char explain_form[] = "XEXPLAIN self|<sender> <recipient> [ONLINE]";

static const struct verb {
	enum command_verb verb;
	const char *name;
	int (*parse)(struct command *command, struct error *error);
} verbs[] = {
	{ COMMAND_HELO, "HELO", parse_something },
	{ COMMAND_EHLO, "EHLO", parse_something },
	{ COMMAND_LHLO, "LHLO", parse_something },
	{ COMMAND_MAIL, "MAIL", parse_mail },
	{ COMMAND_RCPT, "RCPT", parse_rcpt },
	{ COMMAND_DATA, "DATA", parse_nothing },
	{ COMMAND_BDAT, "BDAT", parse_bdat },
	{ COMMAND_RSET, "RSET", parse_nothing },
	{ COMMAND_NOOP, "NOOP", parse_any },
	{ COMMAND_VRFY, "VRFY", parse_vrfy },
	{ COMMAND_EXPN, "EXPN", parse_something },
	{ COMMAND_HELP, "HELP", parse_any },
	{ COMMAND_STARTTLS, "STARTTLS", parse_nothing },
	{ COMMAND_AUTH, "AUTH", parse_something },
	{ COMMAND_QUIT, "QUIT", parse_nothing },
	{ COMMAND_XQUEUE, "XQUEUE", parse_any },
	{ COMMAND_XEXPLAIN, "XEXPLAIN", parse_explain },
	{ COMMAND_XPLAIN, "XPLAIN", parse_nothing },
};

static const struct verb *find_verb(struct span word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (span_equals_string_ignoring_case(word, verbs[i].name))
			return &verbs[i];
	return NULL;
}

const char *command_verb_name(enum command_verb verb)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (verbs[i].verb == verb)
			return verbs[i].name;
	return "unknown";
}

static int parse_any(struct command *command, struct error *error)
{
	(void)command;
	(void)error;
	return 0;
}

static int parse_nothing(struct command *command, struct error *error)
{
	if (command->argument.length == 0)
		return 0;
	return error_set(error, ERROR_USAGE, "5.5.2", "syntax: %s takes no argument",
	    command_verb_name(command->verb));
}

static int parse_something(struct command *command, struct error *error)
{
	if (command->argument.length != 0)
		return 0;
	return error_set(error, ERROR_USAGE, "5.5.2", "syntax: %s wants an argument",
	    command_verb_name(command->verb));
}

static int parse_bdat(struct command *command, struct error *error)
{
	struct span rest = command->argument;
	struct span size = { 0 };
	struct span last = { 0 };
	uint64_t number = 0;

	if (!span_take_word(&rest, &size) || !span_to_number(size, &number))
		return wrong(error, "BDAT size [LAST]");
	bool is_last = span_take_word(&rest, &last);
	if (is_last &&
	    (!span_equals_string_ignoring_case(last, "LAST") || span_trim(rest).length != 0))
		return wrong(error, "BDAT size [LAST]");
	command->chunk_size = number;
	command->is_last = is_last;
	return 0;
}

/*
 * The length of text up to the octet that ends an address, quotes respected;
 * all of it when there is none.
 */
static size_t address_length(struct span text, char end)
{
	bool is_quoted = false;
	size_t i = 0;

	for (; i < text.length && (is_quoted || text.start[i] != end); i++) {
		if (text.start[i] == '"')
			is_quoted = !is_quoted;
		else if (text.start[i] == '\\' && is_quoted)
			i++;
	}
	return i < text.length ? i : text.length;
}

/* RFC 5321, 4.1.1.3 and appendix C: "@a,@b:" before an address is to be ignored. */
static struct span without_route(struct span path)
{
	ssize_t colon = span_find_byte(path, ':');

	if (!span_starts_with(path, "@") || colon < 0)
		return path;
	return span_after(path, (size_t)colon + 1);
}

/*
 * Takes a path off rest.  Brackets are wanted by RFC 5321, and forgotten by
 * enough callers of sendmail -bs.
 */
static int take_path(struct span *rest, struct span *address)
{
	bool has_bracket = span_starts_with(*rest, "<");
	struct span text = span_after(*rest, has_bracket ? 1 : 0);
	size_t length = address_length(text, has_bracket ? '>' : ' ');

	if ((has_bracket && length == text.length) || (!has_bracket && length == 0))
		return -1;
	struct span after = span_after(text, length + (has_bracket ? 1 : 0));
	if (after.length != 0 && after.start[0] != ' ' && after.start[0] != '\t')
		return -1;
	*address = without_route(span_trim(span_first(text, length)));
	*rest = after;
	return 0;
}

/* "FROM:" or "TO:", then the path; rest is what follows. */
static int parse_path(struct command *command, const char *word, const char *form,
    struct span *rest, struct error *error)
{
	struct span text = command->argument;

	if (!span_starts_with_ignoring_case(text, word))
		return wrong(error, form);
	text = span_trim(span_after(text, strlen(word)));
	if (!span_starts_with(text, ":"))
		return wrong(error, form);
	text = span_trim(span_after(text, 1));
	if (take_path(&text, &command->address) < 0)
		return wrong(error, form);
	*rest = text;
	return 0;
}

/* address_check says 5.1.3; a sender's fault has a status of its own (RFC 3463, X.1.7). */
static int check_address(const struct command *command, const char *status, struct error *error)
{
	struct error found = { 0 };

	if (address_check(command->address, &found) == 0)
		return 0;
	return error_set(error, ERROR_DATA, status, "%s", found.text);
}

/* One parameter of MAIL or RCPT. */
struct parameter {
	const char *name;
	bool has_value; /* it wants one; without, none may be there */
	int (*read)(struct command *command, struct span value, struct error *error);
};

static int read_size(struct command *command, struct span value, struct error *error)
{
	if (!span_to_number(value, &command->mail.size))
		return wrong(error, "SIZE=number");
	command->mail.has_size = true;
	return 0;
}

static int read_body(struct command *command, struct span value, struct error *error)
{
	command->mail.is_8bit = span_equals_string_ignoring_case(value, "8BITMIME");
	if (command->mail.is_8bit || span_equals_string_ignoring_case(value, "7BIT"))
		return 0;
	return wrong(error, "BODY=7BIT or BODY=8BITMIME");
}

static int read_smtputf8(struct command *command, struct span value, struct error *error)
{
	(void)value;
	(void)error;
	command->mail.smtputf8 = true;
	return 0;
}

static int read_ret(struct command *command, struct span value, struct error *error)
{
	if (span_equals_string_ignoring_case(value, "FULL"))
		command->mail.return_content = ENVELOPE_RETURN_FULL;
	else if (span_equals_string_ignoring_case(value, "HDRS"))
		command->mail.return_content = ENVELOPE_RETURN_HEADER;
	else
		return wrong(error, "RET=FULL or RET=HDRS");
	return 0;
}

/* Decodes xtext into a field of this size, NUL included. */
static int read_xtext(struct span value, char *text, size_t size)
{
	CLEANUP(buffer_finish) struct buffer decoded = { 0 };

	buffer_init(&decoded, size - 1);
	if (xtext_decode(value, &decoded) < 0 || decoded.has_overflowed)
		return -1;
	memcpy(text, buffer_string(&decoded), decoded.length + 1);
	return 0;
}

static int read_envid(struct command *command, struct span value, struct error *error)
{
	char *envid = command->mail.envid;

	/* RFC 3461, 4.4: printable, so an octet above 0x7e cannot stand for anything. */
	if (read_xtext(value, envid, sizeof command->mail.envid) < 0 ||
	    span_has_8bit(span_from_string(envid)))
		return wrong(error, "ENVID=xtext of at most 100 octets");
	return 0;
}

/* RFC 4954, 5: who handed it in first.  We trust nobody's word for it, and take it. */
static int read_auth(struct command *command, struct span value, struct error *error)
{
	(void)command;
	(void)value;
	(void)error;
	return 0;
}

static int read_name(struct command *command, struct span value, struct error *error)
{
	if (read_xtext(value, command->mail.full_name, sizeof command->mail.full_name) < 0)
		return wrong(error, "XNAME=xtext of at most 400 octets");
	return 0;
}

static int read_sender(struct command *command, struct span value, struct error *error)
{
	command->mail.sender_is_self = span_equals_string_ignoring_case(value, "self");
	return command->mail.sender_is_self ? 0 : wrong(error, "XSENDER=self");
}

static int read_wait(struct command *command, struct span value, struct error *error)
{
	if (span_equals_string_ignoring_case(value, "disk"))
		command->mail.wait = COMMAND_WAIT_DISK;
	else if (span_equals_string_ignoring_case(value, "outcome"))
		command->mail.wait = COMMAND_WAIT_OUTCOME;
	else
		return wrong(error, "XWAIT=disk or XWAIT=outcome");
	return 0;
}

static int read_trace(struct command *command, struct span value, struct error *error)
{
	(void)value;
	(void)error;
	command->mail.trace = true;
	return 0;
}

static int read_live(struct command *command, struct span value, struct error *error)
{
	command->mail.trace_is_live = true;
	return read_trace(command, value, error);
}

static const struct notify {
	const char *name;
	unsigned notify;
} notifies[] = {
	{ "NEVER", ENVELOPE_NOTIFY_NEVER },
	{ "SUCCESS", ENVELOPE_NOTIFY_SUCCESS },
	{ "FAILURE", ENVELOPE_NOTIFY_FAILURE },
	{ "DELAY", ENVELOPE_NOTIFY_DELAY },
};

enum { NOTIFIES = sizeof notifies / sizeof notifies[0] };

static unsigned notify_from_word(struct span word)
{
	for (size_t i = 0; i < NOTIFIES; i++)
		if (span_equals_string_ignoring_case(word, notifies[i].name))
			return notifies[i].notify;
	return 0;
}

bool command_read_notify(struct span value, unsigned *notify)
{
	struct span word = { 0 };
	unsigned all = 0;

	while (span_take_until(&value, ',', &word)) {
		unsigned one = notify_from_word(word);

		if (one == 0)
			return false;
		all |= one;
	}
	/* RFC 3461, 4.1: NEVER stands alone. */
	if (all == 0 || ((all & ENVELOPE_NOTIFY_NEVER) && all != ENVELOPE_NOTIFY_NEVER))
		return false;
	*notify = all;
	return true;
}

static int read_notify(struct command *command, struct span value, struct error *error)
{
	if (!command_read_notify(value, &command->rcpt.notify))
		return wrong(error, "NOTIFY=NEVER, or SUCCESS, FAILURE, DELAY with commas between");
	return 0;
}

/* The length of "type" in "type;address" (RFC 3461, 4.2: an atom); 0: none, or too long a one. */
static size_t address_type_length(struct span text)
{
	ssize_t end = span_find_byte(text, ';');

	for (ssize_t i = 0; i < end; i++) {
		char byte = text.start[i];

		if ((byte < 'a' || byte > 'z') && (byte < 'A' || byte > 'Z') &&
		    (byte < '0' || byte > '9') && byte != '-')
			return 0;
	}
	return end > 0 && end < ENVELOPE_ORIGINAL_LIMIT / 2 ? (size_t)end : 0;
}

static int read_original(struct command *command, struct span value, struct error *error)
{
	size_t type = address_type_length(value);
	char *original = command->rcpt.original;

	if (type == 0)
		return wrong(error, "ORCPT=type;xtext");
	if (read_xtext(span_after(value, type + 1), original + type + 1,
		sizeof command->rcpt.original - type - 1) < 0)
		return wrong(error, "ORCPT=type;xtext of at most 500 octets");
	memcpy(original, value.start, type + 1);
	return 0;
}

static const struct parameter mail_parameters[] = {
	{ "SIZE", true, read_size },
	{ "BODY", true, read_body },
	{ "SMTPUTF8", false, read_smtputf8 },
	{ "RET", true, read_ret },
	{ "ENVID", true, read_envid },
	{ "AUTH", true, read_auth },
	{ "XNAME", true, read_name },
	{ "XSENDER", true, read_sender },
	{ "XWAIT", true, read_wait },
	{ "XTRACE", false, read_trace },
	{ "XLIVE", false, read_live },
};

static const struct parameter rcpt_parameters[] = {
	{ "NOTIFY", true, read_notify },
	{ "ORCPT", true, read_original },
};

/* Reads one "NAME[=value]"; seen has a bit for each row that was there before. */
static int read_parameter(struct command *command, struct span word, const struct parameter *rows,
    size_t count, unsigned *seen, struct error *error)
{
	struct span value = word;
	struct span name = { 0 };
	bool has_value = span_find_byte(word, '=') >= 0;

	span_take_until(&value, '=', &name);
	for (size_t i = 0; i < count; i++) {
		if (!span_equals_string_ignoring_case(name, rows[i].name))
			continue;
		if (has_value != rows[i].has_value || (*seen & 1U << i) != 0)
			return error_set(error, ERROR_USAGE, "5.5.2", "syntax: %s %s", rows[i].name,
			    (*seen & 1U << i) != 0 ? "is given twice"
			    : rows[i].has_value	   ? "wants a value"
						   : "takes no value");
		*seen |= 1U << i;
		return rows[i].read(command, value, error);
	}
	name = span_first(name, 80);
	return error_set(
	    error, ERROR_USAGE, "5.5.4", "parameter %.*s is not known", span_int(name), name.start);
}

static int read_parameters(struct command *command, struct span rest, const struct parameter *rows,
    size_t count, struct error *error)
{
	struct span word = { 0 };
	unsigned seen = 0;

	while (span_take_word(&rest, &word))
		if (read_parameter(command, word, rows, count, &seen, error) < 0)
			return -1;
	return 0;
}

static int parse_mail(struct command *command, struct error *error)
{
	struct span rest = { 0 };

	if (parse_path(command, "FROM", "MAIL FROM:<address>", &rest, error) < 0 ||
	    check_address(command, "5.1.7", error) < 0)
		return -1;
	return read_parameters(command, rest, mail_parameters,
	    sizeof mail_parameters / sizeof mail_parameters[0], error);
}

static int parse_rcpt(struct command *command, struct error *error)
{
	struct span rest = { 0 };

	if (parse_path(command, "TO", "RCPT TO:<address>", &rest, error) < 0)
		return -1;
	if (command->address.length == 0)
		return error_set(error, ERROR_DATA, "5.1.3", "a recipient must not be empty");
	if (check_address(command, "5.1.3", error) < 0)
		return -1;
	return read_parameters(command, rest, rcpt_parameters,
	    sizeof rcpt_parameters / sizeof rcpt_parameters[0], error);
}

/* RFC 5321, 3.5.1: a user name or an address, its brackets optional; RFC 6531, 3.7.4.2: a word. */
static int parse_vrfy(struct command *command, struct error *error)
{
	struct span rest = command->argument;
	struct span word = { 0 };
	struct error found;

	if (take_path(&rest, &command->address) < 0 || command->address.length == 0)
		return wrong(error, "VRFY address");
	if (span_take_word(&rest, &word) &&
	    (!span_equals_string_ignoring_case(word, "SMTPUTF8") || span_trim(rest).length != 0))
		return wrong(error, "VRFY address");
	if (address_check(command->address, &found) < 0)
		return wrong(error, found.text);
	return 0;
}

/* "self", or a path in brackets, which is left in *address. */
static int take_explained_sender(struct command *command, struct span *rest, struct error *error)
{
	struct span after = *rest;
	struct span word = { 0 };

	if (span_starts_with(*rest, "<")) {
		if (take_path(rest, &command->address) < 0)
			return wrong(error, explain_form);
		return check_address(command, "5.1.7", error);
	}
	if (!span_take_word(&after, &word) || !span_equals_string_ignoring_case(word, "self"))
		return wrong(error, explain_form);
	command->mail.sender_is_self = true;
	*rest = after;
	return 0;
}

static int parse_explain(struct command *command, struct error *error)
{
	struct span rest = command->argument;
	struct span word = { 0 };

	if (take_explained_sender(command, &rest, error) < 0)
		return -1;
	rest = span_trim(rest);
	if (!span_starts_with(rest, "<") || take_path(&rest, &command->recipient) < 0 ||
	    command->recipient.length == 0)
		return wrong(error, explain_form);
	command->is_online = span_take_word(&rest, &word);
	if (command->is_online &&
	    (!span_equals_string_ignoring_case(word, "ONLINE") || span_trim(rest).length != 0))
		return wrong(error, explain_form);
	return address_check(command->recipient, error);
}

/* A tab separates words; nothing else below a blank has a place in a command. */
static bool has_bad_control(struct span line)
{
	for (size_t i = 0; i < line.length; i++) {
		unsigned char octet = (unsigned char)line.start[i];

		if ((octet < 0x20 && octet != '\t') || octet == 0x7f)
			return true;
	}
	return false;
}

int command_parse(struct span line, struct command *command, struct error *error)
{
	struct span rest = line;
	struct span word = { 0 };

	*command = (struct command){ 0 };
	if (!span_take_word(&rest, &word))
		return 0;
	const struct verb *verb = find_verb(word);
	if (verb != NULL)
		command->verb = verb->verb;
	command->argument = span_trim(rest);
	command->address = span_from_string("");
	if (has_bad_control(line))
		return error_set(
		    error, ERROR_USAGE, "5.5.1", "a command must not hold control characters");
	return verb != NULL ? verb->parse(command, error) : 0;
}

/* What would end the line, or start another, was refused when the envelope was made. */
static void append_checked(struct buffer *output, const char *text)
{
	assert(!span_has_control(span_from_string(text)));
	buffer_append_string(output, text);
}

static void append_xtext(struct buffer *output, const char *name, const char *text)
{
	assert(!span_has_control(span_from_string(text)));
	buffer_append_string(output, name);
	xtext_encode(span_from_string(text), output);
}

static void end_line(struct buffer *output, size_t start)
{
	buffer_append_string(output, "\r\n");
	assert(output->has_overflowed || output->length - start <= COMMAND_LINE_LIMIT);
}

void command_write_hello(struct buffer *output, enum command_verb verb, const char *name)
{
	size_t start = output->length;

	assert(verb == COMMAND_HELO || verb == COMMAND_EHLO || verb == COMMAND_LHLO);
	buffer_append_string(output, command_verb_name(verb));
	buffer_append_byte(output, ' ');
	append_checked(output, name);
	end_line(output, start);
}

static void write_dsn(struct buffer *output, const struct mail_parameters *parameters)
{
	if (parameters->return_content == ENVELOPE_RETURN_FULL)
		buffer_append_string(output, " RET=FULL");
	if (parameters->return_content == ENVELOPE_RETURN_HEADER)
		buffer_append_string(output, " RET=HDRS");
	if (parameters->envid[0] != '\0')
		append_xtext(output, " ENVID=", parameters->envid);
}

static void write_private(struct buffer *output, const struct mail_parameters *parameters)
{
	if (parameters->full_name[0] != '\0')
		append_xtext(output, " XNAME=", parameters->full_name);
	if (parameters->sender_is_self)
		buffer_append_string(output, " XSENDER=self");
	if (parameters->wait == COMMAND_WAIT_DISK)
		buffer_append_string(output, " XWAIT=disk");
	if (parameters->wait == COMMAND_WAIT_OUTCOME)
		buffer_append_string(output, " XWAIT=outcome");
	if (parameters->trace)
		buffer_append_string(output, parameters->trace_is_live ? " XLIVE" : " XTRACE");
}

void command_write_mail(struct buffer *output, const char *sender,
    const struct mail_parameters *parameters, const struct extensions *offered)
{
	size_t start = output->length;

	buffer_append_string(output, "MAIL FROM:<");
	append_checked(output, sender);
	buffer_append_string(output, ">");
	if (parameters->has_size && offered->size) {
		buffer_append_string(output, " SIZE=");
		buffer_append_number(output, parameters->size);
	}
	if (parameters->is_8bit && offered->eight_bit_mime)
		buffer_append_string(output, " BODY=8BITMIME");
	if (parameters->smtputf8 && offered->smtputf8)
		buffer_append_string(output, " SMTPUTF8");
	if (offered->dsn)
		write_dsn(output, parameters);
	if (offered->mailchute)
		write_private(output, parameters);
	end_line(output, start);
}

static void write_notify(struct buffer *output, unsigned notify)
{
	const char *separator = " NOTIFY=";

	for (size_t i = 0; i < NOTIFIES; i++) {
		if ((notify & notifies[i].notify) == 0)
			continue;
		buffer_format(output, "%s%s", separator, notifies[i].name);
		separator = ",";
	}
}

/*
 * An original without a type is an Internet address (RFC 3461, 4.2).  One that
 * needs more than a server must take is left out: better that a report names
 * the address alone than that the recipient is refused for it.
 */
static void write_original(struct buffer *output, const char *original)
{
	struct span text = span_from_string(original);
	size_t type = address_type_length(text);
	size_t start = output->length;

	buffer_append_string(output, type != 0 ? " ORCPT=" : " ORCPT=rfc822;");
	buffer_append(output, original, type != 0 ? type + 1 : 0);
	append_xtext(output, "", original + (type != 0 ? type + 1 : 0));
	if (output->length - start > ENVELOPE_ORIGINAL_LIMIT)
		output->length = start;
}

void command_write_rcpt(
    struct buffer *output, const struct recipient *recipient, const struct extensions *offered)
{
	size_t start = output->length;

	assert(recipient->address[0] != '\0');
	buffer_append_string(output, "RCPT TO:<");
	append_checked(output, recipient->address);
	buffer_append_string(output, ">");
	if (offered->dsn) {
		write_notify(output, recipient->notify);
		if (recipient->original != NULL && recipient->original[0] != '\0')
			write_original(output, recipient->original);
	}
	end_line(output, start);
}

void command_write_bdat(struct buffer *output, uint64_t size, bool is_last)
{
	buffer_append_string(output, "BDAT ");
	buffer_append_number(output, size);
	buffer_append_string(output, is_last ? " LAST\r\n" : "\r\n");
}

void command_write_plain(struct buffer *output, enum command_verb verb)
{
	assert(verb == COMMAND_DATA || verb == COMMAND_RSET || verb == COMMAND_NOOP ||
	       verb == COMMAND_QUIT || verb == COMMAND_STARTTLS || verb == COMMAND_XPLAIN);
	buffer_append_string(output, command_verb_name(verb));
	buffer_append_string(output, "\r\n");
}

enum { QUERY_LINE_LIMIT = 512 };

int command_write_query(
    struct buffer *output, enum command_verb verb, struct span argument, struct error *error)
{
	const char *name = command_verb_name(verb);

	assert(verb == COMMAND_VRFY || verb == COMMAND_HELP || verb == COMMAND_NOOP ||
	       verb == COMMAND_RSET);
	if (span_has_control(argument) || span_has_8bit(argument))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "%s: a control or 8-bit octet cannot stand in a command", name);
	if (strlen(name) + 1 + argument.length + 2 > QUERY_LINE_LIMIT)
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "%s: that is too long for a command", name);
	if (verb == COMMAND_VRFY && argument.length == 0)
		return error_set(error, ERROR_USAGE, "5.5.4", "%s: of whom?", name);
	buffer_append_string(output, name);
	if (argument.length != 0)
		buffer_append_byte(output, ' ');
	buffer_append_span(output, argument);
	buffer_append_string(output, "\r\n");
	return 0;
}

void command_write_auth(struct buffer *output, const char *mechanism, const char *initial)
{
	buffer_append_string(output, "AUTH ");
	append_checked(output, mechanism);
	if (initial != NULL) {
		buffer_append_string(output, " ");
		append_checked(output, initial);
	}
	buffer_append_string(output, "\r\n");
}
