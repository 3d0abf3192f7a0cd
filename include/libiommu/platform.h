/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services: everything that the library needs from the kernel, hypervisor or emulator that
 * links it.
 *
 * Fill in one `struct iommu_platform`, keep it unchanged as long as an object made with it exists,
 * and pass it to iommu_create() (or to a lower layer that is used alone). Only the two page
 * functions are required; for the others, NULL means the default stated at the field. Every call
 * gets `ctx` as its first argument. docs/porting.md has a complete minimal port.
 *
 * Contexts. "Any context" below means that the library may call the service from any context in
 * which the host calls the library, with a spinlock of the library held and interrupts disabled
 * (through irq_save): such a service must not sleep and must not call the library. No service is
 * called recursively from another.
 */
#ifndef LIBIOMMU_PLATFORM_H
#define LIBIOMMU_PLATFORM_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Flags of iommu_platform.alloc_pages. */
enum iommu_alloc_flags {
	IOMMU_ALLOC_ATOMIC = 1 << 0, /* must not sleep */
};

/* No preference for a NUMA node. */
#define IOMMU_NODE_ANY (-1)

enum iommu_log_level {
	IOMMU_LOG_ERROR = 0, /* an operation that the host requested failed */
	IOMMU_LOG_WARNING,   /* firmware or hardware is wrong; the library works around it */
	IOMMU_LOG_INFO,      /* what was found and enabled, once for each */
	/*
	 * Why a call returned an error, for calls that log it (see iommu_reason): one line for each
	 * such call, "call: who: why: CODE". In front of it stands the line of a page table or
	 * another object that the call could not make, of the same form, which says what of its
	 * configuration does not fit: iommu_domain_alloc with a width that no table has, for
	 * example. A caller can cause any number of lines.
	 */
	IOMMU_LOG_REFUSAL,
	IOMMU_LOG_DEBUG, /* additions and removals: members of groups, domains */
};

/* One block of memory that is made of several blocks of alloc_pages. */
struct iommu_memory_piece {
	struct iommu_memory_piece *next; /* the next block, or NULL */
	void *memory;                    /* as alloc_pages returned it */
	unsigned int order;              /* as passed to alloc_pages */
};

struct iommu_platform {
	/* Passed to every service. May be NULL. */
	void *ctx;

