#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mldeck_fuzz::run(mldeck_fuzz::asked::Protocol::Json, data));
