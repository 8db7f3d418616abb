//! `carried_contents` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| jay_fuzz::run("carried_contents", input));
