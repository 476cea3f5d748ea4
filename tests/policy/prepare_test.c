/* SPDX-License-Identifier: MIT */

/* Tests policy/prepare.c: the parts have tests of their own. */

#include "policy/prepare.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

static char domain[] = "d.example";
static char *to_me[] = { (char *)"me@y.example" };
static struct alias entries[] = { { (char *)"root", to_me, 1, (char *)"/etc/aliases line 3" } };

struct scene {
	struct config config;
	struct aliases aliases;
	struct envelope given;
	struct header header;
	struct envelope expanded;
	struct error error;
};

static void start(struct scene *scene, const char *header)
{
	struct span body;

	*scene = (struct scene){ .config = { .domain = domain },
		.aliases = { .entries = entries, .count = 1, .capacity = 1 } };
	assert_int_equal(
	    envelope_set_sender(&scene->given, span_from_string("root@d.example"), &scene->error),
	    0);
	assert_int_equal(envelope_add_recipient(&scene->given, span_from_string("root"),
			     (struct span){ 0 }, 0, &scene->error),
	    0);
	header_init(&scene->header);
	header_feed(&scene->header, span_from_string(header), &body);
	if (!scene->header.is_complete)
		header_end(&scene->header, &body);
}

static void stop(struct scene *scene)
{
	envelope_finish(&scene->given);
	envelope_finish(&scene->expanded);
	header_finish(&scene->header);
}

static void see(void *context, const struct expand_step *step)
{
	size_t *count = context;

	*count += step->alias != NULL;
}

static int prepare(struct scene *scene, size_t *seen)
{
	const struct expand_witness witness = { see, seen };
	const struct prepare_question question = {
		.config = &scene->config,
		.aliases = &scene->aliases,
		.given = &scene->given,
		.full_name = "Charlie &",
		.witness = &witness,
	};

	return prepare_message(&question, &scene->header, &scene->expanded, &scene->error);
}

static void header_and_recipients_are_made_ready(void **state)
{
	struct scene scene;
	size_t seen = 0;

	(void)state;
	start(&scene, "Bcc: x@y.example\r\n\r\n");
	assert_int_equal(prepare(&scene, &seen), 0);
	assert_int_equal(seen, 1);
	assert_int_equal(scene.expanded.recipient_count, 1);
	assert_string_equal(scene.expanded.recipients[0].address, "me@y.example");
	assert_string_equal(scene.expanded.sender, "root@d.example");
	assert_false(header_has(&scene.header, "Bcc"));
	assert_true(header_has(&scene.header, "Date"));
	ssize_t at = header_find(&scene.header, "From", 0);
	assert_true(at >= 0);
	assert_true(span_equals_string(span_trim(header_field(&scene.header, (size_t)at).value),
	    "Charlie & <root@d.example>"));
	stop(&scene);
}

static void what_cannot_be_received_is_an_error(void **state)
{
	static const struct row {
		size_t count;
		int outcome;
	} rows[] = { { 100, 0 }, { 101, -1 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;
		struct buffer text CLEANUP(buffer_finish) = { 0 };
		size_t seen = 0;

		buffer_init(&text, 1 << 16);
		for (size_t j = 0; j < rows[i].count; j++)
			buffer_append_string(&text, "Received: by x\r\n");
		start(&scene, buffer_string(&text));
		assert_int_equal(prepare(&scene, &seen), rows[i].outcome);
		if (rows[i].outcome < 0)
			assert_string_equal(scene.error.status, "5.4.6");
		stop(&scene);
	}
	struct scene scene;
	size_t seen = 0;
	start(&scene, "A: b\r\n\r\n");
	scene.header.has_overflowed = true;
	assert_int_equal(prepare(&scene, &seen), -1);
	assert_string_equal(scene.error.status, "5.6.0");
	stop(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_recipients_are_made_ready),
		cmocka_unit_test(what_cannot_be_received_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
