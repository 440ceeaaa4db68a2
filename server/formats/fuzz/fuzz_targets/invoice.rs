//! UBL, CII and the fapiao's XML, and the rules over whatever they read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(invoice) = formats::read::read_xml(bytes) {
        let _ = formats::rules::check(&invoice);
    }
});
