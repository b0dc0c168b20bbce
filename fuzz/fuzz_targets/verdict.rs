//! Fuzz target; what it does and asserts stands in `classify::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| classify::fuzz::verdict(data));
