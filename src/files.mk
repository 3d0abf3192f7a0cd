# SPDX-License-Identifier: BSD-2-Clause
# Written by scripts/sources --store from the table of roles in docs/porting.md.
# Relative to the root of the source tree. In Kbuild: obj-y += $(libiommu_vtd_host:%.c=DIR/%.o).

libiommu_in_base := \
	src/base/bitmap.c \
	src/base/log.c \
	src/base/object_cache.c \
	src/base/page_reserve.c \
	src/base/per_cpu.c \
	src/base/platform.c \
	src/base/sparse.c \
	src/base/status.c \
	src/base/text.c \
	src/base/trace.c

libiommu_in_discovery := \
	src/discovery/acpi.c \
	src/discovery/device_tree.c \
	src/discovery/iort.c \
	src/discovery/iort_route.c \
	src/discovery/ivrs.c \
	src/discovery/ivrs_check.c \
	src/discovery/ivrs_route.c \
	src/discovery/mcfg.c \
	src/discovery/pci_scan.c \
	src/discovery/rimt.c

libiommu_in_dma := \
	src/dma/area.c \
	src/dma/bounce.c \
	src/dma/debug.c \
	src/dma/direct.c \
	src/dma/dma.c \
	src/dma/flush_queue.c \
	src/dma/peer.c \
	src/dma/scatter.c \
	src/dma/window.c \
	src/dma/withheld.c

libiommu_in_driver := \
	src/driver/attach.c \
	src/driver/bring_up.c \
	src/driver/contexts.c \
	src/driver/device_tlb.c \
	src/driver/domain.c \
	src/driver/endpoint.c \
	src/driver/fault.c \
	src/driver/invalidation.c \
	src/driver/page_request.c \
	src/driver/shared.c \
	src/driver/unit.c \
	src/driver/user_invalidation.c

libiommu_in_group := \
	src/group/admission.c \
	src/group/alias.c \
	src/group/attach.c \
	src/group/backend.c \
	src/group/bus.c \
	src/group/check.c \
	src/group/control.c \
	src/group/counters.c \
	src/group/default_domain.c \
	src/group/domain.c \
	src/group/eeh.c \
	src/group/endpoint.c \
	src/group/fault.c \
	src/group/feature.c \
	src/group/group.c \
	src/group/instance.c \
	src/group/lookup.c \
	src/group/map.c \
	src/group/member.c \
	src/group/ownership.c \
	src/group/page_request.c \
	src/group/pasid.c \
	src/group/pasid_space.c \
	src/group/pci.c \
	src/group/pci_route.c \
	src/group/policy.c \
	src/group/quarantine.c \
	src/group/region.c \
	src/group/reset.c \
	src/group/topology.c \
	src/group/trace.c \
	src/group/window.c

libiommu_in_ioas := \
	src/ioas/access.c \
	src/ioas/account.c \
	src/ioas/area.c \
	src/ioas/attach.c \
	src/ioas/backing.c \
	src/ioas/batch.c \
	src/ioas/container.c \
	src/ioas/device.c \
	src/ioas/device_file.c \
	src/ioas/event_queue.c \
	src/ioas/fault_queue.c \
	src/ioas/file.c \
	src/ioas/gate.c \
	src/ioas/hwpt.c \
	src/ioas/no_iommu.c \
	src/ioas/object.c \
	src/ioas/reserved.c \
	src/ioas/revoke.c \
	src/ioas/space.c \
	src/ioas/spapr.c \
	src/ioas/spapr_calls.c \
	src/ioas/spapr_entry.c \
	src/ioas/spapr_guest.c \
	src/ioas/spapr_hypercall.c \
	src/ioas/spapr_memory.c \
	src/ioas/spapr_put.c \
	src/ioas/spapr_window.c \
	src/ioas/tree.c \
	src/ioas/trim.c \
	src/ioas/unmap.c \
	src/ioas/vaddr.c \
	src/ioas/virtual_unit.c

libiommu_in_iova := \
	src/iova/cache.c \
	src/iova/search.c \
	src/iova/space.c

libiommu_in_model := \
	src/model/cache.c \
	src/model/cache_memory.c \
	src/model/cache_order.c \
	src/model/cache_table.c \
	src/model/dmar_builder.c \
	src/model/iort_builder.c \
	src/model/ivrs_builder.c \
	src/model/walk.c

