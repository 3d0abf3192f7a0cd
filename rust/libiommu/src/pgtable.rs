// SPDX-License-Identifier: BSD-2-Clause
//! Page tables (`pgtable.h`): of VT-d's second stage, of x86-64 processors and VT-d's first stage, of both stages of
//! RISC-V (`riscv64.h`), of the AMD IOMMU (host tables), and of POWER's bridges.
//!
//! What unmap takes out of a table goes into a [`Gather`], and is free again when the caller says that hardware has
//! forgotten it ([`PageTable::confirmed`]). A gather that is dropped before keeps its pages for good: nothing that
//! hardware may still walk is ever reused.
use crate::{called_back, Error, Platform, Prot, Result};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};
use libiommu_sys as sys;

/// The formats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// VT-d, second stage: 3 to 5 levels, pages of 4K, 2M, 1G.
    VtdSecondStage,
    /// x86-64 processors, and VT-d's first stage: 4 or 5 levels, the same pages.
    X86_64,
    /// POWER: 1 to 5 levels, one page size.
    Tce,
    /// RISC-V, first stage, of processors, too: 3 to 5 levels (Sv39, Sv48, Sv57), pages of 4K, 64K, 2M, 1G, and, with
    /// more levels, 512G and 256T. 64K are runs of 16 entries (Svnapot).
    RiscvFirstStage,
    /// RISC-V, second stage: the same with a root of 16 KiB (Sv39x4, Sv48x4, Sv57x4).
    RiscvSecondStage,
    /// AMD IOMMU, host tables (v1): 1 to 6 levels, pages of every power of two from 4K on.
    AmdHost,
}

impl Format {
    fn ops(self) -> &'static sys::iommu_pgtable_ops {
        // SAFETY: constant tables of the library.
        unsafe {
            match self {
                Format::VtdSecondStage => &sys::iommu_vtdss_ops,
                Format::X86_64 => &sys::iommu_x86_64_table_ops,
                Format::Tce => &sys::iommu_tce_ops,
                Format::RiscvFirstStage => &sys::iommu_riscvfs_ops,
                Format::RiscvSecondStage => &sys::iommu_riscvss_ops,
                Format::AmdHost => &sys::iommu_amdv1_ops,
            }
        }
    }
}

/// What hardware is told of every entry: where a format has no such bit, a flag of it has no effect or is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u32);

impl Flags {
    /// None.
    pub const NONE: Flags = Flags(0);
    /// x86-64: execute-disable is enabled in hardware, so that [`Prot::NO_EXEC`] can be obeyed.
    pub const NO_EXECUTE: Flags = Flags(sys::IOMMU_PGTABLE_NO_EXECUTE as u32);
    /// First stages: caches keep leaves when the address space changes.
    pub const GLOBAL: Flags = Flags(sys::IOMMU_PGTABLE_GLOBAL as u32);
    /// First stages, and both of RISC-V: accessed and dirty from the start, for hardware that does not set them.
    pub const ACCESSED: Flags = Flags(sys::IOMMU_PGTABLE_ACCESSED as u32);
    /// RISC-V: leaves have memory types (Svpbmt), so that [`Prot::MMIO`] can be obeyed.
    pub const MEMORY_TYPES: Flags = Flags(sys::IOMMU_PGTABLE_MEMORY_TYPES as u32);
}

impl core::ops::BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// The shape of a table.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The format.
    pub format: Format,
    /// Levels, the lowest included.
    pub levels: u32,
    /// The highest bit of an address, plus 1.
    pub input_bits: u32,
    /// The width of physical addresses.
    pub output_bits: u32,
    /// Page sizes: bit n for 2^n bytes.
    pub page_sizes: u64,
    /// Pages that the table may take, the root included; 0: no limit.
    pub max_pages: u64,
    /// Of every entry.
    pub flags: Flags,
}

impl Config {
    /// VT-d's second stage with four levels and all of its page sizes.
    pub const VTD: Config = Config {
        format: Format::VtdSecondStage,
        levels: 4,
        input_bits: 48,
        output_bits: 52,
        page_sizes: 1 << 12 | 1 << 21 | 1 << 30,
        max_pages: 0,
        flags: Flags::NONE,
    };

    /// RISC-V's first stage, Sv48, with runs of 64K, for a unit that sets no bits itself.
    pub const SV48: Config = Config {
        format: Format::RiscvFirstStage,
        levels: 4,
        input_bits: 47,
        output_bits: 56,
        page_sizes: 1 << 12 | 1 << 16 | 1 << 21 | 1 << 30,
        max_pages: 0,
        flags: Flags::ACCESSED,
    };

