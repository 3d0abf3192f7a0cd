# SPDX-License-Identifier: BSD-2-Clause
# Written by scripts/sources --store from the table of roles in docs/porting.md.
# Absolute, for any project that includes this file.
get_filename_component(libiommu_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

set(libiommu_in_base
    ${libiommu_root}/src/base/bitmap.c
    ${libiommu_root}/src/base/log.c
    ${libiommu_root}/src/base/object_cache.c
    ${libiommu_root}/src/base/page_reserve.c
    ${libiommu_root}/src/base/per_cpu.c
    ${libiommu_root}/src/base/platform.c
    ${libiommu_root}/src/base/sparse.c
    ${libiommu_root}/src/base/status.c
    ${libiommu_root}/src/base/text.c
    ${libiommu_root}/src/base/trace.c)

set(libiommu_in_discovery
    ${libiommu_root}/src/discovery/acpi.c
    ${libiommu_root}/src/discovery/device_tree.c
    ${libiommu_root}/src/discovery/iort.c
    ${libiommu_root}/src/discovery/iort_route.c
    ${libiommu_root}/src/discovery/ivrs.c
    ${libiommu_root}/src/discovery/ivrs_check.c
    ${libiommu_root}/src/discovery/ivrs_route.c
    ${libiommu_root}/src/discovery/mcfg.c
    ${libiommu_root}/src/discovery/pci_scan.c
    ${libiommu_root}/src/discovery/rimt.c)

set(libiommu_in_dma
    ${libiommu_root}/src/dma/area.c
    ${libiommu_root}/src/dma/bounce.c
    ${libiommu_root}/src/dma/debug.c
    ${libiommu_root}/src/dma/direct.c
    ${libiommu_root}/src/dma/dma.c
    ${libiommu_root}/src/dma/flush_queue.c
    ${libiommu_root}/src/dma/peer.c
    ${libiommu_root}/src/dma/scatter.c
    ${libiommu_root}/src/dma/window.c
    ${libiommu_root}/src/dma/withheld.c)

set(libiommu_in_driver
    ${libiommu_root}/src/driver/attach.c
    ${libiommu_root}/src/driver/bring_up.c
    ${libiommu_root}/src/driver/contexts.c
    ${libiommu_root}/src/driver/device_tlb.c
    ${libiommu_root}/src/driver/domain.c
    ${libiommu_root}/src/driver/endpoint.c
    ${libiommu_root}/src/driver/fault.c
    ${libiommu_root}/src/driver/invalidation.c
    ${libiommu_root}/src/driver/page_request.c
    ${libiommu_root}/src/driver/shared.c
    ${libiommu_root}/src/driver/unit.c
    ${libiommu_root}/src/driver/user_invalidation.c)

set(libiommu_in_group
    ${libiommu_root}/src/group/admission.c
    ${libiommu_root}/src/group/alias.c
    ${libiommu_root}/src/group/attach.c
    ${libiommu_root}/src/group/backend.c
    ${libiommu_root}/src/group/bus.c
    ${libiommu_root}/src/group/check.c
    ${libiommu_root}/src/group/control.c
    ${libiommu_root}/src/group/counters.c
    ${libiommu_root}/src/group/default_domain.c
    ${libiommu_root}/src/group/domain.c
    ${libiommu_root}/src/group/eeh.c
    ${libiommu_root}/src/group/endpoint.c
    ${libiommu_root}/src/group/fault.c
    ${libiommu_root}/src/group/feature.c
    ${libiommu_root}/src/group/group.c
    ${libiommu_root}/src/group/instance.c
    ${libiommu_root}/src/group/lookup.c
    ${libiommu_root}/src/group/map.c
    ${libiommu_root}/src/group/member.c
    ${libiommu_root}/src/group/ownership.c
    ${libiommu_root}/src/group/page_request.c
    ${libiommu_root}/src/group/pasid.c
    ${libiommu_root}/src/group/pasid_space.c
    ${libiommu_root}/src/group/pci.c
    ${libiommu_root}/src/group/pci_route.c
    ${libiommu_root}/src/group/policy.c
    ${libiommu_root}/src/group/quarantine.c
    ${libiommu_root}/src/group/region.c
    ${libiommu_root}/src/group/reset.c
    ${libiommu_root}/src/group/topology.c
    ${libiommu_root}/src/group/trace.c
    ${libiommu_root}/src/group/window.c)

set(libiommu_in_ioas
    ${libiommu_root}/src/ioas/access.c
    ${libiommu_root}/src/ioas/account.c
    ${libiommu_root}/src/ioas/area.c
    ${libiommu_root}/src/ioas/attach.c
    ${libiommu_root}/src/ioas/backing.c
    ${libiommu_root}/src/ioas/batch.c
    ${libiommu_root}/src/ioas/container.c
    ${libiommu_root}/src/ioas/device.c
    ${libiommu_root}/src/ioas/device_file.c
    ${libiommu_root}/src/ioas/event_queue.c
    ${libiommu_root}/src/ioas/fault_queue.c
    ${libiommu_root}/src/ioas/file.c
    ${libiommu_root}/src/ioas/gate.c
    ${libiommu_root}/src/ioas/hwpt.c
    ${libiommu_root}/src/ioas/no_iommu.c
    ${libiommu_root}/src/ioas/object.c
    ${libiommu_root}/src/ioas/reserved.c
    ${libiommu_root}/src/ioas/revoke.c
    ${libiommu_root}/src/ioas/space.c
    ${libiommu_root}/src/ioas/spapr.c
    ${libiommu_root}/src/ioas/spapr_calls.c
    ${libiommu_root}/src/ioas/spapr_entry.c
    ${libiommu_root}/src/ioas/spapr_guest.c
    ${libiommu_root}/src/ioas/spapr_hypercall.c
    ${libiommu_root}/src/ioas/spapr_memory.c
    ${libiommu_root}/src/ioas/spapr_put.c
    ${libiommu_root}/src/ioas/spapr_window.c
    ${libiommu_root}/src/ioas/tree.c
    ${libiommu_root}/src/ioas/trim.c
    ${libiommu_root}/src/ioas/unmap.c
    ${libiommu_root}/src/ioas/vaddr.c
    ${libiommu_root}/src/ioas/virtual_unit.c)

set(libiommu_in_iova
    ${libiommu_root}/src/iova/cache.c
    ${libiommu_root}/src/iova/search.c
    ${libiommu_root}/src/iova/space.c)

set(libiommu_in_model
    ${libiommu_root}/src/model/cache.c
    ${libiommu_root}/src/model/cache_memory.c
    ${libiommu_root}/src/model/cache_order.c
    ${libiommu_root}/src/model/cache_table.c
    ${libiommu_root}/src/model/dmar_builder.c
    ${libiommu_root}/src/model/iort_builder.c
    ${libiommu_root}/src/model/ivrs_builder.c
    ${libiommu_root}/src/model/walk.c)

set(libiommu_in_model_amdvi
    ${libiommu_root}/src/model/amdvi/access.c
    ${libiommu_root}/src/model/amdvi/command.c
    ${libiommu_root}/src/model/amdvi/config.c
    ${libiommu_root}/src/model/amdvi/control.c
    ${libiommu_root}/src/model/amdvi/device_table.c
    ${libiommu_root}/src/model/amdvi/entry.c
    ${libiommu_root}/src/model/amdvi/firmware.c
    ${libiommu_root}/src/model/amdvi/gcr3.c
    ${libiommu_root}/src/model/amdvi/guest_table.c
    ${libiommu_root}/src/model/amdvi/host_table.c
    ${libiommu_root}/src/model/amdvi/interrupt.c
    ${libiommu_root}/src/model/amdvi/invalidate.c
    ${libiommu_root}/src/model/amdvi/legal.c
    ${libiommu_root}/src/model/amdvi/model.c
    ${libiommu_root}/src/model/amdvi/page_request.c
    ${libiommu_root}/src/model/amdvi/registers.c
    ${libiommu_root}/src/model/amdvi/remap.c
    ${libiommu_root}/src/model/amdvi/ring.c
    ${libiommu_root}/src/model/amdvi/state.c
    ${libiommu_root}/src/model/amdvi/translate.c
    ${libiommu_root}/src/model/amdvi/walk.c
    ${libiommu_root}/src/model/amdvi/work.c)

set(libiommu_in_model_power
    ${libiommu_root}/src/model/power/papr.c
    ${libiommu_root}/src/model/power/papr_ddw.c
    ${libiommu_root}/src/model/power/papr_eeh.c
    ${libiommu_root}/src/model/power/papr_memory.c
    ${libiommu_root}/src/model/power/phb.c
    ${libiommu_root}/src/model/power/phb_firmware.c
    ${libiommu_root}/src/model/power/phb_freeze.c
    ${libiommu_root}/src/model/power/phb_invalidate.c
    ${libiommu_root}/src/model/power/phb_translate.c)

set(libiommu_in_model_riscv
    ${libiommu_root}/src/model/riscv/access.c
    ${libiommu_root}/src/model/riscv/command.c
    ${libiommu_root}/src/model/riscv/config.c
    ${libiommu_root}/src/model/riscv/control.c
    ${libiommu_root}/src/model/riscv/counters.c
    ${libiommu_root}/src/model/riscv/debug.c
    ${libiommu_root}/src/model/riscv/directory.c
    ${libiommu_root}/src/model/riscv/entry.c
    ${libiommu_root}/src/model/riscv/fault.c
    ${libiommu_root}/src/model/riscv/first_stage.c
    ${libiommu_root}/src/model/riscv/interrupt.c
    ${libiommu_root}/src/model/riscv/invalidate.c
    ${libiommu_root}/src/model/riscv/message.c
    ${libiommu_root}/src/model/riscv/model.c
    ${libiommu_root}/src/model/riscv/page_entry.c
    ${libiommu_root}/src/model/riscv/page_request.c
    ${libiommu_root}/src/model/riscv/process.c
    ${libiommu_root}/src/model/riscv/registers.c
    ${libiommu_root}/src/model/riscv/ring.c
    ${libiommu_root}/src/model/riscv/second_stage.c
    ${libiommu_root}/src/model/riscv/state.c
    ${libiommu_root}/src/model/riscv/translate.c
    ${libiommu_root}/src/model/riscv/walk.c
    ${libiommu_root}/src/model/riscv/work.c)

set(libiommu_in_model_smmu
    ${libiommu_root}/src/model/smmu/access.c
    ${libiommu_root}/src/model/smmu/command.c
    ${libiommu_root}/src/model/smmu/config.c
    ${libiommu_root}/src/model/smmu/context.c
    ${libiommu_root}/src/model/smmu/control.c
    ${libiommu_root}/src/model/smmu/descriptor.c
    ${libiommu_root}/src/model/smmu/entry.c
    ${libiommu_root}/src/model/smmu/interrupt.c
    ${libiommu_root}/src/model/smmu/invalidate.c
    ${libiommu_root}/src/model/smmu/model.c
    ${libiommu_root}/src/model/smmu/page_request.c
    ${libiommu_root}/src/model/smmu/registers.c
    ${libiommu_root}/src/model/smmu/ring.c
    ${libiommu_root}/src/model/smmu/stage_1.c
    ${libiommu_root}/src/model/smmu/stage_2.c
    ${libiommu_root}/src/model/smmu/stall.c
    ${libiommu_root}/src/model/smmu/state.c
    ${libiommu_root}/src/model/smmu/stream.c
    ${libiommu_root}/src/model/smmu/translate.c
    ${libiommu_root}/src/model/smmu/walk.c
    ${libiommu_root}/src/model/smmu/work.c)

set(libiommu_in_model_vtd
    ${libiommu_root}/src/model/vtd/access.c
    ${libiommu_root}/src/model/vtd/context.c
    ${libiommu_root}/src/model/vtd/counters.c
    ${libiommu_root}/src/model/vtd/entry.c
    ${libiommu_root}/src/model/vtd/fault.c
    ${libiommu_root}/src/model/vtd/first_stage.c
    ${libiommu_root}/src/model/vtd/interrupt.c
    ${libiommu_root}/src/model/vtd/model.c
    ${libiommu_root}/src/model/vtd/page_request.c
    ${libiommu_root}/src/model/vtd/queue.c
    ${libiommu_root}/src/model/vtd/registers.c
    ${libiommu_root}/src/model/vtd/second_stage.c
    ${libiommu_root}/src/model/vtd/state.c
    ${libiommu_root}/src/model/vtd/translate.c
    ${libiommu_root}/src/model/vtd/walk.c
    ${libiommu_root}/src/model/vtd/work.c)

set(libiommu_in_pgtable
    ${libiommu_root}/src/pgtable/amdv1.c
    ${libiommu_root}/src/pgtable/page.c
    ${libiommu_root}/src/pgtable/pgsize.c
    ${libiommu_root}/src/pgtable/riscvfs.c
    ${libiommu_root}/src/pgtable/riscvss.c
    ${libiommu_root}/src/pgtable/tce.c
    ${libiommu_root}/src/pgtable/tce_entry.c
    ${libiommu_root}/src/pgtable/vmsa_registers.c
    ${libiommu_root}/src/pgtable/vmsas1.c
    ${libiommu_root}/src/pgtable/vmsas2.c
    ${libiommu_root}/src/pgtable/vtdss.c
    ${libiommu_root}/src/pgtable/x86_64.c)

set(libiommu_in_riscv
    ${libiommu_root}/src/riscv/attach.c
    ${libiommu_root}/src/riscv/check.c
    ${libiommu_root}/src/riscv/context.c
    ${libiommu_root}/src/riscv/counters.c
    ${libiommu_root}/src/riscv/counters_run.c
    ${libiommu_root}/src/riscv/directory.c
    ${libiommu_root}/src/riscv/domain.c
    ${libiommu_root}/src/riscv/domain_life.c
    ${libiommu_root}/src/riscv/driver.c
    ${libiommu_root}/src/riscv/endpoint.c
    ${libiommu_root}/src/riscv/fault.c
    ${libiommu_root}/src/riscv/interrupt.c
    ${libiommu_root}/src/riscv/invalidation.c
    ${libiommu_root}/src/riscv/message.c
    ${libiommu_root}/src/riscv/name.c
    ${libiommu_root}/src/riscv/page_request.c
    ${libiommu_root}/src/riscv/process.c
    ${libiommu_root}/src/riscv/queue.c
    ${libiommu_root}/src/riscv/register.c
    ${libiommu_root}/src/riscv/setup.c
    ${libiommu_root}/src/riscv/unit.c
    ${libiommu_root}/src/riscv/user_invalidation.c)

set(libiommu_in_shadow
    ${libiommu_root}/src/shadow/dirty.c
    ${libiommu_root}/src/shadow/guest.c
    ${libiommu_root}/src/shadow/life.c
    ${libiommu_root}/src/shadow/shadow.c)

set(libiommu_in_smmu
    ${libiommu_root}/src/smmu/attach.c
    ${libiommu_root}/src/smmu/context.c
    ${libiommu_root}/src/smmu/domain.c
    ${libiommu_root}/src/smmu/domain_life.c
    ${libiommu_root}/src/smmu/driver.c
    ${libiommu_root}/src/smmu/endpoint.c
    ${libiommu_root}/src/smmu/event.c
    ${libiommu_root}/src/smmu/interrupt.c
    ${libiommu_root}/src/smmu/invalidation.c
    ${libiommu_root}/src/smmu/log.c
    ${libiommu_root}/src/smmu/name.c
    ${libiommu_root}/src/smmu/page_request.c
    ${libiommu_root}/src/smmu/queue.c
    ${libiommu_root}/src/smmu/region.c
    ${libiommu_root}/src/smmu/register.c
    ${libiommu_root}/src/smmu/setup.c
    ${libiommu_root}/src/smmu/stream.c
    ${libiommu_root}/src/smmu/stream_entry.c
    ${libiommu_root}/src/smmu/stream_table.c
    ${libiommu_root}/src/smmu/unit.c
    ${libiommu_root}/src/smmu/user_invalidation.c)

set(libiommu_in_tce
    ${libiommu_root}/src/tce/answer.c
    ${libiommu_root}/src/tce/kill_register.c
    ${libiommu_root}/src/tce/memory.c
    ${libiommu_root}/src/tce/opal.c
    ${libiommu_root}/src/tce/opal_domain.c
    ${libiommu_root}/src/tce/opal_eeh.c
    ${libiommu_root}/src/tce/opal_firmware.c
    ${libiommu_root}/src/tce/opal_forget.c
    ${libiommu_root}/src/tce/opal_link.c
    ${libiommu_root}/src/tce/opal_pe.c
    ${libiommu_root}/src/tce/opal_user.c
    ${libiommu_root}/src/tce/opal_window.c
    ${libiommu_root}/src/tce/papr.c
    ${libiommu_root}/src/tce/papr_calls.c
    ${libiommu_root}/src/tce/papr_ddw.c
    ${libiommu_root}/src/tce/papr_domain.c
    ${libiommu_root}/src/tce/papr_eeh.c
    ${libiommu_root}/src/tce/papr_follow.c
    ${libiommu_root}/src/tce/papr_left.c
    ${libiommu_root}/src/tce/papr_memory.c
    ${libiommu_root}/src/tce/papr_rtas.c
    ${libiommu_root}/src/tce/papr_unit.c
    ${libiommu_root}/src/tce/pool.c
    ${libiommu_root}/src/tce/set.c
    ${libiommu_root}/src/tce/share.c
    ${libiommu_root}/src/tce/table.c)

set(libiommu_in_unit
    ${libiommu_root}/src/unit/attach.c
    ${libiommu_root}/src/unit/command_ring.c
    ${libiommu_root}/src/unit/confirmation.c
    ${libiommu_root}/src/unit/device_id.c
    ${libiommu_root}/src/unit/domain.c
    ${libiommu_root}/src/unit/event.c
    ${libiommu_root}/src/unit/id.c
    ${libiommu_root}/src/unit/invalidation.c
    ${libiommu_root}/src/unit/range.c)

set(libiommu_in_vtd
    ${libiommu_root}/src/vtd/attach.c
    ${libiommu_root}/src/vtd/cap.c
    ${libiommu_root}/src/vtd/command.c
    ${libiommu_root}/src/vtd/context.c
    ${libiommu_root}/src/vtd/context_change.c
    ${libiommu_root}/src/vtd/control.c
    ${libiommu_root}/src/vtd/counters.c
    ${libiommu_root}/src/vtd/counters_find.c
    ${libiommu_root}/src/vtd/counters_run.c
    ${libiommu_root}/src/vtd/dmar.c
    ${libiommu_root}/src/vtd/domain.c
    ${libiommu_root}/src/vtd/domain_life.c
    ${libiommu_root}/src/vtd/driver.c
    ${libiommu_root}/src/vtd/endpoint.c
    ${libiommu_root}/src/vtd/fault.c
    ${libiommu_root}/src/vtd/inherit.c
    ${libiommu_root}/src/vtd/inherit_interrupts.c
    ${libiommu_root}/src/vtd/inherit_memory.c
    ${libiommu_root}/src/vtd/inherit_scalable.c
    ${libiommu_root}/src/vtd/inherited.c
    ${libiommu_root}/src/vtd/interrupt.c
    ${libiommu_root}/src/vtd/interrupt_table.c
    ${libiommu_root}/src/vtd/invalidation.c
    ${libiommu_root}/src/vtd/page_request.c
    ${libiommu_root}/src/vtd/pasid_change.c
    ${libiommu_root}/src/vtd/pasid_table.c
    ${libiommu_root}/src/vtd/place.c
    ${libiommu_root}/src/vtd/predecessor.c
    ${libiommu_root}/src/vtd/probe.c
    ${libiommu_root}/src/vtd/queue.c
    ${libiommu_root}/src/vtd/quirks.c
    ${libiommu_root}/src/vtd/region.c
    ${libiommu_root}/src/vtd/report.c
    ${libiommu_root}/src/vtd/scope.c
    ${libiommu_root}/src/vtd/share.c
    ${libiommu_root}/src/vtd/translation.c
    ${libiommu_root}/src/vtd/unit.c
    ${libiommu_root}/src/vtd/user_invalidation.c)

# a kernel or hypervisor on VT-d
set(libiommu_vtd_host ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_vtd})

