// SPDX-License-Identifier: BSD-2-Clause
//! Page tables (`pgtable.h`): of VT-d's second stage, of x86-64 processors and VT-d's first stage, and of POWER's bridges.
//!
//! What unmap takes out of a table goes into a [`Gather`], and is free again when the caller says that hardware has
//! forgotten it ([`PageTable::confirmed`]). A gather that is dropped before keeps its pages for good: nothing that
//! hardware may still walk is ever reused.
use crate::{Error, Platform, Prot, Result};
use alloc::boxed::Box;
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
}

impl Format {
    fn ops(self) -> &'static sys::iommu_pgtable_ops {
        // SAFETY: constant tables of the library.
        unsafe {
            match self {
                Format::VtdSecondStage => &sys::iommu_vtdss_ops,
                Format::X86_64 => &sys::iommu_x86_64_table_ops,
                Format::Tce => &sys::iommu_tce_ops,
            }
        }
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
    };
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
}

/// How many tables there were so far: no two have the same number, whatever address they have.
static TABLES: AtomicUsize = AtomicUsize::new(0);

/// One table. Calls are exclusive here; the library itself allows any number at once on disjoint ranges.
pub struct PageTable {
    raw: Box<sys::iommu_pgtable>,
    number: usize,
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
        c.node = -1;
        let ops = config.format.ops();
        let init = ops.init.expect("in every format");
        // SAFETY: the platform lives as long as the table, which keeps it.
        Error::check(unsafe { init(&mut *raw, &c) })?;
        let number = TABLES.fetch_add(1, Ordering::Relaxed);
        Ok(PageTable { raw, number, ops, platform: platform.clone() })
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
}

impl Drop for PageTable {
    fn drop(&mut self) {
        let destroy = self.ops.destroy.expect("in every format");
        // SAFETY: initialised by new, and used by nothing any more.
        unsafe { destroy(&mut *self.raw) }
    }
}
