/* SPDX-License-Identifier: MIT */

#include "import/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { NOTE_SIZE = 600 };

static void finish_block(struct plan_block *block)
{
	for (size_t i = 0; i < block->count; i++) {
		for (size_t j = 0; j < block->options[i].count; j++)
			free(block->options[i].values[j]);
		free(block->options[i].values);
		free(block->options[i].name);
	}
	free(block->options);
	free(block->kind);
	free(block->title);
	free(block);
}

static void finish_login(struct plan_login *login)
{
	free(login->section);
	free(login->user);
	free(login->password_file);
	memory_free_secret(&login->password);
	free(login);
}

void plan_finish(struct plan *plan)
{
	for (size_t i = 0; i < plan->block_count; i++)
		finish_block(plan->blocks[i]);
	for (size_t i = 0; i < plan->login_count; i++)
		finish_login(plan->logins[i]);
	for (size_t i = 0; i < plan->note_count; i++) {
		free(plan->notes[i].file);
		free(plan->notes[i].text);
	}
	for (size_t i = 0; i < plan->file_count; i++)
		free(plan->files[i]);
	free(plan->blocks);
	free(plan->logins);
	free(plan->notes);
	free(plan->files);
	*plan = (struct plan){ 0 };
}

static bool is_same_title(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcasecmp(a, b) == 0;
}

struct plan_block *plan_find(const struct plan *plan, const char *kind, const char *title)
{
	for (size_t i = 0; i < plan->block_count; i++)
		if (strcmp(plan->blocks[i]->kind, kind) == 0 &&
		    is_same_title(plan->blocks[i]->title, title))
			return plan->blocks[i];
	return NULL;
}

struct plan_block *plan_block(struct plan *plan, const char *kind, const char *title)
{
	struct plan_block *block = plan_find(plan, kind, title);

	if (block != NULL)
		return block;
	block = memory_allocate(sizeof *block);
	block->kind = memory_copy_string(kind);
	block->title = title != NULL ? memory_copy_string(title) : NULL;
	plan->blocks = memory_resize_array(
	    plan->blocks, plan->block_count + 1, sizeof(struct plan_block *));
	plan->blocks[plan->block_count++] = block;
	return block;
}

void plan_drop(struct plan *plan, struct plan_block *block)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->block_count; i++)
		if (plan->blocks[i] != block)
			plan->blocks[kept++] = plan->blocks[i];
	plan->block_count = kept;
	finish_block(block);
}

size_t plan_count(const struct plan *plan, const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->block_count; i++)
		count += strcmp(plan->blocks[i]->kind, kind) == 0;
	return count;
}

static struct plan_option *find_option(const struct plan_block *block, const char *name)
{
	for (size_t i = 0; i < block->count; i++)
		if (strcmp(block->options[i].name, name) == 0)
			return &block->options[i];
	return NULL;
}

static struct plan_option *make_option(struct plan_block *block, const char *name, bool is_list)
{
	struct plan_option *option = find_option(block, name);

	if (option != NULL)
		return option;
	block->options = memory_resize_array(
	    block->options, block->count + 1, sizeof(struct plan_option));
	option = &block->options[block->count++];
	*option = (struct plan_option){ .name = memory_copy_string(name), .is_list = is_list };
	return option;
}

static void append(struct plan_option *option, const char *value)
{
	option->values = memory_resize_array(option->values, option->count + 1, sizeof(char *));
	option->values[option->count++] = memory_copy_string(value);
}

void plan_set(struct plan_block *block, const char *option, const char *value)
{
	if (value == NULL)
		return;
	struct plan_option *found = make_option(block, option, false);

	for (size_t i = 0; i < found->count; i++)
		free(found->values[i]);
	found->count = 0;
	append(found, value);
}

void plan_add(struct plan_block *block, const char *option, const char *value)
{
	struct plan_option *found = make_option(block, option, true);

	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->values[i], value) == 0)
			return;
	append(found, value);
}

const char *plan_get(const struct plan_block *block, const char *option)
{
	const struct plan_option *found = find_option(block, option);

	return found != NULL && found->count != 0 ? found->values[0] : NULL;
}

struct plan_login *plan_login(struct plan *plan, const char *section)
{
	for (size_t i = 0; i < plan->login_count; i++)
		if (strcasecmp(plan->logins[i]->section, section) == 0)
			return plan->logins[i];
	struct plan_login *login = memory_allocate(sizeof *login);

	login->section = memory_copy_string(section);
	plan->logins = memory_resize_array(
	    plan->logins, plan->login_count + 1, sizeof(struct plan_login *));
	plan->logins[plan->login_count++] = login;
	return login;
}

void plan_note(struct plan *plan, enum plan_note_kind kind, const char *file, int line,
    const char *format, ...)
{
	char text[NOTE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	for (size_t i = 0; i < plan->note_count; i++)
		if (plan->notes[i].line == line && strcmp(plan->notes[i].text, text) == 0 &&
		    strcmp(plan->notes[i].file, file) == 0)
			return;
	plan->notes = memory_resize_array(
	    plan->notes, plan->note_count + 1, sizeof(struct plan_note));
	plan->notes[plan->note_count++] = (struct plan_note){ kind, memory_copy_string(file), line,
		memory_copy_string(text) };
}

void plan_read(struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->file_count; i++)
		if (strcmp(plan->files[i], path) == 0)
			return;
	plan->files = memory_resize_array(plan->files, plan->file_count + 1, sizeof(char *));
	plan->files[plan->file_count++] = memory_copy_string(path);
}
