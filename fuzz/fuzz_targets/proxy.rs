//! Fuzz target; what it does and asserts stands in `wire::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::proxy(data));
