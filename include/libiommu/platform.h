/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services: all that the library asks of the kernel, hypervisor or emulator that links it.
 *
 * Fill in one `struct iommu_platform`, keep it alive and unchanged while any object made with it
 * lives, and give it to iommu_create() (or to a lower layer that is used alone). Only the two page
 * functions are required; for the rest NULL means the default that stands at the field. Each call
 * is handed `ctx` as its first argument. docs/porting.md has a complete minimal port.
 *
 * Contexts. "Any context" below means that the library may call the service from wherever the host
 * called the library, with one of the library's spinlocks held and interrupts disabled (through
 * irq_save): such a service must not sleep and must not call the library. No service is called
 * recursively from another.
 */
#ifndef LIBIOMMU_PLATFORM_H
#define LIBIOMMU_PLATFORM_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* iommu_platform.alloc_pages flags. */
enum iommu_alloc_flags {
	IOMMU_ALLOC_ATOMIC = 1 << 0, /* must not sleep */
};

/* "No preference" as a NUMA node. */
#define IOMMU_NODE_ANY (-1)

enum iommu_log_level {
	IOMMU_LOG_ERROR = 0, /* something failed that the host asked for */
	IOMMU_LOG_WARNING,   /* firmware or hardware is wrong, and it was worked around */
	IOMMU_LOG_INFO,      /* what was found and enabled, once for each thing */
	/*
	 * Why a call returned an error, of those that say so (see iommu_reason): one line for each
	 * such call, which its caller can cause as often as it likes. "call: who: why: CODE".
	 */
	IOMMU_LOG_REFUSAL,
	IOMMU_LOG_DEBUG, /* what comes and goes: members of groups, domains */
};

/* Memory that is made of several blocks of alloc_pages: one of them. */
struct iommu_memory_piece {
	struct iommu_memory_piece *next; /* the one behind it, or NULL */
	void *memory;                    /* as alloc_pages returned it */
	unsigned int order;              /* as it was asked for */
};

struct iommu_platform {
	/* Handed to every service as it stands. May be NULL. */
	void *ctx;

