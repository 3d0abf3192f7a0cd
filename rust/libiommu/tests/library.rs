// SPDX-License-Identifier: BSD-2-Clause
//! The safe types over the library itself.
#![deny(unsafe_op_in_unsafe_fn)]
use libiommu::iova::{IovaSpace, Request as Range};
use libiommu::model::{Config as UnitConfig, Guest, Request, Vtd};
use libiommu::pgtable::{Config, Flags, Format, PageTable};
use libiommu::{Error, Pages, Platform, Prot, PAGE_SIZE};
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// The heap as pages, which counts them, and fails from one allocation on.
#[derive(Clone, Default)]
struct Heap {
    in_use: Arc<AtomicI64>,
    left: Option<Arc<AtomicI64>>,
}

fn layout(order: u32) -> Layout {
    let size = PAGE_SIZE << order;
    Layout::from_size_align(size, size).expect("a power of two")
}

// SAFETY: the allocator's blocks are zeroed, aligned, and nobody's else; virtual addresses stand for physical ones.
unsafe impl Pages for Heap {
    fn alloc(&self, order: u32) -> Option<NonNull<u8>> {
        if let Some(left) = &self.left {
            if left.fetch_sub(1, Ordering::Relaxed) <= 0 {
                return None;
            }
        }
        self.in_use.fetch_add(1 << order, Ordering::Relaxed);
        // SAFETY: the size is not 0.
        NonNull::new(unsafe { alloc_zeroed(layout(order)) })
    }
    unsafe fn free(&self, pages: NonNull<u8>, order: u32) {
        self.in_use.fetch_sub(1 << order, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { dealloc(pages.as_ptr(), layout(order)) }
    }
}

#[test]
fn what_is_mapped_is_found_and_what_is_unmapped_is_not() {
    let heap = Heap::default();
    let platform = Platform::new(heap.clone());
    let x86 = Config { format: Format::X86_64, input_bits: 47, ..Config::VTD };
    let tce = Config { format: Format::Tce, levels: 2, input_bits: 30, page_sizes: 1 << 12, ..Config::VTD };
    let amd = Config { format: Format::AmdHost, levels: 6, page_sizes: 0x7f_ffff_f000, ..Config::VTD };
    for config in [Config::VTD, x86, tce, amd, Config::SV48, Config::SV48X4] {
        let mut table = PageTable::new(&platform, &config).unwrap();
        let mut gather = table.gather();
        table.map(0x20_0000, 0x8000_0000, 0x20_3000, Prot::READ_WRITE, &mut gather).unwrap();
        assert!(gather.is_empty());
        assert_eq!(table.lookup(0x21_2345), Ok((0x8001_2345, Prot::READ_WRITE)));
        assert_eq!(table.lookup(0x1f_ffff), Err(Error::NOT_FOUND));
        assert_eq!(
            table.map(0x40_2000, 0, 0x1000, Prot::READ, &mut gather),
            Err(Error::EXISTS),
            "{:?}: part of the range is mapped",
            config.format
        );
        assert_eq!(table.unmap(0x40_0000, 0x3000, false, &mut gather), Ok(0x3000));
        assert_eq!(gather.range().map(|(first, _)| first), Some(0x40_0000));
        assert_eq!(table.lookup(0x40_0000), Err(Error::NOT_FOUND));
        assert!(table.lookup(0x3f_ffff).is_ok());
        // SAFETY: no hardware has the table.
        unsafe { table.confirmed(gather) }.unwrap();
    }
    assert_eq!(heap.in_use.load(Ordering::Relaxed), 0, "a page is lost");
}

#[test]
fn half_a_large_page_is_unmapped_by_a_split_alone() {
    let platform = Platform::new(Heap::default());
    let mut table = PageTable::new(&platform, &Config::VTD).unwrap();
    let mut gather = table.gather();
    table.map(0, 0, 0x20_0000, Prot::READ, &mut gather).unwrap();
    assert_eq!(table.unmap(0, 0x1000, false, &mut gather), Err(Error::INVALID));
    assert_eq!(table.unmap(0, 0x1000, true, &mut gather), Ok(0x1000));
    assert_eq!(table.lookup(0x1000), Ok((0x1000, Prot::READ)));
}

#[test]
fn runs_of_riscv_are_one_page_until_they_are_cut() {
    for config in [Config::SV48, Config::SV48X4] {
        let platform = Platform::new(Heap::default());
        let mut table = PageTable::new(&platform, &config).unwrap();
        let mut gather = table.gather();
        let sizes = |table: &PageTable| {
            let mut sizes = Vec::new();
            let note = |v: &libiommu::pgtable::Visit| {
                if !v.is_table {
                    assert_eq!(v.paddr - v.iova, 0x8000_0000);
                    sizes.push(v.size);
                }
                true
            };
            table.walk(0, 0x3f_ffff, note).unwrap();
            sizes
        };

        table.map(0x1_0000, 0x8001_0000, 0x3_0000, Prot::READ_WRITE, &mut gather).unwrap();
        assert_eq!(sizes(&table), [0x1_0000; 3]);
        assert_eq!(table.unmap(0x2_8000, 0x8000, false, &mut gather), Err(Error::INVALID), "half a run");
        assert_eq!(table.unmap(0x1_0000, 0x1_0000, false, &mut gather), Ok(0x1_0000));
        assert_eq!(gather.page_size(), Some(0x1000), "the entries of the run");
        assert_eq!(table.unmap(0x2_8000, 0x8000, true, &mut gather), Ok(0x8000));
        let mut expected = vec![0x1000; 8];
        expected.push(0x1_0000);
        assert_eq!(sizes(&table), expected);
        assert_eq!(table.lookup(0x2_7fff), Ok((0x8002_7fff, Prot::READ_WRITE)));
        assert_eq!(table.lookup(0x2_8000), Err(Error::NOT_FOUND));

        let mut seen = 0;
        let first_alone = |_: &libiommu::pgtable::Visit| {
            seen += 1;
            false
        };
        table.walk(0, u64::MAX, first_alone).unwrap();
        assert_eq!(seen, 1);
        assert_eq!(table.walk(1, 0, |_| true), Err(Error::INVALID));

        // Without runs the same is 16 entries each.
        let plain = Config { page_sizes: config.page_sizes & !(1 << 16), ..config };
        let mut table = PageTable::new(&platform, &plain).unwrap();
        let mut gather = table.gather();
        table.map(0x1_0000, 0x8001_0000, 0x1_0000, Prot::READ, &mut gather).unwrap();
        assert_eq!(sizes(&table), [0x1000; 16]);
    }
}

#[test]
fn roots_of_riscv_are_words_of_contexts_and_registers() {
    let heap = Heap::default();
    let platform = Platform::new(heap.clone());
    let first = PageTable::new(&platform, &Config::SV48).unwrap();
    assert_eq!(first.iosatp(), Ok(9 << 60 | first.root() >> 12));
    assert_eq!(first.satp(0x1234), Ok(9 << 60 | 0x1234 << 44 | first.root() >> 12));
    assert_eq!((first.iohgatp(1), first.hgatp(1)), (Err(Error::INVALID), Err(Error::INVALID)));
    assert_eq!(heap.in_use.load(Ordering::Relaxed), 1);

    let second = PageTable::new(&platform, &Config::SV48X4).unwrap();
    assert_eq!(second.root() % 0x4000, 0, "16 KiB");
    assert_eq!((heap.in_use.load(Ordering::Relaxed), second.pages()), (5, 4));
    assert_eq!(second.iohgatp(0xffff), Ok(9 << 60 | 0xffff << 44 | second.root() >> 12));
    assert_eq!(second.hgatp(0x3fff), Ok(9 << 60 | 0x3fff << 44 | second.root() >> 12));
    assert_eq!(second.hgatp(0x4000), Err(Error::INVALID));
    assert_eq!((second.iosatp(), second.satp(1)), (Err(Error::INVALID), Err(Error::INVALID)));
    assert_eq!(PageTable::new(&platform, &Config::VTD).unwrap().iosatp(), Err(Error::INVALID));

    let sv39 = Config { levels: 3, input_bits: 38, ..Config::SV48 };
    assert_eq!(PageTable::new(&platform, &sv39).unwrap().iosatp().unwrap() >> 60, 8);
    assert_eq!(PageTable::new(&platform, &Config { levels: 6, ..Config::SV48 }).err(), Some(Error::INVALID));
}

#[test]
fn bits_of_riscv_entries_follow_flags_and_permissions() {
    const USER: u64 = 1 << 4;
    const GLOBAL: u64 = 1 << 5;
    const ACCESSED_DIRTY: u64 = 3 << 6;
    const EXECUTE: u64 = 1 << 3;
    const IO: u64 = 2 << 61;
    let platform = Platform::new(Heap::default());
    let entry = |config: &Config, prot: Prot| {
        let mut table = PageTable::new(&platform, config).unwrap();
        let mut gather = table.gather();
        let mut entry = 0;
        table.map(0, 0x4000, 0x1000, prot, &mut gather).unwrap();
        let keep = |v: &libiommu::pgtable::Visit| {
            entry = if v.is_table { entry } else { v.entry };
            true
        };
        table.walk(0, 0xfff, keep).unwrap();
        entry
    };
    let plain = Config { flags: Flags::NONE, ..Config::SV48 };
    let all = Config { flags: Flags::ACCESSED | Flags::GLOBAL | Flags::MEMORY_TYPES, ..Config::SV48 };
    let bits = USER | GLOBAL | ACCESSED_DIRTY | EXECUTE | IO;

    assert_eq!(entry(&plain, Prot::READ) & bits, USER | EXECUTE);
    assert_eq!(entry(&all, Prot::READ) & bits, USER | EXECUTE | GLOBAL | ACCESSED_DIRTY);
    assert_eq!(
        entry(&all, Prot::READ | Prot::PRIVILEGED | Prot::NO_EXEC | Prot::MMIO) & bits,
        GLOBAL | ACCESSED_DIRTY | IO
    );
    assert!((Prot::READ | Prot::MMIO).has(Prot::MMIO) && !Prot::READ_WRITE.has(Prot::MMIO));
}

#[test]
fn a_gather_is_of_one_table() {
    let platform = Platform::new(Heap::default());
    let mut one = PageTable::new(&platform, &Config::VTD).unwrap();
    let two = PageTable::new(&platform, &Config::VTD).unwrap();
    let mut gather = two.gather();
    assert_eq!(one.map(0, 0, 0x1000, Prot::READ, &mut gather), Err(Error::INVALID));
    assert_eq!(one.unmap(0, 0x1000, false, &mut gather), Err(Error::INVALID));
    // SAFETY: no hardware has the table.
    assert_eq!(unsafe { one.confirmed(gather) }, Err(Error::INVALID));
}

#[test]
fn each_allocation_fails_once_and_leaves_no_trace() {
    for allowed in 0.. {
        let heap = Heap { left: Some(Arc::new(AtomicI64::new(allowed))), ..Heap::default() };
        let platform = Platform::new(heap.clone());
        let done = match PageTable::new(&platform, &Config::VTD) {
            Err(error) => {
                assert_eq!(error, Error::NO_MEMORY);
                false
            }
            Ok(mut table) => {
                let mut gather = table.gather();
                match table.map(0x3fff_f000, 0, 0x2000, Prot::READ, &mut gather) {
                    Err(error) => {
                        assert_eq!(error, Error::NO_MEMORY);
                        assert_eq!(table.lookup(0x3fff_f000), Err(Error::NOT_FOUND));
                        // SAFETY: no hardware has the table.
                        unsafe { table.confirmed(gather) }.unwrap();
                        false
                    }
                    Ok(()) => true,
                }
            }
        };
        assert_eq!(heap.in_use.load(Ordering::Relaxed), 0);
        if done {
            assert!(allowed >= 4, "four levels, and a second table");
            return;
        }
    }
}

#[test]
fn addresses_are_handed_out_once() {
    let heap = Heap::default();
    let platform = Platform::new(heap.clone());
    let space = IovaSpace::new(&platform, 4096, 1, 1000).unwrap();
    space.reserve(500, 599).unwrap();
    assert_eq!(space.reserve(550, 700).err(), Some(Error::EXISTS));
    let a = space.alloc(&Range { alignment: 64, ..Range::of(64) }).unwrap();
    assert_eq!((a.first() % 64, a.last() - a.first()), (0, 63));
    let ranges: Vec<_> = std::iter::from_fn(|| space.alloc(&Range::of(10)).ok()).collect();
    for (i, one) in ranges.iter().enumerate() {
        assert!(one.last() < 500 || one.first() > 599);
        assert!(ranges[..i].iter().all(|other| other.last() < one.first() || one.last() < other.first()));
    }
    assert_eq!(space.stats().taken, 100 + 64 + 10 * ranges.len() as u64);
    assert_eq!(space.alloc(&Range::of(0)).err(), Some(Error::INVALID));
    drop(ranges);
    drop(a);
    assert_eq!(space.stats().taken, 100);
    drop(space);
    assert_eq!(heap.in_use.load(Ordering::Relaxed), 0);
}

#[test]
fn threads_share_a_space() {
    let platform = Platform::new(Heap::default());
    let space = IovaSpace::new(&platform, 4096, 1, 1 << 20).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let range = space.alloc(&Range::of(3)).unwrap();
                    assert_eq!(range.last() - range.first(), 2);
                }
            });
        }
    });
    assert_eq!(space.stats().taken, 0);
}

