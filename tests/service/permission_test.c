/* SPDX-License-Identifier: MIT */

/* Tests service/permission.c. */

#include "service/permission.h"

#include <string.h>

#include "tests/support/cmocka.h"

static char missing[] = "/nonexistent/secrets.ini";
static char folder[] = "/";
static char file[] = "/etc/m.conf";
static char from[] = "alerts@x.example";
static char one[] = "one";
static char two[] = "two";
static char three[] = "three";

enum { COUNT = 3 };

struct scene {
	struct config_smarthost smarthosts[COUNT];
	struct config config;
	struct header header;
	struct permission permission;
};

/* policies: of each smarthost its first letter; j is reject. */
static void start(struct scene *scene, const char *policies)
{
	static char *const names[COUNT] = { one, two, three };

	*scene = (struct scene){ 0 };
	for (int i = 0; i < COUNT; i++) {
		scene->smarthosts[i].parameters = (struct smarthost){
			.name = names[i],
			.from = from,
			.from_policy = policies[i] == 'j'   ? SMARTHOST_FROM_REJECT
				       : policies[i] == 'k' ? SMARTHOST_FROM_KEEP
							    : SMARTHOST_FROM_AUTO,
		};
		scene->smarthosts[i].secret = names[i];
		scene->smarthosts[i].place = (struct config_place){ file, i + 1 };
	}
	scene->config = (struct config){
		.smarthosts = scene->smarthosts,
		.smarthost_count = COUNT,
		.secrets_file = missing,
	};
	scene->permission = (struct permission){
		.config = &scene->config,
		.sender = "a@b.example",
		.header = &scene->header,
	};
}

static struct route_list list_of(const struct scene *scene)
{
	struct route_list list = { .count = COUNT };

	for (size_t i = 0; i < COUNT; i++)
		list.smarthosts[i] = &scene->smarthosts[i];
	return list;
}

static void who_rejects_is_left_out(void **state)
{
	static const struct row {
		const char *policies;
		bool matters;
		const char *left; /* NULL: all refuse */
	} rows[] = {
		{ "kak", false, "123" },
		{ "jka", true, "23" },
		{ "kja", true, "13" },
		{ "jja", true, "3" },
		{ "jjj", true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;
		struct error error = { 0 };

		start(&scene, rows[i].policies);
		struct route_list list = list_of(&scene);
		assert_int_equal(permission_matters(&scene.config), rows[i].matters);
		int outcome = permission_filter(&scene.permission, &list, &error);
		assert_int_equal(outcome, rows[i].left != NULL ? 0 : -1);
		if (outcome < 0) {
			assert_int_equal(list.count, COUNT);
			assert_int_equal(error.kind, ERROR_NO_PERMISSION);
			/* The one that was to have it. */
			assert_non_null(strstr(error.text, "\"one\""));
			assert_non_null(strstr(error.next, "/etc/m.conf line 1"));
			continue;
		}
		assert_int_equal(list.count, strlen(rows[i].left));
		for (size_t j = 0; j < list.count; j++)
			assert_ptr_equal(
			    list.smarthosts[j], &scene.smarthosts[rows[i].left[j] - '1']);
	}
}

static void from_itself_is_allowed(void **state)
{
	struct scene scene;
	struct error error;

	(void)state;
	start(&scene, "jjj");
	scene.permission.sender = from;
	assert_int_equal(permission_check(&scene.permission, &scene.smarthosts[0], &error), 0);
	scene.permission.sender = "a@b.example";
	assert_int_equal(permission_check(&scene.permission, &scene.smarthosts[0], &error), -1);
	/* Without a from its login is asked for, which is in nobody's way while it cannot be read.
	 */
	scene.smarthosts[0].parameters.from = NULL;
	scene.config.secrets_file = folder;
	assert_int_equal(permission_check(&scene.permission, &scene.smarthosts[0], &error), 0);
}

static void an_empty_list_stays_empty(void **state)
{
	struct scene scene;
	struct route_list list = { 0 };
	struct error error;

	(void)state;
	start(&scene, "jjj");
	assert_int_equal(permission_filter(&scene.permission, &list, &error), 0);
	assert_int_equal(list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_rejects_is_left_out),
		cmocka_unit_test(from_itself_is_allowed),
		cmocka_unit_test(an_empty_list_stays_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
