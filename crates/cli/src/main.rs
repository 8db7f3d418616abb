//! The binary `jay`.
fn main() {}
