// SPDX-License-Identifier: BSD-2-Clause
//! The unit of RISC-V over tables that the library made in its guest's memory.
#![deny(unsafe_op_in_unsafe_fn)]
use libiommu::model_riscv::{
    Atomics, Config as UnitConfig, Failure, Fault, Guest, Invalidated, Invalidation, Kind, PageAnswer, PageAnswers,
    PageRequest, Request, Riscv,
};
use libiommu::pgtable::{Config, Flags, PageTable, Visit};
use libiommu::{Error, Pages, Platform, Prot, PAGE_SIZE};
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const CAPABILITIES: u64 = 0x000;
const DDTP: u64 = 0x010;
const CQB: u64 = 0x018;
const CQH: u64 = 0x020;
const CQT: u64 = 0x024;
const CQCSR: u64 = 0x048;
const AMO_HWAD: u64 = 1 << 24;
const ATS: u64 = 1 << 25;

const SIZE: usize = 1 << 20;
const DIRECTORY: u64 = 0x1000;
const QUEUE: u64 = 0x2000;
const DONE: u64 = 0x3000;
/// Where blocks for tables begin.
const BLOCKS: usize = 0x8_0000;

fn layout() -> Layout {
    Layout::from_size_align(SIZE, SIZE).unwrap()
}

/// A guest's memory, from 0 on, of words that several threads may access at once. Blocks are not reused.
struct Memory {
    base: NonNull<u8>,
    next: AtomicUsize,
}

// SAFETY: it is accessed as atomic words alone, by the test and by the library.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new() -> Self {
        // SAFETY: the size is not 0.
        let base = NonNull::new(unsafe { alloc_zeroed(layout()) }).unwrap();
        Memory { base, next: AtomicUsize::new(BLOCKS) }
    }
    fn word(&self, address: u64) -> Option<&AtomicU64> {
        let inside = address % 8 == 0 && address < SIZE as u64;
        // SAFETY: inside of the memory, aligned, and never accessed otherwise.
        inside.then(|| unsafe { &*self.base.as_ptr().add(address as usize).cast::<AtomicU64>() })
    }
    fn store(&self, address: u64, word: u64) {
        self.word(address).unwrap().store(word, Ordering::Relaxed)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with that layout.
        unsafe { dealloc(self.base.as_ptr(), layout()) }
    }
}

#[derive(Clone)]
struct Tables(Arc<Memory>);

// SAFETY: blocks are zeroed, aligned, and handed out once; physical addresses count from the base.
unsafe impl Pages for Tables {
    fn alloc(&self, order: u32) -> Option<NonNull<u8>> {
        let size = PAGE_SIZE << order;
        let take = |next: usize| Some((next + size - 1) / size * size + size).filter(|end| *end <= SIZE);
        let before = self.0.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        // SAFETY: inside of the memory.
        NonNull::new(unsafe { self.0.base.as_ptr().add((before + size - 1) / size * size) })
    }
    unsafe fn free(&self, _pages: NonNull<u8>, _order: u32) {}
    fn virt_to_phys(&self, virt: *const u8) -> u64 {
        virt as u64 - self.0.base.as_ptr() as u64
    }
    fn phys_to_virt(&self, phys: u64) -> *mut u8 {
        self.0.base.as_ptr().wrapping_add(phys as usize)
    }
}

#[derive(Default)]
struct Told {
    invalidations: Vec<Invalidation>,
    answers: Vec<PageAnswer>,
    misuse: Vec<String>,
}

#[derive(Clone)]
struct Machine {
    memory: Arc<Memory>,
    told: Arc<Mutex<Told>>,
    has_atomics: bool,
    has_answers: bool,
}

