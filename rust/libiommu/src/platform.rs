// SPDX-License-Identifier: BSD-2-Clause
//! What the library asks of its host.
use crate::called_back;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use libiommu_sys as sys;

/// The unit of [`Pages`], in bytes.
pub const PAGE_SIZE: usize = 4096;

/// Pages, and the physical addresses that hardware finds them at.
///
/// # Safety
///
/// `alloc` returns memory that nothing else uses until `free` gets it back: 2^order pages, zeroed, physically contiguous,
/// and aligned to their own size. `phys_to_virt` is the inverse of `virt_to_phys` for all of it.
pub unsafe trait Pages: Send + Sync {
    /// Allocate 2^order pages, or `None`: every caller in the library handles that.
    fn alloc(&self, order: u32) -> Option<NonNull<u8>>;
    /// Free a block of `alloc`, with its order.
    ///
    /// # Safety
    ///
    /// The block came from `alloc`, with this order, and nothing uses it.
    unsafe fn free(&self, pages: NonNull<u8>, order: u32);
    /// Where hardware finds an address of a block.
    fn virt_to_phys(&self, virt: *const u8) -> u64 {
        virt as u64
    }
    /// Where the processor finds a physical address of a block.
    fn phys_to_virt(&self, phys: u64) -> *mut u8 {
        phys as *mut u8
    }
}

struct Inner {
    table: sys::iommu_platform,
    pages: Box<dyn Pages>,
}

/// A host's services as the library takes them; objects that are made with it share it.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

// SAFETY: the table is not changed once it is made, and Pages are Send and Sync.
unsafe impl Send for Platform {}
// SAFETY: as above.
unsafe impl Sync for Platform {}

/// The context of the callbacks: the host's pages.
unsafe fn pages_of<'a>(ctx: *mut c_void) -> &'a dyn Pages {
    // SAFETY: Platform::new put the address of its boxed pages there, and objects of the library keep the platform.
    unsafe { &**ctx.cast::<Box<dyn Pages>>() }
}

unsafe extern "C" fn alloc_pages(ctx: *mut c_void, order: u32, _node: i32, _flags: u32) -> *mut c_void {
    // SAFETY: as pages_of says.
    let pages = unsafe { pages_of(ctx) };
    called_back(|| pages.alloc(order)).map_or(ptr::null_mut(), |block| block.as_ptr().cast())
}

unsafe extern "C" fn free_pages(ctx: *mut c_void, pages: *mut c_void, order: u32) {
    if let Some(pages) = NonNull::new(pages.cast::<u8>()) {
        // SAFETY: the library frees what it allocated, with its order, when it no longer uses it.
        called_back(|| unsafe { pages_of(ctx).free(pages, order) })
    }
}

unsafe extern "C" fn phys_to_virt(ctx: *mut c_void, phys: u64) -> *mut c_void {
    // SAFETY: as pages_of says.
    let pages = unsafe { pages_of(ctx) };
    called_back(|| pages.phys_to_virt(phys)).cast()
}

unsafe extern "C" fn virt_to_phys(ctx: *mut c_void, virt: *const c_void) -> u64 {
    // SAFETY: as pages_of says.
    let pages = unsafe { pages_of(ctx) };
    called_back(|| pages.virt_to_phys(virt.cast()))
}

impl Platform {
    /// A platform over the host's pages. Its other services are the library's defaults: no log, no clock, one CPU's
    /// caches, spinning locks.
    pub fn new(pages: impl Pages + 'static) -> Self {
        let mut inner = Arc::new(Inner {
            // SAFETY: all fields are numbers and optional functions, for which zero is a value: the default.
            table: unsafe { core::mem::zeroed() },
            pages: Box::new(pages),
        });
        let ctx: *const Box<dyn Pages> = &inner.pages;
        let table = &mut Arc::get_mut(&mut inner).expect("not shared yet").table;
        table.ctx = ctx as *mut c_void;
        table.alloc_pages = Some(alloc_pages);
        table.free_pages = Some(free_pages);
        table.phys_to_virt = Some(phys_to_virt);
        table.virt_to_phys = Some(virt_to_phys);
        Platform(inner)
    }

    /// The physical address of memory that the host has given.
    pub(crate) fn virt_to_phys(&self, virt: *const u8) -> u64 {
        self.0.pages.virt_to_phys(virt)
    }

    /// As the library's calls take it; valid as long as the platform.
    pub fn as_ptr(&self) -> *const sys::iommu_platform {
        &self.0.table
    }
}
