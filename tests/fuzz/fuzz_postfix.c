/* SPDX-License-Identifier: MIT */

/* main.cf, and a table. */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import("postfix", data, size);
}
