/* SPDX-License-Identifier: MIT */

#include "config/secrets_file.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "config/lint.h"
#include "config/secrets.h"
#include "config/secrets_place.h"
#include "config/secrets_text.h"

enum { TEXT_LIMIT = 1 << 20, SECRET_LIMIT = 60000, OWN_LIMIT = 16 };

static const char *const secret_keys[] = { "password", "password_file", "token", "token_file",
	"token_command" };

/* A secret that has a file of its own. */
struct own {
	char *name; /* "gmail.password" */
	char *draft;
	bool is_in_force;
};

struct writing {
	struct secrets_place place;
	struct buffer text; /* as it will stand */
	struct own owns[OWN_LIMIT];
	size_t own_count;
	char *obsolete[OWN_LIMIT]; /* files of secrets that gave way */
	size_t obsolete_count;
	char *draft; /* of secrets.ini */
	struct secrets_written written;
};

static void finish(struct writing *writing)
{
	for (size_t i = 0; i < writing->own_count; i++) {
		if (writing->owns[i].draft != NULL && !writing->owns[i].is_in_force)
			secrets_place_drop(&writing->place, writing->owns[i].draft);
		free(writing->owns[i].draft);
		free(writing->owns[i].name);
	}
	for (size_t i = 0; i < writing->obsolete_count; i++)
		free(writing->obsolete[i]);
	if (writing->draft != NULL)
		secrets_place_drop(&writing->place, writing->draft);
	free(writing->draft);
	buffer_finish_secret(&writing->text);
	secrets_place_finish(&writing->place);
	secrets_file_finish_written(&writing->written);
}

/* ---- the text ---- */

static void set_line(
    struct writing *writing, const char *section, const char *key, const char *line)
{
	CLEANUP(buffer_finish_secret) struct buffer old = writing->text;

	buffer_init(&writing->text, TEXT_LIMIT);
	(void)buffer_reserve(&writing->text, old.length + 2048);
	secrets_text_set(buffer_span(&old), section, key, line, &writing->text);
}

static struct span unquoted(struct span written)
{
	ssize_t end;

	if (written.length == 0 || strchr("\"'", written.start[0]) == NULL)
		return written;
	end = span_find_byte(span_after(written, 1), written.start[0]);
	return end < 0 ? written : span_first(span_after(written, 1), (size_t)end);
}

/* "gmail.password": what we would call it, and so ours to remove or replace. */
static char *own_name(const char *section, const char *key)
{
	return memory_format("%s.%s", section, key);
}

static bool names_own(
    struct writing *writing, const char *section, const char *key, const char *own)
{
	CLEANUP(memory_free_string) char *file_key = memory_format("%s_file", key);
	struct span written;

	return secrets_text_find(buffer_span(&writing->text), section, file_key, &written, NULL) &&
	       span_equals_string(unquoted(written), own);
}

static void note_gave_way(struct writing *writing, const char *key)
{
	char *before = writing->written.gave_way;

	writing->written.gave_way = before != NULL ? memory_format("%s, %s", before, key)
						   : memory_copy_string(key);
	free(before);
}

/* Of a file that was ours nothing shall stay behind. */
static void note_obsolete(struct writing *writing, const char *section, const char *key)
{
	CLEANUP(memory_free_string) char *own = own_name(section, key);

	if (writing->obsolete_count < OWN_LIMIT && names_own(writing, section, key, own)) {
		writing->obsolete[writing->obsolete_count++] = own;
		own = NULL;
	}
}

static void drop_key(struct writing *writing, const char *section, const char *key)
{
	struct span written;

	if (!secrets_text_find(buffer_span(&writing->text), section, key, &written, NULL))
		return;
	if (strcmp(key, "password_file") == 0)
		note_obsolete(writing, section, "password");
	if (strcmp(key, "token_file") == 0)
		note_obsolete(writing, section, "token");
	set_line(writing, section, key, NULL);
}

static bool is_secret_key(const char *key)
{
	for (size_t i = 0; i < sizeof secret_keys / sizeof secret_keys[0]; i++)
		if (strcmp(key, secret_keys[i]) == 0)
			return true;
	return false;
}

/* A section has one secret. */
static void drop_others(struct writing *writing, const char *section, const char *kept)
{
	struct span written;

	if (!is_secret_key(kept))
		return;
	for (size_t i = 0; i < sizeof secret_keys / sizeof secret_keys[0]; i++) {
		const char *key = secret_keys[i];

		if (strcmp(key, kept) == 0 ||
		    !secrets_text_find(buffer_span(&writing->text), section, key, &written, NULL))
			continue;
		note_gave_way(writing, key);
		drop_key(writing, section, key);
	}
}

static bool fits_a_file(const char *key)
{
	return strcmp(key, "password") == 0 || strcmp(key, "token") == 0;
}

