/* SPDX-License-Identifier: MIT */

/* Which way a caller's mail would go, and whether that is the one that was meant. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "doctor/checks.h"
#include "sendmail/query.h"
#include "service/for_caller.h"

/* Where systemd keeps what a package brings, and what an administrator wrote. */
static const char *const units[] = { "/etc/systemd/system/mailchute.socket",
	"/usr/lib/systemd/system/mailchute.socket", "/lib/systemd/system/mailchute.socket" };

static const char *socket_path(void)
{
	const char *named = getenv("MAILCHUTE_SOCKET");

	return named != NULL && named[0] != '\0' ? named : MAILCHUTE_SOCKET_PATH;
}

static bool pass_over(void *context, struct span line)
{
	(void)context;
	(void)line;
	return true;
}

bool service_answers(void)
{
	struct reply reply;
	struct error error;

	return query_run_listening("XQUEUE COUNT", pass_over, NULL, &reply, &error) == 0 &&
	       reply.code == 250;
}

static bool is_installed(const struct patient *patient)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		char *path CLEANUP(memory_free_string) = patient_path(patient, units[i]);

		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* The failure that a pause ends with, as an error again; what stands before it remains in the text.
 */
static void read_pause(const char *text, struct error *error)
{
	const char *time = strstr(text, ", next try ");
	const char *words = time != NULL ? strstr(time, ": ") : NULL;

	if (words == NULL) {
		*error = (struct error){ 0 };
		(void)error_prefix(error, "%s", text);
		return;
	}
	error_read_line(words + strlen(": "), error);
	(void)error_prefix(error, "%.*s", (int)(words - text) + 2, text);
}

/* "-- smarthost office365 refuses the login since ..., next try in 4m: MC-AUTH-01 535 ..." */
static bool take_pause(void *context, struct span line)
{
	struct patient *patient = context;
	struct span words = span_starts_with(line, "-- ") ? span_after(line, 3) : line;
	char *text CLEANUP(memory_free_string) = span_copy(words);
	bool is_hard = strstr(text, " refuses the login ") != NULL ||
		       strstr(text, " takes nothing of this account ") != NULL;
	struct error error;

	if (strstr(text, "smarthost ") != text)
		return true;
	read_pause(text, &error);
	finding_add_error(
	    patient->findings, is_hard ? FINDING_RED : FINDING_YELLOW, "queue.paused", &error);
	finding_next(patient->findings, "%s%s%s", error.next, error.next[0] != '\0' ? "; " : "",
	    is_hard ? "mailchute doctor --online says more; mend it, then: mailchute queue flush"
		    : "mailchute doctor --online says whether it is still so");
	return true;
}

/* Callers of every user must be let in. */
static void check_socket_mode(struct patient *patient)
{
	const char *path = socket_path();
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISSOCK(status.st_mode) ||
	    (status.st_mode & 0222) == 0222 || strcmp(path, MAILCHUTE_SOCKET_PATH) != 0)
		return;
	char *mode CLEANUP(memory_free_string) = patient_mode(&status);
	finding_add(patient->findings, FINDING_YELLOW, "service.socket_mode",
	    "the socket %s is %s, so not every user may send mail by it", path, mode);
	finding_next(patient->findings, "chmod 666 %s", path);
}

static void tell_service(struct patient *patient)
{
	const char *path = socket_path();
	char *own CLEANUP(memory_free_string) = memory_format(
	    "%s/submit.sock", patient->config.spool);

	patient->way = PATIENT_WAY_SERVICE;
	finding_add(patient->findings, FINDING_GREEN, "service.way", "a service takes mail at %s",
	    access(path, F_OK) == 0 ? path : own);
	check_socket_mode(patient);
	if (patient->lacks_secret)
		finding_add(patient->findings, FINDING_GREEN, "settings.secret",
		    "%s cannot be read by this user, and need not be: the service reads it",
		    patient->config.secrets_file);
}

/* It is there to be started, and mail would wait for it, or goes without it. */
static void tell_down(struct patient *patient)
{
	bool has_systemd = access("/run/systemd/system", F_OK) == 0;

	finding_add(patient->findings, FINDING_RED, "service.down",
	    "a service is installed and does not answer at %s", socket_path());
	finding_next(patient->findings, "%s",
	    has_systemd ? "systemctl enable --now mailchute.socket" : "mailchute serve");
}

/* What a caller's own child would do (service/for_caller). */
static void tell_child(struct patient *patient)
{
	const struct config *config = &patient->config;
	char limit[24];

	clock_format_duration(config->timeout, limit);
	if (config->mode == CONFIG_MODE_SERVICE) {
		finding_add(patient->findings, FINDING_RED, "service.required",
		    "no service answers at %s, and submit { mode = \"service\" } allows no other "
		    "way",
		    socket_path());
		finding_next(patient->findings,
		    "start it: systemctl enable --now mailchute.socket, or mailchute serve");
		return;
	}
	if (for_caller_has_spool(config)) {
		patient->way = PATIENT_WAY_SPOOL;
		finding_add(patient->findings, FINDING_GREEN, "service.way",
		    "no service runs; one is started when mail comes, with the spool %s%s",
		    config->spool,
		    geteuid() == 0 ? ", for root alone: other users can send while mailchute serve "
				     "runs"
				   : "");
	} else {
		patient->way = PATIENT_WAY_DIRECT;
		finding_add(patient->findings, FINDING_GREEN, "service.way",
		    "no service and no spool: mail is sent while the caller waits, %s at most, and "
		    "nothing is kept",
		    limit);
	}
	if (patient->lacks_secret)
		finding_add_error(
		    patient->findings, FINDING_RED, "settings.secret", &patient->secret_error);
}

static void check_child(struct patient *patient)
{
	if (is_installed(patient))
		tell_down(patient);
	tell_child(patient);
}

/* A service that has no settings, or is ill: it listens, and takes no mail. */
static void tell_refusal(struct patient *patient, const struct reply *reply)
{
	struct error error;

	/* What it lacks is what the settings were found to lack. */
	if (finding_find(patient->findings, "settings.nowhere") != NULL)
		return;
	query_refused(reply, &error);
	finding_add_error(patient->findings, FINDING_RED, "service.answer", &error);
	finding_suggest(patient->findings, "its log says more: journalctl -u mailchute");
}

void service_check(struct patient *patient)
{
	struct reply reply;
	struct error error;
	int outcome = query_run_listening("XQUEUE SMARTHOSTS", take_pause, patient, &reply, &error);

	if (outcome == 0 && reply.code >= 400) {
		tell_refusal(patient, &reply);
	} else if (outcome == 0) {
		tell_service(patient);
		/* The last line of the answer is a pause, too, where it is no total. */
		(void)take_pause(patient, span_from_string(reply.text));
	} else if (outcome == QUERY_NOBODY) {
		check_child(patient);
	} else {
		finding_add_error(patient->findings, FINDING_RED, "service.answer", &error);
		finding_suggest(patient->findings,
		    "restart it, its log says more: systemctl restart "
		    "mailchute.service; journalctl -u mailchute");
	}
}