# whose drivers use the DMA mapping API
set(libiommu_dma ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_vtd} ${libiommu_in_dma})

# that finds tables and devices by the helpers
set(libiommu_acpi ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_vtd} ${libiommu_in_discovery})

# a kernel or hypervisor on Arm
set(libiommu_smmu_host ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_driver} ${libiommu_in_smmu})

# a kernel or hypervisor on RISC-V
set(libiommu_riscv_host ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_driver} ${libiommu_in_riscv})

# a kernel or hypervisor on POWER
set(libiommu_power_host ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_tce})

# that wants bus addresses only, and no domains
set(libiommu_tce_table ${libiommu_in_base} ${libiommu_in_pgtable} ${libiommu_root}/src/tce/table.c ${libiommu_root}/src/tce/pool.c ${libiommu_root}/src/tce/memory.c ${libiommu_root}/src/unit/confirmation.c)

# a manager of virtual machines, over VT-d
set(libiommu_vmm ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_vtd} ${libiommu_in_ioas})

# that emulates VT-d for its guests, and shadows their tables
set(libiommu_shadow ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_vtd} ${libiommu_in_ioas} ${libiommu_in_model} ${libiommu_in_model_vtd} ${libiommu_in_shadow})

# a manager of virtual machines, over RISC-V
set(libiommu_riscv_vmm ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_driver} ${libiommu_in_riscv} ${libiommu_in_ioas})

