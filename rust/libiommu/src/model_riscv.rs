// SPDX-License-Identifier: BSD-2-Clause
//! The RISC-V IOMMU that an emulator shows to its guest (`model_riscv.h`): register accesses and commands go in, and
//! requests of the guest's devices come out translated.
use crate::{called_back, Error, Platform, Prot, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;
use libiommu_sys as sys;

/// What the unit needs of its emulator. Methods are called on any thread, several at once. `read`, `write`,
/// `work_remains` and the methods of [`Atomics`] must not call the unit; the others may.
pub trait Guest: Send + Sync {
    /// Read guest physical memory: 4, 8 or 16 bytes, aligned; false: there is no memory. 8 bytes atomically.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;
    /// Write guest physical memory, likewise.
    fn write(&self, address: u64, bytes: &[u8]) -> bool;
    /// Deliver a message of the unit itself; false: nothing is there.
    fn interrupt(&self, address: u64, data: u32) -> bool;
    /// A wire of the unit changes.
    fn wire(&self, _vector: u32, _level: bool) {}
    /// The guest invalidates: what the emulator has stored of translations is stale as far as that says. False: the
    /// device does not answer an invalidation of its TLB.
    fn invalidate(&self, _what: &Invalidation) -> bool {
        true
    }
    /// There is more to do than one call does: have [`Riscv::run`] called, from elsewhere.
    fn work_remains(&self) {}
    /// The guest's driver has violated a rule of the specification. As often as it likes: limit what is logged.
    fn misuse(&self, _text: &str) {}
    /// Atomic accesses of guest memory. `None`: the unit is one that sets no accessed and dirty bits.
    fn atomics(&self) -> Option<&dyn Atomics> {
        None
    }
    /// Who takes answers to page requests. `None`: the unit is one without ATS.
    fn page_answers(&self) -> Option<&dyn PageAnswers> {
        None
    }
}

/// Atomic accesses of 8 aligned bytes of guest memory, little-endian.
pub trait Atomics {
    /// Set bits; what was there before, or `None`: there is no memory.
    fn set_bits(&self, address: u64, bits: u64) -> Option<u64>;
    /// Replace, if what is there is as expected; false: it is not, or there is no memory.
    fn compare_exchange(&self, address: u64, expected: u64, desired: u64) -> bool;
}

/// Answers to devices' page requests.
pub trait PageAnswers {
    /// Deliver an answer.
    fn answer(&self, answer: &PageAnswer);
}

/// An answer to the page requests of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageAnswer {
    /// The device.
    pub device_id: u32,
    /// Its process (PASID).
    pub process_id: Option<u32>,
    /// The group of requests.
    pub group: u16,
    /// PCIe: 0 success, 1 invalid request, 15 failure.
    pub code: u32,
}

/// What an invalidation is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalidated {
    /// First-stage entries.
    FirstStage,
    /// Second-stage entries, and those of MSI tables.
    SecondStage,
    /// Contexts of devices and of their processes.
    Devices,
    /// Contexts of processes.
    Processes,
    /// What a device keeps.
    DeviceTlb,
    /// Everything: the mode was set, or the unit reset.
    Everything,
}

/// An invalidation. `None` restricts nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalidation {
    /// Of what.
    pub of: Invalidated,
    /// Of the guest with this GSCID.
    pub gscid: Option<u16>,
    /// First stage: of this PSCID, without global entries.
    pub pscid: Option<u32>,
    /// Devices, processes, device TLBs: of this device.
    pub device_id: Option<u32>,
    /// Of this process; of a device TLB `None` is the entries without one, unless `all_processes`.
    pub process_id: Option<u32>,
    /// Device TLBs: of any process.
    pub all_processes: bool,
    /// First address and size, of pages of 4 KiB; size 0: everything.
    pub range: Option<(u64, u64)>,
    /// No entry that leads to a table has changed.
    pub leaves_only: bool,
}