	/*
	 * alloc_pages - 2^order pages of IOMMU_PAGE_SIZE bytes. REQUIRED.
	 *
	 * Zeroed, physically contiguous and aligned to their own size; order is at most
	 * IOMMU_MAX_ALLOC_ORDER and nearly always 0. Only iommu_dma_alloc asks for more, whatever
	 * its caller needs, and always without IOMMU_ALLOC_ATOMIC: such a block is aligned to
	 * 2^IOMMU_MAX_ALLOC_ORDER pages at least, and a host that has none returns NULL. `node` is
	 * the NUMA node that the memory should come from, or IOMMU_NODE_ANY; it may come from
	 * firmware: one that the host does not know means no preference, too. Returns the virtual
	 * address, or NULL: every caller handles NULL. May sleep unless flags has
	 * IOMMU_ALLOC_ATOMIC, which every map sets whose caller did not say that it may sleep
	 * (IOMMU_PROT_MAY_SLEEP, iommu_dma_device.may_sleep): mapping is allowed from interrupt
	 * context. Never called with a library lock held. A host whose allocator always may sleep
	 * puts a reserve between: <libiommu/page_reserve.h>.
	 */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);

	/*
	 * free_pages - give back what alloc_pages returned, same order. REQUIRED. Any context: must
	 * not sleep (see <libiommu/page_reserve.h>, too).
	 */
	void (*free_pages)(void *ctx, void *pages, unsigned int order);

	/*
	 * Address conversion for pages of alloc_pages and for table memory that is walked: the hot
	 * spot, done at every level of every walk. Three forms, cheapest to write first:
	 *
	 * 1. leave both functions NULL and set the offset: virt = phys + offset (modulo 2^64). For
	 *    kernels with a direct map, identity-mapped hosts (0), and emulators whose guest memory
	 *    is one buffer (the buffer's address minus the guest address of its first byte).
	 *    Inlined, one predictable branch.
	 * 2. build the library with -DIOMMU_PORT_HEADER='"your_port.h"', a header that defines
	 *        static inline void *iommu_port_phys_to_virt(void *ctx, uint64_t paddr);
	 *        static inline uint64_t iommu_port_virt_to_phys(void *ctx, const void *virt);
	 *    Inlined, no branch; the fields below are then ignored.
	 * 3. set both functions (several memory regions). A call through a pointer each time.
	 *
	 * All three are called in any context and must not fail for pages of alloc_pages.
	 */
	uint64_t direct_map_offset;
	void *(*phys_to_virt)(void *ctx, iommu_paddr_t paddr);
	iommu_paddr_t (*virt_to_phys)(void *ctx, const void *virt);

	/*
	 * map_mmio / unmap_mmio - a pointer by which the registers at a physical address are
	 * reached.
	 *
	 * paddr is page-aligned, size is a multiple of IOMMU_PAGE_SIZE. The mapping must be
	 * uncached. NULL from map_mmio fails the probe with IOMMU_EFAULT. The pointer is only ever
	 * given to mmio_*: it may be a token. May sleep; called at probe and at removal only.
	 * Default: the address conversion above, and nothing to undo.
	 */
	void *(*map_mmio)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void (*unmap_mmio)(void *ctx, void *registers, uint64_t size);

	/*
	 * Register access: naturally aligned, `reg` points into a map_mmio result. A 64-bit access
	 * may be done as two 32-bit ones, low half first. A write must be ordered after all earlier
	 * stores to memory, as uncached stores are on x86. Any context.
	 * Default: one volatile access.
	 */
	uint32_t (*mmio_read32)(void *ctx, const volatile void *reg);
	uint64_t (*mmio_read64)(void *ctx, const volatile void *reg);
	void (*mmio_write32)(void *ctx, volatile void *reg, uint32_t value);
	void (*mmio_write64)(void *ctx, volatile void *reg, uint64_t value);

	/*
	 * cache_flush - write [virt, virt + size) back from the CPU caches to memory, and wait.
	 *
	 * Called after every change to a structure that a unit with non-coherent page walks reads.
	 * Any context. Default: nothing, which is right when hardware snoops; on a machine whose
	 * units do not (VT-d ECAP.C = 0) leaving it NULL loses DMA protection.
	 */
	void (*cache_flush)(void *ctx, const void *virt, size_t size);

	/*
	 * now_ns - a monotonic clock in nanoseconds, any origin. Any context. Read where the
	 * library waits for hardware, by the ticks, and where a fault or a page request of a device
	 * is taken in; never by a map, nor by an unmap that waits for nothing: one that is lazy.
	 * Bounds waits for hardware, the age of lazy unmaps and of unanswered page requests, and
	 * the faults that are reported in a second. Default: waits are bounded by a count of polls,
	 * every tick flushes lazy unmaps, iommu_page_request_tick does nothing, faults have no
	 * bound.
	 */
	uint64_t (*now_ns)(void *ctx);

	/* relax - told once per poll while spinning (x86: PAUSE). Any context. Default: nothing. */
	void (*relax)(void *ctx);

	/*
	 * cpu_id / cpu_count - the CPU that executes, 0 to cpu_count - 1, for per-CPU caches. A
	 * stale id costs speed, never correctness. Any context. Default: one CPU.
	 */
	unsigned int (*cpu_id)(void *ctx);
	unsigned int (*cpu_count)(void *ctx);

	/*
	 * cpu_exclusive - the host vouches that a thread in a call of the DMA mapping API stays on
	 * its CPU until the call returns, and that no other such call begins there meanwhile,
	 * but between irq_save and irq_restore: kernels that are not preempted there. The per-CPU
	 * caches then have no lock. In a call that said that it may sleep the host may do so where
	 * it is asked for pages without IOMMU_ALLOC_ATOMIC: no cache is in use then. Default: they
	 * have one.
	 */
	bool cpu_exclusive;

	/*
	 * irq_save / irq_restore - disable local interrupts around a spinlock and restore what
	 * irq_save returned. Needed when the library is called from interrupt handlers. Any
	 * context. Default: nothing.
	 */
	uintptr_t (*irq_save)(void *ctx);
	void (*irq_restore)(void *ctx, uintptr_t state);

	/*
	 * mutex_create / mutex_destroy / mutex_lock / mutex_unlock - a lock that may sleep, for the
	 * control path (see <libiommu/endpoint.h>): one for each instance. NULL from mutex_create
	 * fails iommu_create with IOMMU_ENOMEM. Never taken on the map path, nor from interrupt
	 * context. Default: the host serialises the control path itself.
	 */
	void *(*mutex_create)(void *ctx);
	void (*mutex_destroy)(void *ctx, void *mutex);
	void (*mutex_lock)(void *ctx, void *mutex);
	void (*mutex_unlock)(void *ctx, void *mutex);

	/*
	 * log - one line of text without a newline, valid during the call only. Never on a map or
	 * unmap path that succeeds. Any context, sometimes with a lock held. A manager's user can
	 * cause lines of IOMMU_LOG_REFUSAL and IOMMU_LOG_DEBUG as often as it likes: a host that
	 * hands calls to users bounds their rate, or leaves these levels out. Default: silence.
	 */
	void (*log)(void *ctx, enum iommu_log_level level, const char *text);

	/*
	 * isolates_interrupts - the host vouches that no device can have an interrupt delivered
	 * that it was not given, without any help from a unit: its interrupt controller looks at
	 * who writes the message (a GIC's translation service, say), or there is none, as in a
	 * program whose hardware is all models. Never on a PC. Only asked where a unit cannot remap
	 * interrupts (see iommu_group_check_isolation). Default: they are isolated as far as units
	 * do it.
	 */
	bool isolates_interrupts;

	/*
	 * map_pieces / unmap_pieces - one run of CPU addresses for memory that lies in pieces, in
	 * their order, with the caching that alloc_pages gives.
	 *
	 * `size` is the sum of the pieces, and what unmap_pieces is told again. Returns the first
	 * address, aligned to a page, or NULL: every caller handles it. The list and its memory
	 * stay as they are until unmap_pieces; the conversion functions above are never asked about
	 * such an address. Both may sleep. Used by iommu_dma_alloc alone, where alloc_pages has no
	 * block that is large enough. Default: such memory is IOMMU_ENOMEM there, unless the CPU
	 * needs no address for it.
	 */
	void *(*map_pieces)(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size);
	void (*unmap_pieces)(void *ctx, void *memory, uint64_t size);

	/*
	 * alloc_pages_below - as alloc_pages, with no byte beyond the physical address `last`: for
	 * devices that nothing translates for, and that have fewer address bits than the machine
	 * has memory (iommu_dma_create_direct). May sleep as alloc_pages may. Given back by
	 * free_pages. Default: alloc_pages, and what lies beyond is given back at once, and the
	 * call of the library fails with IOMMU_ENOSPC.
	 */
	void *(*alloc_pages_below)(void *ctx, unsigned int order, int node, unsigned int flags,
				   iommu_paddr_t last);
};

