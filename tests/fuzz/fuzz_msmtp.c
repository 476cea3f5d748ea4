/* SPDX-License-Identifier: MIT */

/* An msmtprc. */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import("msmtp", data, size);
}