/// The shape of a unit. The default has everything that its guest's memory allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// The register of capabilities, as the datasheet has it (`riscv_registers.h`); 0: all that is possible.
    pub capabilities: u64,
    /// Every request passes after reset, in place of none.
    pub resets_bare: bool,
    /// Interrupt vectors: 1, 2, 4, 8 or 16; 0: 4.
    pub vectors: u32,
    /// The most entries of all kinds that are cached; 0: 16384.
    pub cache_entries: usize,
    /// Not 0: entries are evicted at random, as real caches do.
    pub forget_seed: u64,
}

/// How a request came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// With an address that is to be translated.
    Untranslated,
    /// ATS: a device fills its TLB.
    TranslationRequest,
    /// With an address of the device's TLB.
    Translated,
}

/// A request of a guest's device.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// 24 bits.
    pub device_id: u32,
    /// How it came.
    pub kind: Kind,
    /// PCIe: a PASID.
    pub process_id: Option<u32>,
    /// The address.
    pub address: u64,
    /// What it does there; both: an atomic operation.
    pub access: Prot,
    /// By a supervisor; with a process alone.
    pub privileged: bool,
    /// A read for execution; with a process alone.
    pub execute: bool,
}

impl Request {
    /// An untranslated request without a process.
    pub fn of(device_id: u32, address: u64, access: Prot) -> Self {
        Request {
            device_id,
            kind: Kind::Untranslated,
            process_id: None,
            address,
            access,
            privileged: false,
            execute: false,
        }
    }

    fn raw(&self) -> sys::iommu_model_riscv_request {
        // SAFETY: a structure of numbers.
        let mut r: sys::iommu_model_riscv_request = unsafe { core::mem::zeroed() };
        r.device_id = self.device_id;
        r.type_ = match self.kind {
            Kind::Untranslated => sys::IOMMU_MODEL_RISCV_UNTRANSLATED,
            Kind::TranslationRequest => sys::IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
            Kind::Translated => sys::IOMMU_MODEL_RISCV_TRANSLATED,
        };
        r.has_process = self.process_id.is_some();
        r.process_id = self.process_id.unwrap_or(0);
        r.address = self.address;
        r.access = self.access.0;
        r.privileged = self.privileged;
        r.execute = self.execute;
        r
    }
}

/// A virtual interrupt file that lies in memory: the message is stored there ([`Riscv::message`]), not at the address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterruptFile {
    /// The file.
    pub address: u64,
    /// Where the notice goes.
    pub notice: u64,
    /// Its data.
    pub notice_data: u32,
}

/// Where a request leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translation {
    /// The physical address, or with `is_guest_address` a guest's.
    pub address: u64,
    /// What the device may do there. The answer to a translation request may have less than was asked for.
    pub prot: Prot,
    /// … execution, in a request for that.
    pub executable: bool,
    /// The size of the block around it that is translated alike.
    pub size: u64,
    /// 0 as the platform says, 1 not cached, 2 I/O.
    pub memory_type: u32,
    /// The answer to a translation request of a device that is told guest addresses.
    pub is_guest_address: bool,
    /// A page of a virtual interrupt file.
    pub is_message: bool,
    /// … which lies in memory.
    pub file: Option<InterruptFile>,
    /// In the answer to a translation request: of all processes, of supervisors, not to be kept.
    pub is_global: bool,
    /// See `is_global`.
    pub is_privileged: bool,
    /// See `is_global`.
    pub untranslated_only: bool,
    /// Quality-of-service id of the access.
    pub rcid: u16,
    /// … of its monitoring.
    pub mcid: u16,
}

/// Why a request leads nowhere. It was recorded as the specification requires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// CAUSE of the specification.
    pub cause: u32,
    /// PCIe: a translation request is answered with Completer Abort, in place of Unsupported Request.
    pub aborted: bool,
}

