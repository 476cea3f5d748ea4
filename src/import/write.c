/* SPDX-License-Identifier: MIT */

#include "import/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/config.h"
#include "config/lint.h"
#include "config/secrets_file.h"

enum { TEXT_LIMIT = 1 << 20, CHANGES_A_LOGIN = 3 };

/* In the order in which one reads a configuration. */
static const char *const kinds[] = { "smarthost", "route", "alias", "", "identity", "submit",
	"queue", "limits", "log" };

/* ---- mailchute.conf ---- */

/* '...' where libConfuse would put something in, or take a backslash for more than it is. */
static void append_quoted(struct buffer *text, const char *value)
{
	bool is_single = strpbrk(value, "\"\\$") != NULL;
	char quote = is_single ? '\'' : '"';

	buffer_append_byte(text, quote);
	for (const char *p = value; *p != '\0'; p++) {
		if (is_single && (*p == '\\' || *p == '\''))
			buffer_append_byte(text, '\\');
		buffer_append_byte(text, *p);
	}
	buffer_append_byte(text, quote);
}

static void append_value(struct buffer *text, const struct plan_option *option)
{
	if (!option->is_list) {
		append_quoted(text, option->values[0]);
		return;
	}
	buffer_append_string(text, "{ ");
	for (size_t i = 0; i < option->count; i++) {
		if (i != 0)
			buffer_append_string(text, ", ");
		append_quoted(text, option->values[i]);
	}
	buffer_append_string(text, " }");
}

static void append_option(
    struct buffer *text, const struct plan_option *option, const char *indent, size_t width)
{
	buffer_format(text, "%s%-*s = ", indent, (int)width, option->name);
	append_value(text, option);
	buffer_append_byte(text, '\n');
}

static size_t widest(const struct plan_block *block)
{
	size_t width = 0;

	for (size_t i = 0; i < block->count; i++)
		if (strlen(block->options[i].name) > width)
			width = strlen(block->options[i].name);
	return width;
}

static void append_head(struct buffer *text, const struct plan_block *block)
{
	buffer_append_string(text, block->kind);
	if (block->title != NULL) {
		buffer_append_byte(text, ' ');
		append_quoted(text, block->title);
	}
	buffer_append_string(text, " {");
}

static void append_block(struct buffer *text, const struct plan_block *block)
{
	size_t width = widest(block);

	if (block->count == 0)
		return;
	if (block->kind[0] == '\0') {
		for (size_t i = 0; i < block->count; i++)
			append_option(text, &block->options[i], "", width);
		return;
	}
	append_head(text, block);
	/* What holds little stands in one line. */
	if (block->count <= 2 && strcmp(block->kind, "smarthost") != 0) {
		for (size_t i = 0; i < block->count; i++) {
			buffer_format(text, " %s = ", block->options[i].name);
			append_value(text, &block->options[i]);
		}
		buffer_append_string(text, " }\n");
		return;
	}
	buffer_append_byte(text, '\n');
	for (size_t i = 0; i < block->count; i++)
		append_option(text, &block->options[i], "\t", width);
	buffer_append_string(text, "}\n");
}

/* The route without a condition is the last, whenever it was thought of. */
static bool is_default_route(const struct plan_block *block)
{
	return strcmp(block->kind, "route") == 0 && plan_get(block, "from") == NULL &&
	       plan_get(block, "to") == NULL && plan_get(block, "user") == NULL;
}

static void append_kind(struct buffer *text, const struct plan *plan, const char *kind)
{
	bool is_first = true;

	for (int late = 0; late < 2; late++)
		for (size_t i = 0; i < plan->block_count; i++) {
			const struct plan_block *block = plan->blocks[i];

			if (strcmp(block->kind, kind) != 0 ||
			    is_default_route(block) != (late == 1))
				continue;
			if (is_first || strcmp(kind, "smarthost") == 0)
				buffer_append_byte(text, '\n');
			is_first = false;
			append_block(text, block);
		}
}

