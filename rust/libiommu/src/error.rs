// SPDX-License-Identifier: BSD-2-Clause
//! Statuses of the library as a type.
use core::fmt;

/// Why a call had no effect: a status of `status.h`, never 0. The header of the function says what each means there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(i32);

/// A result of the library.
pub type Result<T> = core::result::Result<T, Error>;

macro_rules! statuses {
    ($($name:ident = $status:ident: $meaning:literal;)*) => {
        impl Error {
            $(#[doc = $meaning] pub const $name: Error = Error(libiommu_sys::$status as i32);)*
        }
    };
}

statuses! {
    PERMISSION = IOMMU_EPERM: "The platform or firmware forbids it.";
    NOT_FOUND = IOMMU_ENOENT: "Nothing is there.";
    NO_MEMORY = IOMMU_ENOMEM: "The host, or a budget that it set, has no memory left.";
    FAULT = IOMMU_EFAULT: "An address cannot be reached.";
    BUSY = IOMMU_EBUSY: "In use.";
    EXISTS = IOMMU_EEXIST: "Already there.";
    INVALID = IOMMU_EINVAL: "An argument is wrong, or two do not fit each other.";
    NO_SPACE = IOMMU_ENOSPC: "An id space or a table of fixed size is full.";
    RANGE = IOMMU_ERANGE: "Beyond the aperture, or wider than the hardware can address.";
    OVERFLOW = IOMMU_EOVERFLOW: "A range wraps around the end of the 64-bit space.";
    NOT_SUPPORTED = IOMMU_EOPNOTSUPP: "This hardware or this format cannot do that.";
}

impl Error {
    /// The number that the library returned.
    pub fn status(self) -> i32 {
        self.0
    }

    /// 0 as success.
    pub(crate) fn check(status: i32) -> Result<()> {
        if status == 0 {
            Ok(())
        } else {
            Err(Error(status))
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the function takes any number, and returns a static string that is never NULL.
        let mut text = unsafe { libiommu_sys::iommu_strerror(self.0) }.cast::<u8>();
        loop {
            // SAFETY: the string ends with a zero, at which the loop ends.
            let byte = unsafe { *text };
            if byte == 0 {
                return Ok(());
            }
            fmt::Write::write_char(formatter, byte as char)?;
            // SAFETY: as above: the zero is not reached yet.
            text = unsafe { text.add(1) };
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}