/// A message of a device, as it is to be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where the device's store leads.
    pub to: Translation,
    /// Address and data that the emulator still has to store: the message, or the notice of an interrupt file.
    pub due: Option<(u64, u32)>,
}

/// A page request of a device.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// The device.
    pub device_id: u32,
    /// Its process (PASID).
    pub process_id: Option<u32>,
    /// By a supervisor.
    pub privileged: bool,
    /// For execution.
    pub execute: bool,
    /// The page.
    pub address: u64,
    /// What is wanted; `None`, with `is_last` and a process: a stop marker.
    pub access: Option<Prot>,
    /// 0 to 511.
    pub group: u16,
    /// The last of its group.
    pub is_last: bool,
}

/// A piece of what a device reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The device's address.
    pub iova: u64,
    /// The physical one.
    pub address: u64,
    /// In bytes, a multiple of 4 KiB.
    pub size: u64,
    /// Permissions.
    pub prot: Prot,
    /// A page of a virtual interrupt file.
    pub is_message: bool,
}

/// A unit over a guest.
pub struct Riscv {
    raw: ptr::NonNull<sys::iommu_model_riscv>,
    _guest: Box<Box<dyn Guest>>,
    _platform: Platform,
}

// SAFETY: "every function but create and destroy may be called from any thread".
unsafe impl Send for Riscv {}
// SAFETY: as above; those that need devices to be quiet take the unit exclusively.
unsafe impl Sync for Riscv {}

// --- What the unit calls ---------------------------------------------------------------------------------------------

unsafe fn guest_of<'a>(ctx: *mut c_void) -> &'a dyn Guest {
    // SAFETY: Riscv::new put its boxed guest there, which lives as long as the unit.
    unsafe { &**ctx.cast::<Box<dyn Guest>>() }
}

unsafe extern "C" fn read(ctx: *mut c_void, address: u64, bytes: *mut c_void, size: usize) -> bool {
    // SAFETY: the unit passes `size` bytes of its own, which are initialised before the guest sees them.
    let (guest, bytes) = unsafe {
        ptr::write_bytes(bytes.cast::<u8>(), 0, size);
        (guest_of(ctx), core::slice::from_raw_parts_mut(bytes.cast::<u8>(), size))
    };
    called_back(|| guest.read(address, bytes))
}

unsafe extern "C" fn write(ctx: *mut c_void, address: u64, bytes: *const c_void, size: usize) -> bool {
    // SAFETY: the unit passes `size` bytes of its own.
    let (guest, bytes) = unsafe { (guest_of(ctx), core::slice::from_raw_parts(bytes.cast::<u8>(), size)) };
    called_back(|| guest.write(address, bytes))
}

unsafe extern "C" fn set_bits(ctx: *mut c_void, address: u64, bits: u64, before: *mut u64) -> bool {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    match called_back(|| guest.atomics().and_then(|atomics| atomics.set_bits(address, bits))) {
        Some(found) => {
            // SAFETY: the unit passes a word of its own.
            unsafe { before.write(found) };
            true
        }
        None => false,
    }
}

unsafe extern "C" fn compare_exchange(ctx: *mut c_void, address: u64, expected: u64, desired: u64) -> bool {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.atomics().map_or(false, |atomics| atomics.compare_exchange(address, expected, desired)))
}

unsafe extern "C" fn interrupt(ctx: *mut c_void, address: u64, data: u32) -> bool {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.interrupt(address, data))
}

unsafe extern "C" fn wire(ctx: *mut c_void, vector: u32, level: bool) {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.wire(vector, level))
}

unsafe extern "C" fn page_answer(ctx: *mut c_void, answer: *const sys::iommu_model_riscv_page_answer) {
    // SAFETY: as guest_of says; the unit passes an answer.
    let (guest, a) = unsafe { (guest_of(ctx), &*answer) };
    let answer = PageAnswer {
        device_id: a.device_id,
        process_id: a.has_process.then_some(a.process_id),
        group: a.group,
        code: a.code,
    };
    called_back(|| {
        if let Some(answers) = guest.page_answers() {
            answers.answer(&answer)
        }
    })
}

