/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instances, units and back ends. An instance holds the IOMMUs of one machine for one host.
 * Instances are independent of each other, and the library has no other state.
 */
#ifndef LIBIOMMU_INSTANCE_H
#define LIBIOMMU_INSTANCE_H

#include <libiommu/endpoint.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_endpoint_info;
struct iommu;
struct iommu_unit;

/*
 * iommu_create - create an instance without units.
 *
 * @platform: the host's services; used until iommu_destroy.
 *
 * The probe function of a back end (iommu_vtd_probe) then finds the units. Returns 0, IOMMU_EINVAL
 * (see iommu_platform_check: the platform's own log has the reason, at IOMMU_LOG_REFUSAL, because
 * there is no instance that iommu_reason could ask) or IOMMU_ENOMEM. Context: may sleep.
 */
IOMMU_API int iommu_create(const struct iommu_platform *platform, struct iommu **iommu);

/*
 * iommu_destroy - remove all units and free the instance. Enabled units are disabled first: devices
 * then reach all memory, or none behind units that block while they are off (RISC-V, SMMUv3), and
 * their interrupts are not remapped. Nothing of the library's is used by hardware afterwards; an
 * SMMUv3 goes on aborting transactions (GBPA.ABORT) until its reset or another driver.
 *
 * NULL: nothing to do. Returns 0; IOMMU_EBUSY: endpoints, domains, or groups that are claimed or
 * held exist; or IOMMU_ETIMEDOUT / IOMMU_EIO: a unit did not confirm that translation, interrupt
 * remapping and its queue are off; the instance remains, because hardware may still read its
 * memory. Other units may be off by then: the host enables them again, or repeats the call.
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_destroy(struct iommu *iommu);

/*
 * iommu_reason - why the last refused call returned its error, in words, such as "0000:00:04.0: it
 * is untrusted, and the domain lets it reach more than it is given": the text of the line that was
 * logged at IOMMU_LOG_REFUSAL, without the call and the code. Never NULL; empty before the first
 * refusal. Valid until the next call that is refused. When several threads call, the line in the
 * log is the one that belongs to its call.
 *
 * Covered are calls of the control path of the instance, of IOMMU files and their objects
 * (<libiommu/ioas.h>), of containers, device files and group files (<libiommu/vfio.h>), and of
 * interrupts (<libiommu/vtd_interrupt.h>). A call that succeeds leaves the text unchanged; so do
 * map and unmap, the DMA API of drivers, and lookups, whose code, with its cause in the function's
 * comment, is all the information. Objects that are created with a platform and without an instance
 * (page tables, IOVA spaces, flush queues, TCE tables, models) log errors of their configuration in
 * the same form; parsers without a platform return the text (iommu_dmar.refusal,
 * iommu_dmar_builder.refusal).
 */
IOMMU_API const char *iommu_reason(const struct iommu *iommu);

/*
 * iommu_next_unit - iterate over the units: NULL returns the first; after the last, NULL. Context:
 * not while the control path changes what it reads; takes no lock, never sleeps.
 */
IOMMU_API struct iommu_unit *iommu_next_unit(struct iommu *iommu, struct iommu_unit *unit);

/*
 * iommu_unit_name - the name of a unit, such as "dmar0". iommu_unit_backend - name of the back end,
 * such as "vtd". Both are valid as long as the unit exists. For its endpoints see
 * iommu_unit_next_endpoint. Context: any, as long as the unit exists; takes no lock.
 */
IOMMU_API const char *iommu_unit_name(const struct iommu_unit *unit);
IOMMU_API const char *iommu_unit_backend(const struct iommu_unit *unit);

/*
 * iommu_find_unit - find a unit by its name; NULL: there is none. Context: not while the control
 * path changes what it reads; takes no lock, never sleeps.
 */
IOMMU_API struct iommu_unit *iommu_find_unit(struct iommu *iommu, const char *name);

/*
 * iommu_unit_is_enabled - whether the unit translates with the tables of this library. If the
 * hardware has a status register, its value counts; while a change of it has not taken effect, the
 * unit counts as translating. False while the unit is suspended, and after an
 * operation that failed half way on hardware without such a register. Any context.
 */
IOMMU_API bool iommu_unit_is_enabled(const struct iommu_unit *unit);

/*
 * iommu_translating - the number of enabled units (iommu_unit_is_enabled). 0 after an enable that
 * returned 0 means that there was nothing to enable, and that no device's DMA is restricted.
 * Control path.
 */
IOMMU_API unsigned int iommu_translating(struct iommu *iommu);

