// SPDX-License-Identifier: BSD-2-Clause
//! The VT-d unit that an emulator shows to its guest (`model_vtd.h`): register accesses go in, and requests of the
//! guest's devices come out translated.
use crate::{called_back, Error, Platform, Prot, Result};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr;
use libiommu_sys as sys;

/// What the unit needs of its emulator. Methods are called on any thread, several at once; none may call the unit.
pub trait Guest: Send + Sync {
    /// Read guest physical memory: 4, 8 or 16 bytes, aligned; false: there is no memory. 8 bytes atomically.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;
    /// Write guest physical memory, likewise.
    fn write(&self, address: u64, bytes: &[u8]) -> bool;
    /// Deliver a message of the unit itself: a fault, or the end of a wait.
    fn interrupt(&self, address: u64, data: u32);
    /// The guest invalidates: what the emulator has stored of translations is stale.
    fn invalidate(&self) {}
}

/// The shape of a unit: one in legacy mode, with a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// Addresses of devices, in bits: 0 for 48.
    pub address_width: u32,
    /// Caching mode: the guest also reports new mappings.
    pub caching_mode: bool,
    /// Interrupts can be remapped.
    pub interrupt_remapping: bool,
}

/// A request of a guest's device.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Bus, device and function.
    pub source_id: u16,
    /// The address.
    pub address: u64,
    /// What it does there.
    pub access: Prot,
}

/// Where a request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The guest physical address.
    pub address: u64,
    /// What the device may do there.
    pub prot: Prot,
    /// The size of the block around it that is translated alike.
    pub size: u64,
    /// No memory: a message of an interrupt.
    pub is_interrupt: bool,
}

/// A unit over a guest.
pub struct Vtd {
    raw: ptr::NonNull<sys::iommu_model_vtd>,
    _guest: Box<Box<dyn Guest>>,
    _platform: Platform,
}

// SAFETY: "every function but create and destroy may be called from any thread".
unsafe impl Send for Vtd {}
// SAFETY: as above.
unsafe impl Sync for Vtd {}

unsafe fn guest_of<'a>(ctx: *mut c_void) -> &'a dyn Guest {
    // SAFETY: Vtd::new put its boxed guest there, which lives as long as the unit.
    unsafe { &**ctx.cast::<Box<dyn Guest>>() }
}

unsafe extern "C" fn read(ctx: *mut c_void, address: u64, bytes: *mut c_void, size: usize) -> bool {
    // SAFETY: the unit passes `size` bytes of its own, which are initialised before the guest sees them.
    let bytes = unsafe {
        ptr::write_bytes(bytes.cast::<u8>(), 0, size);
        core::slice::from_raw_parts_mut(bytes.cast::<u8>(), size)
    };
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.read(address, bytes))
}

unsafe extern "C" fn write(ctx: *mut c_void, address: u64, bytes: *const c_void, size: usize) -> bool {
    // SAFETY: the unit passes `size` bytes of its own.
    let bytes = unsafe { core::slice::from_raw_parts(bytes.cast::<u8>(), size) };
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.write(address, bytes))
}

unsafe extern "C" fn interrupt(ctx: *mut c_void, address: u64, data: u32) {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.interrupt(address, data))
}

unsafe extern "C" fn invalidate(ctx: *mut c_void, _what: *const sys::iommu_model_invalidation) -> bool {
    // SAFETY: as guest_of says.
    let guest = unsafe { guest_of(ctx) };
    called_back(|| guest.invalidate());
    true
}

impl Vtd {
    /// A unit in its reset state.
    pub fn new(platform: &Platform, config: &Config, guest: impl Guest + 'static) -> Result<Self> {
        let guest: Box<Box<dyn Guest>> = Box::new(Box::new(guest));
        // SAFETY: numbers, pointers and optional functions, for which zero is the default.
        let mut c: sys::iommu_model_vtd_config = unsafe { core::mem::zeroed() };
        c.platform = platform.as_ptr();
        c.host.ctx = (&*guest as *const Box<dyn Guest>) as *mut c_void;
        c.host.read = Some(read);
        c.host.write = Some(write);
        c.host.interrupt = Some(interrupt);
        c.host.invalidate = Some(invalidate);
        c.address_width = config.address_width;
        for (wanted, flag) in [
            (config.caching_mode, sys::IOMMU_MODEL_VTD_CACHING_MODE),
            (config.interrupt_remapping, sys::IOMMU_MODEL_VTD_INTERRUPT_REMAPPING),
        ] {
            c.flags |= if wanted { flag as u32 } else { 0 };
        }
        let mut raw = ptr::null_mut();
        // SAFETY: guest and platform live as long as the unit, which keeps both.
        Error::check(unsafe { sys::iommu_model_vtd_create(&c, &mut raw) })?;
        let raw = ptr::NonNull::new(raw).expect("a unit after success");
        Ok(Vtd { raw, _guest: guest, _platform: platform.clone() })
    }

    /// The size of the registers' window.
    pub fn register_space(&self) -> u64 {
        // SAFETY: the unit exists as long as self.
        unsafe { sys::iommu_model_vtd_register_space(self.raw.as_ptr()) }
    }

    /// The guest reads a register of 4 or 8 bytes.
    pub fn mmio_read(&self, offset: u64, size: u32) -> u64 {
        // SAFETY: as above; any offset and size is answered.
        unsafe { sys::iommu_model_vtd_mmio_read(self.raw.as_ptr(), offset, size) }
    }

    /// The guest writes one.
    pub fn mmio_write(&self, offset: u64, size: u32, value: u64) {
        // SAFETY: as above.
        unsafe { sys::iommu_model_vtd_mmio_write(self.raw.as_ptr(), offset, size, value) }
    }

    /// Translate a request; `Err` has the fault reason, and the fault is recorded for the guest.
    pub fn translate(&self, request: &Request) -> core::result::Result<Translation, u32> {
        // SAFETY: structures of numbers.
        let (mut r, mut t): (sys::iommu_model_request, sys::iommu_model_translation) =
            unsafe { (core::mem::zeroed(), core::mem::zeroed()) };
        r.source_id = request.source_id;
        r.address = request.address;
        r.access = request.access.0;
        // SAFETY: as above.
        let status = unsafe { sys::iommu_model_vtd_translate(self.raw.as_ptr(), &r, &mut t) };
        if status != 0 {
            return Err(t.reason);
        }
        Ok(Translation { address: t.paddr, prot: Prot(t.prot), size: t.size, is_interrupt: t.is_interrupt })
    }
}

impl Drop for Vtd {
    fn drop(&mut self) {
        // SAFETY: nothing else has the unit any more.
        unsafe { sys::iommu_model_vtd_destroy(self.raw.as_ptr()) }
    }
}
