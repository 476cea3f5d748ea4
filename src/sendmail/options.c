/* SPDX-License-Identifier: MIT */

#include "sendmail/options.h"

#include <string.h>

#include "base/span.h"

/* ATTACHED: the rest of the word, which may be empty.  NUMBER: the digits behind the letter. */
enum takes { NOTHING, VALUE, ATTACHED, NUMBER };

/* What an option does; value is "" for those that take nothing. */
typedef int option_action(struct options *options, const char *value, struct error *error);

static int accept_option(struct options *options, const char *value, struct error *error)
{
	(void)options;
	(void)value;
	(void)error;
	return 0;
}

static int set_reads_header(struct options *options, const char *value, struct error *error)
{
	(void)value;
	(void)error;
	options->reads_header = true;
	return 0;
}

static int set_ignores_dots(struct options *options, const char *value, struct error *error)
{
	(void)value;
	(void)error;
	options->ignores_dots = true;
	return 0;
}

static int set_verbose(struct options *options, const char *value, struct error *error)
{
	(void)value;
	(void)error;
	options->is_verbose = true;
	return 0;
}

static int set_sender(struct options *options, const char *value, struct error *error)
{
	(void)error;
	options->sender = value;
	return 0;
}

static int set_full_name(struct options *options, const char *value, struct error *error)
{
	(void)error;
	options->full_name = value;
	return 0;
}

/* ---- what the sender wants to be told (RFC 3461) ---- */

/* As in Postfix: a value that means nothing is no reason to keep the mail back. */
static int ignore_value(struct options *options, char letter, const char *value)
{
	if (options->ignored_letter == '\0') {
		options->ignored_letter = letter;
		options->ignored_value = value;
	}
	return 0;
}

static int set_notify(struct options *options, const char *value, struct error *error)
{
	(void)error;
	if (command_read_notify(span_from_string(value), &options->notify))
		return 0;
	return ignore_value(options, 'N', value);
}

static int set_return(struct options *options, const char *value, struct error *error)
{
	struct span word = span_from_string(value);

	(void)error;
	if (span_equals_string_ignoring_case(word, "full"))
		options->return_content = ENVELOPE_RETURN_FULL;
	else if (span_equals_string_ignoring_case(word, "hdrs"))
		options->return_content = ENVELOPE_RETURN_HEADER;
	else
		return ignore_value(options, 'R', value);
	return 0;
}

static int set_envid(struct options *options, const char *value, struct error *error)
{
	struct span envid = span_from_string(value);

	(void)error;
	if (envid.length == 0 || envid.length > ENVELOPE_ENVID_LIMIT || span_has_control(envid) ||
	    span_has_8bit(envid))
		return ignore_value(options, 'V', value);
	options->envid = value;
	return 0;
}

/* ---- sendmail's own options: -o, one letter and its value, and -O Name=Value ---- */

/* As sendmail reads it: t, T, y, Y, or nothing at all. */
static bool is_true(struct span value)
{
	return value.length == 0 || strchr("tTyY", value.start[0]) != NULL;
}

/* i(nteractive), b(ackground), q(ueue), d(eferred); f is the LSB's word for i. */
static void set_delivery(struct options *options, struct span mode)
{
	switch (mode.length != 0 ? mode.start[0] : '\0') {
	case 'i':
	case 'f':
		options->wait = COMMAND_WAIT_OUTCOME;
		break;
	case 'q':
	case 'd':
		options->wait = COMMAND_WAIT_DISK;
		break;
	case 'b':
		options->wait = COMMAND_WAIT_UNSAID;
		break;
	default:
		break;
	}
}

static int set_short_option(struct options *options, const char *value, struct error *error)
{
	struct span rest = span_after(span_from_string(value), 1);

	(void)error;
	switch (value[0]) {
	case 'i':
		options->ignores_dots = is_true(rest);
		break;
	case 'd':
		set_delivery(options, rest);
		break;
	case 'v':
		options->is_verbose = is_true(rest);
		break;
	default:
		break;
	}
	return 0;
}

