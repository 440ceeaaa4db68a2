//! UBL, CII and the fapiao's XML: the rules over every invoice that was read, and the same file as people read it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(invoice) = formats::read::read_xml(bytes) {
        let _ = formats::rules::check(&invoice);
    }
    let _ = formats::view::read(bytes);
});
