// SPDX-License-Identifier: BSD-2-Clause
//! libiommu in Rust: page tables of VT-d, of x86-64 and RISC-V processors and of POWER ([`pgtable`]), device addresses
//! ([`iova`]), and the units that an emulator shows to a guest: VT-d's ([`model`]) and RISC-V's ([`model_riscv`]).
//!
//! What the library asks of its host is the trait [`Pages`]. Everything that is not wrapped here is in `libiommu_sys`.
#![no_std]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

extern crate alloc;

mod error;
pub mod iova;
pub mod model;
pub mod model_riscv;
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
    /// Not for execution, where the format and its flags can say so.
    pub const NO_EXEC: Prot = Prot(libiommu_sys::IOMMU_PROT_NO_EXEC as u32);
    /// Registers of another device, not memory.
    pub const MMIO: Prot = Prot(libiommu_sys::IOMMU_PROT_MMIO as u32);
    /// For a supervisor's requests alone.
    pub const PRIVILEGED: Prot = Prot(libiommu_sys::IOMMU_PROT_PRIVILEGED as u32);

    /// Whether the device may read.
    pub fn reads(self) -> bool {
        self.0 & Self::READ.0 != 0
    }

    /// Whether the device may write.
    pub fn writes(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }

    /// Whether all of the other's are among these.
    pub fn has(self, other: Prot) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for Prot {
    type Output = Prot;
    fn bitor(self, other: Prot) -> Prot {
        Prot(self.0 | other.0)
    }
}

/// Runs what the library has called back. A panic there ends the program: C has no frames that it could unwind.
pub(crate) fn called_back<T>(body: impl FnOnce() -> T) -> T {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            panic!("a panic in a callback of the library"); // the second one: it aborts
        }
    }
    let end = End;
    let result = body();
    core::mem::forget(end);
    result
}
