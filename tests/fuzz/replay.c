/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A harness as a plain test: its stored inputs one after the other, without a fuzzer, with every
 * compiler and on every processor. A file holds many inputs, each behind its length in two bytes,
 * little-endian (tests/fuzz/corpus); an argument that begins with '@' names a file that is one
 * input.
 */
#define _GNU_SOURCE /* setenv */
#include "fuzz.h"

static uint8_t *read_file(const char *name, size_t *size)
{
	FILE *file = fopen(name, "rb");
	uint8_t *bytes;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0) {
		perror(name);
		exit(1);
	}
	*size = (size_t)end;
	bytes = malloc(*size + 1);
	rewind(file);
	if (bytes == NULL || fread(bytes, 1, *size, file) != *size) {
		perror(name);
		exit(1);
	}
	(void)fclose(file);
	return bytes;
}

/* From memory of exactly its size, so that a sanitizer sees a read beyond it. */
static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);

	if (copy == NULL)
		exit(1);
	memcpy(copy, bytes, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static unsigned int run_all(const char *name, const uint8_t *bytes, size_t size)
{
	unsigned int count = 0;
	size_t at = 0;

	for (; at + 2 <= size; count++) {
		const size_t length = bytes[at] | (size_t)bytes[at + 1] << 8;

		if (length > size - at - 2)
			break;
		run(bytes + at + 2, length);
		at += 2 + length;
	}
	if (at != size || count == 0) {
		fprintf(stderr, "%s: damaged, or empty\n", name);
		exit(1);
	}
	return count;
}

int main(int argc, char **argv)
{
	/* A failed assertion of the tests' support is no test's: it ends the program. */
	(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
	for (int i = 1; i < argc; i++) {
		const bool is_one = argv[i][0] == '@';
		size_t size;
		uint8_t *bytes = read_file(argv[i] + is_one, &size);

		if (is_one)
			run(bytes, size);
		else
			printf("%u inputs\n", run_all(argv[i], bytes, size));
		free(bytes);
	}
	return 0;
}