static int check_value(const struct secrets_change *change, struct error *error)
{
	struct span value = span_from_string(change->value);

	if (value.length == 0)
		return error_set(error, ERROR_USAGE, "5.5.4", "[%s]: the %s is empty",
		    change->section, change->key);
	if (span_has_control(value))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "[%s]: the %s holds a control character (a tab, or a key that left one)",
		    change->section, change->key);
	if (value.length > SECRET_LIMIT)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "[%s]: the %s is longer than %d octets", change->section, change->key,
		    SECRET_LIMIT);
	return 0;
}

static bool is_reserved(const char *section)
{
	return section[0] == '\0' || section[0] == '.' ||
	       strpbrk(section, "/[]\"'#;:=\\ ") != NULL ||
	       span_has_control(span_from_string(section));
}

static int check_change(const struct secrets_change *change, struct error *error)
{
	if (is_reserved(change->section))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "\"%s\" cannot be the name of a section: letters, digits, - _ .",
		    change->section);
	if (strcmp(change->key, "user") != 0 && !is_secret_key(change->key))
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "there is no key \"%s\": user, password, token, password_file, token_file, "
		    "token_command",
		    change->key);
	return change->value == NULL ? 0 : check_value(change, error);
}

/* The secret in a file beside, which is not in force yet. */
static int make_own(struct writing *writing, const struct secrets_change *change,
    struct buffer *line, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer content = { 0 };
	CLEANUP(memory_free_string) char *name = own_name(change->section, change->key);
	CLEANUP(memory_free_string) char *file_key = memory_format("%s_file", change->key);
	struct own *own = &writing->owns[writing->own_count];

	if (writing->own_count == OWN_LIMIT)
		return error_set(error, ERROR_USAGE, "5.5.4", "too many secrets at once");
	if (!names_own(writing, change->section, change->key, name) &&
	    secrets_place_has(&writing->place, name)) {
		error_set(error, ERROR_CANNOT_CREATE, "4.3.0",
		    "this %s needs a file of its own, and %s/%s is there already", change->key,
		    writing->place.directory, name);
		return error_next(
		    error, "if nothing uses it: rm %s/%s", writing->place.directory, name);
	}
	buffer_init(&content, SECRET_LIMIT + 2);
	(void)buffer_reserve(&content, SECRET_LIMIT + 1);
	buffer_format(&content, "%s\n", change->value);
	if (secrets_place_draft(&writing->place, name, buffer_span(&content), &own->draft, error) <
	    0)
		return -1;
	(void)secrets_text_line(file_key, span_from_string(name), line);
	char *before CLEANUP(memory_free_string) = writing->written.own_file;
	writing->written.own_file = memory_format("%s%s%s/%s", before != NULL ? before : "",
	    before != NULL ? ", " : "", writing->place.directory, name);
	own->name = name;
	name = NULL;
	writing->own_count++;
	return 0;
}

static int refuse_unwritable(const struct secrets_change *change, struct error *error)
{
	error_set(error, ERROR_USAGE, "5.5.4",
	    "[%s]: this %s cannot be written so that every version of the parser reads it alike",
	    change->section, change->key);
	return error_next(
	    error, "use a name without quotes of both kinds, and without \\ together with # or ;");
}

static int apply(struct writing *writing, const struct secrets_change *change, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer line = { 0 };
	CLEANUP(memory_free_string) char *file_key = memory_format("%s_file", change->key);
	const char *key = change->key;

	if (check_change(change, error) < 0)
		return -1;
	if (change->value == NULL) {
		drop_key(writing, change->section, key);
		return 0;
	}
	buffer_init(&line, 4096);
	(void)buffer_reserve(&line, 2048);
	if (!secrets_text_line(key, span_from_string(change->value), &line)) {
		if (!fits_a_file(key))
			return refuse_unwritable(change, error);
		if (make_own(writing, change, &line, error) < 0)
			return -1;
		key = file_key;
	}
	drop_others(writing, change->section, key);
	set_line(writing, change->section, key, buffer_string(&line));
	return 0;
}

/* ---- what is read back ---- */

static int refuse_difference(
    const struct writing *writing, const struct secrets_change *change, struct error *error)
{
	return error_set(error, ERROR_SOFTWARE, "4.3.0",
	    "the %s of [%s] would not be read from %s as it was given: nothing was written",
	    change->key, change->section, writing->place.path);
}

/* A later change of the same key counts. */
static bool is_last(const struct secrets_change *changes, size_t count, size_t index)
{
	const struct secrets_change *change = &changes[index];

	for (size_t i = index + 1; i < count; i++)
		if (strcmp(changes[i].section, change->section) == 0 &&
		    (strcmp(changes[i].key, change->key) == 0 ||
			(is_secret_key(changes[i].key) && is_secret_key(change->key))))
			return false;
	return true;
}

