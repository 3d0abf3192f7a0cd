/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frozen groups: error recovery on POWER (enhanced error handling, EEH).
 *
 * A bridge that sees an error of a device, such as DMA to an address that is not mapped, freezes
 * the device's group (PE): DMA is dropped, and CPUs that read registers get all ones, until the
 * group is thawed. Nothing of the library's is lost by that: the group keeps its domain, and
 * mapping goes on as before. Frozen is a state of hardware, which the library asks for whenever it
 * matters:
 *
 *   - iommu_unit_handle_faults reports a fault once for each freeze;
 *   - iommu_unit_check_freezes notifies the listeners of the groups (IOMMU_ENDPOINT_FROZEN);
 *   - an attach of another domain to a group whose DMA is stopped is refused with IOMMU_EIO and the
 *     reason, except one that blocks it: a device that is attached must be able to do DMA. What the
 *     library does by itself, such as the way back to the default domain, goes on: the group is
 *     frozen in what it then uses;
 *   - the first endpoint of a group that is probed finds it thawed: what froze it was another
 *     kernel's, or a device that has gone.
 *
 * Recovery, as the host's error handler does it:
 *
 *	iommu_group_get_diagnostics(group, ...)            for the log
 *	iommu_group_thaw(group, IOMMU_STOPPED_IO)          the driver reads its device's state
 *	iommu_group_thaw(group, IOMMU_STOPPED_DMA)         and goes on; or
 *	iommu_endpoint_reset_begin, the reset, iommu_group_thaw(group, IOMMU_STOPPED_ALL),
 *	iommu_endpoint_reset_end
 *
 * For the back ends of POWER, where their configuration turns it on (<libiommu/opal.h>,
 * <libiommu/papr.h>). All functions but the parsing of data: control path (<libiommu/endpoint.h>).
 */
#ifndef LIBIOMMU_EEH_H
#define LIBIOMMU_EEH_H

#include <libiommu/group.h>

IOMMU_BEGIN_DECLS

/* What is stopped. */
enum iommu_stopped {
	IOMMU_STOPPED_IO = 1,  /* CPUs' accesses to the devices' registers */
	IOMMU_STOPPED_DMA = 2, /* the devices' DMA, and their interrupts */
	IOMMU_STOPPED_ALL = 3,
};

struct iommu_freeze {
	unsigned int stopped; /* enum iommu_stopped; 0: the group is not frozen */
	bool is_in_reset;     /* the devices are held in reset */
	/*
	 * Firmware is busy with the group, or has given it up: it cannot be thawed now. wait_ms: in
	 * so many milliseconds it may be possible; 0: it is not known when, or never.
	 */
	bool is_unavailable;
	uint32_t wait_ms;
	/* Firmware's code of the reason, its name, and an explanation in a sentence; static. */
	unsigned int reason;
	const char *reason_name;
	const char *explanation;
};

/*
 * iommu_group_get_freeze - ask whether a group is frozen, and why. Listeners are notified if that
 * has changed since they were last.
 *
 * iommu_group_thaw - thaw what `what` names of it (enum iommu_stopped, not 0), whether or not it is
 * frozen. Before DMA is thawed, the group's windows are those of its domain, and whatever its
 * bridge has not confirmed to have forgotten is invalidated. A thaw counts when firmware, asked
 * again, says that the group is not frozen any more.
 *
 * iommu_group_freeze - stop it, to contain a device: the same with the opposite result. A
 * hypervisor stops everything or nothing: IOMMU_STOPPED_ALL.
 *
 * All return 0; IOMMU_EOPNOTSUPP: the group's unit has no such thing, or its configuration did not
 * ask for it, or (freeze) it cannot stop that alone; IOMMU_ENODEV: the group has no members;
 * IOMMU_EINVAL (what); IOMMU_EIO (firmware refuses, answers nonsense, or says that nothing has
 * changed) or IOMMU_ETIMEDOUT (busy for too long): what is stopped is not known, and
 * iommu_group_get_freeze asks.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_group_get_freeze(struct iommu_group *group, struct iommu_freeze *freeze);
IOMMU_API int iommu_group_thaw(struct iommu_group *group, unsigned int what);
IOMMU_API int iommu_group_freeze(struct iommu_group *group, unsigned int what);

/*
 * iommu_group_get_diagnostics - what the bridge, or the hypervisor, has recorded of the last
 * errors. Under OPAL: of the whole bridge, see iommu_opal_read_diagnostics. Under a hypervisor: an
 * error log of RTAS.
 *
 * @buffer, @size: memory of the caller's; NULL and 0: only *length is wanted.
 * @length:        receives the size of all data, of which at most `size` bytes are copied.
 *
 * Returns 0, IOMMU_ENOENT (nothing was recorded), or the errors of iommu_group_get_freeze. Context:
 * control path; may sleep.
 */
IOMMU_API int iommu_group_get_diagnostics(struct iommu_group *group, void *buffer, size_t size,
					  size_t *length);

/*
 * iommu_unit_check_freezes - ask for each group behind a unit, and notify the listeners of those
 * that were frozen or thawed since they were last notified: IOMMU_ENDPOINT_FROZEN or
 * IOMMU_ENDPOINT_THAWED, for each member. For a timer or a thread that the unit's error interrupt
 * wakes. Returns 0, also without groups, or the first error of iommu_group_get_freeze; all groups
 * are asked.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_unit_check_freezes(struct iommu_unit *unit);

IOMMU_END_DECLS
#endif