unsafe extern "C" fn misuse(ctx: *mut c_void, text: *const libiommu_sys::ctypes::c_char) {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    let mut length = 0;
    // SAFETY: the text is static, and ends with a zero, at which the loop ends.
    let bytes = unsafe {
        while *text.add(length) != 0 {
            length += 1;
        }
        core::slice::from_raw_parts(text.cast::<u8>(), length)
    };
    called_back(|| guest.misuse(core::str::from_utf8(bytes).unwrap_or_default()))
}

unsafe extern "C" fn work_remains(ctx: *mut c_void) {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.work_remains())
}

unsafe extern "C" fn invalidate(ctx: *mut c_void, what: *const sys::iommu_model_riscv_invalidation) -> bool {
    // SAFETY: as guest_of says; the unit passes an invalidation.
    let (guest, w) = unsafe { (guest_of(ctx), &*what) };
    let what = Invalidation {
        of: match w.type_ {
            sys::IOMMU_MODEL_RISCV_FIRST_STAGE => Invalidated::FirstStage,
            sys::IOMMU_MODEL_RISCV_SECOND_STAGE => Invalidated::SecondStage,
            sys::IOMMU_MODEL_RISCV_DEVICES => Invalidated::Devices,
            sys::IOMMU_MODEL_RISCV_PROCESSES => Invalidated::Processes,
            sys::IOMMU_MODEL_RISCV_DEVICE_TLB => Invalidated::DeviceTlb,
            _ => Invalidated::Everything,
        },
        gscid: w.has_guest.then_some(w.gscid),
        pscid: w.has_pscid.then_some(w.pscid),
        device_id: w.has_device.then_some(w.device_id),
        process_id: w.has_process.then_some(w.process_id),
        all_processes: w.all_processes,
        range: w.has_range.then_some((w.address, w.size)),
        leaves_only: w.leaves_only,
    };
    called_back(|| guest.invalidate(&what))
}

// --- The unit --------------------------------------------------------------------------------------------------------

fn empty_translation() -> sys::iommu_model_riscv_translation {
    // SAFETY: a structure of numbers.
    unsafe { core::mem::zeroed() }
}

fn result_of(status: i32, t: &sys::iommu_model_riscv_translation) -> core::result::Result<Translation, Fault> {
    if status != 0 {
        return Err(Fault { cause: t.cause, aborted: t.answer == sys::IOMMU_MODEL_RISCV_ABORTED });
    }
    Ok(Translation {
        address: t.paddr,
        prot: Prot(t.prot),
        executable: t.executable,
        size: t.size,
        memory_type: t.memory_type,
        is_guest_address: t.is_guest_address,
        is_message: t.is_message,
        file: t.is_file.then_some(InterruptFile { address: t.file, notice: t.notice, notice_data: t.notice_data }),
        is_global: t.is_global,
        is_privileged: t.is_privileged,
        untranslated_only: t.untranslated_only,
        rcid: t.rcid,
        mcid: t.mcid,
    })
}