static int set_long_option(struct options *options, const char *value, struct error *error)
{
	struct span rest = span_from_string(value);
	struct span name = { 0 };

	(void)error;
	(void)span_take_until(&rest, '=', &name);
	name = span_trim(name);
	rest = span_trim(rest);
	if (span_equals_string_ignoring_case(name, "IgnoreDots"))
		options->ignores_dots = is_true(rest);
	else if (span_equals_string_ignoring_case(name, "DeliveryMode"))
		set_delivery(options, rest);
	else if (span_equals_string_ignoring_case(name, "Verbose"))
		options->is_verbose = is_true(rest);
	return 0;
}

/* ---- modes ---- */

/*
 * What stands behind -b.  Where no row has all of it, the first letter decides,
 * as in sendmail; instead is for those that do not exist here.
 */
static const struct mode {
	const char *name;
	enum options_mode mode;
	const char *instead;
} modes[] = {
	{ "m", OPTIONS_SEND, NULL },
	/* Wants CRLF at the end of lines, which is read anyway. */
	{ "a", OPTIONS_SEND, NULL },
	{ "s", OPTIONS_SESSION, NULL },
	{ "v", OPTIONS_VERIFY, NULL },
	{ "p", OPTIONS_LIST_QUEUE, NULL },
	{ "i", OPTIONS_CHECK_ALIASES, NULL },
	{ "d", OPTIONS_SERVE_BACKGROUND, NULL },
	{ "l", OPTIONS_SERVE_BACKGROUND, NULL },
	{ "D", OPTIONS_SERVE, NULL },
	{ "df", OPTIONS_SERVE, NULL },
	{ "V", OPTIONS_SHOW_VERSION, NULL },
	{ "malware", OPTIONS_SEND, "nothing is scanned; sendmail without -b sends the message" },
	{ "nq", OPTIONS_SEND, NULL },
	{ "pc", OPTIONS_SEND, "mailchute queue --count tells how many messages wait" },
	{ "P", OPTIONS_SEND, "mailchute queue --count tells how many messages wait" },
	{ "t", OPTIONS_SEND, "sendmail -bv ADDRESS shows what would become of it" },
	{ "C", OPTIONS_SEND, "sendmail -bv ADDRESS says what is wrong with the configuration" },
	{ "h", OPTIONS_SEND, "mailq shows which smarthost mail waits for, and why" },
	{ "H", OPTIONS_SEND, "mailq shows which smarthost mail waits for, and why" },
	{ "S", OPTIONS_SEND, "sendmail -bs speaks SMTP on stdin and stdout" },
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

static int set_mode(struct options *options, const char *value, struct error *error)
{
	const char first[2] = { value[0], '\0' };
	const struct mode *mode = find_mode(value);

	if (mode == NULL)
		mode = find_mode(first);
	if (mode != NULL && mode->instead == NULL) {
		options->mode = mode->mode;
		return 0;
	}
	error_set(
	    error, ERROR_USAGE, "5.5.4", "there is no mode -b%s here, and nothing was sent", value);
	return error_next(error, "%s",
	    mode != NULL ? mode->instead : "-bm, -bs, -bp, -bi, -bv, -bd and -bD exist");
}

static int set_check_aliases(struct options *options, const char *value, struct error *error)
{
	(void)value;
	(void)error;
	options->mode = OPTIONS_CHECK_ALIASES;
	return 0;
}

/* "30m", "1h30m", "0": nobody is called so. */
static bool is_interval(const char *word)
{
	return word[0] >= '0' && word[0] <= '9' && word[strspn(word, "0123456789smhdw")] == '\0';
}

/* Beside another mode it says what is listed, or that a service runs the queue, as ours does. */
static int set_queue_run(struct options *options, const char *value, struct error *error)
{
	const char *interval = value[0] == 'p' ? value + 1 : value;
	bool is_repeated = is_interval(interval) && strpbrk(interval, "123456789") != NULL;

	(void)error;
	if (options->mode == OPTIONS_SEND || options->mode == OPTIONS_RUN_QUEUE)
		options->mode = is_repeated ? OPTIONS_SERVE_BACKGROUND : OPTIONS_RUN_QUEUE;
	return 0;
}

static int refuse_quarantine(struct options *options, const char *value, struct error *error)
{
	(void)options;
	return error_set(error, ERROR_USAGE, "5.5.4",
	    "there is no quarantine (-Q%s) here, and nothing was sent or held", value);
}

/* ---- the table ---- */

static const struct option {
	char letter;
	enum takes takes;
	option_action *act;
} table[] = {
	{ 't', NOTHING, set_reads_header },
	{ 'i', NOTHING, set_ignores_dots },
	{ 'f', VALUE, set_sender },
	{ 'r', VALUE, set_sender },
	{ 'F', VALUE, set_full_name },
	{ 'o', VALUE, set_short_option },
	{ 'O', VALUE, set_long_option },
	{ 'b', VALUE, set_mode },
	{ 'I', NOTHING, set_check_aliases },
	{ 'v', NOTHING, set_verbose },
	{ 'q', ATTACHED, set_queue_run },
	{ 'Q', ATTACHED, refuse_quarantine },
	{ 'N', VALUE, set_notify },
	{ 'R', VALUE, set_return },
	{ 'V', VALUE, set_envid },
	/* Known to one of sendmail, Postfix, Exim; without effect on a relay. */
	{ 'A', VALUE, accept_option },
	{ 'B', VALUE, accept_option },
	{ 'C', VALUE, accept_option },
	{ 'D', VALUE, accept_option },
	{ 'E', ATTACHED, accept_option },
	{ 'G', NOTHING, accept_option },
	{ 'J', ATTACHED, accept_option },
	{ 'L', VALUE, accept_option },
	{ 'M', VALUE, accept_option },
	{ 'T', NUMBER, accept_option },
	{ 'U', NOTHING, accept_option },
	{ 'X', VALUE, accept_option },
	{ 'c', NOTHING, accept_option },
	{ 'd', ATTACHED, accept_option },
	{ 'e', VALUE, accept_option },
	{ 'h', VALUE, accept_option },
	{ 'm', NOTHING, accept_option },
	{ 'n', NOTHING, accept_option },
	{ 'p', VALUE, accept_option },
	{ 's', NOTHING, accept_option },
	{ 'x', NOTHING, accept_option },
};

const char options_help[] =
    "usage: sendmail [-t] [-i] [-f SENDER] [-F NAME] [--] [RECIPIENT ...]   (message on stdin)\n"
    "       sendmail -bv RECIPIENT ...      what would become of mail to them\n"
    "       sendmail -bs                    SMTP on stdin and stdout\n"
    "       mailq [--json]                  what waits          (also -bp)\n"
    "       newaliases                      check the aliases   (also -bi)\n"
    "       sendmail -q                     try what waits now\n"
    "       sendmail -bd | -bD              start the service, -bD in the foreground\n"
    "\n"
    "  -t            recipients from To, Cc and Bcc, beside those given\n"
    "  -i, -oi       a line with a single dot does not end the message\n"
    "  -f SENDER     envelope sender; '' is the null sender\n"
    "  -F NAME       full name for an added From field\n"
    "  -N WHEN       reports: never, or success,failure,delay\n"
    "  -R full|hdrs  how much of the message a report returns\n"
    "  -V ID         a name for this message that its reports will carry\n"
    "  -v            show what is said with the smarthost, on stderr; waits for it\n"
    "  -odi, -odq    wait for the first attempt; for the disk alone\n"
    "\n"
    "Other options of sendmail are accepted without effect.\n";

static const struct option *find_option(char letter)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

/*
 * The next word is a value, too: sendmail's "-q 30m", and Exim's "-oMa ADDRESS"
 * and "-or 5m", which are no recipients.
 */
static bool has_value_behind(char letter, const char *value, const char *next)
{
	static const char *const names[] = { "Ma", "Maa", "Mai", "Mas", "Mi", "Mm", "Mr", "Ms",
		"Mt" };

	if (letter == 'q')
		return value[0] == '\0' && is_interval(next);
	if (letter != 'o')
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(value, names[i]) == 0)
			return true;
	return strlen(value) == 1 && strchr("rsBTX", value[0]) != NULL && is_interval(next);
}

