// SPDX-License-Identifier: BSD-2-Clause
//! The functions and structures of libiommu's headers, as bindgen writes them. The headers are the manual:
//! units, ranges, ownership, contexts and every error stand there. Inline functions of headers have no binding.
#![no_std]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, deref_nullptr)]

/// The types of C that bindgen names.
pub mod ctypes {
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    pub type c_char = i8;
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
    pub type c_char = u8;
    pub type c_schar = i8;
    pub type c_uchar = u8;
    pub type c_short = i16;
    pub type c_ushort = u16;
    pub type c_int = i32;
    pub type c_uint = u32;
    pub type c_long = isize;
    pub type c_ulong = usize;
    pub type c_longlong = i64;
    pub type c_ulonglong = u64;
    pub use core::ffi::c_void;
}

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
