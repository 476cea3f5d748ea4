/* SPDX-License-Identifier: MIT */

#include "admin/sink_look.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/maildir_view.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/config.h"
#include "smtp/client/transcript.h"

enum {
	HEADER_PART = 128 * 1024, /* octets that a summary is made of */
	MESSAGE_LIMIT = 64 << 20, /* octets that are shown */
	PAUSE = 1000,		  /* milliseconds between looks, where nobody wakes us */
	QUIET_PAUSE = 60000,	  /* the same where somebody does */
	SENDER_WIDTH = 28,	  /* columns */
	TIME_SIZE = sizeof "2026-11-23 16:04:06",
};

/* ---- what is printed ---- */

/* A message may hold what no terminal should see. */
static void print_line(struct span line)
{
	char *flat CLEANUP(memory_free_string) = span_copy(line);
	size_t size = 4 * line.length + 8;
	char *safe CLEANUP(memory_free_string) = memory_allocate(size);

	for (size_t i = 0; i < line.length; i++)
		if (flat[i] == '\t')
			flat[i] = ' ';
	transcript_mask(span_from_bytes(flat, line.length), safe, size);
	printf("%s\n", safe);
}

static void print_text(struct span text)
{
	struct span line;

	while (span_take_line(&text, &line))
		print_line(line);
}

static void format_time(int64_t nanoseconds, char text[static TIME_SIZE])
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	struct tm parts;

	if (localtime_r(&seconds, &parts) == NULL ||
	    strftime(text, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
		snprintf(text, TIME_SIZE, "?");
}

/* number 0: none is shown. */
static int print_entry(
    const char *path, const struct maildir_entry *entry, size_t number, struct error *error)
{
	struct buffer content CLEANUP(buffer_finish) = { 0 };
	struct buffer line CLEANUP(buffer_finish) = { 0 };
	struct maildir_summary summary CLEANUP(maildir_view_finish_summary) = { 0 };
	char when[TIME_SIZE];

	buffer_init(&content, HEADER_PART);
	if (maildir_view_read(path, entry, &content, error) < 0)
		return -1;
	maildir_view_sum_up(buffer_span(&content), &summary);
	format_time(entry->time, when);
	buffer_init(&line, 1 << 16);
	if (number != 0)
		buffer_format(&line, "%4zu  ", number);
	buffer_format(&line, "%s  %-*s  > %s  | %s", when, SENDER_WIDTH,
	    buffer_string(&summary.sender), buffer_string(&summary.recipients),
	    buffer_string(&summary.subject));
	print_line(buffer_span(&line));
	return 0;
}

static int flush(struct error *error)
{
	if (fflush(stdout) == 0 || errno == EPIPE)
		return 0;
	return error_system(error, "cannot write");
}

/* ---- list ---- */

static int list(const char *path, struct error *error)
{
	struct maildir_listing listing CLEANUP(maildir_view_finish) = { 0 };

	if (maildir_view_list(path, &listing, error) < 0)
		return -1;
	for (size_t i = 0; i < listing.count; i++) {
		struct error gone;

		/* Whoever reads it may have moved it away just now. */
		(void)print_entry(path, &listing.entries[i], i + 1, &gone);
	}
	if (listing.count == 0)
		printf("no message in %s\n", path);
	return flush(error);
}

/* ---- show ---- */

static const struct maildir_entry *find_number(
    const struct maildir_listing *listing, const char *word)
{
	char *end;
	long number = strtol(word, &end, 10);

	if (end == word || *end != '\0')
		return NULL;
	if (number < 0)
		number += (long)listing->count + 1;
	return number >= 1 && (size_t)number <= listing->count ? &listing->entries[number - 1]
							       : NULL;
}

/* By the beginning of its name; of several the newest. */
static const struct maildir_entry *find_name(
    const struct maildir_listing *listing, const char *word)
{
	for (size_t i = listing->count; i > 0; i--)
		if (span_starts_with(maildir_view_identity(&listing->entries[i - 1]), word))
			return &listing->entries[i - 1];
	return NULL;
}

static int show(const char *path, const char *word, bool is_raw, struct error *error)
{
	struct maildir_listing listing CLEANUP(maildir_view_finish) = { 0 };
	struct buffer content CLEANUP(buffer_finish) = { 0 };

	if (maildir_view_list(path, &listing, error) < 0)
		return -1;
	const struct maildir_entry *entry = find_number(&listing, word);
	if (entry == NULL)
		entry = find_name(&listing, word);
	if (entry == NULL) {
		error_set(error, ERROR_NO_INPUT, "", "%s is no message in %s, which holds %zu",
		    word, path, listing.count);
		return error_next(error, "mailchute sink list %s", path);
	}
	buffer_init(&content, MESSAGE_LIMIT);
	if (maildir_view_read(path, entry, &content, error) < 0)
		return -1;
	if (!is_raw) {
		print_text(buffer_span(&content));
		return flush(error);
	}
	if (file_write_all(STDOUT_FILENO, buffer_span(&content)) < 0 && errno != EPIPE)
		return error_system(error, "cannot write");
	return 0;
}

/* ---- follow ---- */

struct following {
	const char *path;
	bool with_body;
	struct maildir_listing seen;
	int watch; /* inotify; -1: we look now and then */
};

static void finish(struct following *following)
{
	maildir_view_finish(&following->seen);
	file_close(&following->watch);
}

static bool was_seen(const struct maildir_listing *seen, const struct maildir_entry *entry)
{
	for (size_t i = seen->count; i > 0; i--)
		if (span_equals(
			maildir_view_identity(&seen->entries[i - 1]), maildir_view_identity(entry)))
			return true;
	return false;
}

static void print_body(const struct following *following, const struct maildir_entry *entry)
{
	struct buffer content CLEANUP(buffer_finish) = { 0 };
	struct error gone;
	struct span line;

	buffer_init(&content, MESSAGE_LIMIT);
	if (maildir_view_read(following->path, entry, &content, &gone) < 0)
		return;
	struct span rest = buffer_span(&content);
	while (span_take_line(&rest, &line) && line.length != 0)
		;
	print_text(rest);
	printf("\n");
}

/* The names that are known are those that are there. */
static int look(struct following *following, bool is_first, struct error *error)
{
	struct maildir_listing listing = { 0 };
	struct error gone;

	/* A capture that has caught nothing yet. */
	if (maildir_view_list(following->path, &listing, error) < 0)
		return error->kind == ERROR_NO_INPUT ? 0 : -1;
	for (size_t i = 0; i < listing.count && !is_first; i++) {
		const struct maildir_entry *entry = &listing.entries[i];

		if (was_seen(&following->seen, entry))
			continue;
		if (print_entry(following->path, entry, 0, &gone) == 0 && following->with_body)
			print_body(following, entry);
	}
	maildir_view_finish(&following->seen);
	following->seen = listing;
	return flush(error);
}

static void watch(struct following *following)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/new", following->path);

	if (following->watch < 0)
		following->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (following->watch >= 0 &&
	    inotify_add_watch(following->watch, path, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) < 0)
		file_close(&following->watch);
}