void write_settings(const struct plan *plan, const char *about, struct buffer *text)
{
	buffer_append_string(text, "# ");
	for (const char *p = about; *p != '\0'; p++)
		buffer_append_byte(text, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
	buffer_append_string(text, "\n# The logins stand in secrets.ini beside this file.\n");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		append_kind(text, plan, kinds[i]);
}

void write_shown_secrets(const struct plan *plan, struct buffer *text)
{
	for (size_t i = 0; i < plan->login_count; i++) {
		const struct plan_login *login = plan->logins[i];

		buffer_format(text, "%s[%s]\nuser = \"%s\"\n", i != 0 ? "\n" : "", login->section,
		    login->user);
		if (login->password != NULL)
			buffer_append_string(text, "password = \"...\"\n");
		else if (login->password_file != NULL)
			buffer_format(text, "password_file = \"%s\"\n", login->password_file);
	}
}

/* ---- what is there ---- */

/* A file of comments says nothing. */
static bool says_something(struct span text)
{
	struct span line;

	while (span_take_line(&text, &line)) {
		line = span_trim(line);
		if (line.length != 0 && line.start[0] != '#' && !span_starts_with(line, "//"))
			return true;
	}
	return false;
}

static int read_if_there(const char *path, struct buffer *text, struct error *error)
{
	buffer_init(text, TEXT_LIMIT);
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	return file_read_whole(path, text, error);
}

static int refuse_settings(const struct write_request *request, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	int outcome = read_if_there(request->settings, &text, error);

	if (outcome < 0)
		return -1;
	if (outcome > 0 || !says_something(buffer_span(&text)))
		return 0;
	error_set(error, ERROR_CANNOT_CREATE, "5.3.5",
	    "%s has settings already, and stays as it is", request->settings);
	return error_next(
	    error, "--force writes it anew, and keeps the old one under another name");
}

static int refuse_logins(
    const struct plan *plan, const struct write_request *request, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	int outcome = plan->login_count != 0 ? read_if_there(request->secrets, &text, error) : 1;

	if (outcome != 0)
		return outcome < 0 ? -1 : 0;
	for (size_t i = 0; i < plan->login_count; i++) {
		const char *section = plan->logins[i]->section;

		if (lint_find_secret(buffer_span(&text), section, "") == 0)
			continue;
		error_set(error, ERROR_CANNOT_CREATE, "5.3.5",
		    "%s has a login [%s] already, and stays as it is", request->secrets, section);
		return error_next(error, "--force writes this login anew");
	}
	return 0;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return memory_copy_string(".");
	return memory_copy(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Before anybody answers questions for nothing. */
static int refuse_place(const char *path, struct error *error)
{
	CLEANUP(memory_free_string) char *directory = directory_of(path);

	while (access(directory, W_OK) < 0 && errno == ENOENT && strcmp(directory, "/") != 0 &&
	       strcmp(directory, ".") != 0) {
		char *above = directory_of(directory);

		free(directory);
		directory = above;
	}
	if (access(directory, W_OK) == 0)
		return 0;
	bool is_refused = errno == EACCES;
	error_system(error, "cannot write %s", path);
	return is_refused ? error_next(error, "run this as root") : -1;
}

int write_may(const struct plan *plan, const struct write_request *request, struct error *error)
{
	if (refuse_place(request->settings, error) < 0)
		return -1;
	if (request->is_forced)
		return 0;
	if (refuse_settings(request, error) < 0)
		return -1;
	return refuse_logins(plan, request, error);
}

/* ---- is it right? ---- */

int write_check(const struct plan *plan, const char *about, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(config_finish) struct config config = { 0 };
	CLEANUP(file_close) int fd = memfd_create("mailchute.conf", MFD_CLOEXEC);
	CLEANUP(memory_free_string) char *path = memory_format("/proc/self/fd/%d", fd);
	const struct config_sources sources = { .main_file = path,
		.secrets_file = "/nonexistent/secrets.ini",
		.run_secrets = "/nonexistent",
		.ignores_environment = true };

	buffer_init(&text, TEXT_LIMIT);
	write_settings(plan, about, &text);
	if (fd < 0 || file_write_all(fd, buffer_span(&text)) < 0)
		return error_system(error, "cannot keep mailchute.conf in memory");
	if (config_load(&sources, &config, error) < 0)
		return error_prefix(error, "what would be written is not right: ");
	return 0;
}

/* ---- the files ---- */

void write_finish(struct write_outcome *outcome)
{
	free(outcome->backup);
	free(outcome->answers);
	free(outcome->own_files);
	*outcome = (struct write_outcome){ 0 };
}

static size_t list_changes(const struct plan *plan, struct secrets_change *changes)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->login_count; i++) {
		const struct plan_login *login = plan->logins[i];

		changes[count++] = (struct secrets_change){ login->section, "user", login->user };
		if (login->password != NULL)
			changes[count++] = (struct secrets_change){ login->section, "password",
				login->password };
		else if (login->password_file != NULL)
			changes[count++] = (struct secrets_change){ login->section, "password_file",
				login->password_file };
	}
	return count;
}

static int write_secrets(const struct plan *plan, const struct write_request *request,
    struct write_outcome *outcome, struct error *error)
{
	struct secrets_written written CLEANUP(secrets_file_finish_written) = { 0 };
	struct secrets_change *changes = memory_allocate(
	    (plan->login_count + 1) * CHANGES_A_LOGIN * sizeof *changes);
	size_t count = list_changes(plan, changes);
	int result = count != 0
			 ? secrets_file_change(request->secrets, changes, count, &written, error)
			 : 0;

	free(changes);
	if (result < 0)
		return -1;
	if (count == 0)
		return 0;
	snprintf(outcome->mode, sizeof outcome->mode, "%s", written.mode);
	snprintf(outcome->owner, sizeof outcome->owner, "%s", written.owner);
	outcome->own_files = written.own_file;
	written.own_file = NULL;
	return 0;
}

static int refuse_write(const char *path, struct error *error)
{
	bool is_refused = errno == EACCES || errno == EPERM;

	error_system(error, "cannot write %s", path);
	return is_refused ? error_next(error, "run this as root") : -1;
}

static int make_directory(const char *path, struct error *error)
{
	CLEANUP(memory_free_string) char *directory = directory_of(path);

	if (mkdir(directory, 0755) == 0 || errno == EEXIST)
		return 0;
	return refuse_write(directory, error);
}

/* A second name for what is there, which stays when the first one changes hands. */
static int keep_old(const char *path, char **backup, struct error *error)
{
	for (int i = 0; i < 100; i++) {
		char *name = i == 0 ? memory_format("%s.old", path)
				    : memory_format("%s.old%d", path, i);

		if (link(path, name) == 0) {
			*backup = name;
			return 0;
		}
		free(name);
		if (errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			return refuse_write(path, error);
	}
	return error_set(
	    error, ERROR_CANNOT_CREATE, "5.3.5", "there are too many old files beside %s", path);
}

/*
 * What debconf asked when the package came was answered anew by whoever made these settings, over
 * which the older answers would win as a drop-in does.
 */
static int retire_answers(
    const struct write_request *request, struct write_outcome *outcome, struct error *error)
{
	CLEANUP(memory_free_string) char *directory = directory_of(request->settings);
	CLEANUP(memory_free_string)
	char *answers = memory_format("%s/conf.d/debconf.conf", directory);

	if (keep_old(answers, &outcome->answers, error) < 0)
		return -1;
	if (outcome->answers != NULL && unlink(answers) < 0)
		return refuse_write(answers, error);
	return 0;
}

static int sync_directory(const char *path)
{
	CLEANUP(memory_free_string) char *directory = directory_of(path);
	CLEANUP(file_close) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

static int write_draft(const char *draft, int fd, struct span text, struct error *error)
{
	if (fchmod(fd, 0644) < 0 || file_write_all(fd, text) < 0 || fsync(fd) < 0)
		return refuse_write(draft, error);
	return 0;
}

static int replace_settings(const struct plan *plan, const struct write_request *request,
    struct write_outcome *outcome, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(memory_free_string) char *draft = memory_format("%s.XXXXXX", request->settings);

	if (make_directory(request->settings, error) < 0)
		return -1;
	CLEANUP(file_close) int fd = mkostemp(draft, O_CLOEXEC);
	if (fd < 0)
		return refuse_write(request->settings, error);
	buffer_init(&text, TEXT_LIMIT);
	write_settings(plan, request->about, &text);
	if (write_draft(draft, fd, buffer_span(&text), error) < 0 ||
	    keep_old(request->settings, &outcome->backup, error) < 0) {
		(void)unlink(draft);
		return -1;
	}
	if (rename(draft, request->settings) < 0 || sync_directory(request->settings) < 0) {
		(void)refuse_write(request->settings, error);
		(void)unlink(draft);
		return -1;
	}
	return retire_answers(request, outcome, error);
}

int write_files(const struct plan *plan, const struct write_request *request,
    struct write_outcome *outcome, struct error *error)
{
	*outcome = (struct write_outcome){ 0 };
	if (write_may(plan, request, error) < 0 || write_check(plan, request->about, error) < 0 ||
	    make_directory(request->settings, error) < 0)
		return -1;
	/* Logins first: settings without theirs would be in force for a moment. */
	if (write_secrets(plan, request, outcome, error) < 0)
		return -1;
	return replace_settings(plan, request, outcome, error);
}