/// A guest: memory from 0 on, and what the unit has told it.
#[derive(Clone)]
struct Machine {
    memory: Arc<Mutex<Vec<u8>>>,
    messages: Arc<AtomicU32>,
    invalidations: Arc<AtomicU32>,
}

impl Machine {
    fn new() -> Self {
        Machine {
            memory: Arc::new(Mutex::new(vec![0; 1 << 20])),
            messages: Arc::default(),
            invalidations: Arc::default(),
        }
    }
    fn store(&self, address: usize, word: u64) {
        self.memory.lock().unwrap()[address..address + 8].copy_from_slice(&word.to_le_bytes());
    }
}

impl Guest for Machine {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        let memory = self.memory.lock().unwrap();
        let from = address as usize;
        match memory.get(from..from.saturating_add(bytes.len())) {
            Some(found) => {
                bytes.copy_from_slice(found);
                true
            }
            None => false,
        }
    }
    fn write(&self, address: u64, bytes: &[u8]) -> bool {
        let mut memory = self.memory.lock().unwrap();
        let from = address as usize;
        match memory.get_mut(from..from.saturating_add(bytes.len())) {
            Some(there) => {
                there.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
    fn interrupt(&self, _address: u64, _data: u32) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }
    fn invalidate(&self) {
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_guest_drives_the_unit() {
    const GCMD: u64 = 0x18;
    const GSTS: u64 = 0x1c;
    const RTADDR: u64 = 0x20;
    let platform = Platform::new(Heap::default());
    let machine = Machine::new();
    let unit = Vtd::new(&platform, &UnitConfig::default(), machine.clone()).unwrap();
    let request = Request { source_id: 0x0010, address: 0x5123, access: Prot::READ };
    let before = unit.translate(&request).unwrap();
    assert_eq!(before.address, 0x5123, "translation is off");

    // Root, context, and four levels for 0000:00:02.0: page 5 leads to page 0x77.
    machine.store(0x1000, 0x2001);
    machine.store(0x2000 + 16 * 0x10, 0x3001);
    machine.store(0x2000 + 16 * 0x10 + 8, 0x0102);
    machine.store(0x3000, 0x4003);
    machine.store(0x4000, 0x6003);
    machine.store(0x6000, 0x7003);
    machine.store(0x7000 + 8 * 5, 0x7_7001);
    unit.mmio_write(RTADDR, 8, 0x1000);
    unit.mmio_write(GCMD, 4, 1 << 30);
    assert_ne!(unit.mmio_read(GSTS, 4) & 1 << 30, 0);
    unit.mmio_write(GCMD, 4, 1 << 31);
    assert_ne!(unit.mmio_read(GSTS, 4) & 1 << 31, 0);
    assert!(machine.invalidations.load(Ordering::Relaxed) > 0, "what was stored before is stale");

    let found = unit.translate(&request).unwrap();
    assert_eq!((found.address, found.prot.writes(), found.is_interrupt), (0x7_7123, false, false));
    let write = Request { access: Prot::WRITE, ..request };
    assert_eq!(unit.translate(&write), Err(5), "the page is for reading");
    assert_eq!(unit.translate(&Request { source_id: 0x0018, ..request }), Err(2), "no context entry");
}

#[test]
fn a_panic_in_a_callback_ends_the_program() {
    use std::os::unix::process::ExitStatusExt;
    const CHILD: &str = "LIBIOMMU_TEST_PANICS";
    struct Panics;
    // SAFETY: no block is ever handed out.
    unsafe impl Pages for Panics {
        fn alloc(&self, _order: u32) -> Option<NonNull<u8>> {
            panic!("the host's own")
        }
        unsafe fn free(&self, _pages: NonNull<u8>, _order: u32) {}
    }

    if std::env::var_os(CHILD).is_some() {
        let _ = std::panic::catch_unwind(|| PageTable::new(&Platform::new(Panics), &Config::VTD).is_ok());
        return; // it must not come so far
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_panic_in_a_callback_ends_the_program", "--nocapture"]).env(CHILD, "1");
    let done = child.output().unwrap();
    assert_eq!(done.status.signal(), Some(6), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stderr).contains("the host's own"));
}

#[test]
fn errors_have_words() {
    assert!(Error::NO_MEMORY.to_string().contains("ENOMEM"));
    assert!(format!("{:?}", Error::INVALID).contains("EINVAL"));
    assert_eq!(Error::EXISTS.status(), -17);
}
