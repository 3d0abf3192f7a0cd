# SPDX-License-Identifier: BSD-2-Clause
#
# Guests of scripts/linux-guest with the VT-d unit: a PC of type q35.
from functools import partial
from cell import Cell

DEVICE = 'libiommu-vtd,id=unit'
STATISTICS = 'qom-get unit statistics'
REGISTERS = [(name, 0xfed90000 + offset) for name, offset in (
    ('GSTS', 0x1c), ('FSTS', 0x34), ('IQH', 0x80), ('IQT', 0x88), ('ICS', 0x9c), ('IECTL', 0xa0), ('FECTL', 0x38))]
INTERRUPTS = ('info lapic', 'info pic')

ALL = 'unit,disks,network,strays,forged,interrupts,rebind'
SCALABLE = 'scalable=on,snoop-control=on'
FIRST = 'scalable=on,first-stage=on,no-second-stage=on,pasid=on'
BOTH = 'scalable=on,first-stage=on,nested=on,dirty=on,pasid=on,snoop-control=on'
DISKS = ('virtio-blk-pci,drive=d0,addr=3,iommu_platform=on,disable-legacy=on', 'nvme,drive=d1,addr=4,serial=1',
         'ide-hd,drive=d2,bus=ide.0')
DISKS_BEHIND_PORT = ('pcie-root-port,id=rp0,addr=7,chassis=1',
                     'virtio-blk-pci,drive=d0,bus=rp0,iommu_platform=on,disable-legacy=on,ats=on') + DISKS[1:]

# QEMU's NVMe controller cannot be migrated.
DISKS_THAT_MOVE = (DISKS[0], 'virtio-blk-pci,drive=d1,addr=4,iommu_platform=on,disable-legacy=on', DISKS[2])

cell = partial(Cell, steps=ALL, mode='legacy', disks=DISKS)
CELLS = [
    cell('legacy'),
    cell('legacy-strict', append='iommu.strict=1'),
    cell('caching-mode', 'caching-mode=on', steps='unit,disks,network,rebind'),
    cell('registers', 'no-queue=on,intremap=off', steps='unit,disks,network,strays,rebind'),
    cell('x2apic', 'x2apic=on', cpu='qemu64,+x2apic'),
    cell('device-tlb', 'device-iotlb=on', disks=DISKS_BEHIND_PORT),
    cell('scalable', SCALABLE, mode='scalable'),
    cell('first-stage', FIRST, mode='scalable'),
    cell('reboot', steps='unit,disks,reboot'),
    cell('reboot-scalable', BOTH, steps='unit,disks,reboot', mode='scalable'),
    cell('migration', steps='unit,load', moves=3, disks=DISKS_THAT_MOVE),
    cell('migration-scalable', SCALABLE, steps='unit,load', moves=3, disks=DISKS_THAT_MOVE, mode='scalable'),
    cell('legacy-6.12', kernel='6.12'),
    cell('scalable-6.12', SCALABLE, kernel='6.12', mode='scalable'),
    cell('first-stage-6.12', FIRST, kernel='6.12', mode='scalable'),
    cell('both-stages-6.12', BOTH, kernel='6.12', mode='scalable'),
    cell('migration-6.12', FIRST, kernel='6.12', steps='unit,load', moves=3, disks=DISKS_THAT_MOVE, mode='scalable'),
    cell('control-deaf', 'x-deaf=on', steps='disks', append='iommu.strict=1'),
]


def machine(run, cell):
    """The part of QEMU's command line that is the machine."""
    return ['-L', '/usr/share/qemu', '-L', '/usr/share/seabios', '-machine', 'q35,accel=tcg',
            '-cpu', cell.machine.get('cpu', 'qemu64'), '-device', run.device + (',' + cell.unit if cell.unit else ''),
            '-device', 'edu,addr=8,dma_mask=0xffffffff']


def parameters(cell):
    # no_timer_check: on a busy host the emulator loses ticks, and Linux then thinks that there is no timer.
    return 'console=ttyS0 no_timer_check intel_iommu=on,%s' % ('sm_on' if cell.mode == 'scalable' else 'sm_off')


def mode(monitor, cell):
    """Bits 11:10 of RTADDR are the mode that the guest has set."""
    value = int(monitor.line('xp /1gx 0xfed90020').split(':')[1], 16)
    found = {0: 'legacy', 1: 'scalable'}.get(value >> 10 & 3, 'neither')
    status = int(monitor.line('xp /1wx 0xfed9001c').split(':')[1], 16)
    return found == cell.mode and status >> 31 != 0, '%s mode, GSTS 0x%08x' % (found, status)


def was_used(figures, cell):
    is_good = figures['walks'] > 0
    is_good = is_good and (figures['interrupts'] > 0 or 'intremap=off' in cell.unit)
    return is_good and (figures['device-tlbs'] > 0 or 'device-iotlb=on' not in cell.unit)
