/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "inspect.h"

#define PIECE 65536U

static bool map(struct input *input, int file)
{
	struct stat about;
	void *bytes;

	if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0 ||
	    (uintmax_t)about.st_size > SIZE_MAX)
		return false;
	bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED)
		return false;
	*input = (struct input){bytes, (size_t)about.st_size, true};
	return true;
}

/* All that comes; false: an error, with errno. */
static bool read_all(struct input *input, int file)
{
	uint8_t *bytes = NULL;
	size_t size = 0;
	ssize_t got;

	do {
		uint8_t *more = realloc(bytes, size + PIECE);

		if (more == NULL) {
			free(bytes);
			errno = ENOMEM;
			return false;
		}
		bytes = more;
		got = read(file, bytes + size, PIECE);
		size += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		free(bytes);
		return false;
	}
	*input = (struct input){bytes, size, false};
	return true;
}

int input_open(struct input *input, const char *name)
{
	const bool is_standard = strcmp(name, "-") == 0;
	const int file = is_standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	int problem = 0;

	*input = (struct input){0};
	if (file < 0)
		problem = errno;
	else if (!map(input, file) && !read_all(input, file))
		problem = errno;
	if (file >= 0 && !is_standard)
		(void)close(file);
	if (problem != 0)
		return inspect_complain(INSPECT_UNREADABLE, "%s: %s", name, strerror(problem));
	return INSPECT_FINE;
}

void input_close(struct input *input)
{
	if (input->is_mapped)
		(void)munmap((void *)(uintptr_t)input->bytes, input->size);
	else
		free((void *)(uintptr_t)input->bytes);
	*input = (struct input){0};
}
