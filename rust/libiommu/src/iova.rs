// SPDX-License-Identifier: BSD-2-Clause
//! Device addresses (`iova.h`): a space of granules, from which ranges are allocated in logarithmic time.
use crate::{Error, Platform, Result};
use core::ptr;
use libiommu_sys as sys;

/// A space of device addresses. It has a lock of its own: shared references allocate and free, on any thread.
pub struct IovaSpace {
    raw: ptr::NonNull<sys::iommu_iova_space>,
    _platform: Platform,
}

// SAFETY: "each space has one spinlock, taken by every function except create and destroy".
unsafe impl Send for IovaSpace {}
// SAFETY: as above.
unsafe impl Sync for IovaSpace {}

/// What to allocate, in granules. [`Request::of`] is a range anywhere.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The size of the range.
    pub size: u64,
    /// The first granule is a multiple of it: a power of two, or 0.
    pub alignment: u64,
    /// The range crosses no multiple of it: a power of two, or 0.
    pub boundary: u64,
    /// The first granule that may be used.
    pub lowest: u64,
    /// The last one.
    pub limit: u64,
    /// The lowest place instead of the highest.
    pub bottom_up: bool,
}

impl Request {
    /// A range of `size` granules anywhere in the space.
    pub fn of(size: u64) -> Self {
        Request { size, alignment: 0, boundary: 0, lowest: 0, limit: u64::MAX, bottom_up: false }
    }
}

/// Counts of a space, in granules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Ranges, reserved ones included.
    pub ranges: u64,
    /// Granules in ranges.
    pub taken: u64,
    /// The others.
    pub free: u64,
    /// The largest range that could be allocated.
    pub largest_gap: u64,
}

impl IovaSpace {
    /// A space of the granules from `first` to `last`, each of `granule` bytes.
    pub fn new(platform: &Platform, granule: u64, first: u64, last: u64) -> Result<Self> {
        let config = sys::iommu_iova_config { platform: platform.as_ptr(), granule, first, last, flags: 0 };
        let mut raw = ptr::null_mut();
        // SAFETY: the platform lives as long as the space, which keeps it.
        Error::check(unsafe { sys::iommu_iova_space_create(&config, &mut raw) })?;
        let raw = ptr::NonNull::new(raw).expect("a space after success");
        Ok(IovaSpace { raw, _platform: platform.clone() })
    }

    /// Allocate a range.
    pub fn alloc(&self, request: &Request) -> Result<Range<'_>> {
        let request = sys::iommu_iova_request {
            size: request.size,
            alignment: request.alignment,
            boundary: request.boundary,
            lowest: request.lowest,
            limit: request.limit,
            flags: if request.bottom_up { sys::IOMMU_IOVA_BOTTOM_UP as u32 } else { 0 },
        };
        let mut range = ptr::null_mut();
        // SAFETY: the space exists as long as self.
        Error::check(unsafe { sys::iommu_iova_alloc(self.raw.as_ptr(), &request, &mut range) })?;
        let raw = ptr::NonNull::new(range).expect("a range after success");
        Ok(Range { raw, space: self })
    }

    /// Reserve exactly the granules from `first` to `last`, for as long as the space exists.
    pub fn reserve(&self, first: u64, last: u64) -> Result<()> {
        // SAFETY: as above; the handle is not asked for.
        Error::check(unsafe { sys::iommu_iova_reserve(self.raw.as_ptr(), first, last, 0, ptr::null_mut()) })
    }

    /// Counts of the space.
    pub fn stats(&self) -> Stats {
        // SAFETY: a structure of numbers.
        let mut stats: sys::iommu_iova_stats = unsafe { core::mem::zeroed() };
        // SAFETY: as above.
        unsafe { sys::iommu_iova_get_stats(self.raw.as_ptr(), &mut stats) };
        Stats { ranges: stats.ranges, taken: stats.taken, free: stats.free, largest_gap: stats.largest_gap }
    }
}

impl Drop for IovaSpace {
    fn drop(&mut self) {
        // SAFETY: nothing else has the space any more.
        unsafe { sys::iommu_iova_space_destroy(self.raw.as_ptr()) }
    }
}

/// An allocated range of a space; dropping it frees it, so that hardware must have confirmed before that nothing of it
/// is cached.
pub struct Range<'space> {
    raw: ptr::NonNull<sys::iommu_iova_range>,
    space: &'space IovaSpace,
}

// SAFETY: the handle is owned, and read by the owner of the range alone.
unsafe impl Send for Range<'_> {}

impl Range<'_> {
    /// The first granule.
    pub fn first(&self) -> u64 {
        // SAFETY: the handle is valid until drop; `first` and `last` of a range that is allocated do not change.
        unsafe { (*self.raw.as_ptr()).first }
    }

    /// The last one.
    pub fn last(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (*self.raw.as_ptr()).last }
    }
}

impl Drop for Range<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from this space, and is freed once.
        unsafe { sys::iommu_iova_free(self.space.raw.as_ptr(), self.raw.as_ptr()) }
    }
}
