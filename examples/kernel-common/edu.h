/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's educational device. */
#ifndef KERNEL_EDU_H
#define KERNEL_EDU_H

#include "ecam.h"
#include "scenario.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

void edu_start(struct dma_device *device, struct pci_device *pci);
/* Both devices of the scenario; the second is behind a port, unless that is 0. */
void edu_start_both(struct pci_bridge *bridge, uint16_t port, struct dma_device *devices);

#endif
