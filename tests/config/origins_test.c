/* SPDX-License-Identifier: MIT */

/* Tests config/origins.c. */

#include "config/origins.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "config/options.h"

static void check(const struct config *config, const char *block, const char *title,
    const char *option, const char *value, const char *where, bool is_set)
{
	const struct config_origin *origin = config_find_origin(config, block, title, option);

	if (origin == NULL)
		fail_msg("%s is not there", option);
	if (value == NULL)
		assert_null(origin->value);
	else
		assert_string_equal(origin->value, value);
	assert_string_equal(origin->where, where);
	assert_int_equal(origin->is_set, is_set);
}

static void put(struct entries *entries, size_t block, const char *name, const char *value)
{
	struct entry entry = { .name = memory_copy_string(name), .count = 1, .line = 7 };

	entry.items = memory_allocate(sizeof *entry.items);
	entry.items[0] = memory_copy_string(value);
	entries_put(entries, block, &entry);
}

/* One smarthost whose url carries a password, and a queue. */
static void build(struct config *config)
{
	CLEANUP(entries_finish) struct entries entries = { 0 };
	struct error error;

	entries_add_file(&entries, "/f", false);
	put(&entries, entries_open(&entries, "smarthost", "a", 0, 1), "url", "smtps://u:pw@h");
	put(&entries, entries_open(&entries, "queue", NULL, 0, 2), "warn", "1h");
	config->smarthosts = memory_allocate(sizeof *config->smarthosts);
	config->smarthost_count = 1;
	struct smarthost *smarthost = &config->smarthosts[0].parameters;
	smarthost_init(smarthost);
	smarthost->name = memory_copy_string("a");
	assert_int_equal(
	    smarthost_set_url(smarthost, span_from_string("smtps://u:pw@h"), &error), 0);
	origins_fill(config, &entries);
}

static void every_option_has_a_row(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	size_t titled = 0;

	(void)state;
	build(&config);
	check(&config, "smarthost", "a", "url", "smtps://h", "/f line 7", true);
	check(&config, "smarthost", "a", "tls_min", "1.2", "built-in", false);
	check(&config, "smarthost", "a", "from", NULL, "built-in", false);
	check(&config, "queue", NULL, "warn", "1h", "/f line 7", true);
	check(&config, "queue", NULL, "retry", "30s, 2m, 10m, 30m, 1h", "built-in", false);
	check(&config, NULL, NULL, "capture", NULL, "built-in", false);
	assert_true(config_find_origin(&config, "queue", NULL, "retry")->is_list);
	/* None for routes and aliases, of which there are none. */
	for (size_t i = 0; i < options_count(); i++) {
		const char *block = options_at(i)->block;

		titled += block != NULL &&
			  (strcmp(block, "route") == 0 || strcmp(block, "alias") == 0);
	}
	assert_int_equal(config.origin_count, options_count() - titled);
	assert_null(config_find_origin(&config, "smarthost", "b", "url"));
	assert_null(config_find_origin(&config, "queue", NULL, "url"));
}

static void later_sources_take_over(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };

	(void)state;
	build(&config);
	size_t count = config.origin_count;
	origins_put(&config, "queue", NULL, "warn", "2h", "V");
	check(&config, "queue", NULL, "warn", "2h", "V", true);
	assert_int_equal(config.origin_count, count);
	origins_put(&config, "smarthost", "a", "password", NULL, "V");
	check(&config, "smarthost", "a", "password", "***", "V", true);
	assert_true(config_find_origin(&config, "smarthost", "a", "password")->is_secret);
	/* What is found out is not set by anybody. */
	origins_explain(&config, "queue", NULL, "warn", "3h", "found");
	check(&config, "queue", NULL, "warn", "3h", "found", false);
	origins_drop(&config, "smarthost", "A");
	assert_null(config_find_origin(&config, "smarthost", "a", "url"));
	check(&config, "queue", NULL, "warn", "3h", "found", false);
	origins_add_block(&config, "smarthost", "b");
	check(&config, "smarthost", "b", "window", "20", "built-in", false);
	origins_drop(&config, "smarthost", NULL);
	assert_null(config_find_origin(&config, "smarthost", "b", "window"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_row),
		cmocka_unit_test(later_sources_take_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
