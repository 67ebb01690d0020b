#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mldeck_fuzz::read("plan", data));
