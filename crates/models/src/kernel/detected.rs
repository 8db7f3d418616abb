//! The kernels that need instructions which not every x86-64 machine has, behind the question whether this one has them.
//!
//! **Why unsafe:** a function that is compiled for certain instructions may be called only where they exist, and the
//! compiler cannot know that of a machine that it does not run on. Nothing else here is unsafe: the bodies are safe
//! code without pointers, and the functions that call them are private, so that [`kernels`] alone hands them out.
//!
//! **Invariant:** a kernel leaves this file only after `is_x86_feature_detected!` said yes to each of its features.
#![allow(unsafe_code)]

use super::{Kernel, distances_body, dot_body, dots_body};

/// The kernels that this machine can run besides the base one, the slowest first.
pub(super) fn kernels() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        kernels.push(Kernel { name: "avx2", distances: distances_avx2, dot: dot_avx2, dots: dots_avx2 });
    }
    let has_512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("popcnt");
    if has_512 {
        kernels.push(Kernel { name: "avx512", distances: distances_avx512, dot: dot_avx512, dots: dots_avx512 });
    }
    kernels
}

fn distances_avx2(query: &[u64], rows: &[u8], distances: &mut [u16]) {
    // SAFETY: handed out by `kernels` only, after avx2 and popcnt were found.
    unsafe { inside::distances_avx2(query, rows, distances) }
}

fn dot_avx2(query: &[i8], code: &[u8]) -> i32 {
    // SAFETY: handed out by `kernels` only, after avx2 was found.
    unsafe { inside::dot_avx2(query, code) }
}

fn dots_avx2(queries: &[i16], code: &[u8], sums: &mut [i32]) {
    // SAFETY: handed out by `kernels` only, after avx2 was found.
    unsafe { inside::dots_avx2(queries, code, sums) }
}

fn distances_avx512(query: &[u64], rows: &[u8], distances: &mut [u16]) {
    // SAFETY: handed out by `kernels` only, after every feature that is named there was found.
    unsafe { inside::distances_avx512(query, rows, distances) }
}

fn dot_avx512(query: &[i8], code: &[u8]) -> i32 {
    // SAFETY: handed out by `kernels` only, after every feature that is named there was found.
    unsafe { inside::dot_avx512(query, code) }
}

fn dots_avx512(queries: &[i16], code: &[u8], sums: &mut [i32]) {
    // SAFETY: handed out by `kernels` only, after every feature that is named there was found.
    unsafe { inside::dots_avx512(queries, code, sums) }
}

/// The bodies again, each compiled for more than the base.
mod inside {
    use super::{distances_body, dot_body, dots_body};

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn distances_avx2(query: &[u64], rows: &[u8], distances: &mut [u16]) {
        distances_body(query, rows, distances);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn dot_avx2(query: &[i8], code: &[u8]) -> i32 {
        dot_body(query, code)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn dots_avx2(queries: &[i16], code: &[u8], sums: &mut [i32]) {
        dots_body(queries, code, sums);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq,popcnt")]
    pub(super) fn distances_avx512(query: &[u64], rows: &[u8], distances: &mut [u16]) {
        distances_body(query, rows, distances);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub(super) fn dot_avx512(query: &[i8], code: &[u8]) -> i32 {
        dot_body(query, code)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub(super) fn dots_avx512(queries: &[i16], code: &[u8], sums: &mut [i32]) {
        dots_body(queries, code, sums);
    }
}