libiommu_in_model_amdvi := \
	src/model/amdvi/access.c \
	src/model/amdvi/command.c \
	src/model/amdvi/config.c \
	src/model/amdvi/control.c \
	src/model/amdvi/device_table.c \
	src/model/amdvi/entry.c \
	src/model/amdvi/firmware.c \
	src/model/amdvi/gcr3.c \
	src/model/amdvi/guest_table.c \
	src/model/amdvi/host_table.c \
	src/model/amdvi/interrupt.c \
	src/model/amdvi/invalidate.c \
	src/model/amdvi/legal.c \
	src/model/amdvi/model.c \
	src/model/amdvi/page_request.c \
	src/model/amdvi/registers.c \
	src/model/amdvi/remap.c \
	src/model/amdvi/ring.c \
	src/model/amdvi/state.c \
	src/model/amdvi/translate.c \
	src/model/amdvi/walk.c \
	src/model/amdvi/work.c

libiommu_in_model_power := \
	src/model/power/papr.c \
	src/model/power/papr_ddw.c \
	src/model/power/papr_eeh.c \
	src/model/power/papr_memory.c \
	src/model/power/phb.c \
	src/model/power/phb_firmware.c \
	src/model/power/phb_freeze.c \
	src/model/power/phb_invalidate.c \
	src/model/power/phb_translate.c

libiommu_in_model_riscv := \
	src/model/riscv/access.c \
	src/model/riscv/command.c \
	src/model/riscv/config.c \
	src/model/riscv/control.c \
	src/model/riscv/counters.c \
	src/model/riscv/debug.c \
	src/model/riscv/directory.c \
	src/model/riscv/entry.c \
	src/model/riscv/fault.c \
	src/model/riscv/first_stage.c \
	src/model/riscv/interrupt.c \
	src/model/riscv/invalidate.c \
	src/model/riscv/message.c \
	src/model/riscv/model.c \
	src/model/riscv/page_entry.c \
	src/model/riscv/page_request.c \
	src/model/riscv/process.c \
	src/model/riscv/registers.c \
	src/model/riscv/ring.c \
	src/model/riscv/second_stage.c \
	src/model/riscv/state.c \
	src/model/riscv/translate.c \
	src/model/riscv/walk.c \
	src/model/riscv/work.c

libiommu_in_model_smmu := \
	src/model/smmu/access.c \
	src/model/smmu/command.c \
	src/model/smmu/config.c \
	src/model/smmu/context.c \
	src/model/smmu/control.c \
	src/model/smmu/descriptor.c \
	src/model/smmu/entry.c \
	src/model/smmu/interrupt.c \
	src/model/smmu/invalidate.c \
	src/model/smmu/model.c \
	src/model/smmu/page_request.c \
	src/model/smmu/registers.c \
	src/model/smmu/ring.c \
	src/model/smmu/stage_1.c \
	src/model/smmu/stage_2.c \
	src/model/smmu/stall.c \
	src/model/smmu/state.c \
	src/model/smmu/stream.c \
	src/model/smmu/translate.c \
	src/model/smmu/walk.c \
	src/model/smmu/work.c

libiommu_in_model_vtd := \
	src/model/vtd/access.c \
	src/model/vtd/context.c \
	src/model/vtd/counters.c \
	src/model/vtd/entry.c \
	src/model/vtd/fault.c \
	src/model/vtd/first_stage.c \
	src/model/vtd/interrupt.c \
	src/model/vtd/model.c \
	src/model/vtd/page_request.c \
	src/model/vtd/queue.c \
	src/model/vtd/registers.c \
	src/model/vtd/second_stage.c \
	src/model/vtd/state.c \
	src/model/vtd/translate.c \
	src/model/vtd/walk.c \
	src/model/vtd/work.c

libiommu_in_pgtable := \
	src/pgtable/amdv1.c \
	src/pgtable/page.c \
	src/pgtable/pgsize.c \
	src/pgtable/riscvfs.c \
	src/pgtable/riscvss.c \
	src/pgtable/tce.c \
	src/pgtable/tce_entry.c \
	src/pgtable/vmsa_registers.c \
	src/pgtable/vmsas1.c \
	src/pgtable/vmsas2.c \
	src/pgtable/vtdss.c \
	src/pgtable/x86_64.c

