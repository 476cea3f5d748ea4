/* SPDX-License-Identifier: MIT */

/*
 * What the PHPs of this machine do with mail(): sendmail_path, disable_functions.
 *
 * php.ini is read line by line: iniparser refuses a whole file for constants,
 * lines without '=' and values over several lines, all of which PHP takes.
 */

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "doctor/checks.h"

enum { INI_LIMIT = 1 << 20 };

/* What the files of one PHP say in the end; the last one wins. */
struct php {
	char *path;	  /* sendmail_path; NULL: the compiled one */
	char *path_place; /* "/etc/php/8.2/cli/php.ini line 7" */
	char *disabled;	  /* disable_functions */
	char *disabled_place;
};

static void finish_php(struct php *php)
{
	free(php->path);
	free(php->path_place);
	free(php->disabled);
	free(php->disabled_place);
}

/* A value as PHP has it: quotes off, a comment behind it off. */
static struct span value_of(struct span text)
{
	text = span_trim(text);
	if (text.length > 1 && (text.start[0] == '"' || text.start[0] == '\'')) {
		ssize_t end = span_find_byte(span_after(text, 1), text.start[0]);

		if (end >= 0)
			return span_first(span_after(text, 1), (size_t)end);
	}
	ssize_t comment = span_find_byte(text, ';');
	return span_trim(comment < 0 ? text : span_first(text, (size_t)comment));
}

static void set(char **target, char **place, struct span value, const char *file, int number)
{
	memory_free_string(target);
	memory_free_string(place);
	*target = span_copy(value);
	*place = memory_format("%s line %d", file, number);
}

static void read_line(struct php *php, struct span line, const char *file, int number)
{
	ssize_t equals = span_find_byte(line, '=');
	struct span name = span_trim(span_first(line, equals < 0 ? 0 : (size_t)equals));

	/* A pool of FPM says "php_admin_value[sendmail_path] = ...". */
	if (span_starts_with(name, "php_admin_value[") || span_starts_with(name, "php_value[")) {
		name = span_after(name, (size_t)span_find_byte(name, '[') + 1);
		name = span_first(name, name.length - 1);
	}
	if (equals < 0 || span_find_byte(line, '\0') >= 0)
		return;
	struct span value = value_of(span_after(line, (size_t)equals + 1));
	if (span_equals_string(name, "sendmail_path"))
		set(&php->path, &php->path_place, value, file, number);
	if (span_equals_string(name, "disable_functions"))
		set(&php->disabled, &php->disabled_place, value, file, number);
}

static void read_file(struct php *php, const char *path, const char *shown)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct span line;

	buffer_init(&text, INI_LIMIT);
	if (!patient_read(path, &text))
		return;
	struct span rest = buffer_span(&text);
	for (int number = 1; span_take_line(&rest, &line); number++) {
		line = span_trim(line);
		if (line.length != 0 && line.start[0] != ';' && line.start[0] != '#')
			read_line(php, line, shown, number);
	}
}

