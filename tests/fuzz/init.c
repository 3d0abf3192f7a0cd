/* SPDX-License-Identifier: BSD-2-Clause */
/* What libFuzzer calls once: a failed assertion of the tests' support ends the program. */
#define _GNU_SOURCE /* setenv */
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("CMOCKA_TEST_ABORT", "1", 1);
}
