/* SPDX-License-Identifier: MIT */

/*
 * patient - what the checks of one run share, and what they know of each other
 */

#ifndef DOCTOR_PATIENT_H
#define DOCTOR_PATIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "config/config.h"
#include "doctor/doctor.h"
#include "doctor/finding.h"
#include "worker/worker.h"

/* How a caller's mail would go (sendmail/way.h). */
enum patient_way { PATIENT_WAY_NONE, PATIENT_WAY_SERVICE, PATIENT_WAY_SPOOL, PATIENT_WAY_DIRECT };

struct patient {
	const struct doctor_request *request;
	struct findings *findings; /* borrowed */
	struct config config;
	bool has_config;      /* config was read without a fault */
	bool is_by_variables; /* all settings come from variables and /run/secrets */
	bool lacks_secret;    /* no login could be read, and perhaps need not be: */
	struct error secret_error;
	enum patient_way way; /* known after service_check */
	struct worker_parent parent;
};

/* " (/etc/mailchute/mailchute.conf line 9)": where a smarthost's option, or its block, stands. */
enum { PATIENT_PLACE_SIZE = 300 };
void patient_place(const struct patient *patient, const char *title, const char *option,
    char text[static PATIENT_PLACE_SIZE]);

/* A path of the machine, below the root that tests give; the caller frees it. */
char *patient_path(const struct patient *patient, const char *path);

/* The first octets of a file, up to text's limit; false: it cannot be read. */
bool patient_read(const char *path, struct buffer *text);

/* "www-data (33)", or "uid 33"; the caller frees it. */
char *patient_user(uid_t uid);

/* "0640 root:mailchute"; the caller frees it. */
struct stat;
char *patient_mode(const struct stat *status);

#endif
