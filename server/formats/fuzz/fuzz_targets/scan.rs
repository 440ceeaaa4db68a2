//! The pass before a tree is built, beside the builder. It counts every document that the builder takes as the builder does, or
//! refuses it for its cost.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let passed = formats::scan::check(text, 300_000);
    if let (Ok(count), Ok(tree)) = (passed, roxmltree::Document::parse(text)) {
        assert_eq!(count.nodes, tree.descendants().count());
    }
});
