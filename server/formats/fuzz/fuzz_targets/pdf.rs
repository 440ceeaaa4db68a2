//! Hybrid PDF files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = formats::limits::Limits { file_bytes: 1 << 20, total_bytes: 1 << 22, files: 50, objects: 10_000 };
    let _ = formats::pdf::embedded_invoice(bytes, &limits);
});
