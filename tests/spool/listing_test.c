/* SPDX-License-Identifier: MIT */

/* Tests spool/listing.c. */

#include "spool/listing.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/spool/scratch.h"

static void plant(int queue, const char *name)
{
	int fd = openat(queue, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void an_empty_queue_lists_nothing(void **state)
{
	struct scratch scratch = scratch_make();
	struct listing listing = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(listing_read(&listing, scratch.fd, &error), 0);
	assert_int_equal(listing.count, 0);
	listing_finish(&listing);
	scratch_remove(&scratch);
}

static void ids_come_oldest_first_and_the_rest_not_at_all(void **state)
{
	struct scratch scratch = scratch_make();
	struct listing listing = { 0 };
	struct error error;
	char id[QUEUE_ID_SIZE];

	(void)state;
	plant(scratch.fd, "t.00112233445566778899aabbccddeeff");
	plant(scratch.fd, "README");
	plant(scratch.fd, "ZZZZZZZZZZZZZZZZZZZZZZZZZ");
	for (int i = 0; i < 500; i++) {
		queue_id_generate(id);
		plant(scratch.fd, id);
	}
	plant(scratch.fd, "0000000000000000000000000");
	/* Twice: the position of the directory is not ours to move, and the old list is dropped. */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(listing_read(&listing, scratch.fd, &error), 0);
		assert_int_equal(listing.count, 502);
		assert_string_equal(listing.ids[0], "0000000000000000000000000");
		assert_string_equal(listing.ids[501], "ZZZZZZZZZZZZZZZZZZZZZZZZZ");
		for (size_t i = 1; i < listing.count; i++)
			assert_true(strcmp(listing.ids[i - 1], listing.ids[i]) < 0);
	}
	listing_finish(&listing);
	scratch_remove(&scratch);
}

static void what_cannot_be_listed_is_an_error(void **state)
{
	struct listing listing = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(listing_read(&listing, -1, &error), -1);
	assert_true(error.text[0] != '\0');
	assert_null(listing.ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_queue_lists_nothing),
		cmocka_unit_test(ids_come_oldest_first_and_the_rest_not_at_all),
		cmocka_unit_test(what_cannot_be_listed_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