libiommu_in_riscv := \
	src/riscv/attach.c \
	src/riscv/check.c \
	src/riscv/context.c \
	src/riscv/counters.c \
	src/riscv/counters_run.c \
	src/riscv/directory.c \
	src/riscv/domain.c \
	src/riscv/domain_life.c \
	src/riscv/driver.c \
	src/riscv/endpoint.c \
	src/riscv/fault.c \
	src/riscv/interrupt.c \
	src/riscv/invalidation.c \
	src/riscv/message.c \
	src/riscv/name.c \
	src/riscv/page_request.c \
	src/riscv/process.c \
	src/riscv/queue.c \
	src/riscv/register.c \
	src/riscv/setup.c \
	src/riscv/unit.c \
	src/riscv/user_invalidation.c

libiommu_in_shadow := \
	src/shadow/dirty.c \
	src/shadow/guest.c \
	src/shadow/life.c \
	src/shadow/shadow.c

libiommu_in_smmu := \
	src/smmu/attach.c \
	src/smmu/context.c \
	src/smmu/domain.c \
	src/smmu/domain_life.c \
	src/smmu/driver.c \
	src/smmu/endpoint.c \
	src/smmu/event.c \
	src/smmu/interrupt.c \
	src/smmu/invalidation.c \
	src/smmu/log.c \
	src/smmu/name.c \
	src/smmu/page_request.c \
	src/smmu/queue.c \
	src/smmu/region.c \
	src/smmu/register.c \
	src/smmu/setup.c \
	src/smmu/stream.c \
	src/smmu/stream_entry.c \
	src/smmu/stream_table.c \
	src/smmu/unit.c \
	src/smmu/user_invalidation.c

libiommu_in_tce := \
	src/tce/answer.c \
	src/tce/kill_register.c \
	src/tce/memory.c \
	src/tce/opal.c \
	src/tce/opal_domain.c \
	src/tce/opal_eeh.c \
	src/tce/opal_firmware.c \
	src/tce/opal_forget.c \
	src/tce/opal_link.c \
	src/tce/opal_pe.c \
	src/tce/opal_user.c \
	src/tce/opal_window.c \
	src/tce/papr.c \
	src/tce/papr_calls.c \
	src/tce/papr_ddw.c \
	src/tce/papr_domain.c \
	src/tce/papr_eeh.c \
	src/tce/papr_follow.c \
	src/tce/papr_left.c \
	src/tce/papr_memory.c \
	src/tce/papr_rtas.c \
	src/tce/papr_unit.c \
	src/tce/pool.c \
	src/tce/set.c \
	src/tce/share.c \
	src/tce/table.c

libiommu_in_unit := \
	src/unit/attach.c \
	src/unit/command_ring.c \
	src/unit/confirmation.c \
	src/unit/device_id.c \
	src/unit/domain.c \
	src/unit/event.c \
	src/unit/id.c \
	src/unit/invalidation.c \
	src/unit/range.c

libiommu_in_vtd := \
	src/vtd/attach.c \
	src/vtd/cap.c \
	src/vtd/command.c \
	src/vtd/context.c \
	src/vtd/context_change.c \
	src/vtd/control.c \
	src/vtd/counters.c \
	src/vtd/counters_find.c \
	src/vtd/counters_run.c \
	src/vtd/dmar.c \
	src/vtd/domain.c \
	src/vtd/domain_life.c \
	src/vtd/driver.c \
	src/vtd/endpoint.c \
	src/vtd/fault.c \
	src/vtd/inherit.c \
	src/vtd/inherit_interrupts.c \
	src/vtd/inherit_memory.c \
	src/vtd/inherit_scalable.c \
	src/vtd/inherited.c \
	src/vtd/interrupt.c \
	src/vtd/interrupt_table.c \
	src/vtd/invalidation.c \
	src/vtd/page_request.c \
	src/vtd/pasid_change.c \
	src/vtd/pasid_table.c \
	src/vtd/place.c \
	src/vtd/predecessor.c \
	src/vtd/probe.c \
	src/vtd/queue.c \
	src/vtd/quirks.c \
	src/vtd/region.c \
	src/vtd/report.c \
	src/vtd/scope.c \
	src/vtd/share.c \
	src/vtd/translation.c \
	src/vtd/unit.c \
	src/vtd/user_invalidation.c

