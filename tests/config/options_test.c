/* SPDX-License-Identifier: MIT */

/* Tests config/options.c: the table, and that what else knows defaults has the same. */

#include "config/options.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/blocks.h"

static struct span span(const char *text)
{
	return span_from_string(text);
}

static void the_table_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < options_count(); i++) {
		const struct option *option = options_at(i);
		const char *block = option->block != NULL ? option->block : "";

		assert_ptr_equal(options_find(span(block), span(option->name)), option);
		/* What has no default shows what one may write. */
		assert_true((option->value == NULL) == (option->example != NULL));
		assert_in_range(strlen(option->purpose), 1, 99);
		if (option->block != NULL)
			assert_non_null(options_find_block(span(option->block)));
	}
	for (size_t i = 0; i < options_block_count(); i++)
		assert_ptr_equal(
		    options_find_block(span(options_block_at(i)->name)), options_block_at(i));
}

static void names_meant_are_found(void **state)
{
	static const struct row {
		const char *block, *name;
		const char *nearest;   /* in the same block */
		const char *elsewhere; /* the block, "" outside; NULL: nowhere */
	} rows[] = {
		{ "smarthost", "uri", "url", NULL },
		{ "smarthost", "from_polic", "from_policy", NULL },
		{ "submit", "rate", NULL, "smarthost" },
		{ "queue", "aliases_file", NULL, "" },
		{ "", "from", NULL, "smarthost" },
		{ "log", "qwertzuiop", NULL, NULL },
		{ "nosuch", "url", NULL, "smarthost" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		const struct option *nearest = options_nearest(span(row->block), span(row->name));
		const struct option *other = options_elsewhere(span(row->block), span(row->name));

		assert_null(options_find(span(row->block), span(row->name)));
		if ((nearest == NULL) != (row->nearest == NULL) ||
		    (nearest != NULL && strcmp(nearest->name, row->nearest) != 0))
			fail_msg("%s: %s", row->name, nearest != NULL ? nearest->name : "none");
		if ((other == NULL) != (row->elsewhere == NULL) ||
		    (other != NULL &&
			strcmp(other->block != NULL ? other->block : "", row->elsewhere) != 0))
			fail_msg(
			    "%s stands in %s", row->name, other != NULL ? other->block : "none");
	}
	assert_string_equal(options_nearest_block(span("smarthsot"))->name, "smarthost");
	assert_null(options_nearest_block(span("qwertzuiop")));
}

static void check_smarthost(const struct smarthost *read)
{
	struct smarthost initial;

	smarthost_init(&initial);
	assert_int_equal(read->window, initial.window);
	assert_int_equal(read->connections, initial.connections);
	assert_int_equal(read->burst, initial.burst);
	assert_int_equal(read->rate, initial.rate);
	assert_int_equal(read->connect_timeout, initial.connect_timeout);
	assert_int_equal(read->from_policy, initial.from_policy);
	assert_int_equal(read->auth, initial.auth);
	assert_int_equal(read->family, initial.family);
	assert_int_equal(read->tls_min_is_1_3, initial.tls_min_is_1_3);
	smarthost_finish(&initial);
}

/* A smarthost by MAILCHUTE_URL, and limits without settings, do not see the table. */
static void defaults_elsewhere_are_the_same(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	CLEANUP(entries_finish) struct entries entries = { 0 };
	CLEANUP(faults_finish) struct faults faults = { 0 };

	(void)state;
	entries_add_file(&entries, "f", true);
	entries_open(&entries, "smarthost", "a", 0, 1);
	blocks_read(&entries, &faults, &config);
	/* It has no url, and all defaults are right. */
	assert_int_equal(faults.count, 1);
	assert_non_null(strstr(faults.items[0].error.text, "f line 1: smarthost \"a\" has no url"));
	check_smarthost(&config.smarthosts[0].parameters);
	assert_memory_equal(&config.limits, &config_default_limits, sizeof config.limits);
	assert_string_equal(config.spool, MAILCHUTE_SPOOL_DIR);
	assert_int_equal(config.retry_count, 5);
	assert_false(config.keeps_to);
	assert_false(config.omits_received);
	assert_true(config.keeps_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(names_meant_are_found),
		cmocka_unit_test(defaults_elsewhere_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
