# SPDX-License-Identifier: BSD-2-Clause
#
# A cell of scripts/linux-guest: a unit's configuration with a kernel, and the steps that its guest runs.


class Cell:
    """
    unit: properties of the device. append: parameters of the kernel. moves: migrations. disks: devices of
    QEMU. mode: what the unit is to be found in. machine: what else the machine of the platform has.
    """

    def __init__(self, name, unit='', kernel='6.1', steps='', append='', moves=0, mode='', disks=(), **machine):
        self.name, self.unit, self.kernel, self.steps = name, unit, kernel, steps
        self.append, self.moves, self.mode, self.disks = append, moves, mode, disks
        self.machine = machine
