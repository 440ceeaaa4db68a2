//! Tables of invoices and payables.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = formats::csv::read(bytes);
});