# a manager of virtual machines, over Arm
set(libiommu_smmu_vmm ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_driver} ${libiommu_in_smmu} ${libiommu_in_ioas})

# a manager of virtual machines, on POWER
set(libiommu_spapr ${libiommu_in_base} ${libiommu_in_iova} ${libiommu_in_pgtable} ${libiommu_in_group} ${libiommu_in_unit} ${libiommu_in_tce} ${libiommu_in_ioas})

# an emulator with VT-d units for its guests
set(libiommu_emulator ${libiommu_in_base} ${libiommu_in_model} ${libiommu_in_model_vtd})

# with bridges or a hypervisor's windows for guests on POWER
set(libiommu_model_tce ${libiommu_in_base} ${libiommu_in_model} ${libiommu_in_model_power})

# with RISC-V IOMMUs for its guests
set(libiommu_model_riscv ${libiommu_in_base} ${libiommu_in_model} ${libiommu_in_model_riscv})

# with SMMUs of Arm for its guests
set(libiommu_model_smmu ${libiommu_in_base} ${libiommu_in_model} ${libiommu_in_model_smmu})

# with AMD IOMMUs for its guests
set(libiommu_model_amdvi ${libiommu_in_base} ${libiommu_in_model} ${libiommu_in_model_amdvi})

# something that finds out which PCI functions can be kept apart
set(libiommu_pci ${libiommu_root}/src/group/pci.c)