/* The largest order that alloc_pages is asked for, but by iommu_dma_alloc. */
#define IOMMU_MAX_ALLOC_ORDER 4

#ifdef IOMMU_PORT_HEADER
#include IOMMU_PORT_HEADER
#endif

/* iommu_phys_to_virt - where the CPU reaches a physical address; the platform's form 1, 2 or 3. */
static inline void *iommu_phys_to_virt(const struct iommu_platform *platform, iommu_paddr_t paddr)
{
#ifdef IOMMU_PORT_HEADER
	return iommu_port_phys_to_virt(platform->ctx, paddr);
#else
	if (__builtin_expect(platform->phys_to_virt != NULL, 0))
		return platform->phys_to_virt(platform->ctx, paddr);
	return (void *)(uintptr_t)(paddr + platform->direct_map_offset);
#endif
}

/* iommu_virt_to_phys - the inverse, for addresses that alloc_pages or phys_to_virt returned. */
static inline iommu_paddr_t iommu_virt_to_phys(const struct iommu_platform *platform,
					       const void *virt)
{
#ifdef IOMMU_PORT_HEADER
	return iommu_port_virt_to_phys(platform->ctx, virt);
#else
	if (__builtin_expect(platform->virt_to_phys != NULL, 0))
		return platform->virt_to_phys(platform->ctx, virt);
	return (uint64_t)(uintptr_t)virt - platform->direct_map_offset;
#endif
}

/*
 * iommu_platform_check - is this table usable?
 *
 * Returns 0, or IOMMU_EINVAL when it is NULL, when a required service is missing, or when only one
 * function of several that belong together is set (phys_to_virt/virt_to_phys, irq_save/irq_restore,
 * cpu_id/cpu_count, map_mmio/unmap_mmio, map_pieces/unmap_pieces, mmio reads/writes, the four of
 * the mutex). Every creating function calls it. No locks.
 */
IOMMU_API int iommu_platform_check(const struct iommu_platform *platform);

IOMMU_END_DECLS
#endif