# a kernel or hypervisor on VT-d
libiommu_vtd_host := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_vtd)

# whose drivers use the DMA mapping API
libiommu_dma := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_vtd) $(libiommu_in_dma)

# that finds tables and devices by the helpers
libiommu_acpi := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_vtd) $(libiommu_in_discovery)

# a kernel or hypervisor on Arm
libiommu_smmu_host := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_driver) $(libiommu_in_smmu)

# a kernel or hypervisor on RISC-V
libiommu_riscv_host := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_driver) $(libiommu_in_riscv)

# a kernel or hypervisor on POWER
libiommu_power_host := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_tce)

# that wants bus addresses only, and no domains
libiommu_tce_table := $(libiommu_in_base) $(libiommu_in_pgtable) src/tce/table.c src/tce/pool.c src/tce/memory.c src/unit/confirmation.c

# a manager of virtual machines, over VT-d
libiommu_vmm := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_vtd) $(libiommu_in_ioas)

# that emulates VT-d for its guests, and shadows their tables
libiommu_shadow := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_vtd) $(libiommu_in_ioas) $(libiommu_in_model) $(libiommu_in_model_vtd) $(libiommu_in_shadow)

# a manager of virtual machines, over RISC-V
libiommu_riscv_vmm := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_driver) $(libiommu_in_riscv) $(libiommu_in_ioas)

# a manager of virtual machines, over Arm
libiommu_smmu_vmm := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_driver) $(libiommu_in_smmu) $(libiommu_in_ioas)

# a manager of virtual machines, on POWER
libiommu_spapr := $(libiommu_in_base) $(libiommu_in_iova) $(libiommu_in_pgtable) $(libiommu_in_group) $(libiommu_in_unit) $(libiommu_in_tce) $(libiommu_in_ioas)

# an emulator with VT-d units for its guests
libiommu_emulator := $(libiommu_in_base) $(libiommu_in_model) $(libiommu_in_model_vtd)

# with bridges or a hypervisor's windows for guests on POWER
libiommu_model_tce := $(libiommu_in_base) $(libiommu_in_model) $(libiommu_in_model_power)

# with RISC-V IOMMUs for its guests
libiommu_model_riscv := $(libiommu_in_base) $(libiommu_in_model) $(libiommu_in_model_riscv)

# with SMMUs of Arm for its guests
libiommu_model_smmu := $(libiommu_in_base) $(libiommu_in_model) $(libiommu_in_model_smmu)

# with AMD IOMMUs for its guests
libiommu_model_amdvi := $(libiommu_in_base) $(libiommu_in_model) $(libiommu_in_model_amdvi)

# something that finds out which PCI functions can be kept apart
libiommu_pci := src/group/pci.c

# something that only needs page tables
libiommu_pgtable := $(libiommu_in_base) $(libiommu_in_pgtable)

# those of x86-64 processors
libiommu_x86_64 := $(libiommu_in_base) src/pgtable/x86_64.c src/pgtable/page.c

# those of RISC-V processors and IOMMUs
libiommu_riscv64 := $(libiommu_in_base) src/pgtable/riscvfs.c src/pgtable/riscvss.c src/pgtable/page.c

# those of Arm processors and SMMUs
libiommu_aarch64 := $(libiommu_in_base) src/pgtable/vmsas1.c src/pgtable/vmsas2.c src/pgtable/vmsa_registers.c src/pgtable/page.c

# something that reads flattened device trees for IOMMUs
libiommu_device_tree := src/discovery/device_tree.c

# or ACPI's RIMT
libiommu_rimt := src/discovery/rimt.c

# or ACPI's IORT
libiommu_iort := src/discovery/iort.c src/discovery/iort_route.c

# or ACPI's IVRS
libiommu_ivrs := src/discovery/ivrs.c src/discovery/ivrs_check.c src/discovery/ivrs_route.c

# something that hands out device addresses
libiommu_iova := $(libiommu_in_base) $(libiommu_in_iova)
