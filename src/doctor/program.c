/* SPDX-License-Identifier: MIT */

/* The programs and links that callers know, and other mailers beside them. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "doctor/checks.h"

enum { PROGRAM_LIMIT = 16 << 20, PATH_LIMIT = 4096 };

/* Where callers look (users.md, 1): compiled into PHP, cron, mailx and the rest. */
static const char sendmail_path[] = "/usr/sbin/sendmail";
static const char *const links[] = { "/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases" };

bool program_is_ours(const char *path)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, PROGRAM_LIMIT);
	return patient_read(path, &text) &&
	       memmem(text.start, text.length, "XMAILCHUTE", strlen("XMAILCHUTE")) != NULL;
}

/*
 * Nothing is to be said of this file: it is ours, or it is the sendmail of this
 * machine, which is judged once, or a link that leads to where that is missing.
 */
bool program_is_settled(const struct patient *patient, const char *name)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, name);
	char *usual CLEANUP(memory_free_string) = patient_path(patient, sendmail_path);
	struct stat status;
	struct stat known;

	if (program_is_ours(path) || strcmp(path, usual) == 0)
		return true;
	if (stat(usual, &known) < 0)
		return lstat(path, &status) == 0 && S_ISLNK(status.st_mode) &&
		       stat(path, &status) < 0;
	return stat(path, &status) == 0 && status.st_dev == known.st_dev &&
	       status.st_ino == known.st_ino;
}

/* "/usr/sbin/exim4", or the path itself; the caller frees it. */
static char *resolved(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : memory_copy_string(path);
}

static void check_sendmail(struct patient *patient)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, sendmail_path);
	char *real CLEANUP(memory_free_string) = resolved(path);

	if (access(path, F_OK) < 0) {
		finding_add(patient->findings, FINDING_RED, "program.sendmail",
		    "there is no %s, so PHP, cron and all others have no way to send mail",
		    sendmail_path);
		finding_next(patient->findings,
		    "install the package that has it, or: ln -s /path/to/mailchute's/sendmail %s",
		    sendmail_path);
	} else if (!program_is_ours(path)) {
		finding_add(patient->findings, FINDING_RED, "program.sendmail",
		    "%s is another program (%s), so callers' mail does not come to mailchute",
		    sendmail_path, real);
		finding_next(patient->findings,
		    "remove the package that owns it (dpkg -S %s), or put mailchute's in its place",
		    real);
	} else {
		finding_add(patient->findings, FINDING_GREEN, "program.sendmail",
		    "mailchute %s is %s", MAILCHUTE_VERSION, sendmail_path);
	}
}

static void check_link(struct patient *patient, const char *name)
{
	char *path CLEANUP(memory_free_string) = patient_path(patient, name);

	if (program_is_settled(patient, name))
		return;
	finding_add(patient->findings, FINDING_YELLOW, "program.link", "%s is %s", name,
	    access(path, F_OK) < 0 ? "missing" : "another program");
	finding_next(patient->findings, "ln -sf ../sbin/sendmail %s", name);
}

/* A set-id sendmail would give its rights to whoever calls it, and needs none (DESIGN 1). */
static void check_set_id(struct patient *patient, const char *path)
{
	char *real CLEANUP(memory_free_string) = resolved(path);
	struct stat status;

	if (stat(real, &status) < 0 || (status.st_mode & (S_ISUID | S_ISGID)) == 0 ||
	    !program_is_ours(real))
		return;
	finding_add(patient->findings, FINDING_RED, "program.set_id",
	    "%s has a set-id bit: it needs none, and with one no variable counts", real);
	finding_next(patient->findings, "chmod ug-s %s", real);
}

/* Another sendmail that a caller would find first. */
static void check_search_path(struct patient *patient)
{
	const char *variable = getenv("PATH");
	struct span rest = span_from_string(variable != NULL ? variable : "");
	struct span folder;

	while (span_take_until(&rest, ':', &folder)) {
		char *path CLEANUP(memory_free_string) = memory_format(
		    "%.*s/sendmail", span_int(folder), folder.start);

		if (folder.length == 0 || folder.start[0] != '/' || access(path, X_OK) < 0 ||
		    program_is_settled(patient, path))
			continue;
		finding_add(patient->findings, FINDING_YELLOW, "program.path",
		    "PATH leads to another sendmail, %s", path);
		finding_next(patient->findings, "remove it, or: ln -sf %s %s", sendmail_path, path);
		return;
	}
}

/* Daemons of other mailers, as /proc/PID/comm has them. */
static const struct {
	const char *comm;
	const char *name;
	const char *unit;
} daemons[] = {
	{ "exim4", "Exim", "exim4" },
	{ "exim", "Exim", "exim" },
	{ "qmgr", "Postfix", "postfix" },
	{ "smtpd", "OpenSMTPD", "opensmtpd" },
	{ "nullmailer-send", "nullmailer", "nullmailer" },
	{ "sendmail-mta", "Sendmail", "sendmail" },
};

static void check_daemon(struct patient *patient, const char *pid)
{
	char *path CLEANUP(memory_free_string) = memory_format("/proc/%s/comm", pid);
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	buffer_init(&text, 64);
	if (!patient_read(path, &text))
		return;
	struct span comm = span_trim(buffer_span(&text));
	for (size_t i = 0; i < sizeof daemons / sizeof daemons[0]; i++) {
		if (!span_equals_string(comm, daemons[i].comm))
			continue;
		finding_add(patient->findings, FINDING_YELLOW, "program.other_mailer",
		    "%s is running too (process %s): mail that programs hand to localhost goes its "
		    "way",
		    daemons[i].name, pid);
		finding_next(patient->findings, "systemctl disable --now %s", daemons[i].unit);
	}
}

static void check_daemons(struct patient *patient)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			check_daemon(patient, entry->d_name);
	if (folder != NULL)
		(void)closedir(folder);
}

/* Programs of other mailers, by which one sees that they are installed. */
static const char *const others[] = { "/usr/sbin/exim4", "/usr/sbin/postfix", "/usr/sbin/smtpctl",
	"/usr/sbin/ssmtp", "/usr/sbin/dma", "/usr/bin/msmtp", "/usr/sbin/nullmailer-send" };

static void tell_others(struct patient *patient)
{
	struct buffer list CLEANUP(buffer_finish) = { 0 };

	buffer_init(&list, 1000);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		char *path CLEANUP(memory_free_string) = patient_path(patient, others[i]);

		if (access(path, F_OK) == 0 && !program_is_settled(patient, others[i]))
			buffer_format(&list, "%s%s", list.length != 0 ? ", " : "", others[i]);
	}
	if (list.length != 0)
		finding_add(patient->findings, FINDING_GREEN, "program.others",
		    "installed, too, and not in the way: %s", buffer_string(&list));
}

void program_check(struct patient *patient)
{
	char *sendmail CLEANUP(memory_free_string) = patient_path(patient, sendmail_path);
	char own[PATH_LIMIT];

	check_sendmail(patient);
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		check_link(patient, links[i]);
	check_set_id(patient, sendmail);
	if (process_own_path(own, sizeof own) == 0)
		check_set_id(patient, own);
	check_search_path(patient);
	check_daemons(patient);
	tell_others(patient);
}
