/* SPDX-License-Identifier: MIT */

/* Tests worker/split.c */

#include "worker/split.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void fill(struct envelope *envelope, size_t count)
{
	struct error error;
	char address[40];

	assert_int_equal(
	    envelope_set_sender(envelope, span_from_string("a@client.example"), &error), 0);
	assert_int_equal(envelope_set_envid(envelope, span_from_string("id"), &error), 0);
	envelope->return_content = ENVELOPE_RETURN_HEADER;
	for (size_t i = 0; i < count; i++) {
		snprintf(address, sizeof address, "r%zu@far.example", i);
		assert_int_equal(
		    envelope_add_recipient(envelope, span_from_string(address),
			span_from_string("rfc822;o@x.example"), ENVELOPE_NOTIFY_FAILURE, &error),
		    0);
	}
}

/* Takes one part, which is to hold these: "0 1 2". */
static void expect_part(struct split *split, size_t limit, const char *indices)
{
	struct split_part part;
	char found[200] = "";
	size_t length = 0;

	split_take(split, limit, &part);
	for (size_t i = 0; i < part.envelope.recipient_count; i++) {
		const struct recipient *whole = &split->envelope->recipients[part.indices[i]];

		assert_ptr_equal(part.envelope.recipients[i].address, whole->address);
		assert_ptr_equal(part.envelope.recipients[i].original, whole->original);
		assert_int_equal(part.envelope.recipients[i].notify, whole->notify);
		length += (size_t)snprintf(found + length, sizeof found - length, "%s%zu",
		    i != 0 ? " " : "", part.indices[i]);
	}
	assert_string_equal(found, indices);
	assert_ptr_equal(part.envelope.sender, split->envelope->sender);
	assert_ptr_equal(part.envelope.envid, split->envelope->envid);
	assert_int_equal(part.envelope.return_content, ENVELOPE_RETURN_HEADER);
	split_finish_part(&part);
}

static void parts_have_their_size(void **state)
{
	static const struct row {
		size_t count, limit, parts;
		const char *indices[5];
	} rows[] = {
		{ 1, 0, 1, { "0" } },
		{ 1, 1, 1, { "0" } },
		{ 7, 0, 1, { "0 1 2 3 4 5 6" } },
		{ 7, 2, 4, { "0 1", "2 3", "4 5", "6" } },
		{ 6, 2, 3, { "0 1", "2 3", "4 5" } },
		{ 3, 1, 3, { "0", "1", "2" } },
		{ 3, 3, 1, { "0 1 2" } },
		{ 3, SIZE_MAX, 1, { "0 1 2" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(envelope_finish) struct envelope envelope = { 0 };
		CLEANUP(split_finish) struct split split;

		fill(&envelope, rows[i].count);
		split_init(&split, &envelope);
		for (size_t part = 0; part < rows[i].parts; part++) {
			assert_int_equal(split_parts(&split, rows[i].limit), rows[i].parts - part);
			expect_part(&split, rows[i].limit, rows[i].indices[part]);
		}
		assert_int_equal(split.left, 0);
		assert_int_equal(split_parts(&split, rows[i].limit), 0);
		assert_int_equal(split.unsettled, rows[i].count);
	}
}

static void who_comes_back_is_first(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(split_finish) struct split split;

	(void)state;
	fill(&envelope, 9);
	split_init(&split, &envelope);
	expect_part(&split, 4, "0 1 2 3");
	expect_part(&split, 2, "4 5");
	split_put_back(&split, 5);
	split_put_back(&split, 2);
	split_put_back(&split, 3);
	assert_int_equal(split.left, 6);
	assert_int_equal(split_parts(&split, 4), 2);
	expect_part(&split, 4, "2 3 5 6");
	split_put_back(&split, 6);
	expect_part(&split, 4, "6 7 8");
	assert_int_equal(split.left, 0);
	for (size_t i = 0; i < 9; i++)
		split_settle(&split);
	assert_int_equal(split.unsettled, 0);
}

static void who_has_a_fate_cannot_be_left(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(split_finish) struct split split;

	(void)state;
	fill(&envelope, 3);
	split_init(&split, &envelope);
	expect_part(&split, 2, "0 1");
	split_settle(&split);
	split_settle(&split);
	assert_int_equal(split.unsettled, split.left);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_have_their_size),
		cmocka_unit_test(who_comes_back_is_first),
		cmocka_unit_test(who_has_a_fate_cannot_be_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
