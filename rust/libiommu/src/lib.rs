// SPDX-License-Identifier: BSD-2-Clause
//! libiommu in Rust: page tables of VT-d, of x86-64 processors and of POWER ([`pgtable`]), device addresses ([`iova`]),
//! and the VT-d unit that an emulator shows to a guest ([`model`]).
//!
//! What the library asks of its host is the trait [`Pages`]. Everything that is not wrapped here is in `libiommu_sys`.
#![no_std]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

extern crate alloc;

mod error;
pub mod iova;
pub mod model;
pub mod pgtable;
mod platform;

pub use error::{Error, Result};
pub use platform::{Pages, Platform, PAGE_SIZE};

/// Permissions of a mapping, or of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prot(pub(crate) u32);

impl Prot {
    /// The device may read memory.
    pub const READ: Prot = Prot(libiommu_sys::IOMMU_PROT_READ as u32);
    /// The device may write memory.
    pub const WRITE: Prot = Prot(libiommu_sys::IOMMU_PROT_WRITE as u32);
    /// Both.
    pub const READ_WRITE: Prot = Prot(Self::READ.0 | Self::WRITE.0);

    /// Whether the device may read.
    pub fn reads(self) -> bool {
        self.0 & Self::READ.0 != 0
    }

    /// Whether the device may write.
    pub fn writes(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }
}
