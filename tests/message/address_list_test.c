/* SPDX-License-Identifier: MIT */

/* Tests message/address_list.c. */

#include "message/address_list.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/guarded.h"

/* "address|" for each mailbox, "!source|" for a malformed one. */
static int collect(void *context, const struct mailbox *mailbox)
{
	struct buffer *list = context;

	assert_int_equal(mailbox->address == NULL, mailbox->fault != NULL);
	if (mailbox->address == NULL) {
		buffer_append_byte(list, '!');
		buffer_append_span(list, mailbox->source);
	} else {
		buffer_append_string(list, mailbox->address);
	}
	buffer_append_byte(list, '|');
	return 0;
}

static const struct row {
	const char *name;
	const char *text;
	const char *want;
} rows[] = {
	{ "nothing", "", "" },
	{ "blanks", " \t ", "" },
	{ "commas", ",, ,", "" },
	{ "a comment alone", "(nobody)", "" },
	{ "one", "a@b", "a@b|" },
	{ "bare", "root", "root|" },
	{ "cron's word", "a@b,c@d", "a@b|c@d|" },
	{ "blanks around", " a@b ,\tc@d ", "a@b|c@d|" },
	{ "folded", "a@b,\r\n c@d", "a@b|c@d|" },
	{ "folded by LF", "a@b,\n\tc@d", "a@b|c@d|" },
	{ "angle", "Name <a@b>", "a@b|" },
	{ "angle alone", "<a@b>", "a@b|" },
	{ "many words", "John Q. Public <a@b>, x", "a@b|x|" },
	{ "quoted name with comma", "\"Q, Name\" <a@b>, c@d", "a@b|c@d|" },
	{ "name that looks like an address", "x@y <a@b>", "a@b|" },
	{ "8-bit name", "J\xc3\xb6rg <a@b>", "a@b|" },
	{ "encoded name", "=?utf-8?q?J=C3=B6rg?= <a@b>", "a@b|" },
	{ "comment after", "root (Cron Daemon)", "root|" },
	{ "nested comment", "a@b (comment (nested))", "a@b|" },
	{ "comma in a comment", "a@b (x, y@z), c@d", "a@b|c@d|" },
	{ "pair in a comment", "a@b (x\\), y@z), c@d", "a@b|c@d|" },
	{ "comments anywhere", "(1)a(2)@(3)b(4).(5)c(6)", "a@b.c|" },
	{ "obsolete dots", "a . b @ c . d", "a.b@c.d|" },
	{ "quotes needed", "\"a@b\"@c", "\"a@b\"@c|" },
	{ "quotes needless", "\"ab\"@c", "ab@c|" },
	{ "quoted words", "\"a b\".c@d", "\"a b.c\"@d|" },
	{ "quoted pair", "\"a\\\"b\"@c", "\"a\\\"b\"@c|" },
	{ "quotes added", ".a@b, c..d@e", "\".a\"@b|\"c..d\"@e|" },
	{ "empty quotes", "\"\"@b", "\"\"@b|" },
	{ "atext", "!#$%&'*+-/=?^_`{|}~@b", "!#$%&'*+-/=?^_`{|}~@b|" },
	{ "percent and bang", "a%b@c, h!u", "a%b@c|h!u|" },
	{ "pipe and path", "|prog, /etc/passwd", "|prog|/etc/passwd|" },
	{ "route", "@x:a@b", "a@b|" },
	{ "route in angle", "N <@x,@y:a@b>, c@d", "a@b|c@d|" },
	{ "route with empty parts", "<@x,,@y:a@b>", "a@b|" },
	{ "literal", "a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1]|b@[IPv6:2001:db8::1]|" },
	{ "literal with blanks", "a@[ 192.0.2.1 ]", "a@[192.0.2.1]|" },
	{ "group", "friends: a@b, C <c@d>;, e@f", "a@b|c@d|e@f|" },
	{ "two groups", "x: a@b;, y: c@d; z: e@f", "a@b|c@d|e@f|" },
	{ "empty group", "undisclosed-recipients:;", "" },
	{ "empty group of two words", "undisclosed recipients: ;, a@b", "a@b|" },
	{ "group without end", "x: a@b", "a@b|" },
	{ "group in quotes", "\"x\": a@b;", "a@b|" },
	{ "semicolon", "a@x; b@y", "a@x|b@y|" },
	{ "null", "<>", "|" },
	{ "null with a name", "x <>, a@b", "|a@b|" },
	{ "case is kept", "AliCe@Example.ORG", "AliCe@Example.ORG|" },
	{ "UTF-8", "j\xc3\xb6rg@b", "j\xc3\xb6rg@b|" },

	{ "fail2ban's words", "set escape, ops@example.com", "!set escape|ops@example.com|" },
	{ "comma missing", "a@x b@y, c@z", "!a@x b@y|c@z|" },
	{ "two at signs", "a@b@c, d", "!a@b@c|d|" },
	{ "no local part", "@b, c@d", "!@b|c@d|" },
	{ "no domain", "a@, c@d", "!a@|c@d|" },
	{ "bad domain", "a@b..c, d@e", "!a@b..c|d@e|" },
	{ "include", ":include:/etc/passwd, a", "!:include:/etc/passwd|a|" },
	{ "group in a group", "x: y: a@b, c@d;, e@f", "!y: a@b|c@d|e@f|" },
	{ "colon amid", "a@b:c, d", "!a@b:c|d|" },
	{ "angle not closed", "X <a@b, c@d", "!X <a@b|c@d|" },
	{ "angle not opened", "a@b>, c@d", "!a@b>|c@d|" },
	{ "two angles", "<a@b> <c@d>, e", "!<a@b> <c@d>|e|" },
	{ "double angle", "<<a@b>>, e", "!<<a@b>>|e|" },
	{ "words behind", "<a@b> c, e", "!<a@b> c|e|" },
	{ "route without end in angle", "<@x>, @y:a@b", "!<@x>|a@b|" },
	{ "backslash", "a\\@b@c, d", "!a\\@b@c|d|" },
	{ "stray parenthesis", "a), b", "!a)|b|" },
	{ "stray bracket", "a@b], [c, d", "!a@b]|![c|d|" },
	{ "quote not closed", "a, \"Foo <b@x>, c@d", "a|!\"Foo <b@x>|c@d|" },
	{ "quote paired with the neighbour's", "\"Foo <a@b>, \"Bar\" <c@d>, e",
	    "!\"Foo <a@b>|c@d|e|" },
	{ "comment not closed", "a (x, b@y", "!a (x|b@y|" },
	{ "comment not closed, good before", "b@y, (x, (y), c", "b@y|!(x|c|" },
	{ "quote open at a semicolon", "\"x; a@b", "!\"x|a@b|" },
	{ "line end", "a@b\r\nRCPT TO:<c@d>, e", "!a@b\r\nRCPT TO:<c@d>|e|" },
	{ "newline between", "a@b\nc@d, e", "!a@b\nc@d|e|" },
	{ "newline quoted", "\"a\nb\"@c, e", "!\"a\nb\"@c|e|" },
	{ "pair of newline quoted", "\"a\\\nb\"@c, e", "!\"a\\\nb\"@c|e|" },
	{ "Latin-1", "j\xf6rg@b, e", "!j\xf6rg@b|e|" },
};