    /// RISC-V's second stage, Sv48x4, likewise.
    pub const SV48X4: Config = Config { format: Format::RiscvSecondStage, input_bits: 50, ..Self::SV48 };
}

/// What an unmap, or a map that replaced an empty table, has taken out: hardware may use it until it is told.
pub struct Gather {
    raw: sys::iommu_gather,
    table: usize, // the number of its table
}

impl Gather {
    /// Nothing to invalidate.
    pub fn is_empty(&self) -> bool {
        self.raw.start > self.raw.last
    }

    /// The range that an invalidation must cover, both ends included.
    pub fn range(&self) -> Option<(u64, u64)> {
        if self.is_empty() {
            None
        } else {
            Some((self.raw.start, self.raw.last))
        }
    }

    /// Whether caches of table entries must be invalidated, too.
    pub fn has_tables(&self) -> bool {
        self.raw.tables_unlinked
    }

    /// The smallest page that may have been cleared, in bytes, of runs their entries: what a unit that forgets page by
    /// page goes in steps of.
    pub fn page_size(&self) -> Option<u64> {
        if self.is_empty() {
            None
        } else {
            Some(self.raw.pgsize)
        }
    }
}

/// A present entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// The first address that it covers.
    pub iova: u64,
    /// How many bytes it covers: of a run of entries, all of the run.
    pub size: u64,
    /// 1: in a lowest table.
    pub level: u32,
    /// It leads to a table of the level below, not to memory.
    pub is_table: bool,
    /// The memory, or the table.
    pub paddr: u64,
    /// Permissions.
    pub prot: Prot,
    /// As hardware reads it, in the host's byte order.
    pub entry: u64,
}

unsafe extern "C" fn visit<F: FnMut(&Visit) -> bool>(ctx: *mut c_void, v: *const sys::iommu_pgtable_visit) -> i32 {
    // SAFETY: PageTable::walk passes its visitor, which nothing else has meanwhile, and the library an entry.
    let (visitor, v) = unsafe { (&mut *ctx.cast::<F>(), &*v) };
    let seen = Visit {
        iova: v.iova,
        size: v.size,
        level: v.level,
        is_table: v.is_table,
        paddr: v.paddr,
        prot: Prot(v.prot),
        entry: v.entry,
    };
    i32::from(!called_back(|| visitor(&seen)))
}

/// How many tables there were so far: no two have the same number, whatever address they have.
static TABLES: AtomicUsize = AtomicUsize::new(0);

/// One table. Calls are exclusive here; the library itself allows any number at once on disjoint ranges.
pub struct PageTable {
    raw: Box<sys::iommu_pgtable>,
    number: usize,
    format: Format,
    ops: &'static sys::iommu_pgtable_ops,
    platform: Platform,
}

// SAFETY: the pages belong to the table, and Platform is Send.
unsafe impl Send for PageTable {}
// SAFETY: calls with a shared reference only read entries, which the library does atomically.
unsafe impl Sync for PageTable {}

impl PageTable {
    /// An empty table.
    pub fn new(platform: &Platform, config: &Config) -> Result<Self> {
        // SAFETY: numbers, pointers and optional functions, for which zero is a value.
        let mut raw: Box<sys::iommu_pgtable> = Box::new(unsafe { core::mem::zeroed() });
        // SAFETY: as above.
        let mut c: sys::iommu_pgtable_config = unsafe { core::mem::zeroed() };
        c.platform = platform.as_ptr();
        c.levels = config.levels;
        c.input_bits = config.input_bits;
        c.output_bits = config.output_bits;
        c.pgsize_bitmap = config.page_sizes;
        c.max_pages = config.max_pages;
        c.flags = config.flags.0;
        c.node = -1;
        let ops = config.format.ops();
        let init = ops.init.expect("in every format");
        // SAFETY: the platform lives as long as the table, which keeps it.
        Error::check(unsafe { init(&mut *raw, &c) })?;
        let number = TABLES.fetch_add(1, Ordering::Relaxed);
        Ok(PageTable { raw, number, format: config.format, ops, platform: platform.clone() })
    }

    /// An empty gather for this table.
    pub fn gather(&self) -> Gather {
        let raw = sys::iommu_gather { start: u64::MAX, last: 0, pgsize: 0, tables_unlinked: false, freed: 0 };
        Gather { raw, table: self.number }
    }

    fn owns(&self, gather: &Gather) -> Result<()> {
        if gather.table == self.number {
            Ok(())
        } else {
            Err(Error::INVALID)
        }
    }

    /// The physical address of the root, for hardware. Hardware must not use the table when it is dropped.
    pub fn root(&self) -> u64 {
        self.platform.virt_to_phys(self.raw.root.cast())
    }

