# SPDX-License-Identifier: BSD-2-Clause
#
# Guests of scripts/linux-guest with the SMMUv3: the machine "virt", which makes the unit itself.
import os
import subprocess
from functools import partial
from cell import Cell

DEVICE = 'libiommu-smmu'
STATISTICS = 'qom-get /machine/libiommu-smmu statistics'
UNIT = 0x09050000
REGISTERS = [(name, UNIT + offset) for name, offset in (
    ('CR0', 0x20), ('GBPA', 0x44), ('IRQ_CTRL', 0x50), ('GERROR', 0x60), ('GERRORN', 0x64), ('CMDQ_PROD', 0x98),
    ('CMDQ_CONS', 0x9c), ('EVENTQ_PROD', 0x100a8), ('EVENTQ_CONS', 0x100ac))]
INTERRUPTS = ('info pic',)
NODE = '/smmuv3@9050000'

ALL = 'unit,disks,network,strays,interrupts,rebind,types'
VIRTIO = 'virtio-blk-pci,drive=%s,addr=%d,iommu_platform=on,disable-legacy=on'
AHCI = ('ich9-ahci,id=ahci,addr=7', 'ide-hd,drive=d2,bus=ahci.0')
DISKS = (VIRTIO % ('d0', 3), 'nvme,drive=d1,addr=4,serial=1') + AHCI
DISKS_BEHIND_PORT = ('pcie-root-port,id=rp0,addr=8,chassis=1',
                     'virtio-blk-pci,drive=d0,bus=rp0,iommu_platform=on,disable-legacy=on,ats=on') + DISKS[1:]
# ACS, so that the disk has a group of its own: Linux 6.12 does not invalidate the TLB of a group's second device.
OWN_GROUP = 'pci=config_acs=xx111x1@00:08.0'
# QEMU's NVMe controller cannot be migrated.
DISKS_THAT_MOVE = (VIRTIO % ('d0', 3), VIRTIO % ('d1', 4)) + AHCI

# What the hardest unit does that the architecture allows; and one with next to nothing.
HARD = 'lazy=on,no-groups=on,wild-reset=on,forget-seed=1'
PLAIN = 'second-stage=off,ranges=off,messages=off,levels=off,dirty=off'

# Changes to the machine's device tree: the unit's own messages go to the ITS; the host bridge has ATS.
MESSAGES = (NODE, 'msi-parent', 'its', 0xffff)
ATS = ('/pcie@10000000', 'ats-supported')

cell = partial(Cell, steps=ALL, mode='DMA', disks=DISKS)
moved = partial(cell, steps='unit,load', moves=3, disks=DISKS_THAT_MOVE)
CELLS = [
    cell('strict'),
    cell('lazy', append='iommu.strict=0', mode='DMA-FQ'),
    cell('passthrough', append='iommu.passthrough=1', mode='identity',
         steps='unit,disks,network,interrupts,rebind,types'),
    cell('stage-2', 'first-stage=off'),
    cell('plain', PLAIN),
    cell('hard', HARD),
    cell('unordered', 'unordered=on'),
    cell('messages', tree=MESSAGES),
    cell('gicv2', gic=2),
    cell('acpi', firmware=True),
    cell('reboot', steps='unit,disks,reboot'),
    cell('reboot-acpi', steps='unit,disks,reboot', firmware=True),
    moved('migration'),
    moved('migration-gicv2', append='iommu.strict=0', mode='DMA-FQ', gic=2),
    cell('strict-6.12', kernel='6.12'),
    cell('lazy-6.12', kernel='6.12', append='iommu.strict=0', mode='DMA-FQ'),
    cell('passthrough-6.12', kernel='6.12', append='iommu.passthrough=1', mode='identity',
         steps='unit,disks,network,interrupts,rebind,types'),
    cell('stage-2-6.12', 'first-stage=off', kernel='6.12'),
    cell('hard-6.12', HARD, kernel='6.12'),
    cell('device-tlb-6.12', 'ats=on', kernel='6.12', append=OWN_GROUP, disks=DISKS_BEHIND_PORT, tree=ATS),
    moved('migration-6.12', kernel='6.12'),
    cell('16k-6.12', kernel='6.12-16k'),
    cell('16k-stage-2-6.12', 'first-stage=off', kernel='6.12-16k'),
    cell('control-deaf', 'x-deaf=on', steps='unit,disks'),
]


def options(cell):
    return 'virt,accel=tcg,iommu=smmuv3,gic-version=%d' % cell.machine.get('gic', 3)


def changed_tree(run, cell):
    """The machine's own device tree, with a property more."""
    path, property, *values = cell.machine['tree']
    file = os.path.join(run.folder, 'tree')
    processor = ['-cpu', 'cortex-a76', '-smp', '2', '-m', '512']
    devices = ['-nodefaults', '-display', 'none']
    subprocess.run([run.qemu, '-machine', options(cell) + ',dumpdtb=' + file] + processor + devices, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if values and values[0] == 'its':
        node = '/intc@8000000/its@8080000'
        values[0] = int(subprocess.run(['fdtget', file, node, 'phandle'], check=True, capture_output=True).stdout)
    subprocess.run(['fdtput', file, path, property] + [str(value) for value in values], check=True)
    return file


def machine(run, cell):
    """The part of QEMU's command line that is the machine."""
    command = ['-machine', options(cell), '-cpu', 'cortex-a76', '-device', 'edu,addr=2,dma_mask=0xffffffff']
    for property in filter(None, cell.unit.split(',')):
        command += ['-global', 'libiommu-smmu.' + property]
    if cell.machine.get('firmware'):
        command += ['-bios', os.path.join(run.folder, 'firmware')]
    if 'tree' in cell.machine:
        command += ['-dtb', changed_tree(run, cell)]
    return command


def parameters(cell):
    return 'console=ttyAMA0 guest.type=' + cell.mode


def mode(monitor, cell):
    """CR0: the unit is on, with its queues; no error of it is left; and its events are messages where they can be."""
    read = lambda offset: int(monitor.line('xp /1wx 0x%x' % (UNIT + offset)).split(':')[1], 16)
    control, errors, acknowledged, doorbell = read(0x20), read(0x60), read(0x64), read(0xb0)
    is_good = control & 0xd == 0xd and errors == acknowledged
    return is_good and (doorbell != 0) == (cell.machine.get('tree') == MESSAGES), (
        'CR0 0x%x, GERROR 0x%x, acknowledged 0x%x, doorbell 0x%x' % (control, errors, acknowledged, doorbell))


def was_used(figures, cell):
    """No entry of the stage that Linux was not to use is cached; each event has a reason, and was signalled."""
    other = 'first' if 'first-stage=off' in cell.unit else 'second'
    is_good = figures['walks'] > 0 and figures['commands'] > 0 and figures[other] == 0
    is_good = is_good and (figures['events'] > 0) == (figures['signals'] > 0) == ('strays' in cell.steps)
    return is_good and (figures['device-tlbs'] > 0) == ('ats=on' in cell.unit)