impl Machine {
    fn new() -> Self {
        Machine { memory: Arc::new(Memory::new()), told: Arc::default(), has_atomics: true, has_answers: true }
    }
    fn tables(&self) -> Platform {
        Platform::new(Tables(self.memory.clone()))
    }
    /// The context of a device in the one table of the directory.
    fn set_context(&self, device: u64, tc: u64, iohgatp: u64, pscid: u64, iosatp: u64) {
        for (i, word) in [tc, iohgatp, pscid << 12, iosatp].iter().enumerate() {
            self.memory.store(DIRECTORY + device * 64 + 8 * i as u64, *word);
        }
    }
}

impl Guest for Machine {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        for (i, part) in bytes.chunks_mut(8).enumerate() {
            let at = address + 8 * i as u64;
            match self.memory.word(at & !7) {
                Some(word) => {
                    let word = word.load(Ordering::Relaxed) >> (8 * (at % 8));
                    let size = part.len();
                    part.copy_from_slice(&word.to_le_bytes()[..size]);
                }
                None => return false,
            }
        }
        true
    }
    fn write(&self, address: u64, bytes: &[u8]) -> bool {
        for (i, part) in bytes.chunks(8).enumerate() {
            let at = address + 8 * i as u64;
            let mut new = [0; 8];
            match self.memory.word(at & !7) {
                Some(word) => {
                    let from = (at % 8) as usize;
                    new.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
                    new[from..from + part.len()].copy_from_slice(part);
                    word.store(u64::from_le_bytes(new), Ordering::Relaxed);
                }
                None => return false,
            }
        }
        true
    }
    fn interrupt(&self, _address: u64, _data: u32) -> bool {
        true
    }
    fn invalidate(&self, what: &Invalidation) -> bool {
        self.told.lock().unwrap().invalidations.push(*what);
        true
    }
    fn misuse(&self, text: &str) {
        self.told.lock().unwrap().misuse.push(text.to_owned());
    }
    fn atomics(&self) -> Option<&dyn Atomics> {
        self.has_atomics.then_some(self as &dyn Atomics)
    }
    fn page_answers(&self) -> Option<&dyn PageAnswers> {
        self.has_answers.then_some(self as &dyn PageAnswers)
    }
}