/*
 * iommu_unit_get_hardware_info - what user space needs to know of a unit to build tables for it.
 * `type` determines the meaning of the rest. Returns 0 or IOMMU_EOPNOTSUPP. Any context.
 */
enum iommu_hardware_type {
	IOMMU_HARDWARE_NONE = 0,
	IOMMU_HARDWARE_VTD,   /* words: the capability and extended capability registers */
	IOMMU_HARDWARE_RISCV, /* words: the capabilities register */
	IOMMU_HARDWARE_SMMU,  /* words: IDR1 << 32 | IDR0, IDR5 << 32 | IDR3, AIDR << 32 | IIDR */
};
enum iommu_hardware_flags {
	/*
	 * VT-d: a domain with nest_parent has no mappings for reading only, because hardware may
	 * write to them (erratum SPR17 of document 772415, Sapphire Rapids).
	 */
	IOMMU_HARDWARE_WRITABLE_PARENTS = 1 << 0,
};
struct iommu_hardware_info {
	enum iommu_hardware_type type;
	unsigned int flags; /* enum iommu_hardware_flags */
	uint64_t words[4];
};
IOMMU_API int iommu_unit_get_hardware_info(const struct iommu_unit *unit,
					   struct iommu_hardware_info *info);

/*
 * iommu_unit_check - ask the hardware itself, rather than the tables, how it translates an access
 * of an endpoint: with what it has cached, as if the device had made it. For tests and for finding
 * out what is wrong; it may fill caches, and mark the page as accessed.
 *
 * @pasid: 0: a request without a PASID. @prot: IOMMU_PROT_READ, IOMMU_PROT_WRITE or both.
 * @paddr: receives the physical address; unchanged on failure.
 *
 * Returns 0, or
 *   IOMMU_EFAULT      the access is blocked; it may have been reported as a fault of the device
 *   IOMMU_EINVAL      another prot
 *   IOMMU_ENODEV      the endpoint was released
 *   IOMMU_EOPNOTSUPP  the hardware cannot be asked
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     it did not answer
 * Control path.
 */
IOMMU_API int iommu_unit_check(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
			       unsigned int prot, iommu_paddr_t *paddr);

/*
 * iommu_unit_enable - start translation: DMA of every endpoint behind the unit goes through the
 * domain attached to it; without one it is blocked.
 *
 * All translation caches of the unit are invalidated first. For an enabled unit, the call makes
 * hardware confirm earlier operations that it has not confirmed, such as a detach that timed out.
 * After an enable, disable, suspend or resume that failed half way, all steps are run again. A
 * suspended unit is resumed. A unit that translated before the call translates throughout. An
 * enabled unit that has lost its registers, because it was reset by others, is IOMMU_EIO: its
 * devices are no longer kept apart; iommu_unit_disable, and then this call, start it anew.
 *
 * Returns 0: the unit translates, and every earlier operation is confirmed. Otherwise the failed
 * step is logged, and a unit that was off is off again, as far as it responds:
 *   IOMMU_ETIMEDOUT   hardware did not confirm a command in time
 *   IOMMU_EIO         hardware, firmware or a hypervisor reported an error
 *   IOMMU_EPERM       the unit is bypassed
 *   IOMMU_EOPNOTSUPP  the unit only remaps interrupts, or lacks what its back end needs
 *   IOMMU_ENOSPC      no domain id is free for a group with direct regions
 *   IOMMU_ENOMEM
 *   otherwise  a hypervisor that keeps the tables refuses a mapping, as iommu_map
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_unit_enable(struct iommu_unit *unit);

/*
 * iommu_unit_disable - stop translation. Devices reach all memory behind a VT-d unit that is off,
 * and nothing behind a RISC-V unit, an SMMUv3 or a unit of POWER. Exceptions: a VT-d unit that must
 * not be turned off (IOMMU_VTD_QUIRK_KEEP_TRANSLATING) blocks, too, and an SMMUv3 that was added
 * with IOMMU_SMMU_PASSES_WHILE_OFF lets everything pass.
 *
 * Domains remain attached, and take effect again with the next enable. A unit that is off is told
 * again: others may have reset it. Returns 0, also if the unit was off; or IOMMU_ETIMEDOUT or
 * IOMMU_EIO: a step was not confirmed. iommu_unit_is_enabled then tells whether the unit
 * translates; enable and disable may be called again, and run all of their steps. Context: control
 * path; may sleep.
 */
IOMMU_API int iommu_unit_disable(struct iommu_unit *unit);

