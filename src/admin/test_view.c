/* SPDX-License-Identifier: MIT */

#include "admin/test_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/error_block.h"
#include "base/memory.h"
#include "base/text.h"
#include "smtp/client/transcript.h"

enum { TEXT_LIMIT = 1 << 16 };

#define RESET "\033[0m"
#define DIM "\033[2m"
#define CYAN "\033[36m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define BOLD_GREEN "\033[1;32m"
#define BOLD_YELLOW "\033[1;33m"
#define BOLD_RED "\033[1;31m"

void test_view_init(struct test_view *view, FILE *output, bool is_coloured)
{
	*view = (struct test_view){ .output = output, .is_coloured = is_coloured };
	view->facts.connected = view->facts.secured = -1;
	view->facts.logged_in = view->facts.answered = -1;
}

void test_view_finish(struct test_view *view)
{
	test_share_finish(&view->share);
}

/* ---- what is said ---- */

static void say(struct test_view *view, const char *colour, struct span line)
{
	struct buffer masked CLEANUP(buffer_finish) = { 0 };
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&masked, TEXT_LIMIT);
	buffer_init(&text, TEXT_LIMIT);
	if (view->is_shared)
		test_share_mask(&view->share, line, &masked);
	else
		buffer_append_span(&masked, line);
	/* Whatever a server says is for a terminal. */
	char *safe CLEANUP(memory_free_string) = memory_allocate(4 * masked.length + 8);
	transcript_mask(buffer_span(&masked), safe, 4 * masked.length + 8);
	if (view->is_coloured && colour[0] != '\0')
		buffer_format(&text, "%s%s" RESET "\n", colour, safe);
	else
		buffer_format(&text, "%s\n", safe);
	fputs(buffer_string(&text), view->output);
	(void)fflush(view->output);
}

static const char *colour_of(char direction, struct span words)
{
	if (direction == '>')
		return CYAN;
	if (direction != '<' || words.length == 0)
		return DIM;
	switch (words.start[0]) {
	case '2':
	case '3':
		return GREEN;
	case '4':
		return YELLOW;
	case '5':
		return RED;
	default:
		return "";
	}
}

/* ---- what is learned ---- */

static bool take_path(struct span words, const char *verb, char *text, size_t size)
{
	if (!span_starts_with(words, verb))
		return false;
	words = span_after(words, strlen(verb));
	ssize_t end = span_find_byte(words, '>');
	if (end < 0)
		return false;
	if (text[0] != '\0')
		text_append(text, size, ", ");
	char *address CLEANUP(memory_free_string) = span_copy(span_first(words, (size_t)end));
	text_append(text, size, address);
	return true;
}

static void learn_command(struct test_facts *facts, struct span words)
{
	facts->was_auth = span_starts_with(words, "AUTH ");
	if (facts->was_auth) {
		struct span rest = span_after(words, strlen("AUTH "));
		struct span mechanism = { 0 };

		(void)span_take_word(&rest, &mechanism);
		text_copy_span(facts->mechanism, sizeof facts->mechanism, mechanism);
		return;
	}
	if (span_starts_with(words, "MAIL FROM:<")) {
		facts->sender[0] = facts->recipients[0] = '\0';
		(void)take_path(words, "MAIL FROM:<", facts->sender, sizeof facts->sender);
		return;
	}
	(void)take_path(words, "RCPT TO:<", facts->recipients, sizeof facts->recipients);
}

static void learn_event(struct test_facts *facts, struct span words, int64_t moment)
{
	static const char connected[] = "connected to ";

	if (span_starts_with(words, connected)) {
		text_copy_span(
		    facts->relay, sizeof facts->relay, span_after(words, strlen(connected)));
		facts->connected = moment;
		facts->secured = facts->logged_in = -1;
	} else if (span_starts_with(words, "TLSv")) {
		text_copy_span(facts->security, sizeof facts->security, words);
		facts->secured = moment;
	}
}

static void learn_reply(struct test_facts *facts, struct span words, int64_t moment)
{
	text_copy_span(facts->reply, sizeof facts->reply, words);
	facts->answered = moment;
	if (span_starts_with(words, "235"))
		facts->logged_in = moment;
}

/* "  0.132 < words" */
static bool read_line(struct span line, int64_t *moment, char *direction, struct span *words)
{
	char time[32];
	struct span rest = line;
	struct span word = { 0 };

	if (!span_take_word(&rest, &word) || word.length >= sizeof time)
		return false;
	text_copy_span(time, sizeof time, word);
	char *end;
	double seconds = strtod(time, &end);
	if (end == time || *end != '\0' || !span_take_word(&rest, &word) || word.length != 1 ||
	    !transcript_is_direction(word.start[0]))
		return false;
	*moment = (int64_t)(seconds * 1000 + 0.5);
	*direction = word.start[0];
	*words = span_trim(rest);
	return true;
}

void test_view_line(struct test_view *view, struct span line)
{
	int64_t moment = 0;
	char direction = '*';
	struct span words = line;

	if (read_line(line, &moment, &direction, &words)) {
		if (direction == '>')
			learn_command(&view->facts, words);
		else if (direction == '<')
			learn_reply(&view->facts, words, moment);
		else
			learn_event(&view->facts, words, moment);
	}
	if (!view->is_quiet)
		say(view, colour_of(direction, words), line);
}

/* ---- blocks ---- */

void test_view_block(struct test_view *view, enum test_view_tone tone, struct span text)
{
	static const char *const colours[] = {
		[TEST_VIEW_PLAIN] = "",
		[TEST_VIEW_GOOD] = BOLD_GREEN,
		[TEST_VIEW_DOUBTFUL] = BOLD_YELLOW,
		[TEST_VIEW_BAD] = BOLD_RED,
	};
	const char *colour = colours[tone];
	struct span line;

	while (span_take_line(&text, &line)) {
		say(view, colour, line);
		colour = "";
	}
}

static void put_moment(struct buffer *text, const char *what, int64_t moment)
{
	if (moment < 0)
		return;
	buffer_format(text, "%s%s after %lld.%03lld s", text->length != 0 ? ", " : "", what,
	    (long long)(moment / 1000), (long long)(moment % 1000));
}

static void put_part(struct buffer *text, const char *label, const char *words)
{
	if (words[0] != '\0')
		error_block_part(label, words, text);
}

void test_view_facts(const struct test_facts *facts, struct buffer *text)
{
	struct buffer times CLEANUP(buffer_finish) = { 0 };

	put_part(text, "server", facts->reply);
	put_part(text, "via", facts->relay);
	if (facts->relay[0] != '\0')
		put_part(text, "tls", facts->security[0] != '\0' ? facts->security : "none");
	put_part(text, "login", facts->logged_in >= 0 ? facts->mechanism : "");
	put_part(text, "from", facts->sender);
	put_part(text, "to", facts->recipients);
	buffer_init(&times, TEXT_LIMIT);
	put_moment(&times, "connected", facts->connected);
	put_moment(&times, "TLS", facts->secured);
	put_moment(&times, "login", facts->logged_in);
	put_moment(&times, "answer", facts->answered);
	put_part(text, "time", buffer_string(&times));
}