static void every_mailbox_is_visited(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer list;

		buffer_init(&list, 4096);
		assert_int_equal(
		    address_list_visit(guarded_string(rows[i].text), collect, &list), 0);
		if (strcmp(buffer_string(&list), rows[i].want) != 0)
			fail_msg("%s: \"%s\"", rows[i].name, buffer_string(&list));
	}
}

/* Cut anywhere, it reads no octet too far, and what is before the last comma stays. */
static void every_prefix_is_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t length = 0; length < strlen(rows[i].text); length++) {
			CLEANUP(buffer_finish) struct buffer list;

			buffer_init(&list, 4096);
			address_list_visit(guarded(rows[i].text, length), collect, &list);
		}
	}
}

/* Whatever one mailbox is, one on each side is found. */
static void no_neighbour_is_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *text = memory_format("first@x, %s, last@x", rows[i].text);
		CLEANUP(buffer_finish) struct buffer list;

		/* A group without end cannot know that it ended, but loses nothing either. */
		buffer_init(&list, 4096);
		address_list_visit(guarded_string(text), collect, &list);
		struct span found = buffer_span(&list);
		if (!span_starts_with(found, "first@x|") ||
		    !span_ends_with_ignoring_case(found, "|last@x|"))
			fail_msg("%s: \"%s\"", rows[i].name, buffer_string(&list));
	}
}

