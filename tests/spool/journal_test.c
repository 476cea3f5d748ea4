/* SPDX-License-Identifier: MIT */

/* Tests spool/journal.c. */

#include "spool/journal.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"

struct page {
	struct scratch scratch;
	int fd;
	struct journal journal;
	char *replies[3];
};

static struct page make_page(void)
{
	struct page page = { .scratch = scratch_make(), .journal = { 10, 10, false, 77 } };

	page.fd = openat(page.scratch.fd, "j", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(page.fd, "0123456789", 10, 0), 10);
	return page;
}

static void forget(struct page *page)
{
	for (size_t i = 0; i < 3; i++)
		memory_free_string(&page->replies[i]);
}

static void remove_page(struct page *page)
{
	forget(page);
	(void)close(page->fd);
	scratch_remove(&page->scratch);
}

static void set(struct page *page, size_t recipient, const char *text)
{
	journal_set(&page->journal, page->fd, page->replies, 3, recipient, text);
}

static void read_again(struct page *page)
{
	forget(page);
	page->journal.end = 0;
	assert_int_equal(journal_read(&page->journal, page->fd, page->replies, 3), 0);
}

static void the_last_words_win(void **state)
{
	struct page page = make_page();

	(void)state;
	set(&page, 2, "452 full");
	set(&page, 0, "250 ok");
	set(&page, 2, "250 late");
	set(&page, 0, "");
	read_again(&page);
	assert_string_equal(page.replies[0], "250 ok");
	assert_null(page.replies[1]);
	assert_string_equal(page.replies[2], "250 late");
	assert_false(page.journal.is_torn);
	remove_page(&page);
}

static void append_line(void *context, size_t recipient, const char *text)
{
	buffer_format(context, "%zu %s;", recipient, text);
}

static void earlier_words_are_shown_in_their_order(void **state)
{
	struct buffer shown CLEANUP(buffer_finish) = { 0 };
	struct page page = make_page();

	(void)state;
	buffer_init(&shown, 1000);
	set(&page, 2, "452 full");
	set(&page, 0, "250 ok");
	set(&page, 2, "250 late");
	/* What is torn ends it. */
	assert_int_equal(pwrite(page.fd, "reply 42", 8, (off_t)page.journal.end), 8);
	assert_int_equal(journal_visit(&page.journal, page.fd, 3, append_line, &shown), 0);
	assert_string_equal(buffer_string(&shown), "2 452 full;0 250 ok;2 250 late;");
	/* Of another message it shows nothing. */
	buffer_clear(&shown);
	page.journal.seed++;
	assert_int_equal(journal_visit(&page.journal, page.fd, 3, append_line, &shown), 0);
	assert_int_equal(shown.length, 0);
	assert_int_equal(journal_visit(&page.journal, -1, 3, append_line, &shown), -1);
	remove_page(&page);
}

static void the_same_words_are_written_once(void **state)
{
	struct page page = make_page();

	(void)state;
	set(&page, 0, "450 later");
	uint64_t end = page.journal.end;
	set(&page, 0, "450 later");
	assert_int_equal(page.journal.end, end);
	remove_page(&page);
}

static void long_words_are_cut_and_controls_masked(void **state)
{
	struct page page = make_page();
	CLEANUP(memory_free_string) char *text = memory_allocate(JOURNAL_TEXT_LIMIT + 2);

	(void)state;
	memset(text, 'a', JOURNAL_TEXT_LIMIT);
	set(&page, 0, text);
	text[JOURNAL_TEXT_LIMIT] = 'a';
	set(&page, 1, text);
	set(&page, 2, "250\nreply 3:x\177");
	read_again(&page);
	assert_int_equal(strlen(page.replies[0]), JOURNAL_TEXT_LIMIT);
	assert_int_equal(page.replies[0][JOURNAL_TEXT_LIMIT - 1], 'a');
	assert_int_equal(strlen(page.replies[1]), JOURNAL_TEXT_LIMIT);
	assert_string_equal(page.replies[1] + JOURNAL_TEXT_LIMIT - 3, "...");
	assert_string_equal(page.replies[2], "250?reply 3:x?");
	remove_page(&page);
}

/* A tail torn at any octet is passed over, and the next line takes its place. */
static void a_torn_tail_is_passed_over(void **state)
{
	struct page page = make_page();

	(void)state;
	set(&page, 0, "250 first");
	uint64_t first = page.journal.end;
	set(&page, 1, "250 a second line");
	uint64_t second = page.journal.end;
	for (uint64_t length = second - 1; length > first; length--) {
		assert_int_equal(ftruncate(page.fd, (off_t)length), 0);
		read_again(&page);
		assert_true(page.journal.is_torn);
		assert_int_equal(page.journal.end, first);
		assert_string_equal(page.replies[0], "250 first");
		assert_null(page.replies[1]);
	}
	set(&page, 2, "x");
	read_again(&page);
	assert_false(page.journal.is_torn);
	assert_string_equal(page.replies[2], "x");
	remove_page(&page);
}

static void every_mutation_of_a_line_is_found(void **state)
{
	struct page page = make_page();
	char octet;

	(void)state;
	set(&page, 1, "250 ok");
	uint64_t end = page.journal.end;
	for (uint64_t place = 10; place < end; place++)
		for (int bit = 0; bit < 8; bit++) {
			assert_int_equal(pread(page.fd, &octet, 1, (off_t)place), 1);
			octet = (char)(octet ^ (1 << bit));
			assert_int_equal(pwrite(page.fd, &octet, 1, (off_t)place), 1);
			read_again(&page);
			assert_null(page.replies[1]);
			octet = (char)(octet ^ (1 << bit));
			assert_int_equal(pwrite(page.fd, &octet, 1, (off_t)place), 1);
		}
	page.journal.seed++;
	read_again(&page);
	assert_null(page.replies[1]);
	remove_page(&page);
}

/* Months of changing replies do not fill the disk. */
static void the_journal_does_not_grow_for_ever(void **state)
{
	struct page page = make_page();
	char text[64];
	struct stat status;
	uint64_t largest = 0;

	(void)state;
	set(&page, 2, "the third");
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof text, "450 try %d of a long and patient series of tries", i);
		set(&page, (size_t)(i % 2), text);
		assert_int_equal(fstat(page.fd, &status), 0);
		if ((uint64_t)status.st_size > largest)
			largest = (uint64_t)status.st_size;
	}
	assert_true(largest < 70000);
	read_again(&page);
	assert_string_equal(page.replies[0], "450 try 2998 of a long and patient series of tries");
	assert_string_equal(page.replies[1], "450 try 2999 of a long and patient series of tries");
	assert_string_equal(page.replies[2], "the third");
	remove_page(&page);
}

static void a_strange_tail_of_any_length_is_harmless(void **state)
{
	struct page page = make_page();

	(void)state;
	set(&page, 0, "250 ok");
	assert_int_equal(ftruncate(page.fd, 1 << 30), 0);
	read_again(&page);
	assert_string_equal(page.replies[0], "250 ok");
	assert_true(page.journal.is_torn);
	remove_page(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_words_win),
		cmocka_unit_test(earlier_words_are_shown_in_their_order),
		cmocka_unit_test(the_same_words_are_written_once),
		cmocka_unit_test(long_words_are_cut_and_controls_masked),
		cmocka_unit_test(a_torn_tail_is_passed_over),
		cmocka_unit_test(every_mutation_of_a_line_is_found),
		cmocka_unit_test(the_journal_does_not_grow_for_ever),
		cmocka_unit_test(a_strange_tail_of_any_length_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