/* All files that match, in their order. */
static void read_files(struct patient *patient, struct php *php, const char *pattern)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, pattern);
	size_t root = strlen(path) - strlen(pattern);
	glob_t found = { 0 };

	if (glob(path, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_file(php, found.gl_pathv[i], found.gl_pathv[i] + root);
	globfree(&found);
}

static void check_path(struct patient *patient, const struct php *php, const char *where)
{
	const char *text = php->path != NULL ? php->path : "";
	struct span rest = span_from_string(text);
	struct span program = { 0 };

	/* PHP's own default is what its configure found: sendmail in /usr/sbin as a rule. */
	if (!span_take_word(&rest, &program)) {
		finding_add(patient->findings, FINDING_GREEN, "php.sendmail_path",
		    "%s: the compiled default, /usr/sbin/sendmail -t -i as a rule", where);
		return;
	}
	/* Of PHP's own environment, which need not be ours. */
	if (strstr(text, "${") != NULL) {
		finding_add(patient->findings, FINDING_GREEN, "php.sendmail_path",
		    "%s: %s, which depends on a variable", where, text);
		return;
	}
	char *name CLEANUP(memory_free_string) = span_copy(program);
	char *path CLEANUP(memory_free_string) = patient_path(patient, name);
	if (name[0] == '/' && program_is_settled(patient, name)) {
		finding_add(
		    patient->findings, FINDING_GREEN, "php.sendmail_path", "%s: %s", where, text);
		return;
	}
	finding_add(patient->findings, FINDING_RED, "php.sendmail_path",
	    "%s: sendmail_path = \"%s\" is %s, so mail() does not come to mailchute (%s)", where,
	    text, access(path, F_OK) < 0 ? "no program here" : "another program", php->path_place);
	finding_next(patient->findings, "sendmail_path = \"/usr/sbin/sendmail -t -i\"");
}

static bool lists(const char *list, const char *function)
{
	struct span rest = span_from_string(list);
	struct span item;

	while (span_take_until(&rest, ',', &item))
		if (span_equals_string_ignoring_case(span_trim(item), function))
			return true;
	return false;
}

static void check_disabled(struct patient *patient, const struct php *php, const char *where)
{
	if (php->disabled == NULL || !lists(php->disabled, "mail"))
		return;
	finding_add(patient->findings, FINDING_YELLOW, "php.disabled",
	    "%s: disable_functions has mail, so PHP sends none (%s)", where, php->disabled_place);
	finding_next(patient->findings, "remove mail from disable_functions");
}

/* mail() runs the program by popen, and that by the shell. */
static void check_shell(struct patient *patient)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, "/bin/sh");

	if (access(path, X_OK) == 0)
		return;
	finding_add(patient->findings, FINDING_RED, "php.shell",
	    "there is no /bin/sh, and PHP's mail() cannot work without one");
	finding_next(patient->findings, "use an image with a shell, or a library that speaks SMTP");
}

static void check_php(
    struct patient *patient, const char *where, const char *const *patterns, size_t count)
{
	struct php php CLEANUP(finish_php) = { 0 };

	for (size_t i = 0; i < count; i++)
		read_files(patient, &php, patterns[i]);
	check_path(patient, &php, where);
	check_disabled(patient, &php, where);
}

/* Debian's: /etc/php/VERSION/SAPI. */
static size_t check_debian(struct patient *patient)
{
	char *pattern CLEANUP(memory_free_string) = patient_path(patient, "/etc/php/*/*/php.ini");
	size_t root = strlen(pattern) - strlen("/etc/php/*/*/php.ini");
	glob_t found = { 0 };

	if (glob(pattern, 0, NULL, &found) != 0) {
		globfree(&found);
		return 0;
	}
	size_t count = found.gl_pathc;
	for (size_t i = 0; i < count; i++) {
		const char *ini = found.gl_pathv[i] + root;
		char *folder CLEANUP(memory_free_string) = memory_copy(
		    ini, strlen(ini) - strlen("/php.ini"));
		char *more CLEANUP(memory_free_string) = memory_format("%s/conf.d/*.ini", folder);
		char *pools CLEANUP(memory_free_string) = memory_format("%s/pool.d/*.conf", folder);
		const char *const patterns[] = { ini, more, pools };

		check_php(patient, folder, patterns, 3);
	}
	globfree(&found);
	return count;
}

static bool exists(const struct patient *patient, const char *name)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, name);

	return access(path, F_OK) == 0;
}

void php_check(struct patient *patient)
{
	static const char *const image[] = { "/usr/local/etc/php/php.ini",
		"/usr/local/etc/php/conf.d/*.ini", "/usr/local/etc/php-fpm.d/*.conf" };
	static const char *const fedora[] = { "/etc/php.ini", "/etc/php.d/*.ini",
		"/etc/php-fpm.d/*.conf" };
	size_t found = check_debian(patient);

	if (exists(patient, "/usr/local/etc/php")) {
		check_php(patient, "/usr/local/etc/php", image, 3);
		found++;
	}
	if (exists(patient, "/etc/php.ini")) {
		check_php(patient, "/etc/php.ini", fedora, 3);
		found++;
	}
	if (found != 0)
		check_shell(patient);
}
