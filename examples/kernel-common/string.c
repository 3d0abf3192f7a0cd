/* SPDX-License-Identifier: BSD-2-Clause */
/* The four functions that a freestanding compiler expects, and the only ones that libiommu does. */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (size-- != 0)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, size_t size)
{
	unsigned char *t = to;

	while (size-- != 0)
		*t++ = (unsigned char)value;
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t < f)
		return memcpy(to, from, size);
	while (size-- != 0)
		t[size] = f[size];
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size != 0; size--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}