static void wait_for_more(struct following *following)
{
	struct pollfd ready = { .fd = following->watch, .events = POLLIN };
	char events[4096];

	(void)poll(&ready, 1, following->watch >= 0 ? QUIET_PAUSE : PAUSE);
	if (following->watch >= 0)
		while (read(following->watch, events, sizeof events) > 0)
			;
}

static int follow(const char *path, bool with_body, struct error *error)
{
	struct following following CLEANUP(
	    finish) = { .path = path, .with_body = with_body, .watch = -1 };

	watch(&following);
	if (look(&following, true, error) < 0)
		return -1;
	fprintf(stderr, "following %s\n", path);
	for (;;) {
		wait_for_more(&following);
		if (following.watch < 0)
			watch(&following);
		if (ferror(stdout) || look(&following, false, error) < 0)
			return ferror(stdout) ? 0 : -1;
	}
}

/* ---- the command line ---- */

/* Where no word names it: what the settings capture in, or what a sink is given by itself. */
static char *find_path(const char *word)
{
	const struct config_sources sources = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	struct error error;

	if (word != NULL)
		return memory_copy_string(word);
	if (config_load(&sources, &config, &error) == 0 && config.capture != NULL)
		return memory_copy_string(config.capture);
	return memory_copy_string("sink");
}

enum { BODY, RAW, OPTION_COUNT };

static int usage(const char *words, struct error *error)
{
	error_set(error, ERROR_USAGE, "5.5.4", "sink: %s", words);
	return error_next(error, "mailchute sink --help");
}

/* which: of show. */
static int run(const char *verb, const char *which, const char *path,
    const struct command_option *options, struct error *error)
{
	if (strcmp(verb, "show") == 0)
		return which == NULL ? usage("which message? a number, or an ID", error)
				     : show(path, which, options[RAW].value != NULL, error);
	if (strcmp(verb, "list") == 0)
		return list(path, error);
	if (strcmp(verb, "follow") == 0)
		return follow(path, options[BODY].value != NULL, error);
	return usage("there is no such verb", error);
}

int sink_look_run(int argc, char **argv)
{
	struct command_option options[OPTION_COUNT] = {
		[BODY] = { .name = "--body" },
		[RAW] = { .name = "--raw" },
	};
	const char *verb = argv[0];
	const char *which = NULL;
	struct error error;
	int count;

	/* Before the others are read: "-1" is no option. */
	int at = 1;
	while (at < argc && strncmp(argv[at], "--", 2) == 0)
		at++;
	if (strcmp(verb, "show") == 0 && at < argc) {
		which = argv[at];
		argc--;
		memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof argv[0]);
	}
	if (command_read_words(argc, argv, options, OPTION_COUNT, &count, &error) < 0)
		return command_fail(&error);
	if (count > 1) {
		(void)usage("one Maildir at a time", &error);
		return command_fail(&error);
	}
	char *path CLEANUP(memory_free_string) = find_path(count != 0 ? argv[1] : NULL);
	return run(verb, which, path, options, &error) < 0 ? command_fail(&error) : 0;
}
