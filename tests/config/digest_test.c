/* SPDX-License-Identifier: MIT */

/* Tests config/digest.c. */

#include "config/digest.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"

static char text_a[] = "a";
static char text_b[] = "b";

/* One of everything that says where mail goes and as whom. */
struct scene {
	struct config config;
	struct config_smarthost smarthost;
	struct config_alias alias;
	struct config_route route;
	struct config_via via;
	char *items[2];
};

static void build(struct scene *scene)
{
	*scene = (struct scene){ .items = { text_a, text_a } };
	scene->config = (struct config){ .ehlo = text_a,
		.domain = text_a,
		.aliases_file = text_a,
		.secrets_file = text_a,
		.capture = NULL,
		.smarthosts = &scene->smarthost,
		.smarthost_count = 1,
		.routes = &scene->route,
		.route_count = 1,
		.aliases = &scene->alias,
		.alias_count = 1 };
	smarthost_init(&scene->smarthost.parameters);
	scene->smarthost.parameters.url = text_a;
	scene->smarthost.secret = text_a;
	scene->alias = (struct config_alias){
		.name = text_a, .targets = scene->items, .target_count = 1
	};
	scene->via = (struct config_via){ .smarthost = text_a };
	scene->route = (struct config_route){ .title = text_a, .via = &scene->via, .via_count = 1 };
}

typedef void change_scene(struct scene *scene);

static void change_nothing_of_value(struct scene *scene)
{
	scene->config.lifetime = 7;
	scene->smarthost.parameters.password = text_a;
	scene->smarthost.parameters.token = text_a;
	scene->config.log_to = text_b;
}

static void change_ehlo(struct scene *scene)
{
	scene->config.ehlo = text_b;
}

static void change_url(struct scene *scene)
{
	scene->smarthost.parameters.url = text_b;
}

static void change_from(struct scene *scene)
{
	scene->smarthost.parameters.from = text_b;
}

static void change_policy(struct scene *scene)
{
	scene->smarthost.parameters.from_policy = SMARTHOST_FROM_REJECT;
}

static void change_allowed(struct scene *scene)
{
	scene->smarthost.parameters.from_allow = scene->items;
	scene->smarthost.parameters.from_allow_count = 1;
}

static void change_capture(struct scene *scene)
{
	scene->config.capture = text_a;
}

static void change_users(struct scene *scene)
{
	scene->config.users = (struct config_list){ scene->items, 1 };
}

static void change_size(struct scene *scene)
{
	scene->config.max_size = 1;
}

static void change_to(struct scene *scene)
{
	scene->config.keeps_to = true;
}

static void change_alias(struct scene *scene)
{
	scene->alias.target_count = 2;
}

static void change_route(struct scene *scene)
{
	scene->route.from = (struct config_list){ scene->items, 1 };
}

static void change_via(struct scene *scene)
{
	scene->via.weight = 1;
}

static void what_matters_is_in_the_digest(void **state)
{
	static const struct row {
		const char *name;
		change_scene *change;
		bool is_same;
	} rows[] = {
		{ "nothing of value", change_nothing_of_value, true },
		{ "ehlo", change_ehlo, false },
		{ "url", change_url, false },
		{ "from", change_from, false },
		{ "from_policy", change_policy, false },
		{ "from_allow", change_allowed, false },
		{ "capture", change_capture, false },
		{ "users", change_users, false },
		{ "max_size", change_size, false },
		{ "rewrite_to", change_to, false },
		{ "alias", change_alias, false },
		{ "route", change_route, false },
		{ "via", change_via, false },
	};
	char digests[sizeof rows / sizeof rows[0] + 1][DIGEST_SIZE];
	struct scene scene;

	(void)state;
	build(&scene);
	digest_of(&scene.config, digests[0]);
	assert_int_equal(strlen(digests[0]), DIGEST_SIZE - 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		build(&scene);
		rows[i].change(&scene);
		digest_of(&scene.config, digests[i + 1]);
		if ((strcmp(digests[0], digests[i + 1]) == 0) != rows[i].is_same)
			fail_msg("%s", rows[i].name);
		for (size_t j = 2; j < i + 1; j++)
			if (strcmp(digests[j], digests[i + 1]) == 0)
				fail_msg("%s and %s", rows[i].name, rows[j - 1].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matters_is_in_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
