//! `invite_codes` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| jay_fuzz::run("invite_codes", input));
