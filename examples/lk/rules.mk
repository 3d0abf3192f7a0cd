# SPDX-License-Identifier: BSD-2-Clause
# A module of LK, with libiommu's tree in external/libiommu: a project says MODULES += external/libiommu/examples/lk. The
# library is one source, made before by
#     scripts/amalgamate examples/lk/build --role vtd_host --role dma --role pci --role acpi
# which includes its own libiommu.h; the glue includes the headers as they are.
LOCAL_DIR := $(GET_LOCAL_DIR)
MODULE := $(LOCAL_DIR)
LIBIOMMU := $(LOCAL_DIR)/../..
MODULE_DEPS += dev/bus/pci lib/acpi_lite
MODULE_SRCS += $(LOCAL_DIR)/iommu_lk.c $(LIBIOMMU)/ports/x86_64/iommu_x86_64.c $(LOCAL_DIR)/build/libiommu.c
MODULE_INCLUDES += $(LOCAL_DIR) $(LIBIOMMU)/include $(LIBIOMMU)/ports/x86_64
include make/module.mk
