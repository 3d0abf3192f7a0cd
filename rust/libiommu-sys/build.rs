// SPDX-License-Identifier: BSD-2-Clause
//! Runs bindgen, the program, over the headers that pkg-config finds (PKG_CONFIG_PATH), and links the archive.
use std::env;
use std::process::Command;

fn output(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text").trim().to_owned()
}

fn main() {
    let include = output("pkg-config", &["--variable=includedir", "libiommu"]);
    let library = output("pkg-config", &["--variable=libdir", "libiommu"]);
    let bindings = format!("{}/bindings.rs", env::var("OUT_DIR").expect("set by cargo"));
    output("sh", &["generate", &include, &bindings]);
    println!("cargo:rustc-link-search=native={library}");
    println!("cargo:rustc-link-lib=static=iommu");
    println!("cargo:rerun-if-changed=generate");
    println!("cargo:rerun-if-changed=headers.h");
    println!("cargo:rerun-if-changed={include}/libiommu");
}