    /// Mode and page number of the root, as registers and contexts of RISC-V have them; another format's is
    /// [`Error::INVALID`].
    fn riscv_root(&self, format: Format) -> Result<u64> {
        if self.format != format {
            return Err(Error::INVALID);
        }
        Ok(u64::from(self.raw.levels + 5) << 60 | self.root() >> 12)
    }

    /// RISC-V's first stage: the word of a device's or process's context (fsc).
    pub fn iosatp(&self) -> Result<u64> {
        self.riscv_root(Format::RiscvFirstStage)
    }

    /// RISC-V's first stage: the value of a processor's satp.
    pub fn satp(&self, asid: u16) -> Result<u64> {
        Ok(self.iosatp()? | u64::from(asid) << 44)
    }

    /// RISC-V's second stage: the word of a device's context.
    pub fn iohgatp(&self, gscid: u16) -> Result<u64> {
        Ok(self.riscv_root(Format::RiscvSecondStage)? | u64::from(gscid) << 44)
    }

    /// RISC-V's second stage: the value of a processor's hgatp; an id has 14 bits.
    pub fn hgatp(&self, vmid: u16) -> Result<u64> {
        if vmid > 0x3fff {
            return Err(Error::INVALID);
        }
        self.iohgatp(vmid)
    }

    /// Pages in use, those in gathers included.
    pub fn pages(&self) -> u64 {
        self.raw.pages
    }

    /// Map [iova, iova + size) to [paddr, paddr + size). All or nothing, with the largest pages that fit.
    pub fn map(&mut self, iova: u64, paddr: u64, size: u64, prot: Prot, gather: &mut Gather) -> Result<()> {
        self.owns(gather)?;
        let map = self.ops.map.expect("in every format");
        let mut mapped = 0;
        // SAFETY: the table is initialised, and used exclusively; the gather is of this table.
        Error::check(unsafe { map(&mut *self.raw, iova, paddr, size, prot.0, &mut gather.raw, &mut mapped) })
    }

    /// Unmap what is mapped in [iova, iova + size): how many bytes were. An end inside of a large page is
    /// [`Error::INVALID`], or splits the page.
    pub fn unmap(&mut self, iova: u64, size: u64, split: bool, gather: &mut Gather) -> Result<u64> {
        self.owns(gather)?;
        let unmap = self.ops.unmap.expect("in every format");
        let flags = if split { sys::IOMMU_UNMAP_SPLIT as u32 } else { 0 };
        let mut unmapped = 0;
        // SAFETY: as for map.
        Error::check(unsafe { unmap(&mut *self.raw, iova, size, flags, &mut gather.raw, &mut unmapped) })?;
        Ok(unmapped)
    }

    /// Free what was gathered.
    ///
    /// # Safety
    ///
    /// No hardware uses what the gather covers: it has confirmed the invalidation, or never had the table.
    pub unsafe fn confirmed(&mut self, mut gather: Gather) -> Result<()> {
        self.owns(&gather)?;
        let free = self.ops.free_gathered.expect("in every format");
        // SAFETY: the gather is of this table; the caller vouches for hardware.
        unsafe { free(&mut *self.raw, &mut gather.raw) };
        Ok(())
    }

    /// The physical address and the permissions of an address.
    pub fn lookup(&self, iova: u64) -> Result<(u64, Prot)> {
        let lookup = self.ops.iova_to_phys.expect("in every format");
        let (mut paddr, mut prot) = (0, 0);
        // SAFETY: the table is initialised; entries are read atomically.
        Error::check(unsafe { lookup(&*self.raw, iova, &mut paddr, &mut prot) })?;
        Ok((paddr, Prot(prot)))
    }

    /// Visit every entry that covers part of [start, last] in ascending order, tables before their contents, as long as
    /// the visitor returns true.
    pub fn walk<F: FnMut(&Visit) -> bool>(&self, start: u64, last: u64, mut visitor: F) -> Result<()> {
        let walk = self.ops.walk.expect("in every format");
        let ctx: *mut F = &mut visitor;
        // SAFETY: the table is initialised; the visitor lives until the walk has returned.
        let status = unsafe { walk(&*self.raw, start, last, Some(visit::<F>), ctx.cast()) };
        Error::check(status.min(0)) // 1: the visitor has seen enough
    }
}

impl Drop for PageTable {
    fn drop(&mut self) {
        let destroy = self.ops.destroy.expect("in every format");
        // SAFETY: initialised by new, and used by nothing any more.
        unsafe { destroy(&mut *self.raw) }
    }
}
