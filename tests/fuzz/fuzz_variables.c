/* SPDX-License-Identifier: MIT */

/* Two .env files. */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import("variables", data, size);
}
