/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instance of the library: one machine's IOMMUs, on one host. Instances know nothing of each
 * other, and the library has no other state.
 */
#ifndef LIBIOMMU_INSTANCE_H
#define LIBIOMMU_INSTANCE_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;

/*
 * iommu_create - a new instance without units.
 *
 * @platform: the host's services; kept by reference until iommu_destroy.
 *
 * Next: a probe function of a back end (iommu_vtd_probe) to find units.
 * Returns 0, IOMMU_EINVAL (see iommu_platform_check) or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_create(const struct iommu_platform *platform, struct iommu **iommu);

/*
 * iommu_destroy - remove all units and free the instance. Enabled units are disabled first: from
 * then on devices reach all memory, as before the instance was there.
 *
 * NULL: nothing to do. Returns 0; IOMMU_EBUSY while endpoints, domains, or groups that are claimed
 * or held exist; or, when a unit does not confirm that it is disabled, IOMMU_ETIMEDOUT or
 * IOMMU_EIO: the instance then stays, because hardware may still read its tables.
 */
IOMMU_API int iommu_destroy(struct iommu *iommu);

/*
 * iommu_reason - why the last call that was refused returned an error, in words, such as
 * "0000:00:04.0: it is untrusted, and the domain lets it reach more than it is given". It is the
 * text of the line that was logged (IOMMU_LOG_REFUSAL), without the call and the code; never NULL,
 * empty before the first. Valid until the next call that is refused; where threads call at once,
 * the line in the log is the one that belongs to its call.
 *
 * Which calls. Those of the control path of the instance, of contexts and what belongs to them
 * (<libiommu/ioas.h> and its neighbours), of containers and files, and of interrupts
 * (<libiommu/vtd_interrupt.h>). A call that succeeds leaves the text as it was. So do maps, unmaps,
 * the DMA of drivers and look-ups, whose code, with the cause that stands at the function, is all
 * that they say. What is made with a platform and no instance (page tables, spaces of addresses,
 * flush queues, TCE tables, models) logs what is wrong with its configuration, in a line of the
 * same form; where there is not even that, the result says it (iommu_dmar.refusal,
 * iommu_dmar_builder.refusal).
 */
IOMMU_API const char *iommu_reason(const struct iommu *iommu);

/* iommu_next_unit - iterate the units: NULL gives the first, the last gives NULL. */
IOMMU_API struct iommu_unit *iommu_next_unit(struct iommu *iommu, struct iommu_unit *unit);

/*
 * iommu_unit_name - such as "dmar0"; iommu_unit_backend - whose it is, such as "vtd". Static for
 * the life of the unit. The endpoints behind it: iommu_unit_next_endpoint.
 */
IOMMU_API const char *iommu_unit_name(const struct iommu_unit *unit);
IOMMU_API const char *iommu_unit_backend(const struct iommu_unit *unit);

/* iommu_find_unit - by name; NULL: there is none. */
IOMMU_API struct iommu_unit *iommu_find_unit(struct iommu *iommu, const char *name);

/*
 * iommu_unit_is_enabled - does the unit translate by this library's tables? Where the hardware has
 * a status register, that is what is read. False while suspended, and after an operation that
 * failed half way on hardware without such a register. Any context.
 */
IOMMU_API bool iommu_unit_is_enabled(const struct iommu_unit *unit);

/*
 * iommu_translating - how many units iommu_unit_is_enabled is true of. 0 after an enable that
 * returned 0: there was nothing to enable, and nothing restricts any device's DMA. Control path.
 */
IOMMU_API unsigned int iommu_translating(struct iommu *iommu);

/*
 * iommu_unit_hardware_info - what user space wants to know of a unit to build tables for it. `type`
 * says what the rest is. Returns 0 or IOMMU_EOPNOTSUPP. Any context.
 */
enum iommu_hardware_type {
	IOMMU_HARDWARE_NONE = 0,
	IOMMU_HARDWARE_VTD, /* words: capability and extended capability registers */
};
struct iommu_hardware_info {
	enum iommu_hardware_type type;
	unsigned int flags; /* none yet */
	uint64_t words[4];
};
IOMMU_API int iommu_unit_hardware_info(const struct iommu_unit *unit,
				       struct iommu_hardware_info *info);

/*
 * iommu_unit_enable - start translating: DMA of every endpoint behind the unit goes through the
 * domain that is attached to it, and is blocked where there is none.
 *
 * The caches of the hardware are invalidated first, globally. On a unit that is enabled the call
 * has hardware confirm what it has not confirmed of earlier operations, such as a detach that timed
 * out. After an enable, disable, suspend or resume that failed half way it runs all steps again; it
 * also resumes a unit that is suspended. A unit that translated before the call does so all the
 * time.
 *
 * Returns 0: the unit translates, and everything is confirmed; or an error that is also logged with
 * the step that failed. A unit that was off is then off again, as far as it obeys:
 *   IOMMU_ETIMEDOUT  hardware did not confirm a command in time
 *   IOMMU_EIO        hardware reported an error
 *   IOMMU_EPERM      the unit is bypassed
 *   IOMMU_EOPNOTSUPP the unit remaps interrupts only
 *   IOMMU_ENOSPC     no domain id is left for a group that is to reach its direct regions
 *   IOMMU_ENOMEM
 *   otherwise a hypervisor that keeps the tables refuses what is mapped, as of iommu_map
 */
IOMMU_API int iommu_unit_enable(struct iommu_unit *unit);

/*
 * iommu_unit_disable - stop translating: devices reach all memory. Domains stay attached, and hold
 * again after the next enable. Returns 0 (also when it is off already), or IOMMU_ETIMEDOUT /
 * IOMMU_EIO: a step was not confirmed. iommu_unit_is_enabled then says whether the unit translates;
 * either call may be repeated, and runs all of its steps.
 */
IOMMU_API int iommu_unit_disable(struct iommu_unit *unit);

/*
 * iommu_suspend, iommu_resume - around a power state in which units lose their registers.
 *
 * Suspend stops all units, in order; devices must be quiet, for nothing is translated then. Resume
 * brings back what was on: translation, interrupt remapping, fault interrupts, domains, with all
 * caches invalidated. Every unit is tried, whatever another one answers.
 *
 * Between the two, iommu_unit_is_enabled is false. Domains may be mapped, unmapped, attached and
 * detached: what is changed takes effect with the resume. iommu_unit_enable and iommu_vtd_enable
 * resume the units that they are called for.
 *
 * Return 0, or the error of the first unit that failed, which is logged: errors as
 * iommu_unit_disable and iommu_unit_enable. A suspend that fails has resumed all units, the one
 * that failed included, as far as they obey. After a resume that failed the units that did not come
 * back are as between the two: call iommu_resume again.
 */
IOMMU_API int iommu_suspend(struct iommu *iommu);
IOMMU_API int iommu_resume(struct iommu *iommu);

/*
 * iommu_shutdown - leave the hardware to a kernel that follows: everything off, on every unit,
 * whatever fails on another. Nothing is freed; the instance is of no use but to be destroyed.
 * Returns 0 or the first error, as iommu_unit_disable. Takes only the locks of the registers: other
 * CPUs must have stopped.
 */
IOMMU_API int iommu_shutdown(struct iommu *iommu);

IOMMU_END_DECLS
#endif
