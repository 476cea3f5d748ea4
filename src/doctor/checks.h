/* SPDX-License-Identifier: MIT */

/*
 * checks - one function a subject; each adds what it finds to the patient
 *
 * The table of doctor.c has their order.  A check that needs the settings is
 * not called where they could not be read.
 */

#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include "doctor/patient.h"

typedef void check(struct patient *patient);

check program_check;	   /* the programs and links that callers know; other mailers */
check configuration_check; /* what the settings say, and logins; reads them */
check identity_check;	   /* who this is, and what this machine is called */
check files_check;	   /* modes and owners */
check aliases_check;	   /* the aliases file, and where root's mail goes */
check service_check;	   /* which way a caller's mail would go */
check queue_check;	   /* what waits, and what it lies on */
check container_check;	   /* what a container takes away */
check php_check;	   /* php.ini */
check callers_check;	   /* mail.rc */
check online_check;	   /* the smarthosts themselves */

/* A service answers this user, so settings and secrets are its own business. */
bool service_answers(void);

/* A login that could be read: is it of the kind that its provider wants? */
void login_check(struct patient *patient, const struct smarthost *known);

/* Is this file our sendmail?  By its content: links, copies and wrappers are fine. */
bool program_is_ours(const char *path);

/* Is nothing to be said of a caller that is told to call this? */
bool program_is_settled(const struct patient *patient, const char *name);

#endif
