/* SPDX-License-Identifier: MIT */

#include "sendmail/options.h"

#include <string.h>
#include <strings.h>

enum takes { NOTHING, VALUE, ATTACHED };

/* What an option does; value is NULL for those that take nothing. */
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

/* -oi, -odX; every other -o is accepted without effect. */
static int set_short_option(struct options *options, const char *value, struct error *error)
{
	(void)error;
	if (strcmp(value, "i") == 0 || strcmp(value, "itrue") == 0)
		options->ignores_dots = true;
	else if (strcmp(value, "di") == 0 || strcmp(value, "df") == 0)
		options->wait = COMMAND_WAIT_OUTCOME;
	else if (strcmp(value, "dq") == 0 || strcmp(value, "dd") == 0)
		options->wait = COMMAND_WAIT_DISK;
	else if (strcmp(value, "db") == 0)
		options->wait = COMMAND_WAIT_UNSAID;
	else if (strcmp(value, "v") == 0)
		options->is_verbose = true;
	return 0;
}

static int set_verbose(struct options *options, const char *value, struct error *error)
{
	(void)value;
	(void)error;
	options->is_verbose = true;
	return 0;
}

static int set_long_option(struct options *options, const char *value, struct error *error)
{
	(void)error;
	if (strcasecmp(value, "IgnoreDots=true") == 0 || strcasecmp(value, "IgnoreDots") == 0)
		options->ignores_dots = true;
	return 0;
}

static int set_mode(struct options *options, const char *value, struct error *error)
{
	switch (value[0]) {
	case 'm':
		options->mode = OPTIONS_SEND;
		return 0;
	case 'p':
		options->mode = OPTIONS_LIST_QUEUE;
		return 0;
	case 'i':
		options->mode = OPTIONS_CHECK_ALIASES;
		return 0;
	default:
		error_set(error, ERROR_USAGE, "5.5.4", "there is no mode -b%s here", value);
		return error_next(error, "-bm (send), -bp (list the queue) and -bi exist");
	}
}

static int set_check_aliases(struct options *options, const char *value, struct error *error)
{
	(void)value;
	(void)error;
	options->mode = OPTIONS_CHECK_ALIASES;
	return 0;
}

static int refuse_queue_run(struct options *options, const char *value, struct error *error)
{
	(void)options;
	error_set(error, ERROR_USAGE, "5.5.4", "-q%s is not known here", value);
	return error_next(error, "mailchute serve retries waiting mail by itself");
}

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
	{ 'q', ATTACHED, refuse_queue_run },
	/* Known to one of sendmail, Postfix, Exim; without effect on a relay. */
	{ 'A', VALUE, accept_option },
	{ 'B', VALUE, accept_option },
	{ 'C', VALUE, accept_option },
	{ 'D', VALUE, accept_option },
	{ 'E', NOTHING, accept_option },
	{ 'G', NOTHING, accept_option },
	{ 'J', NOTHING, accept_option },
	{ 'L', VALUE, accept_option },
	{ 'M', ATTACHED, accept_option },
	{ 'N', VALUE, accept_option },
	{ 'R', VALUE, accept_option },
	{ 'T', NOTHING, accept_option },
	{ 'U', NOTHING, accept_option },
	{ 'V', VALUE, accept_option },
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
    "       mailq                                                          (what waits)\n"
    "\n"
    "  -t         recipients from To, Cc and Bcc, beside those given\n"
    "  -i, -oi    a line with a single dot does not end the message\n"
    "  -f SENDER  envelope sender; '' is the null sender\n"
    "  -F NAME    full name for an added From field\n"
    "  -v         show what is said with the smarthost, on stderr; waits for it\n"
    "  -odi -odq  wait for the first attempt; for the disk alone\n"
    "\n"
    "Other options of sendmail are accepted without effect.\n";

static const struct option *find_option(char letter)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

/* One word of options, "-ti" or "-fvalue"; *next is the index of the word after it. */
static int read_word(int argc, char **argv, int *next, struct options *options, struct error *error)
{
	const char *word = argv[*next - 1];

	for (const char *p = word + 1; *p != '\0'; p++) {
		const struct option *option = find_option(*p);
		const char *value = p + 1;

		if (option == NULL) {
			error_set(
			    error, ERROR_USAGE, "5.5.4", "unknown option -%c in \"%s\"", *p, word);
			return error_next(
			    error, "nothing was sent; sendmail --help lists the options");
		}
		if (option->takes == NOTHING) {
			if (option->act(options, NULL, error) < 0)
				return -1;
			continue;
		}
		/* The next word is the value whatever it looks like (callers.md, 15). */
		if (*value == '\0' && option->takes == VALUE) {
			if (*next >= argc)
				return error_set(error, ERROR_USAGE, "5.5.4",
				    "option -%c needs a value, and nothing was sent", *p);
			value = argv[(*next)++];
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
int options_parse(int argc, char **argv, struct options *options, struct error *error)
{
	int next = 1;
	int kept = 1;

	*options = (struct options){ .mode = mode_by_name(argc > 0 ? argv[0] : NULL) };
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
	/* What has not happened cannot be shown. */
	if (options->is_verbose && options->wait == COMMAND_WAIT_UNSAID)
		options->wait = COMMAND_WAIT_OUTCOME;
	return 0;
}
