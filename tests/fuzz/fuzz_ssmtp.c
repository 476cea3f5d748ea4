/* SPDX-License-Identifier: MIT */

/* ssmtp.conf, and revaliases. */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import("ssmtp", data, size);
}