static int read_back(struct writing *writing, const char *draft,
    const struct secrets_change *changes, size_t count, struct error *error)
{
	CLEANUP(memory_free_string)
	char *path = memory_format("%s/%s", writing->place.directory, draft);

	/* No reader takes a file with a fault. */
	for (size_t i = 0; i < count && writing->written.fault_count == 0; i++) {
		CLEANUP(memory_free_secret) char *value = NULL;

		if (changes[i].value == NULL || !is_last(changes, count, i))
			continue;
		if (secrets_value(path, changes[i].section, changes[i].key, &value, error) < 0)
			return -1;
		if (value == NULL || strcmp(value, changes[i].value) != 0)
			return refuse_difference(writing, &changes[i], error);
	}
	return 0;
}

/* ---- all of it ---- */

static void count_fault(void *context, const struct error *fault)
{
	size_t *count = context;

	(void)fault;
	(*count)++;
}

static size_t count_faults(const struct writing *writing)
{
	struct error error;
	size_t count = 0;

	(void)lint_secrets_telling(
	    writing->place.path, buffer_span(&writing->text), count_fault, &count, &error);
	return count;
}

/* One fault at a time may be mended; none may be left where none is mended. */
static int check_faults(struct writing *writing, size_t before, struct error *error)
{
	writing->written.fault_count = count_faults(writing);
	if (writing->written.fault_count < before)
		return 0;
	return lint_secrets(writing->place.path, buffer_span(&writing->text), error);
}

static int apply_all(struct writing *writing, const struct secrets_change *changes, size_t count,
    struct error *error)
{
	size_t before = count_faults(writing);

	if (!writing->place.exists)
		buffer_format(&writing->text,
		    "# %s: logins, one section a smarthost; see mailchute-secrets(5)\n",
		    writing->place.path);
	for (size_t i = 0; i < count; i++)
		if (apply(writing, &changes[i], error) < 0)
			return -1;
	if (writing->text.has_overflowed)
		return error_set(error, ERROR_DATA, "5.3.4", "%s would be larger than %d octets",
		    writing->place.path, TEXT_LIMIT);
	return check_faults(writing, before, error);
}

static int commit_owns(struct writing *writing, struct error *error)
{
	for (size_t i = 0; i < writing->own_count; i++) {
		struct own *own = &writing->owns[i];

		if (secrets_place_commit(&writing->place, own->draft, own->name, error) < 0)
			return -1;
		own->is_in_force = true;
	}
	return 0;
}

static int commit(struct writing *writing, const struct secrets_change *changes, size_t count,
    struct error *error)
{
	const struct secrets_place *place = &writing->place;

	if (secrets_place_draft(
		place, place->name, buffer_span(&writing->text), &writing->draft, error) < 0 ||
	    secrets_place_check(place, error) < 0 || commit_owns(writing, error) < 0 ||
	    read_back(writing, writing->draft, changes, count, error) < 0 ||
	    secrets_place_commit(place, writing->draft, place->name, error) < 0)
		return -1;
	memory_free_string(&writing->draft);
	return 0;
}

/* What is named again by a later change is none. */
static void drop_obsolete(struct writing *writing)
{
	for (size_t i = 0; i < writing->obsolete_count; i++) {
		bool is_used = false;

		for (size_t j = 0; j < writing->own_count; j++)
			is_used = is_used ||
				  strcmp(writing->owns[j].name, writing->obsolete[i]) == 0;
		if (!is_used)
			secrets_place_drop(&writing->place, writing->obsolete[i]);
	}
}

static void describe(struct writing *writing)
{
	const struct stat *status = &writing->place.status;
	const struct passwd *user = getpwuid(status->st_uid);
	CLEANUP(memory_free_string)
	char *owner = user != NULL ? memory_copy_string(user->pw_name)
				   : memory_format("%u", (unsigned)status->st_uid);
	const struct group *group = getgrgid(status->st_gid);
	CLEANUP(memory_free_string)
	char *full = group != NULL ? memory_format("%s:%s", owner, group->gr_name)
				   : memory_format("%s:%u", owner, (unsigned)status->st_gid);

	text_copy(writing->written.owner, sizeof writing->written.owner, full);
	snprintf(writing->written.mode, sizeof writing->written.mode, "%04o",
	    (unsigned)status->st_mode & 0770);
	writing->written.is_created = !writing->place.exists;
	writing->written.was_open = (status->st_mode & 07) != 0;
}

int secrets_file_change(const char *path, const struct secrets_change *changes, size_t count,
    struct secrets_written *written, struct error *error)
{
	CLEANUP(finish) struct writing writing = { .place.directory_fd = -1 };

	buffer_init(&writing.text, TEXT_LIMIT);
	(void)buffer_reserve(&writing.text, TEXT_LIMIT);
	if (secrets_place_open(&writing.place, path, &writing.text, error) < 0 ||
	    apply_all(&writing, changes, count, error) < 0 ||
	    commit(&writing, changes, count, error) < 0)
		return -1;
	drop_obsolete(&writing);
	describe(&writing);
	if (written != NULL) {
		*written = writing.written;
		writing.written = (struct secrets_written){ 0 };
	}
	return 0;
}

void secrets_file_finish_written(struct secrets_written *written)
{
	free(written->own_file);
	free(written->gave_way);
	*written = (struct secrets_written){ 0 };
}
