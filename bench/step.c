/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "step.h"

#ifdef __x86_64__
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <x86intrin.h>

#define TRAP_FLAG 0x100UL

static struct step_counts counts;
static uintptr_t last;

static bool is_prefix(uint8_t byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return false;
	}
}

/* Intel SDM, volume 2, chapter 2: prefixes, REX, opcode, ModRM. */
static bool is_locked(const uint8_t *code)
{
	for (; is_prefix(*code); code++)
		if (*code == 0xf0)
			return true;
	if ((*code & 0xf0) == 0x40)
		code++;
	if ((code[0] & 0xfe) == 0x86)
		return code[1] < 0xc0; /* XCHG with memory */
	return code[0] == 0x0f && code[1] == 0xae && code[2] == 0xf0;
}

static bool is_repeated(const uint8_t *code)
{
	return *code == 0xf3 || *code == 0xf2;
}

/* The instruction at the address is the next to be executed. */
static void trapped(int signal, siginfo_t *info, void *context)
{
	const uintptr_t at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	const uint8_t *code = (const uint8_t *)at;

	(void)signal;
	(void)info;
	/* A repeated string instruction traps after each round: it is one all the same. */
	if (at == last && is_repeated(code))
		return;
	last = at;
	counts.instructions++;
	if (is_locked(code))
		counts.locked++;
}

bool step_possible(void)
{
	return true;
}

static void flag_on(void)
{
	__writeeflags(__readeflags() | TRAP_FLAG);
}

static void flag_off(void)
{
	__writeeflags(__readeflags() & ~TRAP_FLAG);
}

static void begin(void)
{
	counts = (struct step_counts){0};
	last = 0;
	flag_on();
}

static struct step_counts end(void)
{
	flag_off();
	return counts;
}

/* As the caller sees them: never inlined, so that each pair costs the same. */
static void (*volatile begin_called)(void) = begin;
static struct step_counts (*volatile end_called)(void) = end;

void step_begin(void)
{
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};

	if (sigaction(SIGTRAP, &action, NULL) != 0)
		abort();
	begin_called();
}

struct step_counts step_end(void)
{
	const struct step_counts found = end_called();
	static uint64_t pair; /* what an empty pair counts */
	struct step_counts net = found;

	if (pair == 0) {
		pair = 1;
		step_begin();
		pair = step_end().instructions + 1;
	}
	net.instructions -= net.instructions < pair ? net.instructions : pair;
	return net;
}
#else
bool step_possible(void)
{
	return false;
}

void step_begin(void)
{
}

struct step_counts step_end(void)
{
	return (struct step_counts){0};
}
#endif
