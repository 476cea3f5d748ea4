/* SPDX-License-Identifier: MIT */

/* dma.conf, and auth.conf. */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_import("dma", data, size);
}
