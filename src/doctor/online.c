/* SPDX-License-Identifier: MIT */

#include "doctor/checks.h"

void online_check(struct patient *patient)
{
	(void)patient;
}