# something that only needs page tables
set(libiommu_pgtable ${libiommu_in_base} ${libiommu_in_pgtable})

# those of x86-64 processors
set(libiommu_x86_64 ${libiommu_in_base} ${libiommu_root}/src/pgtable/x86_64.c ${libiommu_root}/src/pgtable/page.c)

# those of RISC-V processors and IOMMUs
set(libiommu_riscv64 ${libiommu_in_base} ${libiommu_root}/src/pgtable/riscvfs.c ${libiommu_root}/src/pgtable/riscvss.c ${libiommu_root}/src/pgtable/page.c)

# those of Arm processors and SMMUs
set(libiommu_aarch64 ${libiommu_in_base} ${libiommu_root}/src/pgtable/vmsas1.c ${libiommu_root}/src/pgtable/vmsas2.c ${libiommu_root}/src/pgtable/vmsa_registers.c ${libiommu_root}/src/pgtable/page.c)

# something that reads flattened device trees for IOMMUs
set(libiommu_device_tree ${libiommu_root}/src/discovery/device_tree.c)

# or ACPI's RIMT
set(libiommu_rimt ${libiommu_root}/src/discovery/rimt.c)

# or ACPI's IORT
set(libiommu_iort ${libiommu_root}/src/discovery/iort.c ${libiommu_root}/src/discovery/iort_route.c)

# or ACPI's IVRS
set(libiommu_ivrs ${libiommu_root}/src/discovery/ivrs.c ${libiommu_root}/src/discovery/ivrs_check.c ${libiommu_root}/src/discovery/ivrs_route.c)

# something that hands out device addresses
set(libiommu_iova ${libiommu_in_base} ${libiommu_in_iova})