	/*
	 * alloc_pages - allocate 2^order pages of IOMMU_PAGE_SIZE bytes. REQUIRED.
	 *
	 * The block must be zeroed, physically contiguous and, up to IOMMU_MAX_ALLOC_ORDER, aligned
	 * to its own size; order is nearly always 0. Only iommu_dma_alloc, and interrupt remapping
	 * tables that grow (order 5 to 8), request larger blocks, always without
	 * IOMMU_ALLOC_ATOMIC: those are aligned to at least 2^IOMMU_MAX_ALLOC_ORDER pages, and a
	 * host that has none returns NULL. `node` is the
	 * preferred NUMA node, or IOMMU_NODE_ANY; it may come from firmware, and a node that the
	 * host does not know means no preference. Returns the virtual address, or NULL, which every
	 * caller handles. May sleep unless flags has IOMMU_ALLOC_ATOMIC, which every map sets
	 * unless its caller allows it to sleep (IOMMU_PROT_MAY_SLEEP, iommu_dma_device.may_sleep),
	 * because mapping is allowed in interrupt context. Never called with a lock of the library
	 * held. A host whose allocator always may sleep puts a reserve in front of it:
	 * <libiommu/page_reserve.h>.
	 */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);

	/*
	 * free_pages - free a block of alloc_pages; same order. REQUIRED. Any context: must not
	 * sleep (see also <libiommu/page_reserve.h>).
	 */
	void (*free_pages)(void *ctx, void *pages, unsigned int order);

	/*
	 * Address conversion, for pages of alloc_pages and for tables that are walked: performance
	 * critical, because it is needed at every level of every walk. Three forms, the simplest
	 * first:
	 *
	 * 1. both functions NULL: virt = phys + offset (modulo 2^64). For kernels with a direct
	 *    map, identity-mapped hosts (0), and emulators whose guest memory is one buffer (the
	 *    buffer's address minus the guest address of its first byte). Inlined, one predictable
	 *    branch.
	 * 2. build the library with -DIOMMU_PORT_HEADER='"your_port.h"', a header that defines
	 *       static inline void *iommu_port_phys_to_virt(void *ctx, uint64_t paddr);
	 *       static inline uint64_t iommu_port_virt_to_phys(void *ctx, const void *virt);
	 *    Inlined, no branch; the fields below are ignored.
	 * 3. set both functions (several memory regions). An indirect call each time.
	 *
	 * All three are used in any context, and must not fail for pages of alloc_pages.
	 */
	uint64_t direct_map_offset;
	void *(*phys_to_virt)(void *ctx, iommu_paddr_t paddr);
	iommu_paddr_t (*virt_to_phys)(void *ctx, const void *virt);

	/*
	 * map_mmio, unmap_mmio - map the registers at a physical address, and undo it.
	 *
	 * paddr is page-aligned, size is a multiple of IOMMU_PAGE_SIZE. The mapping must be
	 * uncached. NULL from map_mmio fails the probe with IOMMU_EFAULT. The library passes the
	 * result only to the functions below: it may be a token. May sleep; called at probe and
	 * removal only. Default: the address conversion above.
	 */
	void *(*map_mmio)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void (*unmap_mmio)(void *ctx, void *registers, uint64_t size);

	/*
	 * Register access: naturally aligned, `reg` points into a result of map_mmio. A 64-bit
	 * access may be done as two 32-bit ones, low half first; of RISC-V units high half first.
	 * Without mmio_write64 a host of 32 bits need not care: the library writes the halves. A
	 * write must be ordered after all
	 * earlier stores to memory, as uncached stores are on x86. Any context. Default: one
	 * volatile access.
	 */
	uint32_t (*mmio_read32)(void *ctx, const volatile void *reg);
	uint64_t (*mmio_read64)(void *ctx, const volatile void *reg);
	void (*mmio_write32)(void *ctx, volatile void *reg, uint32_t value);
	void (*mmio_write64)(void *ctx, volatile void *reg, uint64_t value);

	/*
	 * cache_flush - write [virt, virt + size) back from the CPU caches to memory, and wait.
	 *
	 * Called after every change to a structure that a unit with non-coherent page walks reads.
	 * Any context. Default: nothing, which is correct if hardware snoops; on a machine whose
	 * units do not (VT-d ECAP.C = 0), NULL breaks DMA protection. SMMUv3 units that do not
	 * snoop (IDR0.COHACC = 0) need cache_invalidate, too, and are refused without the two.
	 */
	void (*cache_flush)(void *ctx, const void *virt, size_t size);

	/*
	 * now_ns - a monotonic clock in nanoseconds, with any origin. Any context. Read while the
	 * library waits for hardware, by the tick functions, and when a fault or a page request is
	 * received; never by a map, nor by an unmap that does not wait (lazy mode). It bounds waits
	 * for hardware, the age of lazy unmaps and of pending page requests, and the rate of
	 * reported faults. Default: waits are bounded by a number of polls, every tick flushes lazy
	 * unmaps, iommu_endpoint_tick_page_requests does nothing, and the rate of faults is not
	 * bounded.
	 */
	uint64_t (*now_ns)(void *ctx);

	/*
	 * relax - called once for each poll of a spin loop (x86: PAUSE). Any context. Default:
	 * nothing.
	 */
	void (*relax)(void *ctx);

	/*
	 * cpu_id, cpu_count - the executing CPU, 0 to cpu_count - 1, for per-CPU caches. A stale id
	 * costs speed, never correctness. Any context. Default: one CPU.
	 */
	unsigned int (*cpu_id)(void *ctx);
	unsigned int (*cpu_count)(void *ctx);

	/*
	 * cpu_exclusive - the host guarantees that a thread in a call of the DMA mapping API stays
	 * on its CPU until the call returns, and that no other such call starts there meanwhile,
	 * except between irq_save and irq_restore: kernels without preemption in these calls. The
	 * per-CPU caches then have no lock. In a call that may sleep, the guarantee is not needed
	 * while the host allocates pages without IOMMU_ALLOC_ATOMIC: no cache is in use then.
	 *
	 * A kernel that can be preempted there, or whose interrupt handlers map, gives the
	 * guarantee by two functions that it has in line: build the library with
	 * -DIOMMU_CPU_GUARD_HEADER='"your_guard.h"', a header that defines
	 *	static inline unsigned int iommu_cpu_enter(uintptr_t *state);
	 *	static inline void iommu_cpu_leave(uintptr_t state);
	 * From enter, which returns the number of the CPU (below cpu_count), to leave, which gets
	 * what enter has stored in *state, the thread stays on its CPU, and no DMA mapping call
	 * starts there: preempt_disable and preempt_enable, or masking interrupts where their
	 * handlers map. The caches call them around some ten instructions, never one inside the
	 * other, and no service of the host in between but irq_save, irq_restore and relax. With
	 * such a header cpu_exclusive promises nothing of the calls themselves: they may be
	 * preempted, and sleep.
	 *
	 * Default: the caches have locks.
	 */
	bool cpu_exclusive;

	/*
	 * irq_save, irq_restore - disable local interrupts around a spinlock, and restore what
	 * irq_save returned. Needed if the library is called from interrupt handlers. Any context.
	 * Default: nothing.
	 */
	uintptr_t (*irq_save)(void *ctx);
	void (*irq_restore)(void *ctx, uintptr_t state);

	/*
	 * mutex_create, mutex_destroy, mutex_lock, mutex_unlock - a lock that may sleep, for the
	 * control path (see <libiommu/endpoint.h>): one for each instance. NULL from mutex_create
	 * fails iommu_create with IOMMU_ENOMEM. Never used by map and unmap, nor in interrupt
	 * context. Default: the host serialises the control path itself.
	 */
	void *(*mutex_create)(void *ctx);
	void (*mutex_destroy)(void *ctx, void *mutex);
	void (*mutex_lock)(void *ctx, void *mutex);
	void (*mutex_unlock)(void *ctx, void *mutex);

	/*
	 * log - one line of text without a newline, valid during the call only. Not called by a map
	 * or unmap that succeeds. Any context, sometimes with a lock held. Users of a manager can
	 * cause any number of lines at IOMMU_LOG_REFUSAL and IOMMU_LOG_DEBUG: a host that exposes
	 * calls to users limits their rate, or drops these levels. Default: no log.
	 */
	void (*log)(void *ctx, enum iommu_log_level level, const char *text);

	/*
	 * isolates_interrupts - the host guarantees that devices can only raise interrupts that
	 * were assigned to them, without the help of a unit: its interrupt controller checks the
	 * sender of a message (such as a GIC's translation service), or there is none, as in a
	 * program whose hardware is all models. Never true on a PC. Used only if a unit cannot
	 * remap interrupts (see iommu_group_check_isolation). Default: interrupts are isolated as
	 * far as units do it.
	 */
	bool isolates_interrupts;

	/*
	 * map_pieces, unmap_pieces - map memory in pieces at consecutive CPU addresses, in their
	 * order, with the same caching as memory of alloc_pages; and undo it.
	 *
	 * `size` is the sum of the pieces, also for unmap_pieces. Returns the first address,
	 * aligned to a page, or NULL, which every caller handles. The list and its memory do not
	 * change until unmap_pieces; the conversion functions above are never used for such an
	 * address. Both may sleep. Used by iommu_dma_alloc only, if alloc_pages has no block that
	 * is large enough. Default: such an allocation is IOMMU_ENOMEM, unless the CPU needs no
	 * address for it.
	 */
	void *(*map_pieces)(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size);
	void (*unmap_pieces)(void *ctx, void *memory, uint64_t size);

	/*
	 * alloc_pages_below - as alloc_pages, with no byte above the physical address `last`: for
	 * devices that are not translated, and have fewer address bits than the machine has memory
	 * (iommu_dma_create_direct). May sleep as alloc_pages may. Freed by free_pages. Default:
	 * alloc_pages; a block above `last` is freed at once, and the call of the library fails
	 * with IOMMU_ENOSPC.
	 */
	void *(*alloc_pages_below)(void *ctx, unsigned int order, int node, unsigned int flags,
				   iommu_paddr_t last);

	/*
	 * compare_exchange_16 - store desired in the 16 bytes at `memory`, aligned to 16, in one
	 * access, if they equal expected; true if they did (x86: CMPXCHG16B,
	 * <libiommu/x86_64.h>). Words are in memory order. Any context. Used for entries of VT-d's
	 * interrupt remapping table, so that both halves of an entry change at once. Default: an
	 * entry whose upper half changes is blocked for a moment.
	 */
	bool (*compare_exchange_16)(void *ctx, void *memory, const uint64_t expected[2],
				    const uint64_t desired[2]);

	/*
	 * cache_write_back, cache_invalidate - for devices that access memory past the CPU caches
	 * (iommu_dma_device.noncoherent): write what the caches of all CPUs have changed of [paddr,
	 * paddr + size) back to memory; drop what they have of it, so that the next load reads
	 * memory. Both wait until it is done, and cover whole lines; write_back may drop them, too.
	 * paddr is memory, and need not be aligned; nothing else is on the lines of a range that is
	 * invalidated. Any context. cache_line_size: bytes of the largest line of the data caches,
	 * a power of two, at most IOMMU_PAGE_SIZE.
	 *
	 * All three are given, or none. SMMUv3 units that do not snoop need cache_invalidate for
	 * what they write to memory, beside cache_flush.
	 *
	 * Default: buffers of such devices, and such units, are refused (IOMMU_EOPNOTSUPP).
	 */
	void (*cache_write_back)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void (*cache_invalidate)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	size_t cache_line_size;

	/*
	 * map_uncached, unmap_uncached - as map_pieces and unmap_pieces, but with accesses of the
	 * CPU that go past its caches: memory that a device that is not coherent shares with it. No
	 * cache has a line of the pieces when map_uncached is called, and the library does not
	 * access them at other addresses until unmap_uncached. Both may sleep. Default:
	 * iommu_dma_alloc for such a device is IOMMU_EOPNOTSUPP, unless the CPU needs no address.
	 */
	void *(*map_uncached)(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size);
	void (*unmap_uncached)(void *ctx, void *memory, uint64_t size);

	/*
	 * private_bits, shared_bits - for machines that encrypt memory: bits of a physical address
	 * that say that memory is private, or shared with the host of a confidential guest. The
	 * library sets them in addresses in domains' tables, and in those that devices get where
	 * nothing translates; other addresses, of this structure, of calls and results, are
	 * without. AMD: private_bits is the C-bit. TDX, and Arm CCA: shared_bits is the bit that is
	 * set in addresses of shared memory, if devices are to use it. Units must be able to
	 * address memory with these bits. Default: 0.
	 */
	iommu_paddr_t private_bits, shared_bits;

	/*
	 * alloc_shared, free_shared - as alloc_pages_below and free_pages, of pages that are shared
	 * with the host of a confidential guest: converted, and zeroed afterwards, and accessed by
	 * the CPU as such at the address that is returned. Used for devices that reach no other
	 * memory (iommu_dma_device.shared_only). The host converts pages back when they are freed,
	 * or later; if that fails it keeps them. Contexts as of the others: hosts that can convert
	 * pages only where they may sleep have a pool. Default: buffers and memory of such devices
	 * are IOMMU_EOPNOTSUPP.
	 */
	void *(*alloc_shared)(void *ctx, unsigned int order, int node, unsigned int flags,
			      iommu_paddr_t last);
	void (*free_shared)(void *ctx, void *pages, unsigned int order);
};