struct seen {
	struct span source;
	struct span display;
};

static int remember(void *context, const struct mailbox *mailbox)
{
	struct seen *seen = context;

	*seen = (struct seen){ mailbox->source, mailbox->display };
	return 7;
}

static void source_and_display_are_where_they_stand(void **state)
{
	static const struct position {
		const char *text, *source, *display;
	} positions[] = {
		{ " a@b ", "a@b", "" },
		{ "root (Cron Daemon)", "root", "" },
		{ "\"Q, N\" <a@b>", "a@b", "\"Q, N\"" },
		{ " Q  N\t< a@b > (x)", "a@b", "Q  N" },
		{ "<@x:a@b>", "a@b", "" },
		{ "a (x) @ b (y)", "a (x) @ b", "" },
		{ "grp: A <root>;", "root", "A" },
		{ " a b , c", "a b", "" },
		{ "X <>", "", "X" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
		struct span text = guarded_string(positions[i].text);
		struct seen seen = { 0 };

		assert_int_equal(address_list_visit(text, remember, &seen), 7);
		assert_true(span_equals_string(seen.source, positions[i].source));
		assert_true(span_equals_string(seen.display, positions[i].display));
		assert_true(seen.source.start >= text.start &&
			    seen.source.start + seen.source.length <= text.start + text.length);
	}
}

static int count(void *context, const struct mailbox *mailbox)
{
	size_t *counts = context;

	counts[mailbox->address == NULL]++;
	return 0;
}

static struct span repeat(const char *piece, size_t times, struct buffer *text)
{
	buffer_init(text, times * strlen(piece) + 100);
	for (size_t i = 0; i < times; i++)
		buffer_append_string(text, piece);
	buffer_append_string(text, ",last@x");
	return buffer_span(text);
}

static void nesting_has_a_limit(void **state)
{
	CLEANUP(memory_free_string)
	char *good = memory_format("a@b %.*s%.*s, c@d", 50,
	    "((((((((((((((((((((((((((((((((((((((((((((((((((", 50,
	    "))))))))))))))))))))))))))))))))))))))))))))))))))");
	CLEANUP(memory_free_string)
	char *deep = memory_format("a@b (%.*s%.*s), c@d", 50,
	    "((((((((((((((((((((((((((((((((((((((((((((((((((", 50,
	    "))))))))))))))))))))))))))))))))))))))))))))))))))");
	size_t counts[2] = { 0 };

	(void)state;
	address_list_visit(guarded_string(good), count, counts);
	assert_int_equal(counts[0], 2);
	address_list_visit(guarded_string(deep), count, counts);
	assert_int_equal(counts[0], 3);
	assert_int_equal(counts[1], 1);
}

/* Each of these would take hours if the time grew with the square of the length. */
static void hostile_text_is_read_in_linear_time(void **state)
{
	static const char *const pieces[] = { "(", "\"", "\\\"", "(,", "\",", "\\\",", "<", "<@a,",
		"@a,", "@,", "(a,b)", "\"a,b\"", "(a,\"b)", "[", "[,", ":", "a:;", ")", "\"(,",
		"(\",", "\"a, ", "(\",\")", "((,)" };

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		for (size_t end = 0; end < 4; end++) {
			static const char *const ends[] = { "", "(", "\"", "\"(" };
			CLEANUP(buffer_finish) struct buffer text;
			size_t counts[2] = { 0 };

			repeat(pieces[i], 50000, &text);
			buffer_append_string(&text, ends[end]);
			address_list_visit(buffer_span(&text), count, counts);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mailbox_is_visited),
		cmocka_unit_test(every_prefix_is_safe),
		cmocka_unit_test(no_neighbour_is_lost),
		cmocka_unit_test(source_and_display_are_where_they_stand),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(hostile_text_is_read_in_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
