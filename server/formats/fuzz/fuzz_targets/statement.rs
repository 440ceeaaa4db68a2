//! Files that a bank sends: statements and reports on payments.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(statements) = formats::camt::parse(bytes) {
        let _ = statements.iter().filter_map(formats::camt::Statement::fault).count();
    }
    let _ = formats::pain002::parse(bytes);
});
