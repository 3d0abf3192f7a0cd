/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing among back ends at boot, for hosts that run on many machines. A host that knows what it
 * has calls iommu_vtd_probe, or its like, and needs none of this.
 *
 *	iommu_vtd_backend_init(&vtd, dmar, size, NULL);
 *	iommu_register_backend(iommu, &vtd.base);         … and others
 *	iommu_start(iommu, IOMMU_START_REQUIRED);         detect, find units
 *	iommu_bus_event(iommu, IOMMU_BUS_ADDED, &event);  for each device; before is fine, too
 *	iommu_start_late(iommu);                          protection is on
 */
#ifndef LIBIOMMU_BACKEND_H
#define LIBIOMMU_BACKEND_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_backend;

enum iommu_backend_flags {
	/* Where this one is found, those that come after it are not looked for. */
	IOMMU_BACKEND_LAST_IF_DETECTED = 1 << 0,
};

/* The caller's memory, in use until iommu_destroy. All functions are called in the control path. */
struct iommu_backend {
	const char *name;   /* unique */
	const char *after;  /* the name of one that must be looked for before; NULL: none */
	unsigned int flags; /* enum iommu_backend_flags */
	/* Is its hardware there? Must change nothing. */
	bool (*detect)(struct iommu *iommu, struct iommu_backend *backend);
	/*
	 * Find and register units, disabled. Then, NULL: nothing to do, with the devices probed
	 * that are there: start. Each returns 0 or an error, and has then undone what it did. The
	 * errors are those of the back end's own functions: those of VT-d as iommu_vtd_probe and
	 * iommu_vtd_enable.
	 */
	int (*early_init)(struct iommu *iommu, struct iommu_backend *backend);
	int (*late_init)(struct iommu *iommu, struct iommu_backend *backend);
	/* The library's. */
	struct iommu_list_node link;
	bool is_detected;
	bool is_placed;
};

/*
 * iommu_register_backend - before iommu_start. Returns 0, IOMMU_EINVAL (no name or a required
 * function missing), IOMMU_EEXIST (the name), or IOMMU_EBUSY (started).
 */
IOMMU_API int iommu_register_backend(struct iommu *iommu, struct iommu_backend *backend);

/*
 * What the host, or its command line, wants. Without any of them the machine is protected, or there
 * is an error.
 */
enum iommu_start_flags {
	IOMMU_START_OFF = 1 << 0, /* look for nothing */
	IOMMU_START_REQUIRED =
		1 << 1, /* a machine that has nothing to protect it is an error, too */
	IOMMU_START_PASS_THROUGH = 1 << 2, /* trusted devices reach all memory by default */
	IOMMU_START_STRICT =
		1 << 3, /* nothing is invalidated later than it is unmapped: the default */
	IOMMU_START_LAZY = 1 << 4,       /* what is unmapped may be reached a moment longer */
	IOMMU_START_PERMISSIVE = 1 << 5, /* what fails is logged, and its devices go unprotected */
};

/*
 * iommu_start - look for back ends in order, let those that are there find their units, and probe
 * the devices that were added already.
 *
 * @flags: the default type of domains becomes IOMMU_DOMAIN_DMA; with IOMMU_START_LAZY
 *         IOMMU_DOMAIN_DMA_LAZY, with IOMMU_START_PASS_THROUGH IOMMU_DOMAIN_IDENTITY.
 *
 * Once; again after an error. One whose early_init fails is logged and left out. A machine without
 * any hardware for it is no failure, unless protection is required. Returns 0, or
 *   IOMMU_EINVAL  unknown flags; required at once with off or permissive; more than one of
 *                 pass-through, strict and lazy; the order of back ends is a circle: its members
 *                 are logged
 *   IOMMU_EBUSY   started already
 *   IOMMU_ENODEV  required, and there is no unit
 *   otherwise the error of the first back end that failed, as iommu_vtd_probe, or its own, with the
 *   others started as far as they are: the host must not go on as if its devices were kept apart.
 *   Not with IOMMU_START_PERMISSIVE.
 */
IOMMU_API int iommu_start(struct iommu *iommu, unsigned int flags);

/*
 * iommu_start_late - turn protection on: late_init of all that iommu_start has found.
 *
 * Returns 0; the error of the first that failed, as iommu_vtd_enable, or its own, which is only
 * logged with IOMMU_START_PERMISSIVE; where protection is required, IOMMU_ENODEV: no unit is
 * enabled; or IOMMU_EINVAL: not started. May be called again.
 */
IOMMU_API int iommu_start_late(struct iommu *iommu);

/* --- Devices that come and go ----------------------------------------------------------------- */

enum iommu_bus_event_type {
	IOMMU_BUS_ADDED = 0, /* a device is there: `info` */
	IOMMU_BUS_REMOVED,   /* … is gone, or about to go */
	IOMMU_BUS_BINDING,   /* a driver is about to be bound to it: may it? */
	IOMMU_BUS_BOUND,
	IOMMU_BUS_NOT_BOUND, /* it failed */
	IOMMU_BUS_UNBINDING,
	IOMMU_BUS_UNBOUND,
};

struct iommu_bus_event {
	enum iommu_bus_event_type type;
	const struct iommu_endpoint_info *info; /* of IOMMU_BUS_ADDED */
	uint16_t segment, source_id;            /* of the others */
};

#if defined(__cplusplus) && defined(__GNUC__)
/* Function and structure have one name, which C++ knows apart, and -Wshadow tells of. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
/*
 * iommu_bus_event - the one thing that a host's bus code has to call.
 *
 * ADDED probes the endpoint. If there is no unit for it it is remembered, and probed when units
 * come (iommu_start, iommu_start_late, iommu_probe_waiting). REMOVED releases it, and first
 * detaches what is attached to its group if it was the last of it. BINDING takes the default domain
 * into use, UNBOUND and NOT_BOUND let it go. All but ADDED and REMOVED are told to the group's
 * listeners, which those two do by themselves.
 *
 * Returns 0, also for devices that nothing translates for, or
 *   IOMMU_EBUSY         BINDING: the group is claimed, or has a domain attached; REMOVED: see
 *                       iommu_release_endpoint
 *   IOMMU_EPROBE_DEFER  BINDING: the device waits for a unit that firmware says is there; ADDED: it
 *                       was remembered for that reason
 *   IOMMU_EINVAL        the type
 *   IOMMU_ENOMEM        ADDED: to remember it; otherwise as iommu_probe_endpoint, and for BINDING
 *                       as iommu_use_default_domain
 */
IOMMU_API int iommu_bus_event(struct iommu *iommu, const struct iommu_bus_event *event);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/*
 * iommu_probe_waiting - when units were added: devices that had none are tried again.
 * iommu_waiting - how many still wait.
 */
IOMMU_API void iommu_probe_waiting(struct iommu *iommu);
IOMMU_API unsigned int iommu_waiting(struct iommu *iommu);

IOMMU_END_DECLS
#endif