/* The largest order of alloc_pages, except for iommu_dma_alloc and interrupt tables that grow. */
#define IOMMU_MAX_ALLOC_ORDER 4

#ifdef IOMMU_PORT_HEADER
#include IOMMU_PORT_HEADER
#endif

/*
 * iommu_phys_to_virt - the CPU's address of a physical address; the platform's form 1, 2 or 3.
 * Context: any.
 */
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

/*
 * iommu_virt_to_phys - the inverse, for addresses from alloc_pages or iommu_phys_to_virt. Context:
 * any.
 */
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
 * iommu_platform_check - check a platform.
 *
 * Returns 0, or IOMMU_EINVAL, with the reason as a line of the platform's own log, at
 * IOMMU_LOG_REFUSAL (if it has one, in a library with IOMMU_CONFIG_REASONS and IOMMU_CONFIG_LOG):
 * it is NULL, a required service is missing, or only some functions of
 * a set are given (phys_to_virt/virt_to_phys, irq_save/irq_restore, cpu_id/cpu_count,
 * map_mmio/unmap_mmio, map_pieces/unmap_pieces, map_uncached/unmap_uncached,
 * alloc_shared/free_shared, mmio reads/writes, the four of the mutex, the three for caches), or
 * cache_line_size makes no sense. Called by every function that creates something, which logs the
 * same. No locks. Context: any.
 */
IOMMU_API int iommu_platform_check(const struct iommu_platform *platform);

IOMMU_END_DECLS
#endif
