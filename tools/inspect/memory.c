/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "inspect.h"
#include "memory.h"

int memory_open(struct memory *memory, const char *name, uint64_t base)
{
	int status;

	*memory = (struct memory){.base = base};
	status = input_open(&memory->input, name);
	if (status != INSPECT_FINE)
		return status;
	if (memory->input.size != 0 && base > UINT64_MAX - (memory->input.size - 1)) {
		memory_close(memory);
		return inspect_complain(INSPECT_USAGE,
					"--base: the file would reach beyond 64 bits");
	}
	return INSPECT_FINE;
}

void memory_close(struct memory *memory)
{
	input_close(&memory->input);
}

bool memory_read(struct memory *memory, uint64_t address, void *bytes, size_t size)
{
	const uint64_t offset = address - memory->base;

	if (address < memory->base || offset > memory->input.size ||
	    size > memory->input.size - offset) {
		if (!memory->has_missed)
			memory->missed = address;
		memory->has_missed = true;
		return false;
	}
	memcpy(bytes, memory->input.bytes + offset, size);
	return true;
}

bool memory_read_le64(struct memory *memory, uint64_t address, uint64_t *value)
{
	uint8_t bytes[8];

	if (!memory_read(memory, address, bytes, sizeof(bytes)))
		return false;
	*value = bytes_le64(bytes);
	return true;
}

bool memory_read_be64(struct memory *memory, uint64_t address, uint64_t *value)
{
	uint8_t bytes[8];

	if (!memory_read(memory, address, bytes, sizeof(bytes)))
		return false;
	*value = bytes_be64(bytes);
	return true;
}

void memory_show_missed(struct out *out, const struct memory *memory)
{
	if (memory->input.size == 0)
		out_problem(out, "missing", "0x%" PRIx64 " is not in the dump, which is empty",
			    memory->missed);
	else
		out_problem(out, "missing",
			    "0x%" PRIx64 " is not in the dump, which has 0x%" PRIx64
			    " to 0x%" PRIx64,
			    memory->missed, memory->base, memory->base + (memory->input.size - 1));
}
