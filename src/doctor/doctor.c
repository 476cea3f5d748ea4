/* SPDX-License-Identifier: MIT */

#include "doctor/doctor.h"

#include "base/memory.h"
#include "doctor/checks.h"

static const struct {
	check *run;
	bool needs_config;
	bool is_for_quick;
} checks[] = {
	{ program_check, false, false },
	{ configuration_check, false, true },
	{ identity_check, true, true },
	{ files_check, false, true },
	{ aliases_check, true, true },
	{ container_check, false, true },
	{ service_check, true, true },
	{ queue_check, true, true },
	{ php_check, false, false },
	{ callers_check, false, false },
};

static void finish_patient(struct patient *patient)
{
	worker_parent_finish(&patient->parent);
	config_finish(&patient->config);
}

static void run_all(struct patient *patient)
{
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		if ((patient->has_config || !checks[i].needs_config) &&
		    (!patient->request->is_quick || checks[i].is_for_quick))
			checks[i].run(patient);
	if (patient->request->is_online && patient->has_config)
		online_check(patient);
}

int doctor_run(const struct doctor_request *request, struct doctor_report *report)
{
	struct patient patient CLEANUP(finish_patient) = {
		.request = request,
		.findings = &report->findings,
		.parent = { .channel = { .fd = -1 }, .pid = -1 },
	};
	struct error error;

	*report = (struct doctor_report){ 0 };
	/* Before any secret is read, so that no worker inherits one. */
	if (request->is_online && worker_parent_start(&patient.parent, &error) < 0)
		finding_add_error(patient.findings, FINDING_RED, "online.worker", &error);
	else
		run_all(&patient);
	return (int)finding_worst(&report->findings);
}