static int unknown_option(char letter, const char *word, struct error *error)
{
	error_set(error, ERROR_USAGE, "5.5.4", "unknown option -%c in \"%s\"", letter, word);
	return error_next(error, "nothing was sent; sendmail --help lists the options");
}

/* One word of options, "-ti" or "-fvalue"; *next is the index of the word after it. */
static int read_word(int argc, char **argv, int *next, struct options *options, struct error *error)
{
	const char *word = argv[*next - 1];

	for (const char *p = word + 1; *p != '\0'; p++) {
		const struct option *option = find_option(*p);
		const char *value = p + 1;

		if (option == NULL)
			return unknown_option(*p, word, error);
		if (option->takes == NOTHING || option->takes == NUMBER) {
			if (option->act(options, "", error) < 0)
				return -1;
			if (option->takes == NUMBER && is_interval(value))
				return 0;
			continue;
		}
		/* The next word is the value whatever it looks like (callers.md, 15). */
		if (*value == '\0' && option->takes == VALUE) {
			if (*next >= argc)
				return error_set(error, ERROR_USAGE, "5.5.4",
				    "option -%c needs a value, and nothing was sent", *p);
			value = argv[(*next)++];
		}
		if (*next < argc && has_value_behind(*p, value, argv[*next])) {
			const char *behind = argv[(*next)++];

			value = *p == 'q' ? behind : value;
		}
		return option->act(options, value, error);
	}
	return 0;
}