/*
 * iommu_suspend - save and stop all units, before a power state in which units lose their
 * registers. iommu_resume - restore the units after such a power state.
 *
 * Suspend stops all units, in order. Devices must be quiescent, because nothing is translated
 * afterwards. Resume restores translation, interrupt remapping, fault interrupts and domains as
 * they were, with all caches invalidated. Units that are not suspended are left alone: only
 * iommu_unit_enable has them confirm what is open. Both try every unit, even if another one fails.
 *
 * In between, iommu_unit_is_enabled is false. Domains may be mapped, unmapped, attached and
 * detached; the changes take effect with the resume. iommu_unit_enable and iommu_vtd_enable resume
 * the units that they are called for.
 *
 * Returns 0, or the error of the first unit that failed, which is logged: errors as
 * iommu_unit_disable and iommu_unit_enable. After a failed suspend all units, including the failed
 * one, are resumed as far as they respond. After a failed resume the failed units are still
 * suspended: call iommu_resume again. Context: control path; may sleep.
 */
IOMMU_API int iommu_suspend(struct iommu *iommu);
IOMMU_API int iommu_resume(struct iommu *iommu);

/*
 * iommu_shutdown - turn everything off, for a kernel that takes over the machine: devices reach all
 * memory afterwards, with the exceptions of iommu_unit_disable. Every unit is tried, even if
 * another one fails. Nothing is freed, and nothing need be: no other call may follow, except
 * iommu_destroy if endpoints and domains were released before. Returns 0 or the first error, as
 * iommu_unit_disable. Takes only the locks of the registers: other CPUs must have stopped. Context:
 * any, with all other CPUs stopped; never sleeps.
 */
IOMMU_API int iommu_shutdown(struct iommu *iommu);

/* --- Back ends at boot ------------------------------------------------------------------------ */

/*
 * Selection of back ends at boot, for hosts that run on different machines. A host that knows its
 * hardware calls iommu_vtd_probe, or the equivalent, and needs none of this.
 *
 *	iommu_vtd_backend_init(&vtd, dmar, size, NULL);
 *	iommu_register_backend(iommu, &vtd.base);                for each back end
 *	iommu_start(iommu, IOMMU_START_REQUIRED);                detect hardware, find units
 *	iommu_report_bus_event(iommu, &event);                   for each device, at any time
 *	iommu_start_late(iommu);                                 protection is on
 */

enum iommu_backend_flags {
	/* If this back end is detected, later ones are not looked for. */
	IOMMU_BACKEND_LAST_IF_DETECTED = 1 << 0,
};

/*
 * A back end: memory of the caller, used until iommu_destroy. All functions are called in the
 * control path.
 */
struct iommu_backend {
	const char *name;   /* unique */
	const char *after;  /* name of a back end that is looked for first; NULL: none */
	unsigned int flags; /* enum iommu_backend_flags */
	/* Whether its hardware is present. Must not change anything. */
	bool (*detect)(struct iommu *iommu, struct iommu_backend *backend);
	/*
	 * early_init finds and registers units, disabled. late_init enables them, after the devices
	 * that are present were probed; NULL: nothing to do. Both return 0, or an error after
	 * undoing their steps: an error of the back end's own functions, such as iommu_vtd_probe
	 * and iommu_vtd_enable.
	 */
	int (*early_init)(struct iommu *iommu, struct iommu_backend *backend);
	int (*late_init)(struct iommu *iommu, struct iommu_backend *backend);
	/* Private to the library. */
	struct iommu_list_node link;
	bool is_detected;
	bool is_placed;
};

/*
 * iommu_register_backend - register a back end, before iommu_start. Returns 0, IOMMU_EINVAL (no
 * name, or a required function is missing), IOMMU_EEXIST (the name), or IOMMU_EBUSY (iommu_start
 * was called). Context: control path; may sleep.
 */
IOMMU_API int iommu_register_backend(struct iommu *iommu, struct iommu_backend *backend);

/*
 * Policy of the host, or of its command line. Without flags the machine is protected, or an error
 * is returned.
 */
enum iommu_start_flags {
	IOMMU_START_OFF = 1 << 0,          /* do not look for hardware */
	IOMMU_START_REQUIRED = 1 << 1,     /* the absence of hardware is an error, too */
	IOMMU_START_PASS_THROUGH = 1 << 2, /* trusted devices reach all memory by default */
	IOMMU_START_STRICT = 1 << 3,       /* every unmap is invalidated at once: the default */
	IOMMU_START_LAZY = 1 << 4,         /* invalidation of unmapped memory may be deferred */
	/* Failures are logged, and the devices concerned are unprotected. */
	IOMMU_START_PERMISSIVE = 1 << 5,
	/*
	 * Groups that are to reach nothing reach a page of zeros (iommu_set_quarantine). Unknown in
	 * a library without IOMMU_CONFIG_QUARANTINE.
	 */
	IOMMU_START_QUARANTINE = 1 << 6,
};