impl Atomics for Machine {
    fn set_bits(&self, address: u64, bits: u64) -> Option<u64> {
        Some(self.memory.word(address)?.fetch_or(bits, Ordering::Relaxed))
    }
    fn compare_exchange(&self, address: u64, expected: u64, desired: u64) -> bool {
        let replace =
            |word: &AtomicU64| word.compare_exchange(expected, desired, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        self.memory.word(address).map_or(false, replace)
    }
}

impl PageAnswers for Machine {
    fn answer(&self, answer: &PageAnswer) {
        self.told.lock().unwrap().answers.push(*answer);
    }
}

/// The platform of the unit's own memory.
fn heap() -> Platform {
    struct Heap;
    fn block(order: u32) -> Layout {
        Layout::from_size_align(PAGE_SIZE << order, PAGE_SIZE << order).unwrap()
    }
    // SAFETY: the allocator's blocks, whose virtual addresses stand for physical ones.
    unsafe impl Pages for Heap {
        fn alloc(&self, order: u32) -> Option<NonNull<u8>> {
            // SAFETY: the size is not 0.
            NonNull::new(unsafe { alloc_zeroed(block(order)) })
        }
        unsafe fn free(&self, pages: NonNull<u8>, order: u32) {
            // SAFETY: the caller's promise.
            unsafe { dealloc(pages.as_ptr(), block(order)) }
        }
    }
    Platform::new(Heap)
}

/// A unit whose directory has one level.
fn unit_over(machine: &Machine, config: &UnitConfig) -> Riscv {
    let unit = Riscv::new(&heap(), config, machine.clone()).unwrap();
    assert_eq!(unit.translate(&Request::of(5, 0x1000, Prot::READ)).err().map(|fault| fault.cause), Some(256), "off");
    unit.mmio_write(DDTP, 8, DIRECTORY >> 12 << 10 | 2);
    assert_eq!(unit.mmio_read(DDTP, 8) & 0x1f, 2);
    unit
}

/// Queues commands from the first place on, with a fence behind them, and waits for the word of the fence.
fn execute(machine: &Machine, unit: &Riscv, commands: &[(u64, u64)]) {
    let fence = (2 | 1 << 10 | 0x5a << 32, DONE >> 2);
    let all: Vec<_> = commands.iter().chain([&fence]).collect();

    machine.memory.store(DONE, 0);
    unit.mmio_write(CQCSR, 4, 0);
    unit.mmio_write(CQB, 8, QUEUE >> 12 << 10 | 4);
    for (i, command) in all.iter().enumerate() {
        machine.memory.store(QUEUE + 16 * i as u64, command.0);
        machine.memory.store(QUEUE + 16 * i as u64 + 8, command.1);
    }
    unit.mmio_write(CQT, 4, 0);
    unit.mmio_write(CQCSR, 4, 1);
    unit.mmio_write(CQT, 4, all.len() as u64);
    while unit.run() {}
    assert_eq!(unit.mmio_read(CQH, 4), all.len() as u64, "{:?}", machine.told.lock().unwrap().misuse);
    assert_eq!(machine.memory.word(DONE).unwrap().load(Ordering::Relaxed), 0x5a);
}

#[test]
fn first_stage_tables_are_translated_and_forgotten_by_commands() {
    const VMA: u64 = 1;
    const PSCV: u64 = 1 << 32;
    let machine = Machine::new();
    let platform = machine.tables();
    let mut table = PageTable::new(&platform, &Config::SV48).unwrap();
    let mut gather = table.gather();
    table.map(0x4001_0000, 0x8_0001_0000, 0x1_0000, Prot::READ, &mut gather).unwrap();
    machine.set_context(5, 1, 0, 7, table.iosatp().unwrap());
    let unit = unit_over(&machine, &UnitConfig::default());

    let read = Request::of(5, 0x4001_2345, Prot::READ);
    let found = unit.translate(&read).unwrap();
    assert_eq!((found.address, found.size, found.prot.writes()), (0x8_0001_2345, 0x1_0000, false), "a run");
    let page_fault = |cause| Err(Fault { cause, aborted: false });
    assert_eq!(unit.translate(&Request { access: Prot::WRITE, ..read }), page_fault(15));
    assert_eq!(unit.translate(&Request { address: 0x4002_0000, ..read }), page_fault(13));
    assert_eq!(unit.translate(&Request { device_id: 6, ..read }), page_fault(258), "no context");

    assert_eq!(table.unmap(0x4001_0000, 0x1_0000, false, &mut gather), Ok(0x1_0000));
    assert!(unit.translate(&read).is_ok(), "the unit has not been told");
    machine.told.lock().unwrap().invalidations.clear();
    execute(&machine, &unit, &[(VMA | PSCV | 7 << 12, 0)]);
    assert_eq!(unit.translate(&read), page_fault(13));
    let told = machine.told.lock().unwrap();
    assert_eq!(told.invalidations.len(), 1);
    assert_eq!((told.invalidations[0].of, told.invalidations[0].pscid), (Invalidated::FirstStage, Some(7)));
    assert_eq!((told.invalidations[0].gscid, told.invalidations[0].range), (None, None));
    // SAFETY: the unit has confirmed that it has forgotten everything of this process.
    unsafe { table.confirmed(gather) }.unwrap();
}

#[test]
fn both_stages_one_behind_the_other() {
    let machine = Machine::new();
    let platform = machine.tables();
    let mut first = PageTable::new(&platform, &Config::SV48).unwrap();
    let mut second = PageTable::new(&platform, &Config::SV48X4).unwrap();
    let (mut of_first, mut of_second) = (first.gather(), second.gather());

    // The first stage's tables have the addresses of memory in the guest, too.
    second.map(0, 0, SIZE as u64, Prot::READ, &mut of_second).unwrap();
    second.map(0x3_4000_0000, 0x9_8000_0000, 0x2000, Prot::READ_WRITE, &mut of_second).unwrap();
    first.map(0x10_0000, 0x3_4000_0000, 0x3000, Prot::READ_WRITE, &mut of_first).unwrap();
    machine.set_context(9, 1, second.iohgatp(3).unwrap(), 1, first.iosatp().unwrap());
    machine.set_context(10, 1, second.iohgatp(3).unwrap(), 0, 0);
    let unit = unit_over(&machine, &UnitConfig::default());

    let found = unit.translate(&Request::of(9, 0x10_1abc, Prot::READ_WRITE)).unwrap();
    assert_eq!((found.address, found.size), (0x9_8000_1abc, 0x1000));
    let beyond = Request::of(9, 0x10_2000, Prot::WRITE);
    assert_eq!(unit.translate(&beyond), Err(Fault { cause: 23, aborted: false }), "the second stage's fault");
    let alone = unit.translate(&Request::of(10, 0x3_4000_0010, Prot::READ)).unwrap();
    assert_eq!(alone.address, 0x9_8000_0010);

    let all = unit.mappings(9, None, (0, 0xffff_ffff), 1 << 20).unwrap();
    let at: Vec<_> = all.iter().map(|m| (m.iova, m.address, m.size, m.prot.writes())).collect();
    assert_eq!(at, [(0x10_0000, 0x9_8000_0000, 0x1000, true), (0x10_1000, 0x9_8000_1000, 0x1000, true)]);
    assert_eq!(unit.mappings(9, None, (0, 0xffff_ffff), 1), Err(Failure::TooMuch));
    assert_eq!(unit.mappings(11, None, (0, 0xfff), 16), Err(Failure::Blocked { cause: 258 }));
    assert_eq!(unit.mappings(9, None, (1, 0), 16), Err(Failure::Refused(Error::INVALID)));
}

#[test]
fn hardware_sets_bits_where_the_guests_memory_is_atomic() {
    const SADE: u64 = 1 << 8;
    let machine = Machine::new();
    let platform = machine.tables();
    let mut table = PageTable::new(&platform, &Config { flags: Flags::NONE, ..Config::SV48 }).unwrap();
    let mut gather = table.gather();
    table.map(0x5000, 0x7000, 0x1000, Prot::READ_WRITE, &mut gather).unwrap();
    let bits = |table: &PageTable| {
        let mut bits = 0;
        let keep = |v: &Visit| {
            bits = if v.is_table { bits } else { v.entry >> 6 & 3 };
            true
        };
        table.walk(0x5000, 0x5fff, keep).unwrap();
        bits
    };
    machine.set_context(5, 1 | SADE, 0, 1, table.iosatp().unwrap());
    let unit = unit_over(&machine, &UnitConfig::default());
    assert_ne!(unit.mmio_read(CAPABILITIES, 8) & AMO_HWAD, 0);
    let read = Request::of(5, 0x5000, Prot::READ);
    assert!(unit.peek(&read).is_ok());
    assert_eq!(bits(&table), 0, "a peek has no effect");
    assert!(unit.translate(&read).is_ok());
    assert_eq!(bits(&table), 1, "accessed");
    assert!(unit.translate(&Request { access: Prot::WRITE, ..read }).is_ok());
    assert_eq!(bits(&table), 3, "dirty");

    let lame = Machine { has_atomics: false, has_answers: false, ..Machine::new() };
    let unit = unit_over(&lame, &UnitConfig::default());
    assert_eq!(unit.mmio_read(CAPABILITIES, 8) & (AMO_HWAD | ATS), 0);
    let wants = UnitConfig { capabilities: AMO_HWAD | 1 << 10 | 1 << 9, ..UnitConfig::default() };
    assert_eq!(Riscv::new(&heap(), &wants, lame).err(), Some(Error::INVALID));
}

#[test]
fn translation_and_page_requests_of_devices() {
    const EN_ATS: u64 = 1 << 1;
    const EN_PRI: u64 = 1 << 2;
    let machine = Machine::new();
    let platform = machine.tables();
    let mut table = PageTable::new(&platform, &Config::SV48).unwrap();
    let mut gather = table.gather();
    table.map(0x5000, 0x7000, 0x1000, Prot::READ, &mut gather).unwrap();
    machine.set_context(5, 1 | EN_ATS | EN_PRI, 0, 1, table.iosatp().unwrap());
    let unit = unit_over(&machine, &UnitConfig::default());
    assert_ne!(unit.mmio_read(CAPABILITIES, 8) & ATS, 0);

    let ask = Request { kind: Kind::TranslationRequest, ..Request::of(5, 0x5000, Prot::READ_WRITE) };
    let answer = unit.translate(&ask).unwrap();
    assert_eq!((answer.address, answer.prot), (0x7000, Prot::READ), "fewer permissions than asked for");
    let missing = unit.translate(&Request { address: 0x6000, ..ask }).unwrap();
    assert!(!missing.prot.reads() && !missing.prot.writes());
    let by_tlb = Request { kind: Kind::Translated, ..Request::of(5, 0x7123, Prot::READ) };
    assert_eq!(unit.translate(&by_tlb).unwrap().address, 0x7123);

    // The driver has no queue for page requests: the unit answers itself.
    let page = PageRequest {
        device_id: 5,
        process_id: None,
        privileged: false,
        execute: false,
        address: 0x6000,
        access: Some(Prot::READ),
        group: 33,
        is_last: true,
    };
    assert_eq!(unit.page_request(&page), Err(Error::FAULT));
    let expected = PageAnswer { device_id: 5, process_id: None, group: 33, code: 15 };
    assert_eq!(machine.told.lock().unwrap().answers, [expected]);
}

#[test]
fn state_is_saved_and_restored_and_reset() {
    let machine = Machine::new();
    let mut unit = unit_over(&machine, &UnitConfig::default());
    let state = unit.save();
    let before = unit.mmio_read(DDTP, 8);
    unit.reset();
    assert_eq!(unit.mmio_read(DDTP, 8), 0);
    assert_eq!(unit.restore(&state[1..]), Err(Error::INVALID));
    assert_eq!(unit.mmio_read(DDTP, 8), 0, "nothing has changed");
    unit.restore(&state).unwrap();
    assert_eq!(unit.mmio_read(DDTP, 8), before);
    let resets = machine.told.lock().unwrap().invalidations.iter().filter(|i| i.of == Invalidated::Everything).count();
    assert!(resets >= 3, "the mode was set, and reset and restore");
}

#[test]
fn messages_pass_a_bare_unit_as_they_are() {
    let machine = Machine::new();
    let bare = UnitConfig { resets_bare: true, ..UnitConfig::default() };
    let unit = Riscv::new(&heap(), &bare, machine).unwrap();
    let message = unit.message(&Request::of(5, 0x2800_0000, Prot::WRITE), 0x42).unwrap();
    assert_eq!((message.due, message.to.is_message), (Some((0x2800_0000, 0x42)), false));
}

#[test]
fn threads_share_a_unit() {
    let machine = Machine::new();
    let platform = machine.tables();
    let mut table = PageTable::new(&platform, &Config::SV48).unwrap();
    let mut gather = table.gather();
    table.map(0, 0x10_0000_0000, 0x4_0000, Prot::READ, &mut gather).unwrap();
    machine.set_context(5, 1, 0, 1, table.iosatp().unwrap());
    let unit = unit_over(&machine, &UnitConfig { cache_entries: 2, ..UnitConfig::default() });
    std::thread::scope(|scope| {
        for start in 0..2 {
            let unit = &unit;
            scope.spawn(move || {
                for i in 0..2000 {
                    let address = (start + i * 7) % 64 * 0x1000;
                    let found = unit.translate(&Request::of(5, address, Prot::READ)).unwrap();
                    assert_eq!(found.address, 0x10_0000_0000 + address);
                }
            });
        }
    });
}