static int read_long(const char *word, struct options *options, struct error *error)
{
	if (strcmp(word, "--help") == 0)
		options->mode = OPTIONS_SHOW_HELP;
	else if (strcmp(word, "--version") == 0)
		options->mode = OPTIONS_SHOW_VERSION;
	else if (strcmp(word, "--json") == 0)
		options->as_json = true;
	else if (strcmp(word, "--read-envelope-from") != 0)
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "unknown option %s, and nothing was sent", word);
	return 0;
}

static enum options_mode mode_by_name(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : (path != NULL ? path : "");

	if (strcmp(name, "mailq") == 0)
		return OPTIONS_LIST_QUEUE;
	if (strcmp(name, "newaliases") == 0)
		return OPTIONS_CHECK_ALIASES;
	return OPTIONS_SEND;
}

/* A lone "-" is no option. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/*
 * Words that are no options are moved to the front of argv, so that options
 * behind a recipient count as options: mail to "-i@domain" helps nobody.
 */
static int read_words(int argc, char **argv, struct options *options, struct error *error)
{
	int next = 1;
	int kept = 1;

	while (next < argc) {
		char *word = argv[next++];

		if (strcmp(word, "--") == 0)
			break;
		if (!is_option(word)) {
			argv[kept++] = word;
			continue;
		}
		int outcome = word[1] == '-' ? read_long(word, options, error)
					     : read_word(argc, argv, &next, options, error);
		if (outcome < 0)
			return -1;
	}
	while (next < argc)
		argv[kept++] = argv[next++];
	if (kept > 1) {
		options->recipient_count = kept - 1;
		options->recipients = argv + 1;
	}
	return 0;
}

/* Who names recipients beside one of these means to send something, and would lose it. */
static int check_mode(const struct options *options, struct error *error)
{
	bool sends_nothing = options->mode == OPTIONS_RUN_QUEUE ||
			     options->mode == OPTIONS_CHECK_ALIASES ||
			     options->mode == OPTIONS_SERVE_BACKGROUND ||
			     options->mode == OPTIONS_SERVE;

	if (options->as_json && options->mode != OPTIONS_LIST_QUEUE)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "--json is for mailq (-bp) alone, and nothing was sent");
	if (!sends_nothing || (options->recipient_count == 0 && !options->reads_header))
		return 0;
	error_set(error, ERROR_USAGE, "5.5.4",
	    "%s%s: -q, -bi, -I, -bd and -bD read no message, and nothing was sent",
	    options->recipient_count != 0 ? "recipient " : "-t",
	    options->recipient_count != 0 ? options->recipients[0] : "");
	return error_next(error, "send it with a command of its own");
}

int options_parse(int argc, char **argv, struct options *options, struct error *error)
{
	*options = (struct options){ .mode = mode_by_name(argc > 0 ? argv[0] : NULL) };
	if (read_words(argc, argv, options, error) < 0 || check_mode(options, error) < 0)
		return -1;
	/* What has not happened cannot be shown. */
	if (options->is_verbose && options->wait == COMMAND_WAIT_UNSAID)
		options->wait = COMMAND_WAIT_OUTCOME;
	return 0;
}