/*
 * iommu_start - detect back ends in order, have them find their units, and probe the devices that
 * were already reported.
 *
 * @flags: enum iommu_start_flags. The default domain type becomes IOMMU_DOMAIN_DMA; with
 *         IOMMU_START_LAZY IOMMU_DOMAIN_DMA_LAZY, with IOMMU_START_PASS_THROUGH
 *         IOMMU_DOMAIN_IDENTITY.
 *
 * To be called once, and again after an error. A back end whose early_init fails is logged and left
 * out. That a machine has no hardware is no error, unless protection is required. Returns 0, or
 *   IOMMU_EINVAL  unknown flags; IOMMU_START_REQUIRED with IOMMU_START_OFF or
 *                 IOMMU_START_PERMISSIVE; more than one of pass-through, strict and lazy; the order
 *                 of back ends is circular: the members of the circle are logged
 *   IOMMU_EBUSY   already started
 *   IOMMU_ENODEV  protection is required, and there is no unit
 *   otherwise     the error of the first back end that failed, as iommu_vtd_probe, or its own; the
 *                 others are started as far as they got. The host must not continue as if its
 *                 devices were isolated. Not returned with IOMMU_START_PERMISSIVE
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_start(struct iommu *iommu, unsigned int flags);

/*
 * iommu_start_late - enable protection: late_init of all detected back ends.
 *
 * Returns 0; the error of the first back end that failed, as iommu_vtd_enable, or its own, which is
 * only logged with IOMMU_START_PERMISSIVE; IOMMU_ENODEV: protection is required, and no unit is
 * enabled; or IOMMU_EINVAL: not started. May be called again. Context: control path; may sleep.
 */
IOMMU_API int iommu_start_late(struct iommu *iommu);

/* --- Devices that come and go ----------------------------------------------------------------- */

enum iommu_bus_event_type {
	IOMMU_BUS_ADDED = 0, /* a device has appeared: `info` */
	IOMMU_BUS_REMOVED,   /* it has disappeared, or is about to */
	IOMMU_BUS_BINDING,   /* a driver is about to be bound; an error forbids it */
	IOMMU_BUS_BOUND,
	IOMMU_BUS_NOT_BOUND, /* binding the driver failed */
	IOMMU_BUS_UNBINDING,
	IOMMU_BUS_UNBOUND,
};

struct iommu_bus_event {
	enum iommu_bus_event_type type;
	const struct iommu_endpoint_info *info; /* with IOMMU_BUS_ADDED */
	uint16_t segment, source_id;            /* with the other types */
};

/*
 * iommu_report_bus_event - the only function that the bus code of a host has to call.
 *
 * ADDED probes the endpoint. If no unit is responsible for it, it is remembered, and probed when
 * units are added (iommu_start, iommu_start_late, iommu_probe_waiting). REMOVED releases it; if it
 * is the last member of its group, the group is detached first. BINDING takes the default domain
 * into use, UNBOUND and NOT_BOUND release it. Listeners of the group are notified of every event;
 * for ADDED and REMOVED by the probe and the release.
 *
 * Returns 0, also for devices without a unit, or
 *   IOMMU_EBUSY         BINDING: the group is claimed, or has a domain attached; REMOVED: see
 *                       iommu_release_endpoint
 *   IOMMU_EPROBE_DEFER  BINDING: the device waits for a unit that firmware describes; ADDED: it was
 *                       remembered for that reason
 *   IOMMU_EINVAL        the type
 *   IOMMU_ENOMEM        ADDED: no memory to remember it; otherwise as iommu_probe_endpoint, and for
 *                       BINDING as iommu_use_default_domain
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_report_bus_event(struct iommu *iommu, const struct iommu_bus_event *event);

/*
 * iommu_probe_waiting - probe devices that wait for a unit again, after units were added.
 * iommu_waiting - the number of devices that still wait. Context: control path; may sleep.
 */
IOMMU_API void iommu_probe_waiting(struct iommu *iommu);
IOMMU_API unsigned int iommu_waiting(struct iommu *iommu);

IOMMU_END_DECLS
#endif