impl Riscv {
    /// A unit in its reset state. [`Error::INVALID`]: the configuration contradicts itself, or the guest lacks what its
    /// capabilities need.
    pub fn new(platform: &Platform, config: &Config, guest: impl Guest + 'static) -> Result<Self> {
        let guest: Box<Box<dyn Guest>> = Box::new(Box::new(guest));
        // SAFETY: numbers, pointers and optional functions, for which zero is the default.
        let mut c: sys::iommu_model_riscv_config = unsafe { core::mem::zeroed() };
        c.platform = platform.as_ptr();
        c.host.ctx = (&*guest as *const Box<dyn Guest>) as *mut c_void;
        c.host.read = Some(read);
        c.host.write = Some(write);
        c.host.interrupt = Some(interrupt);
        c.host.wire = Some(wire);
        c.host.misuse = Some(misuse);
        c.host.work_remains = Some(work_remains);
        c.host.invalidate = Some(invalidate);
        if guest.atomics().is_some() {
            c.host.set_bits = Some(set_bits);
            c.host.compare_exchange = Some(compare_exchange);
        }
        if guest.page_answers().is_some() {
            c.host.page_answer = Some(page_answer);
        }
        c.capabilities = config.capabilities;
        c.resets_bare = config.resets_bare;
        c.vectors = config.vectors;
        c.cache_entries = config.cache_entries as _;
        c.forget_seed = config.forget_seed;
        let mut raw = ptr::null_mut();
        // SAFETY: guest and platform live as long as the unit, which keeps both.
        Error::check(unsafe { sys::iommu_model_riscv_create(&c, &mut raw) })?;
        let raw = ptr::NonNull::new(raw).expect("a unit after success");
        Ok(Riscv { raw, _guest: guest, _platform: platform.clone() })
    }

    /// Reset the unit; no request is in progress.
    pub fn reset(&mut self) {
        // SAFETY: the unit exists as long as self, which is exclusive.
        unsafe { sys::iommu_model_riscv_reset(self.raw.as_ptr()) }
    }

    /// The guest reads a register of 4 or 8 bytes, in a window of 4 KiB.
    pub fn mmio_read(&self, offset: u64, size: u32) -> u64 {
        // SAFETY: the unit exists as long as self; any offset and size is answered.
        unsafe { sys::iommu_model_riscv_mmio_read(self.raw.as_ptr(), offset, size) }
    }

    /// The guest writes one.
    pub fn mmio_write(&self, offset: u64, size: u32, value: u64) {
        // SAFETY: as above.
        unsafe { sys::iommu_model_riscv_mmio_write(self.raw.as_ptr(), offset, size, value) }
    }

    /// Continue with what the guest has queued; true: there is more.
    pub fn run(&self) -> bool {
        // SAFETY: as above.
        unsafe { sys::iommu_model_riscv_run(self.raw.as_ptr()) }
    }

    /// Translate a request.
    pub fn translate(&self, request: &Request) -> core::result::Result<Translation, Fault> {
        let (r, mut t) = (request.raw(), empty_translation());
        // SAFETY: as above.
        let status = unsafe { sys::iommu_model_riscv_translate(self.raw.as_ptr(), &r, &mut t) };
        result_of(status, &t)
    }

    /// What [`Riscv::translate`] would say, without side effects: no fault is recorded, no bit of a table set, nothing
    /// cached.
    pub fn peek(&self, request: &Request) -> core::result::Result<Translation, Fault> {
        let (r, mut t) = (request.raw(), empty_translation());
        // SAFETY: as above.
        let status = unsafe { sys::iommu_model_riscv_peek(self.raw.as_ptr(), &r, &mut t) };
        result_of(status, &t)
    }

    /// A device stores 4 bytes that may be a message.
    pub fn message(&self, request: &Request, data: u32) -> core::result::Result<Message, Fault> {
        let r = request.raw();
        // SAFETY: a structure of numbers.
        let mut m: sys::iommu_model_riscv_message = unsafe { core::mem::zeroed() };
        // SAFETY: as above.
        let status = unsafe { sys::iommu_model_riscv_interrupt(self.raw.as_ptr(), &r, data, &mut m) };
        let to = result_of(status, &m.where_)?;
        Ok(Message { to, due: m.is_due.then_some((m.address, m.data)) })
    }

    /// Put a page request into the driver's queue. [`Error::NO_SPACE`] and [`Error::FAULT`]: it could not be; the unit
    /// has answered the last request of a group itself.
    pub fn page_request(&self, request: &PageRequest) -> Result<()> {
        // SAFETY: a structure of numbers.
        let mut r: sys::iommu_model_riscv_page_message = unsafe { core::mem::zeroed() };
        r.device_id = request.device_id;
        r.has_process = request.process_id.is_some();
        r.process_id = request.process_id.unwrap_or(0);
        r.privileged = request.privileged;
        r.execute = request.execute;
        r.address = request.address;
        r.access = request.access.map_or(0, |access| access.0);
        r.group = request.group;
        r.is_last = request.is_last;
        // SAFETY: as above.
        Error::check(unsafe { sys::iommu_model_riscv_page_request(self.raw.as_ptr(), &r) })
    }

    /// What a device reaches in [first, last], whole pages, in ascending order, as an unprivileged request is translated
    /// by the tables in memory. A hostile guest can map all of its address space with one table: the walk ends with
    /// [`Failure::TooMuch`] when it has looked at so many blocks, mapped or not.
    pub fn mappings(
        &self,
        device_id: u32,
        process_id: Option<u32>,
        (first, last): (u64, u64),
        blocks: u64,
    ) -> core::result::Result<Vec<Mapping>, Failure> {
        const AT_ONCE: usize = 64;
        let mut found = Vec::new();
        // SAFETY: structures of numbers.
        let (mut state, mut some): (sys::iommu_model_riscv_walk_state, [sys::iommu_model_riscv_mapping; AT_ONCE]) =
            unsafe { (core::mem::zeroed(), core::mem::zeroed()) };
        state.device_id = device_id;
        state.has_process = process_id.is_some();
        state.process_id = process_id.unwrap_or(0);
        state.next = first;
        state.last = last;
        while !state.is_done {
            let mut count = AT_ONCE as _;
            // SAFETY: as above; the array has room for as many.
            let status =
                unsafe { sys::iommu_model_riscv_walk(self.raw.as_ptr(), &mut state, some.as_mut_ptr(), &mut count) };
            match Error::check(status) {
                Ok(()) => (),
                Err(Error::FAULT) => return Err(Failure::Blocked { cause: state.cause }),
                Err(error) => return Err(Failure::Refused(error)),
            }
            found.extend(some[..count as usize].iter().map(|m| Mapping {
                iova: m.iova,
                address: m.paddr,
                size: m.size,
                prot: Prot(m.prot),
                is_message: m.is_message,
            }));
            if state.looked_at > blocks {
                return Err(Failure::TooMuch);
            }
        }
        Ok(found)
    }

    /// The guest-visible state, for migration and snapshots.
    pub fn save(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let room = bytes.len();
            // SAFETY: as above; nothing is written beyond the room, and nothing at all if it is too small.
            let size = unsafe { sys::iommu_model_riscv_save(self.raw.as_ptr(), bytes.as_mut_ptr().cast(), room as _) };
            let size = size as usize;
            bytes.resize(size, 0);
            if size <= room {
                return bytes;
            }
        }
    }

    /// Continue from such a state, which is not trusted; no request is in progress. [`Error::INVALID`]: it is none of a
    /// unit with this configuration, and nothing has changed.
    pub fn restore(&mut self, state: &[u8]) -> Result<()> {
        // SAFETY: as above, and exclusively.
        Error::check(unsafe {
            sys::iommu_model_riscv_restore(self.raw.as_ptr(), state.as_ptr().cast(), state.len() as _)
        })
    }
}

/// Why [`Riscv::mappings`] has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The device's requests are blocked: nothing is mapped.
    Blocked {
        /// CAUSE of the specification.
        cause: u32,
    },
    /// More blocks than the caller wants to look at.
    TooMuch,
    /// The range is empty, or not of whole pages.
    Refused(Error),
}

impl Drop for Riscv {
    fn drop(&mut self) {
        // SAFETY: nothing else has the unit any more.
        unsafe { sys::iommu_model_riscv_destroy(self.raw.as_ptr()) }
    }
}
